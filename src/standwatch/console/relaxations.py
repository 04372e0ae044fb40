"""Relaxations: what is bypassed now and until when, what waits for a signature, and what was."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.console.form import Act, Form
from standwatch.console.page import Ask, Page
from standwatch.fronts.control_relaxing import (
    RelaxationLine,
    RelaxationsReport,
    RestoreOrder,
    WaitingRelaxation,
)

MOST_SYSTEMS: Final = 40
"""Systems whose minutes in bypass are told at once; where there are more, of the one that is chosen."""
SPANS: Final = (10, 30, 60, 120, 240, 480, 1_440, 2_880, 10_080)
"""Minutes that a relaxation is offered for."""
_MINUTE: Final = 60_000_000


class Until(msgspec.Struct, frozen=True):
    """An end that may be chosen: in `minutes`, at `at` (µs)."""

    minutes: int
    at: int


class Minutes(msgspec.Struct, frozen=True):
    """How long a check of a system was bypassed since `since`, µs."""

    system: str
    check: str
    since: int
    bypass: int


class RelaxationsView(msgspec.Struct, frozen=True):
    """`open` ends first what ends first. `chosen` is the report on one system, with what it could be relaxed by."""

    at: int
    open: tuple[RelaxationLine, ...]
    waiting: tuple[WaitingRelaxation, ...]
    minutes: tuple[Minutes, ...]
    systems: tuple[str, ...]
    chosen: RelaxationsReport | None
    untils: tuple[Until, ...]
    names: dict[str, str]


async def view(ask: Ask) -> RelaxationsView:
    """What is bypassed as of the moment; reports are of the present."""
    status = await ask.status()
    systems = tuple(one.system for one in status.systems)
    chosen = ask.query.get("system", "")
    wanted = systems if len(systems) <= MOST_SYSTEMS else ()
    if ask.as_of:
        wanted, chosen = (), ""
    reports = [
        await ask.ops.relaxations_of(ask.who, name)
        for name in dict.fromkeys((*wanted, *((chosen,) if chosen else ())))
    ]
    report = next((one for one in reports if one.system == chosen), None)
    longest = max((one.longest for one in report.checks), default=0) if report else 0
    return RelaxationsView(
        at=status.at,
        open=status.relaxations,
        waiting=tuple(one for each in reports for one in each.waiting),
        minutes=tuple(
            Minutes(each.system, check, each.since, spent)
            for each in reports
            for check, spent in sorted(each.bypass.items())
            if spent
        ),
        systems=systems,
        chosen=report,
        untils=tuple(Until(span, ask.now + span * _MINUTE) for span in SPANS if span * 60 <= longest),
        names=status.names,
    )


async def restore(ask: Ask, form: Form) -> str:
    """End a relaxation before its time: one act, no approval."""
    await ask.ops.restore(ask.who, ask.names["id"], RestoreOrder(form.one("reason", "")))
    return "/relaxations"


RELAXATIONS = Page(
    "/relaxations", "relaxations", "Relaxations", view, menu="Relaxations", key="r", query=("system",)
)
RELAXATION_ACTS = (Act("/relaxations/{id}/restore", restore),)
