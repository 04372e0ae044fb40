"""One connection to an upstream: one exchange at a time, its deadlines, and whether it may serve another."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import cast

from standwatch.upstream.http_errors import ClosedUnanswered, UpstreamError, UpstreamProtocol, UpstreamTimeout
from standwatch.upstream.http_message import Timeouts, UpstreamResponse, UpstreamStream
from standwatch.upstream.http_reader import BODY, DONE, WAITING, ResponseReader

Answer = asyncio.Future["UpstreamResponse | UpstreamStream"]


class Connection(asyncio.Protocol):
    """Calls `release` when it may be used again, `forget` once when it is closed.

    INVARIANT: `release` only after a whole answer, a whole request, no stray byte and no wish to close.
    """

    __slots__ = (
        "_answer", "_deadline", "_forget", "_headers", "_heard", "_loop", "_max_idle", "_phase", "_pieces", "_reader",
        "_release", "_serial", "_status", "_stream", "_streaming", "_throttled", "_timeouts", "_timer", "_timer_at",
        "_total_at", "_transport",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        release: Callable[[Connection], None],
        forget: Callable[[Connection], None],
        max_idle: float,
    ) -> None:
        self._loop = loop
        self._release = release
        self._forget = forget
        self._max_idle = max_idle
        self._reader = ResponseReader()
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._stream: UpstreamStream | None = None
        self._streaming = self._heard = self._throttled = False
        self._status = self._serial = 0
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self._timeouts = Timeouts()
        self._timer: asyncio.TimerHandle | None = None
        self._phase = "idle"
        self._deadline = self._timer_at = self._total_at = math.inf

    @property
    def usable(self) -> bool:
        """False once closing."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def serial(self) -> int:
        """Names the current exchange, so that a late `abandon` cannot hit the next one."""
        return self._serial

    def send(
        self, request: bytes, *, head_only: bool, limit: int, timeouts: Timeouts, streaming: bool
    ) -> Answer:
        """Starts an exchange. The future gives the whole answer, or when `streaming` its head with a body to read."""
        answer: Answer = self._loop.create_future()
        self._answer = answer
        self._streaming = streaming
        self._heard = False
        self._timeouts = timeouts
        self._serial += 1
        self._reader.expect(self, head_only=head_only, limit=limit)
        now = self._loop.time()
        self._total_at = math.inf if timeouts.total is None else now + timeouts.total
        self._await_until("first_byte", now + timeouts.first_byte)
        cast("asyncio.Transport", self._transport).write(request)
        return answer

    def abandon(self, serial: int) -> None:
        """Whoever waited for exchange `serial` does not any more: if it is still under way, the connection closes."""
        if serial == self._serial and self._reader.state in (WAITING, BODY):
            self._detach()
            self.abort()

    def abort(self) -> None:
        """Closes now."""
        if self._transport is not None:
            self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        reader.feed(data)
        if self._answer is None and self._stream is None:
            if not reader.reusable:
                self.abort()
        elif reader.fault is not None:
            self._fail(reader.fault)
        elif reader.state == DONE:
            self._complete()
        else:
            self._progress()

    def eof_received(self) -> bool | None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        under_way = self._answer is not None or self._stream is not None
        if under_way and exc is None and self._reader.finish():
            self._complete()
        elif under_way and not self._heard:
            self._fail(ClosedUnanswered("the upstream closed the connection without an answer", sent=True))
        elif under_way:
            self._fail(UpstreamProtocol("the upstream's answer broke off", sent=True))
        self._transport = None
        self._reader.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._forget(self)

    # What the reader calls.

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self._status = status
        self._headers = headers
        if not self._streaming or self._answer is None:
            return
        serial = self._serial
        self._stream = UpstreamStream(status, headers, lambda: self.abandon(serial), self._throttle)
        answer, self._answer = self._answer, None
        if not answer.done():
            answer.set_result(self._stream)

    def on_piece(self, piece: bytes) -> None:
        if self._stream is not None:
            self._stream.push(piece)
        else:
            self._pieces.append(piece)

    def _throttle(self, wait: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._throttled = wait
        if wait:
            transport.pause_reading()
            # Silence that our own reader causes is not the upstream's.
            self._await_until("total", self._total_at)
        else:
            transport.resume_reading()
            self._await_more()

    # The end of an exchange.

    def _complete(self) -> None:
        answer, stream = self._answer, self._stream
        pieces, status, headers = self._pieces, self._status, self._headers
        self._detach()
        transport = self._transport
        if transport is not None and not transport.is_closing():
            # An answer that overtook its own request leaves the rest of that request in the way of the next.
            if self._reader.reusable and transport.get_write_buffer_size() == 0:
                if self._throttled:
                    transport.resume_reading()
                    self._throttled = False
                self._await_until("idle", self._loop.time() + self._max_idle)
                self._release(self)
            else:
                transport.abort()
        if stream is not None:
            stream.end(None)
        elif answer is not None and not answer.done():
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            answer.set_result(UpstreamResponse(status, headers, body))

    def _fail(self, error: UpstreamError) -> None:
        answer, stream = self._answer, self._stream
        self._detach()
        self.abort()
        if stream is not None:
            stream.end(error)
        elif answer is not None and not answer.done():
            answer.set_exception(error)

    def _detach(self) -> None:
        self._answer = self._stream = None
        self._pieces = []

    # Deadlines: one timer that is rarely touched. It looks at the deadline when it fires, and sleeps on if that moved.

    def _progress(self) -> None:
        if not self._heard or self._timeouts.silence is not None:
            self._heard = True
            if not self._throttled:
                self._await_more()

    def _await_more(self) -> None:
        silence = self._timeouts.silence
        if silence is None:
            self._await_until("total", self._total_at)
        else:
            self._await_until("silence", self._loop.time() + silence)

    def _await_until(self, phase: str, deadline: float) -> None:
        self._phase = phase
        self._deadline = deadline = min(deadline, self._total_at) if phase != "idle" else deadline
        if deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self._loop.call_at(deadline, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        now = self._loop.time()
        if now < self._deadline:
            if self._deadline != math.inf:
                self._await_until(self._phase, self._deadline)
        elif self._answer is None and self._stream is None:
            self.abort()
        else:
            self._fail(UpstreamTimeout("total" if now >= self._total_at else self._phase, sent=True))
