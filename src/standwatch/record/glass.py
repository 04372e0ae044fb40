"""Break-glass as the record knows it: sealed beforehand, opened once, drilled, reviewed by somebody else.

What an opening gives is read here by whoever decides about releasing, halting and relaxing; it gives nothing else.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.facts.entries import Glass
from standwatch.facts.parts import glass_bytes
from standwatch.record.signature import verify

if TYPE_CHECKING:
    from standwatch.record.state import State

ACTS: Final = ("halt", "release", "relax")
"""All that a break-glass can be good for: nothing about configuration, people, keys or red lines."""

SESSION: Final = 30 * 60_000_000
"""µs that an opening lasts at most."""

SEALED: Final = 366 * 86_400_000_000
"""µs for which one stays sealed at most: then it is made anew, with people who are still there."""

MOST: Final = 100
"""Sealed ones that are neither opened nor over."""


class Broken(msgspec.Struct, frozen=True):
    """A sealed credential and what became of it. Indices of entries are -1 for none."""

    entry: Glass
    opened: int = -1
    by: str = ""
    until: int = 0
    """When the session that its opening gave ends."""
    reviewed: int = -1
    drilled: int = 0
    """When it was last drilled; 0 for never."""


def fold(glasses: dict[int, Broken], index: int, entry: Glass) -> dict[int, Broken]:
    """The credentials after `entry`; those long over and reviewed are let go."""
    if entry.step == "sealed":
        kept = {i: one for i, one in glasses.items() if _matters(one, entry.at)}
        return {**kept, index: Broken(entry)}
    known = glasses.get(entry.glass)
    if known is None:
        return glasses
    match entry.step:
        case "opened":
            known = msgspec.structs.replace(known, opened=index, by=entry.by, until=entry.until)
        case "drilled":
            known = msgspec.structs.replace(known, drilled=entry.at)
        case _:
            # A review closes the matter: what is left of the session ends with it.
            known = msgspec.structs.replace(known, reviewed=index, until=min(known.until, entry.at))
    return {**glasses, entry.glass: known}


def _matters(one: Broken, now: int) -> bool:
    return (one.opened >= 0 and one.reviewed < 0) or (one.opened < 0 and now < one.entry.until)


def gives(state: "State", person: str, act: str, now: int) -> frozenset[str]:
    """The systems on which an open break-glass lets `person` do `act` at `now` (µs)."""
    return frozenset(
        system
        for one in state.glasses.values()
        if one.by == person and one.opened >= 0 and now < one.until and act in one.entry.may
        for system in one.entry.systems
    )


def problem(state: "State", entry: Glass, now: int) -> str:
    """Why `entry` may not be written at `now`; "" where it may. Its signature is looked at by `verifies`."""
    return next(_sealing(state, entry, now) if entry.step == "sealed" else _using(state, entry, now), "")


def _sealing(state: "State", entry: Glass, now: int) -> Iterator[str]:
    if not entry.may or not set(entry.may) <= set(ACTS):
        yield f"a break-glass is good for some of {', '.join(ACTS)}, and for nothing else"
    if not entry.systems or not set(entry.systems) <= state.systems.keys():
        yield "a break-glass names systems that are declared"
    if not entry.people or not entry.key:
        yield "a break-glass names its people, and the key in the envelope"
    if not now < entry.until <= now + SEALED:
        yield "a break-glass is sealed for at most a year"
    if any(one.entry.key == entry.key for one in state.glasses.values()):
        yield "a break-glass has a key of its own"
    if sum(_matters(one, now) for one in state.glasses.values()) >= MOST:
        yield f"{MOST} break-glasses are sealed"


def _using(state: "State", entry: Glass, now: int) -> Iterator[str]:
    known = state.glasses.get(entry.glass)
    if known is None or entry.step not in ("opened", "drilled", "reviewed"):
        yield f"no break-glass {entry.glass} is sealed"
        return
    if entry.step == "reviewed":
        if known.opened < 0 or known.reviewed >= 0:
            yield f"break-glass {entry.glass} waits for no review"
        if entry.by == known.by:
            yield f"{entry.by} opened it: somebody else reviews it"
        return
    person = state.principals.get(entry.by)
    if entry.by not in known.entry.people or (person is not None and person.revoked):
        yield f"break-glass {entry.glass} is not for {entry.by}"
    # INVARIANT: a break-glass is opened once.
    if known.opened >= 0:
        yield f"break-glass {entry.glass} was opened in entry {known.opened}: it is used up"
    if now >= known.entry.until:
        yield f"break-glass {entry.glass} is over"
    if entry.step == "opened" and not now < entry.until <= now + SESSION:
        yield f"an opening lasts at most {SESSION // 60_000_000} minutes"


def message(entry: Glass, origin: str) -> bytes:
    """What seals, drills or opens it in the log `origin`."""
    return glass_bytes(
        by=entry.by,
        glass=entry.glass,
        key=entry.key,
        may=entry.may,
        org=origin,
        people=entry.people,
        step=entry.step,
        systems=entry.systems,
        until=entry.until,
    )


def verifies(entry: Glass, key: str, origin: str) -> bool:
    """Whether a drill or an opening is signed with the sealed `key`. A passkey cannot be put into an envelope."""
    return entry.step in ("opened", "drilled") and verify(key, message(entry, origin), entry.sig)
