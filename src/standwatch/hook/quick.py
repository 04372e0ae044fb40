"""JSON, digests and sockets from the parts of the interpreter that are written in C, without what wraps them.

`json`, `socket`, `signal` and `hashlib` import some thirty modules between them, which takes longer than all else that
a hook does. What is used here is what they themselves stand on, the same in every Python from 3.11 on; where one of
these parts is missing, its module does it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SPACE = " \t\n\r"


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class _Context:
    """What the scanner asks its decoder for (`json.decoder.JSONDecoder`)."""

    strict = True
    object_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_constant)

    def __init__(self, pairs: Callable[[list[tuple[str, Any]]], Any] | None) -> None:
        self.object_pairs_hook = pairs
        self.memo: dict[str, str] = {}


def loads(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value in `text`; `pairs` makes its objects. Raises ValueError and RecursionError."""
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(text, object_pairs_hook=pairs, parse_constant=_constant)
    scan: Any = make_scanner(_Context(pairs))  # pyright: ignore[reportArgumentType]
    begin = len(text) - len(text.lstrip(_SPACE))
    try:
        value, end = scan(text, begin)
    except StopIteration:
        raise ValueError("no JSON") from None
    if text[end:].strip(_SPACE):
        raise ValueError("something stands behind the end of the JSON")
    return value


def dumps(value: Any, *, ordered: bool = False) -> str:
    """`value` as JSON in ASCII, without spaces; `ordered` by the names of members. Raises TypeError and ValueError."""
    try:
        from _json import encode_basestring_ascii, make_encoder
    except ImportError:
        import json

        return json.dumps(value, separators=(",", ":"), sort_keys=ordered, allow_nan=False)
    encode: Any = make_encoder({}, _alien, encode_basestring_ascii, None, ":", ",", ordered, False, False)
    return "".join(encode(value, 0))


def _alien(value: Any) -> Any:
    raise TypeError(f"JSON has no form for {type(value).__name__}")


def digest(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    try:
        from _sha2 import sha256  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    except ImportError:
        try:
            from _sha256 import sha256  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
        except ImportError:
            from hashlib import sha256
    return sha256(data).hexdigest()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
