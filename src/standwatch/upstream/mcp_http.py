"""MCP over Streamable HTTP: one POST per request, answered by JSON or by a stream of events."""

from __future__ import annotations

import asyncio
import itertools
from typing import Final

from standwatch.facts.credentials import Present
from standwatch.facts.errors import Malformed, StandwatchError
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.facts.sse import SseParser
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.http import HttpClient, Timeouts, UpstreamError, UpstreamStream, UpstreamTimeout
from standwatch.upstream.http_target import Headers
from standwatch.upstream.mcp_exchange import Bounds, Exchange, Patience, Unsolicited

_BASE: Final = (("content-type", "application/json"), ("accept", "application/json, text/event-stream"))
_IDEMPOTENT: Final = frozenset({
    "server/discover", "tools/list", "resources/list", "resources/templates/list", "prompts/list", "resources/read",
    "completion/complete",
})  # fmt: skip
"""May be sent twice if a kept connection closed under them. A tool call never is."""


class Endpoint:
    """Where a server is reached, and the ids of our requests to it."""

    def __init__(self, client: HttpClient, url: str, bounds: Bounds) -> None:
        self.own: tuple[tuple[str, str], ...] = ()
        """Headers of every request, for the server's credentials."""
        self.present: Present | None = None
        """Presents what requests of our own need, where the server is shown a credential for each act."""
        self.client = client
        self.url = url
        self.bounds = bounds
        self._ids = itertools.count(1)

    def next_id(self) -> int:
        return next(self._ids)

    async def post(
        self, exchange: Exchange, body: bytes, headers: Headers
    ) -> tuple[McpAnswer, UpstreamStream | None]:
        """Sends a request and hears it to its end. The stream is given for its head: it is closed."""
        call = exchange.call
        stream: UpstreamStream | None = None
        whole = False
        try:
            if call.ask is None:
                stream = await self._send(call, body, headers, call.timeout)
                said = await self._hear(stream, exchange, headers)
                whole = True
                return said, stream
            async with asyncio.timeout(None) as scope:
                loop = asyncio.get_running_loop()
                exchange.patience = Patience(loop, call.timeout, lambda: scope.reschedule(loop.time()))
                stream = await self._send(call, body, headers, None)
                said = await self._hear(stream, exchange, headers)
                whole = True
                return said, stream
        except UpstreamTimeout as error:
            return wire.fault(str(error), sent=error.sent, timed_out=True), stream
        except UpstreamError as error:
            return wire.fault(str(error), sent=error.sent), stream
        except TimeoutError:
            return wire.fault("the upstream was too slow (total)", timed_out=True), stream
        finally:
            exchange.close()
            if stream is not None:
                _leave(stream, answered=whole)

    async def tell(self, body: bytes, headers: Headers, seconds: float = 10.0) -> int:
        """Posts a notification or an answer of ours; the status, or 0 where there was none."""
        limits = Timeouts(first_byte=seconds, total=seconds)
        try:
            response = await self.client.request(
                "POST",
                self.url,
                headers=[*_BASE, *await self._shown("POST"), *headers],
                body=body,
                timeouts=limits,
                max_bytes=64 << 10,
            )
        except UpstreamError:
            return 0
        return response.status

    async def _shown(self, method: str, present: Present | None = None) -> tuple[tuple[str, str], ...]:
        """Our own headers, and the credential that goes with one request. Raises `UpstreamError`."""
        presents = present or self.present
        if presents is None:
            return self.own
        try:
            return (*self.own, *await presents(method, self.url))
        except UpstreamError:
            raise
        except StandwatchError as error:
            raise UpstreamError(str(error), sent=False) from None

    async def _send(
        self, call: McpCall, body: bytes, headers: Headers, seconds: float | None
    ) -> UpstreamStream:
        patience = 86_400.0 if seconds is None else seconds
        return await self.client.stream(
            "POST",
            self.url,
            headers=[*_BASE, *await self._shown("POST", call.present), *headers],
            body=body,
            timeouts=Timeouts(connect=min(patience, 5.0), first_byte=patience, total=seconds),
            max_bytes=None,
            # INVARIANT: a credential for one act is shown once; what would be sent again would be refused by it.
            idempotent=call.method in _IDEMPOTENT and call.present is None,
        )

    async def _hear(self, stream: UpstreamStream, exchange: Exchange, headers: Headers) -> McpAnswer:
        kind = stream.headers.get(b"content-type", b"").lower()
        if is_events(stream):
            return await self._hear_events(stream, exchange, headers)
        if kind.startswith(b"application/json"):
            return _whole(stream.status, await self.body(stream), exchange.ident)
        return wire.fault(f"the server answered HTTP {stream.status}, not MCP")

    async def body(self, stream: UpstreamStream) -> bytes:
        """A whole body, bounded."""
        pieces: list[bytes] = []
        size = 0
        async for piece in stream.chunks():
            size += len(piece)
            if size > self.bounds.message:
                raise TooLong
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _hear_events(self, stream: UpstreamStream, exchange: Exchange, headers: Headers) -> McpAnswer:
        parser = SseParser(self.bounds.message)
        said = await _until_answer(stream, parser, exchange)
        attempts = 0
        while said is None and parser.last_event_id and attempts < _RESUMES:
            # A legacy server may close a call's stream and go on: it is resumed by the last event's id.
            attempts += 1
            await asyncio.sleep(min(1000 if parser.retry_ms is None else parser.retry_ms, 10_000) / 1000)
            before = parser.last_event_id
            said, parser = await self._resume(before, exchange, headers)
            attempts = 0 if parser.last_event_id != before else attempts
        return said or wire.fault("the server's stream ended without an answer")

    async def _resume(
        self, last: bytes, exchange: Exchange, headers: Headers
    ) -> tuple[McpAnswer | None, SseParser]:
        stream = await self.events(headers, last)
        parser = SseParser(self.bounds.message)
        parser.last_event_id = last
        async with stream:
            if not is_events(stream):
                return None, parser
            return await _until_answer(stream, parser, exchange), parser

    async def events(self, headers: Headers, last: bytes = b"") -> UpstreamStream:
        """The answer to a GET, hopefully events. Raises `UpstreamError`."""
        sent = [("accept", "text/event-stream"), *await self._shown("GET"), *headers]
        if last:
            sent.append(("last-event-id", last.decode("latin-1")))
        timeouts = Timeouts(first_byte=3600.0, total=None)
        return await self.client.stream("GET", self.url, headers=sent, timeouts=timeouts, max_bytes=None)


