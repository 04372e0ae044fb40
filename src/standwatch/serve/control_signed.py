"""Signatures as the server takes them: a person's key or their passkey, for whatever is signed but an answer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import PasskeyDoubted, PasskeyRefused
from standwatch.facts.errors import Conflict, Forbidden, StandwatchError
from standwatch.record.assertion import Lured, parse_assertion
from standwatch.record.passkeys import is_passkey
from standwatch.record.signed import Cloned, Signature, is_human, passkey_of
from standwatch.record.signed import require as require_signed
from standwatch.record.state import State
from standwatch.serve.control_party import party_of
from standwatch.serve.gate import LiveGate


def keys_of(person: str, state: State, configuration: Configuration) -> tuple[str, ...]:
    """The public keys that the record gives `person`; those of the configuration where it says nothing of them."""
    principal = state.principals.get(person)
    if principal is not None:
        return () if principal.revoked or principal.role != "human" else tuple(principal.keys)
    found = configuration.person(person)
    return found.keys if found is not None else ()


def require(signature: Signature, message: bytes, state: State, configuration: Configuration) -> None:
    """Raise `Forbidden` or `Malformed` unless the person of `signature` signed `message`: with a key that is theirs, or
    on our page with a passkey of theirs that counts and goes on counting (else `Cloned`)."""
    if is_passkey(signature.sig):
        _require_page(signature, state, configuration)
    keys = keys_of(signature.by, state, configuration)
    require_signed(signature, message, state.passkeys, keys)


def _require_page(signature: Signature, state: State, configuration: Configuration) -> None:
    known = passkey_of(state.passkeys, signature).entry
    if not is_human(state, signature.by):
        raise Forbidden(f"{signature.by} is nobody of this organisation any more", code="unknown_key")
    party = party_of(configuration.organisation)
    if (known.rp_id, known.origin) != (party.rp_id, party.origin):
        raise Forbidden(
            f"that passkey was enrolled for {known.origin}; the console is at {party.origin} now",
            code="wrong_origin",
            cure="enrol one there",
        )


def overtaken(state: State, person: str, sig: str) -> bool:
    """Whether a passkey's signature that was looked at before is good no more: it has ended, or signed something else
    since. A person's key is always good while it is theirs."""
    if not is_passkey(sig):
        return False
    try:
        known = passkey_of(state.passkeys, Signature(person, sig))
        return not known.counts(parse_assertion(sig).count)
    except StandwatchError:
        return True


@asynccontextmanager
async def doubting(gate: LiveGate) -> AsyncGenerator[None]:
    """Where a signature is refused because its passkey's counter did not go on, or because it was made for another
    page, the record hears of it, once."""
    try:
        yield
    except Cloned as error:
        await _doubt(gate, error)
        raise
    except Lured as error:
        await lured(gate, error)
        raise


async def lured(gate: LiveGate, error: Lured, of: int = -1) -> None:
    """Record that a passkey signed for another page, host or nobody verified; a flood of that is one entry."""
    known = gate.state.passkeys.get(error.credential)
    if known is None or not known.live:
        return
    person, now = known.entry.person, gate.now()
    if now - gate.lured.get(person, -_EVERY) < _EVERY:
        return
    gate.lured[person] = now
    said = PasskeyRefused(by=BY, person=person, credential=error.credential, of=of, code=error.code)
    await gate.append(said)


BY: Final = "standwatch"
_EVERY: Final = 1_000_000  # µs between two such entries about one person


async def _doubt(gate: LiveGate, error: Cloned) -> None:
    known = error.passkey
    if known.doubted == error.count:
        return
    said = PasskeyDoubted(
        by=known.entry.person,
        credential=known.entry.credential,
        person=known.entry.person,
        of=-1,
        count=error.count,
        last=known.count,
    )
    try:
        await gate.append(said)
    except Conflict:  # said or ended meanwhile
        return
