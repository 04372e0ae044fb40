"""What forms do: each calls an operation of the API and says where to go next (303, so that reload is harmless)."""

from __future__ import annotations

from typing import Final

from standwatch.console.approvals import DEFERRED_ACTS
from standwatch.console.form import Act, Form, Onward
from standwatch.console.holds import HOLD_ACTS
from standwatch.console.overrides import OVERRIDE_ACTS
from standwatch.console.page import Ask
from standwatch.console.record import RECORD_ACTS
from standwatch.console.relaxations import RELAXATION_ACTS
from standwatch.console.roster import ROSTER_ACTS
from standwatch.console.system import SYSTEM_ACTS
from standwatch.fronts.control_client import FORGET


async def end_session(ask: Ask, _: Form) -> Onward:
    """End one of one's sessions; with the one that asks, its cookie goes."""
    name = ask.names["session"]
    await ask.ops.end_session(ask.who, name)
    if name in ("current", ask.who.session):
        return Onward("/signin", FORGET)
    return Onward("/you")


ACTS: Final[tuple[Act, ...]] = (
    *HOLD_ACTS,
    *SYSTEM_ACTS,
    *DEFERRED_ACTS,
    *RECORD_ACTS,
    *OVERRIDE_ACTS,
    *RELAXATION_ACTS,
    *ROSTER_ACTS,
    Act("/sessions/{session}/end", end_session),
)
"""Every form. A new one: a function in its page's module, and a line here."""
