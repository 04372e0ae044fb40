"""An inference request of the Open Inference Protocol V2 as rows: read strictly, refused with what was expected.

Features come as one tensor each, `[n]` or `[n, 1]`, or all in one tensor `[n, features]` in the manifest's order;
data flattened or nested. Binary tensors and shared memory are extensions that we do not speak.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from standwatch.facts.canonical import parse
from standwatch.facts.decisions import Rows
from standwatch.facts.errors import Malformed
from standwatch.fronts.decisions_columns import DATATYPES, Columns
from standwatch.fronts.decisions_said import members, readings

MOST_ROWS: Final = 4_096
"""Rows of one request."""
MOST_BODY: Final = 8 << 20
"""Bytes of one request."""
HEAVY: Final = 256 << 10
"""Bytes of a request beyond which it is read on a thread of its own: everybody else's decisions go on meanwhile."""
MOST_PARTS: Final = 1 << 18
"""Lists and objects of a heavy request: a million would hold up every thread, and tensors need not be nested."""
MOST_ID: Final = 256
_SAID: Final = 300
"""Characters of what the JSON reader says."""
OURS: Final = "standwatch."
"""Tensors of ours have names that begin with it; they are always given."""
T = TypeVar("T")
_ELSEWHERE: Final = ("binary_data_size", "shared_memory_region")


class Tensor(msgspec.Struct, frozen=True):
    """`$request_input`."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: msgspec.Raw = msgspec.Raw()


class Wanted(msgspec.Struct, frozen=True):
    """`$request_output`."""

    name: str
    parameters: msgspec.Raw = msgspec.Raw()


class Inference(msgspec.Struct, frozen=True):
    """`$inference_request`. What it does not know is ignored: the protocol's extension mechanism."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    outputs: list[Wanted] | None = None


class Batch(msgspec.Struct, frozen=True):
    """Rows that were asked about, and those among them that cannot be read."""

    rows: Rows
    problems: dict[int, str]


_decoder = msgspec.json.Decoder(Inference)


async def at_leisure(raw: bytes, read: Callable[[], T]) -> T:
    """What `read` makes of the request `raw`, off the loop where that takes long.

    Raises what it raises, and `Malformed` for a heavy request of too many parts.
    """
    if len(raw) <= HEAVY:
        return read()
    if raw.count(b"[") + raw.count(b"{") > MOST_PARTS:
        raise Malformed(
            f"at most {MOST_PARTS:,} lists and objects were expected in more than {HEAVY:,} bytes"
        )
    return await asyncio.to_thread(read)


def inference(raw: bytes, binary: bool = False) -> Inference:
    """The request in `raw`; `binary` says that bytes of tensors follow its JSON. Raises `Malformed`."""
    if binary:
        raise Malformed("the binary tensor data extension is not spoken here; send data as JSON")
    try:
        asked = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError) as error:
        raise Malformed(f"not an inference request: {str(error)[:_SAID]}") from None
    if not _said_once(raw, asked):
        parse(raw)
    if asked.id is not None and len(asked.id) > MOST_ID:
        raise Malformed(f"id: at most {MOST_ID} characters were expected")
    return asked


def _said_once(raw: bytes, asked: Inference) -> bool:
    """True where no member can stand twice: each name is there as often as its value was read.

    The typed reader keeps the last of two; where this is in doubt the strict one reads the whole body again.
    """
    inputs, outputs = asked.inputs, asked.outputs or ()
    n = len(inputs)
    told = sum(1 for one in inputs if one.parameters) + sum(1 for one in outputs if one.parameters)
    return (
        b"\\" not in raw
        and raw.count(b'"data"') == n
        and raw.count(b'"name"') == n + len(outputs)
        and raw.count(b'"shape"') == n
        and raw.count(b'"datatype"') == n
        and raw.count(b'"inputs"') == 1
        and raw.count(b'"outputs"') <= 1
        and raw.count(b'"id"') <= 1
        and raw.count(b'"parameters"') == told + bool(asked.parameters)
    )


def batch(columns: Columns, tensors: list[Tensor]) -> Batch:
    """The rows in `tensors`, in the order of the model's features. Raises `Malformed` for what is wrong as a whole."""
    if not tensors:
        raise Malformed("inputs: at least one tensor was expected")
    problems: dict[int, str] = {}
    first = tensors[0]
    if len(tensors) == 1 and first.name not in columns.place and len(first.shape) == 2:
        found = _matrix(columns, first, problems)
    else:
        found = _columns(columns, tensors, problems)
    return Batch(Rows(columns.names, list(zip(*found, strict=True))), problems)


