"""Load on an MCP server, and what it cost: CPU of the serving process, calls per second, latency."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import httptools
import msgspec
import uvloop

from bench.organisation import PAYEE

_TICK = os.sysconf("SC_CLK_TCK")
_META = (
    b'"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}'
)


class Target(msgspec.Struct, frozen=True):
    """What is called: a port of this host, a path, a token, a tool."""

    port: int
    path: str = "/mcp"
    token: str = ""
    tool: str = "pay"
    body: bytes = b""
    """What is posted instead of a `tools/call`."""
    served: bytes = b'"result"'
    """What stands in every answer that was served."""
    tokens: tuple[str, ...] = ()
    """Tokens of more runs: each in its turn is used for `PER_RUN` calls, and is forgotten."""


PER_RUN = 200
"""Calls of one run: with answers of 1 kB it has read 200 kB in the end."""
_made: dict[Target, int] = {}
"""Runs used up so far at a target that has tokens."""


class Load(msgspec.Struct, frozen=True):
    """One measurement. CPU in µs per call of all threads of the serving process; latencies in ms."""

    calls: int
    in_flight: int
    cpu: float
    rate: float
    p50: float
    p99: float

    @property
    def per_core(self) -> float:
        """Calls per second that one core would serve."""
        return 1e6 / self.cpu if self.cpu else float("inf")


def request(target: Target, size: int) -> bytes:
    """A `tools/call` whose body has about `size` bytes; or the target's own body."""
    if target.body:
        head = (
            f"POST {target.path} HTTP/1.1\r\nhost: 127.0.0.1:{target.port}\r\n"
            + (f"authorization: Bearer {target.token}\r\n" if target.token else "")
            + f"content-type: application/json\r\ncontent-length: {len(target.body)}\r\n\r\n"
        )
        return head.encode() + target.body
    frame = (
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"%b","arguments":{"recipient":"%b",'
        b'"amount":1.25,"subject":"invoice 4711","note":"%b"},%b}}'
    )
    short = frame % (target.tool.encode(), PAYEE.encode(), b"", _META)
    body = frame % (target.tool.encode(), PAYEE.encode(), b"n" * max(size - len(short), 0), _META)
    head = (
        f"POST {target.path} HTTP/1.1\r\nhost: 127.0.0.1:{target.port}\r\n"
        + (f"authorization: Bearer {target.token}\r\n" if target.token else "")
        + "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
        f"mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {target.tool}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Client(asyncio.Protocol):
    """One connection: the next call as soon as the answer to the last is whole."""

    def __init__(
        self,
        raws: list[bytes],
        served: bytes,
        left: list[int],
        times: list[float],
        done: asyncio.Future[None],
    ) -> None:
        """`raws`: what is sent, each `PER_RUN` times. `left`: the calls to make; taken down by all clients."""
        self.raws, self.served, self.left, self.times, self.done = raws, served, left, times, done
        self.calls = left[0]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.begin()

    def begin(self) -> None:
        if self.left[0] <= 0:
            if not self.done.done():
                self.done.set_result(None)
            return
        self.left[0] -= 1
        self.parser = httptools.HttpResponseParser(self)
        self.pieces: list[bytes] = []
        self.begun = time.perf_counter()
        self.transport.write(self.raws[(self.calls - 1 - self.left[0]) // PER_RUN % len(self.raws)])

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.times.append(time.perf_counter() - self.begun)
        body = b"".join(self.pieces)
        # What is refused is cheap: a figure with one refusal in it would be a lie.
        if self.parser.get_status_code() != 200 or self.served not in body or b'"isError":true' in body:
            why = f"a call was not served: {self.parser.get_status_code()} {body[:300]!r}"
            if not self.done.done():
                self.done.set_exception(RuntimeError(why))
            return
        self.begin()

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"the server closed a connection: {exc}"))


def cpu_of(pid: int) -> float:
    """Seconds of CPU of process `pid`, user and system, all threads. Resolution 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def memory_of(pid: int) -> float:
    """Resident memory of process `pid` in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _run(target: Target, raws: list[bytes], calls: int, in_flight: int) -> list[float]:
    loop = asyncio.get_running_loop()
    left, times = [calls], []
    futures: list[asyncio.Future[None]] = []
    transports: list[Any] = []
    for _ in range(in_flight):
        done: asyncio.Future[None] = loop.create_future()
        made = await loop.create_connection(
            lambda done=done: _Client(raws, target.served, left, times, done), "127.0.0.1", target.port
        )
        transports.append(made[0])
        futures.append(done)
    await asyncio.gather(*futures)
    for transport in transports:
        transport.close()
    return times


def _requests(target: Target, size: int, calls: int) -> list[bytes]:
    """What `calls` calls send, each for `PER_RUN` of them; no run is used in two measurements while one is left."""
    if not target.tokens:
        return [request(target, size)]
    first, turns = _made.get(target, 0), -(-calls // PER_RUN)
    _made[target] = first + turns
    tokens = [target.tokens[turn % len(target.tokens)] for turn in range(first, first + turns)]
    return [request(msgspec.structs.replace(target, token=token), size) for token in tokens]


def measure(target: Target, pid: int, *, size: int, calls: int, in_flight: int) -> Load:
    """Send `calls` calls, `in_flight` at a time; raises `RuntimeError` where one of them is not served."""
    raws = _requests(target, size, calls)
    before, begun = cpu_of(pid), time.perf_counter()
    times = sorted(uvloop.run(_run(target, raws, calls, in_flight)))
    wall = time.perf_counter() - begun
    cpu = (cpu_of(pid) - before) / calls * 1e6
    at = [times[int(len(times) * part)] * 1e3 for part in (0.5, 0.99)]
    return Load(calls, in_flight, cpu, calls / wall, *at)
