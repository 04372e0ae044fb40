"""One way to sign: a person's Ed25519 key or their passkey, for everything that people sign but an enrolment.

Whoever takes a signature asks `require`; whoever verifies the record asks `verifies`; the sequencer asks `objection`,
so that a passkey's counter goes up from entry to entry, whatever was signed and whichever process took it. An enrolment
is signed with a key of the configuration alone: a passkey that vouched for another would outlive what it rests on.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.facts.entries import (
    AnyEntry,
    Config,
    Coverage,
    Endorsed,
    Evidence,
    Glass,
    Relaxed,
    Revalidated,
    Watch,
)
from standwatch.facts.errors import Forbidden, Malformed, StandwatchError
from standwatch.record.assertion import challenge_of, parse_assertion, verify_assertion
from standwatch.record.passkeys import Passkey, Passkeys, is_passkey
from standwatch.record.signature import verify

if TYPE_CHECKING:
    from standwatch.record.state import State


class Signature(msgspec.Struct, frozen=True):
    """What `by` signed with: `key` is "" where any of theirs is good."""

    by: str
    sig: str
    key: str = ""


class Cloned(Forbidden):
    """A passkey's own signature with a counter that does not go on: there may be a copy of it."""

    code = "cloned"

    def __init__(self, passkey: Passkey, count: int) -> None:
        super().__init__(
            f"the passkey's counter says {count} and stood at {passkey.count}: there may be a copy of it",
            cure="standwatch passkey list",
        )
        self.passkey, self.count = passkey, count


def signatures(entry: AnyEntry) -> tuple[Signature, ...]:
    """The signatures in an entry. Answers, sign-ins and enrolments have rules of their own (`record.passkeys`)."""
    match entry:
        case Evidence() | Endorsed() | Revalidated() | Coverage() if entry.sig:
            return (Signature(entry.by, entry.sig, entry.key),)
        case Relaxed() | Config() | Watch():
            return tuple(Signature(person, sig) for person, sig in entry.signatures.items())
        case Glass(step="sealed"):
            return (Signature(entry.by, entry.sig),)
        case _:
            return ()


SIGNED: Final = frozenset({Evidence, Endorsed, Revalidated, Coverage, Relaxed, Config, Watch, Glass})
"""The kinds that `signatures` knows: all others are passed by, for every act is asked about."""


def is_human(state: "State", person: str) -> bool:
    """Whether `person` is a human of the record, and was not dismissed. (A token's end is not the person's.)"""
    known = state.principals.get(person)
    return known is not None and known.role == "human" and not known.revoked


def real(state: "State", person: str) -> bool:
    """Whether `person` is somebody who could sign: a human of the record, with a key or a passkey that counts."""
    if not is_human(state, person):
        return False
    mine = (one.live for one in state.passkeys.values() if one.entry.person == person)
    return bool(state.principals[person].keys) or any(mine)


def passkey_of(passkeys: Passkeys, signature: Signature, at: int = -1) -> Passkey:
    """The passkey whose assertion `signature` is: live, or ended at `at` and no earlier; its bytes are not looked at.

    Raises `Malformed` or `Forbidden`.
    """
    made = parse_assertion(signature.sig)
    known = passkeys.get(made.credential)
    if known is None or (signature.key and known.entry.key != signature.key):
        raise Forbidden("that passkey is not enrolled", code="unknown_key", cure="standwatch passkey list")
    if known.entry.person != signature.by:
        raise Forbidden(f"that passkey is not {signature.by}'s", code="unknown_key")
    if not known.live and known.ended_at != at:
        raise Forbidden("that passkey has ended", code="unknown_key", cure="standwatch passkey list")
    return known


def require(
    signature: Signature, message: bytes, passkeys: Passkeys, keys: Collection[str], *, at: int = -1
) -> None:
    """Raise `Forbidden` or `Malformed` unless one of `keys`, or a passkey of the same person, signed `message`.

    `keys` are the person's, none for who is nobody here: then no passkey of theirs counts either where `passkeys` has
    none. The signature is looked at before the counter: only the passkey's own can cast doubt on it (`Cloned`).
    """
    if not is_passkey(signature.sig):
        _require_key(signature, message, keys)
        return
    known = passkey_of(passkeys, signature, at)
    count = verify_assertion(parse_assertion(signature.sig), known.as_enrolled, challenge_of(message))
    if not known.counts(count):
        raise Cloned(known, count)


def _require_key(signature: Signature, message: bytes, keys: Collection[str]) -> None:
    if signature.key and signature.key not in keys:
        raise Forbidden(
            f"that is no key of {signature.by}: standwatch.yaml lists the keys of its people",
            code="unknown_key",
            cure="standwatch key new",
        )
    tried = (signature.key,) if signature.key else keys
    if not any(verify(key, message, signature.sig) for key in tried):
        raise Forbidden(
            f"the signature is not that of {signature.by} over exactly this", code="bad_signature"
        )


def verifies(
    signature: Signature, message: bytes, passkeys: Passkeys, keys: Collection[str], *, at: int = -1
) -> bool:
    """Whether `require` lets it pass. Never raises."""
    try:
        require(signature, message, passkeys, keys, at=at)
    except StandwatchError:
        return False
    return True


# --- in order -------------------------------------------------------------------------------------------------


def objection(state: "State", entry: AnyEntry, now: int) -> str:
    """Why the sequencer may not take `entry` for those who signed it, and their passkeys; "" where it may.

    A configuration may end the very passkey that signed for it, or dismiss who did: it comes last in its transaction,
    so a passkey that ended at the same moment still counts for it, and who may sign it is the one before's to say. The
    signatures themselves are not looked at.
    """
    if type(entry) not in SIGNED:
        return ""
    at = now if isinstance(entry, Config) else -1
    for one in signatures(entry):
        # INVARIANT: whoever was dismissed signs nothing any more, however shortly before.
        if not isinstance(entry, Config) and not is_human(state, one.by):
            return f"{one.by[:80]} is nobody of this organisation any more"
        if not is_passkey(one.sig):
            continue
        try:
            known, count = passkey_of(state.passkeys, one, at), parse_assertion(one.sig).count
        except StandwatchError as error:
            return str(error)
        # INVARIANT: a passkey's counter goes up from entry to entry, whichever process took them.
        if not known.counts(count):
            return f"the passkey of {one.by} has signed something else since: it signs again"
    return ""


def counted(passkeys: Passkeys, entry: AnyEntry) -> None:
    """Take the counters of the passkeys that signed `entry` into account."""
    if type(entry) not in SIGNED:
        return
    for one in signatures(entry):
        if not is_passkey(one.sig):
            continue
        try:
            made = parse_assertion(one.sig)
        except Malformed:
            continue
        known = passkeys.get(made.credential)
        if known is not None and known.entry.person == one.by and known.counts(made.count):
            passkeys[made.credential] = msgspec.structs.replace(known, count=made.count)
