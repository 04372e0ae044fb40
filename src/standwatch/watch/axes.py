"""Where a feature may go: for each that is actionable, the values it could take, nearest first. Pure."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

import msgspec

from standwatch.facts.decisions import Row, Value
from standwatch.facts.models import Actionable, Feature, Learned, Model

FINEST: Final = 1000
"""Where no step is declared, a number moves in steps of 1, 2 or 5 × 10^n: at least so many to its range."""


class Ray(msgspec.Struct, frozen=True):
    """One way to change one feature: `value(k)` for k in 1..`length`, each farther from the row than the one before.

    A category is a ray of length 1. From a missing value every value is equally far: distance 1.
    """

    feature: int
    length: int
    start: Decimal = Decimal(0)
    step: Decimal = Decimal(0)
    """The k-th value is `start` + k × `step`, in decimals, so that 0.1 + 0.2 is 0.3."""
    values: tuple[Value, ...] = ()
    """Or the values themselves."""
    apart: float = 1.0
    """Distance of one step as a part of the feature's range; distance of all values where `level`."""
    before: int = 0
    """Steps from the row to `start`: they lead over values that are out of bounds, where the row itself is."""
    level: bool = False
    whole: bool = False
    """Whether the values are integers."""

    def value(self, k: int) -> Value:
        """The k-th value."""
        if self.values:
            return self.values[k - 1]
        number = self.start + k * self.step
        return int(number) if self.whole else float(number)

    def distance(self, k: int) -> float:
        """How far the k-th value is, as a part of the feature's range."""
        return self.apart if self.level else (k + self.before) * self.apart


class Axis(msgspec.Struct, frozen=True):
    """An actionable feature, as it was searched. `low` and `high` are None for what is no number."""

    index: int
    feature: str
    rays: tuple[Ray, ...]
    low: float | None = None
    high: float | None = None
    step: float | None = None
    bounded: bool = True
    """Whether bounds were declared or learned; else the search went as far again as the value is from zero, twice."""


def axes(model: Model, row: Row) -> list[Axis]:
    """The axes of every actionable feature, in the manifest's order. Features without a value to go to have no rays."""
    return [
        _axis(model, index, feature, row[index])
        for index, feature in enumerate(model.inputs)
        if feature.actionable is not None
    ]


def _axis(model: Model, index: int, feature: Feature, now: Value) -> Axis:
    if feature.type in ("number", "integer") and not isinstance(now, str | bool):
        if now is not None and not math.isfinite(now):
            return Axis(index, feature.name, ())
        if feature.one_of is not None:
            return _listed(model, index, feature, now)
        return _numeric(model, index, feature, now)
    known = (
        (False, True) if feature.type == "boolean" else feature.one_of or _learned_values(model, feature.name)
    )
    other = [value for value in known if value != now and _may_turn(feature, now, value)]
    return Axis(index, feature.name, tuple(Ray(index, 1, values=(value,), level=True) for value in other))


def _may_turn(feature: Feature, now: Value, value: Value) -> bool:
    """Up and down mean something for a boolean too."""
    direction = (feature.actionable or Actionable()).direction
    return (
        direction == "any"
        or now is None
        or feature.type != "boolean"
        or (value is True) == (direction == "up")
    )


def _listed(model: Model, index: int, feature: Feature, now: float | None) -> Axis:
    """A number that takes only the values of a list."""
    low, high, _ = _bounds(model, feature, now)
    numbers = [value for value in feature.one_of or () if not isinstance(value, str | bool)]
    span = _span(model, feature) or (max(numbers) - min(numbers) if numbers else 0) or 1.0
    rays = [
        Ray(index, 1, values=(value,), level=True, apart=1.0 if now is None else abs(value - now) / span)
        for value in sorted(numbers)
        if value != now and low <= value <= high
    ]
    return Axis(index, feature.name, tuple(rays), float(low), float(high))


