"""Minutes in bypass: how long each check of a system was relaxed, counted from the record. Pure."""

from collections.abc import Iterable
from typing import Any

import msgspec

from standwatch.facts.entries import Config, Declared, Relaxed, Restored

Span = tuple[int, int]
"""[begin, end) in µs."""


class Bypassed(msgspec.Struct, frozen=True):
    """A relaxation as it was: `end` is when it ended, or would by itself."""

    index: int
    entry: Relaxed
    end: int
    restored: str = ""
    """Who ended it before its time; "" for nobody."""


def bypassed(entries: Iterable[tuple[int, Any]], system: str) -> tuple[Bypassed, ...]:
    """Every relaxation of `system` among control `entries`, in their order.

    One ends at its time, when somebody ends it, or with the envelope that it was signed for.
    """
    found: dict[int, Bypassed] = {}
    for index, entry in entries:
        match entry:
            case Relaxed() if entry.system == system:
                found[index] = Bypassed(index, entry, entry.until)
            case Restored() if entry.relaxed in found:
                found[entry.relaxed] = _ended(found[entry.relaxed], entry.at, entry.by)
            case Declared() if entry.system == system:
                _end_all(found, entry.at, entry.envelope)
            case Config() if system in entry.removed:
                _end_all(found, entry.at, "")
            case _:
                pass
    return tuple(found.values())


def _ended(one: Bypassed, at: int, by: str = "") -> Bypassed:
    return msgspec.structs.replace(one, end=min(one.end, at), restored=by) if at < one.end else one


def _end_all(found: dict[int, Bypassed], at: int, envelope: str) -> None:
    for index, one in found.items():
        if one.entry.envelope != envelope:
            found[index] = _ended(one, at)


def in_bypass(found: Iterable[Bypassed], begin: int, end: int) -> dict[str, int]:
    """µs of [begin, end) in which at least one relaxation of a check was in force, by check. Overlaps count once."""
    spans: dict[str, list[Span]] = {}
    for one in found:
        first, last = max(begin, one.entry.at), min(end, one.end)
        if first < last:
            spans.setdefault(one.entry.check, []).append((first, last))
    return {check: _length(sorted(mine)) for check, mine in sorted(spans.items())}


def _length(spans: list[Span]) -> int:
    total, reached = 0, 0
    for begin, end in spans:
        total += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return total
