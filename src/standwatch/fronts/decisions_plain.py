"""Rows in plain JSON, as data frames and our own client have them: names once or in every row, values as JSON types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from standwatch.facts.decisions import Rows
from standwatch.facts.errors import Malformed
from standwatch.fronts.decisions_columns import Columns
from standwatch.fronts.decisions_read import MOST_ROWS, Batch

MOST_SAID = 64


def of_rows(columns: Columns, names: Sequence[object], rows: Any) -> Batch:
    """Rows as lists in the order of `names`: each of the model's features once and no other; those that may be missing
    may be left out. Raises `Malformed`."""
    if not _named(columns, names):
        raise Malformed(f"each of the features {_list(columns.names)} was expected once, and no other")
    listed = _listed(rows)
    width = len(names)
    problems: dict[int, str] = {}
    for at, row in enumerate(listed):
        if not isinstance(row, list) or len(cast("list[Any]", row)) != width:
            problems[at] = f"{width} values were expected"
            listed[at] = [None] * width
    given: dict[object, list[Any]] = dict(zip(names, map(list, zip(*listed, strict=True)), strict=True))
    nothing: list[Any] = [None] * len(listed)
    return _batch(columns, [given.get(name, nothing) for name in columns.names], problems)


def _named(columns: Columns, names: Sequence[object]) -> bool:
    if not all(isinstance(name, str) for name in names):
        return False
    found = set(names)
    return len(found) == len(names) and found | columns.optional == set(columns.names)


def of_records(columns: Columns, records: Any) -> Batch:
    """Rows as objects. What is left out is missing; a feature that nobody declared spoils its row.

    Raises `Malformed`.
    """
    listed = _listed(records)
    known = columns.place.keys()
    problems: dict[int, str] = {}
    for at, record in enumerate(listed):
        if not isinstance(record, dict):
            problems[at] = "an object of features was expected"
        elif unknown := cast("dict[str, Any]", record).keys() - known:
            problems[at] = f"there is no feature {min(unknown)[:MOST_SAID]!r}"
    found = [
        [cast("dict[str, Any]", one).get(name) if isinstance(one, dict) else None for one in listed]
        for name in columns.names
    ]
    return _batch(columns, found, problems)


def of_columns(columns: Columns, given: dict[str, Any]) -> Batch:
    """One list for each feature; a list of lists of one value each is one column too. Raises `Malformed`."""
    names = list(given)
    n = len(_listed(given[names[0]])) if names else 0
    if set(names) != set(columns.names) or not all(
        isinstance(one, list) and len(cast("list[Any]", one)) == n for one in given.values()
    ):
        raise Malformed(
            f"each of the features {_list(columns.names)} was expected as a list, all of one length"
        )
    return _batch(columns, [_single(given[name]) for name in columns.names], {})


def _batch(columns: Columns, found: list[list[Any]], problems: dict[int, str]) -> Batch:
    read = [reader.read(values, problems) for reader, values in zip(columns.plain, found, strict=True)]
    return Batch(Rows(columns.names, list(zip(*read, strict=True))), problems)


def _single(values: list[Any]) -> list[Any]:
    if all(isinstance(one, list) and len(cast("list[Any]", one)) == 1 for one in values):
        return [one[0] for one in values]
    return values


def _listed(rows: Any) -> list[Any]:
    if not isinstance(rows, list) or not 0 < len(cast("list[Any]", rows)) <= MOST_ROWS:
        raise Malformed(f"a list of 1 to {MOST_ROWS:,} rows was expected")
    return cast("list[Any]", rows)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:MOST_SAID]) + (", …" if len(names) > MOST_SAID else "")
