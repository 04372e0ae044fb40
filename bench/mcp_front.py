"""CPU µs per tools/call of the MCP front alone: an in-process server and a pass-through gate stand for all else.

    python bench/mcp_front.py [calls]

THE GATE HERE JUDGES AND RECORDS NOTHING: this is the price of the protocol, not of governing a call (`make bench`
says that). "front" is `McpFront.handle` in a loop; "http" is the same over the real HTTP core, client's cost excluded
by a client that is its own process; "bare" is that HTTP core with a handler that echoes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "wire"))

from bare_gateway import SYSTEM, TOKEN, PassThrough, configuration, everything

from standwatch.facts.configuration import Definition
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.fronts.http import Request, Response, Stream, serve_http
from standwatch.fronts.mcp.front import McpFront

CONNECTIONS = 64
RESULT = b'{"content":[{"type":"text","text":"%b"}],"resultType":"complete"}' % (b"a" * 200)
META = (
    b'"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}'
)
BODY = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_money","arguments":'
    b'{"recipient":"GB29NWBK60161331926819","amount":12.5,"subject":"' + b"i" * 200 + b'"},' + META + b"}}"
)
HEADERS = {
    b"host": b"127.0.0.1:9",
    b"content-type": b"application/json",
    b"accept": b"application/json, text/event-stream",
    b"mcp-protocol-version": b"2026-07-28",
    b"mcp-method": b"tools/call",
    b"mcp-name": b"send_money",
    b"authorization": b"Bearer " + TOKEN.encode(),
}


class Instant:
    """A server that has answered before it was asked."""

    name = "bank"
    revision = "2026-07-28"

    def __init__(self) -> None:
        self.capabilities: dict[str, Any] = {"tools": {}}
        self.definitions = {"send_money": Definition("send_money", "d", {"type": "object"})}
        self.tools = {"send_money": b'{"name":"send_money","inputSchema":{"type":"object"}}'}

    async def call(self, call: McpCall) -> McpAnswer:
        del call
        return McpAnswer(RESULT)

    def listen(self, session: str, heard: Callable[[str, bytes], None]) -> Callable[[], None]:
        del session, heard
        return lambda: None

    async def end_session(self, session: str) -> None:
        del session


def front() -> McpFront:
    gate = PassThrough(configuration(["bank.send_money"], (everything("bank"),)))
    servers = {"bank": Instant()}
    return McpFront(gate, lambda _: servers, lambda: time.time_ns() // 1000, os.urandom, key=bytes(32))


async def alone(calls: int) -> float:
    """µs CPU per call of the front, without any HTTP."""
    served = front()
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(calls):
            answer = await served.handle(Request("POST", "/mcp/fixture", "", HEADERS, BODY, True), SYSTEM)
            assert isinstance(answer, Response)
            assert answer.status == 200, answer.body
        best = min(best, (time.process_time() - begun) / calls * 1e6)
    return best


def serve(pipe: Connection, governed: bool) -> None:
    async def main() -> None:
        served = front()

        async def handle(request: Request) -> Response | Stream:
            if governed:
                return await served.handle(request, SYSTEM)
            return Response(200, request.body)

        listener = await serve_http(handle, name="bench")
        pipe.send(listener.port)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, pipe.recv) != "stop":
            pipe.send(time.process_time())

    uvloop.run(main())


async def load(port: int, calls: int) -> None:
    head = b"POST /mcp/fixture HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % one for one in HEADERS.items())
    request = head + b"content-length: %d\r\n\r\n" % len(BODY) + BODY

    async def one(count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count):
            writer.write(request)
            got = await reader.readuntil(b"\r\n\r\n")
            length = int(got.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(one(calls // CONNECTIONS) for _ in range(CONNECTIONS)))


def over_http(calls: int, *, governed: bool) -> tuple[float, float]:
    """(µs CPU per call, calls/s) of the serving process."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs, governed), daemon=True)
    process.start()
    port = ours.recv()
    uvloop.run(load(port, CONNECTIONS * 10))
    best = (float("inf"), 0.0)
    for _ in range(3):
        ours.send("mark")
        before, begun = ours.recv(), time.perf_counter()
        uvloop.run(load(port, calls))
        lasted = time.perf_counter() - begun
        ours.send("mark")
        best = min(best, ((ours.recv() - before) / calls * 1e6, calls / lasted))
    ours.send("stop")
    process.join(5)
    return best


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(
        f"MCP front, pass-through gate (judges nothing), {len(BODY)} B in, {len(RESULT)} B out, best of runs"
    )
    print(f"  front  {uvloop.run(alone(calls)):6.1f} µs CPU per call, no HTTP")
    for name, governed in (("http", True), ("bare", False)):
        cpu, rate = over_http(calls, governed=governed)
        print(f"  {name:6} {cpu:6.1f} µs CPU per call, {rate:7.0f}/s with {CONNECTIONS} in flight")


if __name__ == "__main__":
    main()
