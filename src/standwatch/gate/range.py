"""Learning a validated range from reference data: bounds, known categories, and a typicality test with a stated rate.

Split conformal: one half of the rows shapes bounds and tree, the other, which had no part in that, sets the threshold.
For a fresh row exchangeable with those n, the chance of an alarm is at most 1 − k/(n+1), where the threshold is the
k-th smallest of their n strangenesses and k = ⌈(n+1)(1−alarm)⌉: Vovk, Gammerman and Shafer, "Algorithmic Learning in
a Random World" (2005), proposition 2.2, on one fixed split. That is exact, for any distribution and any n.

One strangeness, so that one rate covers all: a row within bounds has its surprise; one with a number out of bounds is
stranger than any of those, the more the farther it is out; one of an unknown category is strangest. Where the k-th
smallest is out of bounds, the bounds are moved out to take it in, and no row within them alarms.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from standwatch.facts.decisions import Row, Value
from standwatch.facts.errors import Malformed
from standwatch.facts.models import Feature, Learned
from standwatch.facts.models import Scalar as Category
from standwatch.gate.range_tree import surprises, tree

MOST_BINS: Final = 10
ROWS_A_BIN: Final = 20
"""Rows that a cell of a pair's table should have, on average, before it is divided further."""
MOST_CATEGORIES: Final = 64
MARGINS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""By how much of their width bounds may be moved out, each way, before calibration."""
_MOST: Final = 1.7976931348623157e308
SPARE: Final = 0.25
"""Share of the alarms that values outside bounds and unknown categories may use up; the rest is for typicality."""


class Fitted(msgspec.Struct, frozen=True):
    """A learned range, and what a person should know about it."""

    learned: Learned
    rank: int
    """The threshold is the `rank`-th smallest surprise of the calibration rows."""
    margin: float
    """By how much of their width bounds were moved out at most, before calibration and by it."""
    left_out: dict[str, str]
    """Features that were not learned, and why."""

    @property
    def rate(self) -> float:
        """The chance of an alarm, at most, for a fresh row like the reference data."""
        return 1 - self.rank / (self.learned.calibrated + 1)

    @property
    def tells_typical(self) -> bool:
        """False where bounds and categories use up the whole rate, so that no row within them alarms."""
        return self.learned.threshold < most_surprise(self.learned)

    @property
    def spread(self) -> float:
        """Standard deviation of the rate over calibrations: Beta(n+1−k, k), as order statistics have it."""
        n, k = self.learned.calibrated, self.rank
        return math.sqrt(k * (n + 1 - k) / (n + 2)) / (n + 1)


def rank_of(rows: int, alarm: float) -> int:
    """k = ⌈(n+1)(1−alarm)⌉, of which a rate can be promised only while it is at most n."""
    return (rows + 1) - math.floor((rows + 1) * alarm + 1e-9)


def least_rows(alarm: float) -> int:
    """Reference rows below which no such rate can be promised: half of them calibrate, and (n+1)·alarm ≥ 1."""
    return 2 * (math.ceil(1 / alarm - 1e-9) - 1)


def learn(
    features: Sequence[Feature],
    rows: Sequence[Row],
    *,
    order: Sequence[int],
    alarm: float,
    data: str,
    seed: int,
) -> Fitted:
    """The range of `rows`, which are in the order of `features` and within their declared limits.

    `order` is a shuffle of the rows' indices: chance arrives as a value. Raises `Malformed` where a rate of `alarm`
    cannot be promised from these rows.
    """
    if not 0 < alarm < 1:
        raise Malformed(f"an alarm rate of {alarm} is none: expected one between 0 and 1", code="bad_alarm")
    half = len(rows) // 2
    if half < 1 or rank_of(half, alarm) > half:
        raise Malformed(
            f"{len(rows)} rows cannot promise a false-alarm rate of {alarm:g}: expected at least {least_rows(alarm)}",
            code="too_few_rows",
        )
    shaping = [rows[at] for at in order[half:]]
    calibrating = [rows[at] for at in order[:half]]
    shape = _shape(features, shaping, alarm)
    kept = shape.kept
    columns = [[_bin(shape, at, row[kept[at]]) for row in shaping] for at in range(len(kept))]
    sizes = [_size(shape, at) for at in range(len(kept))]
    parents = tree(columns, sizes)
    tables = surprises(columns, sizes, parents)
    learned = Learned(
        features=tuple(features[at].name for at in kept),
        kinds=shape.kinds,
        low=shape.low,
        high=shape.high,
        edges=shape.edges,
        values=shape.values,
        tree=parents,
        surprise=tables,
        threshold=0.0,
        alarm=alarm,
        rows=len(rows),
        data=data,
        calibrated=half,
        seed=seed,
    )
    strange = sorted(strangeness(learned, [row[at] for at in kept]) for row in calibrating)
    rank = rank_of(half, alarm)
    if math.isinf(strange[rank - 1]):
        raise Malformed(
            f"{sum(map(math.isinf, strange))} of {half} rows have categories that the other {len(shaping)} do not: no "
            f"threshold keeps the rate of {alarm:g}; expected more rows, or a higher rate",
            code="range_unstable",
        )
    threshold, out = strange[rank - 1], max(0.0, strange[rank - 1] - most_surprise(learned))
    learned = msgspec.structs.replace(
        _moved_out(learned, out), threshold=min(threshold, most_surprise(learned))
    )
    return Fitted(learned, rank, shape.margin + out, shape.left_out)


def strangeness(learned: Learned, values: Sequence[Value]) -> float:
    """How strange one row is, `values` in the order of the learned features: its surprise (nats) within bounds; beyond
    any surprise, by its farthest number in widths of the bounds, out of them; infinite of an unknown category."""
    shape = _Shape(learned.kinds, learned.low, learned.high, learned.edges, learned.values)
    bins = [_bin(shape, at, value) for at, value in enumerate(values)]
    if -1 in bins:
        return most_surprise(learned) + max(_out(learned, at, value) for at, value in enumerate(values))
    return sum(
        learned.surprise[at][bins[parent] if parent >= 0 else 0][bins[at]]
        for at, parent in enumerate(learned.tree)
    )


def most_surprise(learned: Learned) -> float:
    """A surprise that no row can have more than."""
    return sum(max(map(max, table)) for table in learned.surprise)


def _out(learned: Learned, at: int, value: Value) -> float:
    """By how many widths of its bounds a number is out of them; infinite for an unknown category."""
    if value is None:
        return 0.0
    if learned.kinds[at] == "category":
        return 0.0 if value in learned.values[at] else math.inf
    assert isinstance(value, int | float)
    low, high = learned.low[at], learned.high[at]
    return max(low - value, value - high, 0.0) / _width(low, high)


def _width(low: float, high: float) -> float:
    return (high - low) or abs(high) or 1.0


def _moved_out(learned: Learned, out: float) -> Learned:
    """`learned` with its numbers' bounds moved out by `out` widths (and a hair, since that row itself is to be in)."""
    if not out:
        return learned
    by = [
        _width(low, high) * out * (1 + 1e-9) if kind == "number" else 0.0
        for kind, low, high in zip(learned.kinds, learned.low, learned.high, strict=True)
    ]
    low = tuple(max(one - more, -_MOST) for one, more in zip(learned.low, by, strict=True))
    high = tuple(min(one + more, _MOST) for one, more in zip(learned.high, by, strict=True))
    return msgspec.structs.replace(learned, low=low, high=high)


