"""The recorder's socket: workers in other processes see the same frames as fronts in its own (RECORD.md, Store).

A restriction is acknowledged when every worker has seen it. A worker that is silent for longer than `SILENCE` is
dropped: without its recorder it refuses everything, so it is as good as told. What a worker was carrying out stays
open for `PATIENCE` in case it comes back, then ends as `unknown`.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

from standwatch.facts.entries import Intent, Outcome
from standwatch.facts.errors import Conflict, Malformed
from standwatch.facts.frames import Ack, Append, Fetch, Find, FromRecorder, Recall, Refusal, Seen, Told, Trace
from standwatch.store.recorder import Recorder
from standwatch.store.wire import (
    Frames,
    FromWorker,
    Hello,
    ToWorker,
    Unreadable,
    Welcome,
    encode_frame,
    from_worker,
)

SILENCE: Final = 0.05
"""Seconds a worker may take to say that it has seen a restriction."""

PATIENCE: Final = 5.0
"""Seconds for a worker to come back before what it left open ends as `unknown`."""

_BUFFERED: Final = 64 << 20
"""Bytes a worker may leave unread."""


class _Worker:
    """A worker as the server knows it, also between two connections."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}
        self.session: _Session | None = None
        self.leaving: asyncio.TimerHandle | None = None


