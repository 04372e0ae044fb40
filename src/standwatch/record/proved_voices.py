"""Step (6) of `record.proved`: what people said to questions, with which keys, and what a question was in the end."""

from collections.abc import Iterator, Mapping

import msgspec

from standwatch.facts.entries import Answered, AnyEntry, Asked, Endorsed, Enrolled, Intent, Unmasked
from standwatch.facts.errors import Malformed, StandwatchError
from standwatch.facts.parts import value_digest
from standwatch.record import endorsements, questions, veils
from standwatch.record.assertion import Enrolled as EnrolledAs
from standwatch.record.assertion import challenge_of, parse_assertion, verify_assertion
from standwatch.record.leaf import Unknown
from standwatch.record.passkeys import is_passkey
from standwatch.record.signature import verify as verify_signature

Entries = Mapping[int, AnyEntry | Unknown]


class Step(msgspec.Struct, frozen=True):
    """One thing that was checked: `ok`, or why not."""

    name: str
    ok: bool
    text: str


def voices(entries: Entries, actions: Mapping[int, bytes], origin: str) -> Iterator[Step]:
    """Every answer, endorsement, opening and approval among `entries`. `actions`: canonical bytes by entry."""
    asked = {index: one for index, one in entries.items() if isinstance(one, Asked)}
    answers = {index: one for index, one in entries.items() if isinstance(one, Answered)}
    passkeys = {one.credential: one for one in entries.values() if isinstance(one, Enrolled)}
    for index, entry in entries.items():
        match entry:
            case Answered():
                yield _answer(index, entry, asked.get(entry.of), passkeys, origin)
            case Endorsed():
                yield _endorsed(index, entry, asked.get(entry.of), passkeys, actions, origin)
            case Unmasked():
                question = asked.get(entry.of)
                good = (
                    question is not None
                    and question.id == entry.id
                    and veils.opens(entry, questions.flag(question))
                )
                said = "a decoy: nothing was to be carried out" if entry.decoy else "a real question"
                text = f"the flag that was signed along opens: {said}"
                yield Step(
                    f"flag of entry {entry.of}",
                    good,
                    text if good else "that does not open the question's flag",
                )
            case _:
                pass
    for index, entry in entries.items():
        if isinstance(entry, Intent) and entry.signed >= 0:
            yield _approved(index, entry, asked, answers)


def _answer(
    index: int, entry: Answered, question: Asked | None, passkeys: dict[str, Enrolled], origin: str
) -> Step:
    name = f"answer of entry {index}"
    if question is None or (question.id, question.digest) != (entry.id, entry.digest):
        return Step(name, False, "it does not answer a question of this file over the same digest")
    try:
        whose = _signed(entry, questions.message(entry, question, origin), passkeys)
    except StandwatchError as error:
        return Step(name, False, f"{entry.by} did not sign it: {error}")
    return Step(name, True, f"{entry.decision} by {entry.by}, signed over the action's digest; {whose}")


def _endorsed(  # noqa: PLR0917 - one entry and what it is held against
    index: int,
    entry: Endorsed,
    question: Asked | None,
    passkeys: dict[str, Enrolled],
    actions: Mapping[int, bytes],
    origin: str,
) -> Step:
    name = f"endorsement of entry {index}"
    if question is None or (question.id, question.run) != (entry.id, entry.run):
        return Step(name, False, "it is about no question of this file")
    action = actions.get(entry.of)
    if action is not None and _value(action, entry.name) != entry.digest:
        return Step(name, False, f"it is about another value of {entry.name} than was asked about")
    try:
        whose = _signed(entry, endorsements.message(entry, questions.flag(question), origin), passkeys)
    except StandwatchError as error:
        return Step(name, False, f"{entry.by} did not sign it: {error}")
    return Step(name, True, f"{entry.name} vouched for by {entry.by}, for this run; {whose}")


def _value(action: bytes, argument: str) -> str:
    try:
        return value_digest(action, argument)
    except (msgspec.DecodeError, LookupError, TypeError, StandwatchError):
        return ""


def _signed(entry: Answered | Endorsed, message: bytes, passkeys: dict[str, Enrolled]) -> str:
    """By which right the key is the person's, as far as this file tells. Raises where the signature does not verify."""
    if not is_passkey(entry.sig):
        if not verify_signature(entry.key, message, entry.sig):
            raise Malformed("the signature is not that of the key in the entry")
        return "that the key is theirs, the configuration says"
    made = parse_assertion(entry.sig)
    told = passkeys.get(made.credential)
    if told is None or (told.person, told.key) != (entry.by, entry.key):
        raise Malformed("the enrolment of the passkey is not in this file")
    enrolled = EnrolledAs(told.credential, told.key, told.rp_id, told.origin, told.synced)
    verify_assertion(made, enrolled, challenge_of(message))
    return f"with a passkey that {told.by} vouched for"


def _approved(index: int, entry: Intent, asked: dict[int, Asked], answers: dict[int, Answered]) -> Step:
    """Enough people approved what was sent, before it was, and for as long."""
    name, last = f"approval of entry {index}", answers.get(entry.signed)
    question = asked.get(last.of) if last is not None else None
    if last is None or question is None or last.decision != "approve":
        return Step(name, False, f"it rests on entry {entry.signed}, which is no approval in this file")
    people = {
        one.by
        for one in answers.values()
        if (one.of, one.decision, one.digest) == (last.of, "approve", entry.digest)
        and one.at <= entry.at < one.until
    }
    wanted = questions.quorum(question)
    return Step(
        name,
        len(people) >= wanted,
        f"{len(people)} of {wanted} people wanted approved the same digest, in time",
    )
