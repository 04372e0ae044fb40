"""Where bars and marks of a chart stand, in its own units: templates draw, and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

WIDE: Final = 300
"""Of every chart, in its own units."""


class Bar(msgspec.Struct, frozen=True):
    """One part of a whole, before and after: widths of 0 to `WIDE`, and the shares themselves."""

    name: str
    before: float
    after: float
    wide_before: int
    wide_after: int


class Mark(msgspec.Struct, frozen=True):
    """Something at a time: its place from 0 to `WIDE`."""

    x: int
    at: int
    text: str
    index: int


class Axis(msgspec.Struct, frozen=True):
    """A stretch of time with what happened on it; `first` to `last` is where it is likeliest that it began."""

    since: int
    now: int
    first: int
    wide: int
    likeliest: int
    marks: tuple[Mark, ...]


def bars(parts: Sequence[tuple[str, float, float]]) -> tuple[Bar, ...]:
    """Bars of shares from 0 to 1. Something is never drawn as nothing."""
    return tuple(Bar(name, before, after, _wide(before), _wide(after)) for name, before, after in parts)


def _wide(share: float) -> int:
    return min(WIDE, max(1, round(share * WIDE))) if share > 0 else 0


def axis(  # noqa: PLR0917 - six moments of one stretch of time
    since: int, now: int, earliest: int, latest: int, at: int, happened: Sequence[tuple[int, int, str]]
) -> Axis:
    """The axis from `since` to `now` (µs), with `happened` as (time, entry, words)."""

    def place(time: int) -> int:
        return round(WIDE * min(1.0, max(0.0, (time - since) / max(1, now - since))))

    first = place(earliest)
    marks = tuple(Mark(place(time), time, text, index) for time, index, text in happened)
    return Axis(since, now, first, max(2, place(latest) - first) if at else 0, place(at) if at else -1, marks)
