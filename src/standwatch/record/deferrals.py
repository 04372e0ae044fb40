"""Acts that were deferred: too much was asked already, so they wait in a queue that nobody is pushed.

A person may pull one out of it: into a question, where there is room, or out of the way. Until then the same act
again is the same entry.
"""

from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.facts.asks import DEFERRED, MOST_DEFERRED
from standwatch.facts.entries import Deferred, Pulled
from standwatch.facts.frames import RefusalCode

if TYPE_CHECKING:
    from standwatch.record.state import State

ASK: Final = "question"
DROP: Final = "nothing"


class Deferral(msgspec.Struct, frozen=True):
    """A deferred act: its entry's index and what it said; `dropped` once somebody said that it is not to be asked."""

    index: int
    entry: Deferred
    dropped: bool = False


Queue = dict[str, Deferral]
"""By action id."""


def waiting(queue: Queue, system: str, now: int) -> tuple[Deferral, ...]:
    """What waits of `system` at `now` (µs), oldest first."""
    return tuple(
        one for one in queue.values() if one.entry.system == system and stands(one, now) and not one.dropped
    )


def stands(one: Deferral, now: int) -> bool:
    """Whether its time is not over."""
    return now < one.entry.until


def dropped(queue: Queue, ident: str, now: int) -> bool:
    """Whether somebody said of action `ident` that it is not to be asked about, and that still counts."""
    known = queue.get(ident)
    return known is not None and known.dropped and stands(known, now)


def deferred(queue: Queue, index: int, entry: Deferred) -> Queue:
    """The queue with `entry`, and without what is over."""
    kept = {ident: one for ident, one in queue.items() if stands(one, entry.at)}
    return {**kept, entry.id: Deferral(index, entry)}


def pulled(queue: Queue, entry: Pulled) -> Queue:
    """The queue after somebody pulled one. A dropped one is remembered for as long as its retries are refused."""
    known = queue.get(entry.id)
    if known is None:
        return queue
    if entry.into == ASK:
        return {ident: one for ident, one in queue.items() if ident != entry.id}
    mine = [one for one in queue.values() if one.dropped and one.entry.system == known.entry.system]
    oldest = mine[0].entry.id if len(mine) >= MOST_DEFERRED else ""
    kept = {ident: one for ident, one in queue.items() if ident != oldest}
    return {**kept, entry.id: msgspec.structs.replace(known, dropped=True)}


def problem(state: "State", entry: Deferred | Pulled, now: int) -> tuple[RefusalCode | None, str]:
    """Code and sentence of why `entry` may not be written at `now`; None and "" where it may."""
    known = state.deferred.get(entry.id)
    if isinstance(entry, Pulled):
        if known is None or known.index != entry.of or known.dropped or not stands(known, now):
            return "duplicate", f"deferred act {entry.of} does not wait any more"
        return ("invalid", f"{entry.into[:40]!r} is nowhere") if entry.into not in (ASK, DROP) else (None, "")
    if (known is not None and stands(known, now)) or entry.id in state.questions:
        return "duplicate", f"action {entry.id} is deferred, or was asked about, already"
    if not now < entry.until <= now + DEFERRED:
        return "invalid", "a deferred act waits for a shift at most"
    # INVARIANT: the queue has an end: an agent that asks for ever fills it once.
    if len(waiting(state.deferred, entry.system, now)) >= MOST_DEFERRED:
        return "budget", f"{MOST_DEFERRED} acts of {entry.system} are deferred"
    return None, ""