class _Session(asyncio.Protocol):
    """One connection of one worker. A `Port` of the recorder once it has said hello."""

    def __init__(self, server: "RecorderServer", recorder: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._recorder, self._loop = server, recorder, loop
        self._frames = Frames(from_worker)
        self._transport: asyncio.Transport | None = None
        self._asked: dict[int, tuple[str, bool]] = {}
        self.name = ""
        self.worker: _Worker | None = None
        self.seen = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a hello, but not for ever."""
        self._transport = cast("asyncio.Transport", transport)
        self._loop.call_later(PATIENCE, lambda: self.worker or self.drop())

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker is gone, or was dropped."""
        self._transport = None
        self._server.lost(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what the worker asks; anything that is not a frame ends the connection."""
        try:
            for frame in self._frames.feed(data):
                self._take(frame)
        except Malformed:
            self.drop()

    def _take(self, frame: FromWorker | Unreadable) -> None:
        match frame:
            case Hello():
                self._server.greet(self, frame)
            case _ if self.worker is None:
                raise Malformed("a worker says hello first")
            case Seen():
                self.seen = max(self.seen, frame.index)
                self._server.progress()
            case Append():
                if isinstance(frame.entry, (Intent, Outcome)):
                    self._asked[frame.number] = (frame.entry.id, isinstance(frame.entry, Intent))
                self._recorder.put(self, frame)
            case Find() | Fetch() | Recall() | Trace():
                self._recorder.put(self, frame)
            case Unreadable():
                self._send([Refusal(frame.number, "invalid", frame.why[:500], -1)])

    def welcome(self, state: bytes, _size: int) -> None:
        """Called on the recorder's thread, before anything is told."""
        self._loop.call_soon_threadsafe(self._send, [Welcome(state)])

    def deliver(self, told: Sequence[Told], answers: Sequence[FromRecorder]) -> bool:
        """Called on the recorder's thread."""
        try:
            self._loop.call_soon_threadsafe(self._send, [*told, *answers])
        except RuntimeError:
            return False
        return self._transport is not None

    def _send(self, frames: Sequence[ToWorker]) -> None:
        for frame in frames:
            if isinstance(frame, (Ack, Refusal)):
                self._note(frame)  # also where nobody hears it: the intent is in the record
        if self._transport is None:
            return
        self._transport.write(b"".join(map(encode_frame, frames)))
        if self._transport.get_write_buffer_size() > _BUFFERED:
            self.drop()

    def _note(self, answer: Ack | Refusal) -> None:
        """Remember what the worker is carrying out."""
        ident, begins = self._asked.pop(answer.number, ("", False))
        if ident and self.worker is not None and isinstance(answer, Ack):
            if begins:
                self._server.begun(self, ident, answer.index)
            else:
                self.worker.open.pop(ident, None)

    def asks(self, ident: str) -> bool:
        """Whether the worker awaits an answer about action `ident`."""
        return any(ident == each for each, _ in self._asked.values())

    def drop(self) -> None:
        """End the connection now: the worker then refuses everything by itself."""
        if self._transport is not None:
            self._transport.abort()


class RecorderServer:
    """The socket of a recorder. `start` it on the loop that shall serve it."""

    def __init__(self, recorder: Recorder, path: Path, *, patience: float = PATIENCE) -> None:
        self._recorder, self._path, self._patience = recorder, path, patience
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._workers: dict[str, _Worker] = {}
        self._sessions: set[_Session] = set()
        self._pending: list[tuple[int, Callable[[], None], asyncio.TimerHandle]] = []
        self._orphans: dict[str, int] = {}
        self._tasks: set[asyncio.Future[Any]] = set()

    async def start(self) -> None:
        """Listen. Intents that were open before belong to workers that may come back for them."""
        self._orphans = await asyncio.wrap_future(self._recorder.open_intents())
        self._loop.call_later(self._patience, self._abandon_orphans)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        mask = os.umask(0o177)
        try:
            self._server = await self._loop.create_unix_server(self._accept, str(self._path))
        finally:
            os.umask(mask)
        self._recorder.fleet = self

    async def close(self) -> None:
        """Stop listening and let go of every worker."""
        self._recorder.fleet = None
        if self._server is not None:
            self._server.close()
        for session in [*self._sessions]:
            session.drop()
        await asyncio.sleep(0)
        for _, then, timer in self._pending:
            timer.cancel()
            then()
        self._pending = []
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    @property
    def connected(self) -> int:
        """How many workers are connected."""
        return len(self._sessions)

    def _accept(self) -> _Session:
        return _Session(self, self._recorder, self._loop)

    # ---------------------------------------------------------------------------------------------- workers

    def greet(self, session: _Session, hello: Hello) -> None:
        """A worker is here, perhaps again: what it says it is carrying out stays open, the rest ends."""
        if session.worker is not None or not hello.worker:
            raise Malformed("one hello, with a name")
        worker = self._workers.setdefault(hello.worker, _Worker())
        if worker.session is not None:
            worker.session.drop()
        if worker.leaving is not None:
            worker.leaving.cancel()
            worker.leaving = None
        claimed = {ident: self._orphans.pop(ident) for ident in hello.open if ident in self._orphans}
        lost = {ident: index for ident, index in worker.open.items() if ident not in hello.open}
        worker.open = {i: n for i, n in worker.open.items() if i not in lost} | claimed
        self._abandon(lost)
        session.name, session.worker, worker.session = hello.worker, worker, session
        self._sessions.add(session)
        self._keep(asyncio.wrap_future(self._recorder.join(session, session.welcome)))

    def lost(self, session: _Session) -> None:
        """A connection ended."""
        self._sessions.discard(session)
        self.progress()
        worker = session.worker
        if worker is None:
            return
        self._keep(asyncio.wrap_future(self._recorder.leave(session)))
        if worker.session is session:
            worker.session = None
            worker.leaving = self._loop.call_later(self._patience, self._give_up, session.name, worker)

    def begun(self, session: _Session, ident: str, index: int) -> None:
        """Intent `index` was recorded for a worker that may be gone by now, or here again without having heard."""
        worker = session.worker
        if worker is None:
            return
        now = worker.session
        if now is session or (now is None and self._workers.get(session.name) is worker):
            worker.open[ident] = index
        elif now is None or not (ident in worker.open or now.asks(ident)):
            self._abandon({ident: index})

    def _give_up(self, name: str, worker: _Worker) -> None:
        if self._workers.get(name) is worker:
            del self._workers[name]
        self._abandon(worker.open)

    def _abandon_orphans(self) -> None:
        orphans, self._orphans = self._orphans, {}
        self._abandon(orphans)

    def _abandon(self, intents: dict[str, int]) -> None:
        """End as `unknown` what nobody carries out any more; try again later where it cannot be written."""
        if not intents:
            return
        future = asyncio.wrap_future(self._recorder.abandon(intents))

        def again(done: "asyncio.Future[None]") -> None:
            if not done.cancelled() and isinstance(done.exception(), Conflict):
                self._loop.call_later(1.0, self._abandon, intents)

        future.add_done_callback(again)
        self._keep(future)

    def _keep(self, future: "asyncio.Future[Any]") -> None:
        """Hold on to a future until it is done; that the recorder has closed meanwhile is no news."""

        def done(each: "asyncio.Future[Any]") -> None:
            self._tasks.discard(each)
            if not each.cancelled():
                each.exception()

        self._tasks.add(future)
        future.add_done_callback(done)

    # ------------------------------------------------------------------------------------------ the barrier

    def confirm(self, index: int, then: Callable[[], None]) -> None:
        """Call `then` when every worker has seen entry `index`. Called on the recorder's thread."""
        try:
            self._loop.call_soon_threadsafe(self._confirm, index, then)
        except RuntimeError:  # the loop has ended, and with it every worker's connection
            then()

    def _confirm(self, index: int, then: Callable[[], None]) -> None:
        timer = self._loop.call_later(SILENCE, self._drop_silent, index)
        self._pending.append((index, then, timer))
        self.progress()

    def _drop_silent(self, index: int) -> None:
        for session in [*self._sessions]:
            if session.seen < index:
                session.drop()
                # INVARIANT: not waited for again. Its connection is gone, so it refuses everything by itself.
                self._sessions.discard(session)
        self.progress()

    def progress(self) -> None:
        """Release what every worker has seen."""
        if not self._pending:
            return
        upto = min((session.seen for session in self._sessions), default=2**63)
        ready = [each for each in self._pending if each[0] <= upto]
        self._pending = [each for each in self._pending if each[0] > upto]
        for _, then, timer in ready:
            timer.cancel()
            then()
