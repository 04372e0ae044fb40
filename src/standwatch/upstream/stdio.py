"""A server started as a child process: bounded lines out of it, bytes into it, its last words, and its end.

Where the gateway dies by SIGKILL, nothing of ours runs any more, so the kernel must end the child. Two things do:
its stdin closes, which every MCP server takes as the end; and on Linux `PR_SET_PDEATHSIG` kills the process
itself. That flag must be set in the child between fork and exec. A `preexec_fn` would run Python there, in a copy
of a process with threads, where any lock may be held for ever; so a fresh interpreter sets it and then becomes the
server (`exec`): about 20 ms once per start, no process more. It also closes every descriptor but the three, which
uvloop's `subprocess_exec` does not. The signal follows the *thread* that forked: children
are started on the event loop's own, which lives as long as the process.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Final, cast

import msgspec

from standwatch.facts.configuration import Component
from standwatch.upstream.http_errors import UpstreamError

STDERR_KEPT: Final = 64 << 10
_INHERITED: Final = ("PATH", "HOME", "LANG", "TZ")
_WRITE_BOUND: Final = 16 << 20
_FAREWELL: Final = 0.25
"""Seconds between the end of one of a child's pipes, or of itself, and the end of waiting for the rest."""
_NAMED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*|(?:file|keyring|sealed):[^{}]{1,500})\}")

# argv: the parent's id, "1" if LC_CTYPE was declared (CPython adds one in the C locale, PEP 538), the command.
_BECOME: Final = """
import ctypes, os, signal, sys
parent, keep, command = int(sys.argv[1]), sys.argv[2] == "1", sys.argv[3:]
keep or os.environ.pop("LC_CTYPE", None)
os.closerange(3, 1 << 20)
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != parent:
    os._exit(1)
try:
    os.execvp(command[0], command)
except OSError as error:
    os.write(2, f"cannot start {command[0]}: {error.strerror}".encode())
    os._exit(127)
"""


class CannotStart(UpstreamError):
    """The command does not run."""

    code = "upstream_cannot_start"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class Launch(msgspec.Struct, frozen=True):
    """How to start a server: nothing else of ours reaches it."""

    command: tuple[str, ...]
    environment: dict[str, str]
    folder: Path


def launch(component: Component, organisation_folder: Path, environment: Mapping[str, str]) -> Launch:
    """What `component` declares, with `${NAME}` read from `environment`. Raises `CannotStart` for a name that is
    not there: a server without its secret must not start half-configured."""
    given = {name: environment[name] for name in _INHERITED if name in environment}
    declared = resolve(component.name, component.env, environment)
    return Launch(component.command, {**given, **declared}, organisation_folder / component.cwd)


