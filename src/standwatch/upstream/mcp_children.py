"""Processes of their own for the sessions whose client may be asked something: started on demand, few, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from standwatch.upstream.http_errors import Unreachable, UpstreamTimeout
from standwatch.upstream.mcp_exchange import Bounds
from standwatch.upstream.mcp_stdio import Conversation

Begin = Callable[[str, dict[str, Any]], Awaitable[Conversation]]
"""Starts a child for a session with these capabilities. Raises `UpstreamError`."""

_RESTART: Final = 1.0
"""Seconds between two starts of one session's child."""


class Children:
    """By session. INVARIANT: no more than `bounds.children` are there or starting."""

    def __init__(self, begin: Begin, bounds: Bounds) -> None:
        self._begin = begin
        self._bounds = bounds
        self._begun: dict[str, asyncio.Task[Conversation]] = {}
        self._begun_at: dict[str, float] = {}
        self._ending: set[asyncio.Future[None]] = set()
        self._closed = False

    def __contains__(self, session: str) -> bool:
        return session in self._begun

    async def of(self, session: str, capabilities: dict[str, Any], patience: float) -> Conversation:
        """The session's child, started if need be and waited for so long. Raises `UpstreamError`, and then nothing
        was sent; whoever asks again finds it further on its way."""
        task = self._begun.get(session)
        if task is None or _is_gone(task):
            self.sweep(but=session, room=1)
            task = self._begun[session] = asyncio.ensure_future(self._start(session, capabilities))
            task.add_done_callback(_is_gone)  # looks at a failure that nobody waits for any more
        if not task.done() and not (await asyncio.wait({task}, timeout=patience))[0]:
            raise UpstreamTimeout("connect", sent=False)
        if task.cancelled():
            raise Unreachable("the session was ended")
        child = task.result()
        child.used = asyncio.get_running_loop().time()
        return child

    async def _start(self, session: str, capabilities: dict[str, Any]) -> Conversation:
        if self._closed:
            raise Unreachable("the server was stopped")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._begun_at.get(session, 0.0) + _RESTART - loop.time())
        self._begun_at[session] = loop.time()
        child = await self._begin(session, capabilities)
        child.used = loop.time()
        self._later(_reap(child))
        return child

    def sweep(self, but: str = "", room: int = 0) -> None:
        """Ends what nobody used for long and, at the bound, what was used least lately. Raises `Unreachable` where
        that does not make enough `room`."""
        now = asyncio.get_running_loop().time()
        idle = sorted(
            (0.0 if _is_gone(task) else task.result().used, session)
            for session, task in self._begun.items()
            if session != but and task.done() and (_is_gone(task) or not task.result().busy)
        )
        surplus = len(self._begun.keys() - {but}) - self._bounds.children + room
        if surplus > len(idle):
            raise Unreachable("too many sessions have a server of their own")
        for place, (used, session) in enumerate(idle):
            if place < surplus or now - used > self._bounds.session_idle:
                self._later(self._close(self._begun.pop(session)))
                self._begun_at.pop(session, None)

    async def end(self, session: str) -> None:
        """Ends the session's child, if it has one."""
        self._begun_at.pop(session, None)
        task = self._begun.pop(session, None)
        if task is not None:
            await self._close(task)

    async def close(self) -> None:
        """Ends all."""
        self._closed = True
        everybody = [self._close(task) for task in self._begun.values()]
        self._begun.clear()
        await asyncio.gather(*everybody, *self._ending, return_exceptions=True)

    async def _close(self, task: asyncio.Task[Conversation]) -> None:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None:
            await task.result().close()

    def _later(self, what: Awaitable[None]) -> None:
        task = asyncio.ensure_future(what)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _is_gone(task: asyncio.Task[Conversation]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None or task.result().ended.done())


async def _reap(child: Conversation) -> None:
    await asyncio.shield(child.ended)
    await child.close()
