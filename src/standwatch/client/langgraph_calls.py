"""What a tool call of a LangGraph run is: its name for ever, and what its model hears of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, cast

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.prebuilt.tool_node import ToolCallRequest

from standwatch.client.acts import Done, Go
from standwatch.client.errors import LOST, ClientError, Pending, Unavailable
from standwatch.client.plain import LEFT_OUT

UNDONE: Final = "standwatch.undone"
"""The member of a message's artifact by which a call is known that was not carried out and may be repeated."""
above: ContextVar[str] = ContextVar("standwatch.above", default="")
"""The call of another agent that this one's run is part of."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call. `key` is the same whenever it is the same call; `attempts`: how often its node may have failed.

    `lasting`: whether the run can be paused, which takes a checkpointer.
    """

    request: ToolCallRequest
    key: str
    attempts: int
    lasting: bool

    @property
    def name(self) -> str:
        """The tool, as the model calls it."""
        return self.request.tool_call["name"]

    @property
    def whole(self) -> str:
        """A name for the call and what it says."""
        return digest([self.key, self.name, self.request.tool_call["args"]])

    def named(self, attempt: int) -> str:
        """The key of one attempt."""
        return self.key if not attempt else f"{self.key}#{attempt}"

    def message(self, content: Any, status: str = "error", artifact: Any = None) -> ToolMessage:
        """An answer to it; what stands in `artifact` no model sees."""
        call = self.request.tool_call
        return ToolMessage(
            content=content,
            name=call["name"],
            tool_call_id=call["id"] or "",
            status=status,
            artifact=artifact,
        )


def call_of(request: ToolCallRequest, place: str) -> Call:
    """The call in a request. `place` stands for the thread where the run has none."""
    runtime = cast("Any", request.runtime)  # pyright: ignore[reportUnknownMemberType] - its types are not whole
    info = runtime.execution_info
    thread = info.thread_id if info is not None else None
    attempts = info.node_attempt if info is not None else 1
    where = thread or f"{place}/{_invocation(request)}"
    key = f"{where}/{above.get()}/{_occurrence(request)}"
    return Call(request, key, attempts, thread is not None and _kept(runtime.config))


@contextmanager
def inside(call: Call) -> Generator[None]:
    """What an agent does in here that is itself a tool is named by the call of that tool."""
    token = above.set(call.whole)
    try:
        yield
    finally:
        above.reset(token)


def _kept(config: dict[str, Any]) -> bool:
    """Whether the run has a checkpointer. What LangGraph says of it in public is the thread, which may have none."""
    return config.get("configurable", {}).get("__pregel_checkpointer", True) is not None


def _invocation(request: ToolCallRequest) -> str:
    """A run without a thread ends with its invocation: the message that began it has an id of this run alone."""
    asked = [one.id for one in _messages(request.state) if isinstance(one, HumanMessage)]
    return (asked[-1] if asked else "") or os.urandom(12).hex()


def _occurrence(request: ToolCallRequest) -> str:
    """What the user said last, after which message, and how often the same call came since.

    INVARIANT: nothing here is an id that is given while the call's own turn is under way: what was not kept when a
    process ended is made again, with other ids. What stands before the turn was kept when the turn before it ended.
    """
    call = request.tool_call
    messages = _messages(request.state)
    at = next((i for i in range(len(messages) - 1, -1, -1) if _has(messages[i], call["id"])), -1)
    if at < 0:  # nothing is known of what came before
        return f"call/{call['id']}"
    last = next((i for i in range(at, -1, -1) if isinstance(messages[i], HumanMessage)), -1)
    first = last
    while first > 0 and isinstance(messages[first - 1], HumanMessage):
        first -= 1
    former = messages[first - 1].id if first > 0 else ""
    asked = digest([one.content for one in messages[max(first, 0) : last + 1]])
    undone = {one.tool_call_id for one in messages[last + 1 : at] if _undone(one)}
    count = 0
    for one in (one for message in messages[last + 1 : at + 1] for one in _calls(message)):
        if one["id"] == call["id"]:
            break
        count += one["name"] == call["name"] and one["args"] == call["args"] and one["id"] not in undone
    return f"{former}/{asked}/{count}"


def digest(value: Any) -> str:
    """A short name for a value."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _undone(message: Any) -> bool:
    """Whether it says that a call waits, or could not be carried out: repeated, it is the same act."""
    artifact = message.artifact if isinstance(message, ToolMessage) else None
    return isinstance(artifact, dict) and UNDONE in artifact


def _messages(state: Any) -> Sequence[Any]:
    if isinstance(state, list):
        return cast("list[Any]", state)
    if isinstance(state, dict):
        return cast("dict[str, Any]", state).get("messages") or ()
    return getattr(state, "messages", None) or ()


def _calls(message: Any) -> list[Any]:
    return list(message.tool_calls) if isinstance(message, AIMessage) else []


def _has(message: Any, ident: str | None) -> bool:
    return any(one["id"] == ident for one in _calls(message))


# --- what is told, and what is heard -------------------------------------------------------------------------------


def refused(call: Call, error: ClientError) -> ToolMessage:
    """The fixed sentence, and the reference."""
    waits = isinstance(error, Pending | Unavailable)
    return call.message(str(error), artifact={UNDONE: error.reference} if waits else None)


def before(call: Call, done: Done) -> ToolMessage:
    """What came back when it was done."""
    try:
        value = done.value()
    except ClientError as error:
        return refused(call, error) if done.status == "error" else call.message(LOST, "success")
    return call.message(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), "success")


def told(result: Any) -> tuple[str, Any]:
    """The status and the result that are told of what a tool gave back."""
    if not isinstance(result, ToolMessage):  # a command changes the graph's state: that is no result
        return "ok", {LEFT_OUT: type(result).__name__}
    content: Any = result.content
    if result.status == "error":
        return "error", {"error": "ToolMessage", "message": content if isinstance(content, str) else ""}
    return "ok", _read(content)


def _read(content: Any) -> Any:
    """What a tool gave back, before it was made text for a model: so that its values can be told apart."""
    if isinstance(content, str) and content[:1] in ("{", "["):
        try:
            return json.loads(content)
        except ValueError:
            pass
    return content


def changed(request: ToolCallRequest, go: Go) -> ToolCallRequest:
    """The call with the arguments that were judged."""
    if not go.changed:
        return request
    return request.override(tool_call={**request.tool_call, "args": go.arguments})
