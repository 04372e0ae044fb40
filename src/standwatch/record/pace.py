"""How many questions people and systems were asked in the last hour, as the record knows it.

Minutes are counted, not moments, and a minute counts until it has wholly left the hour: no span of sixty minutes ever
holds more than a cap that was kept at each of its questions.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from standwatch.facts.entries import Asked

if TYPE_CHECKING:
    from standwatch.record.state import State

MINUTE: Final = 60_000_000
HOUR: Final = 60

Paces = dict[str, dict[int, int]]
"""`person/ID` or `system/NAME` → minute since 1970 → questions asked in it."""

PERIODS: Final = ("person", "hour")
"""Periods of caps that are counted here; the others are ledgers of the sequencer."""


def person(ident: str) -> str:
    """The key of a person."""
    return f"person/{ident}"


def system(name: str) -> str:
    """The key of a system."""
    return f"system/{name}"


def within(paces: Paces, key: str, now: int) -> int:
    """How many questions `key` was asked in the hour before `now` (µs)."""
    oldest = now // MINUTE - HOUR
    return sum(count for minute, count in paces.get(key, {}).items() if minute >= oldest)


def asked(paces: Paces, entry: Asked, people: Collection[str]) -> None:
    """`entry` was put to `people`: count it, and let go of what has left the hour."""
    minute = entry.at // MINUTE
    for key in [key for key, one in paces.items() if max(one) < minute - HOUR]:
        del paces[key]
    for key in (system(entry.system), *map(person, people)):
        kept = {at: count for at, count in paces.get(key, {}).items() if at >= minute - HOUR}
        kept[minute] = kept.get(minute, 0) + 1
        paces[key] = kept


def taken_back(paces: Paces, entry: Asked, people: Collection[str]) -> None:
    """`entry` was a decoy, as everybody knows now: it takes no real question's place any more."""
    minute = entry.at // MINUTE
    for key in (system(entry.system), *map(person, people)):
        left = {at: count - (at == minute) for at, count in paces.get(key, {}).items()}
        left = {at: count for at, count in left.items() if count > 0}
        paces.pop(key, None)
        if left:
            paces[key] = left


def with_room(state: "State", people: Collection[str], cap: int | None, now: int) -> tuple[str, ...]:
    """Those of `people`, in their order, who may be asked one question more at `now`."""
    return tuple(one for one in people if cap is None or within(state.paces, person(one), now) < cap)


def exceeds(
    state: "State", entry: Asked, people: Collection[str], period: str, *, cap: int, now: int
) -> bool:
    """Whether `entry`, put to `people` at `now`, is more than `cap` in `period` allows.

    INVARIANT: nobody is asked more than the cap in any hour: all those whom a question names must have room."""
    if period == "hour":
        return within(state.paces, system(entry.system), now) >= cap
    return len(with_room(state, people, cap, now)) < len(people)
