"""Watch: every system in one dense table, the troubled ones first."""

from __future__ import annotations

from collections import Counter
from typing import Final
from urllib.parse import quote

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.facts.words import LEVELS
from standwatch.fronts.control_live import TrafficLine
from standwatch.fronts.control_ports import FlightLine, HoldLine, Status, SystemLine

_BAD: Final = 0.05
"""Share of outcomes that went wrong from which a system counts as troubled."""


class Row(msgspec.Struct, frozen=True):
    """One system. Counts are of what is open; `trouble` sorts: less is worse."""

    line: SystemLine
    trouble: int
    holds: tuple[HoldLine, ...] = ()
    relaxations: int = 0
    questions: int = 0
    watch: tuple[str, ...] = ()
    """Ids of those who have it now."""
    traffic: TrafficLine | None = None


class Warned(msgspec.Struct, frozen=True):
    """What is not right, with the page that helps; "" where there is none."""

    text: str
    page: str = ""


class WatchView(msgspec.Struct, frozen=True):
    """Everything that an operator asks first."""

    rows: tuple[Row, ...]
    levels: dict[str, int]
    """How many systems are at each level, the lowest first."""
    elsewhere: tuple[HoldLine, ...]
    """Holds that fall on no declared system by name: on all of them, or on none."""
    flights: tuple[FlightLine, ...]
    warnings: tuple[Warned, ...]
    models: bool
    """Whether any of the systems decides by a model: else there is no column for them."""
    q: str
    since: int
    """Since when traffic was counted (µs); later than an hour ago where there was too much of it."""
    step: int


async def view(ask: Ask) -> WatchView:
    """The page as of the asked moment."""
    status = await ask.status()
    traffic = await ask.ops.traffic(ask.who, ask.as_of)
    lines = {one.system: one for one in traffic.systems}
    words = ask.query.get("q", "").lower().split()
    rows = [row for row in _rows(status, lines) if all(word in _text(row, status) for word in words)]
    return WatchView(
        rows=tuple(sorted(rows, key=lambda row: (row.trouble, row.line.system))),
        levels={
            level: sum(one.level == level for one in status.systems)
            for level in LEVELS
            if any(one.level == level for one in status.systems)
        },
        elsewhere=tuple(one for one in status.holds if not one.covers),
        flights=status.flights,
        warnings=tuple(Warned(text, _page(text)) for text in status.warnings),
        models=any(row.line.models for row in rows),
        q=ask.query.get("q", ""),
        since=traffic.since,
        step=traffic.step,
    )


def _page(text: str) -> str:
    """Where what the warning's command does is done in the console."""
    _, found, name = text.partition(". standwatch watch take ")
    return f"/roster/{quote(name, safe='')}" if found else ""


def _rows(status: Status, traffic: dict[str, TrafficLine]) -> list[Row]:
    relaxed = Counter(one.system for one in status.relaxations)
    asked = Counter(one.system for one in status.questions)
    found: list[Row] = []
    for line in status.systems:
        name = line.system
        holds = tuple(one for one in status.holds if name in one.covers)
        passed = traffic.get(name)
        watched = tuple(one.person for one in status.watches if one.person and name in one.covers)
        trouble = _trouble(line, holds, asked[name], relaxed[name], passed)
        found.append(Row(line, trouble, holds, relaxed[name], asked[name], watched, passed))
    return found


def _trouble(
    line: SystemLine, holds: tuple[HoldLine, ...], asked: int, relaxed: int, traffic: TrafficLine | None
) -> int:
    """Less is worse: halted, restricted, held in part, asking, bypassed, failing, supervised, autonomous."""
    if line.level in ("halted", "restricted"):
        return LEVELS.index(line.level)
    failing = traffic is not None and traffic.done > 0 and traffic.errors / traffic.done >= _BAD
    for place, found in enumerate((holds, asked, relaxed, failing), 2):
        if found:
            return place
    return 6 + (line.level == "autonomous")


def _text(row: Row, status: Status) -> str:
    """What the filter looks through: what the row says."""
    line = row.line
    people = (status.names.get(one, one) for one in (*line.owner, *row.watch))
    return " ".join(
        (
            line.system, line.level, line.purpose, line.environment, f"tier {line.tier}",
            *(why.text for why in line.reasons), *(f"{one.model}@{one.version}" for one in line.models), *people,
        )
    ).lower()  # fmt: skip


WATCH = Page("/", "watch", "Watch", view, query=("q",), menu="Watch", key="w", packed=True)
