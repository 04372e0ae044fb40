"""Sessions of people in a browser, as the record knows them: who came in how, until when, and why it ended.

Of the cookie only its SHA-256 stands here. It stands in what the passkey signs too, so that an auditor can tell that a
person's own passkey opened exactly this session; and `bound` commits to where it was opened, under the cookie itself,
which nobody who reads the record has.
"""

from typing import Final

import msgspec

from standwatch.facts.entries import PasskeyEnded, Principal, SignedIn
from standwatch.facts.errors import Forbidden, StandwatchError
from standwatch.facts.parts import session_bytes
from standwatch.facts.signing_in import LONGEST
from standwatch.record.assertion import Assertion, challenge_of, parse_assertion, verify_assertion
from standwatch.record.passkeys import Passkey, Passkeys

_LONGEST: Final = (LONGEST + 60) * 1_000_000
"""µs; a minute for two clocks that differ."""
MOST: Final = 16
"""Sessions of one person; the oldest makes room for one more."""

Principals = dict[str, Principal]


class Session(msgspec.Struct, frozen=True):
    """A session that was not ended yet: entry `index` opened it."""

    index: int
    entry: SignedIn


Sessions = dict[str, Session]
"""By the SHA-256 of its cookie."""


def known(passkeys: Passkeys, entry: SignedIn) -> tuple[Passkey, Assertion]:
    """The live passkey of its person that opened a session, and what it signed; nothing of that is verified yet.

    Raises `Malformed` or `Forbidden`.
    """
    made = parse_assertion(entry.sig)
    passkey = passkeys.get(entry.credential)
    if (
        passkey is None
        or not passkey.live
        or passkey.entry.person != entry.person
        or made.credential != entry.credential
    ):
        raise Forbidden("that passkey does not count", code="unknown_key", cure="standwatch passkey list")
    return passkey, made


def objection(
    passkeys: Passkeys, principals: Principals, sessions: Sessions, entry: SignedIn, now: int
) -> str:
    """Why the sequencer may not take a sign-in now; "" where it may."""
    person = principals.get(entry.person)
    if person is None or person.role != "human" or person.revoked:
        return f"{entry.person} is nobody of the record"
    if entry.session in sessions:
        return "that session is open already"
    if not now < entry.until <= now + _LONGEST:
        return "a session ends in the future, and within a day"
    if entry.by != entry.person:
        return "people sign in for themselves"
    if not entry.credential:
        return "" if entry.issuer and not entry.sig else "a session is opened with a passkey or by an issuer"
    try:
        passkey, made = known(passkeys, entry)
    except StandwatchError as error:
        return str(error)
    # INVARIANT: a passkey's counter goes up from use to use, whatever it was used for.
    if not passkey.counts(made.count):
        return f"the passkey's counter says {made.count} and stood at {passkey.count}"
    return ""


def verifies(passkeys: Passkeys, entry: SignedIn, org: str) -> bool:
    """Whether the passkey of a sign-in signed for exactly this session. Never raises."""
    try:
        passkey, made = known(passkeys, entry)
        verify_assertion(
            made, passkey.as_enrolled, challenge_of(session_bytes(org=org, session=entry.session))
        )
    except StandwatchError:
        return False
    return passkey.counts(made.count)


# --- the fold -------------------------------------------------------------------------------------------------


def opened(sessions: Sessions, passkeys: Passkeys, index: int, entry: SignedIn) -> Sessions:
    """Take a sign-in into account: what has ended by itself goes, and the passkey's counter goes on."""
    left = {name: one for name, one in sessions.items() if entry.at < one.entry.until}
    mine = [name for name, one in left.items() if one.entry.person == entry.person]
    for name in mine[: max(0, len(mine) + 1 - MOST)]:
        del left[name]
    left[entry.session] = Session(index, entry)
    if entry.credential:
        _count(passkeys, entry)
    return left


def _count(passkeys: Passkeys, entry: SignedIn) -> None:
    try:
        passkey, made = known(passkeys, entry)
    except StandwatchError:
        return
    if passkey.counts(made.count):
        passkeys[entry.credential] = msgspec.structs.replace(passkey, count=made.count)


def changed(sessions: Sessions, passkeys: Passkeys, entry: PasskeyEnded | Principal) -> Sessions:
    """A passkey ended, or a person's keys changed, or the person left: what they had opened has ended."""
    person = entry.person if isinstance(entry, PasskeyEnded) else entry.name
    gone = isinstance(entry, Principal) and entry.revoked
    return {
        name: one
        for name, one in sessions.items()
        if not (one.entry.person == person and gone) and not _lost(passkeys, one.entry)
    }


def _lost(passkeys: Passkeys, entry: SignedIn) -> bool:
    passkey = passkeys.get(entry.credential) if entry.credential else None
    return bool(entry.credential) and (passkey is None or not passkey.live)
