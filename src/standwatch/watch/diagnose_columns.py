"""Past decisions as columns of small integers, so that one change-point test serves numbers, words, routes and scores.

Cells of a column are learned on the reference rows: those before the time asked about.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from standwatch.facts.decisions import Observation, Value
from standwatch.facts.models import Model
from standwatch.watch.statistics import quantile, spread

Family = Literal[
    "outcome",
    "score",
    "route",
    "version",
    "parameter",
    "age",
    "feature",
    "repeat",
    "pair",
    "residual",
    "relation",
]
CELLS: Final = 8
"""Cells of a number, by quantiles."""
FEW: Final = 12
"""Numbers with no more distinct values than this are taken as words."""
TOP: Final = 12
"""Words with a cell of their own; the others share one."""
SAMPLE: Final = 2_000
DAY: Final = 86_400_000_000
HOUR: Final = 3_600_000_000
SLOTS: Final = 16
"""Eight times of day, on working days and at weekends."""
OUT: Final = -1
"""Code of a row that a column does not count."""


def slot(at: int) -> int:
    """The part of the week that a time (µs UTC) falls in. 1970-01-01 was a Thursday."""
    weekend = (at // DAY + 3) % 7 >= 5
    return (8 if weekend else 0) + at % DAY // (3 * HOUR)


def number(value: Any) -> float | None:
    """`value` as a finite number; None for what is none."""
    if isinstance(value, int | float):
        found = float(value) if abs(value) < 1e300 else math.nan
        return found if math.isfinite(found) else None
    return None


def missing(value: Any) -> bool:
    """Null, not-a-number or the empty string."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


class Numbers(msgspec.Struct, frozen=True):
    """Cells of a number: k holds (edge[k-1], edge[k]]; then one for missing and one for what is no number."""

    edges: tuple[float, ...]

    @property
    def width(self) -> int:
        return len(self.edges) + 3

    def encode(self, value: Any) -> int:
        """The cell of `value`."""
        if missing(value):
            return len(self.edges) + 1
        found = number(value)
        return len(self.edges) + 2 if found is None else bisect_left(self.edges, found)


class Words(msgspec.Struct, frozen=True):
    """Cells of a word: one for each frequent value, then rare ones, then unseen ones, then missing."""

    places: dict[Value, int]
    """Every value of the reference; rare ones share the cell after the frequent ones."""
    frequent: int

    @property
    def width(self) -> int:
        return self.frequent + 3

    def encode(self, value: Any) -> int:
        """The cell of `value`."""
        if missing(value):
            return self.frequent + 2
        return (
            self.places.get(value, self.frequent + 1)
            if isinstance(value, str | int | float)
            else self.frequent + 1
        )


Encoder = Numbers | Words


class Column(msgspec.Struct, frozen=True):
    """One thing that is watched: a code for each row, in [0, width) or `OUT`."""

    family: Family
    name: str
    codes: list[int]
    width: int


class Grid(msgspec.Struct, frozen=True):
    """Blocks of consecutive rows: block b holds rows starts[b] … starts[b+1]-1 and lies in slot slots[b]."""

    starts: tuple[int, ...]
    slots: tuple[int, ...]
    first: int
    """Candidates for the beginning of a change are the blocks from `first`, before `last`."""
    last: int


class Table(msgspec.Struct, frozen=True):
    """A window of decisions, by time. `reference` rows from the beginning are what cells were learned on."""

    model: Model
    rows: Sequence[Observation]
    at: list[int]
    reference: int
    since: int
    """The first row at or after the time asked about."""
    grid: Grid
    encoders: tuple[Encoder, ...]
    features: tuple[Column, ...]
    clocks: dict[int, Column]
    """Features that tell the time of the decision: how far ahead of it, in cells. Their own mix is the day's rhythm."""
    parameters: tuple[Column, ...]
    outcome: Column
    outcomes: tuple[str, ...]


