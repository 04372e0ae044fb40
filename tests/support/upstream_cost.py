"""CPU that our side spends on one upstream tool call: python tests/support/upstream_cost.py

The other side is a trivial server in a process of its own (bytes in, bytes out); what is printed is this process's
CPU time per call, the best of three rounds, in microseconds, at 1 and at 16 calls in flight.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, cast

import uvloop

from standwatch.facts.configuration import Component
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream.mcp import UpstreamServer, open_server

CALLS, ROUNDS = 4000, 3
ARGUMENTS = {"invoice": "INV-2031", "amount": 1200.5, "to": "DE89370400440532013000", "note": "y" * 80}
RESULT = {"content": [{"type": "text", "text": "x" * 300}]}
TOOLS = {"tools": [{"name": "t", "inputSchema": {"type": "object"}}]}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
DISCOVERED = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
STDIO = f"""
import json, sys
for line in sys.stdin.buffer:
    it = json.loads(line)
    if "id" in it:
        said = {{"initialize": {HELLO!r}, "tools/list": {TOOLS!r}, "tools/call": {RESULT!r}}}.get(it["method"])
        body = {{"result": said}} if said else {{"error": {{"code": -32601, "message": "What?"}}}}
        sys.stdout.buffer.write(json.dumps({{"jsonrpc": "2.0", "id": it["id"], **body}}).encode() + b"\\n")
        sys.stdout.buffer.flush()
"""


class Trivial(asyncio.Protocol):
    """Answers whole requests that come in one piece or several; knows nothing else of HTTP."""

    def __init__(self, *, modern: bool, events: bool) -> None:
        self.modern, self.events = modern, events
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n") + 4) > 3:
            head = self.held[:end].lower()
            if head.startswith(b"get"):
                self.transport.write(b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n")
                self.held = self.held[end:]
                continue
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
            if len(self.held) < end + length:
                return
            body, self.held = self.held[end : end + length], self.held[end + length :]
            self.answer(json.loads(body or b"{}"))

    def answer(self, it: dict[str, Any]) -> None:
        method = it.get("method")
        if "id" not in it:
            self.transport.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            return
        said = {"initialize": HELLO, "tools/list": TOOLS, "tools/call": RESULT}.get(str(method))
        if method == "server/discover" and self.modern:
            said = DISCOVERED
        rest: dict[str, Any] = {"result": said} if said else {"error": {"code": -32601, "message": "What?"}}
        body = json.dumps({"jsonrpc": "2.0", "id": it["id"], **rest}).encode()
        if self.events and method == "tools/call":
            body = b"event: message\r\ndata: " + body + b"\r\n\r\n"
            head = b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            self.transport.write(b"HTTP/1.1 200 OK\r\n" + head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        else:
            head = (
                b"content-type: application/json\r\nmcp-session-id: one\r\ncontent-length: %d\r\n\r\n"
                % len(body)
            )
            self.transport.write(b"HTTP/1.1 200 OK\r\n" + head + body)


def serve(listener: socket.socket, modern: bool, events: bool) -> None:
    async def forever() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Trivial(modern=modern, events=events), sock=listener)
        await server.serve_forever()

    uvloop.run(forever())


async def spend(server: UpstreamServer, at_once: int, *, asks: bool) -> float:
    async def notify(_method: str, _params: bytes) -> None: ...

    async def ask(_method: str, _params: bytes) -> McpAnswer:
        return McpAnswer(b"{}")

    call = McpCall(
        method="tools/call",
        params={"name": "t", "arguments": ARGUMENTS},
        notify=notify,
        ask=ask if asks else None,
    )

    async def work(times: int) -> None:
        for _ in range(times):
            said = await server.call(call)
            assert said.result, said

    await work(200)
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        await asyncio.gather(*(work(CALLS // at_once) for _ in range(at_once)))
        best = min(best, (time.process_time() - begun) / CALLS * 1e6)
    return best


async def measure(name: str, component: Component, *, asks: bool = False) -> None:
    server = open_server(
        component, organisation_folder=Path(), environment=os.environ, on_change=lambda _: None
    )
    assert await server.ready(10), server.trouble
    costs = [await spend(server, at_once, asks=asks) for at_once in (1, 16)]
    print(f"{name:32} {server.revision}  {costs[0]:5.1f} µs at 1   {costs[1]:5.1f} µs at 16", flush=True)
    await server.close()


async def over_http(name: str, *, modern: bool, events: bool = False, asks: bool = False) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.Process(target=serve, args=(listener, modern, events), daemon=True)
    process.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    await measure(name, Component("mcp_server", "u", url=url), asks=asks)
    process.terminate()


async def main() -> None:
    await over_http("HTTP, JSON", modern=True)
    await over_http("HTTP, JSON, client may be asked", modern=True, asks=True)
    await over_http("HTTP, events", modern=True, events=True)
    await over_http("HTTP, session, JSON", modern=False)
    await measure("stdio", Component("mcp_server", "u", command=(sys.executable, "-c", STDIO)))


if __name__ == "__main__":
    uvloop.run(main())
