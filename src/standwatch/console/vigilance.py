"""Vigilance: how watchful those are who approve. Each sees themselves; validators see whom they validate."""

from __future__ import annotations

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.fronts.control_budget import VigilanceReport


class VigilanceView(msgspec.Struct, frozen=True):
    """The report, and who looks."""

    report: VigilanceReport
    me: str


async def view(ask: Ask) -> VigilanceView:
    """Of one system, or of all."""
    report = await ask.ops.vigilance(ask.who, ask.query.get("system", ""), ask.as_of)
    return VigilanceView(report, ask.who.ident)


VIGILANCE = Page("/vigilance", "vigilance", "Vigilance", view, query=("system",))
