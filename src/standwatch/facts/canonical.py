"""Canonical bytes and strict reading of JSON: one meaning, one spelling.

`parse` refuses what JSON lets slip: duplicate keys, integers beyond 2⁵³, NaN, lone surrogates, a BOM, depth.
`canonical` gives RFC 8785 (JCS) bytes. Both have a guarded fast path (about 1 µs) and an exact slow one; the
guards are conservative, and a fuzz test holds the two together.
"""

import json
import re
from typing import Any, Final, NoReturn, cast

import msgspec
import rfc8785

from standwatch.facts.errors import Malformed

SAFE: Final = 2**53
"""Integers strictly inside ±2⁵³ mean the same in every JSON reader (RFC 7493 §2.2)."""

MAX_DEPTH: Final = 64
"""Arrays and objects inside each other; deeper input is refused before anything walks it."""

_plainly = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="sorted")
_shape = bytes.maketrans(b"123456789E", b"000000000e")
"""Every digit to 0: what a long or an exponential number looks like is then found by `in`, ten times faster."""
_LONG: Final = b"0" * 16
_SPACE: Final = b" \t\n\r"
_surrogate = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(raw: bytes) -> Any:
    """The value of strict JSON `raw` (UTF-8). Raises `Malformed` with the reason, never anything else.

    Where re-encoding the parsed value gives the received bytes back but for white space, no duplicate key or odd
    number can have been in them: both are then the same members in the same order. Anything else is read carefully.
    """
    try:
        value = msgspec.json.decode(raw)
        again = _plainly.encode(value)
        if again == raw or again.translate(None, _SPACE) == raw.translate(None, _SPACE):
            _check_depth(raw)
            if not _may_hold_odd_numbers(raw) or _has_safe_numbers(value):
                return value
    except (
        msgspec.DecodeError,
        msgspec.ValidationError,
        RecursionError,
        UnicodeError,
    ):
        pass
    return _parse_carefully(raw)


def parse_foreign(raw: bytes) -> Any:
    """As `parse`, for what is forwarded as it came: a number may be any that JSON can write, for it keeps its spelling.

    Duplicate keys, lone surrogates, NaN and depth are refused all the same: two readers would differ about them.
    """
    try:
        value = msgspec.json.decode(raw)
        again = _plainly.encode(value)
        if again == raw or again.translate(None, _SPACE) == raw.translate(None, _SPACE):
            _check_depth(raw)
            return value
    except (
        msgspec.DecodeError,
        msgspec.ValidationError,
        RecursionError,
        UnicodeError,
    ):
        pass
    return _parse_carefully(raw, safe=False)


def _may_hold_odd_numbers(raw: bytes) -> bool:
    """Sixteen digits in a row or an exponent, in a number or in text: without them every number is safe."""
    shape = raw.translate(_shape)
    return _LONG in shape or b"0e" in shape


def _has_safe_numbers(value: Any) -> bool:
    """No number in `value` is one that `_integer` or `_float` would refuse. Its depth was checked before."""
    kind = cast("type[object]", type(value))
    if kind is int:
        return -SAFE < value < SAFE
    if kind is float:
        return -SAFE < value < SAFE or not value.is_integer()
    if kind is dict:
        return all(map(_has_safe_numbers, cast("dict[str, Any]", value).values()))
    return kind is not list or all(map(_has_safe_numbers, value))


def _parse_carefully(raw: bytes, *, safe: bool = True) -> Any:
    _check_depth(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise Malformed("a byte order mark stands before the JSON")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer if safe else int,
            parse_float=_float if safe else float,
            parse_constant=_constant,
        )
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from None
    if _surrogate.search(raw):
        _refuse_lone_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        name = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise Malformed(f"the member {name[:80]!r} stands twice in one object")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 17 or not -SAFE < (number := int(digits)) < SAFE:
        raise Malformed(f"the integer {digits[:40]} is beyond 2^53")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Malformed(f"the number {digits[:40]} overflows")
    if number.is_integer() and abs(number) >= SAFE:
        raise Malformed(f"the number {digits[:40]} is beyond 2^53")
    return number


def _constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON")


def _check_depth(raw: bytes) -> None:
    """Refuse nesting beyond MAX_DEPTH. Cheap when brackets are few: only then can depth be large."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for piece in _structure.finditer(raw):
        depth += 1 if piece.group() in (b"{", b"[") else -1 if piece.group() in (b"}", b"]") else 0
        if depth > MAX_DEPTH:
            raise Malformed(f"nested deeper than {MAX_DEPTH}")


_structure = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("a lone surrogate is not a character") from None


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of `value` (dict, list, str, int, float, bool, None). Raises `Malformed` where there are none."""
    if _plain(value):
        return _sorted.encode(value)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise Malformed(f"no canonical form: {error}") from None


def _plain(value: Any) -> bool:
    """True where msgspec's sorted bytes are certain to be JCS: safe integers, ASCII keys, ordinary fractions."""
    kind = cast("type[object]", type(value))
    if kind is str:
        return value.isascii() or not _has_surrogate(value)
    if kind is int:
        return -SAFE < value < SAFE
    if kind is dict:
        for key, member in cast("dict[Any, Any]", value).items():
            if type(key) is not str or not key.isascii():
                return False
            if not (type(member) is str and member.isascii()) and not _plain(member):
                return False
        return True
    if kind is list or kind is tuple:
        return all(map(_plain, value))
    if kind is float:
        # Both write the shortest digits that read back (ECMA-262 Number::toString), and here without an exponent.
        return 1e-4 <= abs(value) < 1e15 and not value.is_integer()
    return kind is bool or value is None


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
