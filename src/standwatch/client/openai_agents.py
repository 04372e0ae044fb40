"""OpenAI Agents SDK: every call of a function tool is judged, and the run paused while a person is asked.

    watch = Standwatch(Client(url, token), "payments-agent", server="bank")
    agent = Agent(name="clerk", tools=watch.tools([pay, look]))
    result = await Runner.run(agent, "Pay what is owed.")
    if result.interruptions: ...  # keep result.to_state().to_string()
    state = await RunState.from_string(agent, text)  # in whatever process, when people had time to answer
    await watch.settle(state)
    result = await Runner.run(agent, state)

The SDK asks a tool's `needs_approval` before it is called: there the call is judged, and where a person is asked the
SDK interrupts the run. `settle` approves what was signed meanwhile, in the record and not in the state, rejects what
was refused and leaves the rest waiting. What somebody else approves in the state is judged all the same when called.
Needs `openai-agents`. What runs elsewhere is not seen: `uncovered` lists it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from agents import Agent, FunctionTool, Handoff, RunContextWrapper, RunState
from agents.items import ToolApprovalItem
from agents.tool_context import ToolContext

from standwatch.client.acts import Done, Go, failure
from standwatch.client.errors import LOST, AlreadyDone, ClientError, Failed, Invalid, Pending, Refused
from standwatch.client.loops import PerLoop
from standwatch.client.once import named
from standwatch.client.session import Client

UNREAD: Final = "The request is not valid for this action. Correct it before calling again."

Found = Go | Done | ClientError


class Standwatch:
    """Judges each call of a function tool of `system` before it is carried out, and tells what became of it.

    A tool `pay` is `server.pay` in the manifest, or what `names` says; `server` is the system's name where none is
    given. `wait`: seconds in which a person may answer before the run is paused. One object serves any number of runs;
    `close` tells of calls that were let go and never begun, because a guardrail of the tool's rejected them.

    A call is named by the id that the model gave it, which stands in the state of the run; within `once(scope)` by how
    often the same came before in that work, so that a run may also be begun again from nothing.

    A call that may not be raises nothing: the model hears one fixed sentence and the reference.
    """

    def __init__(
        self,
        client: Client,
        system: str,
        *,
        server: str = "",
        names: Mapping[str, str] | None = None,
        wait: float = 0.0,
    ) -> None:
        self._loops, self._system, self._server = PerLoop(client), system, server or system
        self._names, self._wait = dict(names or {}), wait
        self._ours: set[str] = set()
        self._found: dict[str, Found] = {}
        """By a call's id: what was answered before the SDK calls its tool."""
        self.pending: dict[str, Pending] = {}
        """By the `call_id` of an interruption: the reference, the page to sign at, and the words that it must show."""

    def tools(self, tools: Sequence[FunctionTool]) -> list[FunctionTool]:
        """These tools, governed. Agents as tools stay as they are: their own tools are to be governed.

        Raises ValueError for a tool with a `needs_approval` of its own: who is asked stands in the manifest.
        """
        return [one if _is_agent(one) else self._governed(one) for one in tools]

    def _governed(self, tool: FunctionTool) -> FunctionTool:
        if tool.needs_approval is not False:
            raise ValueError(f"{tool.name} has a needs_approval of its own: say in the manifest who is asked")

        async def needs(context: RunContextWrapper[Any], arguments: dict[str, Any], call: str) -> bool:
            del context
            return isinstance(await self._ask(tool.name, arguments, call), Pending)

        async def invoke(context: ToolContext[Any], text: str) -> Any:
            return await self._invoke(tool, context, text)

        self._ours.add(tool.name)
        return replace(tool, needs_approval=needs, on_invoke_tool=invoke)

    async def _ask(self, tool: str, arguments: dict[str, Any], call: str) -> Found:
        """What is answered to a call. What lets it go is kept until it is carried out."""
        found = self._found.get(call)
        if found is None:
            name = self._names.get(tool, f"{self._server}.{tool}")
            key = named(name, arguments, call)
            try:
                client = self._loops.here()
                found = await client.act(self._system, name, arguments, key=key, wait=self._wait)
            except ClientError as error:
                found = error
            self.pending.pop(call, None)
            if isinstance(found, Pending):
                self.pending[call] = found
            else:
                self._found[call] = found
        return found

    async def _invoke(self, tool: FunctionTool, context: ToolContext[Any], text: str) -> Any:
        call = context.tool_call_id
        arguments = _read(text)
        if arguments is None:
            return UNREAD
        found = await self._ask(tool.name, arguments, call)
        self._found.pop(call, None)
        match found:
            case Done():
                return _before(found)
            case Go():
                return await self._carried(tool, context, found, text)
            case _:
                return str(found)

    async def _carried(self, tool: FunctionTool, context: ToolContext[Any], go: Go, text: str) -> Any:
        client, heard = self._loops.here(), _Heard(tool)
        said = json.dumps(go.arguments) if go.changed else text
        try:
            result = await heard.invoke(context, said)
        except BaseException as error:
            await client.part(go, *failure(error))
            raise
        # The SDK makes words for the model of what a tool raises; what it raised is what became of the act.
        await client.part(go, *(failure(heard.error) if heard.error is not None else ("ok", result)))
        return result

    async def settle(self, state: RunState[Any, Any]) -> list[ToolApprovalItem]:
        """Take up what people answered since `state` was kept; what still waits for them, or is not ours to settle."""
        for name, arguments, call in _calls(state):
            named(self._names.get(name, f"{self._server}.{name}"), arguments, call)
        waiting: list[ToolApprovalItem] = []
        for item in state.get_interruptions():
            if item.name not in self._ours or not await self._settled(state, item):
                waiting.append(item)
        return waiting

    async def _settled(self, state: RunState[Any, Any], item: ToolApprovalItem) -> bool:
        arguments = _read(item.arguments or "")
        if arguments is None:
            state.reject(item, rejection_message=UNREAD)
            return True
        found = await self._ask(item.name or "", arguments, item.call_id or "")
        match found:
            case Go() | Done():
                state.approve(item)  # it is called, and takes up there what was found
                return True
            case Refused() | Invalid():
                self._found.pop(item.call_id or "", None)
                state.reject(item, rejection_message=str(found))
                return True
            case _:
                self._found.pop(item.call_id or "", None)
                return False

    async def close(self) -> None:
        """Tell of what was let go and never begun."""
        kept, self._found = self._found, {}
        for found in kept.values():
            if isinstance(found, Go):
                await self._loops.here().outcome(found, "not_sent")


