"""What singles and pairs have in common while a search goes on: executing candidates, and judging what came of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.facts.decisions import Row
from standwatch.facts.models import Model
from standwatch.record.outcomes import Reading, read
from standwatch.watch.reexecution import Batch, Moves, Steps, execute

Valid = Callable[[Row], bool]
"""Whether a row lies within the validated range. Asked only about candidates that change the outcome, nearest first."""

CUT: Final = 32
"""Parts that the gap before a change is cut into at a time."""


class Hit(msgspec.Struct, frozen=True):
    """A candidate that changes the outcome."""

    moves: Moves
    distance: float
    reading: Reading
    exhaustive: bool


class Trial:
    """One row, what it decides now, and what has been executed so far."""

    def __init__(self, model: Model, row: Row, valid: Valid, wanted: str) -> None:
        self._model = model
        self._row = row
        self._valid = valid
        self._wanted = wanted
        self._known: dict[Moves, bool] = {}
        self.before = Reading("")
        self.executed = 0
        self.outside = 0

    def execute(self, moves: list[Moves]) -> Steps[list[Reading]]:
        """What each candidate decides. Raises `Stopped`."""
        assert self._model.outcome is not None
        values = yield from execute(Batch(self._row, moves), self._model.outcome.output)
        self.executed += len(moves)
        return [read(self._model, value) for value in values]

    def turns(self, reading: Reading) -> bool:
        """Whether this is another outcome, and one that is wanted; an abstention is none."""
        return reading.outcome not in ("", self.before.outcome) and self._wanted in ("", reading.outcome)

    def allowed(self, moves: Moves) -> bool:
        """Whether the candidate lies within the validated range."""
        if moves not in self._known:
            row = list(self._row)
            for feature, value in moves:
                row[feature] = value
            self._known[moves] = self._valid(tuple(row))
            self.outside += not self._known[moves]
        return self._known[moves]


def spread(low: int, high: int, most: int) -> list[int]:
    """At most `most` whole numbers in (`low`, `high`], evenly apart, `high` among them; all where there are no more."""
    wide = high - low
    if wide <= most:
        return list(range(low + 1, high + 1))
    return sorted({high - place * wide // most for place in range(most)})


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number in 1..`most` that fits, where all below one that fits do; 1 where none does."""
    low, high = 1, max(most, 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
