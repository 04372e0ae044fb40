"""The outgoing HTTP/1.1 client: pooled, bounded, and exact about whether a request may have reached its upstream.

It follows no redirect, reads no proxy from the environment and keeps no cookie: whom we talk to is declared, and a
header is the caller's or nobody's. A request is never sent twice unless its caller calls it idempotent and a reused
connection closed before the first byte of an answer.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections import deque
from pathlib import Path
from typing import Final, cast

from standwatch.upstream.http_connection import Connection
from standwatch.upstream.http_errors import (
    ClosedUnanswered,
    TooLarge,
    Unreachable,
    Unsendable,
    UpstreamError,
    UpstreamProtocol,
    UpstreamTimeout,
)
from standwatch.upstream.http_message import MAX_RESPONSE_BYTES, Timeouts, UpstreamResponse, UpstreamStream
from standwatch.upstream.http_target import Headers, Origin, encode_request, parse_url

__all__ = [
    "MAX_RESPONSE_BYTES", "ClosedUnanswered", "HttpClient", "Timeouts", "TooLarge", "Unreachable", "Unsendable",
    "UpstreamError", "UpstreamProtocol", "UpstreamResponse", "UpstreamStream", "UpstreamTimeout",
]  # fmt: skip

# Below the five seconds after which uvicorn and Node close idle connections: losing that race costs a request.
_MAX_IDLE: Final = 4.0
_DEFAULT: Final = Timeouts()


class _Lane:
    """The connections of one origin: idle ones last in first out, and those who wait when all are taken.

    INVARIANT: `taken` counts the open and opening connections; a slot handed to a waiter stays counted.
    """

    __slots__ = ("idle", "most", "origin", "taken", "waiters")

    def __init__(self, origin: Origin, most: int) -> None:
        self.origin = origin
        self.most = most
        self.taken = 0
        self.idle: list[Connection] = []
        self.waiters: deque[asyncio.Future[Connection | None]] = deque()

    def take(self) -> Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if connection.usable:
                return connection
        return None

    def put(self, connection: Connection) -> None:
        if not self._give(connection):
            self.idle.append(connection)

    def free(self) -> None:
        """A slot is empty: somebody may open a connection in it."""
        if not self._give(None):
            self.taken -= 1

    def _give(self, what: Connection | None) -> bool:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(what)
                return True
        return False


class HttpClient:
    """Use one per set of trust: connections are shared by origin. Belongs to one event loop.

    With `unix_path` every connection goes to that socket, whatever host the URL names. Every method raises
    `UpstreamError`; cancelling the awaiting task closes the connection.
    """

    def __init__(
        self,
        *,
        max_per_origin: int = 256,
        max_idle: float = _MAX_IDLE,
        ssl_context: ssl.SSLContext | None = None,
        unix_path: Path | None = None,
    ) -> None:
        self._max_per_origin = max_per_origin
        self._max_idle = max_idle
        self._ssl = ssl_context
        self._unix_path = unix_path
        self._lanes: dict[Origin, _Lane] = {}
        self._open: set[Connection] = set()
        self._closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Headers = (),
        body: bytes = b"",
        timeouts: Timeouts = _DEFAULT,
        max_bytes: int = MAX_RESPONSE_BYTES,
        idempotent: bool = False,
    ) -> UpstreamResponse:
        """The whole answer, whatever its status."""
        answer = await self._exchange(
            method, url, headers, body, timeouts, max_bytes, idempotent, streaming=False
        )
        return cast("UpstreamResponse", answer)

    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Headers = (),
        body: bytes = b"",
        timeouts: Timeouts = _DEFAULT,
        max_bytes: int | None = MAX_RESPONSE_BYTES,
        idempotent: bool = False,
    ) -> UpstreamStream:
        """The answer's head, with the body to be read: `async with await client.stream(…) as answer`.

        `max_bytes` None lifts the limit on the whole for streams without a natural end; buffers stay bounded.
        """
        limit = sys.maxsize if max_bytes is None else max_bytes
        answer = await self._exchange(method, url, headers, body, timeouts, limit, idempotent, streaming=True)
        return cast("UpstreamStream", answer)

    async def close(self) -> None:
        """Closes every connection; what is under way fails."""
        self._closed = True
        for connection in tuple(self._open):
            connection.abort()
        await asyncio.sleep(0)

    async def _exchange(  # noqa: PLR0917 - the two public forms, told apart by one flag
        self,
        method: str,
        url: str,
        headers: Headers,
        body: bytes,
        timeouts: Timeouts,
        limit: int,
        idempotent: bool,
        *,
        streaming: bool,
    ) -> UpstreamResponse | UpstreamStream:
        target = parse_url(url)
        request = encode_request(method, target, headers, body)
        lane = self._lane(target.origin)
        connection = lane.take()
        reused = connection is not None
        while True:
            if connection is None:
                connection, reused = await self._acquire(lane, timeouts.connect)
            answer = connection.send(
                request, head_only=method == "HEAD", limit=limit, timeouts=timeouts, streaming=streaming
            )
            serial = connection.serial
            try:
                return await answer
            except asyncio.CancelledError:
                connection.abandon(serial)
                raise
            except ClosedUnanswered:
                # An idle connection that the upstream closed as we wrote: it may have read the request all the same.
                if not (reused and idempotent):
                    raise
                idempotent = False
                connection = None
                self._drop_idle(lane)

    def _lane(self, origin: Origin) -> _Lane:
        if self._closed:
            raise Unreachable("the client is closed")
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = _Lane(origin, self._max_per_origin)
        return lane

    def _drop_idle(self, lane: _Lane) -> None:
        for connection in lane.idle:
            connection.abort()
        lane.idle.clear()

    async def _acquire(self, lane: _Lane, patience: float) -> tuple[Connection, bool]:
        """A connection, and whether it has been used before."""
        try:
            async with asyncio.timeout(patience):
                while lane.taken >= lane.most:
                    free = await self._wait(lane)
                    if free is None:
                        return await self._connect(lane), False
                    if free.usable:
                        return free, True
                lane.taken += 1
                return await self._connect(lane), False
        except TimeoutError as error:
            raise UpstreamTimeout("connect", sent=False) from error

    async def _wait(self, lane: _Lane) -> Connection | None:
        """What somebody else gave up: a connection, or None for a slot to open one in."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        lane.waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # What was handed over in the same instant goes to the next in line.
            if waiter.done() and not waiter.cancelled():
                free = waiter.result()
                if free is None:
                    lane.free()
                elif free.usable:
                    lane.put(free)
            raise

    async def _connect(self, lane: _Lane) -> Connection:
        """Opens a connection in a slot that the caller has taken. It is free again when that closes or never opened."""
        loop = asyncio.get_running_loop()
        held = True

        def forget(connection: Connection) -> None:
            nonlocal held
            self._open.discard(connection)
            if connection in lane.idle:
                lane.idle.remove(connection)
            if held:
                held = False
                lane.free()

        made = Connection(loop, lane.put, forget, self._max_idle)
        try:
            await self._dial(loop, made, lane.origin)
            if self._closed or not made.usable:
                raise ConnectionResetError  # noqa: TRY301 - the same ending as a refusal
        except BaseException as error:
            made.abort()
            forget(made)
            if isinstance(error, OSError) and not isinstance(error, TimeoutError):
                raise Unreachable(f"no connection to {lane.origin.host}:{lane.origin.port}") from error
            raise
        self._open.add(made)
        return made

    async def _dial(self, loop: asyncio.AbstractEventLoop, made: Connection, origin: Origin) -> None:
        context = self._context() if origin.tls else None
        if self._unix_path is not None:
            name = origin.host if origin.tls else None
            await loop.create_unix_connection(
                lambda: made, str(self._unix_path), ssl=context, server_hostname=name
            )
        else:
            await loop.create_connection(lambda: made, origin.host, origin.port, ssl=context)

    def _context(self) -> ssl.SSLContext:
        if self._ssl is None:
            self._ssl = ssl.create_default_context()
        return self._ssl
