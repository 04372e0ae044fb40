"""LangGraph's tool nodes: every tool call is judged, and the run paused while a person is asked.

    graph.add_node("tools", Standwatch(client, "payments-agent", server="bank").node(tools))

Where a person is asked the run stops with LangGraph's own `interrupt`; resumed with whatever value (`resuming`), the
call is asked about again: what a person signed is in the record, never in the value. A run that is begun again, in this
process or another, does nothing twice: a call is named by its thread, what the user said last, and how often the same
call came since, so it has one name however often its node runs. Threads of one system have names of their own. Needs
`langgraph`; agents of LangChain's take `standwatch.client.langchain`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from langchain_core.messages import ToolMessage
from langgraph.errors import GraphBubbleUp, GraphInterrupt, is_invalid_resume
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command

from standwatch.client.acts import Done, Go, failure
from standwatch.client.errors import ClientError, Pending
from standwatch.client.langgraph_calls import Call, before, call_of, changed, inside, refused, told
from standwatch.client.langgraph_pausing import discard, pause, payload, resuming
from standwatch.client.loops import PerLoop
from standwatch.client.session import Client

__all__ = ["Standwatch", "resuming"]

Result = ToolMessage | Command[Any]


class Standwatch:
    """Judges each tool call of `system` before it is carried out, and tells what became of it.

    A tool `pay` is `server.pay` in the manifest, or what `names` says; `server` is the system's name unless given.
    `agents` names tools that do nothing themselves but run an agent whose own tools are governed: they may be paused by
    what is asked inside them. `wait`: seconds in which a person may answer before the run is paused.

    Without a checkpointer nothing can be paused: the model hears that the call waits. A call that may not be raises
    nothing: the model hears one fixed sentence and the reference.
    """

    alone = False
    """Whether each call is a task of its own, as in LangChain's agents: then a tool may interrupt by itself."""

    def __init__(
        self,
        client: Client,
        system: str,
        *,
        server: str = "",
        names: Mapping[str, str] | None = None,
        agents: Collection[str] = (),
        wait: float = 0.0,
    ) -> None:
        super().__init__()
        self._client, self._loops = client, PerLoop(client)
        self._system, self._server, self._names = system, server or system, dict(names or {})
        self._agents, self._wait = frozenset(agents), wait
        self._place = os.urandom(12).hex()

    def node(self, tools: Sequence[Any], **more: Any) -> ToolNode:
        """A tool node for a graph of one's own; `more` as `ToolNode` takes it."""
        wraps = {"wrap_tool_call": self.wrap_tool_call, "awrap_tool_call": self.awrap_tool_call}
        return ToolNode(tools, **wraps, **more)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]
    ) -> Result:
        """One call, from a tool node. Raises what the tool raises, and LangGraph's interrupt."""
        call = call_of(request, self._place)
        try:
            found = self._ask(call)
        except ClientError as error:
            return self._heard(call, error)
        if isinstance(found, Done):
            return before(call, found)
        self._begin()
        try:
            with inside(call):
                result = handler(changed(request, found))
        except BaseException as error:
            with contextlib.suppress(ClientError):  # what stops us is what is raised
                self._client.outcome(found, *self._left(call, error))
            raise
        self._client.outcome(found, *told(result))
        return result

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        """As `wrap_tool_call`."""
        call = call_of(request, self._place)
        try:
            found = await self._ask_waiting(call)
        except ClientError as error:
            return self._heard(call, error)
        if isinstance(found, Done):
            return before(call, found)
        self._begin()
        return await self._carried(call, found, handler)

    async def _carried(
        self, call: Call, go: Go, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        client = self._loops.here()
        try:
            with inside(call):
                result = await handler(changed(call.request, go))
        except BaseException as error:
            await client.part(go, *self._left(call, error))
            raise
        await client.part(go, *told(result))
        return result

    # --- asking ------------------------------------------------------------------------------------------------------

    def _ask(self, call: Call) -> Go | Done:
        for attempt in range(call.attempts):
            found = self._client.act(*self._what(call), key=call.named(attempt), wait=self._wait)
            if not _again(found):
                break
        return found  # pyright: ignore[reportPossiblyUnboundVariable] - there is one attempt at least

    async def _ask_waiting(self, call: Call) -> Go | Done:
        client = self._loops.here()
        for attempt in range(call.attempts):
            found = await client.act(*self._what(call), key=call.named(attempt), wait=self._wait)
            if not _again(found):
                break
        return found  # pyright: ignore[reportPossiblyUnboundVariable] - as above

    def _what(self, call: Call) -> tuple[str, str, Mapping[str, Any]]:
        tool = self._names.get(call.name, f"{self._server}.{call.name}")
        return self._system, tool, call.request.tool_call["args"]

    def _heard(self, call: Call, error: ClientError) -> ToolMessage:
        """What the model hears of a call that may not be, or not yet. Raises LangGraph's interrupt."""
        if isinstance(error, Pending) and call.lasting:
            pause(payload(call.name, error))
        return refused(call, error)

    def _begin(self) -> None:
        if self.alone:
            discard()

    def _left(self, call: Call, error: BaseException) -> tuple[str, Any]:
        """What is told of a call that ended in `error`."""
        # The tool paused itself: it alone knows how far it came.
        if isinstance(error, GraphInterrupt) or is_invalid_resume(error):
            return ("not_sent" if call.name in self._agents else "unknown"), None
        if isinstance(error, GraphBubbleUp):  # it hands over to another part of the graph
            return "ok", None
        return failure(error)


def _again(found: Go | Done) -> bool:
    """Whether an attempt ended in an error, after which a node that is tried again may try again."""
    return isinstance(found, Done) and found.status == "error"
