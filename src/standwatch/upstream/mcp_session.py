"""The two ways to talk to a server over HTTP: statelessly (2026-07-28), or in sessions opened by `initialize`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.facts.sse import SseParser
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.http import Timeouts, Unreachable, UpstreamError, UpstreamStream, UpstreamTimeout
from standwatch.upstream.mcp_exchange import NOT_OFFERED, Exchange, Unsolicited
from standwatch.upstream.mcp_headers import ParamHeaders, modern_headers
from standwatch.upstream.mcp_http import Endpoint, internal, is_events

_SESSION_ID = re.compile(r"[\x21-\x7e]{1,1024}")
_GOODBYE: Final = Timeouts(first_byte=3.0, total=3.0)
_RECONNECT: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Introduced(msgspec.Struct, frozen=True):
    """What a server said of itself."""

    revision: str
    capabilities: dict[str, Any] = {}


class NotMcp(UpstreamError):
    """Whatever answers there does not speak MCP in a revision we know."""

    code = "upstream_not_mcp"


class Modern:
    """Requests that are whole in themselves."""

    def __init__(
        self, at: Endpoint, param_headers: Callable[[str], ParamHeaders], unsolicited: Unsolicited
    ) -> None:
        self._at = at
        self._param_headers = param_headers
        self._unsolicited = unsolicited

    async def call(self, call: McpCall) -> McpAnswer:
        at = self._at
        ident = at.next_id()
        params = wire.modern_params(call, ident)
        marked = self._param_headers(params.get("name", "")) if call.method == "tools/call" else ()
        headers = modern_headers(call.method, params, marked)
        exchange = Exchange(ident, call, self._unsolicited, None)
        said, _ = await at.post(exchange, wire.write_request(ident, call.method, params), headers)
        return said

    async def end_session(self, session: str) -> None:
        """There are none."""

    async def close(self) -> None:
        """Nothing is kept."""


class Session:
    """One legacy session. `calls` are those under way: a request on the GET stream is asked of the last of them."""

    def __init__(self, at: Endpoint, capabilities: dict[str, Any], unsolicited: Unsolicited) -> None:
        self._at = at
        self._offered = capabilities
        self._unsolicited = unsolicited
        self._headers: list[tuple[str, str]] = []
        self._log_level = ""
        self._listening: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self.calls: dict[int, Exchange] = {}
        self.used = 0.0
        self.introduced = Introduced("")

    async def open(self) -> Introduced:
        """Shakes hands. Raises `UpstreamError`."""
        at = self._at
        params = {
            "protocolVersion": wire.LEGACY, "capabilities": self._offered, "clientInfo": wire.CLIENT_INFO
        }  # fmt: skip
        hello = internal("initialize", at.bounds.handshake, **params)
        ident = at.next_id()
        exchange = Exchange(ident, hello, self._unsolicited, None)
        body = wire.write_request(ident, "initialize", params)
        said, stream = await at.post(exchange, body, [])
        self.introduced = introduced(said)
        headers = [("mcp-protocol-version", self.introduced.revision)]
        session = stream.header("mcp-session-id") if stream is not None else None
        if session is not None:
            if not _SESSION_ID.fullmatch(session):
                raise NotMcp("the server's session id holds characters that no session id may", sent=True)
            headers.append(("mcp-session-id", session))
        self._headers = headers
        await at.tell(wire.write_notification("notifications/initialized"), self._headers)
        return self.introduced

    async def call(self, call: McpCall) -> McpAnswer:
        if call.log_level and call.log_level != self._log_level and "logging" in self.introduced.capabilities:
            self._log_level = call.log_level
            await self._send(internal("logging/setLevel", call.timeout, level=call.log_level))
        headers = self._headers
        said, status = await self._send(call)
        if status == 404 and len(headers) > 1:
            # The session is gone, and by the specification nothing was done in it: the one case of a second try.
            try:
                await self._reopen(headers)
            except UpstreamError as error:
                return wire.fault(str(error), sent=False)
            said, _ = await self._send(call)
        return said

    async def _reopen(self, gone: list[tuple[str, str]]) -> None:
        async with self._opening:
            if self._headers is gone:
                self._log_level = ""
                await self.open()
                self._unsolicited("notifications/tools/list_changed", b"{}")  # it may be another build by now

    async def _send(self, call: McpCall) -> tuple[McpAnswer, int]:
        at = self._at
        ident = at.next_id()
        exchange = Exchange(ident, call, self._unsolicited, self._reply)
        body = wire.write_request(ident, call.method, wire.legacy_params(call, ident))
        self.calls[ident] = exchange
        try:
            said, stream = await at.post(exchange, body, self._headers)
        except BaseException:  # cancelled, or whoever is notified failed: either way nobody waits any more
            self._cancel(ident)
            raise
        finally:
            del self.calls[ident]
        if said.timed_out and said.sent:
            self._cancel(ident)
        return said, 0 if stream is None else stream.status

    def _cancel(self, ident: int) -> None:
        # A closed stream is not a cancellation in these revisions: it is said in a message of its own.
        body = wire.write_notification("notifications/cancelled", {"requestId": ident})
        _keep(asyncio.ensure_future(self._reply(body)))

    async def _reply(self, body: bytes) -> None:
        await self._at.tell(body, self._headers)

    def listen(self) -> None:
        """Opens the stream of what belongs to no call, and keeps it open."""
        if self._listening is None or self._listening.done():
            self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        attempt, last = 0, b""
        while True:
            try:
                headers = self._headers
                async with await self._at.events(headers, last) as stream:
                    if stream.status == 404 and len(headers) > 1:
                        await self._reopen(headers)
                        continue
                    if not is_events(stream):
                        return
                    parser = SseParser(self._at.bounds.message)
                    await self._hear(stream, parser)
                    last = parser.last_event_id or last
                attempt = 0
            except (UpstreamError, Malformed):
                attempt += 1
            await asyncio.sleep(_RECONNECT[min(attempt, len(_RECONNECT) - 1)])

    async def _hear(self, stream: UpstreamStream, parser: SseParser) -> None:
        async for piece in stream.chunks():
            for event in parser.feed(piece):
                try:
                    message = wire.read(event.data)
                except Malformed:
                    continue
                if message.is_notification:
                    self._unsolicited(message.method, bytes(message.params) or b"{}")
                elif not message.is_response:
                    await self._asked(message)

    async def _asked(self, message: wire.Message) -> None:
        asking = [exchange for exchange in self.calls.values() if exchange.call.ask is not None]
        if asking:
            await asking[-1].hear(message)
        elif isinstance(message.id, int | str):
            said = McpAnswer(b"{}") if message.method == "ping" else NOT_OFFERED
            await self._reply(wire.write_reply(message.id, said))

    async def close(self) -> None:
        """Ends it here and at the server."""
        if self._listening is not None:
            self._listening.cancel()
        if len(self._headers) > 1:
            try:
                await self._at.client.request(
                    "DELETE",
                    self._at.url,
                    headers=[*self._at.own, *self._headers],
                    timeouts=_GOODBYE,
                    max_bytes=64 << 10,
                )
            except UpstreamError:
                return


class Sessions:
    """A legacy server's sessions by our own names; "" is shared, and may be asked nothing."""

    def __init__(
        self, at: Endpoint, unsolicited: Callable[[str, str, bytes], None], doubt: Callable[[], None]
    ) -> None:
        self._at = at
        self._doubt = doubt
        self._unsolicited = unsolicited
        self._open: dict[str, asyncio.Task[Session]] = {}
        self._wanted: set[str] = set()

    async def call(self, call: McpCall) -> McpAnswer:
        try:
            session = await self.session(
                call.session, call.capabilities if call.session else {}, call.timeout
            )
        except NotMcp as error:
            self._doubt()  # it spoke otherwise before
            return wire.fault(str(error), sent=False)
        except UpstreamError as error:
            return wire.fault(str(error), sent=False)
        session.used = asyncio.get_running_loop().time()
        return await session.call(call)

    async def session(self, name: str, capabilities: dict[str, Any], patience: float) -> Session:
        """The session, opened if need be and waited for so long. Raises `UpstreamError`."""
        opening = self._open.get(name)
        if opening is None or _failed(opening):
            self.sweep(room=1)
            opening = self._open[name] = asyncio.ensure_future(self._begin(name, capabilities))
            opening.add_done_callback(_failed)  # looks at a failure that nobody waits for any more
        if not opening.done() and not (await asyncio.wait({opening}, timeout=patience))[0]:
            raise UpstreamTimeout("connect", sent=False)
        if opening.cancelled():
            raise Unreachable("the session was ended")
        return opening.result()

    async def _begin(self, name: str, capabilities: dict[str, Any]) -> Session:
        def heard(method: str, params: bytes) -> None:
            self._unsolicited(name, method, params)

        session = Session(self._at, capabilities, heard)
        await session.open()
        if not name or name in self._wanted:
            session.listen()
        return session

    def sweep(self, room: int = 0) -> None:
        """Ends what is idle for long and, at the bound, what was used least lately. Raises `Unreachable` where
        that does not make enough `room`."""
        bounds, now = self._at.bounds, asyncio.get_running_loop().time()
        idle = sorted(
            (session.used, name)
            for name, session in self._sessions()
            if name and not session.calls and name not in self._wanted
        )
        surplus = len(self._open) - bounds.sessions + room
        for place, (used, name) in enumerate(idle):
            if place < surplus or now - used > bounds.session_idle:
                _keep(asyncio.ensure_future(self.end_session(name)))
        if surplus > len(idle):
            raise Unreachable("too many sessions are open at the server")

    def _sessions(self) -> list[tuple[str, Session]]:
        done = ((name, task) for name, task in self._open.items() if task.done() and not task.cancelled())
        return [(name, task.result()) for name, task in done if task.exception() is None]

    def want(self, name: str, *, wanted: bool) -> None:
        """Whether anybody listens to what `name`'s session says beside its calls."""
        if not wanted:
            self._wanted.discard(name)
            return
        self._wanted.add(name)
        for open_name, session in self._sessions():
            if open_name == name:
                session.listen()

    async def end_session(self, session: str) -> None:
        task = self._open.pop(session, None)
        if task is None:
            return
        if not task.done():
            task.cancel()
        elif not task.cancelled() and task.exception() is None:
            await task.result().close()

    async def close(self) -> None:
        await asyncio.gather(*(self.end_session(name) for name in tuple(self._open)), return_exceptions=True)


