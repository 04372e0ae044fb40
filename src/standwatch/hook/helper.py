"""The resident helper: it listens on a socket in the hook's own folder and answers what `cold` would, with connections
to the gateway that are kept and nothing left to start. It goes when its folder's settings change or go, or when nobody
came for a while.

    → KIND NUL PROJECT NUL EVENT, and no more     ← "0" or "2", a line feed, words for the host's agent
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

from standwatch.hook.files import SETTINGS, Settings, sweep
from standwatch.hook.talk import Line
from standwatch.hook.work import NO, Said, handle

NAME = "helper.sock"
IDLE = 1800.0
"""Seconds without a question after which it goes."""
LOOK = 2.0
"""Seconds between two looks whether its folder is as it was."""
MOST_EVENT = 64 << 20
MOST_LINES = 8
"""Connections to the gateway that are kept."""


class Helper:
    """One for each installed hook."""

    def __init__(self, folder: str) -> None:
        """Raises what `Settings` raises, and OSError where another one listens."""
        self._settings = Settings(folder)
        self._folder = folder
        self._stamp = self._stamped()
        self._used = time.monotonic()
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        os.chdir(folder)  # a socket's path is short; a folder's may be long
        self._listener = _listening()

    def _stamped(self) -> tuple[int, ...]:
        """What tells that settings or code are others now."""
        ours = os.path.join(os.path.dirname(os.path.abspath(__file__)), "work.py")
        found: list[int] = []
        for path in (os.path.join(self._folder, SETTINGS), ours):
            try:
                stat = os.stat(path)
            except OSError:
                return ()
            found += [stat.st_mtime_ns, stat.st_ino]
        return tuple(found)

    def serve(self) -> None:
        """Answer until there is a reason to go."""
        self._listener.settimeout(LOOK)
        sweep(self._folder)
        try:
            while self._stamp and self._stamped() == self._stamp and time.monotonic() - self._used < IDLE:
                with contextlib.suppress(TimeoutError):
                    connection, _ = self._listener.accept()
                    threading.Thread(target=self._answer, args=(connection,), daemon=True).start()
        finally:
            with contextlib.suppress(OSError):
                os.unlink(NAME)
            self._listener.close()

    def _answer(self, connection: socket.socket) -> None:
        self._used = time.monotonic()
        with connection:
            connection.settimeout(self._settings.seconds + self._settings.wait)
            try:
                said = self._one(connection)
            except Exception as error:
                said = Said(NO, f"The hook failed, so nothing may be done ({type(error).__name__}).")
            with contextlib.suppress(OSError):
                connection.sendall(f"{said.code}\n{said.words}\n".encode("ascii", "backslashreplace"))

    def _one(self, connection: socket.socket) -> Said:
        if self._stamped() != self._stamp:
            raise RuntimeError("the settings are others now")
        pieces: list[bytes] = []
        size = 0
        while piece := connection.recv(1 << 18):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_EVENT:
                raise ValueError("an event of that size is none")
        kind, project, event = b"".join(pieces).split(b"\0", 2)
        line = self._line()
        try:
            return handle(self._settings, line, kind.decode("ascii"), event, os.fsdecode(project))
        finally:
            with self._lock:
                self._lines.append(line)
                spare, self._lines = self._lines[:-MOST_LINES], self._lines[-MOST_LINES:]
            for one in spare:
                one.close()

    def _line(self) -> Line:
        with self._lock:
            return self._lines.pop() if self._lines else Line(self._settings.url)


def _listening() -> socket.socket:
    """The socket in this folder. A second helper finds the first one listening, and goes."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(NAME)
    except OSError:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trying:
            try:
                trying.connect(NAME)
            except OSError:
                os.unlink(NAME)  # left by one that was killed
            else:
                raise
        listener.bind(NAME)
    os.chmod(NAME, 0o600)
    listener.listen(64)
    return listener


def main(folder: str) -> None:
    """Serve `folder` until there is a reason to go."""
    try:
        helper = Helper(folder)
    except (OSError, ValueError, KeyError):
        return
    helper.serve()
