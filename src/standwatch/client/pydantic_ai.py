"""Pydantic AI: every call of a function tool is judged, and the run paused while a person is asked.

    agent = Agent(model, toolsets=[...], capabilities=[Standwatch(client, "payments-agent", server="bank")],
                  output_type=[str, DeferredToolRequests])

A capability wraps the toolset that the agent has in the end: what is judged is what the tool gets, whichever toolset it
is of (functions, MCP servers, other capabilities). Where a person is asked the call ends in Pydantic AI's own
`ApprovalRequired`, and the run in `DeferredToolRequests`; a run that is resumed with `answered(requests)` asks again:
what a person signed is in the record, and what is approved here means nothing. Needs `pydantic-ai-slim`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic_ai import ApprovalRequired, RunContext, ToolDenied
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, UserPromptPart
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from standwatch.client.acts import Done, Go, failure
from standwatch.client.errors import LOST, AlreadyDone, ClientError, Failed, Pending
from standwatch.client.loops import PerLoop
from standwatch.client.once import scope_of
from standwatch.client.plain import as_json
from standwatch.client.session import Client

MARK = "standwatch"
"""The member of a deferred call's metadata that holds the reference."""


@dataclass
class Standwatch(AbstractCapability[Any]):
    """Judges each tool call of `system` before it is carried out, and tells what became of it.

    A tool `pay` is `server.pay` in the manifest, or what `names` says; `server` is the system's name where none is
    given. `wait`: seconds in which a person may answer before the run is paused. An agent whose `output_type` has no
    `DeferredToolRequests` cannot be paused: say `pauses=False`, and its model hears that the call waits.

    A call that may not be raises nothing: the model hears one fixed sentence and the reference.
    """

    client: Client
    system: str
    server: str = ""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    wait: float = 0.0
    pauses: bool = True

    def __post_init__(self) -> None:
        self.loops = PerLoop(self.client)

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        """The agent's tools, governed."""
        return _Governed(toolset, self)

    def named(self, tool: str) -> str:
        """What the manifest calls `tool`."""
        return self.names.get(tool, f"{self.server or self.system}.{tool}")


@dataclass
class _Governed(WrapperToolset[Any]):
    terms: Standwatch

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        terms, client = self.terms, self.terms.loops.here()
        key = key_of(ctx, name, tool_args)
        try:
            found = await client.act(terms.system, terms.named(name), tool_args, key=key, wait=terms.wait)
        except Pending as pending:
            if terms.pauses:
                raise ApprovalRequired(_shown(pending)) from None
            return ToolDenied(str(pending))
        except ClientError as error:
            return ToolDenied(str(error))
        if isinstance(found, Done):
            return _before(found)
        return await self._carried(found, name, tool_args, ctx, tool)

    async def _carried(
        self, go: Go, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        client = self.terms.loops.here()
        try:
            result = await super().call_tool(name, _changed(go, tool_args, tool), ctx, tool)
        except (
            ApprovalRequired
        ):  # the tool asks by itself, and has done nothing yet: it is approved, or never called
            await client.part(go, "not_sent")
            raise
        except BaseException as error:
            await client.part(go, *failure(error))
            raise
        await client.part(go, "ok", getattr(result, "return_value", result))
        return result


def answered(requests: DeferredToolRequests) -> DeferredToolResults:
    """What a paused run is resumed with: all of our calls are tried again. Those that a person has not signed wait
    again, those that were refused are told so; whatever else waits is left to its own approval."""
    ours = {
        call.tool_call_id
        for call in requests.approvals
        if MARK in requests.metadata.get(call.tool_call_id, {})
    }
    return DeferredToolResults(approvals=dict.fromkeys(ours, True))


def key_of(ctx: RunContext[Any], name: str, arguments: Mapping[str, Any]) -> str:
    """The name of a call for ever: its work, since which of the user's words, and how often the same came before.

    INVARIANT: not by the id that the model gave it. Where the message with the call was lost with its process, the
    model makes it again under another one. The work is that of `once`, else the conversation.
    """
    calls, prompts = _since(ctx.messages)
    at = next((n for n, one in enumerate(calls) if one.tool_call_id == ctx.tool_call_id), len(calls))
    said = as_json(dict(arguments))
    same = sum(one.tool_name == name and _arguments(one) == said for one in calls[:at])
    return f"{scope_of() or ctx.conversation_id or ''}/{prompts}/{same}"


def _since(messages: Iterable[ModelMessage]) -> tuple[list[ToolCallPart], int]:
    """The calls since the user last spoke, and how often they spoke."""
    calls: list[ToolCallPart] = []
    prompts = 0
    for message in messages:
        if isinstance(message, ModelRequest) and any(
            isinstance(one, UserPromptPart) for one in message.parts
        ):
            prompts, calls = prompts + 1, []
        elif isinstance(message, ModelResponse):
            calls += [one for one in message.parts if isinstance(one, ToolCallPart)]
    return calls, prompts


def _arguments(call: ToolCallPart) -> Any:
    try:
        return call.args_as_dict()
    except (ValueError, AssertionError):
        return None


def _changed(go: Go, tool_args: dict[str, Any], tool: ToolsetTool[Any]) -> dict[str, Any]:
    """The arguments that were judged, read again as the tool takes them."""
    if not go.changed:
        return tool_args
    return cast("dict[str, Any]", tool.args_validator.validate_python(go.arguments))


def _shown(pending: Pending) -> dict[str, str]:
    return {MARK: pending.reference, "message": pending.message, "url": pending.url, "words": pending.words}


def _before(done: Done) -> Any:
    """What the model is told of a call that was carried out before."""
    try:
        return done.value()
    except Failed as error:
        return ToolDenied(str(error))
    except AlreadyDone:
        return LOST
