"""The roster: who has which watch, and taking one over with the list of what is open."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.console.form import Act, Form
from standwatch.console.page import Ask, Page
from standwatch.console.relaxations import Until
from standwatch.fronts.control_watch import EndWatchOrder, WatchReport, WatchSheet

_HOUR: Final = 3_600_000_000
HOURS: Final = (1, 2, 4, 6, 8, 10, 12, 24, 48, 72)
"""Hours that a watch is offered for."""


class RosterView(msgspec.Struct, frozen=True):
    """Every watch that whoever looks may know of."""

    report: WatchReport
    me: str


class WatchSheetView(msgspec.Struct, frozen=True):
    """One watch with what is open. `take`, `give`: whether whoever looks may; `offered`: that it is offered to them."""

    sheet: WatchSheet
    me: str
    take: bool
    give: bool
    offered: bool
    untils: tuple[Until, ...]


async def roster(ask: Ask) -> RosterView:
    """Who has the watch, now or at a moment."""
    return RosterView(await ask.ops.watches(ask.who, ask.as_of), ask.who.ident)


async def one(ask: Ask) -> WatchSheetView:
    """One watch, to be taken or given; of the past only to be looked at."""
    sheet = await ask.ops.watch(ask.who, ask.names["name"], ask.as_of)
    watch, me = sheet.watch, ask.who.ident
    offered = watch.offer is not None and watch.offer.to == me
    ends = [Until(hours * 60, ask.now + hours * _HOUR) for hours in HOURS if hours * 3_600 <= watch.longest]
    if not ends:
        ends = [Until(watch.longest // 60, ask.now + watch.longest * 1_000_000)]
    return WatchSheetView(
        sheet=sheet,
        me=me,
        take=not ask.as_of and me in watch.people and watch.person != me,
        give=not ask.as_of and watch.person == me,
        offered=offered,
        untils=tuple(ends),
    )


async def end(ask: Ask, form: Form) -> str:
    """Nobody has the watch from here on."""
    await ask.ops.end_watch(ask.who, ask.names["name"], EndWatchOrder(form.one("reason", "")))
    return "/roster"


ROSTER = Page("/roster", "roster", "Roster", roster, menu="Roster", key="o")
ROSTER_ONE = Page("/roster/{name}", "roster_one", "Watch", one)
ROSTER_ACTS = (Act("/roster/{name}/end", end),)
