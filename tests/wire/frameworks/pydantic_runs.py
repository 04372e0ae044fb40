"""Runs of Pydantic AI's agents, each part in a process of its own, on messages that outlive it.

The model is Pydantic AI's own `FunctionModel`, scripted: what it says next is a function of the messages it gets, and
each call gets an id of its own each time that it is made.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from desk import Desk
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.messages import (
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.tools import DeferredToolRequests
from pydantic_core import to_json

from standwatch.client import Client
from standwatch.client.pydantic_ai import MARK, Standwatch, answered

Plan = list[list[dict[str, Any]]]


def scripted(plan: Plan) -> FunctionModel:
    """Says turn by turn what is planned, then that it is done."""

    def say(messages: list[Any], info: Any) -> ModelResponse:
        del info
        turn = sum(isinstance(one, ModelResponse) for one in messages)
        said = plan[turn] if turn < len(plan) else []
        calls = [
            ToolCallPart(one["name"], one["args"], tool_call_id=f"call_{uuid.uuid4().hex}") for one in said
        ]
        return ModelResponse(parts=calls or [TextPart("Done.")])

    return FunctionModel(say)


def go(
    watch: dict[str, str],
    thread: str,
    folder: str,
    plan: Plan,
    *,
    resume: bool = False,
    kill: str = "",
    fails: int = 0,
    retries: bool = False,
    lasting: bool = True,
) -> dict[str, Any]:
    """One process's part of a run: from the beginning, or from the messages that the last one kept."""
    kept, asked = Path(folder) / f"{thread}.messages", Path(folder) / f"{thread}.asked"
    desk = Desk(f"{folder}/ledger", thread, kill, fails, ModelRetry if retries else RuntimeError)
    governing = Standwatch(Client(watch["url"], watch["token"]), "desk", pauses=lasting)
    output: Any = [str, DeferredToolRequests] if lasting else str
    agent = Agent(scripted(plan), tools=desk.tools, output_type=output, capabilities=[governing])
    more: dict[str, Any] = {"user_prompt": "Pay what is owed."}
    if resume:
        requests = DeferredToolRequests(
            approvals=_calls(ModelMessagesTypeAdapter.validate_json(asked.read_bytes())),
            metadata=_metadata(asked.with_suffix(".metadata")),
        )
        more = {
            "message_history": ModelMessagesTypeAdapter.validate_json(kept.read_bytes()),
            "deferred_tool_results": answered(requests),
        }
    result = agent.run_sync(conversation_id=thread, **more)
    waiting = result.output if isinstance(result.output, DeferredToolRequests) else DeferredToolRequests()
    if waiting.approvals:
        kept.write_bytes(result.all_messages_json())
        asked.write_bytes(ModelMessagesTypeAdapter.dump_json([ModelResponse(parts=waiting.approvals)]))
        asked.with_suffix(".metadata").write_bytes(to_json(waiting.metadata))
    parts = [part for one in result.all_messages() if isinstance(one, ModelRequest) for part in one.parts]
    returned = [one for one in parts if isinstance(one, ToolReturnPart | RetryPromptPart)]
    return {
        "paused": [[one.tool_name, waiting.metadata[one.tool_call_id][MARK]] for one in waiting.approvals],
        "shown": list(waiting.metadata.values()),
        "results": [[one.content, getattr(one, "outcome", "retry")] for one in returned],
        "said": result.output if isinstance(result.output, str) else None,
    }


def _calls(messages: list[Any]) -> list[ToolCallPart]:
    return [part for one in messages for part in one.parts if isinstance(part, ToolCallPart)]


def _metadata(path: Path) -> Any:
    return json.loads(path.read_text())


# What a first run imports and builds is there before processes are forked.
Agent(scripted([]), tools=[]).run_sync("warm")