def _numeric(model: Model, index: int, feature: Feature, now: float | None) -> Axis:
    low, high, bounded = _bounds(model, feature, now)
    if now is None and not bounded:
        return Axis(index, feature.name, (), bounded=False)
    span = _span(model, feature) or (high - low) or 1.0
    step = _step(feature, span)
    # A number that came as a whole one is told as one.
    whole = step == int(step) and (feature.type == "integer" or isinstance(now, int))
    shape = Ray(index, 0, apart=float(step) / span, whole=whole)
    rays = (
        [_from_missing(index, low, high, step, whole)]
        if now is None
        else [_ray(now, low, high, step, shape), _ray(now, high, low, -step, shape)]
    )
    kept = tuple(ray for ray in rays if ray is not None)
    return Axis(index, feature.name, kept, float(low), float(high), float(step), bounded)


def _ray(now: float, near: float, far: float, step: Decimal, shape: Ray) -> Ray | None:
    """From `now` to `far`, which it does not pass, but for what lies before `near`."""
    here = Decimal(repr(now))
    before = max(0, -int((here - Decimal(repr(near))) // step) - 1)
    length = int((Decimal(repr(far)) - here) / step) - before
    changed = msgspec.structs.replace(
        shape, length=length, start=here + before * step, step=step, before=before
    )
    return changed if length > 0 else None


def _from_missing(index: int, low: float, high: float, step: Decimal, whole: bool) -> Ray | None:
    """From `low` to `high`, all equally far from a value that is not there."""
    start = Decimal(repr(low)) - step
    length = int((Decimal(repr(high)) - start) / step)
    return Ray(index, length, start, step, level=True, whole=whole) if length > 0 else None


def _step(feature: Feature, span: float) -> Decimal:
    """The declared step; 1 for integers; else the widest of 1, 2 or 5 × 10^n that `FINEST` allows."""
    declared = feature.actionable.step if feature.actionable else None
    if declared is not None and declared > 0:
        return Decimal(repr(declared))
    if feature.type == "integer":
        return Decimal(1)
    most = Decimal(repr(span)) / FINEST
    unit = Decimal(10) ** most.adjusted()
    return max((unit * k for k in (1, 2, 5) if unit * k <= most), default=unit)


def _bounds(model: Model, feature: Feature, now: float | None) -> tuple[float, float, bool]:
    """The narrowest of what is actionable, declared and learned, cut at `now` by the direction."""
    change = feature.actionable or Actionable()
    learned = _learned_bounds(model.learned, feature.name)
    lows = [each for each in (change.min, feature.min, learned and learned[0]) if each is not None]
    highs = [each for each in (change.max, feature.max, learned and learned[1]) if each is not None]
    here = 0.0 if now is None else now
    reach = 2 * abs(here) + 1
    low = max(lows, default=here - reach)
    high = min(highs, default=here + reach)
    if now is not None and change.direction == "up":
        low = max(low, now)
    if now is not None and change.direction == "down":
        high = min(high, now)
    needs = (change.direction != "up" or now is None, change.direction != "down" or now is None)
    return low, high, (bool(lows) or not needs[0]) and (bool(highs) or not needs[1])


def _span(model: Model, feature: Feature) -> float:
    """The width of the feature's range, which distances are parts of; 0 where nobody says."""
    learned = _learned_bounds(model.learned, feature.name)
    change = feature.actionable or Actionable()
    for low, high in ((feature.min, feature.max), learned or (None, None), (change.min, change.max)):
        if low is not None and high is not None and high > low:
            return float(high - low)
    return 0.0


def _learned_bounds(learned: Learned | None, name: str) -> tuple[float, float] | None:
    if learned is None or name not in learned.features:
        return None
    k = learned.features.index(name)
    return (learned.low[k], learned.high[k]) if learned.kinds[k] == "number" else None


def _learned_values(model: Model, name: str) -> tuple[Value, ...]:
    if model.learned is None or name not in model.learned.features:
        return ()
    return model.learned.values[model.learned.features.index(name)]
