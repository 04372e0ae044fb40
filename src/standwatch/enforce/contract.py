"""Output contracts: whether an answer is what the manifest says it is, and whether a consumer reads it right."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from standwatch.facts.models import Output

GOOD: Final = ("", "")
_NUMBERS: Final = frozenset({int, float})
_MOST: Final = 1.7976931348623157e308


def problem(outputs: Sequence[Output], columns: Mapping[str, list[Any]], rows: int) -> tuple[str, str]:
    """(code, reason) of the first thing that is wrong with an answer for `rows` rows; ("", "") for nothing.

    Codes: `missing_output`, `wrong_rows`, `wrong_type`, `not_finite`, `outside_contract`, `unknown_label`,
    `wrong_length`. Columns that the contract does not name are not looked at: they are not passed on either.
    """
    for output in outputs:
        column = columns.get(output.name)
        if column is None:
            return "missing_output", f"{output.name}: not in the answer"
        if len(column) != rows:
            return "wrong_rows", f"{output.name}: {len(column)} rows, expected {rows}"
        found = _labels(output, column) if output.type == "label" else _numbers(output, column)
        if found[0]:
            return found
    return GOOD


def bounds(output: Output) -> tuple[int | float, int | float]:
    """The least and the most that `output` may be; a probability is from 0 to 1 where nothing closer is said."""
    low, high = (0, 1) if output.type == "probability" else (-_MOST, _MOST)
    return low if output.min is None else output.min, high if output.max is None else output.max


def _labels(output: Output, column: list[Any]) -> tuple[str, str]:
    known = frozenset(output.labels)
    for row, value in enumerate(column):
        if not isinstance(value, str):
            return "wrong_type", f"{output.name}: row {row} is no text, expected a label"
        if value not in known:
            return "unknown_label", f"{output.name}: row {row} is none of {', '.join(output.labels)}"
    return GOOD


def _numbers(output: Output, column: list[Any]) -> tuple[str, str]:
    """Of a vector, every member; one comparison finds NaN and infinities too, since the bounds are finite."""
    low, high = bounds(output)
    width = len(output.labels)
    if not width:
        for row, value in enumerate(column):
            if type(value) not in _NUMBERS or not low <= value <= high:
                return _wrong(output, row, value)
        return GOOD
    for row, vector in enumerate(column):
        if not isinstance(vector, list | tuple):
            return "wrong_type", f"{output.name}: row {row} is no list, expected {width} numbers"
        members = cast("Sequence[Any]", vector)
        if len(members) != width:
            return "wrong_length", f"{output.name}: row {row} has {len(members)} members, expected {width}"
        for value in members:
            if type(value) not in _NUMBERS or not low <= value <= high:
                return _wrong(output, row, value)
    return GOOD


def _wrong(output: Output, row: int, value: Any) -> tuple[str, str]:
    if type(value) not in _NUMBERS:
        return "wrong_type", f"{output.name}: row {row} is no number"
    if not -_MOST <= value <= _MOST:
        return "not_finite", f"{output.name}: row {row} is not a finite number"
    low, high = bounds(output)
    said = " to ".join("unbounded" if abs(one) == _MOST else f"{one}" for one in (low, high))
    return "outside_contract", f"{output.name}: row {row} is outside its contract ({said})"


def differs(output: Output, expects: Mapping[str, Any]) -> str:
    """What the consumer takes `output` for and it is not; "" where both mean the same.

    `expects` has what the consumer states of `type`, `min`, `max`, `polarity`, `unit` and `labels`. What it states and
    the contract does not is a difference too: it rests on something that nobody promised.
    """
    low, high = bounds(output)
    said: dict[str, Any] = {
        "type": output.type,
        "min": None if low == -_MOST else low,
        "max": None if high == _MOST else high,
        "polarity": output.polarity,
        "unit": output.unit,
        "labels": list(output.labels),
    }
    for name, wanted in expects.items():
        if name not in said:
            return f"output {output.name!r}: its contract has no member {str(name)[:40]!r}"
        if not _reads_as(name, wanted, said[name]):
            return f"output {output.name!r}: {name} is {_shown(said[name])}, the consumer expects {_shown(wanted)}"
    return ""


def _reads_as(name: str, wanted: Any, said: Any) -> bool:
    if name in ("min", "max"):
        return said is not None and not isinstance(wanted, bool) and wanted == said
    if name == "labels":
        return isinstance(wanted, list | tuple) and list(cast("Sequence[Any]", wanted)) == said
    return isinstance(wanted, str) and " ".join(wanted.lower().split()) == " ".join(said.lower().split())


def _shown(value: Any) -> str:
    if value in ("", None, []):
        return "not stated"
    text = ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
    return repr(text if len(text) <= 60 else text[:57] + "…")
