"""Tables in plain text as they are found, and the same figures as values for `--json`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from bench.machine import Machine, Raw

Cell = str | int | float


class Report:
    """What was found. With `live` it is printed at once."""

    def __init__(self, *, live: bool) -> None:
        self.found: dict[str, Any] = {}
        self.raw = Raw(0, 0, 0, 0, 0)
        self._live = live

    def _print(self, text: str) -> None:
        if self._live:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def machine(self, here: Machine, found: Raw) -> None:
        """The head of the page."""
        self.raw = found
        self.found["raw"] = msgspec.to_builtins(found)
        load = ", ".join(f"{one:.2f}" for one in here.load)
        self._print(
            f"{here.time}  {here.cores} × {here.cpu}, Linux {here.kernel}, Python {here.python}, "
            f"SQLite {here.sqlite}, load average {load}"
        )
        self._print(
            f"raw: fdatasync of 4 kB {found.syncs:,.0f}/s, p50 {found.sync_p50:.2f} ms, p99 {found.sync_p99:.2f} ms; "
            f"loopback round trip p50 {found.trip_p50:.0f} µs, p99 {found.trip_p99:.0f} µs"
        )

    def note(self, text: str) -> None:
        """A sentence between the tables."""
        self._print(text)
        self.found.setdefault("notes", []).append(text)

    def table(self, name: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A table: its first column is text, the others are numbers or short words."""
        self.found[name] = {"title": title, "rows": [dict(zip(columns, row, strict=True)) for row in rows]}
        texts = [list(columns), *([_cell(cell) for cell in row] for row in rows)]
        widths = [max(len(row[n]) for row in texts) for n in range(len(columns))]
        self._print(f"\n{title}")
        for row in texts:
            first, *rest = row
            cells = [
                first.ljust(widths[0]),
                *(one.rjust(width) for one, width in zip(rest, widths[1:], strict=True)),
            ]
            self._print("  " + "  ".join(cells))


def _cell(value: Cell) -> str:
    match value:
        case float() if abs(value) >= 100:
            return f"{value:,.0f}"
        case float() if abs(value) >= 10:
            return f"{value:.1f}"
        case float():
            return f"{value:.2f}"
        case int():
            return f"{value:,}"
        case _:
            return value
