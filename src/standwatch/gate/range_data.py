"""Reference data as text → rows of a model's features: strict, since it decides what is let through."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from standwatch.facts.decisions import Row, Value
from standwatch.facts.errors import Malformed
from standwatch.facts.models import Feature

MISSING: Final = frozenset({"", "NA", "NaN", "nan", "null", "NULL", "None"})
"""How missing numbers and booleans are written. Of categories and text only the empty one is: `None` may be a name."""
BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}
MOST_ROWS: Final = 1_000_000

_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[-+]?[0-9]{1,15}", re.ASCII)


_NO_CELLS: list[str] = []


class Reference(msgspec.Struct, frozen=True):
    """Rows in the order of the features. `unread`: columns of the file that are no feature's."""

    rows: list[Row]
    unread: tuple[str, ...]


def read_reference(features: Sequence[Feature], text: str) -> Reference:
    """The rows of a CSV (RFC 4180) with a header, columns by the features' names.

    Raises `Malformed`, with the line, for what is not of the type that the manifest declares. Bounds do not count here.
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[Row] = []
    try:
        header = [name.strip() for name in next(reader, _NO_CELLS)]
        places = _places(features, header)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise _bad(reader.line_num, f"{len(cells)} cells, expected {len(header)} as in the header")
            if len(rows) >= MOST_ROWS:
                raise _bad(reader.line_num, f"more than {MOST_ROWS:,} rows, expected a sample")
            rows.append(_row(features, places, cells, reader.line_num))
    except csv.Error as error:
        raise _bad(reader.line_num, str(error)) from None
    wanted = {feature.name for feature in features}
    return Reference(rows, tuple(name for name in header if name not in wanted))


def _bad(line: int, what: str) -> Malformed:
    return Malformed(f"reference data, line {line}: {what}", code="bad_data")


def _places(features: Sequence[Feature], header: list[str]) -> list[int]:
    """Where each feature stands. A byte order mark before the first name is forgiven."""
    if header:
        header[0] = header[0].removeprefix("\ufeff")
    lacking = [feature.name for feature in features if header.count(feature.name) != 1]
    if lacking:
        raise _bad(1, f"{', '.join(lacking[:5])}: expected one column of each input's name")
    return [header.index(feature.name) for feature in features]


def _row(features: Sequence[Feature], places: list[int], cells: list[str], line: int) -> Row:
    return tuple(
        _value(feature, cells[at].strip(), line) for feature, at in zip(features, places, strict=True)
    )


def _value(feature: Feature, cell: str, line: int) -> Value:
    if cell == "" or (cell in MISSING and feature.type in ("number", "integer", "boolean")):
        return None
    match feature.type:
        case "text":
            return cell
        case "category":
            return _category(feature, cell, line)
        case "boolean":
            if (found := BOOLEANS.get(cell.lower())) is None:
                raise _bad(line, f"{feature.name}: {cell[:40]!r}, expected true or false")
            return found
        case "number" | "integer":
            return _number(feature, cell, line)


def _number(feature: Feature, cell: str, line: int) -> int | float:
    if not _NUMBER.fullmatch(cell):
        raise _bad(line, f"{feature.name}: {cell[:40]!r}, expected a number")
    found = float(cell)
    if abs(found) == float("inf") or (feature.type == "integer" and not found.is_integer()):
        expected = "a whole number" if feature.type == "integer" else "a finite number"
        raise _bad(line, f"{feature.name}: {cell[:40]!r}, expected {expected}")
    return int(found) if feature.type == "integer" else found


def _category(feature: Feature, cell: str, line: int) -> str | int:
    """What the manifest means by it: a table of text does not tell 3 from "3"."""
    for one in feature.one_of or ():
        if isinstance(one, str | int) and str(one) == cell:
            return one
    if feature.one_of is None and _WHOLE.fullmatch(cell):
        raise _bad(
            line,
            f"{feature.name}: {cell[:40]!r} may be text or a number; expected one_of in the manifest to say which",
        )
    return cell
