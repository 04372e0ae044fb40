"""URLs and request heads as bytes. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import msgspec

from standwatch.upstream.http_errors import Unsendable

Headers = Sequence[tuple[str, str]]

_METHOD = re.compile(r"[A-Z]{1,20}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# INVARIANT: nothing that could end a line reaches the wire (request splitting).
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
_PATH = re.compile(r"[\x21\x24-\x7e][\x21\x22\x24-\x7e]*")
# Framing and the hop to the upstream are this client's own; a copied one would desynchronise the two ends.
_OURS: Final = frozenset({
    "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origin(msgspec.Struct, frozen=True):
    """Where a connection leads; connections are pooled by it."""

    tls: bool
    host: str
    port: int


class Target(msgspec.Struct, frozen=True):
    """A parsed URL: where to connect, the Host header, and the path with its query."""

    origin: Origin
    authority: str
    path: str


@lru_cache(maxsize=1024)
def parse_url(url: str) -> Target:
    """Takes an absolute http or https URL apart. User information, control or non-ASCII characters and other
    schemes raise `Unsendable`; a fragment is dropped."""
    # urlsplit silently removes tabs and line breaks: what it was shown must be what is sent.
    if not url.isascii() or not url.isprintable():
        raise Unsendable("the URL holds characters that no URL may hold")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unsendable("the URL cannot be read") from error
    host = (parts.hostname or "").lower()
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or not _HOST.fullmatch(host):
        raise Unsendable("the URL must be http://host… or https://host…, without user information")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(path):
        raise Unsendable("the URL's path holds characters that must be percent-encoded")
    default = _DEFAULT_PORTS[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    authority = name if port in (None, default) else f"{name}:{port}"
    return Target(Origin(parts.scheme == "https", host, default if port is None else port), authority, path)


def encode_request(method: str, target: Target, headers: Headers, body: bytes) -> bytes:
    """The whole request as bytes. Raises `Unsendable` for a header that could forge a line or is not the caller's."""
    lines = [_first_lines(method, target)]
    for name, value in headers:
        if not _may_be_named(name) or not _VALUE.fullmatch(value):
            raise Unsendable(f"the request header {name!r} cannot be sent")
        lines.append(f"{name}: {value}\r\n")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(body)}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1") + body


@lru_cache(maxsize=1024)
def _may_be_named(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name.lower() not in _OURS


@lru_cache(maxsize=1024)
def _first_lines(method: str, target: Target) -> str:
    if not _METHOD.fullmatch(method) or method in ("CONNECT", "TRACE"):
        raise Unsendable(f"the method {method!r} cannot be sent")
    # identity: bytes are inspected as they stand, and nothing can unfold to more than its limit.
    return f"{method} {target.path} HTTP/1.1\r\nhost: {target.authority}\r\naccept-encoding: identity\r\n"
