"""Why a row is outside the validated range, in a sentence, and whether a condition holds of it.

Reasons name the limit and never the value: it stands sealed beside the reason, and is nobody else's business.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final, cast

from standwatch.facts.decisions import Row, Value
from standwatch.facts.models import Condition, Feature, Learned, Model

MOST: Final = 1.7976931348623157e308
"""The largest finite double: what is not within ±MOST is infinite or no number."""
NUMBERS: Final = frozenset({int, float})
_TYPES: Final[Mapping[str, frozenset[type]]] = {
    "number": NUMBERS,
    "integer": NUMBERS,
    "category": frozenset({str, int}),
    "boolean": frozenset({bool}),
    "text": frozenset({str}),
}
_WORDS: Final = {
    "number": "a number",
    "integer": "a whole number",
    "category": "a category, text or a whole number",
    "boolean": "true or false",
    "text": "text",
}
MOST_NAMED: Final = 3
"""Features that are named as the least expected of an untypical row."""


def numeric(feature: Feature) -> bool:
    """Whether `feature` is a number."""
    return feature.type in ("number", "integer")


def types_of(feature: Feature) -> frozenset[type]:
    """The Python types that a value of `feature` may have. A whole number may come as a float, since tensors have one
    type: it is looked at further."""
    return _TYPES[feature.type]


def holds(condition: Condition, named: Mapping[str, object]) -> bool:
    """Whether `condition` holds of the values `named`. A missing value meets `missing: true` and nothing else; what is
    no number is within no bounds."""
    value = named.get(condition.feature)
    if value is None:
        return condition.missing is True
    if condition.missing is True:
        return False
    if condition.min is not None or condition.max is not None:
        if type(value) not in NUMBERS:
            return False
        number = cast("float", value)  # NaN compares false, so is within no bounds
        if condition.min is not None and not number >= condition.min:
            return False
        if condition.max is not None and not number <= condition.max:
            return False
    return condition.one_of is None or any(_same(value, one) for one in condition.one_of)


def _same(value: object, other: object) -> bool:
    """Equal, and not a boolean beside a number."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


class Reasons:
    """One model's limits, as sentences."""

    def __init__(self, model: Model) -> None:
        self._features = model.inputs
        self._limits = tuple(limit for limit in model.known_limits if limit.when)
        self._learned = model.learned
        self._places = {feature.name: index for index, feature in enumerate(model.inputs)}

    def why(self, row: Row) -> tuple[str, str]:
        """(code, reason) of the first limit that `row` is outside of. Called for rows that are outside one."""
        if len(row) != len(self._features):
            return "wrong_type", f"{len(row)} values, expected {len(self._features)}"
        for feature, value in zip(self._features, row, strict=True):
            if found := _declared(feature, value):
                return found
        named = {feature.name: value for feature, value in zip(self._features, row, strict=True)}
        for limit in self._limits:
            if all(holds(condition, named) for condition in limit.when):
                return "known_limit", f"a known limit: {limit.text}"
        learned = self._learned
        for index, name in enumerate(learned.features) if learned else ():
            assert learned is not None
            if outside := _learned(learned, index, named[name]):
                return "outside_learned", f"{name}: {outside}"
        if learned is None:
            return "out_of_bounds", "outside a limit"  # reached only if `Validity` and this disagree: then no
        return "atypical", self._atypical(learned, named)

    def _atypical(self, learned: Learned, named: Mapping[str, Value]) -> str:
        bins = [bin_of(learned, index, named[name]) for index, name in enumerate(learned.features)]
        parts = [
            learned.surprise[index][bins[parent] if parent >= 0 else 0][bins[index]]
            for index, parent in enumerate(learned.tree)
        ]
        least = sorted(range(len(parts)), key=lambda index: -parts[index])[:MOST_NAMED]
        named_ = ", ".join(learned.features[index] for index in least)
        return (
            f"the row as a whole is unlike the reference data (surprise {sum(parts):.2f}, at most "
            f"{learned.threshold:.2f}); least expected: {named_}"
        )


def _declared(feature: Feature, value: Value) -> tuple[str, str] | None:
    name = feature.name
    if value is None:
        return None if feature.missing else ("missing", f"{name}: missing, and it may not be")
    if type(value) not in types_of(feature):
        return "wrong_type", f"{name}: not {_WORDS[feature.type]}"
    if numeric(feature) and isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            return "wrong_type", f"{name}: not a finite number"
        if feature.type == "integer" and isinstance(value, float) and not value.is_integer():
            return "wrong_type", f"{name}: not a whole number"
        unit = f" {feature.unit}" if feature.unit else ""
        if feature.min is not None and value < feature.min:
            return "out_of_bounds", f"{name}: below its minimum of {feature.min}{unit}"
        if feature.max is not None and value > feature.max:
            return "out_of_bounds", f"{name}: above its maximum of {feature.max}{unit}"
        if abs(value) > MOST:
            return "out_of_bounds", f"{name}: beyond what a double can hold"
    if feature.one_of is not None and not any(_same(value, one) for one in feature.one_of):
        return "unknown_category", f"{name}: none of the {len(feature.one_of)} declared values"
    return None


def _learned(learned: Learned, index: int, value: Value) -> str:
    """How a value that is otherwise well is outside what was learned; "" where it is inside."""
    if value is None:
        return ""
    if learned.kinds[index] == "category":
        known = learned.values[index]
        return (
            ""
            if any(_same(value, one) for one in known)
            else "a category that the reference data do not have"
        )
    assert isinstance(value, int | float)
    if value < learned.low[index]:
        return f"below what the reference data have ({learned.low[index]:g})"
    if value > learned.high[index]:
        return f"above what the reference data have ({learned.high[index]:g})"
    return ""


def bin_of(learned: Learned, index: int, value: Value) -> int:
    """The bin of a value that is inside, as `Learned` counts them."""
    if learned.kinds[index] == "number":
        edges = learned.edges[index]
        return len(edges) + 1 if value is None else bisect_left(edges, float(value))
    known = learned.values[index]
    return len(known) if value is None else next(at for at, one in enumerate(known) if _same(value, one))
