"""A Unix socket that only its owner may open, and that is never taken from a living server."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import struct
from pathlib import Path

from standwatch.facts.errors import Conflict, Misconfigured


def bind_unix(path: Path, backlog: int) -> socket.socket:
    """A listening socket at `path` with mode 0600.

    A stale socket there is removed only if nobody listens behind it. `Conflict` when somebody does;
    `Misconfigured` when something that is no socket, or another user's socket, stands there.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Held from the look to the bind, so that two starting servers cannot each remove the other's socket.
        fcntl.flock(directory, fcntl.LOCK_EX)
        reached = _reached(path, directory)
        _clear_stale(path, reached)
        return _bind(reached, backlog)
    finally:
        os.close(directory)


_LONGEST = 100
"""Bytes of a socket's path that every system takes."""


def _reached(path: Path, directory: int) -> str:
    """`path`, or a shorter way to it through the open `directory`: a socket's address holds about a hundred bytes."""
    if len(os.fsencode(path)) <= _LONGEST:
        return str(path)
    return f"/proc/self/fd/{directory}/{path.name}"


def _bind(path: str, backlog: int) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The umask, not a chmod afterwards: between bind and chmod anybody could connect.
    before = os.umask(0o177)
    try:
        listening.bind(path)
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(before)
    listening.listen(backlog)
    listening.setblocking(False)
    return listening


def _clear_stale(path: Path, reached: str) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Misconfigured((f"{path}: not a socket, and not ours to remove",))
    if found.st_uid != os.geteuid():
        raise Misconfigured((f"{path}: a socket of another user",))
    if _answers(reached):
        raise Conflict(f"another server already listens on {path}")
    path.unlink()


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError as error:
            # Anything but a plain refusal (a full backlog, a time-out) may be a living server.
            return error.errno not in (errno.ECONNREFUSED, errno.ENOENT)
        return True


_PEERCRED = getattr(socket, "SO_PEERCRED", None)


def peer_name(descriptor: int) -> str:
    """`unix:UID` of the process at the other end of a connected Unix socket; `unix` where the system cannot say.

    The kernel's word, taken when the peer connected (unix(7), SO_PEERCRED). A duplicate of the descriptor is asked,
    because event loops lend sockets that answer nothing themselves.
    """
    if _PEERCRED is None or descriptor < 0:
        return "unix"
    with socket.socket(fileno=os.dup(descriptor)) as peer:
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, _PEERCRED, struct.calcsize("3i")))
    return f"unix:{uid}"
