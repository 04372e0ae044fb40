"""A loopback listener that adds headers to every HTTP request and changes nothing else.

The conformance suite has no option for an Authorization header. This copies bytes both ways as they
come, so SSE stays a stream, and inserts the given lines at the end of each request's head; `Host` and
`Origin` are left as the client wrote them. It therefore has to see where one request ends and the next
begins on a kept-alive connection, and knows the two ways a body is framed: Content-Length and chunked.

Host checks: the client writes this listener's port into `Host`, the server behind listens on another.
A server that compares the port refuses; one that accepts any loopback host (as the specification's
local servers do) serves.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import urlsplit

HEAD_LIMIT = 64 * 1024
COPY = 64 * 1024


class HeaderShim:
    """`with HeaderShim(url, {"Authorization": "Bearer …"}) as shimmed:` gives the URL to call instead."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._upstream = (parts.hostname or "localhost", parts.port or 80)
        self._path = parts.path
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="header-shim", daemon=True)
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()

    def __enter__(self) -> str:
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT), self._loop
        )
        self._server = listening.result(timeout=10)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://localhost:{port}{self._path}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        # Cancelling a connection's pumps ends its handler in the ordinary way; cancelling the handler
        # itself would make asyncio 3.11 report each one as an error.
        for pump in list(self._pumps):
            pump.cancel()
        while self._pumps:
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client connection, one upstream connection; whichever side ends, both end."""
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.close()
            return
        pumps = [
            asyncio.create_task(self._requests(reader, upstream_writer)),
            asyncio.create_task(copy_all(upstream_reader, writer)),
        ]
        self._pumps.update(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        upstream_writer.close()
        writer.close()
        self._pumps.difference_update(pumps)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError as end:
                writer.write(end.partial)
                return
            writer.write(head[:-2] + self._lines + b"\r\n")
            await copy_body(head, reader, writer)
            await writer.drain()


async def copy_body(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    fields = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
    values = {name.strip(): value.strip() for name, _, value in fields}
    if values.get(b"transfer-encoding", b"").endswith(b"chunked"):
        await copy_chunks(reader, writer)
    else:
        await copy_exactly(int(values.get(b"content-length", b"0")), reader, writer)


async def copy_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 9112 §7.1: chunks, each with its size before it, then trailers, then an empty line."""
    while True:
        line = await reader.readuntil(b"\r\n")
        writer.write(line)
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        await copy_exactly(size + 2, reader, writer)
    while line != b"\r\n":
        line = await reader.readuntil(b"\r\n")
        writer.write(line)


async def copy_exactly(count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while count > 0:
        block = await reader.read(min(count, COPY))
        if not block:
            return
        count -= len(block)
        writer.write(block)
        await writer.drain()


async def copy_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(COPY):
        writer.write(block)
        await writer.drain()
