"""MCP over a child's pipes: many calls on one of them, told apart by id and progress token."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final

from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.http_errors import UpstreamError, UpstreamTimeout
from standwatch.upstream.mcp_exchange import NOT_OFFERED, Bounds, Exchange, Patience, Unsolicited
from standwatch.upstream.mcp_http import internal
from standwatch.upstream.mcp_session import Introduced, NotMcp, discovered, introduced
from standwatch.upstream.mcp_wire import Message
from standwatch.upstream.stdio import Child, Launch, start

_TIMED_OUT: Final = wire.fault("the upstream was too slow (total)", timed_out=True)


class Conversation:
    """One child, spoken to in one revision. `ended` is done when the child is no more."""

    def __init__(self, bounds: Bounds, unsolicited: Unsolicited) -> None:
        self._bounds = bounds
        self._unsolicited = unsolicited
        self._ids = itertools.count(1)
        self._calls: dict[int, Exchange] = {}
        self._child: Child | None = None
        self._junk = 0
        self._modern = False
        self._log_level = ""
        self.introduced = Introduced("")
        self.used = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def busy(self) -> bool:
        return bool(self._calls)

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.alive

    @property
    def child(self) -> Child | None:
        return self._child

    async def begin(self, what: Launch, era: str, capabilities: dict[str, Any]) -> Introduced:
        """Starts the child and finds out how it speaks. `era`: `modern` or `legacy` where that is known, else "".

        Raises `UpstreamError`; the child is then ended.
        """
        self._child = await start(what, self._line, self._end, self._bounds.message)
        try:
            self.introduced = await self._introduce(era, capabilities)
        except BaseException:
            await self.close()
            raise
        self._modern = self.introduced.revision == wire.MODERN
        return self.introduced

    async def _introduce(self, era: str, capabilities: dict[str, Any]) -> Introduced:
        if era != "legacy":
            found = discovered(await self._discover(self._bounds.probe))
            if found is not None:
                return found
        said = await self._initialize(capabilities)
        if said.error is not None and said.error.code == wire.UNSUPPORTED_VERSION:
            # It took our probe as the first request after all, late: that fixed the era.
            found = discovered(await self._discover(self._bounds.handshake))
            if found is not None:
                return found
        if said.timed_out:
            raise UpstreamTimeout("first_byte", sent=True)
        if not self.running:
            raise NotMcp(f"it ended before it introduced itself{self._epitaph()}", sent=True)
        hello = introduced(said)
        self._write(wire.write_notification("notifications/initialized"))
        return hello

    async def _discover(self, seconds: float) -> McpAnswer:
        call = internal("server/discover", seconds)
        return await self._exchange(call, wire.modern_params)

    async def _initialize(self, capabilities: dict[str, Any]) -> McpAnswer:
        hello = internal(
            "initialize",
            self._bounds.handshake,
            protocolVersion=wire.LEGACY,
            capabilities=capabilities,
            clientInfo=wire.CLIENT_INFO,
        )
        return await self._exchange(hello, wire.legacy_params)

    async def call(self, call: McpCall) -> McpAnswer:
        if self._modern:
            return await self._exchange(call, wire.modern_params)
        if call.log_level and call.log_level != self._log_level and "logging" in self.introduced.capabilities:
            self._log_level = call.log_level
            level = internal("logging/setLevel", call.timeout, level=call.log_level)
            await self._exchange(level, wire.legacy_params)
        return await self._exchange(call, wire.legacy_params)

    async def _exchange(self, call: McpCall, params: Callable[[McpCall, int], dict[str, Any]]) -> McpAnswer:
        ident = next(self._ids)
        exchange = Exchange(ident, call, self._unsolicited, None if self._modern else self._reply)
        line = wire.write_request(ident, call.method, params(call, ident))
        if not self._write(line):
            return wire.fault("the server is not running", sent=False)
        self._calls[ident] = exchange
        loop = asyncio.get_running_loop()
        exchange.patience = Patience(loop, call.timeout, lambda: exchange.push(_TIMED_OUT))
        try:
            said = await exchange.wait()
        except BaseException:  # cancelled, or whoever is notified failed: either way nobody waits any more
            self._cancel(ident, call.method)
            raise
        finally:
            del self._calls[ident]
            exchange.close()
        if said.timed_out:
            self._cancel(ident, call.method)
        return said

    def _cancel(self, ident: int, method: str) -> None:
        if method not in (
            "initialize",
            "server/discover",
        ):  # may not be cancelled, or is better answered late
            self._write(wire.write_notification("notifications/cancelled", {"requestId": ident}))

    def _write(self, line: bytes) -> bool:
        return self._child is not None and self._child.write(line)

    async def _reply(self, body: bytes) -> None:
        self._write(body)

    # What the child says.

    def _line(self, line: bytes) -> None:
        try:
            message = wire.read(line)
        except Malformed:
            self._skip(line)
            return
        self._junk = 0
        if message.is_response:
            # An answer to nothing, or a second one, finds no call: it is dropped.
            exchange = self._calls.get(message.id) if isinstance(message.id, int) else None
        elif message.is_notification:
            exchange = self._concerned(message)
            if exchange is None:
                self._unsolicited(message.method, bytes(message.params) or b"{}")
        else:
            exchange = self._to_ask()
            if exchange is None:
                self._decline(message)
        if exchange is not None:
            exchange.push(message)

    def _skip(self, line: bytes) -> None:
        self._junk += len(line) + 1
        if self._junk > self._bounds.junk and self._child is not None:
            self._child.kill("it floods its stdout with what is no message")

    def _concerned(self, message: Message) -> Exchange | None:
        match message.method:
            case "notifications/progress":
                token = wire.progress_token(message.params)
                return self._calls.get(token) if isinstance(token, int) else None
            case "notifications/message":
                # Nothing says whose it is: it is somebody's only where no other call can have caused it.
                causes = [one for one in self._calls.values() if one.call.log_level or not self._modern]
                return causes[0] if len(causes) == 1 else None
            case "notifications/cancelled":
                return self._to_ask()
            case _:
                return None

    def _to_ask(self) -> Exchange | None:
        asking = [exchange for exchange in self._calls.values() if exchange.call.ask is not None]
        return asking[-1] if asking else None

    def _decline(self, message: Message) -> None:
        if isinstance(message.id, int | str) and not self._modern:
            said = McpAnswer(b"{}") if message.method == "ping" else NOT_OFFERED
            self._write(wire.write_reply(message.id, said))

    def _epitaph(self) -> str:
        return "" if self._child is None or not self._child.why else f": {self._child.why}"

    def _end(self) -> None:
        for exchange in tuple(self._calls.values()):
            exchange.push(wire.fault(f"the server ended before it answered{self._epitaph()}"))
        if not self.ended.done():
            self.ended.set_result(None)

    async def close(self) -> None:
        """Ends the child in good order."""
        if self._child is not None:
            await self._child.stop(self._bounds.stop)
            self._child.close_pipes()


__all__ = ["Conversation", "NotMcp", "UpstreamError"]
