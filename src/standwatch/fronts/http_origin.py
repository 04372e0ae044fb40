"""Host and Origin checking: what keeps a web page from rebinding a DNS name onto a local listener. Pure.

Sources: MCP 2025-11-25 "Transports, security warning" (servers MUST validate Origin); RFC 9110 §7.4 (421).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

WRONG_HOST: Final = "wrong_host"
WRONG_ORIGIN: Final = "wrong_origin"
ORIGIN_STATUS: Final = {WRONG_HOST: 421, WRONG_ORIGIN: 403}
"""The status that answers each problem."""

LOOPBACK_HOSTS: Final = frozenset({"localhost:*", "127.0.0.1:*", "[::1]:*"})
LOOPBACK_ORIGINS: Final = frozenset(
    f"{scheme}://{host}" for scheme in ("http", "https") for host in LOOPBACK_HOSTS
)

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::([0-9]{1,5}))?", re.ASCII)
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(.+)", re.ASCII)


def check_origin(
    host: str | None,
    origin: str | None,
    allowed_hosts: Collection[str],
    allowed_origins: Collection[str],
) -> str | None:
    """None when the request may pass, else `WRONG_HOST` or `WRONG_ORIGIN`.

    Allowed hosts are `name` (no port said) or `name:port`, allowed origins `scheme://name[:port]`, exactly;
    `:*` in place of the port means any port or none. A missing Origin is fine (no browser sent it); a missing
    Host is not.
    """
    if host is None or not _allowed_host(host.lower(), allowed_hosts):
        return WRONG_HOST
    if origin is not None and not _allowed_origin(origin.lower(), allowed_origins):
        return WRONG_ORIGIN
    return None


def _allowed_host(host: str, allowed: Collection[str]) -> bool:
    found = _HOST.fullmatch(host)
    return found is not None and (host in allowed or f"{found[1]}:*" in allowed)


def _allowed_origin(origin: str, allowed: Collection[str]) -> bool:
    if origin == "null":  # sandboxed frames and file: pages; only if somebody wrote it down
        return "null" in allowed
    found = _ORIGIN.fullmatch(origin)
    host = _HOST.fullmatch(found[2]) if found else None
    if found is None or host is None:
        return False
    return origin in allowed or f"{found[1]}://{host[1]}:*" in allowed
