"""What one installed hook keeps on disk: its own settings, the run of each session, the acts whose outcome is owed.

One folder for each, open to its owner alone. Nothing in it is read from a place that the host's agent names.
"""

from __future__ import annotations

import fcntl
import os
import time

from standwatch.hook.quick import digest, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SETTINGS = "hook.json"
KEPT = 7 * 86_400
"""Seconds for which a session or an act that nobody came back to is kept."""


class Settings:
    """`hook.json`: where the gateway is, whose hook this is, and how long it may take."""

    def __init__(self, folder: str) -> None:
        """Raises OSError, ValueError or KeyError for settings that cannot be used."""
        with open(os.path.join(folder, SETTINGS), "rb") as file:
            said = loads(file.read().decode())
        self.folder = folder
        self.url: str = said["url"]
        self.token: str = said["token"]
        self.system: str = said["system"]
        self.host: str = said["host"]
        self.project: str = said.get("project", "")
        self.console: str = said.get("console", "")
        self.org: str = said.get("org", "")
        self.seconds = float(said.get("seconds", 20))
        self.wait = float(said.get("wait", 0))
        self.resident = bool(said.get("resident", True))


def path_of(folder: str, kind: str, *names: str) -> str:
    """The file about what `names` say, whatever characters they have."""
    named = digest("\0".join(names).encode("utf-8", "surrogatepass"))
    return os.path.join(folder, kind, named[:40])


def load(path: str) -> dict[str, Any] | None:
    """What stands in `path`; None for nothing that can be read."""
    try:
        with open(path, "rb") as file:
            found = loads(file.read().decode())
    except (OSError, ValueError):
        return None
    return members(found)


def members(found: Any) -> dict[str, Any] | None:
    """`found` where it is an object."""
    if not isinstance(found, dict):
        return None
    known: dict[str, Any] = found  # pyright: ignore[reportUnknownVariableType]
    return known


def items(found: Any) -> list[Any]:
    """What is in `found`, where it is a list."""
    if not isinstance(found, list):
        return []
    known: list[Any] = found  # pyright: ignore[reportUnknownVariableType]
    return known


def save(path: str, value: dict[str, Any]) -> None:
    """Write `value` whole, for its owner alone."""
    draft = f"{path}.{os.getpid()}.{time.monotonic_ns()}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(dumps(value).encode())
    os.replace(draft, path)


def take(path: str) -> dict[str, Any] | None:
    """What stands in `path`, for one taker: it is gone afterwards."""
    mine = f"{path}.{os.getpid()}.{time.monotonic_ns()}"
    try:
        os.rename(path, mine)
    except OSError:
        return None
    found = load(mine)
    os.unlink(mine)
    return found


class Lock:
    """One session at a time: a run is opened once, though its first calls come together."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}.lock"
        self._descriptor = -1

    def __enter__(self) -> None:
        os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def sweep(folder: str) -> None:
    """Forget what is older than `KEPT`."""
    before = time.time() - KEPT
    for path in _old(folder, before):
        try:
            os.unlink(path)
        except OSError:
            continue


def _old(folder: str, before: float) -> Iterator[str]:
    for kind in ("runs", "acts"):
        try:
            with os.scandir(os.path.join(folder, kind)) as found:
                yield from [one.path for one in found if one.stat().st_mtime < before]
        except OSError:
            continue
