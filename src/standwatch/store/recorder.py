"""The recorder: one thread that writes, everybody else asks (RECORD.md, Store).

Frames wait in a queue; what has gathered while the last commit was under way is the next batch, so one in flight
waits for nothing and sixty-four share an fsync. Only after the commit is anything answered: first every replica is
told what it must fold, then the answers follow, one wake-up of a loop for each batch.
"""

import asyncio
import contextlib
import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import apsw
from msgspec import Struct

from standwatch.facts.entries import AnyEntry, RunClosed
from standwatch.facts.errors import Conflict, StandwatchError, Unrecorded
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
    Told,
    Trace,
    Traced,
)
from standwatch.record.note import NoteKey, Sign
from standwatch.record.sequence import BY
from standwatch.store.ballast import Ballast
from standwatch.store.head import HeadFile, Publisher
from standwatch.store.journal import DATABASE, HEAD, Journal
from standwatch.store.link import LocalLink, nothing_for
from standwatch.store.mark import marks_of
from standwatch.store.sealing import Entropy, Kek
from standwatch.store.tail import RESTRICTING
from standwatch.store.writer import BATCH, Clock, Writer, outcome_of
from standwatch.watch.exposure import Week

BALLAST: Final = "ballast"
LOCK: Final = "lock"

_RETRY: Final = 0.2
"""Seconds between attempts to become writable again."""

_MANY: Final = 6
_LINGER: Final = 0.003
"""Where so much was asked at once, so many seconds are given to what comes after it: a commit costs the same for six
entries and for sixty, and takes the interpreter's lock from those who ask. One call at a time never waits for it."""

T = TypeVar("T")
Asked = Append | Find | Fetch | Recall | Trace


class Setup(Struct, frozen=True, kw_only=True):
    """What a recorder is given: a folder of its own, keys that live elsewhere, time and chance.

    The key's name is the log's origin. `trusted` are earlier keys of this log, `older` KEKs of earlier epochs.
    With `settle`, intents that a dead process left open end as `unknown` at start; a recorder whose workers may
    still be carrying them out settles later (`RecorderServer`). `pause`: seconds from an entry to its checkpoint.
    `vfs` names an SQLite VFS (tests inject faults there). `head`: a file outside `folder`, in a folder that is there,
    to remember the last signed head in: a backup of `folder` restored as a whole is older than it, and not signed.
    """

    folder: Path
    key: NoteKey
    sign: Sign
    kek: Kek
    clock: Clock
    entropy: Entropy
    trusted: tuple[NoteKey, ...] = ()
    older: tuple[Kek, ...] = ()
    settle: bool = True
    pause: float = 0.5
    vfs: str = ""
    head: Path | None = None


class Port(Protocol):
    """Where answers go. Called on the recorder's thread."""

    def deliver(self, told: Sequence[Told], answers: Sequence[FromRecorder]) -> bool:
        """Pass on what was told, then the answers; False where nobody is there any more."""
        ...


class Fleet(Protocol):
    """Workers in other processes, which must know of a restriction before it is acknowledged."""

    def confirm(self, index: int, then: Callable[[], None]) -> None:
        """Call `then` once every worker has seen entry `index` or was dropped. Called on the recorder's thread."""
        ...


class _Job(Struct, frozen=True):
    """Something else for the thread that owns the journal."""

    act: Callable[[], Any]
    done: "Future[Any]"


