"""Passkeys as the record knows them: who enrolled which, how far its counter went, and whether it still counts.

A passkey stands for as long as the configuration's key that enrolled it: where the configuration drops that key, or
the person, the passkey has ended too, and comes back only by being enrolled again.
"""

from collections.abc import Iterable

import msgspec

from standwatch.facts.entries import Answered, Endorsed, Enrolled, PasskeyDoubted, PasskeyEnded, Principal
from standwatch.facts.errors import Forbidden, Malformed, StandwatchError
from standwatch.facts.parts import enrolment_bytes
from standwatch.record import assertion
from standwatch.record.assertion import Assertion, challenge_of, parse_assertion, verify_assertion


class Passkey(msgspec.Struct, frozen=True):
    """An enrolled passkey. `count`: the highest sign counter that an answer in the record carried."""

    index: int
    entry: Enrolled
    count: int
    ended: int = -1
    """Index of the entry that ended it; -1 while it counts."""
    ended_at: int = -1
    """When that was (µs)."""
    doubted: int = -1
    """The counter of the last assertion that should have been higher (a clone, perhaps); -1 for none."""

    @property
    def live(self) -> bool:
        return self.ended < 0

    @property
    def as_enrolled(self) -> assertion.Enrolled:
        """What its assertions are verified with."""
        told = self.entry
        return assertion.Enrolled(told.credential, told.key, told.rp_id, told.origin, told.synced)

    def counts(self, count: int) -> bool:
        """Whether an assertion with sign counter `count` may come next (§6.1.1): higher, or none is kept."""
        return count > self.count or count == self.count == 0

    def ends(self, index: int, at: int) -> "Passkey":
        """This passkey as entry `index`, written at `at`, ended it."""
        return msgspec.structs.replace(self, ended=index, ended_at=at) if self.live else self


Passkeys = dict[str, Passkey]
"""By credential id. None is ever dropped: an id that ended is not enrolled again."""


def is_passkey(signature: str) -> bool:
    """Whether a signature is an assertion of a passkey."""
    return signature.startswith(assertion.ASSERTION)


def enrolment_message(entry: Enrolled, org: str) -> bytes:
    """What a person signs to enrol this passkey in the log `org`."""
    return enrolment_bytes(
        by=entry.by,
        count=entry.count,
        credential=entry.credential,
        follows=entry.follows,
        key=entry.key,
        org=org,
        origin=entry.origin,
        person=entry.person,
        rp_id=entry.rp_id,
        synced=entry.synced,
    )


def by_credential(passkeys: Passkeys, entry: Answered) -> tuple[Passkey, Assertion]:
    """The passkey, live and of that person, whose assertion answers; signature and counter are not looked at.

    Raises `Malformed` or `Forbidden`.
    """
    made = parse_assertion(entry.sig)
    known = passkeys.get(made.credential)
    if known is None or known.entry.key != entry.key:
        raise Forbidden("that passkey is not enrolled", code="unknown_key", cure="standwatch passkey list")
    if known.entry.person != entry.by:
        raise Forbidden(f"that passkey is not {entry.by}'s", code="unknown_key")
    if not known.live:
        raise Forbidden("that passkey has ended", code="unknown_key", cure="standwatch passkey list")
    return known, made


def used(passkeys: Passkeys, entry: Answered) -> tuple[Passkey, Assertion]:
    """The same, and its counter goes on: raises `Forbidden` with the code `cloned` where it does not."""
    known, made = by_credential(passkeys, entry)
    if not known.counts(made.count):
        raise Forbidden(
            f"the passkey's counter says {made.count} and stood at {known.count}: there may be a copy of it",
            code="cloned",
            cure="standwatch passkey list",
        )
    return known, made


def objection(passkeys: Passkeys, entry: Answered) -> str:
    """Why the sequencer may not take an answer by passkey now; "" where it may, and for any other signature."""
    if not is_passkey(entry.sig):
        return ""
    try:
        used(passkeys, entry)
    except StandwatchError as error:
        return str(error)
    return ""


def ended_since(passkeys: Passkeys, entry: Answered | Endorsed) -> bool:
    """Whether the passkey that gave an answer has ended since: what it approved and was not used is void."""
    if not is_passkey(entry.sig):
        return False
    try:
        known = passkeys.get(parse_assertion(entry.sig).credential)
    except Malformed:
        return True
    return known is None or not known.live


def verifies(passkeys: Passkeys, entry: Answered, message: bytes) -> bool:
    """Whether an answer's assertion is that of an enrolled passkey of its person over `message`. Never raises."""
    try:
        known, made = used(passkeys, entry)
        verify_assertion(made, known.as_enrolled, challenge_of(message))
    except StandwatchError:
        return False
    return True


def crossed(
    passkeys: Passkeys, enrolments: dict[str, int], entry: Enrolled | PasskeyEnded | PasskeyDoubted
) -> str:
    """Why the sequencer may not take this entry now: another one came before it. "" where it may."""
    known = passkeys.get(entry.credential)
    if isinstance(entry, Enrolled):
        if known is not None:
            return "a passkey with that credential id was enrolled before"
        if entry.follows != enrolments.get(entry.person, -1):
            return f"entry {entry.follows} is not the last about passkeys of {entry.person}"
        return ""
    if known is None or not known.live or known.entry.person != entry.person:
        return f"that is no passkey of {entry.person} that still counts"
    if isinstance(entry, PasskeyDoubted) and known.doubted == entry.count:
        return "that was doubted already"
    return ""


# --- the fold -------------------------------------------------------------------------------------------------


def fold(
    passkeys: Passkeys,
    enrolments: dict[str, int],
    index: int,
    entry: Enrolled | PasskeyEnded | PasskeyDoubted,
) -> None:
    """Take entry `index` into account. The first enrolment of a credential id is the one that counts."""
    known = passkeys.get(entry.credential)
    match entry:
        case Enrolled():
            passkeys.setdefault(entry.credential, Passkey(index, entry, entry.count))
            enrolments[entry.person] = index
        case PasskeyEnded():
            if known is not None:
                passkeys[entry.credential] = known.ends(index, entry.at)
            enrolments[entry.person] = index
        case PasskeyDoubted():
            if known is not None:
                passkeys[entry.credential] = msgspec.structs.replace(known, doubted=entry.count)


def answered(passkeys: Passkeys, entry: Answered) -> None:
    """Take an answer's counter into account."""
    if not is_passkey(entry.sig):
        return
    try:
        known, made = used(passkeys, entry)
    except StandwatchError:
        return
    passkeys[made.credential] = msgspec.structs.replace(known, count=made.count)


def changed(passkeys: Passkeys, index: int, entry: Principal) -> None:
    """A person's keys changed, or the person left: what rested on either has ended."""
    if entry.role != "human":
        return
    for credential, one in _of(passkeys, entry.name):
        told = one.entry
        gone = entry.revoked or (told.by == entry.name and told.signer not in entry.keys)
        if gone:
            passkeys[credential] = one.ends(index, entry.at)


def _of(passkeys: Passkeys, person: str) -> Iterable[tuple[str, Passkey]]:
    """Those that are `person`'s or were enrolled by them."""
    return [item for item in passkeys.items() if person in (item[1].entry.person, item[1].entry.by)]
