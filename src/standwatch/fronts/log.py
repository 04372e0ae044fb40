"""The log as C2SP tlog-tiles: `/log/checkpoint`, `/log/tile/…`, `/log/tile/entries/…`."""

from __future__ import annotations

from typing import Final, Protocol

from standwatch.facts.errors import NotFound
from standwatch.fronts.http import Response

_FULL: Final = (
    ("cache-control", "public, max-age=31536000, immutable"),
    ("x-content-type-options", "nosniff"),
)
_MOVING: Final = (("cache-control", "no-cache"), ("x-content-type-options", "nosniff"))


class Log(Protocol):
    """What is served."""

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint; raises `NotFound` before the first."""
        ...

    def tile(self, path: str) -> bytes | None:
        """The resource `tile/…`; None where the log has none of that name."""
        ...


def log_response(log: Log, path: str) -> Response:
    """The answer for `path` below `/log/`. Tiles never change; the checkpoint does. Raises `NotFound`."""
    if path == "checkpoint":
        return Response(200, log.checkpoint(), _MOVING, "text/plain; charset=utf-8")
    data = log.tile(path)
    if data is None:
        raise NotFound("the log has no such tile")
    return Response(200, data, _FULL, "application/octet-stream")