class Recorder:
    """The one writer of a log. Open with `Recorder.open`, end with `close`."""

    def __init__(self, setup: Setup, lock: int, journal: Journal, writer: Writer, head: HeadFile) -> None:
        self._setup, self._lock, self._journal, self._writer = setup, lock, journal, writer
        self._queue: queue.SimpleQueue[tuple[Port | None, Asked | _Job | None]] = queue.SimpleQueue()
        self._ports: list[Port] = []
        self.fleet: Fleet | None = None
        self.on_growth: Callable[[], None] = lambda: None
        """Called on the recorder's thread after each commit."""
        self._closing = False
        self._ended = False
        self._many = False
        """Whether much was asked at once the last time: then more is on its way."""
        self._owed: dict[str, int] = {}
        self._closed = False
        self._died = ""
        self.writable = writer.writable
        self._publisher = Publisher(
            head,
            setup.key,
            setup.sign,
            lambda: writer.tree,
            self._persist,
            pause=setup.pause,
            signed=writer.signed,
        )
        self._thread = threading.Thread(target=self._serve, name="standwatch-recorder", daemon=True)

    @classmethod
    def open(cls, setup: Setup) -> "Recorder":
        """Open the log in `setup.folder`, or begin one; recover, settle, and start.

        Raises `Conflict` where another recorder has it, `Tampered` where it is not what was signed, `Unrecorded`
        where the disk does not let us.
        """
        setup.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _lock(setup.folder / LOCK)
        journal: Journal | None = None
        try:
            (setup.folder / DATABASE).touch(mode=0o600)  # SQLite gives its log and index files the same mode
            journal = Journal(setup.folder / DATABASE, vfs=setup.vfs)
            journal.marks = marks_of(setup.kek, *setup.older)
            journal.empty_log()  # what a dead process left in the log goes through an fsync of ours
            head = HeadFile(setup.folder / HEAD, (setup.key, *setup.trusted), setup.head)
            writer = Writer(
                journal,
                head,
                Ballast(setup.folder / BALLAST),
                key=setup.key,
                kek=setup.kek,
                older=setup.older,
                clock=setup.clock,
                entropy=setup.entropy,
            )
            recorder = cls(setup, lock, journal, writer, head)
            if setup.settle:
                recorder._owed = recorder._writer.open_intents()
                recorder._settle_owed()
        except BaseException as error:
            if journal is not None:
                with contextlib.suppress(apsw.Error):
                    journal.close()
            os.close(lock)
            if isinstance(error, (apsw.Error, OSError)):
                raise Unrecorded(f"the record cannot be opened: {error}") from error
            raise
        recorder._thread.start()
        recorder._publisher.start()
        recorder._publisher.grew()
        return recorder

    def close(self) -> None:
        """Answer what was asked, sign what was written, let go of the log."""
        if self._closed:
            return
        self._closed = True
        self._publisher.stop()
        with contextlib.suppress(Exception):  # unsigned is not unsafe: the next start signs
            self._publisher.publish()
        self._closing = True
        self._queue.put((None, None))
        self._thread.join()
        with contextlib.suppress(apsw.Error):
            self._journal.close()
        os.close(self._lock)

    # ------------------------------------------------------------------------------------- asked from outside

    def link(self, loop: asyncio.AbstractEventLoop | None = None) -> LocalLink:
        """A link for fronts on `loop` (by default the running one). Waits for the batch under way."""
        at = loop or asyncio.get_running_loop()

        def join() -> LocalLink:
            port = LocalLink(at, self._writer.snapshot(), self)
            self._ports.append(port)
            return port

        return self.submit(join).result()

    def put(self, port: Port, frame: Asked) -> None:
        """Ask; the answer goes to `port`. Any thread."""
        if self._closing:
            port.deliver((), [nothing_for(frame, "the recorder is closed")])
        else:
            self._queue.put((port, frame))
            if self._ended:  # it ended while this was put
                self._refuse_rest()

    def refuse(self, scopes: frozenset[str]) -> None:
        """Record no act under `scopes`: they are halted, and the holds cannot be written yet. From any thread."""
        self._writer.stops = scopes

    def submit(self, act: Callable[[], T]) -> "Future[T]":
        """Have the recorder's thread call `act` between two batches."""
        done: Future[T] = Future()
        if self._closing:
            done.set_exception(Unrecorded("the recorder is closed"))
        else:
            self._queue.put((None, _Job(act, done)))
            if self._ended:
                self._refuse_rest()
        return done

    def join(self, port: Port, welcome: Callable[[bytes, int], None]) -> "Future[None]":
        """Let `port` be told from now on; `welcome` gets the state until here, before the first `deliver`."""

        def act() -> None:
            welcome(self._writer.saved(), self._writer.size)
            self._ports.append(port)

        return self.submit(act)

    def leave(self, port: Port) -> "Future[None]":
        """Tell `port` no more."""
        return self.submit(lambda: self._drop(port))

    def erase(self, subject: str) -> "Future[None]":
        """Destroy the key of a data subject, and with it every sealed part about them (`Sealer.erase`)."""
        return self.submit(lambda: self._writer.erase(subject))

    def rewrap(self, kek: Kek) -> "Future[int]":
        """Wrap all subjects' keys under a new epoch's KEK (`Sealer.rewrap`)."""
        return self.submit(lambda: self._writer.rewrap(kek))

    def drop_day(self, day: str) -> "Future[None]":
        """Let go of the sealed parts of `day` (YYYYMMDD): retention by a written policy only."""
        return self.submit(lambda: self._writer.drop_day(day))

    def open_intents(self) -> "Future[dict[str, int]]":
        """Action id → index of the intents without an outcome."""
        return self.submit(self._writer.open_intents)

    def end_runs(self) -> "Future[int]":
        """Close the runs that nobody has used for long and those whose time is over; how many there were."""
        return self.submit(self._end_runs)

    def touched(self) -> "Future[dict[str, int]]":
        """How often somebody was counted since the recorder began, by system (`Exposures.touched`)."""
        return self.submit(self._writer.touched)

    def spending(self) -> "Future[dict[str, dict[str, int]]]":
        """What language models used today, by system (`Sequencer.spending`)."""
        return self.submit(self._writer.spending)

    def weeks(self, systems: Collection[str] = ()) -> "Future[dict[str, Week]]":
        """The people of those of `systems` of which somebody was counted this week; of all for none."""
        return self.submit(lambda: self._writer.weeks(systems))

    def abandon(self, intents: dict[str, int]) -> "Future[None]":
        """End those of `intents` (action id → index) that are still open as `unknown`: their worker is dead."""
        return self.submit(lambda: self._settle(intents))

    @property
    def head(self) -> bytes:
        """The checkpoint that may be served: persisted here and outside the database. Empty before the first."""
        return self._publisher.served

    @property
    def problem(self) -> str:
        """Why nothing can be recorded or signed now; "" where all is well."""
        return self._died or self._writer.broken or self._publisher.problem

    # ------------------------------------------------------------------------------------ on its own thread

    def _serve(self) -> None:
        try:
            self._serve_all()
        except BaseException as error:
            self._died = f"the recorder ended: {error!r}"
            raise
        finally:
            # INVARIANT: whoever asks a recorder that has ended is refused; nobody waits for ever.
            self.writable = False
            self._closing = self._ended = True
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                port, frame = self._queue.get_nowait()
                if isinstance(frame, _Job):
                    if frame.done.set_running_or_notify_cancel():
                        frame.done.set_exception(Unrecorded("the recorder is closed"))
                elif frame is not None and port is not None:
                    port.deliver((), [nothing_for(frame, "the recorder is closed")])

    def _serve_all(self) -> None:
        due = 0.0
        while not self._closing or not self._queue.empty():
            if self.writable:
                due = time.monotonic() + _RETRY
            self._handle(self._gather(None if self.writable else max(0.0, due - time.monotonic())))
            if not self.writable and time.monotonic() >= due:  # however much is asked meanwhile
                self._deliver(self._writer.recover(), [], [])
                due = time.monotonic() + _RETRY
            if self._owed:
                self._settle_owed()

    def _gather(self, patience: float | None) -> list[tuple[Port | None, Asked | _Job | None]]:
        """What has been asked meanwhile, or comes within `patience` seconds."""
        try:
            found = [self._queue.get(timeout=patience)]
        except queue.Empty:
            return []
        if self._many:
            time.sleep(_LINGER)
        waiting = min(self._queue.qsize(), BATCH - 1)
        found += [self._queue.get_nowait() for _ in range(waiting)]
        self._many = len(found) >= _MANY
        return found

    def _handle(self, batch: list[tuple[Port | None, Asked | _Job | None]]) -> None:
        """Appends together, everything else in its place between them."""
        ports: list[Port] = []
        appends: list[Append] = []
        for port, frame in batch:
            if type(frame) is Append and port is not None:
                ports.append(port)
                appends.append(frame)
                continue
            self._write(ports, appends)
            ports, appends = [], []
            self._do(port, frame)
        self._write(ports, appends)

    def _write(self, ports: list[Port], appends: list[Append]) -> None:
        if appends:
            told, replies = self._writer.write(appends)
            self._deliver(told, ports, replies, self._withheld(appends, replies))

    def _withheld(self, appends: list[Append], replies: list[Ack | Refusal]) -> int:
        """The last restriction that other processes must have seen before it is acknowledged; -1 for none."""
        if self.fleet is None:
            return -1
        pairs = zip(appends, replies, strict=True)
        found = [r.index for a, r in pairs if isinstance(r, Ack) and isinstance(a.entry, RESTRICTING)]
        return max(found, default=-1)

    def _deliver(
        self, told: list[Told], ports: list[Port], replies: list[Ack | Refusal], withheld: int = -1
    ) -> None:
        """Tell every replica, then answer; restrictions are answered when the whole fleet knows of them."""
        self.writable = self._writer.writable
        if self._writer.tree[0] > self._publisher.signed:
            self._publisher.grew()
            self.on_growth()
        later: dict[Port, list[FromRecorder]] = {}
        now: dict[Port, list[FromRecorder]] = {}
        restricting = (
            {each.index for each in told if isinstance(each.entry, RESTRICTING)} if withheld >= 0 else ()
        )
        for port, reply in zip(ports, replies, strict=True):
            answers = later if withheld >= 0 and type(reply) is Ack and reply.index in restricting else now
            answers.setdefault(port, []).append(reply)
        # Whoever is answered is told last: what it then says to its caller, the others know by the time they are asked.
        for port in sorted(self._ports, key=now.__contains__) if told else [*now]:
            if not port.deliver(told, now.get(port, ())):
                self._drop(port)
        for port in now if told else ():
            if port not in self._ports:
                port.deliver((), now[port])
        fleet = self.fleet  # it may leave at any moment
        if fleet is not None and withheld >= 0:
            fleet.confirm(withheld, lambda: _answer(later))
        else:
            _answer(later)

    def _do(self, port: Port | None, frame: Asked | _Job | None) -> None:
        if isinstance(frame, _Job):
            self._run(frame)
        elif isinstance(frame, (Find, Fetch, Recall, Trace)) and port is not None:
            port.deliver((), [self._look(frame)])

    def _look(self, frame: Find | Fetch | Recall | Trace) -> Found | Fetched | Recalled | Traced:
        """What cannot be read, or was changed, is not known."""
        try:
            match frame:
                case Find():
                    return self._writer.find(frame)
                case Fetch():
                    return self._writer.fetch(frame)
                case Recall():
                    return self._writer.recall(frame)
                case Trace():
                    return self._writer.trace(frame)
        except (apsw.Error, StandwatchError, OSError):
            return nothing_for(frame)

    def _run(self, job: _Job) -> None:
        if not job.done.set_running_or_notify_cancel():
            return
        try:
            job.done.set_result(job.act())
        except apsw.Error as error:
            self._journal.rollback()
            job.done.set_exception(Unrecorded(f"the record cannot be written: {error}"))
        except Exception as error:
            job.done.set_exception(error)

    def _persist(self, size: int, note: bytes) -> None:
        """Called by the publisher: commit a checkpoint and wait for it."""
        self.submit(lambda: self._writer.persist(size, note)).result(timeout=30)

    def _settle_owed(self) -> None:
        """What could not be settled at start, because the disk was full, is settled when it can be."""
        if self._owed and self._writer.writable:
            with contextlib.suppress(Conflict):
                self._settle(self._owed)
                self._owed = {}

    def _settle(self, intents: dict[str, int]) -> None:
        """The outcomes of intents that nobody can tell any more."""
        still = self._writer.open_intents()
        lost = [(ident, index) for ident, index in intents.items() if still.get(ident) == index]
        self._write_own([outcome_of(ident, index, "unknown") for ident, index in lost])

    def _end_runs(self) -> int:
        if not self._writer.writable:
            return 0
        return self._write_own([RunClosed(by=BY, run=run) for run in self._writer.runs_over()])

    def _write_own(self, entries: list[AnyEntry]) -> int:
        """Write what nobody asked for; how many entries were admitted. Raises `Conflict` where nothing can be."""
        count = 0
        for start in range(0, len(entries), BATCH):
            told, replies = self._writer.write([Append(-1, each) for each in entries[start : start + BATCH]])
            self._deliver(told, [], [])
            if any(isinstance(reply, Refusal) and reply.code == "unrecorded" for reply in replies):
                raise Conflict("the record cannot be written: what the recorder itself has to say waits")
            count += sum(isinstance(reply, Ack) for reply in replies)
        return count

    def _drop(self, port: Port) -> None:
        if port in self._ports:
            self._ports.remove(port)


def _answer(answers: dict[Port, list[FromRecorder]]) -> None:
    for port, some in answers.items():
        port.deliver((), some)


def _lock(path: Path) -> int:
    """Take the folder for this process: two recorders would fork the log."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise Conflict(f"another recorder has {path.parent}", cure="standwatch status") from None
    return handle
