"""One call under way: its notifications in order, what the server asks of its client meanwhile, and its answer."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Raw

from standwatch.facts.credentials import Present
from standwatch.facts.mcp import McpAnswer, McpCall, McpError
from standwatch.facts.sandbox import Sandbox
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.mcp_wire import Id, Message

Unsolicited = Callable[[str, bytes], None]
"""(method, raw parameters) of a notification that belongs to no call."""

Reply = Callable[[bytes], Awaitable[None]]
"""Carries our answer to a server's request back to it."""

MOST_ASKS: Final = 8
MOST_WAITING: Final = 1024
"""Notifications that wait for a slow caller; further ones are dropped, as progress may be."""

_ASKS: Final = {
    "sampling/createMessage": "sampling",
    "elicitation/create": "elicitation",
    "roots/list": "roots",
}


class Bounds(msgspec.Struct, frozen=True):
    """How much and how long a server may. Bytes and seconds."""

    message: int = 16 << 20
    """One line, body or event."""
    probe: float = 5.0
    """For the answer to `server/discover`; an old server may never give one."""
    handshake: float = 30.0
    connect_wait: float = 5.0
    """How long a call waits for a server that is down."""
    listing: float = 30.0
    pages: int = 100
    tools: int = 10_000
    sessions: int = 1000
    children: int = 16
    """Processes of their own for sessions that may be asked something."""
    session_idle: float = 900.0
    stop: float = 3.0
    """From closing a child's stdin to SIGTERM, and from there to SIGKILL."""
    relist: float = 300.0
    """Between two looks at the tools where none was announced: not every server announces."""
    junk: int = 1 << 20
    """Bytes on a child's stdout that are no messages, before it is ended."""


class Surroundings(msgspec.Struct, frozen=True):
    """Where a server is started and what it may: all that is not in its declaration."""

    folder: Path
    """The organisation's."""
    environment: Mapping[str, str]
    """What `${NAME}` and a child's PATH, HOME, LANG and TZ are read from."""
    bounds: Bounds = Bounds()
    chance: Callable[[], float] = random.random
    """Numbers in [0, 1), for the jitter of restarts."""
    era: Literal["", "modern", "legacy"] = ""
    """How it speaks, where that is known before it is asked."""
    sandbox: Sandbox | None = None
    """What confines a server that is started."""
    present: Present | None = None
    """Shows a server at a URL who asks, where that takes more than headers."""
    hidden: tuple[Path, ...] = ()
    """Folders that no sandboxed server sees, whatever is declared: where the record and its keys are."""


class Patience:
    """What is left of a call's time. It does not run while the server waits for its client's answer."""

    __slots__ = ("_asked", "_expired", "_left", "_loop", "_since", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, expired: Callable[[], object]
    ) -> None:
        self._loop = loop
        self._left = seconds
        self._expired = expired
        self._asked = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._start()

    def pause(self) -> None:
        self._asked += 1
        if self._asked == 1:
            self.stop()
            self._left -= self._loop.time() - self._since

    def resume(self) -> None:
        self._asked -= 1
        if self._asked == 0:
            self._start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        self._since = self._loop.time()
        self._timer = self._loop.call_later(max(0.0, self._left), self._expired)


class Exchange:
    """`hear` takes the server's messages for this call in the order they came; it returns the answer when it comes."""

    __slots__ = (
        "_asks",
        "_reply",
        "_unsolicited",
        "_waiter",
        "_waiting",
        "call",
        "dropped",
        "ident",
        "patience",
    )

    def __init__(self, ident: int, call: McpCall, unsolicited: Unsolicited, reply: Reply | None) -> None:
        self.ident = ident
        self.call = call
        self.patience: Patience | None = None
        self.dropped = 0
        self._unsolicited = unsolicited
        self._reply = reply
        self._asks: dict[Id, asyncio.Task[None]] | None = None
        self._waiting: deque[Message | McpAnswer] = deque()
        self._waiter: asyncio.Future[None] | None = None

    async def hear(self, message: Message) -> McpAnswer | None:
        if message.is_response:
            return wire.answer(message) if message.id == self.ident else None
        if not message.is_notification:
            await self._asked(message)
            return None
        match message.method:
            case "notifications/progress":
                await self._progressed(message.params)
            case "notifications/message":
                if self.call.notify is not None:
                    await self.call.notify(message.method, bytes(message.params) or b"{}")
            case "notifications/cancelled":
                self._cancel_ask(message.params)
            case _:
                self._unsolicited(message.method, bytes(message.params) or b"{}")
        return None

    async def _progressed(self, params: Raw) -> None:
        call = self.call
        if call.notify is None or call.progress_token is None or wire.progress_token(params) != self.ident:
            return
        await call.notify("notifications/progress", wire.with_progress_token(params, call.progress_token))

    # What the server asks of its client (legacy only: a modern one has no way to).

    async def _asked(self, message: Message) -> None:
        ident, ask = message.id, self.call.ask
        if self._reply is None or not isinstance(ident, int | str):
            return
        if self._asks is None:
            self._asks = {}
        if message.method == "ping":
            await self._reply(wire.write_reply(ident, McpAnswer(b"{}")))
        elif (
            ask is None
            or ident in self._asks
            or len(self._asks) >= MOST_ASKS
            or not may_ask(self.call, message)
        ):
            await self._reply(wire.write_reply(ident, NOT_OFFERED))
        else:
            task = asyncio.ensure_future(self._answer_ask(ident, message, self._reply))
            self._asks[ident] = task
            task.add_done_callback(lambda _: self._asks and self._asks.pop(ident, None))

    async def _answer_ask(self, ident: Id, message: Message, reply: Reply) -> None:
        if self.call.ask is None:
            return
        patience = self.patience
        if patience is not None:
            patience.pause()
        try:
            said = await self.call.ask(message.method, bytes(message.params) or b"{}")
        except Exception:
            said = McpAnswer(error=McpError(wire.INTERNAL_ERROR, "The client could not answer"))
        finally:
            if patience is not None and self.patience is patience:
                patience.resume()
        await reply(wire.write_reply(ident, said))

    def _cancel_ask(self, params: Raw) -> None:
        ident = wire.cancelled_request(params)
        if self._asks and ident is not None and (task := self._asks.get(ident)) is not None:
            task.cancel()

    def close(self) -> None:
        """The call is over: nothing is asked on its behalf any more."""
        if self.patience is not None:
            self.patience.stop()
            self.patience = None  # it holds this exchange, as this holds it
        for task in tuple((self._asks or {}).values()):
            task.cancel()

    # For a pipe that many calls share: messages are handed over here, and waited for by the caller's own task, so
    # that a slow caller holds up nobody else.

    def push(self, item: Message | McpAnswer) -> None:
        """A message for this call, or what ends it."""
        if len(self._waiting) >= MOST_WAITING and isinstance(item, Message) and item.is_notification:
            self.dropped += 1
            return
        self._waiting.append(item)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> McpAnswer:
        """Hears what is pushed until the answer comes."""
        while True:
            while self._waiting:
                item = self._waiting.popleft()
                said = item if isinstance(item, McpAnswer) else await self.hear(item)
                if said is not None:
                    return said
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


def may_ask(call: McpCall, message: Message) -> bool:
    """True where this call's client offered what the server asks for."""
    return _ASKS.get(message.method, "") in call.capabilities


NOT_OFFERED: Final = McpAnswer(error=McpError(wire.METHOD_NOT_FOUND, "Not offered"))
