"""The HTTP/1.1 server core: `serve_http` and its listener.

Hand-written on `asyncio.Protocol` and httptools because a framework costs more per request than the whole passage may
(ANCHORS.md §2). Strict and bounded: what is malformed, ambiguous, too large or too slow is refused with a JSON
body `{"code", "message"}` and the connection closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from standwatch.fronts.http_connection import Connection
from standwatch.fronts.http_message import (
    EVENT_STREAM,
    JSON,
    ClientGone,
    Handler,
    Headers,
    Limits,
    Refusal,
    Request,
    Response,
    Stream,
    Writer,
)
from standwatch.fronts.http_origin import (
    LOOPBACK_HOSTS,
    LOOPBACK_ORIGINS,
    ORIGIN_STATUS,
    WRONG_HOST,
    WRONG_ORIGIN,
    check_origin,
)
from standwatch.fronts.http_unix import bind_unix
from standwatch.fronts.http_wire import date_line

__all__ = [
    "EVENT_STREAM", "JSON", "LOOPBACK_HOSTS", "LOOPBACK_ORIGINS", "ORIGIN_STATUS", "WRONG_HOST", "WRONG_ORIGIN",
    "ClientGone", "Handler", "Headers", "Limits", "Listener", "Refusal", "Request", "Response", "Stream", "Writer",
    "check_origin", "serve_http",
]  # fmt: skip

_BACKLOG = 1024
_SETTLE = 2.0


class Listener:
    """One listening address and its connections. Made by `serve_http`; a `Host` to each connection."""

    def __init__(self, name: str, limits: Limits, on_error: Callable[[BaseException], None]) -> None:
        self.name = name
        self.limits = limits
        self.draining = False
        self.date = date_line(time.time())
        self._on_error = on_error
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._unix_path: Path | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self._loop = asyncio.get_running_loop()
        # One sweep for all deadlines: a timer per request costs more than the request's parsing.
        self._interval = min(1.0, limits.read_timeout / 4, limits.idle_timeout / 4, limits.linger)
        self._timer = self._loop.call_later(self._interval, self._sweep)

    @property
    def port(self) -> int:
        """The TCP port that was bound; 0 for a Unix socket."""
        sockets = self._server.sockets if self._server is not None else ()
        address: object = sockets[0].getsockname() if sockets else None
        return int(address[1]) if isinstance(address, tuple) else 0  # pyright: ignore[reportUnknownArgumentType]

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def admit(self, connection: Connection) -> bool:
        """Counts a connection in; False when there is no room, and it must refuse."""
        most = self.limits.max_connections
        room = len(self._connections) < most and not self.draining
        self._connections.add(connection)
        self._empty.clear()
        if len(self._connections) > 2 * most:  # even the polite refusals have a bound
            connection.abort()
        return room

    def forget(self, connection: Connection) -> None:
        """A connection is closed."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def report(self, error: BaseException) -> None:
        """A handler raised; the client hears a fixed sentence, `on_error` the details."""
        with contextlib.suppress(Exception):
            self._on_error(error)

    async def close(self, grace: float = 10.0) -> None:
        """Stops accepting, lets busy requests finish for `grace` seconds, then cuts them. Idempotent."""
        self.draining = True
        if self._unix_path is not None:  # before the socket closes: afterwards the path may be a successor's
            self._unix_path.unlink(missing_ok=True)
            self._unix_path = None
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.drain()
        if grace > 0:
            await self._emptied(grace)
        # What runs on was told that its client is gone, and may have an outcome to record: a moment, then no more.
        for connection in tuple(self._connections):
            connection.abort()
        await self._emptied(_SETTLE)
        for connection in tuple(self._connections):
            connection.dismiss()
        await self._emptied(_SETTLE)
        self._timer.cancel()

    async def _emptied(self, within: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), within)

    def adopt(self, server: asyncio.Server, unix_path: Path | None) -> None:
        """Takes over the accepting half."""
        self._server = server
        self._unix_path = unix_path

    def _sweep(self) -> None:
        self._timer = self._loop.call_later(self._interval, self._sweep)
        self.date = date_line(time.time())
        now = self._loop.time()
        for connection in tuple(self._connections):
            connection.expire(now)


async def serve_http(
    handler: Handler,
    *,
    name: str,
    host: str = "127.0.0.1",
    port: int = 0,
    reuse_port: bool = False,
    sock: socket.socket | None = None,
    unix_path: Path | None = None,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
    on_error: Callable[[BaseException], None] = lambda _: None,
) -> Listener:
    """Listens on `unix_path` (mode 0600), else on `sock` if given, else on `host:port` (0: any free port).

    With `tls`, connections but those of the Unix socket are TLS; a handshake has as long as a request's head.

    `handler` runs as one task per request and is cancelled when the client goes away, unless it registered
    `Request.when_gone`. Raises OSError when the address cannot be bound, `Conflict` when a living server holds
    the Unix socket.
    """
    loop = asyncio.get_running_loop()
    listening = bind_unix(unix_path, _BACKLOG) if unix_path is not None else sock
    listener = Listener(name, limits or Limits(), on_error)
    patience = listener.limits.read_timeout if tls is not None else None

    def connect() -> Connection:
        return Connection(listener, handler, loop)

    try:
        if unix_path is not None and listening is not None:
            server = await loop.create_unix_server(connect, sock=listening, backlog=_BACKLOG)
        elif listening is not None:
            server = await loop.create_server(
                connect, sock=listening, backlog=_BACKLOG, ssl=tls, ssl_handshake_timeout=patience
            )
        else:
            server = await loop.create_server(
                connect,
                host,
                port,
                backlog=_BACKLOG,
                reuse_port=reuse_port or None,
                ssl=tls,
                ssl_handshake_timeout=patience,
            )
    except BaseException:
        await listener.close(0)
        raise
    listener.adopt(server, unix_path)
    return listener
