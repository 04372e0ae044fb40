"""CPU µs per request of the HTTP edges: server alone, and proxy (server + client) before a bare upstream.

Each side is a process of its own and reports its own `process_time`; the load generator's cost is not counted.
`python bench/http_edges.py [seconds]`. Wall-clock figures depend on the neighbours; CPU per request repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

import httptools
import uvloop

from standwatch.fronts.http import Request, Response, serve_http
from standwatch.upstream.http import HttpClient

BODY = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"x":"' + b"a" * 956 + b'"}}'
CONNECTIONS = 64
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
) + BODY


async def _serve(pipe: Connection, start: Callable[[], Awaitable[tuple[int, Any]]]) -> None:
    port, keep = await start()
    pipe.send(port)
    loop = asyncio.get_running_loop()
    while True:  # "mark" gives the CPU time so far, "stop" ends
        word = await loop.run_in_executor(None, pipe.recv)
        if word == "stop":
            break
        pipe.send(time.process_time())
    del keep


async def _ours() -> tuple[int, Any]:
    async def handle(request: Request) -> Response:
        return Response(body=request.body)

    listener = await serve_http(handle, name="bench")
    return listener.port, listener


def _proxy(upstream: int) -> Callable[[], Awaitable[tuple[int, Any]]]:
    async def start() -> tuple[int, Any]:
        client = HttpClient()
        url = f"http://127.0.0.1:{upstream}/mcp"
        headers = (("content-type", "application/json"), ("accept", "application/json, text/event-stream"))

        async def handle(request: Request) -> Response:
            answer = await client.request("POST", url, headers=headers, body=request.body)
            return Response(answer.status, answer.body)

        listener = await serve_http(handle, name="bench")
        return listener.port, (listener, client)

    return start


class _Bare(asyncio.Protocol):
    """The cheapest upstream: answers every whole request with the same bytes."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(ANSWER)


async def _bare() -> tuple[int, Any]:
    server = await asyncio.get_running_loop().create_server(_Bare, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1], server


async def _uvicorn() -> tuple[int, Any]:
    import uvicorn

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        app, port=0, http="httptools", lifespan="off", log_level="error", access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    return server.servers[0].sockets[0].getsockname()[1], task


class _Load(asyncio.Protocol):
    """One connection of load: the next request as soon as the answer is whole."""

    def __init__(self, request: bytes, count: list[int]) -> None:
        self.request = request
        self.count = count
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() != 200:
            raise SystemExit("the server refused a request")
        self.count[0] += 1
        self.transport.write(self.request)


async def _load(port: int, seconds: float, pipe: Connection) -> tuple[float, float]:
    """CPU µs per request in the process behind `pipe`, and requests per second."""
    head = f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    head += "authorization: Bearer sw_0123456789abcdef\r\naccept: application/json, text/event-stream\r\n"
    request = head.encode() + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
    count = [0]
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Load(request, count), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(0.5)

    def mark() -> tuple[float, int, float]:
        pipe.send("mark")
        return pipe.recv(), count[0], time.perf_counter()

    cpu, done, wall = mark()
    await asyncio.sleep(seconds)
    cpu2, done2, wall2 = mark()
    for transport, _ in made:
        transport.abort()
    return (cpu2 - cpu) / (done2 - done) * 1e6, (done2 - done) / (wall2 - wall)


def _process(start: Callable[[], Awaitable[tuple[int, Any]]]) -> tuple[Any, Connection, int]:
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(
        target=lambda: uvloop.run(_serve(theirs, start)), daemon=True
    )
    child.start()
    return child, ours, ours.recv()


def _measure(name: str, start: Callable[[], Awaitable[tuple[int, Any]]], seconds: float) -> None:
    child, pipe, port = _process(start)
    cpu, rate = uvloop.run(_load(port, seconds, pipe))
    print(f"{name:<42} {cpu:7.1f} µs CPU/request  {1e6 / cpu:8.0f}/s/core  ({rate:.0f}/s seen)", flush=True)
    pipe.send("stop")
    child.join(2)


def main() -> None:
    """Prints the machine, then one line per server."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}, load {load}")
    print(f"POST of {len(BODY)} bytes, answer the same, {CONNECTIONS} connections, uvloop")
    _measure("bare asyncio.Protocol + httptools", _bare, seconds)
    _measure("server", _ours, seconds)
    with contextlib.suppress(ImportError):
        import uvicorn  # noqa: F401

        _measure("uvicorn[httptools,uvloop], raw ASGI", _uvicorn, seconds)
    child, pipe, port = _process(_bare)
    _measure("server + client, before the bare one", _proxy(port), seconds)
    pipe.send("stop")
    child.join(2)


if __name__ == "__main__":
    main()
