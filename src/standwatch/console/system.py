"""System: what one system may, what it is made of, what that rests on, and the forms that take its versions back."""

from __future__ import annotations

import msgspec

from standwatch.console.form import Act, Form
from standwatch.console.page import Ask, Page
from standwatch.facts.errors import NotFound
from standwatch.fronts.control_coverage import CoverageSheet
from standwatch.fronts.control_live import TrafficLine
from standwatch.fronts.control_models import RollbackOrder
from standwatch.fronts.control_ports import HoldLine, QuestionLine, SystemLine
from standwatch.fronts.control_relaxing import RelaxationLine
from standwatch.fronts.control_systems import SystemSheet


class SystemView(msgspec.Struct, frozen=True):
    """One system: its line of the Watch, its sheet, what is open on it, and what passed in the last hour."""

    line: SystemLine
    sheet: SystemSheet
    holds: tuple[HoldLine, ...]
    questions: tuple[QuestionLine, ...]
    relaxations: tuple[RelaxationLine, ...]
    traffic: TrafficLine | None
    since: int
    coverage: CoverageSheet


async def view(ask: Ask) -> SystemView:
    """The page as of the asked moment."""
    name = ask.names["system"]
    status = await ask.status()
    line = next((one for one in status.systems if one.system == name), None)
    if line is None:
        raise NotFound(f"no system of that name that you may see: {name[:80]}", cure="GET /")
    sheet = await ask.ops.system(ask.who, name, ask.as_of)
    traffic = await ask.ops.traffic(ask.who, ask.as_of)
    return SystemView(
        line=line,
        sheet=sheet,
        holds=tuple(one for one in status.holds if one.id in sheet.holds or one.scope == "all"),
        questions=tuple(one for one in status.questions if one.system == name),
        relaxations=tuple(one for one in status.relaxations if one.system == name),
        traffic=next((one for one in traffic.systems if one.system == name), None),
        since=traffic.since,
        coverage=await ask.ops.coverage(ask.who, name, ask.as_of),
    )


async def rollback(ask: Ask, form: Form) -> str:
    """Back to a former version in one act; what was in front is held."""
    system = ask.names["system"]
    order = RollbackOrder(form.one("reason", ""), form.one("model"), form.one("to", ""))
    await ask.ops.rollback(ask.who, system, order)
    return f"/systems/{system}"


SYSTEM = Page("/systems/{system}", "system", "System", view, halts="system:{system}")
SYSTEM_ACTS = (Act("/systems/{system}/rollback", rollback),)