def table(observations: Sequence[Observation], model: Model, since: int, now: int) -> Table:
    """Sort and encode. Rows after `now` are left out; missing members of a row are missing values."""
    rows = sorted(
        (one for one in observations if one.at <= now), key=lambda one: (one.at, one.index, one.row)
    )
    at = [one.at for one in rows]
    begin = bisect_left(at, since)
    reference = begin if begin >= MINIMUM else len(rows) * 2 // 5
    values = [
        [one.values[n] if n < len(one.values) else None for one in rows] for n in range(len(model.inputs))
    ]
    encoders = tuple(
        learn(values[n][:reference], numeric=feature.type in ("number", "integer"))
        for n, feature in enumerate(model.inputs)
    )
    features = tuple(
        Column("feature", feature.name, [*map(encoder.encode, column)], encoder.width)
        for feature, encoder, column in zip(model.inputs, encoders, values, strict=True)
    )
    clocks = {
        n: found
        for n, feature in enumerate(model.inputs)
        if feature.type in ("number", "integer")
        and (found := clock(feature.name, values[n], at, reference)) is not None
    }
    outcomes = [one.outcome for one in rows]
    words = learn(outcomes[:reference], numeric=False)
    known = (
        tuple(str(word) for word, place in words.places.items() if place < words.frequent)
        if isinstance(words, Words)
        else ()
    )
    return Table(
        model=model,
        rows=rows,
        at=at,
        reference=reference,
        since=begin,
        grid=grid(at, begin if begin >= MINIMUM else max(len(rows) // 5, 1)),
        encoders=encoders,
        features=features,
        clocks=clocks,
        parameters=parameters(rows, reference),
        outcome=Column("outcome", "outcome", [*map(words.encode, outcomes)], words.width),
        outcomes=known,
    )


MINIMUM: Final = 200
"""Rows without which nothing is compared."""
AFTER: Final = 40
"""Rows after the beginning of a change, at least."""


def grid(at: Sequence[int], begin: int) -> Grid:
    """At most 200 blocks of equally many rows; a change begins at or after row `begin`."""
    count = max(min(len(at) // 40, 200), 1)
    starts = tuple(n * len(at) // count for n in range(count + 1))
    slots = tuple(slot(at[(starts[n] + starts[n + 1]) // 2]) for n in range(count)) if at else ()
    first = next((n for n in range(count) if starts[n] >= begin), count)
    last = next((n for n in range(count) if starts[n] > len(at) - AFTER), count)
    return Grid(starts, slots, first, last)


TURNS: Final = ((24, HOUR), (1_440, HOUR // 60), (86_400, HOUR // 3_600))
"""A day in hours, minutes and seconds, and each one's µs."""


def turn_of(values: Sequence[float]) -> tuple[int, int] | None:
    """The day that a time of day is told in, by its largest value."""
    return next(((turn, unit) for turn, unit in TURNS if max(values, default=0) <= turn), None)


def circle(values: Sequence[float], turn: float) -> tuple[float, float]:
    """Mean direction on a circle of this length, and how tight it is (1: all the same)."""
    x = sum(math.cos(value / turn * math.tau) for value in values) / max(len(values), 1)
    y = sum(math.sin(value / turn * math.tau) for value in values) / max(len(values), 1)
    return math.atan2(y, x) / math.tau * turn % turn, math.hypot(x, y)


def follows(tight: float, at: Sequence[int]) -> bool:
    """Whether a distance from the clock that is this tight (`circle`) says more than that traffic has its hours."""
    return tight > 0.7 and 1 - tight < 0.3 * (1 - circle([when % DAY for when in at], DAY)[1])


def clock(name: str, values: Sequence[Any], at: Sequence[int], reference: int) -> Column | None:
    """How far a feature is ahead of the time of the decision, in 24 cells and one for missing; None where it is no
    time of day."""
    picked = [
        (found, at[n]) for n in spread(range(reference), SAMPLE) if (found := number(values[n])) is not None
    ]
    known = [value for value, _ in picked]
    day = turn_of(known)
    if day is None or not known or min(known) < 0 or len(set(known)) <= FEW:
        return None
    turn, unit = day
    middle, tight = circle([(value - when % DAY / unit) % turn for value, when in picked], turn)
    if not follows(tight, [when for _, when in picked]):
        return None

    def cell(value: Any, when: int) -> int:
        found = number(value)
        return (
            24 if found is None else math.floor((found - when % DAY / unit - middle) / turn * 24 + 0.5) % 24
        )

    return Column("feature", name, [cell(value, when) for value, when in zip(values, at, strict=True)], 25)


def learn(values: Sequence[Any], *, numeric: bool) -> Encoder:
    """The cells of a column, from its reference values."""
    if numeric:
        found = sorted(x for n in spread(values, SAMPLE) if (x := number(values[n])) is not None)
        if len(set(found)) > FEW:
            edges = sorted({quantile(found, n / CELLS) for n in range(1, CELLS)})
            return Numbers(tuple(edges))
    counts = Counter(value for value in values if not missing(value) and isinstance(value, str | int | float))
    places: dict[Value, int] = {}
    for value, _ in sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0]))):
        places[value] = min(len(places), TOP)
    return Words(places, min(len(places), TOP))


def parameters(rows: Sequence[Observation], reference: int) -> tuple[Column, ...]:
    """What callers say of their requests: words of which there are few, and how old inputs and caches are."""
    counts = Counter(key for n in spread(rows, SAMPLE) for key in rows[n].parameters)
    known = [key for key, count in sorted(counts.items()) if count >= min(len(rows), SAMPLE) / 20][:40]
    found = (_parameter(key, [one.parameters.get(key) for one in rows], reference) for key in known)
    return tuple(column for column in found if column is not None)


def _parameter(key: str, values: Sequence[Any], reference: int) -> Column | None:
    if key == "cache_age" or key.startswith("age."):
        ages = learn(values[:reference], numeric=True)
        return Column("age", key, [*map(ages.encode, values)], ages.width)
    if len({value for n in spread(values, SAMPLE) if isinstance(value := values[n], str)}) > 30:
        return None  # an id, not a kind
    words = learn(
        [value if isinstance(value, str | bool) else None for value in values[:reference]], numeric=False
    )
    if any(isinstance(value, str | bool) for value in values):
        return Column("parameter", key, [*map(words.encode, values)], words.width)
    return None


def derived(table: Table, family: Family, name: str, tell: Callable[[Observation], Value]) -> Column:
    """A column of words told from each row."""
    values = [tell(one) for one in table.rows]
    words = learn(values[: table.reference], numeric=False)
    return Column(family, name, [*map(words.encode, values)], words.width)
