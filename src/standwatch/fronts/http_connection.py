"""One client's connection: requests in order, one task each, answers under back-pressure, deadlines by sweep."""

from __future__ import annotations

import asyncio
import math
import socket
from typing import Final, Protocol, cast

from standwatch.fronts.http_message import ClientGone, Handler, Limits, Refusal, Request, Response, Stream
from standwatch.fronts.http_reader import BETWEEN, RequestReader
from standwatch.fronts.http_stream import StreamWriter
from standwatch.fronts.http_unix import peer_name
from standwatch.fronts.http_wire import CONTINUE, LAST_CHUNK, encode_response, encode_stream_head

_FAILED: Final = Refusal(500, "internal", "The request could not be handled.")
_SLOW: Final = Refusal(408, "request_timeout", "The request did not arrive in time.")
_FULL: Final = Refusal(503, "too_many_connections", "This listener has no room for another connection.")
_CLOSING: Final = Refusal(503, "closing", "This listener is closing.")


class Host(Protocol):
    """What a connection needs of its listener."""

    limits: Limits
    name: str
    date: bytes
    draining: bool

    def admit(self, connection: Connection) -> bool:
        """False when the listener is full or closing."""
        ...

    def forget(self, connection: Connection) -> None:
        """The connection is closed and its handler done."""
        ...

    def report(self, error: BaseException) -> None:
        """A handler raised."""
        ...


