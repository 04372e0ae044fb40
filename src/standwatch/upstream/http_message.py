"""What a caller gives the HTTP client and gets back: bounds, whole answers, streamed answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Self

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.sse import MAX_EVENT_BYTES, SseEvent, SseParser
from standwatch.upstream.http_errors import TooLarge, UpstreamError

MAX_RESPONSE_BYTES: Final = 16 << 20
_HIGH_WATER: Final = 256 << 10
_LOW_WATER: Final = 64 << 10


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds. None means no bound, which only a stream that has no natural end should ask for."""

    connect: float = 5.0
    """Includes the wait for a free connection."""
    first_byte: float = 60.0
    """From the request's departure to the first byte of the answer."""
    total: float | None = 120.0
    """From the request's departure to the end of the answer."""
    silence: float | None = None
    """Between two pieces of an answer."""


class UpstreamResponse(msgspec.Struct, frozen=True):
    """A whole answer. `headers` has lower-case names; repeated ones are joined with `, `."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    def header(self, name: str) -> str | None:
        """One header's value, Latin-1 decoded; `name` in lower case."""
        return _header(self.headers, name)


class UpstreamStream:
    """An answer read piece by piece. Close it, or use it with `async with`: an unread rest closes the connection.

    One reader at a time. When the reader is slower than the upstream, the upstream is made to wait.
    """

    __slots__ = (
        "_abort",
        "_buffered",
        "_ended",
        "_error",
        "_pause",
        "_paused",
        "_pieces",
        "_waiter",
        "headers",
        "status",
    )

    def __init__(
        self,
        status: int,
        headers: dict[bytes, bytes],
        abort: Callable[[], None],
        pause: Callable[[bool], None],
    ) -> None:
        self.status = status
        self.headers = headers
        self._abort = abort
        self._pause = pause
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._paused = self._ended = False
        self._error: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def header(self, name: str) -> str | None:
        """One header's value, Latin-1 decoded; `name` in lower case."""
        return _header(self.headers, name)

    @property
    def ended(self) -> bool:
        """Whether all of the answer has come: there is nothing to give up."""
        return self._ended

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's pieces as they arrive. Raises `UpstreamError` when the answer breaks off, is too slow or too
        large; cancelling the reader closes the connection."""
        while True:
            while self._pieces:
                yield self._take()
            if self._error is not None:
                raise self._error
            if self._ended:
                return
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            except asyncio.CancelledError:
                self.close()
                raise
            finally:
                self._waiter = None

    async def events(self, max_event_bytes: int = MAX_EVENT_BYTES) -> AsyncIterator[SseEvent]:
        """The body as server-sent events; one that is too large closes the connection and raises `TooLarge`."""
        parser = SseParser(max_event_bytes)
        async for piece in self.chunks():
            try:
                events = parser.feed(piece)
            except Malformed as error:
                self.close()
                raise TooLarge(str(error), sent=True) from error
            for event in events:
                yield event

    def close(self) -> None:
        """Gives up what is unread, closing the connection unless the answer had ended. Idempotent."""
        self._pieces.clear()
        self._buffered = 0
        if not self._ended and self._error is None:
            self._ended = True
            self._abort()
        self._wake()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # The connection's half.

    def push(self, piece: bytes) -> None:
        """A piece arrived."""
        self._pieces.append(piece)
        self._buffered += len(piece)
        if self._buffered > _HIGH_WATER and not self._paused:
            self._paused = True
            self._pause(True)
        self._wake()

    def end(self, error: UpstreamError | None) -> None:
        """The answer is whole, or broke off with `error`."""
        if self._ended:
            return
        if error is None:
            self._ended = True
        else:
            self._error = error
        self._wake()

    def _take(self) -> bytes:
        piece = self._pieces.popleft()
        self._buffered -= len(piece)
        if self._paused and self._buffered < _LOW_WATER:
            self._paused = False
            if not self._ended and self._error is None:
                self._pause(False)
        return piece

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _header(headers: dict[bytes, bytes], name: str) -> str | None:
    value = headers.get(name.encode("latin-1"))
    return None if value is None else value.decode("latin-1")
