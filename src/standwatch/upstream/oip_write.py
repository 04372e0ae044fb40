"""Rows → the body of an inference request of the Open Inference Protocol V2. Pure.

The protocol has no missing value. A missing number is written as JSON null in an FP64 tensor, which MLServer reads as
NaN (numpy does); so are missing integers and booleans, whose own datatypes hold no gap: their column is then FP64,
true as 1. Missing text is "". Infinities and NaN are refused: JSON would turn them into a missing value unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from standwatch.facts.decisions import Row, Value
from standwatch.facts.models import Feature, Model

_TEXT: Final = {"content_type": "str"}
_FRAME: Final = {"content_type": "pd"}


class Unwritable(ValueError):
    """Rows that this layout cannot carry; its text is one sentence."""


class _Input(msgspec.Struct, omit_defaults=True, gc=False):
    name: str
    shape: tuple[int, ...]
    datatype: str
    data: Sequence[Value]
    parameters: dict[str, str] | None = None


class _Wanted(msgspec.Struct):
    name: str


class _Request(msgspec.Struct, omit_defaults=True):
    inputs: list[_Input]
    outputs: tuple[_Wanted, ...]
    parameters: dict[str, str] | None = None


_encode: Final = msgspec.json.Encoder().encode
_DATATYPES: Final = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}
Write = Callable[[list[Row]], bytes]


def writer(model: Model) -> Write:
    """What writes rows, in the order of the model's features, as its server wants them. It raises `Unwritable`."""
    return _matrix(model) if model.layout == "matrix" else _columns(model)


def datatype(feature: Feature) -> str:
    """The datatype of a feature's column; "" for categories that tell only by their values."""
    if feature.type != "category":
        return _DATATYPES[feature.type]
    match set(map(type, feature.one_of or ())):
        case kinds if kinds == {str}:
            return "BYTES"
        case kinds if kinds == {bool}:
            return "BOOL"
        case kinds if kinds == {int}:
            return "INT64"
        case kinds if kinds and kinds <= {int, float}:
            return "FP64"
        case _:
            return ""


def _columns(model: Model) -> Write:
    """A tensor `[rows, 1]` for each feature; under `pandas` marked as columns of one frame."""
    frame = model.layout == "pandas"
    named = tuple((feature.name, datatype(feature)) for feature in model.inputs)
    loose = any(not kind for _, kind in named)
    wanted = tuple(_Wanted(output.name) for output in model.outputs)
    parameters = _FRAME if frame else None

    def write(rows: list[Row]) -> bytes:
        shape = (len(rows), 1)
        columns = zip(named, zip(*rows, strict=True), strict=True)
        inputs = [
            _Input(name, shape, kind, data, _TEXT if frame and kind == "BYTES" else None)
            for (name, kind), data in columns
        ]
        if loose:
            _settle(inputs, frame)
        body = _encode(_Request(inputs, wanted, parameters))
        if b"null" in body:  # a missing value, an infinity, or a word that looks like it
            _fill(inputs)
            body = _encode(_Request(inputs, wanted, parameters))
        return body

    return write


def _settle(inputs: list[_Input], frame: bool) -> None:
    """Categories that no list names: text, unless a whole column is integers or booleans."""
    for each in inputs:
        if each.datatype:
            continue
        kinds = set(map(type, each.data)) - {type(None)}
        each.datatype = "INT64" if kinds == {int} else "BOOL" if kinds == {bool} else "BYTES"
        if each.datatype == "BYTES":
            each.data = [value if isinstance(value, str | None) else _word(value) for value in each.data]
            each.parameters = _TEXT if frame else None


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fill(inputs: list[_Input]) -> None:
    """Give missing values the form that their datatype has for them."""
    for each in inputs:
        if each.datatype == "FP64" and _encode(each.data).count(b"null") != each.data.count(None):
            raise Unwritable(f"{each.name}: a value is not a finite number")
        if None not in each.data:
            continue
        if each.datatype == "BYTES":
            each.data = ["" if value is None else value for value in each.data]
        elif each.datatype != "FP64":
            each.datatype, each.data = "FP64", [_number(value) for value in each.data]


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _matrix(model: Model) -> Write:
    """One tensor `[rows, features]` of FP64, row after row."""
    width = len(model.inputs)
    worded = [feature.name for feature in model.inputs if datatype(feature) == "BYTES"]
    # Only what is surely numbers spares a look at each value.
    plain = all(datatype(feature) in ("FP64", "INT64") for feature in model.inputs)
    wanted = tuple(_Wanted(output.name) for output in model.outputs)

    def write(rows: list[Row]) -> bytes:
        if worded:
            raise Unwritable(f"{worded[0]} is text, which one matrix of numbers cannot carry")
        data = list(chain.from_iterable(rows))
        if not plain:
            data = [_number(value) for value in data]
            if str in set(map(type, data)):
                raise Unwritable("a category is text, which one matrix of numbers cannot carry")
        tensor = _Input(model.tensor, (len(rows), width), "FP64", data)
        body = _encode(_Request([tensor], wanted))
        if b"null" in body:
            _fill([tensor])
        return body

    return write
