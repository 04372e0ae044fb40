"""Routes. How everything stands, holds, agents, and who is told."""

from __future__ import annotations

from typing import Any, Final

from standwatch.fronts.control_live import Summary
from standwatch.fronts.control_notify import Notifications, TestSent
from standwatch.fronts.control_ports import (
    Actor,
    AgentLine,
    AgentOrder,
    Done,
    Halted,
    HaltOrder,
    HoldStory,
    Issued,
    Operations,
    ReleaseOrder,
    Status,
)
from standwatch.fronts.control_route import Route

HOLDS: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/whoami",
        "whoami",
        "Who the server takes you for.",
        Actor,
        lambda _, call: _now(call.who),
    ),
    Route(
        "GET",
        "/status",
        "status",
        "Systems with their grants, holds, questions, runs, what is in flight, the log; now or as of a moment.",
        Status,
        lambda ops, call: ops.status(call.who, call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/summary",
        "summary",
        "What must be in sight: how much is held, bypassed and waiting, and who has the watch; now or as of a moment.",
        Summary,
        lambda ops, call: ops.summary(call.who, call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "POST",
        "/holds",
        "halt",
        "Stop a scope: in memory at once, then in the record. Lists what was in flight.",
        Halted,
        lambda ops, call: ops.halt(call.who, call.body),
        HaltOrder,
        made=True,
    ),
    Route(
        "GET",
        "/holds/{hold}",
        "hold",
        "One hold, in force or over: who placed it and why, who released it and why; now or as of a moment.",
        HoldStory,
        lambda ops, call: ops.hold(call.who, call.names["hold"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "POST",
        "/holds/{hold}/release",
        "release",
        "Lift one hold: its holder may, or the scope's halt authority.",
        Done,
        lambda ops, call: ops.release(call.who, call.names["hold"], call.body),
        ReleaseOrder,
    ),
    Route(
        "POST",
        "/markers",
        "take_markers",
        "Sequence halts that were ordered while the server could not be reached.",
        dict[str, int],
        lambda ops, _: _markers(ops),
    ),
    Route(
        "GET",
        "/agents",
        "agents",
        "Principals with tokens.",
        tuple[AgentLine, ...],
        lambda ops, call: ops.agents(call.who),
    ),
    Route(
        "POST",
        "/agents",
        "add_agent",
        "A new principal; its token is told once.",
        Issued,
        lambda ops, call: ops.add_agent(call.who, call.body),
        AgentOrder,
        made=True,
    ),
    Route(
        "POST",
        "/agents/{name}/revoke",
        "revoke_agent",
        "End a principal's credential, and cut what it has in flight.",
        Done,
        lambda ops, call: ops.revoke_agent(call.who, call.names["name"]),
    ),
)

CHANNELS: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/notifications",
        "notifications",
        "Who is told of what happens, which incidents are open, which messages wait or could not be delivered.",
        Notifications,
        lambda ops, call: ops.notifications(call.who),
    ),
    Route(
        "POST",
        "/notifications/{channel}/test",
        "test_channel",
        "Send a message that says that it is a test, and wait for its first attempt.",
        TestSent,
        lambda ops, call: ops.test_channel(call.who, call.names["channel"]),
    ),
)


async def _now(value: Any) -> Any:
    return value


async def _markers(ops: Operations) -> dict[str, int]:
    return {"taken": await ops.take_markers()}