def resolve(name: str, values: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """`values` with `${NAME}` read from `environment`. Raises `CannotStart` for one that is not there."""
    try:
        return {key: _NAMED.sub(lambda found: environment[found[1]], value) for key, value in values.items()}
    except KeyError as error:
        raise CannotStart(f"{name}: its declaration asks for {error}, which is not set") from None


class Child(asyncio.SubprocessProtocol):
    """One running server. `on_line` gets each line of its stdout without the line end; `on_end` is called once.

    A line beyond `line_bound` ends the child: what follows could not be told apart from the rest of it.
    """

    def __init__(self, on_line: Callable[[bytes], None], on_end: Callable[[], None], line_bound: int) -> None:
        self._on_line = on_line
        self._on_end = on_end
        self._bound = line_bound
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._pipes: list[asyncio.BaseTransport] = []
        self._pieces: list[bytes] = []
        self._held = 0
        self._last_words = bytearray()
        self._over = self._stopping = False
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = self._loop.create_future()
        self.pid = 0
        self.why = ""

    @property
    def alive(self) -> bool:
        return not self._over and self._stdin is not None and not self._stdin.is_closing()

    @property
    def last_words(self) -> bytes:
        """The last 64 KiB of its stderr."""
        return bytes(self._last_words[-STDERR_KEPT:])

    def write(self, line: bytes) -> bool:
        """Sends one message. False if it surely did not leave: the child is down, or far behind in reading."""
        stdin = self._stdin
        if stdin is None or not self.alive or stdin.get_write_buffer_size() > _WRITE_BOUND:
            return False
        stdin.write(line + b"\n")
        return True

    def kill(self, why: str) -> None:
        """Ends the whole process group at once."""
        self.why = self.why or why
        self._signal(signal.SIGKILL)
        self._finish()

    async def stop(self, patience: float) -> None:
        """Closes stdin and waits, then SIGTERM and waits, then SIGKILL."""
        self.why = self.why or "it was stopped"
        self._stopping = True
        if self._stdin is not None:
            self._stdin.close()
        for number in (None, signal.SIGTERM):
            if number is not None:
                self._signal(number)
            done, _ = await asyncio.wait({self.exited}, timeout=patience)
            if done:
                break
        # Also after an exit in good order: what it started and left behind is in its group.
        self._signal(signal.SIGKILL)
        await asyncio.wait({self.exited}, timeout=patience)
        self._finish()

    def attach(self, fd: int, pipe: asyncio.BaseTransport) -> None:
        """Takes over our end of a pipe to it."""
        self._pipes.append(pipe)
        if fd == 0:
            self._stdin = cast("asyncio.WriteTransport", pipe)

    # What the transports call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._last_words += data
            if len(self._last_words) > 2 * STDERR_KEPT:
                del self._last_words[:-STDERR_KEPT]
        elif not self._over:
            self._lines(data)

    def _lines(self, data: bytes) -> None:
        if b"\n" not in data:
            self._hold(data)
            return
        *lines, rest = data.split(b"\n")
        if self._held:
            lines[0] = b"".join((*self._pieces, lines[0]))
            self._pieces, self._held = [], 0
        for line in lines:
            if len(line) > self._bound:
                self.kill("it wrote a line beyond all bounds")
            if self._over:
                return
            self._on_line(line)
        if rest:
            self._hold(rest)

    def _hold(self, data: bytes) -> None:
        self._pieces.append(data)
        self._held += len(data)
        if self._held > self._bound:
            self.kill("it wrote a line beyond all bounds")

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if self._over or fd == 2:
            return
        if fd == 1:
            # Nothing more will be heard of it; its exit, if that is why, is told next and says more.
            self._loop.call_later(0.0 if self.exited.done() else _FAREWELL, self._finish)
        elif not self._stopping:
            # Nothing more can be asked of it, but what it was asked it may still answer.
            self._loop.call_later(_FAREWELL, self.kill, "it closed its stdin")

    def process_exited(self) -> None:
        code = None if self._transport is None else self._transport.get_returncode()
        self.why = self.why or f"it ended with {code}"
        if not self.exited.done():
            self.exited.set_result(None)
        # Whoever it started may hold the pipes open; nobody speaks for it any more.
        self._signal(signal.SIGKILL)
        # INVARIANT: a reaped child's number is never signalled again; it may be another's by then.
        self.pid = 0
        # Its last answers may still be in the pipe.
        self._loop.call_later(_FAREWELL, self._finish)

    def _finish(self) -> None:
        if self._over:
            return
        self._over = True
        self.why = self.why or "it closed its stdout"
        self._pieces, self._held = [], 0
        self._on_end()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid <= 0:
            return
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def close_pipes(self) -> None:
        """Lets go of what is still open."""
        for pipe in self._pipes:
            pipe.close()
        if self._transport is not None:
            self._transport.close()


class _Pipe(asyncio.Protocol):
    """Our end of one of a child's three pipes."""

    def __init__(self, child: Child, fd: int) -> None:
        self._child = child
        self._fd = fd

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._child.attach(self._fd, transport)

    def data_received(self, data: bytes) -> None:
        self._child.pipe_data_received(self._fd, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._child.pipe_connection_lost(self._fd, exc)


async def start(
    what: Launch, on_line: Callable[[bytes], None], on_end: Callable[[], None], line_bound: int
) -> Child:
    """Starts a child in a session and process group of its own. Raises `CannotStart`."""
    command = what.command
    if sys.platform == "linux":
        declared = "1" if "LC_CTYPE" in what.environment else "0"
        command = (sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), declared, *command)
    loop = asyncio.get_running_loop()
    # Pipes of our own: uvloop would give it sockets, on which `> /dev/stderr` in a shell fails.
    theirs, ours = _pipes()
    try:
        _, child = await loop.subprocess_exec(
            lambda: Child(on_line, on_end, line_bound),
            *command,
            stdin=theirs[0],
            stdout=theirs[1],
            stderr=theirs[2],
            env=what.environment,
            cwd=what.folder,
            start_new_session=True,
        )
    except BaseException as error:
        for end in ours:
            end.close()
        if isinstance(error, OSError | ValueError):
            raise CannotStart(f"cannot start {what.command[0]}: {error}") from error
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    try:
        await loop.connect_write_pipe(lambda: _Pipe(child, 0), ours[0])
        for fd in (1, 2):
            await loop.connect_read_pipe(partial(_Pipe, child, fd), ours[fd])
    except BaseException:  # cancelled in between: nobody would know of it
        child.kill("it was stopped")
        child.close_pipes()
        raise
    return child


def _pipes() -> tuple[tuple[int, int, int], tuple[FileIO, FileIO, FileIO]]:
    """A child's ends of stdin, stdout and stderr, and ours."""
    stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
    ours = (FileIO(stdin[1], "wb"), FileIO(stdout[0], "rb"), FileIO(stderr[0], "rb"))
    return (stdin[0], stdout[1], stderr[1]), ours
