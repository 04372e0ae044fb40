"""A question and its answers: several people, in an order or in none, and when that is enough.

One refusal ends a question, also one that came after the deciding approval and before anything left. An approval
stands when `quorum` people have approved who still may; whoever is dismissed, or whose key or passkey has ended, has
lost the vote, and it does not come back with them.
"""

from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyAnswered,
    AnyAsked,
    Asked,
    AskedMany,
    Declared,
    DeclaredRules,
    Endorsed,
    Rule,
)
from standwatch.facts.parts import approval_bytes
from standwatch.record import passkeys, vigilance

if TYPE_CHECKING:
    from standwatch.record.state import State

MOST_PEOPLE: Final = 64
"""People whom one question may name."""


class Question(msgspec.Struct, frozen=True):
    """An open or answered question: its entry's index and what it said; `answer` is the one that decided."""

    index: int
    entry: AnyAsked
    answer: AnyAnswered | None = None
    answer_index: int = -1
    used: bool = False
    endorsed: int = -1
    """Index of the entry by which enough people vouched for a value of it instead (`record.endorsements`)."""
    answers: tuple[tuple[int, AnyAnswered], ...] = ()
    """The answers that count, with their indices: those of people who lost their vote are not among them."""
    lost: tuple[str, ...] = ()
    """What approvals said that were lost (`said`): whoever reads the record has their signatures to bring again."""

    @property
    def open(self) -> bool:
        """Whether it still waits for people, as far as they can be late."""
        return self.answer is None and self.endorsed < 0

    @property
    def until(self) -> int:
        """When it ends: while undecided its own end, then the first end of an answer that it rests on."""
        if self.answer is None:
            return self.entry.until
        return min((one.until for _, one in self.answers), default=self.answer.until)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who has approved, in order."""
        return tuple(one.by for _, one in self.answers if one.decision == "approve")


def quorum(asked: Asked) -> int:
    """How many people must approve."""
    return asked.quorum if isinstance(asked, AskedMany) else 1


def people(asked: Asked, state: "State") -> tuple[str, ...]:
    """Whom it was asked of: those whom it names; for `act.asked.1` whoever answers for the system in `state`."""
    if isinstance(asked, AskedMany):
        return tuple(asked.people)
    return tuple(rule_in(state, asked.system).by)


def rule(declared: Declared, tool: str = "") -> Rule:
    """How questions about `tool` are answered, by what was declared."""
    if isinstance(declared, DeclaredRules):
        found = declared.rules.get(tool) or declared.rules.get("")
        if found is not None:
            return found
    return Rule(by=declared.signers or declared.halt)


def rule_in(state: "State", system: str, tool: str = "") -> Rule:
    """The same, as `system` is declared in `state`; nobody answers for one that is not."""
    standing = state.systems.get(system)
    return rule(standing.entry, tool) if standing is not None else Rule(by=[])


def answering(state: "State", system: str, tool: str = "") -> tuple[str, ...]:
    """Who may answer questions about `tool` now, in order: named for it, not dismissed, not the owner where the owner
    never does, and nobody who approved a decoy."""
    standing = state.systems.get(system)
    if standing is None:
        return ()
    found = rule(standing.entry, tool)
    never = standing.entry.owner if "owner" in found.never else ()
    return tuple(
        one
        for one in found.by
        if one not in never and not _dismissed(state, one) and vigilance.may(state.vigilance, one)
    )


def _dismissed(state: "State", person: str) -> bool:
    principal = state.principals.get(person)
    return principal is not None and principal.revoked


def outdated(state: "State", asked: Asked) -> str:
    """How a question falls short of what is declared now; "" where it does not. It is then asked anew."""
    wanted = rule_in(state, asked.system, asked.tool)
    if quorum(asked) < wanted.quorum:
        return f"{wanted.quorum} people must approve, not {quorum(asked)}"
    if wanted.ordered and not (isinstance(asked, AskedMany) and asked.ordered):
        return "people must approve in their order"
    return ""


def flag(asked: Asked) -> str:
    """What is signed along of whether it is a decoy; "" where nothing is (`act.asked.1`)."""
    return asked.flag if isinstance(asked, AskedMany) else ""


def message(answer: Answered, asked: Asked | None, org: str) -> bytes:
    """The bytes that `answer` to question `asked` is signed over, in the log `org`."""
    return approval_bytes(
        asked=answer.of,
        by=answer.by,
        decision=answer.decision,
        digest=answer.digest,
        flag=flag(asked) if asked is not None else "",
        head=answer.head,
        org=org,
        until=answer.until,
    )


def unfit(state: "State", asked: Asked) -> str:
    """Why the sequencer may not take this question; "" where it may."""
    if not isinstance(asked, AskedMany):
        return ""
    named = set(asked.people)
    if wrong := outdated(state, asked):
        return wrong
    # INVARIANT: nobody is asked whom the manifest does not name for it, nor who is never to answer.
    allowed = answering(state, asked.system, asked.tool)
    if not named <= set(allowed):
        return "a question names somebody who may not answer it"
    if asked.ordered and [one for one in allowed if one in named] != asked.people:
        return "a question names people in another order"
    if "requester" in rule_in(state, asked.system, asked.tool).never and asked.by in asked.people:
        return "whoever asks does not answer"
    if len(named) != len(asked.people) or len(named) > MOST_PEOPLE or "" in named:
        return "a question names each person once"
    if not 1 <= asked.quorum <= len(named):
        return f"{asked.quorum} of {len(named)} people cannot answer"
    if len(asked.flag) != 64 or not set(asked.flag) <= _HEX:
        return "a question carries a commitment"
    return ""


def objection(state: "State", question: Question, answer: Answered, now: int) -> str:
    """Why `answer` cannot be taken now, whoever signed it; "" where it can. The signature is not looked at."""
    asked = question.entry
    if question.used:
        return f"question {question.index} was answered and used"
    if question.answer is not None and question.answer.decision != "approve":
        return f"question {question.index} was refused"
    if not isinstance(asked, AskedMany):
        return ""
    # INVARIANT: a vote that was lost does not come back but by its person's hand.
    if question.lost and said(answer) in question.lost:
        return f"that approval of {answer.by} was lost: they would have to sign anew, over a later checkpoint"
    if answer.digest != asked.digest:
        return f"that is not the action of question {question.index}"
    if answer.decision == "approve" and not question.open:
        return f"question {question.index} is approved already"
    if answer.decision == "approve":
        votes = [one for _, one in _live(question, now).answers]
        # INVARIANT: one key is one voice, whoever is said to hold it.
        if answer.key in [one.key for one in votes]:
            return f"{answer.by} has approved already, or somebody with the same key"
        return turn(state, asked, tuple(one.by for one in votes), answer.by)
    return "" if _named(state, asked, answer.by) else f"{answer.by} may not answer this question"


def said(answer: Answered | Endorsed) -> str:
    """What of the signed bytes one person can say in several ways. No signature tells two statements apart: of one by
    ECDSA anybody can make another (its s negated)."""
    return f"{answer.by} {answer.until} {answer.head}"


def next_ones(state: "State", question: Question, now: int) -> tuple[str, ...]:
    """Whose approval would count now; empty where it is decided."""
    asked, before = question.entry, _live(question, now).approvers
    if not question.open:
        return ()
    if not isinstance(asked, AskedMany):
        return people(asked, state)
    return tuple(one for one in asked.people if not turn(state, asked, before, one))


def spent(state: "State", question: Question, now: int) -> bool:
    """Whether people are asked anew: too few are left who could approve, the manifest wants more of them now, or they
    vouched for a value instead and something else is asked."""
    return question.endorsed >= 0 or bool(outdated(state, question.entry)) or hopeless(state, question, now)


def hopeless(state: "State", question: Question, now: int) -> bool:
    """Whether too few people are left who could still approve an open question."""
    asked, before = question.entry, _live(question, now).approvers
    if not question.open or not isinstance(asked, AskedMany):
        return False
    may = [one for one in asked.people if one not in before and _named(state, asked, one)]
    if asked.ordered and before:
        may = [one for one in may if asked.people.index(one) > asked.people.index(before[-1])]
    return len(before) + len(may) < asked.quorum


def turn(state: "State", asked: AskedMany, before: tuple[str, ...], person: str) -> str:
    """Why `person` cannot approve, or vouch, after those `before`; "" where they can."""
    if not _named(state, asked, person):
        return f"{person} may not answer this question"
    if person in before:
        return f"{person} has approved already"
    return _out_of_turn(asked, before, person)


def _named(state: "State", asked: AskedMany, person: str) -> bool:
    return person in asked.people and state.may_answer(person, asked.system, asked.tool)


def _out_of_turn(asked: AskedMany, before: tuple[str, ...], person: str) -> str:
    """In an order: after whoever approved last, and so that enough people come after."""
    if not asked.ordered:
        return ""
    place = asked.people.index(person)
    if before and place < asked.people.index(before[-1]):
        return f"{person} comes before {before[-1]}, who has approved already"
    wanted = asked.quorum - len(before) - 1
    if len(asked.people) - 1 - place < wanted:
        return f"{person} comes too late in the order: {wanted} more must approve after"
    return ""


def answered(question: Question, index: int, answer: AnyAnswered) -> Question:
    """`question` after `answer`, which nothing speaks against."""
    if answer.decision != "approve":
        return msgspec.structs.replace(
            question, answer=answer, answer_index=index, answers=((index, answer),)
        )
    live = _live(question, answer.at)
    votes = (*live.answers, (index, answer))
    if len(votes) < quorum(question.entry):
        return msgspec.structs.replace(question, answers=votes)
    return msgspec.structs.replace(question, answer=answer, answer_index=index, answers=votes)


def _live(question: Question, now: int) -> Question:
    """`question` with those approvals only that have not expired at `now`, while it is undecided."""
    if question.answer is not None or all(now < one.until for _, one in question.answers):
        return question
    kept = tuple(one for one in question.answers if now < one[1].until)
    return msgspec.structs.replace(question, answers=kept)


def struck(state: "State", question: Question) -> Question:
    """`question` without the approvals of those who may not answer any more; below the quorum it is open again."""
    if question.used or not question.answers or not isinstance(question.entry, AskedMany):
        return question
    if question.answer is not None and question.answer.decision != "approve":
        return question  # a refusal stays
    kept = tuple(one for one in question.answers if not lost(state, question.entry, one[1]))
    if len(kept) == len(question.answers):
        return question
    stay = [place for place, _ in kept]
    gone = (*question.lost, *(said(one) for place, one in question.answers if place not in stay))
    if len(kept) >= question.entry.quorum:
        return msgspec.structs.replace(question, answers=kept, lost=gone)
    return msgspec.structs.replace(question, answers=kept, lost=gone, answer=None, answer_index=-1)


def lost(state: "State", asked: Asked, answer: Answered | Endorsed) -> str:
    """Why an answer that was given does not count any more; "" where it does."""
    if not state.may_answer(answer.by, asked.system, asked.tool):
        return f"{answer.by} may not approve for {asked.system} any more"
    if passkeys.is_passkey(answer.sig):
        if passkeys.ended_since(state.passkeys, answer):
            return f"the passkey with which {answer.by} approved has ended"
        return ""
    known = state.principals.get(answer.by)
    if isinstance(asked, AskedMany) and known is not None and answer.key not in known.keys:
        return f"the key with which {answer.by} approved is not theirs any more"
    return ""


def unsigned(state: "State", question: Question | None, digest: str, signed: int, now: int) -> str:
    """Why the approval at index `signed` does not release the action with `digest` now; "" where it does."""
    # INVARIANT: an approval is consumed once, by the digest it was given for, before it expires.
    if question is None or question.answer is None or question.answer_index != signed:
        return "no such approval"
    if question.used:
        return "the approval was already used"
    if question.answer.decision != "approve" or question.answer.digest != digest:
        return "the approval is not for this action"
    if problem := outdated(state, question.entry):
        return problem
    # INVARIANT: only what was opened as real is ever carried out; a decoy cannot be (`record.veils`).
    if question.entry.id in state.veiled:
        return "whether the question was real was not opened yet"
    votes = [one for _, one in question.answers] or [question.answer]
    # INVARIANT: nothing is released without a quorum of people who may still answer, each once.
    if len({one.by for one in votes}) < quorum(question.entry):
        return "too few people have approved"
    for one in votes:
        if problem := lost(state, question.entry, one):
            return problem
    return "the approval has expired" if now >= question.until else ""


_HEX: Final = frozenset("0123456789abcdef")
