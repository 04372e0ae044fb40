"""A scripted MCP server over Streamable HTTP: each test says how a tool call is answered, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
Script = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(
        self, writer: asyncio.StreamWriter, start: str, headers: dict[str, str], body: bytes
    ) -> None:
        verb, self.path, _ = start.split(" ")
        self.writer = writer
        self.verb = verb
        self.headers = headers
        self.body = body
        self.message: dict[str, Any] = json.loads(body) if body else {}

    @property
    def id(self) -> Any:
        return self.message.get("id")

    def json(self, said: Any, status: str = "200 OK", extra: str = "") -> None:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)

    def result(self, result: Any) -> None:
        self.json({"jsonrpc": "2.0", "id": self.id, "result": result})

    def error(self, code: int, message: str, status: str = "200 OK") -> None:
        error = {"code": code, "message": message}
        self.json({"jsonrpc": "2.0", "id": self.id, "error": error}, status)

    def empty(self, status: str) -> None:
        self.writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())

    def begin(self) -> None:
        self.writer.write(SSE)

    def event(self, data: Any, ident: str = "") -> None:
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.piece((f"id: {ident}\n".encode() if ident else b"") + b"event: message\ndata: " + data + b"\n\n")

    def piece(self, piece: bytes) -> None:
        self.writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")

    def say(self, text: str) -> dict[str, Any]:
        result = {"content": [{"type": "text", "text": text}]}
        return {"jsonrpc": "2.0", "id": self.id, "result": result}


class RudeServer:
    """Speaks `era` politely up to `tools/call`, which is left to `script`; remembers what it was asked."""

    def __init__(self, era: str, script: Script) -> None:
        self.era = era
        self.script = script
        self.url = ""
        self.asked: list[Exchange] = []
        self.begun = 0
        self.sessions: set[str] = set()
        self.writers: set[asyncio.StreamWriter] = set()
        self.listener: asyncio.Server | None = None
        self.hung_up = 0
        self.stream: Exchange | None = None
        self.tools: list[Any] = [{"name": "t", "inputSchema": {"type": "object"}}]

    def of(self, method: str) -> list[Exchange]:
        return [one for one in self.asked if one.message.get("method") == method]

    def vanish(self) -> None:
        """Goes away, connections and all."""
        if self.listener is not None:
            self.listener.close()
        for writer in self.writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while True:
                await self.answer(await read(reader, writer))
        except (OSError, EOFError):
            self.hung_up += 1
        finally:
            writer.close()

    async def answer(self, it: Exchange) -> None:
        self.asked.append(it)
        method = it.message.get("method", "")
        if it.verb == "GET":
            self.stream = it
            it.begin()
        elif it.verb == "DELETE":
            it.empty("200 OK")
        elif self.era == "legacy" and method == "initialize":
            self.begun += 1
            self.sessions.add(f"session-{self.begun}")
            hello = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {"listChanged": True}}}
            said = {"jsonrpc": "2.0", "id": it.id, "result": hello}
            it.json(said, extra=f"mcp-session-id: session-{self.begun}\r\n")
        elif (self.era == "modern") != (it.headers.get("mcp-protocol-version") == "2026-07-28"):
            it.error(-32022, "Not spoken here", "400 Bad Request")
        elif self.era == "legacy" and it.headers.get("mcp-session-id") not in self.sessions:
            it.json(
                {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Gone"}}, "404 Not Found"
            )
        elif self.era == "modern" and method == "server/discover":
            it.result(
                {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            )
        elif method == "tools/list":
            it.result({"tools": self.tools})
        elif method == "tools/call":
            await self.script(it)
        elif it.id is None or "method" not in it.message:
            it.empty("202 Accepted")
        else:
            it.error(-32601, "What?", "404 Not Found")


async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    length = int(headers.get("content-length", "0"))
    return Exchange(writer, head[0], headers, await reader.readexactly(length))


@asynccontextmanager
async def rude_server(era: str, script: Script) -> AsyncIterator[RudeServer]:
    rude = RudeServer(era, script)
    rude.listener = await asyncio.start_server(rude.serve, "127.0.0.1", 0)
    rude.url = f"http://127.0.0.1:{rude.listener.sockets[0].getsockname()[1]}/mcp"
    try:
        yield rude
    finally:
        rude.vanish()
