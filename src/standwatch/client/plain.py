"""Values as JSON has them: the arguments that are judged, and the results that are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

MOST_TOLD: Final = 900_000
"""Bytes of a result that is told; of a longer one only that it was left out."""
LEFT_OUT: Final = "standwatch.left_out"
"""The only member of what stands for a result that was not told."""


def as_json(value: Any) -> Any:
    """`value` as JSON has it. Dataclasses, models, enumerations, dates and numbers of libraries become what they hold.

    Raises TypeError for what JSON has no form for, ValueError for NaN and infinity.

    >>> as_json({"to": ("a", "b"), "amount": 3})
    {'to': ['a', 'b'], 'amount': 3}
    """
    return json.loads(json.dumps(value, allow_nan=False, default=plain))


def told_result(value: Any) -> Any:
    """`value` as it is told. Of what has no form in JSON, or a very long one, is said that it was left out."""
    try:
        text = json.dumps(value, allow_nan=False, default=plain)
    except (TypeError, ValueError, RecursionError):
        return {LEFT_OUT: type(value).__name__}
    return json.loads(text) if len(text) <= MOST_TOLD else {LEFT_OUT: f"{len(text)} bytes"}


def left_out(result: Any) -> bool:
    """Whether `result`, as the record has it, stands for one that was not told."""
    return isinstance(result, dict) and list(cast("dict[str, Any]", result)) == [LEFT_OUT]


def plain(value: Any) -> Any:
    """What `json.dumps` calls for what it does not know; raises TypeError."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    for method in ("model_dump", "tolist", "item", "isoformat"):
        if callable(found := getattr(value, method, None)):
            return found(mode="json") if method == "model_dump" else found()
    match value:
        case Mapping():
            return dict(cast("Mapping[Any, Any]", value))
        case set() | frozenset():
            return sorted(cast("set[Any]", value))
        case _:
            pass
    if type(value).__name__ in ("Decimal", "UUID", "PosixPath", "WindowsPath", "PurePosixPath"):
        return str(value)
    if hasattr(value, "value") and hasattr(value, "name"):  # an enumeration's member
        return value.value
    raise TypeError(f"JSON has no form for {type(value).__name__}")