def _failed(opening: asyncio.Task[Session]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)


def introduced(said: McpAnswer) -> Introduced:
    """What the answer to `initialize` says. Raises `NotMcp`."""
    if said.error is not None:
        raise NotMcp(f"the server refused initialize: {said.error.message[:200]}", sent=said.sent)
    try:
        hello = _hello.decode(said.result)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise NotMcp("the server's answer to initialize is not one", sent=True) from None
    if hello.revision not in wire.HANDSHAKE:
        raise NotMcp(f"the server speaks {hello.revision[:40]!r}, which we do not", sent=True)
    return Introduced(hello.revision, hello.capabilities)


class _Hello(msgspec.Struct, frozen=True):
    revision: str = msgspec.field(name="protocolVersion")
    capabilities: dict[str, Any] = {}


class _Discovered(msgspec.Struct, frozen=True):
    versions: list[str] = msgspec.field(name="supportedVersions")
    capabilities: dict[str, Any] = {}


_hello = msgspec.json.Decoder(_Hello)
_discovered = msgspec.json.Decoder(_Discovered)
_kept: set[asyncio.Future[None]] = set()


def discovered(said: McpAnswer) -> Introduced | None:
    """What the answer to `server/discover` says; None where it is no evidence of a modern server."""
    if said.error is not None:
        return None
    try:
        found = _discovered.decode(said.result)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return Introduced(wire.MODERN, found.capabilities) if wire.MODERN in found.versions else None


def _keep(task: asyncio.Future[None]) -> None:
    """The event loop itself holds tasks only weakly."""
    _kept.add(task)
    task.add_done_callback(_kept.discard)
