"""Runs of OpenAI's agents, each part in a process of its own, on a state that outlives it.

The model is scripted: what it says next is a function of the items it gets, as of any model, and each call gets an id
of its own each time that it is made.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    Model,
    ModelResponse,
    ModelSettings,
    RunConfig,
    Runner,
    RunState,
    ToolGuardrailFunctionOutput,
    Usage,
    function_tool,
    set_tracing_disabled,
    tool_input_guardrail,
)
from agents.testing import assistant_message, function_call
from desk import Desk

from standwatch.client import Client, once
from standwatch.client.openai_agents import Standwatch, uncovered

set_tracing_disabled(True)
Plan = list[list[dict[str, Any]]]


class Scripted(Model):
    """Says turn by turn what is planned, then that it is done."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.heard = plan, []

    async def get_response(
        self, system_instructions: Any, input: Any, *args: Any, **more: Any
    ) -> ModelResponse:
        del system_instructions, args, more
        items = [] if isinstance(input, str) else [dict(one) for one in input]
        self.heard = items
        calls = [one for one in items if one.get("type") == "function_call"]
        turn, left = 0, len(calls)
        while turn < len(self.plan) and left > 0:
            left -= len(self.plan[turn])
            turn += 1
        said = self.plan[turn] if turn < len(self.plan) else []
        out = [function_call(one["name"], one["args"], call_id=f"call_{uuid.uuid4().hex}") for one in said]
        return ModelResponse(output=out or [assistant_message("Done.")], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **more: Any) -> Any:
        raise NotImplementedError


@tool_input_guardrail
def never(data: Any) -> ToolGuardrailFunctionOutput:
    """A guardrail of the tool's own that rejects whatever was let go."""
    del data
    return ToolGuardrailFunctionOutput.reject_content("not here")


def go(
    watch: dict[str, str],
    thread: str,
    folder: str,
    plan: Plan,
    *,
    resume: bool = False,
    kill: str = "",
    fails: int = 0,
    settles: bool = True,
    approves: bool = False,
    scope: str = "",
    guarded: bool = False,
    nested: bool = False,
) -> dict[str, Any]:
    """One process's part of a run: from the beginning, or from the state that the last one kept."""
    kept = Path(folder) / f"{thread}.state"
    desk = Desk(f"{folder}/ledger", thread, kill, fails)
    model = Scripted(plan)
    governing = Standwatch(Client(watch["url"], watch["token"]), "desk")

    async def main() -> dict[str, Any]:
        guards = [never] if guarded else None
        made = [function_tool(one, tool_input_guardrails=guards) for one in desk.tools]
        agent = Agent(
            name="clerk", model=model, tools=[*governing.tools(made)], model_settings=ModelSettings()
        )
        if nested:
            helper = agent.as_tool("helper", "Has somebody else do it.")
            outer = Scripted([[{"name": "helper", "args": {"input": "pay it"}}]])
            agent = Agent(name="chief", model=outer, tools=governing.tools([helper]))
        begun: Any = "Pay what is owed."
        if resume:
            begun = await RunState.from_string(agent, kept.read_text())
            if settles:
                await governing.settle(begun)
            for item in begun.get_interruptions() if approves else ():
                begun.approve(item)
        result = await Runner.run(agent, begun, run_config=RunConfig(tracing_disabled=True))
        await governing.close()
        if result.interruptions:
            kept.write_text(result.to_state().to_string())
        items = result.to_input_list()
        return {
            "paused": [[one.name, one.arguments] for one in result.interruptions],
            "results": [one["output"] for one in items if one.get("type") == "function_call_output"],
            "said": result.final_output,
            "uncovered": uncovered(agent),
        }

    with once(scope) if scope else nullcontext():
        return asyncio.run(main())
