"""A stand-in for the model, learned from its own answers: score ≈ base + an effect for each feature's cell.

Additive, by backfitting (Buja, Hastie & Tibshirani 1989) with effects shrunk towards nothing. It is good enough to
say whether the same inputs still come to the same scores, and what the scores would be had one feature not changed;
it is never shown to anybody as the model.
"""

import math
from collections.abc import Sequence

import msgspec

from standwatch.facts.decisions import Observation
from standwatch.watch.diagnose_columns import CELLS, OUT, Column, Table, learn
from standwatch.watch.statistics import spread

_ROUNDS = 6
_SHRINK = 6.0
"""Rows' worth of no effect in every cell."""
_ROWS = 4_000
_CLIP = 1e-3


class Target(msgspec.Struct, frozen=True):
    """What stands for a row's score: log-odds of a probability, the number itself, or 1 for outcome `word`."""

    kind: str
    word: str = ""

    def of(self, row: Observation) -> float | None:
        """The row's target; None where the model did not answer it."""
        if row.route != "model":
            return None
        if self.kind == "outcome":
            return float(row.outcome == self.word)
        return None if row.score is None else self.scaled(row.score)

    def scaled(self, score: float) -> float | None:
        """A score as the target has it; None for what is no finite number."""
        if not math.isfinite(score):
            return None
        if self.kind == "score":
            return score
        inside = min(max(score, _CLIP), 1 - _CLIP)
        return math.log(inside / (1 - inside))


def target(table: Table) -> Target:
    """Scores where most answers of the model have one, else the commonest outcome."""
    sample = [table.rows[n] for n in spread(table.rows, 2_000)]
    answered = [one for one in sample if one.route == "model"]
    scores = [one.score for one in answered if one.score is not None]
    if len(scores) * 5 < len(answered) * 4 or not scores:
        return Target("outcome", table.outcomes[0] if table.outcomes else "")
    inside = all(0 <= score <= 1 for score in scores)
    return Target("logit" if inside else "score")


class Fit(msgspec.Struct, frozen=True):
    """Effects by feature and cell; `explained` is the part of the targets' variance they account for."""

    base: float
    effects: tuple[tuple[float, ...], ...]
    explained: float

    def predict(self, codes: Sequence[int]) -> float:
        """The target of a row with these cells."""
        return self.base + sum(effect[code] for effect, code in zip(self.effects, codes, strict=True))


def fit(features: Sequence[Column], targets: Sequence[float | None], rows: Sequence[int]) -> Fit:
    """Learn from `rows` (indices) that have a target."""
    known = [(row, value) for row in rows if (value := targets[row]) is not None]
    known = [known[n] for n in spread(known, _ROWS)]
    if not known:
        return Fit(0.0, tuple((0.0,) * column.width for column in features), 0.0)
    base = sum(value for _, value in known) / len(known)
    rest = [value - base for _, value in known]
    whole = sum(value * value for value in rest) or 1.0
    cells = [[column.codes[row] for row, _ in known] for column in features]
    effects = [[0.0] * column.width for column in features]
    for _ in range(_ROUNDS):
        for mine, codes in zip(effects, cells, strict=True):
            _smooth(mine, codes, rest)
    return Fit(base, tuple(map(tuple, effects)), max(1 - sum(value * value for value in rest) / whole, 0.0))


def _smooth(effect: list[float], codes: Sequence[int], rest: list[float]) -> None:
    """One step of backfitting: this feature's effects anew, the others' held."""
    sums, counts = [0.0] * len(effect), [0] * len(effect)
    for code, value in zip(codes, rest, strict=True):
        sums[code] += value
        counts[code] += 1
    fresh = [
        (total + count * old) / (count + _SHRINK) if count else 0.0
        for total, count, old in zip(sums, counts, effect, strict=True)
    ]
    change = [new - old for new, old in zip(fresh, effect, strict=True)]
    effect[:] = fresh
    rest[:] = [value - change[code] for code, value in zip(codes, rest, strict=True)]


def residuals(table: Table, targets: Sequence[float | None], until: int) -> tuple[list[float | None], Fit]:
    """Each row's target less what its inputs foretell, learned on the rows before `until`.

    Cross-fitted in two halves, so that the rows learned from are no better foretold than the others.
    """
    halves = [fit(table.features, targets, range(side, until, 2)) for side in (0, 1)]
    found: list[float | None] = []
    columns = [column.codes for column in table.features]
    for row, (value, codes) in enumerate(zip(targets, zip(*columns, strict=True), strict=True)):
        found.append(None if value is None else value - halves[1 - row % 2].predict(codes))
    return found, halves[0]


def residual_column(
    found: Sequence[float | None], until: int, name: str = "score given the inputs"
) -> Column:
    """Residuals in cells learned on the rows before `until`; rows without one do not count."""
    cells = learn(found[:until], numeric=True)
    codes = [OUT if value is None else cells.encode(value) for value in found]
    return Column("residual", name, codes, max(cells.width, CELLS))
