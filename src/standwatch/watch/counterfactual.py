"""What would have changed a decision: the smallest single changes, and the best pairs, of what the manifest calls
actionable; each executed, and executed once more before it is told. Pure: candidates go out, outputs come in.

Singles. Where a feature has few values (`axes`) all are executed, and the nearest that changes the outcome *is* the
smallest change. Where there are many, a sample is, and the gap before the nearest that changes it is cut into 32 parts
until no value is left in it: the smallest if the outcome turns once within that gap. `exhaustive` says which.

Pairs. A grid over both features, up to where either alone would do; then the cells before its best points are cut
finer. `exhaustive` where the grid was whole.

Candidates outside the declared and learned bounds are never made; those that `valid` refuses are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from standwatch.facts.decisions import Row, Value
from standwatch.facts.models import Model
from standwatch.record.outcomes import Reading
from standwatch.watch.axes import Axis, axes
from standwatch.watch.pairs import search_pairs
from standwatch.watch.reexecution import Steps, Stopped
from standwatch.watch.singles import Single, search_singles
from standwatch.watch.trial import Hit, Trial, Valid


class Budget(msgspec.Struct, frozen=True):
    """Rows that may be executed for singles and in the grids of pairs; pairs told; and how many candidates for each
    single or pair the validated range is asked about."""

    singles: int = 4_000
    pairs: int = 10_000
    told: int = 5
    asked: int = 200


class Change(msgspec.Struct, frozen=True):
    """One feature, before and after."""

    feature: str
    before: Value
    after: Value


class Counterfactual(msgspec.Struct, frozen=True):
    """Had this been so, the outcome would have been that: executed twice.

    `distance` is the sum over features of the change as a part of the feature's range; 1 for another category, and
    for a value where there was none."""

    changes: tuple[Change, ...]
    distance: float
    outcome: str
    score: float | None
    exhaustive: bool
    """Whether every smaller change of these features was executed."""


class Searched(msgspec.Struct, frozen=True):
    """How a feature was searched on its own: `values` there are, of which `executed` were tried.

    Not `bounded`: nobody declared a bound, so the search went as far again as the value is from zero, twice."""

    feature: str
    low: float | None
    high: float | None
    step: float | None
    values: int
    executed: int
    bounded: bool


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the search found, nearest first. `outcome` and `score` are the row's own, executed again."""

    outcome: str = ""
    score: float | None = None
    singles: tuple[Counterfactual, ...] = ()
    """One for each feature that can do it alone."""
    pairs: tuple[Counterfactual, ...] = ()
    searched: tuple[Searched, ...] = ()
    executed: int = 0
    """Rows."""
    outside: int = 0
    """Candidates that change the outcome but lie outside the validated range."""
    unconfirmed: int = 0
    """Candidates that did not come out the same when they were executed once more."""
    why: str = ""
    """Why nothing was searched, or where it broke off."""


def everything(_: Row) -> bool:
    """The range that nobody declared: nothing is outside."""
    return True


def search(
    model: Model, row: Row, *, valid: Valid = everything, wanted: str = "", budget: Budget | None = None
) -> Steps[Found]:
    """What would have turned the outcome of `row` (in the order of the model's features) into `wanted`, or into any
    other; an abstention is none. Nothing is told of a search that broke off but that it did."""
    trial, spend = Trial(model, row, valid, wanted), budget or Budget()
    if model.outcome is None:
        return Found(why="the manifest does not say how an output becomes an outcome")
    ways = axes(model, row)
    try:
        (trial.before,) = yield from trial.execute([()])
        rays = [ray for axis in ways for ray in axis.rays]
        if not rays:
            return _found(trial, ways, [], [], "no feature is actionable, or none has another value to go to")
        singles = yield from search_singles(trial, rays, spend.singles, spend.asked)
        pairs = yield from search_pairs(trial, singles, spend.pairs, spend.told, spend.asked)
        hits = [*_each(singles), *pairs[: spend.told]]
        sure = yield from _confirm(trial, hits)
    except Stopped as stop:
        why = f"the search broke off: {stop.trouble.code}: {stop.trouble.text}"
        return Found(outcome=trial.before.outcome, score=trial.before.score, executed=trial.executed, why=why)
    told = [_told(model, row, hit) for hit in sure]
    found = _found(trial, ways, singles, told, "")
    return msgspec.structs.replace(found, unconfirmed=len(hits) - len(sure))


def _each(singles: Iterable[Single]) -> list[Hit]:
    """The nearest of each feature, nearest first."""
    found: dict[int, Hit] = {}
    for hit in sorted((hit for each in singles if (hit := each.hit())), key=lambda hit: hit.distance):
        found.setdefault(hit.moves[0][0], hit)
    return list(found.values())


def _confirm(trial: Trial, hits: Sequence[Hit]) -> Steps[list[Hit]]:
    """Those that come out as they did when they and the row itself are executed once more."""
    if not hits:
        return []
    before, *readings = yield from trial.execute([(), *(hit.moves for hit in hits)])
    same = [hit for hit, reading in zip(hits, readings, strict=True) if _same(reading, hit.reading)]
    return same if _same(before, trial.before) else []


def _same(a: Reading, b: Reading) -> bool:
    """The same outcome of the same score, but for the digits that depend on how many rows a library adds at once."""
    near = a.score == b.score or (
        a.score is not None
        and b.score is not None
        and math.isclose(a.score, b.score, rel_tol=1e-12, abs_tol=1e-12)
    )
    return near and a.outcome == b.outcome


def _told(model: Model, row: Row, hit: Hit) -> Counterfactual:
    changes = tuple(Change(model.inputs[k].name, row[k], value) for k, value in hit.moves)
    return Counterfactual(changes, hit.distance, hit.reading.outcome, hit.reading.score, hit.exhaustive)


def _found(
    trial: Trial, ways: Sequence[Axis], singles: Sequence[Single], told: Sequence[Counterfactual], why: str
) -> Found:
    return Found(
        outcome=trial.before.outcome,
        score=trial.before.score,
        singles=tuple(each for each in told if len(each.changes) == 1),
        pairs=tuple(each for each in told if len(each.changes) == 2),
        searched=tuple(_searched(axis, singles) for axis in ways),
        executed=trial.executed,
        outside=trial.outside,
        why=why,
    )


def _searched(axis: Axis, singles: Iterable[Single]) -> Searched:
    mine = [single for single in singles if single.ray.feature == axis.index]
    values, executed = sum(each.ray.length for each in mine), sum(len(each.executed) for each in mine)
    return Searched(axis.feature, axis.low, axis.high, axis.step, values, executed, axis.bounded)