# --- shape: bounds, edges, categories ------------------------------------------------------------------------------


class _Shape(msgspec.Struct, frozen=True):
    kinds: tuple[Literal["number", "category"], ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    edges: tuple[tuple[float, ...], ...]
    values: tuple[tuple[Category, ...], ...]
    kept: tuple[int, ...] = ()
    margin: float = 0.0
    left_out: dict[str, str] = {}


def _bin(shape: _Shape, at: int, value: Value) -> int:
    """As `Learned` counts bins; −1 for a value that is outside."""
    if shape.kinds[at] == "number":
        edges = shape.edges[at]
        if value is None:
            return len(edges) + 1
        assert isinstance(value, int | float)
        return bisect_left(edges, value) if shape.low[at] <= value <= shape.high[at] else -1
    known = shape.values[at]
    if value is None:
        return len(known)
    return known.index(value) if value in known else -1


def _size(shape: _Shape, at: int) -> int:
    return len(shape.edges[at]) + 2 if shape.kinds[at] == "number" else len(shape.values[at]) + 1


def _shape(features: Sequence[Feature], rows: Sequence[Row], alarm: float) -> _Shape:
    """Bounds that hold for rows they were not taken from: how far they must be moved out is tried on either half of
    `rows` with the bounds of the other, before the calibration rows are looked at."""
    left_out = dict(_unfit(features, rows))
    kept = [at for at, feature in enumerate(features) if feature.name not in left_out]
    while (worst := _unsettled(features, rows, kept, alarm * SPARE)) is not None:
        once = len(_once(rows, worst))
        left_out[features[worst].name] = (
            f"new categories keep appearing ({once} of {len(rows)} rows have their own)"
        )
        kept.remove(worst)
    if not kept:
        raise Malformed("there is no feature whose range could be learned", code="nothing_to_learn")
    numbers = [at for at in kept if _numeric(features[at])]
    allowed = alarm * SPARE * len(rows) / max(1, len(numbers))
    margins = {at: _margin(features[at], _numbers(rows, at, ordered=False), allowed) for at in numbers}
    widest = max(margins.values(), default=0.0)
    return msgspec.structs.replace(
        _bounded(features, rows, kept, margins), kept=tuple(kept), margin=widest, left_out=left_out
    )


def _margin(feature: Feature, found: list[float], allowed: float) -> float:
    """The least margin with which the bounds of either half of `found` hold for all but `allowed` of the other's."""
    middle = len(found) // 2
    halves = (found[:middle], found[middle:])
    for margin in MARGINS:
        out = 0
        for known, fresh in (halves, halves[::-1]):
            low, high = _ends(feature, sorted(known), margin)
            out += sum(not low <= value <= high for value in fresh)
        if out <= allowed:
            return margin
    return MARGINS[-1]


def _unsettled(
    features: Sequence[Feature], rows: Sequence[Row], kept: Sequence[int], spare: float
) -> int | None:
    """The feature with most categories yet to appear, while all of them together would use up more than `spare`.

    What is yet to appear has about the share of the rows that have a category of their own: Good, "The population
    frequencies of species", Biometrika 40 (1953).
    """
    alone = {at: len(_once(rows, at)) for at in kept if not _numeric(features[at])}
    if sum(alone.values()) <= max(1.0, spare * len(rows)):
        return None
    return max(alone, key=lambda at: (alone[at], -at))


def _once(rows: Sequence[Row], at: int) -> list[Value]:
    return [value for value, count in Counter(row[at] for row in rows).items() if count == 1]


def _unfit(features: Sequence[Feature], rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    for at, feature in enumerate(features):
        if feature.type == "text":
            yield feature.name, "text"
        elif all(row[at] is None for row in rows):
            yield feature.name, "missing in every row"
        elif not _numeric(feature) and (count := len(_categories(rows, at))) > MOST_CATEGORIES:
            yield feature.name, f"{count} categories, more than {MOST_CATEGORIES}"


def _numeric(feature: Feature) -> bool:
    return feature.type in ("number", "integer")


def _categories(rows: Sequence[Row], at: int) -> tuple[Category, ...]:
    found = {value for row in rows if (value := row[at]) is not None}
    return tuple(sorted(found, key=lambda one: (type(one).__name__, str(one))))


def _bounded(
    features: Sequence[Feature], rows: Sequence[Row], kept: Sequence[int], margins: Mapping[int, float]
) -> _Shape:
    numbers = {at: _numbers(rows, at) for at in kept if _numeric(features[at])}
    ends = {at: _ends(features[at], found, margins[at]) for at, found in numbers.items()}
    bins = max(3, min(MOST_BINS, math.isqrt(len(rows) // ROWS_A_BIN)))
    return _Shape(
        kinds=tuple("number" if at in numbers else "category" for at in kept),
        low=tuple(ends[at][0] if at in ends else 0.0 for at in kept),
        high=tuple(ends[at][1] if at in ends else 0.0 for at in kept),
        edges=tuple(_edges(numbers[at], bins) if at in numbers else () for at in kept),
        values=tuple(() if at in numbers else _categories(rows, at) for at in kept),
    )


def _numbers(rows: Sequence[Row], at: int, *, ordered: bool = True) -> list[float]:
    found = [float(value) for row in rows if isinstance(value := row[at], int | float)]
    return sorted(found) if ordered else found


def _ends(feature: Feature, found: list[float], margin: float) -> tuple[float, float]:
    """The least and most, moved out by `margin` of their width, but not beyond what is declared."""
    if not found:
        return 0.0, 0.0
    low, high = found[0], found[-1]
    out = _width(low, high) * margin
    least = max(low - out, -_MOST if feature.min is None else float(feature.min))
    most = min(high + out, _MOST if feature.max is None else float(feature.max))
    return least, most


def _edges(found: list[float], bins: int) -> tuple[float, ...]:
    """Edges between bins of about as many rows each; every value a bin of its own where there are few.

    Below the least and above the most lies a bin of its own, up to the bounds: what is there was never seen.
    """
    if not found:
        return ()
    distinct = sorted(set(found))
    cuts = set(distinct)
    if len(distinct) > bins:
        cuts = {found[len(found) * part // bins - 1] for part in range(1, bins)} | {distinct[-1]}
    below = math.nextafter(distinct[0], -math.inf)
    return tuple(sorted(cuts | {below}))