def _columns(columns: Columns, tensors: list[Tensor], problems: dict[int, str]) -> list[list[Any]]:
    place, typed = columns.place, columns.typed
    n = _rows(tensors[0])
    found: list[list[Any] | None] = [None] * len(typed)
    for tensor in tensors:
        at = place.get(tensor.name)
        if at is None:
            raise Malformed(f"{_named(tensor)}: there is no such feature; expected {_list(columns.names)}")
        if found[at] is not None:
            raise Malformed(f"{_named(tensor)}: it stands twice")
        reader = typed[at].get(tensor.datatype)
        if reader is None:
            raise _wrong_datatype(tensor, typed[at].keys())
        found[at] = reader.read(_flat(tensor, n), problems)
    missing = [name for name, values in zip(columns.names, found, strict=True) if values is None]
    if missing:
        raise Malformed(f"inputs: a tensor was expected for {_list(missing)}")
    return [values for values in found if values is not None]


def _flat(tensor: Tensor, n: int) -> list[Any]:
    """The `n` values of a tensor `[n]` or `[n, 1]`."""
    shape, data = tensor.shape, tensor.data
    if shape[:1] != [n] or (len(shape) != 1 and shape[1:] != [1]):
        raise Malformed(f"{_named(tensor)}: shape [{n}] or [{n}, 1] was expected")
    if len(data) != n:
        raise Malformed(
            f"{_named(tensor)}: {n} values were expected, as its shape says; there are {len(data)}"
        )
    if type(data[0]) is list and len(shape) == 2:
        if not all(type(one) is list and len(one) == 1 for one in data):
            raise Malformed(f"{_named(tensor)}: {n} lists of one value were expected, as its shape says")
        data = [one[0] for one in data]
    return _encoded(tensor, data) if tensor.parameters else data


def _matrix(columns: Columns, tensor: Tensor, problems: dict[int, str]) -> list[list[Any]]:
    """One tensor with all features."""
    wide, n = len(columns.names), _rows(tensor)
    if tensor.shape[1] != wide:
        raise Malformed(
            f"{_named(tensor)}: it is no feature; a tensor of all features has shape [{n}, {wide}] in the order "
            f"{_list(columns.names)}"
        )
    readers = [typed.get(tensor.datatype) for typed in columns.typed]
    for typed, reader in zip(columns.typed, readers, strict=True):
        if reader is None:
            raise _wrong_datatype(tensor, typed.keys())
    data = tensor.data
    if len(data) == n and all(type(row) is list and len(row) == wide for row in data):
        data = [value for row in data for value in row]
    if len(data) != n * wide:
        raise Malformed(f"{_named(tensor)}: {n} lists of {wide} values were expected, or {n * wide} values")
    if tensor.parameters:
        data = _encoded(tensor, data)
    return [reader.read(data[at::wide], problems) for at, reader in enumerate(readers) if reader is not None]


def _rows(tensor: Tensor) -> int:
    n = tensor.shape[0] if tensor.shape else 0
    if not 0 < n <= MOST_ROWS:
        raise Malformed(f"{_named(tensor)}: shape [n] with n from 1 to {MOST_ROWS:,} rows was expected")
    return n


def _encoded(tensor: Tensor, data: list[Any]) -> list[Any]:
    """The values of a tensor that says how they are written."""
    told = members(tensor.parameters)
    if any(name in told for name in _ELSEWHERE):
        raise Malformed(f"{_named(tensor)}: binary and shared-memory tensors are not read here; send data")
    if told.get("content_type") != "base64":
        return data
    return [_unwrapped(value) if type(value) is str else value for value in data]


def _unwrapped(text: str) -> Any:
    """Text out of base64; where there is none, something that no feature accepts: the row is spoilt, and kept."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return [text]


def outputs(
    asked: Inference, names: tuple[str, ...]
) -> tuple[tuple[str, ...] | None, dict[str, dict[str, Any]]]:
    """Which outputs are wanted, in which order (None for all), and how the consumer reads them. Raises `Malformed`."""
    if not asked.outputs:
        return None, {}
    wanted: list[str] = []
    expects: dict[str, dict[str, Any]] = {}
    for one in asked.outputs:
        if one.name.startswith(OURS):
            continue
        if one.name not in names or one.name in wanted:
            raise Malformed(
                f"output {one.name[:MOST_ID]!r}: each of {_list(names)} was expected at most once"
            )
        wanted.append(one.name)
        # `binary_data` is an extension's wish: whoever has it also reads JSON, which is what we answer in.
        told = members(one.parameters)
        if stated := readings(told):
            expects[one.name] = stated
    return tuple(wanted) or None, expects


def _wrong_datatype(tensor: Tensor, wanted: Any) -> Malformed:
    named = ", ".join(name for name in DATATYPES if name in wanted)
    return Malformed(f"{_named(tensor)}: datatype {named} was expected, not {tensor.datatype[:16]!r}")


def _named(tensor: Tensor) -> str:
    return f"input {tensor.name[:MOST_ID]!r}"


def _list(names: Any) -> str:
    told = list(names)
    return ", ".join(told[:64]) + (", …" if len(told) > 64 else "")
