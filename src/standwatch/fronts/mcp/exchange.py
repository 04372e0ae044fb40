"""One request under way and the client that waits for it: JSON if nothing but the answer comes, else a stream.

The work runs as a task of its own, so that the answer's form is decided late: at the first notification, at the
first question, or after `PATIENCE` seconds. A call that waits for its client's answer to a question (2026-07-28)
outlives the HTTP request that began it; the next one takes it up again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from standwatch.facts.mcp import McpAnswer
from standwatch.facts.words import SENTENCES
from standwatch.fronts.http_message import Response, Stream, Writer
from standwatch.fronts.mcp.outcome import Outcome
from standwatch.fronts.mcp.wire import PING, SSE_HEADERS, UNAVAILABLE, fault, frame

PATIENCE: Final = 15.0
"""Seconds without news after which a stream is opened, and a ping sent on it."""

MOST_FRAMES: Final = 256
MOST_BYTES: Final = 4 << 20
"""Notifications that wait for a slow client; further ones are dropped, as progress may be."""


NOBODY: Final = McpAnswer(error=fault(UNAVAILABLE, SENTENCES["unavailable"]))
"""What a server hears when its question cannot reach anybody."""


class Question(msgspec.Struct, frozen=True):
    """What a server asks of its client, waiting to be delivered and answered."""

    kind: str
    method: str
    params: bytes
    answer: asyncio.Future[McpAnswer]


class Exchange:
    """The work of one call, and what it has to say before its answer."""

    __slots__ = (
        "_frames",
        "_loop",
        "_size",
        "_waiter",
        "asked",
        "gone",
        "modern",
        "on_done",
        "questions",
        "task",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, *, modern: bool) -> None:
        self._loop = loop
        self._frames: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self.modern = modern
        self.gone = False
        self.questions: dict[str, Question] = {}
        """What a 2026-07-28 client is asked by the next answer."""
        self.asked: set[asyncio.Future[McpAnswer]] = set()
        """What an older client was asked on this call's stream."""
        self.task: asyncio.Task[Outcome] | None = None
        self.on_done: Callable[[], None] | None = None

    def start(self, work: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
        """Begins the work."""
        self.task = task = self._loop.create_task(work)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Outcome]) -> None:
        self.wake()
        if self.on_done is not None:
            self.on_done()
        if not task.cancelled():
            task.exception()  # looked at here too: a client that left asks for it no more

    def emit(self, message: bytes, *, must: bool = False) -> None:
        """A message for the client, before the answer. `must`: not one that may be dropped."""
        if must or (len(self._frames) < MOST_FRAMES and self._size + len(message) < MOST_BYTES):
            self._frames.append(frame(message))
            self._size += len(message)
            self.wake()

    def wake(self) -> None:
        """There is news."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def settled(self) -> bool:
        """Nothing more comes before the client hears from us: the work is over, or asks."""
        return bool(self.questions) or self.task is None or self.task.done()

    async def news(self, patience: float) -> bool:
        """Waits for the end, a question or a frame; False where `patience` seconds passed without any."""
        if self.settled or self._frames:
            return True
        self._waiter = waiter = self._loop.create_future()
        timer = self._loop.call_later(patience, self.wake)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None
        return self.settled or bool(self._frames)

    async def answer(self, render: Callable[[], Response]) -> Response | Stream:
        """What the HTTP request is answered with. `render` writes the last word, once the exchange is settled."""
        try:
            await self.news(PATIENCE)
        except asyncio.CancelledError:
            await self.abandon()
            raise
        if self.settled and not self._frames:
            return render()

        async def produce(writer: Writer) -> None:
            try:
                await self._stream(writer)
                await writer.send(frame(render().body))
            except BaseException:
                await self.abandon()
                raise

        return Stream(produce, headers=SSE_HEADERS)

    async def _stream(self, writer: Writer) -> None:
        if not self._frames and not self.settled:
            await writer.send(PING)
        while True:
            if self._frames:
                waiting, self._frames, self._size = self._frames, [], 0
                await writer.send(b"".join(waiting))
            elif self.settled:
                return
            elif not await self.news(PATIENCE):
                await writer.send(PING)

    async def abandon(self) -> None:
        """The client went away. In 2026-07-28 that cancels the call; before, it does not."""
        if self.modern:
            await self.cancel()

    def lost(self) -> None:
        """The connection of an older client closed: the call goes on, but nobody is there to be asked."""
        self.gone = True
        for waiting in self.asked:
            if not waiting.done():
                waiting.set_result(NOBODY)

    async def cancel(self) -> None:
        """Cancels the work and waits until it has seen to its end."""
        task = self.task
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait((task,))
