"""Holds: what is stopped, by whom and why, and the way to start it again. And the forms that stop and start."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.console.form import Act, Form
from standwatch.console.page import Ask, Page
from standwatch.facts.errors import NotFound
from standwatch.fronts.control_ports import FlightLine, HaltOrder, HoldLine, HoldStory, ReleaseOrder

READY_REASON: Final = "Halted from the console with one act; the reason is to follow."
"""What a halt in one tap says: stopping must not wait for words."""


class HoldsView(msgspec.Struct, frozen=True):
    """Every hold in force."""

    holds: tuple[HoldLine, ...]
    systems: tuple[str, ...]


class HoldView(msgspec.Struct, frozen=True):
    """One hold. `hold` is None where it is not in force (any more): then `story` says what became of it."""

    number: str
    hold: HoldLine | None
    flights: tuple[FlightLine, ...]
    """Acts that were under way in what it covers, and whose end is not known yet."""
    later: bool
    """Whether its reason is still to follow."""
    story: HoldStory | None = None
    """None for a hold that never was, or was not yet."""
    others: tuple[HoldLine, ...] = ()
    """Holds of others that are in force on the same scope: it runs again when they are released, too."""


async def holds(ask: Ask) -> HoldsView:
    """All of them, the latest first; those that are not in the record yet before all others."""
    status = await ask.status()
    found = sorted(status.holds, key=lambda one: -one.at)
    return HoldsView(tuple(found), tuple(one.system for one in status.systems))


async def hold(ask: Ask) -> HoldView:
    """One hold by its entry's index."""
    status, number = await ask.status(), ask.names["hold"]
    if not (number.isascii() and number.isdecimal()) or len(number) > 15:
        raise NotFound(f"a hold has the number of its entry; {number[:40]} is none", cure="GET /holds")
    found = next((one for one in status.holds if one.id == int(number)), None)
    covered = found.covers if found is not None else ()
    everything = found is not None and found.scope == "all"
    flights = tuple(one for one in status.flights if everything or one.system in covered)
    later = found is not None and found.reason == READY_REASON
    story = None if found is not None else await _story(ask, number)
    scope = story.line.scope if story is not None else ""
    others = tuple(one for one in status.holds if one.scope == scope)
    return HoldView(number, found, flights, later, story, others)


async def _story(ask: Ask, number: str) -> HoldStory | None:
    try:
        return await ask.ops.hold(ask.who, number, ask.as_of)
    except NotFound:
        return None


async def halt(ask: Ask, form: Form) -> str:
    """Stop a scope at once; a reason may be given, and need not."""
    order = HaltOrder(form.one("scope"), form.one("reason", "") or READY_REASON)
    halted = await ask.ops.halt(ask.who, order)
    return f"/holds/{halted.hold}" if halted.recorded else "/holds"


async def release(ask: Ask, form: Form) -> str:
    """Lift one hold, with a reason."""
    await ask.ops.release(ask.who, ask.names["hold"], ReleaseOrder(form.one("reason", "")))
    return f"/holds/{ask.names['hold']}"


HOLDS = Page("/holds", "holds", "Holds", holds, menu="Holds", key="h")
HOLD = Page("/holds/{hold}", "hold", "Hold", hold)
HOLD_ACTS = (Act("/halt", halt), Act("/holds/{hold}/release", release))