class TooLong(UpstreamError):
    """A body beyond the bound."""

    code = "upstream_too_large"

    def __init__(self) -> None:
        super().__init__("the server's answer is too large", sent=True)


_RESUMES: Final = 2
_LINGER: Final = 0.5


def is_events(stream: UpstreamStream) -> bool:
    """True where the answer is a stream of events."""
    kind = stream.headers.get(b"content-type", b"")
    return stream.status == 200 and kind.lower().startswith(b"text/event-stream")


def _whole(status: int, body: bytes, ident: int) -> McpAnswer:
    try:
        message = wire.read(body)
    except Malformed:
        return wire.fault(f"the server's answer (HTTP {status}) is not JSON-RPC")
    # A server that could not read our id says null, which only an error may.
    if not message.is_response or (message.id != ident and not (status >= 400 and message.id is None)):
        return wire.fault("the server's answer is not to our request")
    return wire.answer(message)


async def _until_answer(stream: UpstreamStream, parser: SseParser, exchange: Exchange) -> McpAnswer | None:
    async for piece in stream.chunks():
        try:
            events = parser.feed(piece)
        except Malformed as error:
            raise TooLong from error
        for event in events:
            if event.data and event.event in (b"", b"message"):
                try:
                    message = wire.read(event.data)
                except Malformed:
                    continue
                if (said := await exchange.hear(message)) is not None:
                    return said
    return None


def _leave(stream: UpstreamStream, *, answered: bool) -> None:
    """Closes at once what is given up; an answered stream gets a moment to end, so that its connection is kept."""
    if stream.ended:
        return
    if answered:
        asyncio.get_running_loop().call_later(_LINGER, stream.close)
    else:
        stream.close()


def silent(_method: str, _params: bytes) -> None:
    """Nobody listens."""


def internal(method: str, timeout: float, **params: object) -> McpCall:
    """A request of our own: it may ask nothing and notifies nobody."""
    return McpCall(method=method, params=dict(params), timeout=timeout)


__all__ = ["Endpoint", "TooLong", "Unsolicited", "internal", "silent"]
