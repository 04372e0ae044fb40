"""What passes between the HTTP server core and a front: requests, responses, streams, limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

if TYPE_CHECKING:
    from standwatch.enforce.ports import Shown

JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"

Headers = tuple[tuple[str, str], ...]


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one listener. Bytes, seconds, counts."""

    max_head_bytes: int = 32 << 10
    max_headers: int = 100
    max_body_bytes: int = 4 << 20
    larger_bodies: tuple[tuple[bytes, int], ...] = ()
    """Beginnings of paths, as they are sent, below which a body may have that many bytes instead."""
    max_connections: int = 4096
    max_pipelined: int = 16
    read_timeout: float = 20.0
    """For the whole head, and again for the whole body: trickling bytes does not extend it."""
    idle_timeout: float = 75.0
    """Between two requests of one connection."""
    write_timeout: float = 60.0
    """How long a client may leave an answer unread before it is cut."""
    linger: float = 2.0
    """How long input is thrown away after a refusal, so that the client reads it rather than a reset."""


class Refusal(msgspec.Struct, frozen=True):
    """An answer in the one error shape of this edge: a JSON body `{"code", "message"}`."""

    status: int
    code: str
    message: str

    def response(self, headers: Headers = ()) -> Response:
        """The response that carries this refusal."""
        return Response(
            self.status, msgspec.json.encode({"code": self.code, "message": self.message}), headers
        )


class Response(msgspec.Struct, frozen=True):
    """A whole answer. Content-Length, Date and Connection are the core's; naming them in `headers` is an error.

    `content_type` "" sends none, as 202 and 204 want it.
    """

    status: int = 200
    body: bytes = b""
    headers: Headers = ()
    content_type: str = JSON


class Writer(Protocol):
    """The open end of a stream."""

    @property
    def closed(self) -> bool:
        """True once nothing sent can arrive any more."""
        ...

    async def send(self, data: bytes) -> None:
        """Sends one piece at once; waits while the client is slow. Raises `ClientGone`."""
        ...

    def cut(self, last: bytes = b"") -> None:
        """Ends the connection now and drops what the client has not read.

        `last` is still sent, and the stream ended cleanly behind it, if nothing is waiting before it.
        """
        ...


class Stream(msgspec.Struct, frozen=True):
    """An answer written piece by piece by `produce`, which ends it by returning.

    If `produce` raises, the connection is cut without the final chunk: no client mistakes it for whole.
    `ends_early`: a stream that has no natural end; a shutdown cuts it at once rather than at its deadline.
    """

    produce: Callable[[Writer], Awaitable[None]]
    status: int = 200
    headers: Headers = ()
    content_type: str = EVENT_STREAM
    ends_early: bool = False


class ClientGone(Exception):
    """The client closed, was too slow, or its stream was cut."""


class Request:
    """One whole request. `headers` has lower-case names; a repeated list header is joined with `, ` (RFC 9110 §5.3).

    `path` and `query` are ASCII as received, percent-encoding included. `peer` is `address:port`, or `unix:UID`.
    """

    __slots__ = (
        "_when_gone", "body", "came", "gone", "headers", "http_1_0", "keep_alive", "listener", "method", "path", "peer",
        "query",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - built once per request: keyword arguments are measurably dearer
        self, method: str, path: str, query: str, headers: dict[bytes, bytes], body: bytes, keep_alive: bool
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive
        self.http_1_0 = False
        self.peer = ""
        self.listener = ""
        self.came: Shown | None = None
        self.gone = False
        self._when_gone: list[Callable[[], None]] | None = None

    def header(self, name: str) -> str | None:
        """The value of one header, Latin-1 decoded; `name` in lower case."""
        value = self.headers.get(name.encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Calls `callback` if the client goes away before the answer is complete.

        Registering one also means that the handler is no longer cancelled when that happens: it decides.
        """
        if self.gone:
            callback()
            return
        if self._when_gone is None:
            self._when_gone = []
        self._when_gone.append(callback)

    def lost(self) -> bool:
        """The core's notice that the client is gone. True when the handler wanted to be told."""
        self.gone = True
        callbacks = self._when_gone
        if callbacks is None:
            return False
        self._when_gone = None
        for callback in callbacks:
            callback()
        return True


Handler = Callable[[Request], Awaitable[Response | Stream]]