class Connection(asyncio.Protocol):
    """INVARIANT: at most one request is being handled; answers leave in the order of their requests."""

    __slots__ = (
        "_deaf", "_handler", "_held", "_host", "_loop", "_paused_since", "_peer", "_phase", "_reader", "_request",
        "_room", "_stream", "_task", "_transport", "expires",
    )  # fmt: skip

    def __init__(self, host: Host, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._handler = handler
        self._loop = loop
        self._reader = RequestReader(host.limits)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._request: Request | None = None
        self._stream: Stream | None = None
        self._room: asyncio.Future[None] | None = None
        self._paused_since = math.inf
        self._phase = BETWEEN
        self._deaf = self._held = False
        self._peer = ""
        self.expires = math.inf

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer: object = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            address = cast("tuple[object, ...]", peer)
            self._peer = f"{address[0]}:{address[1]}"
        else:
            self._peer = peer_name(_descriptor(transport))
        self.expires = self._loop.time() + self._host.limits.read_timeout
        if not self._host.admit(self):
            self._refuse(_CLOSING if self._host.draining else _FULL)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        reader = self._reader
        reader.feed(data)
        if self._task is None:
            self._advance()
        elif reader.done and not self._held and self._transport is not None:
            # Whoever sends ahead is read no further until it is his turn: bodies would pile up. (Nor is his leaving
            # seen until then: the price of pipelining.)
            self._held = True
            self._transport.pause_reading()

    def eof_received(self) -> bool | None:
        """A half-closed connection counts as closed: nothing else tells us that a client went away."""
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._deaf = True
        self.expires = self._paused_since = math.inf
        self._reader.close()
        self._reader.done.clear()
        if self._room is not None and not self._room.done():
            self._room.set_exception(ClientGone())
        request, task = self._request, self._task
        if task is None:
            self._host.forget(self)
        elif request is not None and not self._told(request):
            task.cancel()

    def _told(self, request: Request) -> bool:
        try:
            return request.lost()
        except Exception as error:  # a faulty callback must not leave the task running unobserved
            self._host.report(error)
            return False

    def pause_writing(self) -> None:
        self._paused_since = self._loop.time()

    def resume_writing(self) -> None:
        self._paused_since = math.inf
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self._task is None:
            self._advance()

    # One request after another.

    def _advance(self) -> None:
        """Starts the next request, or answers the refusal behind the last one, or waits with a deadline."""
        if self._transport is None or self._deaf or self._transport.is_closing():
            return
        reader = self._reader
        if reader.done:
            if self._paused_since == math.inf:  # else `resume_writing` comes back here
                self._start(reader.done.popleft())
        elif reader.refusal is not None:
            self._refuse(reader.refusal)
        elif self._host.draining:
            self.finish()
        else:
            self._await_bytes()

    def _start(self, request: Request) -> None:
        request.peer = self._peer
        request.listener = self._host.name
        self._request = request
        if self._held and not self._reader.done and self._transport is not None:
            self._held = False
            self._transport.resume_reading()
        self._phase = BETWEEN
        self.expires = math.inf
        self._task = self._loop.create_task(self._serve(request))

    def _await_bytes(self) -> None:
        reader = self._reader
        if reader.owes_continue and self._transport is not None:
            reader.owes_continue = False
            self._transport.write(CONTINUE)
        # INVARIANT: a deadline moves only when a phase begins, so a trickle of bytes never extends it.
        if reader.phase != self._phase or self.expires == math.inf:
            self._phase = reader.phase
            limits = self._host.limits
            patience = limits.idle_timeout if reader.phase == BETWEEN else limits.read_timeout
            self.expires = self._loop.time() + patience

    async def _serve(self, request: Request) -> None:
        try:
            answer = await self._handler(request)
            if type(answer) is Response:
                self._reply(request, answer)
            else:
                await self._produce(request, cast("Stream", answer))
        except ClientGone:
            self.abort()
        except Exception as error:
            self._host.report(error)
            self._fail()
        except BaseException:  # cancelled, or worse: nothing half-said may look whole
            self.abort()
            raise
        finally:
            self._task = self._request = self._stream = None
            if self._transport is None:
                self._host.forget(self)
            else:
                self._advance()

    def _reply(self, request: Request, answer: Response) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        keep_alive = request.keep_alive and not self._host.draining
        head_only = request.method == "HEAD"
        transport.write(
            encode_response(answer, date=self._host.date, head_only=head_only, keep_alive=keep_alive)
        )
        if not keep_alive:
            self.finish()

    async def _produce(self, request: Request, answer: Stream) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ClientGone
        chunked = not request.http_1_0
        keep_alive = request.keep_alive and chunked and not self._host.draining
        date = self._host.date
        head = encode_stream_head(answer, date=date, chunked=chunked, keep_alive=keep_alive)
        self._stream = answer
        transport.write(head)
        if request.method != "HEAD":
            writer = StreamWriter(self, chunked)
            if answer.ends_early and self._host.draining:
                writer.cut()
                raise ClientGone
            await answer.produce(writer)
            if writer.closed:
                raise ClientGone
            if chunked:
                transport.write(LAST_CHUNK)
        if not keep_alive or self._host.draining:
            self.finish()

    def _fail(self) -> None:
        """A handler raised: a fixed sentence if nothing was said yet, else a visibly broken stream."""
        if self._stream is not None or self._request is None:
            self.abort()
        else:
            self._reply(self._request, _FAILED.response())

    # Endings.

    def _refuse(self, refusal: Refusal) -> None:
        """Answers what is no request, then closes. Input is thrown away for a moment first: closing with unread
        bytes would reset the connection, and the client would never read why."""
        self._deaf = True
        self._reader.close()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._held:
            self._held = False
            transport.resume_reading()
        answer = refusal.response()
        transport.write(encode_response(answer, date=self._host.date, head_only=False, keep_alive=False))
        if transport.can_write_eof():
            transport.write_eof()
        self.expires = self._loop.time() + self._host.limits.linger

    def finish(self) -> None:
        """Closes once what was written has left, which a client that never reads cannot put off for ever."""
        self._deaf = True
        if self._transport is not None:
            self.expires = self._loop.time() + self._host.limits.write_timeout
            self._transport.close()

    def abort(self) -> None:
        """Closes now; what the client has not read is dropped."""
        self._deaf = True
        if self._transport is not None:
            self._transport.abort()

    def expire(self, now: float) -> None:
        """The listener's sweep: enforces whichever deadline has passed. Loop time, seconds."""
        if now - self._paused_since > self._host.limits.write_timeout:
            self.abort()
        elif now > self.expires:
            if self._deaf or self._transport is None:
                self.abort()
            elif self._reader.phase == BETWEEN:
                self.finish()
            else:
                self._refuse(_SLOW)

    def dismiss(self) -> None:
        """Closes now, and no longer waits for a handler that wanted to see to the end itself."""
        self.abort()
        if self._task is not None:
            self._task.cancel()

    def drain(self) -> None:
        """The listener is closing: an idle connection ends now, a busy one after its answer."""
        if self._task is None:
            self.finish()
        elif self._stream is not None and self._stream.ends_early:
            self.abort()

    # What a stream needs.

    @property
    def transport(self) -> asyncio.Transport | None:
        """None once closed."""
        return self._transport

    @property
    def paused(self) -> bool:
        """True while the client reads more slowly than we write."""
        return self._paused_since != math.inf

    async def room(self) -> None:
        """Returns when there is room to write; raises `ClientGone`."""
        while self.paused:
            if self._room is None or self._room.done():
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)


def _descriptor(transport: asyncio.BaseTransport) -> int:
    """The file descriptor under `transport`; -1 for none."""
    lent: object = transport.get_extra_info("socket")
    return cast("socket.socket", lent).fileno() if lent is not None else -1
