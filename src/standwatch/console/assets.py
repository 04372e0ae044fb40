"""Static files, each under a name that holds its own hash: a browser keeps it for ever, and a new one is a new name."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from standwatch.fronts.http import Headers, Response

FOLDER: Final = Path(__file__).parent / "static"
PREFIX: Final = "/static/"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOR_EVER: Final[Headers] = (
    ("cache-control", "public, max-age=31536000, immutable"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'"),
    ("vary", "accept-encoding"),
)
BUNDLES: Final = {"htmx.js": ("vendor/htmx.js", "vendor/hx-csp.js", "vendor/hx-sse.js")}
"""Files that are served as one: htmx looks at the page in the task after its own script's, and what extends it must be
there by then."""
_WORTH: Final = 1_024
"""Bytes from which gzip saves a packet."""


class Asset(msgspec.Struct, frozen=True):
    """One file. `packed` is empty where gzip does not pay."""

    path: str
    kind: str
    body: bytes
    packed: bytes


@cache
def assets() -> dict[str, Asset]:
    """Every asset by its file's name. Read once: the folder is part of the program."""
    plain = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in _TYPES}
    bundled = {
        name: b";\n".join((FOLDER / part).read_bytes() for part in parts) for name, parts in BUNDLES.items()
    }
    return {name: _asset(name, body) for name, body in (plain | bundled).items()}


def asset_path(name: str) -> str:
    """Where `name` is served. Raises KeyError for a file that does not exist: a template's mistake."""
    return assets()[name].path


def accepts_gzip(encodings: str) -> bool:
    """Whether `accept-encoding` names gzip."""
    return "gzip" in (one.split(";")[0].strip() for one in encodings.lower().split(","))


def serve(path: str, encodings: str) -> Response | None:
    """The asset at `path`; None where there is none of that name and hash."""
    found = _by_path().get(path)
    if found is None:
        return None
    packed = found.packed and accepts_gzip(encodings)
    headers = (*_FOR_EVER, ("content-encoding", "gzip")) if packed else _FOR_EVER
    return Response(200, found.packed if packed else found.body, headers, found.kind)


@cache
def _by_path() -> dict[str, Asset]:
    return {one.path: one for one in assets().values()}


def _asset(name: str, body: bytes) -> Asset:
    stem, suffix = name.rsplit(".", 1)
    digest = sha256(body).hexdigest()[:16]
    packed = gzip.compress(body, 9, mtime=0) if len(body) >= _WORTH else b""
    worth = packed if len(packed) < len(body) * 9 // 10 else b""
    return Asset(f"{PREFIX}{stem}.{digest}.{suffix}", _TYPES[f".{suffix}"], body, worth)
