"""Bytes in, one answer out: the strict half of HTTP/1.1 as a client reads it (RFC 9112), with no I/O."""

from __future__ import annotations

from typing import Final, Protocol

import httptools

from standwatch.upstream.http_errors import TooLarge, UpstreamError, UpstreamProtocol

MAX_HEAD_BYTES: Final = 64 << 10
MAX_INTERIM: Final = 8

IDLE, WAITING, BODY, DONE = range(4)
"""No request is out; sent, no final head yet; head read; answer whole."""

_SINGLE: Final = frozenset(
    {b"content-length", b"content-type", b"transfer-encoding", b"location", b"mcp-session-id"}
)


class Sink(Protocol):
    """Where an answer goes as it is read."""

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """The final head is complete."""
        ...

    def on_piece(self, piece: bytes) -> None:
        """A piece of the body."""
        ...


class _Refused(Exception):
    """Stops the parser from inside one of its callbacks."""


class ResponseReader:
    """One per connection; `expect` readies it for the next answer. `fault` is set once and for all."""

    __slots__ = (
        "_close_delimited",
        "_head_bytes",
        "_head_only",
        "_headers",
        "_interim",
        "_limit",
        "_parser",
        "_sink",
        "_size",
        "_status",
        "_unproductive",
        "fault",
        "reusable",
        "state",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._sink: Sink | None = None
        self._headers: dict[bytes, bytes] = {}
        self._head_only = self._close_delimited = False
        self._limit = self._size = self._head_bytes = self._unproductive = self._interim = self._status = 0
        self.fault: UpstreamError | None = None
        self.reusable = True
        self.state = IDLE

    def expect(self, sink: Sink, *, head_only: bool, limit: int) -> None:
        """A request left; its answer goes to `sink`, at most `limit` body bytes of it."""
        self._sink = sink
        self._head_only = head_only
        self._close_delimited = False
        self._limit = limit
        self._size = self._unproductive = self._interim = 0
        self.state = WAITING

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises nothing; see `state`, `fault` and `reusable`."""
        parser = self._parser
        if parser is None:
            return
        if self.state in (IDLE, DONE):
            self.reusable = False  # nobody asked: what follows can belong to no request
            return
        self._unproductive += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.reusable = False
            if self.state != DONE:
                self.fault = self.fault or UpstreamProtocol(
                    "the answer is not well-formed HTTP/1.1", sent=True
                )
            return
        if self._unproductive > MAX_HEAD_BYTES and self.state != DONE:
            self.fault = TooLarge("the answer's head or chunk framing is too large", sent=True)

    def finish(self) -> bool:
        """The connection ended. True when that makes the answer whole (RFC 9112 §6.3, item 8)."""
        self.reusable = False
        if self.state == BODY and self._close_delimited and self.fault is None:
            self.state = DONE
        return self.state == DONE

    def close(self) -> None:
        """Lets go of the parser, which holds this object as this object holds it."""
        self._parser = None
        self._sink = None

    def _stop(self, fault: UpstreamError) -> _Refused:
        self.fault = fault
        return _Refused(fault.code)

    # What the parser calls, in the order it calls them.

    def on_message_begin(self) -> None:
        if self.state != WAITING:
            raise _Refused("unasked")
        self._headers = {}
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > MAX_HEAD_BYTES:
            raise self._stop(TooLarge("the answer's head is too large", sent=True))
        if self.state == BODY:  # trailers: counted, and dropped
            return
        key = name.lower()
        headers = self._headers
        if key not in headers:
            headers[key] = value
        elif key in _SINGLE:
            raise self._stop(UpstreamProtocol("a header that may stand once stands twice", sent=True))
        else:
            headers[key] += b", " + value

    def on_headers_complete(self) -> None:
        parser, sink = self._parser, self._sink
        if parser is None or sink is None:
            return
        status = parser.get_status_code()
        if status < 200:
            self._interim += 1
            if status == 101 or self._interim > MAX_INTERIM:
                raise self._stop(UpstreamProtocol("an interim answer nobody asked for", sent=True))
            self._status = status
            return
        self._status = status
        self._frame(parser)
        self.state = BODY
        sink.on_head(status, self._headers)
        if self._head_only:  # the parser waits for the body that a HEAD's length speaks of; there is none
            self.reusable = False
            self.state = DONE

    def on_body(self, data: bytes) -> None:
        if self.state != BODY or self._sink is None:
            return
        self._unproductive = 0
        self._size += len(data)
        if self._size > self._limit:
            raise self._stop(TooLarge(f"the answer exceeds {self._limit} bytes", sent=True))
        self._sink.on_piece(data)

    def on_message_complete(self) -> None:
        if self._status < 200:
            return
        if self._parser is not None and not self._parser.should_keep_alive():
            self.reusable = False
        self.state = DONE

    def _frame(self, parser: httptools.HttpResponseParser) -> None:
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise self._stop(UpstreamProtocol("the answer is not HTTP/1.1", sent=True))
        headers = self._headers
        coding, length = headers.get(b"transfer-encoding"), headers.get(b"content-length")
        if coding is not None and (version == "1.0" or coding.lower() != b"chunked"):
            raise self._stop(UpstreamProtocol("a transfer coding other than chunked", sent=True))
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            # What cannot be read cannot be inspected.
            raise self._stop(UpstreamProtocol("an encoded answer, though identity was asked for", sent=True))
        if length is not None and int(length) > self._limit and not self._head_only:
            raise self._stop(TooLarge(f"the answer exceeds {self._limit} bytes", sent=True))
        self._close_delimited = coding is None and length is None
