"""The answer to an inference request of the Open Inference Protocol V2 → columns. Strict, and pure.

Taken: tensors `[n]` and `[n, 1]` for a value of each row, `[n, k]` for a vector, their data flat or nested; numbers
in any FP, INT or UINT datatype, labels in BYTES, or in integers that are labels as they are written. Refused: another
number of rows, a missing output, one that stands twice, another datatype, labels in another order, null (which is how
servers write NaN), infinities, members that occur twice, an answer of another model.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from math import isfinite
from typing import Any, Final, cast

import msgspec

from standwatch.facts.canonical import parse
from standwatch.facts.decisions import Predicted
from standwatch.facts.errors import Malformed
from standwatch.facts.models import Output
from standwatch.upstream.model_http import BadAnswer


class _Tensor(msgspec.Struct, gc=False):
    """`$response_output`."""

    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw
    parameters: msgspec.Raw = msgspec.Raw()


class _Said(msgspec.Struct):
    """`$inference_response`."""

    model_name: str
    outputs: list[_Tensor]
    model_version: str | None = None
    id: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()


_said = msgspec.json.Decoder(_Said)
_members = msgspec.json.Decoder(dict[str, Any] | None)
_FLOATS: Final = frozenset({"FP16", "FP32", "FP64"})
_INTEGERS: Final = frozenset({f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)})
_READERS: Final[dict[type, tuple[msgspec.json.Decoder[list[Any]], msgspec.json.Decoder[list[list[Any]]]]]] = {
    kind: (msgspec.json.Decoder(list[kind]), msgspec.json.Decoder(list[list[kind]]))
    for kind in (float, int, str)
}
_DIGESTS: Final = ("sha256", "digest", "artifact_sha256")
"""Parameters of an answer, or of a model's metadata, that name the artifact which answered."""
_BROKEN: Final = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError)


LONGEST: Final = 128
"""Characters of what a server calls itself: longer names are cut, and so are no version of ours."""


def read(raw: bytes, model: str, outputs: Sequence[Output], rows: int) -> Predicted:
    """The declared outputs of `rows` rows. Raises `BadAnswer`."""
    try:
        said = _said.decode(raw)
        if not _said_once(raw, said):
            parse(raw)
    except (Malformed, *_BROKEN) as error:
        raise BadAnswer(f"the answer is not an inference response: {str(error)[:200]}") from None
    if said.model_name != model:
        raise BadAnswer(f"the model {said.model_name[:80]!r} answered, {model!r} was asked")
    named = {tensor.name: tensor for tensor in said.outputs}
    if len(named) != len(said.outputs):
        raise BadAnswer("an output stands twice in the answer")
    columns: dict[str, list[Any]] = {}
    for output in outputs:
        tensor = named.get(output.name)
        if tensor is None:
            raise BadAnswer(f"output {output.name}: not in the answer")
        columns[output.name] = _column(output, tensor, rows)
    return Predicted(columns, (said.model_version or "")[:LONGEST], digest(said.parameters))


def digest(parameters: msgspec.Raw) -> str:
    """The artifact's SHA-256 in hexadecimal, where `parameters` name one; else ""."""
    told = _told(parameters)
    for name in _DIGESTS:
        value = told.get(name)
        if isinstance(value, str):
            return value.removeprefix("sha256:").lower()[:128]
    return ""


def _told(parameters: msgspec.Raw) -> dict[str, Any]:
    if not parameters:
        return {}
    try:
        return _members.decode(parameters) or {}
    except _BROKEN:
        raise BadAnswer("the answer's parameters are not an object") from None


def _said_once(raw: bytes, said: _Said) -> bool:
    """True where no member can stand twice: each name occurs as often as its value was read. The typed reader keeps
    the last of two; where this is in doubt the strict one reads the whole again."""
    n = len(said.outputs)
    told = sum(1 for tensor in said.outputs if tensor.parameters) + bool(said.parameters)
    return (
        b"\\" not in raw
        and raw.count(b'"data"') == n
        and raw.count(b'"name"') == n
        and raw.count(b'"shape"') == n
        and raw.count(b'"datatype"') == n
        and raw.count(b'"outputs"') == 1
        and raw.count(b'"model_name"') == 1
        and raw.count(b'"model_version"') <= 1
        and raw.count(b'"id"') <= 1
        and raw.count(b'"parameters"') == told
        and (not told or _plain_parameters(said))
    )