class _Heard:
    """One call of a tool, and what it raised, which the SDK's own invoker keeps to itself."""

    def __init__(self, tool: FunctionTool) -> None:
        self.error: Exception | None = None
        self.invoke: Any = tool.on_invoke_tool
        body: Any = getattr(self.invoke, "_invoke_tool_impl", None)
        told: Any = getattr(self.invoke, "_on_handled_error", None)
        if (
            body is None or told is None
        ):  # not made by `function_tool`: it raises, or says in words what went wrong
            return

        async def tried(context: ToolContext[Any], text: str) -> Any:
            try:
                return await body(context, text)
            except Exception as error:
                self.error = error
                raise

        self.invoke = type(self.invoke)(tried, told, function_tool=tool)


def uncovered(agent: Agent[Any]) -> list[str]:
    """What this agent, and those that it hands over to, can do that no `Standwatch` sees: tools that OpenAI runs, tools
    of MCP servers, function tools that were not governed. Give MCP servers the gateway's address instead of their own.
    """
    found: list[str] = []
    seen: set[int] = set()
    ahead: list[Agent[Any]] = [agent]
    while ahead:
        one = ahead.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found += [f"{one.name}: tool {tool.name}" for tool in one.tools if not _covered(tool)]
        found += [f"{one.name}: MCP server {server.name}" for server in one.mcp_servers]
        within = [getattr(tool, "_agent_instance", None) for tool in one.tools if _is_agent(tool)]
        ahead += [each for each in within if isinstance(each, Agent)]
        ahead += [each for each in one.handoffs if isinstance(each, Agent)]
        found += [
            f"{one.name}: handoff {each.tool_name}" for each in one.handoffs if isinstance(each, Handoff)
        ]
    return found


def _covered(tool: Any) -> bool:
    return _is_agent(tool) or getattr(getattr(tool, "on_invoke_tool", None), "__module__", "") == __name__


def _is_agent(tool: Any) -> bool:
    return bool(getattr(tool, "_is_agent_tool", False))


def _read(text: str) -> dict[str, Any] | None:
    """The arguments in a call; None for what is no object."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _calls(state: RunState[Any, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """The calls of function tools in a state, in their order."""
    found: list[tuple[str, dict[str, Any], str]] = []
    for item in cast("list[dict[str, Any]]", state.to_json().get("generated_items", [])):
        raw = cast("dict[str, Any]", item.get("raw_item") or {})
        arguments = _read(str(raw.get("arguments", ""))) if raw.get("type") == "function_call" else None
        if arguments is not None and item.get("type") == "tool_call_item":
            found.append((str(raw["name"]), arguments, str(raw["call_id"])))
    return found


def _before(done: Done) -> Any:
    """What the model is told of a call that was carried out before."""
    try:
        return done.value()
    except Failed as error:
        return str(error)
    except AlreadyDone:
        return LOST
