"""A stand-in for the model, learned from its own answers: score ≈ base + an effect for each feature's cell + an effect
for the joint cells of the few pairs of features that add most.

By backfitting (Buja, Hastie & Tibshirani 1989; pairs as in GA²M, Lou et al. 2013) with effects shrunk towards
nothing. It is good enough to
say whether the same inputs still come to the same scores, and what the scores would be had one feature not changed;
it is never shown to anybody as the model.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from standwatch.facts.decisions import Observation
from standwatch.watch.diagnose_columns import CELLS, OUT, Column, Numbers, Table, learn, number
from standwatch.watch.statistics import spread

_ROUNDS: Final = 4
_SHRINK: Final = 6.0
"""Rows' worth of no effect in every cell."""
_ROWS: Final = 3_000
_LOOK: Final = 1_500
_COARSE: Final = 4
_JOINTS: Final = 10
_CLIP: Final = 1e-3
_KNOWN: Final = 25
"""Rows of which a cell of the stand-in should have been learned."""


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


class Joint(msgspec.Struct, frozen=True):
    """The effect of two features together, in coarse cells."""

    one: int
    two: int
    effects: tuple[float, ...]


class Fit(msgspec.Struct, frozen=True):
    """Effects by feature and cell; `explained` is the part of the targets' variance they account for."""

    base: float
    effects: tuple[tuple[float, ...], ...]
    explained: float
    joints: tuple[Joint, ...] = ()
    coarse: tuple[tuple[int, ...], ...] = ()
    """For each feature the coarse cell of each cell."""

    def predict(self, codes: Sequence[int]) -> float:
        """The target of a row with these cells."""
        total = self.base
        for effect, code in zip(self.effects, codes, strict=True):
            total += effect[code]
        for joint in self.joints:
            one, two = self.coarse[joint.one][codes[joint.one]], self.coarse[joint.two][codes[joint.two]]
            total += joint.effects[one * _COARSE + two]
        return total


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
    _backfit(effects, cells, rest)
    coarse = [_coarse(column, codes) for column, codes in zip(features, cells, strict=True)]
    pairs, joint = _pairs(coarse, cells, rest)
    together = [[0.0] * _COARSE**2 for _ in pairs]
    _backfit([*effects, *together], [*cells, *joint], rest)
    return Fit(
        base,
        tuple(map(tuple, effects)),
        max(1 - sum(value * value for value in rest) / whole, 0.0),
        tuple(Joint(*pair, tuple(effect)) for pair, effect in zip(pairs, together, strict=True)),
        tuple(map(tuple, coarse)),
    )


def _backfit(effects: Sequence[list[float]], cells: Sequence[Sequence[int]], rest: list[float]) -> None:
    for _ in range(_ROUNDS):
        for mine, codes in zip(effects, cells, strict=True):
            _smooth(mine, codes, rest)