def _plain_parameters(said: _Said) -> bool:
    """Whether parameters hold nothing twice either: written again they are as long as they were."""
    for each in (said.parameters, *(tensor.parameters for tensor in said.outputs)):
        if each and len(msgspec.json.encode(_told(each))) != len(bytes(each)):
            return False
    return True


def _column(output: Output, tensor: _Tensor, rows: int) -> list[Any]:
    vector = output.type != "label" and bool(output.labels)
    shape = tensor.shape
    if not shape or shape[0] != rows:
        raise BadAnswer(f"output {output.name}: {shape[0] if shape else 0} rows, {rows} were asked about")
    wide = len(output.labels) if vector else 1
    if shape[1:] != [wide] and (vector or len(shape) != 1):
        expected = f"[{rows}, {wide}]" if vector else f"[{rows}] or [{rows}, 1]"
        raise BadAnswer(f"output {output.name}: shape {shape[:8]}, expected {expected}")
    _check_labels(output, tensor)
    flat = _data(output, tensor, rows, wide)
    if output.type == "label":
        return _labels(output, tensor, flat)
    if not _finite(flat):
        raise BadAnswer(f"output {output.name}: a row is not a finite number")
    return [flat[at : at + wide] for at in range(0, rows * wide, wide)] if vector else flat


def _finite(values: list[Any]) -> bool:
    try:
        return all(map(isfinite, values))
    except OverflowError:  # an integer beyond every float
        return False


def _check_labels(output: Output, tensor: _Tensor) -> None:
    """A server that names the labels of its vector must name ours in our order."""
    labels = _told(tensor.parameters).get("labels") if tensor.parameters else None
    if labels is None:
        return
    if not isinstance(labels, list) or [str(each) for each in cast("list[Any]", labels)] != [*output.labels]:
        raise BadAnswer(f"output {output.name}: its labels are not {', '.join(output.labels)} in this order")


def _data(output: Output, tensor: _Tensor, rows: int, wide: int) -> list[Any]:
    """The values row after row."""
    flat, nested = _READERS[_kind(output, tensor.datatype)]
    raw = bytes(tensor.data)
    try:
        if raw[1:].lstrip(b" \t\r\n")[:1] == b"[":
            lists = nested.decode(raw)
            if len(lists) != rows or any(len(each) != wide for each in lists):
                raise BadAnswer(f"output {output.name}: its data has not the shape that it says")
            return [value for each in lists for value in each]
        values = flat.decode(raw)
    except msgspec.DecodeError as error:
        what = "a row is null (NaN)" if b"null" in raw else str(error)[:120]
        raise BadAnswer(f"output {output.name}: {what}") from None
    if len(values) != rows * wide:
        raise BadAnswer(f"output {output.name}: {len(values)} values, its shape says {rows * wide}")
    return values


def _kind(output: Output, datatype: str) -> type:
    if datatype in _INTEGERS:
        return int
    if (datatype in _FLOATS) if output.type != "label" else (datatype == "BYTES"):
        return float if datatype in _FLOATS else str
    expected = "BYTES or an integer" if output.type == "label" else "a number"
    raise BadAnswer(f"output {output.name}: datatype {datatype[:20]!r}, expected {expected}")


def _labels(output: Output, tensor: _Tensor, values: list[Any]) -> list[str]:
    if tensor.datatype != "BYTES":
        return [str(value) for value in values]
    if tensor.parameters and _told(tensor.parameters).get("content_type") == "base64":
        try:
            return [base64.b64decode(value, validate=True).decode("utf-8") for value in values]
        except (binascii.Error, ValueError):
            raise BadAnswer(f"output {output.name}: a label is not the base64 that it says") from None
    return values
