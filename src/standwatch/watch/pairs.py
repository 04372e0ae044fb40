"""The best pairs of changes: a grid over both, and the cells before its best points cut finer. Pure.

A value at which its feature alone changes the outcome needs no partner, so grids end before it: a pair beyond it is
larger than that single change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final

import msgspec

from standwatch.record.outcomes import Reading
from standwatch.watch.axes import Ray
from standwatch.watch.reexecution import Moves, Steps
from standwatch.watch.singles import Single
from standwatch.watch.trial import Hit, Trial, largest, spread

CELL: Final = 7
"""Parts that each side of a cell is cut into at a time."""
REFINED: Final = 4
"""Cells of each pair of features that are cut finer."""


class Cell(msgspec.Struct, frozen=True):
    """The values of ray `a` in (`j0`, `j`] with those of `b` in (`k0`, `k`]; the corner (j, k) changes the outcome."""

    a: Ray
    b: Ray
    j0: int
    j: int
    k0: int
    k: int
    reading: Reading = Reading("")

    @property
    def features(self) -> tuple[int, int]:
        return self.a.feature, self.b.feature

    @property
    def moves(self) -> Moves:
        return (self.a.feature, self.a.value(self.j)), (self.b.feature, self.b.value(self.k))

    @property
    def distance(self) -> float:
        return self.a.distance(self.j) + self.b.distance(self.k)

    @property
    def done(self) -> bool:
        """Whether the corner is all there is."""
        return self.j - self.j0 == 1 and self.k - self.k0 == 1


class _Grid(msgspec.Struct, frozen=True):
    """Values of two rays, each with the one before it, to be executed with each other."""

    a: Ray
    b: Ray
    js: list[tuple[int, int]]
    ks: list[tuple[int, int]]

    def cells(self) -> Iterable[Cell]:
        return (Cell(self.a, self.b, j0, j, k0, k) for j0, j in self.js for k0, k in self.ks)

    def moves(self) -> Iterable[Moves]:
        a, b = self.a, self.b
        seconds = [(b.feature, b.value(k)) for _, k in self.ks]
        firsts = [(a.feature, a.value(j)) for _, j in self.js]
        return ((first, second) for first in firsts for second in seconds)


def _stepped(low: int, high: int, most: int) -> list[tuple[int, int]]:
    places = spread(low, high, most)
    return list(zip([low, *places], places, strict=False))


def search_pairs(
    trial: Trial, singles: Sequence[Single], budget: int, told: int, asked: int
) -> Steps[list[Hit]]:
    """The best change of each pair of features that needs both, nearest first. Raises `Stopped`."""
    free = [single for single in singles if single.free]
    both = [(a, b) for a, b in combinations(free, 2) if a.ray.feature != b.ray.feature][:budget]
    longest = max((single.free for single in free), default=1)
    share = largest(
        lambda most: sum(min(a.free, most) * min(b.free, most) for a, b in both) <= budget, longest
    )
    grids = [_Grid(a.ray, b.ray, _stepped(0, a.free, share), _stepped(0, b.free, share)) for a, b in both]
    coarse = {(a.ray.feature, b.ray.feature) for a, b in both if max(a.free, b.free) > share}
    best = yield from _corners(trial, grids, asked)
    nearest = sorted(best.values(), key=lambda cells: cells[0].distance)[: 2 * told]
    refined = yield from _refine(trial, [cell for cells in nearest for cell in cells], asked)
    return [
        Hit(cell.moves, cell.distance, cell.reading, cell.features not in coarse)
        for cell in sorted(refined, key=lambda cell: cell.distance)
    ]


def _corners(trial: Trial, grids: list[_Grid], asked: int) -> Steps[dict[tuple[int, int], list[Cell]]]:
    """Executes the grids in one batch; by pair of features the nearest cells whose corners change the outcome."""
    readings = iter((yield from trial.execute([moves for grid in grids for moves in grid.moves()])))
    found: dict[tuple[int, int], list[Cell]] = {}
    for grid in grids:
        turned = [
            msgspec.structs.replace(cell, reading=reading)
            for cell, reading in zip(grid.cells(), readings, strict=False)
            if trial.turns(reading)
        ]
        found.setdefault((grid.a.feature, grid.b.feature), []).extend(turned)
    kept = {pair: _allowed(trial, _frontier(cells), asked) for pair, cells in found.items()}
    return {pair: cells for pair, cells in kept.items() if cells}


def _frontier(cells: list[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: cell.distance)


def _allowed(trial: Trial, cells: list[Cell], asked: int) -> list[Cell]:
    """The first few that lie within the validated range."""
    found: list[Cell] = []
    for cell in cells[:asked]:
        if trial.allowed(cell.moves):
            found.append(cell)
        if len(found) == REFINED:
            break
    return found


def _refine(trial: Trial, cells: list[Cell], asked: int) -> Steps[list[Cell]]:
    """Cuts every cell until its corner is all there is; the nearest corner of each pair of features."""
    while any(not cell.done for cell in cells):
        grids = [
            _Grid(cell.a, cell.b, _stepped(cell.j0, cell.j, CELL), _stepped(cell.k0, cell.k, CELL))
            for cell in cells
        ]
        readings = iter((yield from trial.execute([moves for grid in grids for moves in grid.moves()])))
        finer: list[Cell] = []
        for cell, grid in zip(cells, grids, strict=True):
            told = [(each, next(readings)) for each in grid.cells()]
            turned = [msgspec.structs.replace(each, reading=r) for each, r in told if trial.turns(r)]
            finer.append((_allowed(trial, _frontier(turned), asked) or [_shut(cell)])[0])
        cells = finer
    nearest: dict[tuple[int, int], Cell] = {}
    for cell in sorted(cells, key=lambda each: each.distance):
        nearest.setdefault(cell.features, cell)
    return list(nearest.values())


def _shut(cell: Cell) -> Cell:
    """A cell of which no corner changed the outcome this time: the model is not deterministic."""
    return msgspec.structs.replace(cell, j0=cell.j - 1, k0=cell.k - 1)
