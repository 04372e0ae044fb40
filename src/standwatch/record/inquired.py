"""What was asked about one action, of whom, and what everybody said, put together again from the record alone."""

from collections.abc import Iterator
from typing import Any

import msgspec

from standwatch.facts.entries import Answered, AnyEntry, Asked, AskedMany, Endorsed, Intent, Unmasked
from standwatch.record import endorsements, questions
from standwatch.record.explanation import Inquiry, Voice
from standwatch.record.judged import part_of, told
from standwatch.record.questions import Question
from standwatch.record.replay import answer_verifies, endorsement_verifies
from standwatch.record.source import Source
from standwatch.record.state import State
from standwatch.record.veils import opens

Own = dict[int, AnyEntry]
"""An action's entries by index, ascending."""


def inquiry(
    source: Source, own: Own, index: int, asked: AnyEntry | None, problems: list[str]
) -> Inquiry | None:
    """What was asked in entry `index` and what became of it; None where `asked` is no question.

    `own` are the entries of the action, by index; what does not fit together is added to `problems`.
    """
    if not isinstance(asked, Asked):
        return None
    state, decided = _question(source, own, index, asked)
    question = Inquiry(
        index=index,
        at=asked.at,
        until=asked.until,
        of=questions.people(asked, source.state_before(index)),
        quorum=questions.quorum(asked),
        ordered=isinstance(asked, AskedMany) and asked.ordered,
        voices=tuple(_voices(source, own, decided, state, problems)),
        endorsed=decided.endorsed,
        **_opened(own, index, asked, problems),
    )
    place, answer = decided.answer_index, decided.answer
    if answer is None:
        return question
    return msgspec.structs.replace(
        question,
        answered=place,
        answered_at=answer.at,
        by=answer.by,
        decision=answer.decision,
        good_until=decided.until,
        key=answer.key,
        signed=all(one.signed for one in question.voices if one.counts),
        head=answer.head,
        reason=told(part_of(source, place, answer, "reason", problems)),
    )


def _opened(own: Own, index: int, asked: Asked, problems: list[str]) -> dict[str, Any]:
    """What the question was, as far as its flag was opened."""
    flag = questions.flag(asked)
    for place, one in own.items():
        if isinstance(one, Unmasked) and one.of == index:
            if not opens(one, flag):
                problems.append(f"entry {place} does not open the flag of question {index}")
            return {"was": "decoy" if one.decoy else "real", "opened": place}
    return {"was": "sealed" if flag else ""}


def _question(source: Source, own: Own, index: int, asked: Asked) -> tuple[State, Question]:
    """The question as it was when it was used, or as it is at the end; one long over is put together again."""
    used = next((place for place, one in own.items() if isinstance(one, Intent) and one.signed >= 0), -1)
    state = source.state_before(used if used >= 0 else source.span[1])
    known = state.questions.get(asked.id)
    if known is not None and known.index == index:
        return state, known
    found = Question(index, asked)
    for place, one in own.items():
        if isinstance(one, Answered) and one.of == index:
            found = questions.answered(found, place, one)
    if found.open:
        said = ((place, one) for place, one in own.items() if isinstance(one, Endorsed) and one.of == index)
        found = msgspec.structs.replace(found, endorsed=endorsements.reached(asked, said))
    return state, found


def _voices(
    source: Source, own: Own, decided: Question, state: State, problems: list[str]
) -> Iterator[Voice]:
    """Everything that was said to the question, each with whether it is signed and whether it still counts."""
    vouched = {
        place
        for one in state.endorsed.get(decided.entry.run, ())
        for place, _ in (one.votes if one.of == decided.index else ())
    }
    counting = {place for place, _ in decided.answers} | vouched
    for place, one in own.items():
        if not isinstance(one, Answered | Endorsed) or one.of != decided.index:
            continue
        then = source.state_before(place)
        if isinstance(one, Answered):
            said, argument, signed = one.decision, "", answer_verifies(one, then, then.origin)
        else:
            said, argument, signed = "endorse", one.name, endorsement_verifies(one, then, then.origin)
        if not signed:
            problems.append(f"the answer of {one.by} (entry {place}) is not signed with a key of theirs")
        yield Voice(
            index=place,
            at=one.at,
            by=one.by,
            decision=said,
            until=one.until,
            key=one.key,
            signed=signed,
            counts=place in counting,
            argument=argument,
        )
