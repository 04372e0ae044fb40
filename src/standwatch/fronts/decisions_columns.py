"""What a feature accepts: JSON values of a column, checked against its declared type and the tensor's datatype.

A value of the wrong type spoils its row and no other. Columns are looked at as a whole first: the set of types in them
tells in one pass that there is nothing to look at one by one.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from standwatch.facts.canonical import SAFE
from standwatch.facts.models import Feature, Model

MOST_TEXT: Final = 4_096
"""Characters of one value."""
MOST_KEPT: Final = 256
"""Characters kept of a value that cannot be read."""

_INTEGERS: Final[dict[str, tuple[int, int]]] = {
    **{f"INT{n}": (-(2 ** (n - 1)), 2 ** (n - 1) - 1) for n in (8, 16, 32)},
    **{f"UINT{n}": (0, 2**n - 1) for n in (8, 16, 32)},
    "INT64": (1 - SAFE, SAFE - 1),
    "UINT64": (0, SAFE - 1),
}
"""What each datatype holds, and no more than JSON readers agree on (RFC 7493 §2.2)."""
_FLOATS: Final[dict[str, float]] = {
    "FP16": 65_504.0,
    "FP32": 3.4028234663852886e38,
    "FP64": float("inf"),
}
DATATYPES: Final = ("BOOL", *_INTEGERS, *_FLOATS, "BYTES")
"""Open Inference Protocol V2, "Tensor Data Types"."""

_NUMERIC: Final = frozenset((*_INTEGERS, *_FLOATS))
_OF_TYPE: Final[dict[str, frozenset[str]]] = {
    "number": _NUMERIC,
    "integer": _NUMERIC,
    "boolean": _NUMERIC | {"BOOL"},
    "text": frozenset({"BYTES"}),
}
_NAMED: Final = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "text": "text",
    "category": "a category",
}
_PASSING: Final[dict[str, frozenset[type]]] = {
    "number": frozenset({float}),
    "text": frozenset({str}),
    "boolean": frozenset({bool}),
    "category": frozenset({str, bool}),
}
_NOTHING: Final = type(None)


def accepted(feature: Feature) -> frozenset[str]:
    """The datatypes in which `feature` may come."""
    if feature.type != "category":
        return _OF_TYPE[feature.type]
    if feature.one_of is None:
        return frozenset({"BYTES", "BOOL", *_INTEGERS})
    found: set[str] = set()
    for kind in set(map(type, feature.one_of)):
        found |= {"BYTES"} if kind is str else {"BOOL"} if kind is bool else _NUMERIC
    return frozenset(found)


def datatype(feature: Feature) -> str:
    """The datatype that describes `feature` best."""
    match feature.type:
        case "number":
            return "FP64"
        case "integer":
            return "INT64"
        case "boolean":
            return "BOOL"
        case "category":
            kinds = accepted(feature)
            best = "BYTES" if "BYTES" in kinds else "BOOL" if "BOOL" in kinds else "INT64"
            return "FP64" if best == "INT64" and float in map(type, feature.one_of or ()) else best
        case "text":
            return "BYTES"


class Column:
    """Reads the values of one feature. `of` is a datatype, or "" for plain JSON, where the value's type says it all."""

    __slots__ = ("_expected", "_high", "_kinds", "_low", "_name", "_plain", "_type")

    def __init__(self, feature: Feature, of: str = "") -> None:
        self._name, self._type = feature.name, feature.type
        self._kinds = _kinds(accepted(feature) & ({of} if of else frozenset(DATATYPES)))
        largest = _FLOATS.get(of, float("inf"))
        self._low, self._high = _INTEGERS.get(of, (-largest, largest))
        # Of these types every value will do: what is left to look at is how large a number and how long a text is.
        plain = _PASSING.get(feature.type, frozenset()) & self._kinds
        if largest != float("inf"):
            plain -= {float}
        # Null is a value that is missing. Whether it may be is the validated range's to say.
        self._plain = plain | {_NOTHING}
        self._expected = f"{_NAMED[feature.type]} was expected" + (f" in {of}" if of else "")

    def read(self, values: list[Any], problems: dict[int, str]) -> list[Any]:
        """The column as the model's rows have it. What cannot be read goes into `problems` by row."""
        kinds = set(map(type, values))
        if kinds <= self._plain:
            if str not in kinds or all(len(value) <= MOST_TEXT for value in values if value.__class__ is str):
                return values
        elif len(kinds) == 1 and (int in kinds or float in kinds) and self._fit(kinds, values):
            return values
        return [self._one(row, value, problems) for row, value in enumerate(values)]

    def _fit(self, kinds: set[type], values: list[Any]) -> bool:
        """Whether a column that is all integers or all fractions can stay as it is."""
        if self._type == "boolean" or not kinds <= self._kinds or (self._type != "number" and float in kinds):
            return False
        low, high = min(values), max(values)
        return self._low <= low and high <= self._high and (float in kinds or (low > -SAFE and high < SAFE))

    def _one(self, row: int, value: Any, problems: dict[int, str]) -> Any:
        kind = cast("type[object]", type(value))
        if value is None:
            return None
        if kind in self._kinds:
            if kind is str:
                if len(value) <= MOST_TEXT:
                    return value
            elif kind is bool:
                return value
            elif self._low <= value <= self._high and (kind is float or -SAFE < value < SAFE):
                whole = self._whole(value)
                if whole is not None:
                    return whole
        problems.setdefault(row, f"{self._name}: {self._expected}")
        return kept(value)

    def _whole(self, value: float) -> int | float | bool | None:
        """A number as this feature wants it: numpy and pandas make fractions of whole numbers and of flags."""
        match self._type:
            case "boolean":
                return bool(value) if value in (0, 1) else None
            case "integer":
                return value if isinstance(value, int) else _integer(value)
            case "category":
                whole = value if isinstance(value, int) else _integer(value)
                return value if whole is None else whole
            case _:
                return value


def _integer(value: float) -> int | None:
    return int(value) if value.is_integer() and -SAFE < value < SAFE else None


def _kinds(datatypes: frozenset[str]) -> frozenset[type]:
    """The JSON types that values of these datatypes have. A fraction is never an integer's, whatever it is worth."""
    found: set[type] = set()
    for name in datatypes:
        found |= {bool} if name == "BOOL" else {str} if name == "BYTES" else {int}
        found |= {float} if name in _FLOATS else set()
    return frozenset(found)


def kept(value: Any) -> str | int | float | bool | None:
    """Something that cannot be read, as the record keeps it: itself where that is short, else how it begins."""
    kind = cast("type[object]", type(value))
    if value is None or kind is bool or kind is float or (kind is int and -SAFE < value < SAFE):
        return value
    if kind is str:
        return value[:MOST_KEPT]
    if kind is int:  # writing thousands of digits would be refused by the interpreter
        return "an integer beyond 2^53"
    try:
        return msgspec.json.encode(value)[:MOST_KEPT].decode("utf-8", "replace")
    except (msgspec.EncodeError, RecursionError, OverflowError):
        return kind.__name__


class Columns:
    """The readers of a model's features, in their order."""

    def __init__(self, model: Model) -> None:
        self.names = tuple(feature.name for feature in model.inputs)
        self.place = {name: place for place, name in enumerate(self.names)}
        self.plain = tuple(Column(feature) for feature in model.inputs)
        self.typed = tuple({of: Column(feature, of) for of in accepted(feature)} for feature in model.inputs)
        self.optional = frozenset(feature.name for feature in model.inputs if feature.missing)
