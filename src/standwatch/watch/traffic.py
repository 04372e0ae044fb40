"""What each system asked for lately and how it went, from the entries of the record in a bounded window. Pure.

Counts are kept by step of time; of how long things took only a histogram of half octaves, so that a window takes the
same room whatever passes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from standwatch.facts.entries import AnyEntry, Asked, Decided, Denied, Intent, Outcome
from standwatch.record.leaf import Unknown

STEP: Final = 120_000_000
"""µs of one step."""
STEPS: Final = 30
"""Steps of a window: an hour."""
_HALVES: Final = 64
"""Half octaves of µs: up to an hour and more."""
_OPEN: Final = 50_000
"""Intents without an outcome that are remembered; beyond, the oldest are forgotten, and their outcomes not counted."""


class Cell(msgspec.Struct):
    """One system in one step."""

    allow: int = 0
    step_up: int = 0
    defer: int = 0
    deny: int = 0
    done: int = 0
    errors: int = 0
    """Outcomes other than `ok`, and answers of models with a row that nothing answered."""
    took: dict[int, int] = {}
    """Half octave → how many took that long."""


class Window:
    """The last `STEPS` steps of every system. Entries are noted in their order."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, dict[str, Cell]]] = deque(maxlen=STEPS)
        self._open: dict[int, str] = {}

    def note(self, index: int, entry: AnyEntry | Unknown) -> None:
        """Count one entry."""
        match entry:
            case Intent():
                self._cell(entry.at, entry.system).allow += 1
                self._open[index] = entry.system
                if len(self._open) > _OPEN:
                    del self._open[next(iter(self._open))]
            case Asked():
                self._cell(entry.at, entry.system).step_up += 1
            case Denied():
                cell = self._cell(entry.at, entry.system)
                if entry.verdict == "defer":
                    cell.defer += 1
                else:
                    cell.deny += 1
            case Outcome():
                system = self._open.pop(entry.of, "")
                if system:
                    self._took(entry.at, system, entry.took.get("upstream", 0), failed=entry.status != "ok")
            case Decided():
                self._cell(entry.at, entry.system).allow += entry.rows
                # A declared fallback that answers is no error: it has a figure of its own, beside the version.
                failed = entry.routes.get("refused", 0) > 0
                self._took(entry.at, entry.system, entry.took.get("model", 0), failed=failed)
            case _:
                pass

    def _cell(self, at: int, system: str) -> Cell:
        number = at // STEP
        if not self._steps or self._steps[-1][0] < number:
            self._steps.append((number, {}))
        cells = self._steps[-1][1]
        found = cells.get(system)
        if found is None:
            found = cells[system] = Cell()
        return found

    def _took(self, at: int, system: str, took: int, *, failed: bool) -> None:
        cell = self._cell(at, system)
        cell.done += 1
        cell.errors += failed
        half = _half(took)
        cell.took[half] = cell.took.get(half, 0) + 1

    def lately(self, now: int) -> dict[str, tuple[Cell | None, ...]]:
        """System → its cells in the `STEPS` steps up to the one of `now`; None where it did nothing."""
        last = now // STEP
        found: dict[str, list[Cell | None]] = {}
        for number, cells in self._steps:
            at = STEPS - 1 - (last - number)
            if 0 <= at < STEPS:
                for system, cell in cells.items():
                    found.setdefault(system, [None] * STEPS)[at] = cell
        return {system: tuple(row) for system, row in sorted(found.items())}


def _half(took: int) -> int:
    """The half octave of `took` µs: twice its binary logarithm, rounded down, and one; 0 for no time at all."""
    if took < 1:
        return 0
    octave = took.bit_length() - 1
    return min(_HALVES, 1 + 2 * octave + (took * took >= 1 << (2 * octave + 1)))


def quantile(cells: Sequence[Cell], share: float) -> int:
    """How long (µs) `share` of what `cells` saw took at most: the middle of its half octave. 0 of nothing."""
    counts: dict[int, int] = {}
    for cell in cells:
        for half, count in cell.took.items():
            counts[half] = counts.get(half, 0) + count
    wanted, seen = share * sum(counts.values()), 0
    for half in sorted(counts):
        seen += counts[half]
        if seen >= wanted:
            return round(2 ** ((half - 0.5) / 2)) if half else 0
    return 0
