"""What a caller says beside the rows: how old they are, what they rest on, how it reads the outputs."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final, cast

import msgspec

from standwatch.facts.canonical import SAFE, parse
from standwatch.facts.errors import Malformed
from standwatch.fronts.http_message import Request

MOST_PARAMETERS: Final = 64
"""Parameters of a request besides one age for each feature."""
MOST_NAME: Final = 128
MOST_TEXT: Final = 1_024
MOST_USED: Final = 64
READINGS: Final = frozenset({"type", "min", "max", "polarity", "unit", "labels"})
"""Members of an output's contract that a consumer may state."""

_ID: Final = re.compile(r"(?:[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9]{1,15})(?:/[0-9]{1,7})?", re.ASCII)
# W3C Trace Context §3.2.2: version ff is invalid, as are an all-zero trace-id and parent-id; a later version may
# say more behind what we read.
_TRACE: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?=-|\Z)", re.ASCII
)


class Said(msgspec.Struct, frozen=True):
    """As `facts.decisions.Ask` has them."""

    parameters: dict[str, Any]
    used: tuple[str, ...]
    trace: str


def said(request: Request, parameters: dict[str, Any], features: Collection[str]) -> Said:
    """The request's parameters, checked, with the ids among them or in the `standwatch-used` header.

    Raises `Malformed` saying what was expected.
    """
    used = request.headers.get(b"standwatch-used")
    trace = request.headers.get(b"traceparent")
    ids = "" if used is None else used.decode("latin-1")
    if parameters:
        parameters = {name: value for name, value in parameters.items() if value is not None}
        ids = parameters.pop("used", ids)
        _check(parameters, features)
    return Said(parameters, used_ids(ids) if ids else (), traced(trace) if trace else "")


def _check(parameters: dict[str, Any], features: Collection[str]) -> None:
    if len(parameters) > MOST_PARAMETERS + len(features):
        raise Malformed(f"at most {MOST_PARAMETERS} parameters and an age for each feature were expected")
    for name, value in parameters.items():
        if len(name) > MOST_NAME or not _scalar(value):
            raise Malformed(
                f"parameter {name[:MOST_NAME]!r}: text of at most {MOST_TEXT} characters, a number or a boolean "
                "was expected"
            )
        of = name.removeprefix("age.") if name.startswith("age.") else ""
        if of and of not in features:
            raise Malformed(f"parameter {name!r}: there is no such feature")
        if (of or name == "cache_age") and not (type(value) in (int, float) and value >= 0):
            raise Malformed(f"parameter {name!r}: seconds, zero or more, were expected")


def _scalar(value: object) -> bool:
    match value:
        case str():
            return len(value) <= MOST_TEXT
        case bool():
            return True
        case int():
            return -SAFE < value < SAFE
        case _:
            return isinstance(value, float)


def used_ids(ids: object) -> tuple[str, ...]:
    """Our ids out of `A, B`, or out of a list: of actions, entries, and rows as `entry/row`. Raises `Malformed`."""
    if isinstance(ids, str):
        ids = [one.strip() for one in ids[: MOST_USED * 64].split(",")] if ids.strip() else []
    listed = cast("list[Any]", ids) if isinstance(ids, list) else [ids]
    if len(listed) > MOST_USED or not all(isinstance(one, str) and _ID.fullmatch(one) for one in listed):
        raise Malformed(
            f"used: at most {MOST_USED} ids of ours (26 characters, or entry, or entry/row) were expected"
        )
    return tuple(dict.fromkeys(cast("list[str]", listed)))


def traced(header: bytes) -> str:
    """The W3C `traceparent`, or "": what is malformed is dropped, as its specification wants (§3.2)."""
    found = _TRACE.match(header.decode("latin-1"))
    if found is None or (found[0].startswith("00") and len(header) != 55):
        return ""
    return found[0]


def readings(members: dict[str, Any]) -> dict[str, Any]:
    """How the consumer reads one output: what it states of the contract. Raises `Malformed` for what cannot be read."""
    found = {name: value for name, value in members.items() if name in READINGS and value is not None}
    for name, value in found.items():
        wanted: bool
        if name in ("min", "max"):
            wanted = type(value) in (int, float) and _scalar(value)
        elif name == "labels":
            wanted = isinstance(value, list) and all(
                isinstance(one, str) and len(one) <= MOST_TEXT for one in cast("list[Any]", value)[:1024]
            )
            wanted = wanted and len(cast("list[Any]", value)) <= 1024
        else:
            wanted = isinstance(value, str) and len(value) <= MOST_TEXT
        if not wanted:
            raise Malformed(
                f"{name}: {'a number' if name in ('min', 'max') else 'text or texts'} was expected"
            )
    return found


_MOST_SAID: Final = 512 << 10


def members(raw: msgspec.Raw) -> dict[str, Any]:
    """An object of parameters read strictly; {} where there is none. Raises `Malformed`."""
    data = bytes(raw)
    if not data or data == b"null":
        return {}
    if len(data) > _MOST_SAID:
        raise Malformed(f"parameters: at most {_MOST_SAID:,} bytes were expected")
    value = parse(data)
    if not isinstance(value, dict):
        raise Malformed("parameters: an object was expected")
    return cast("dict[str, Any]", value)
