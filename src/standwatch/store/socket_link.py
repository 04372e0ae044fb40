"""A worker's connection to a recorder in another process: like a `LocalLink`, and it comes back by itself."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from standwatch.facts.entries import Intent, Outcome
from standwatch.facts.errors import Malformed
from standwatch.facts.frames import (
    Ack,
    Append,
    Fetch,
    Fetched,
    Find,
    Found,
    FromRecorder,
    Recall,
    Recalled,
    Refusal,
    Seen,
    Told,
    Trace,
    Traced,
)
from standwatch.record.state import State, load
from standwatch.store.link import NOT_ALIVE, Answer, Replica, nothing_for
from standwatch.store.wire import Frames, FromWorker, Hello, Unreadable, Welcome, encode_frame, to_worker

_BACKOFF: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts to reach the recorder."""
_SILENT: Final = 2.0
"""Seconds for which a recorder may leave us without an answer: one that hangs is as good as none."""
_LOOK: Final = 0.25


class _Stream(asyncio.Protocol):
    """One connection."""

    def __init__(self, link: "SocketLink") -> None:
        self._link = link
        self._frames = Frames(to_worker)
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self.transport = cast("asyncio.Transport", transport)
        self._link.connected(self)

    def data_received(self, data: bytes) -> None:
        """Take what the recorder says; anything that is not a frame ends the connection."""
        try:
            self._link.received(self, self._frames.feed(data))
        except Malformed:
            if self.transport is not None:
                self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The recorder is gone, or has dropped us."""
        self.transport = None
        self._link.disconnected(self)


class SocketLink(Replica):
    """A link over the recorder's Unix socket. `worker` names this process for as long as it lives.

    While there is no recorder `alive` is False and every append is refused at once. After it came back the state
    is replaced as a whole: `on_state` is called then, because entries may have been missed that `on_told` would
    have reported.
    """

    def __init__(self, path: Path, worker: str) -> None:
        super().__init__(asyncio.get_running_loop(), State())
        self._path, self._worker = path, worker
        self._stream: _Stream | None = None
        self._welcomed = asyncio.Event()
        self._out: list[bytes] = []
        self._acts: dict[int, tuple[str, bool]] = {}
        self._open: set[str] = set()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self.on_state: Callable[[], None] | None = None

    @classmethod
    async def connect(cls, path: Path, worker: str, *, timeout: float = 10.0) -> "SocketLink":  # noqa: ASYNC109
        """Reach the recorder and take over its state; raises `TimeoutError` where there is none."""
        link = cls(path, worker)
        link._task = link.loop.create_task(link._stay_connected())
        try:
            await asyncio.wait_for(link._welcomed.wait(), timeout)
        except BaseException:
            await link.close()
            raise
        return link

    async def close(self) -> None:
        """Let go of the recorder."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._stream is not None and self._stream.transport is not None:
            self._flush()
            self._stream.transport.close()
        self._lose()

    async def _stay_connected(self) -> None:
        attempt = 0
        while not self._closing:
            self._gone.clear()
            try:
                await self.loop.create_unix_connection(lambda: _Stream(self), str(self._path))
            except OSError:
                await asyncio.sleep(_BACKOFF[min(attempt, len(_BACKOFF) - 1)])
                attempt += 1
                continue
            attempt = 0
            await self._until_gone()
            await asyncio.sleep(_BACKOFF[0])

    async def _until_gone(self) -> None:
        """Wait for the end of the connection; a recorder that is silent for `_SILENT` has ended it."""
        oldest, since = -1, 0.0
        while not self._gone.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), _LOOK)
            first, now = next(iter(self._waiting), -1), self.loop.time()
            if first < 0 or first != oldest:
                oldest, since = first, now
            elif now - since >= _SILENT and self._stream is not None and self._stream.transport is not None:
                self._stream.transport.abort()

    # ----------------------------------------------------------------------------------------------- asking

    @property
    def alive(self) -> bool:
        """Whether a recorder has welcomed us and is still there."""
        return self._welcomed.is_set()

    def append(self, append: Append) -> "asyncio.Future[Ack | Refusal]":
        """Ask for an entry to be written."""
        entry = append.entry
        if isinstance(entry, (Intent, Outcome)):
            self._acts[append.number] = (entry.id, isinstance(entry, Intent))
        return cast("asyncio.Future[Ack | Refusal]", self._ask(append))

    def find(self, find: Find) -> "asyncio.Future[Found]":
        """Ask for the live question that a retry would repeat."""
        return cast("asyncio.Future[Found]", self._ask(find))

    def fetch(self, fetch: Fetch) -> "asyncio.Future[Fetched]":
        """Ask for a sealed part."""
        return cast("asyncio.Future[Fetched]", self._ask(fetch))

    def recall(self, recall: Recall) -> "asyncio.Future[Recalled]":
        """Ask what became of the acts of a run."""
        return cast("asyncio.Future[Recalled]", self._ask(recall))

    def trace(self, trace: Trace) -> "asyncio.Future[Traced]":
        """Ask what became of an act, by its id."""
        return cast("asyncio.Future[Traced]", self._ask(trace))

    def _ask(self, frame: Append | Find | Fetch | Recall | Trace) -> "asyncio.Future[Answer]":
        future = self.expect(frame)
        if not self.alive:
            self.receive((), [nothing_for(frame)])
            return future
        try:
            self._send(frame)
        except (Malformed, TypeError, ValueError, OverflowError) as error:
            answer = nothing_for(frame)
            if isinstance(answer, Refusal):
                answer = Refusal(frame.number, "invalid", str(error)[:500], self.state.seen)
            self.receive((), [answer])
        return future

    def _send(self, frame: FromWorker) -> None:
        if not self._out:
            self.loop.call_soon(self._flush)
        self._out.append(encode_frame(frame))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self._stream is not None and self._stream.transport is not None:
            self._stream.transport.write(b"".join(out))

    # ---------------------------------------------------------------------------------------- being answered

    def connected(self, stream: _Stream) -> None:
        """Called by the stream."""
        self._stream, self._out = stream, []
        if stream.transport is not None:
            stream.transport.write(encode_frame(Hello(self._worker, tuple(self._open))))

    def received(self, stream: _Stream, frames: list[Welcome | FromRecorder | Unreadable]) -> None:
        """Called by the stream: fold, answer, and say what has been seen."""
        if stream is not self._stream:
            return
        told: list[Told] = []
        answers: list[FromRecorder] = []
        for frame in frames:
            if isinstance(frame, Welcome):
                self._welcome(frame)
            elif isinstance(frame, Told):
                told.append(frame)
            elif not isinstance(frame, Unreadable):
                if isinstance(frame, (Ack, Refusal)):
                    self._note(frame)
                answers.append(frame)
        self.receive(told, answers)
        if told:
            self._send(Seen(told[-1].index))

    def _welcome(self, welcome: Welcome) -> None:
        self.state = load(welcome.state)
        self._welcomed.set()
        self._send(Seen(self.state.seen))
        if self.on_state is not None:
            self.on_state()

    def _note(self, answer: Ack | Refusal) -> None:
        """Remember what this process is carrying out, to claim it after an interruption."""
        ident, begins = self._acts.pop(answer.number, ("", False))
        if isinstance(answer, Ack) and ident:
            if begins:
                self._open.add(ident)
            else:
                self._open.discard(ident)

    def disconnected(self, stream: _Stream) -> None:
        """Called by the stream: nothing can be recorded now, and nobody answers what was asked."""
        if stream is self._stream:
            self._lose()
        self._gone.set()

    def _lose(self) -> None:
        self._stream = None
        self._welcomed.clear()
        self._out = []
        self._acts.clear()
        self.give_up(NOT_ALIVE)
