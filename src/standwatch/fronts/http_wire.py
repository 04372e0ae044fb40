"""How answers become bytes (RFC 9112 §4, §7.1). Pure."""

from __future__ import annotations

import re
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from standwatch.fronts.http_message import Headers, Response, Stream

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# INVARIANT: no value reaches the wire with a character that could end its line (response splitting).
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "date", "content-type"})
_BODILESS = frozenset({204, 304})


def encode_response(answer: Response, *, date: bytes, head_only: bool, keep_alive: bool) -> bytes:
    """The whole response. `head_only` (a HEAD request) leaves the body out and keeps its length."""
    head = _preamble(answer.status, answer.content_type) + date
    if answer.status not in _BODILESS:
        head += b"content-length: %d\r\n" % len(answer.body)
    if answer.headers:
        head += encode_headers(answer.headers)
    if not keep_alive:
        head += b"connection: close\r\n"
    if head_only or answer.status in _BODILESS:
        return head + b"\r\n"
    return head + b"\r\n" + answer.body


def encode_stream_head(answer: Stream, *, date: bytes, chunked: bool, keep_alive: bool) -> bytes:
    """The head of a stream; without `chunked` (HTTP/1.0) its end is the end of the connection."""
    head = _preamble(answer.status, answer.content_type) + date + b"cache-control: no-store\r\n"
    if answer.headers:
        head += encode_headers(answer.headers)
    if chunked:
        head += b"transfer-encoding: chunked\r\n"
    if not keep_alive:
        head += b"connection: close\r\n"
    return head + b"\r\n"


def encode_chunk(data: bytes) -> bytes:
    """One chunk; `data` must not be empty, for an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def encode_headers(headers: Headers) -> bytes:
    """Header lines. A name or value that could forge a line, or is the core's own to set, raises ValueError."""
    lines: list[str] = []
    for name, value in headers:
        if not _may_be_named(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"response header {name!r} cannot be sent")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")


@lru_cache(maxsize=256)
def _may_be_named(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name.lower() not in _OURS


def date_line(now: float) -> bytes:
    """The Date header for a Unix time in seconds."""
    return f"date: {formatdate(now, usegmt=True)}\r\n".encode("ascii")


@lru_cache(maxsize=256)
def _preamble(status: int, content_type: str) -> bytes:
    if not 200 <= status <= 599 or not _VALUE.fullmatch(content_type):
        raise ValueError(f"status {status} with content type {content_type!r} cannot be sent")
    line = f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n"
    return (line + (f"content-type: {content_type}\r\n" if content_type else "")).encode("latin-1")
