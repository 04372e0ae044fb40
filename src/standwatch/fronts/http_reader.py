"""Bytes in, whole requests out: the strict half of HTTP/1.1 (RFC 9112), with no I/O.

llhttp, below httptools, refuses bare LF and CR, obs-fold, whitespace before a colon, duplicate or malformed
Content-Length, Content-Length beside Transfer-Encoding, and malformed chunks. What it lets pass and we do not is
refused here: two parties that read one message differently are how requests are smuggled.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import httptools

from standwatch.fronts.http_message import Limits, Refusal, Request

# Repeating one of these lets two readers choose differently, so it is refused rather than joined.
_SINGLE: Final = frozenset({
    b"authorization", b"content-encoding", b"content-length", b"content-range", b"content-type", b"dpop", b"expect",
    b"host", b"idempotency-key", b"if-match", b"last-event-id", b"origin", b"proxy-authorization", b"range",
    b"referer", b"transfer-encoding", b"user-agent", b"x-request-id",
})  # fmt: skip
_SINGLE_PREFIX: Final = b"mcp-"
_METHODS: Final = {
    method.encode(): method for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}

_MALFORMED: Final = "malformed_request"
_LARGE_HEAD: Final = Refusal(431, "head_too_large", "The request's header fields are too large or too many.")
_LARGE_BODY: Final = Refusal(413, "body_too_large", "The request's body is larger than this listener takes.")
_BAD_BYTES: Final = Refusal(400, _MALFORMED, "The request is not well-formed HTTP/1.1.")
_BAD_TARGET: Final = Refusal(400, _MALFORMED, "The request target is not a path, or contradicts Host.")
_BAD_HOST: Final = Refusal(400, _MALFORMED, "HTTP/1.1 wants exactly one Host header.")
_BAD_CODING: Final = Refusal(
    501, "unsupported_transfer_coding", "The one transfer coding taken is `chunked`."
)
_BAD_FRAMING: Final = Refusal(400, _MALFORMED, "Transfer-Encoding has no place in HTTP/1.0.")
_BAD_VERSION: Final = Refusal(505, "unsupported_version", "This listener speaks HTTP/1.1 and HTTP/1.0.")
_BAD_EXPECT: Final = Refusal(417, "unsupported_expectation", "The one expectation met is `100-continue`.")
_TOO_DEEP: Final = Refusal(400, "pipeline_too_deep", "Too many requests were sent ahead of their answers.")
_NO_TUNNEL: Final = Refusal(405, "method_refused", "This listener opens no tunnels.")

BETWEEN, HEAD, BODY = range(3)
"""`RequestReader.phase`: between messages, within a head, within a body."""


class _Refused(Exception):
    """Stops the parser from inside one of its callbacks."""


class RequestReader:
    """Feed it bytes cut anywhere. Whole requests gather in `done`, for the caller to take from the left.

    The first fault lands in `refusal`, once and for all: nothing behind it can be trusted to be a request.
    """

    __slots__ = (
        "_body", "_body_bytes", "_has_body", "_head_bytes", "_headers", "_http_1_0", "_limits", "_method", "_parser",
        "_resuming", "_unproductive", "_upgrading", "_url", "done", "owes_continue", "phase", "refusal",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self.done: deque[Request] = deque()
        self.refusal: Refusal | None = None
        self.phase = BETWEEN
        self.owes_continue = False
        self._url = self._method = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = self._unproductive = 0
        self._has_body = self._http_1_0 = self._upgrading = self._resuming = False

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the connection. Raises nothing; see `done` and `refusal`."""
        self._unproductive += len(data)
        while self._parser is not None:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as pause:
                data = self._body_after_upgrade() + data[pause.args[0] :]
            except httptools.HttpParserError:
                self._refuse(self.refusal or _BAD_BYTES)
            else:
                break
        # Bytes that brought neither body nor a whole message: blank lines, an endless header, chunk extensions,
        # trailers. The parser hoards some of those until they end, so their sum is bounded here.
        if self._unproductive > self._limits.max_head_bytes and self.refusal is None:
            self._refuse(_LARGE_HEAD)

    def close(self) -> None:
        """Lets go of the parser, which holds this object as this object holds it."""
        self._parser = None

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.phase = BETWEEN
        self.owes_continue = False
        self.close()

    def _stop(self, refusal: Refusal) -> _Refused:
        self.refusal = refusal
        return _Refused(refusal.code)

    # What the parser calls, in the order it calls them.

    def on_message_begin(self) -> None:
        if self._resuming:
            return
        self.phase = HEAD
        self._url = self._method = b""
        self._headers = {}
        self._body = []
        self._head_bytes = self._body_bytes = 0
        self._has_body = self._http_1_0 = self._upgrading = False

    def on_url(self, url: bytes) -> None:
        if not self._resuming:
            self._url += url
            self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._resuming:
            return
        self._count(len(name) + len(value) + 4)
        if self.phase == BODY:  # trailers: counted, and dropped (RFC 9110 §6.5.1)
            return
        key = name.lower()
        headers = self._headers
        if key not in headers:
            headers[key] = value
        elif key in _SINGLE or key.startswith(_SINGLE_PREFIX):
            raise self._stop(Refusal(400, "duplicate_header", "A header that may stand once stands twice."))
        else:
            headers[key] += b", " + value
        if len(headers) > self._limits.max_headers:
            raise self._stop(_LARGE_HEAD)

    def on_headers_complete(self) -> None:
        parser = self._parser
        if self._resuming or parser is None:
            return
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise self._stop(_BAD_VERSION)
        self._http_1_0 = version == "1.0"
        headers = self._headers
        if b"host" not in headers and not self._http_1_0:
            raise self._stop(_BAD_HOST)
        self._has_body = self._check_framing(headers)
        if parser.should_upgrade():
            if parser.get_method() == b"CONNECT":
                raise self._stop(_NO_TUNNEL)
            self._upgrading = True
        if b"expect" in headers:
            self._expect(headers[b"expect"])
        self.phase = BODY

    def on_body(self, data: bytes) -> None:
        self._unproductive = 0
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.max_body_bytes:
            self._check_body(self._body_bytes)
        self.owes_continue = False
        self._body.append(data)

    def on_message_complete(self) -> None:
        parser = self._parser
        if self._upgrading or parser is None:
            return
        self._unproductive = 0
        self._resuming = self.owes_continue = False
        self.phase = BETWEEN
        body = self._body
        if len(self.done) >= self._limits.max_pipelined:
            raise self._stop(_TOO_DEEP)
        raw = self._method or parser.get_method()
        path, query = self._target()
        request = Request(
            _METHODS.get(raw) or raw.decode("ascii"),
            path,
            query,
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
            parser.should_keep_alive(),
        )
        request.http_1_0 = self._http_1_0
        self.done.append(request)

    # The rules.

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.max_head_bytes:
            raise self._stop(_LARGE_HEAD)

    def _check_body(self, size: int) -> None:
        limits = self._limits
        if size > limits.max_body_bytes and not any(
            size <= most and self._url.startswith(path) for path, most in limits.larger_bodies
        ):
            raise self._stop(_LARGE_BODY)

    def _check_framing(self, headers: dict[bytes, bytes]) -> bool:
        """Whether a body follows. RFC 9112 §6.1, §6.3."""
        coding = headers.get(b"transfer-encoding")
        length = headers.get(b"content-length")
        if coding is not None:
            if self._http_1_0:
                raise self._stop(_BAD_FRAMING)
            if coding.lower() != b"chunked":
                raise self._stop(_BAD_CODING)
            return True
        if length is None:
            return False
        self._check_body(int(length))
        return length.strip(b"0") != b""

    def _expect(self, value: bytes) -> None:
        if value.lower() != b"100-continue":
            raise self._stop(_BAD_EXPECT)
        self.owes_continue = self._has_body and not self._http_1_0

    def _target(self) -> tuple[str, str]:
        """Path and query of the request target (RFC 9112 §3.2)."""
        url = self._url.decode("ascii", "replace")
        if url[:1] != "/" and url != "*":
            url = self._origin_form(url)
        if "#" in url or "�" in url:
            raise self._stop(_BAD_TARGET)
        path, _, query = url.partition("?")
        return path, query

    def _origin_form(self, url: str) -> str:
        # Absolute form MUST be accepted (RFC 9112 §3.2.2); a Host that contradicts it is an attack.
        scheme, found, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        host = self._headers.get(b"host", b"").decode("latin-1")
        if not found or scheme.lower() not in ("http", "https") or authority.lower() != host.lower():
            raise self._stop(_BAD_TARGET)
        return slash + path if slash else "/"

    def _body_after_upgrade(self) -> bytes:
        # RFC 9110 §7.8: a server may ignore Upgrade. llhttp cannot (it stops before the body), yet some clients offer
        # h2c with their first request as a matter of course (the JDK's), so the body is read by a second parser
        # whose head, returned here, says only how the body is framed.
        coding, length = self._headers.get(b"transfer-encoding"), self._headers.get(b"content-length", b"0")
        options = self._headers.get(b"connection", b"").lower().replace(b" ", b"").split(b",")
        self._method = self._parser.get_method() if self._parser else b""
        self._parser = httptools.HttpRequestParser(self)
        self._upgrading, self._resuming = False, True
        head = b"POST / HTTP/1.1\r\n"
        head += b"connection: close\r\n" if b"close" in options or self._http_1_0 else b""
        return head + (
            b"transfer-encoding: chunked\r\n\r\n" if coding else b"content-length: %b\r\n\r\n" % length
        )
