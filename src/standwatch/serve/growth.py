"""Who waits for the record to grow is woken by the commit itself, not by looking again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator
from typing import Final

BACKSTOP: Final = 0.25
"""Seconds after which somebody looks all the same, where nobody tells of commits."""


class Growth:
    """One for each loop. `grew` may be called from any thread, and costs a glance where nobody waits."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self._called = False

    def grew(self) -> None:
        """Entries were committed. Called on the recorder's thread, once for each batch."""
        loop = self._loop
        if loop is None or self._called or not self._waiting:
            return
        self._called = True
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        # INVARIANT: cleared before anybody looks, so that what is committed meanwhile wakes them again.
        self._called = False
        for each in self._waiting:
            each.set()

    @contextlib.contextmanager
    def listening(self) -> Generator[Listener]:
        """Listen from now on, on the running loop."""
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield Listener(event)
        finally:
            self._waiting.discard(event)


class Listener:
    """One who waits. What is committed between two waits is not missed."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float = BACKSTOP) -> None:
        """Until the record has grown since the last wait ended, or for `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        self._event.clear()