def _coarse(column: Column, codes: Sequence[int]) -> list[int]:
    """Cells drawn together, neighbours with neighbours, into four of about as many rows each."""
    counts = [0] * column.width
    for code in codes:
        counts[code] += 1
    place, seen = [0] * column.width, 0
    for cell, count in enumerate(counts):
        place[cell] = min((seen + count // 2) * _COARSE // max(len(codes), 1), _COARSE - 1)
        seen += count
    return place


def _pairs(
    coarse: Sequence[Sequence[int]], cells: Sequence[Sequence[int]], rest: Sequence[float]
) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """The pairs of features whose joint cells tell most of what is left, with each row's joint cell."""
    small = [[place[code] for code in codes] for place, codes in zip(coarse, cells, strict=True)]
    some = spread(rest, _LOOK)
    left = [rest[n] for n in some]
    picked = [[codes[n] for n in some] for codes in small]
    gains = [
        (_gain(picked[one], picked[two], left), one, two) for one in range(len(small)) for two in range(one)
    ]
    best = [(one, two) for _, one, two in sorted(gains, reverse=True)[:_JOINTS]]
    return best, [[a * _COARSE + b for a, b in zip(small[one], small[two], strict=True)] for one, two in best]


def _gain(one: Sequence[int], two: Sequence[int], left: Sequence[float]) -> float:
    sums, counts = [0.0] * _COARSE**2, [0] * _COARSE**2
    for a, b, value in zip(one, two, left, strict=True):
        cell = a * _COARSE + b
        sums[cell] += value
        counts[cell] += 1
    return sum(total * total / (count + _SHRINK) for total, count in zip(sums, counts, strict=True))


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
    for n, encoder in enumerate(table.encoders):
        if isinstance(encoder, Numbers) and lasting(table, n):
            _straighten(table, n, found, until)
    return found, halves[0]


def lasting(table: Table, n: int) -> bool:
    """Whether most rows have the value of feature `n` of the row before: it is the hour's, not the row's."""
    codes = [one.values[n] if n < len(one.values) else None for one in table.rows[: table.reference]]
    return sum(a == b for a, b in pairwise(codes)) > len(codes) / 2


def _straighten(table: Table, n: int, found: list[float | None], until: int) -> None:
    """Within its cells and beyond them a feature of the hour has its effect by a slope: it goes where it never was."""
    codes = table.features[n].codes
    values = [number(one.values[n]) if n < len(one.values) else None for one in table.rows]
    sums: dict[int, tuple[float, int]] = {}
    for code, value in zip(codes[:until], values, strict=False):
        if value is not None:
            total, count = sums.get(code, (0.0, 0))
            sums[code] = total + value, count + 1
    known = [value for value in values[:until] if value is not None]
    most = max(known) - min(known)
    off = [
        0.0
        if value is None or code not in sums
        else max(min(value - sums[code][0] / sums[code][1], most), -most)
        for code, value in zip(codes, values, strict=True)
    ]
    pairs = [(x, rest) for x, rest in zip(off[:until], found, strict=False) if rest is not None]
    slope = sum(x * rest for x, rest in pairs) / (sum(x * x for x, _ in pairs) or 1.0)
    found[:] = [rest if rest is None else rest - slope * x for x, rest in zip(off, found, strict=True)]


def strange(table: Table, until: int) -> list[bool]:
    """For each row whether a value is one of which the stand-in knows next to nothing: of a cell with few rows before
    `until`, or outside the range seen there. What it foretells of such rows is no sign of anything."""
    found = [False] * len(table.rows)
    for n, (column, encoder) in enumerate(zip(table.features, table.encoders, strict=True)):
        counts = Counter(column.codes[:until])
        rare = {code for code in range(column.width) if counts[code] < _KNOWN}
        values = [number(one.values[n]) if n < len(one.values) else None for one in table.rows]
        known = (
            [value for value in values[:until] if value is not None] if isinstance(encoder, Numbers) else []
        )
        low, high = min(known, default=-math.inf), max(known, default=math.inf)
        room = (high - low) / 2 if known and lasting(table, n) else 0.0
        low, high = low - room, high + room
        for row, (code, value) in enumerate(zip(column.codes, values, strict=True)):
            if code in rare or (value is not None and not low <= value <= high):
                found[row] = True
    return found


ODD: Final = ("score given the inputs", "level of the score given the inputs")
"""Names of the columns of residuals: in eight cells, and in two, which tell a small shift sooner."""


def residual_columns(table: Table, found: Sequence[float | None]) -> list[Column]:
    """Residuals in cells learned on the reference rows; rows without one, and strange ones, do not count."""
    cells = learn(found[: table.reference], numeric=True)
    odd = strange(table, table.reference)
    codes = [
        OUT if value is None or strange_ else cells.encode(value)
        for value, strange_ in zip(found, odd, strict=True)
    ]
    level = [OUT if code == OUT else int(code >= CELLS // 2) for code in codes]
    width = max(cells.width, CELLS)
    return [Column("residual", ODD[0], codes, width), Column("residual", ODD[1], level, 2)]
