"""The MCP front between a gate and servers that a test scripts: requests in, answers and acts out, no socket."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from standwatch.enforce.ports import Act, Forward, Reply
from standwatch.facts.configuration import Component, Definition
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.facts.sse import SseParser
from standwatch.fronts.http_message import ClientGone, Request, Response, Stream
from standwatch.fronts.mcp.front import McpFront
from standwatch.fronts.mcp.turn import Limits
from wire.bare_gateway import SYSTEM, TOKEN, PassThrough, configuration, everything

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}, "sampling": {}, "roots": {}},
}
BOTH = "application/json, text/event-stream"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}

Script = Callable[[McpCall], Awaitable[McpAnswer]]


class Gate(PassThrough):
    """Lets everything pass but what `words` says otherwise of a tool (`server.name`). Remembers every act."""

    def __init__(self, tools: list[str], components: tuple[Component, ...]) -> None:
        super().__init__(configuration(tools, components))
        self.keep = True
        self.words: dict[str, Reply] = {}
        self.change: Callable[[Act], dict[str, Any]] = lambda act: act.arguments
        self.hidden: set[str] = set()

    def visible(self, caller: Any, system: str) -> frozenset[str]:
        return super().visible(caller, system) - self.hidden

    async def act(self, act: Act, forward: Forward, **_: Any) -> Reply:
        if act.tool in self.words:
            self.acts.append(act)
            return self.words[act.tool]
        return await super().act(act, lambda _: forward(self.change(act)))


class Server:
    """One server; `script` answers its calls."""

    def __init__(self, name: str, *tools: str, schema: dict[str, Any] | None = None) -> None:
        self.name = name
        self.revision = "2026-07-28"
        self.capabilities: dict[str, Any] = {"tools": {}, "resources": {"subscribe": True}, "prompts": {}}
        schema = schema or {"type": "object"}
        self.definitions = {each: Definition(each, f"{name}.{each}", schema) for each in tools}
        self.tools = {each: json.dumps({"name": each, "inputSchema": schema}).encode() for each in tools}
        self.calls: list[McpCall] = []
        self.heard: dict[str, Callable[[str, bytes], None]] = {}
        self.ended: list[str] = []
        self.script: Script = self.echo

    async def echo(self, call: McpCall) -> McpAnswer:
        said = {"content": [{"type": "text", "text": json.dumps(call.params, sort_keys=True)}]}
        return McpAnswer(json.dumps(said).encode())

    async def call(self, call: McpCall) -> McpAnswer:
        self.calls.append(call)
        return await self.script(call)

    def listen(self, session: str, heard: Callable[[str, bytes], None]) -> Callable[[], None]:
        self.heard[session] = heard
        return lambda: self.heard.pop(session, None) and None

    async def end_session(self, session: str) -> None:
        self.ended.append(session)


class Writer:
    """The client's end of a stream; `gone` makes it a client that went away."""

    def __init__(self) -> None:
        self.parser = SseParser()
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.seen: list[Any] = []
        self.pings = 0
        self.gone = False
        self.was_cut = False

    @property
    def closed(self) -> bool:
        return self.gone

    async def send(self, data: bytes) -> None:
        if self.gone:
            raise ClientGone
        self._take(data)

    def _take(self, data: bytes) -> None:
        self.pings += data.count(b": ping")
        for event in self.parser.feed(data):
            message = json.loads(event.data)
            self.seen.append(message)
            self.messages.put_nowait(message)

    def cut(self, last: bytes = b"") -> None:
        self._take(last)
        self.gone = self.was_cut = True


class Bench:
    """A front of one system, with servers `one` and `two`."""

    def __init__(
        self, *servers: Server, tools: list[str] | None = None, limits: Limits | None = None
    ) -> None:
        self.servers = {each.name: each for each in servers or (Server("one", "pay", "look"),)}
        declared = (
            [f"{s.name}.{t}" for s in self.servers.values() for t in s.tools] if tools is None else tools
        )
        self.gate = Gate(declared, tuple(everything(name) for name in self.servers))
        self.now = 1_800_000_000_000_000
        self.errors: list[BaseException] = []
        numbers = itertools.count(1)
        self.front = McpFront(
            self.gate,
            lambda _: self.servers,
            lambda: self.now,
            lambda size: next(numbers).to_bytes(size, "big"),
            key=bytes(32),
            limits=limits,
            on_error=self.errors.append,
        )

    @property
    def one(self) -> Server:
        return next(iter(self.servers.values()))

    async def send(self, request: Request) -> Response | Stream:
        return await self.front.handle(request, SYSTEM)

    async def modern(self, method: str, params: dict[str, Any] | None = None, **more: Any) -> Any:
        """The message that answers, whether it came alone or as the last of a stream."""
        return (await read(await self.send(modern(method, params, **more))))[-1]

    async def session(self, revision: str = "2025-11-25", **capabilities: Any) -> str:
        answer = await self.send(
            legacy(
                "initialize", {"protocolVersion": revision, "capabilities": capabilities, "clientInfo": {}}
            )
        )
        assert isinstance(answer, Response)
        assert answer.status == 200, answer.body
        return dict(answer.headers)["mcp-session-id"]

    async def legacy(self, session: str, method: str, params: Any = None, **more: Any) -> Any:
        return (await read(await self.send(legacy(method, params, session=session, **more))))[-1]


def modern(
    method: str,
    params: dict[str, Any] | None = None,
    *,
    ident: Any = 1,
    meta: dict[str, Any] | None = None,
    headers: dict[str, str | None] | None = None,
) -> Request:
    """A proper 2026-07-28 request; `headers` changes or (None) removes some."""
    params = {**(params or {}), "_meta": {**META, **(meta or {})}}
    heads: dict[str, str | None] = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
    if method in NAMED and isinstance(params.get(NAMED[method]), str):
        heads["mcp-name"] = params[NAMED[method]]
    message = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
    return post(json.dumps(message).encode(), {**heads, **(headers or {})})


def legacy(
    method: str,
    params: Any = None,
    *,
    ident: Any = 1,
    session: str = "",
    headers: dict[str, str | None] | None = None,
) -> Request:
    """A proper request of the handshake revisions; without an id, a notification."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if ident is not None:
        message["id"] = ident
    if params is not None:
        message["params"] = params
    heads: dict[str, str | None] = {"mcp-session-id": session or None}
    return post(json.dumps(message).encode(), {**heads, **(headers or {})})


def post(body: bytes, headers: dict[str, str | None], method: str = "POST") -> Request:
    usual: dict[str, str | None] = {
        "host": "localhost:1",
        "authorization": f"Bearer {TOKEN}",
        "accept": BOTH,
        "content-type": "application/json",
    }
    heads = {
        name.encode(): value.encode("latin-1")
        for name, value in {**usual, **headers}.items()
        if value is not None
    }
    return Request(method, f"/mcp/{SYSTEM}", "", heads, body, True)


async def read(answer: Response | Stream) -> list[Any]:
    """All messages of an answer."""
    if isinstance(answer, Response):
        assert answer.content_type == "application/json", answer
        return [json.loads(answer.body)]
    writer = Writer()
    await answer.produce(writer)
    return writer.seen


__all__ = ["Bench", "Gate", "Server", "Writer", "legacy", "modern", "post", "read"]
