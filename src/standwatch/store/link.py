"""A front's connection to the recorder of its own process: a replica of the state, and a future for each append."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast, overload

from standwatch.facts.entries import AnyEntry
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
from standwatch.record.state import State

Late = Callable[[Ack | Refusal], None]
OnTold = Callable[[int, AnyEntry], None]
"""Called on the loop's thread after entry `index` was folded into the replica."""

NOT_ALIVE: Final = "there is no recorder"


class Link(Protocol):
    """How fronts reach a recorder, in this process (`LocalLink`) or over a socket (`SocketLink`)."""

    state: State
    on_told: OnTold | None
    late: dict[int, Late]

    @property
    def alive(self) -> bool:
        """Whether what is appended now has a chance of being recorded."""
        ...

    def next_number(self) -> int:
        """A number for a frame that this link has not used."""
        ...

    def append(self, append: Append) -> "asyncio.Future[Ack | Refusal]":
        """Ask for an entry to be written. The answer of a cancelled future is lost: the entry may stand."""
        ...

    def find(self, find: Find) -> "asyncio.Future[Found]":
        """Ask for the live question that a retry would repeat."""
        ...

    def fetch(self, fetch: Fetch) -> "asyncio.Future[Fetched]":
        """Ask for a sealed part."""
        ...

    def recall(self, recall: Recall) -> "asyncio.Future[Recalled]":
        """Ask what became of the acts of a run."""
        ...

    def trace(self, trace: Trace) -> "asyncio.Future[Traced]":
        """Ask what became of an act, by its id."""
        ...


Asking = Append | Find | Fetch | Recall | Trace
Answer = Ack | Refusal | Found | Fetched | Recalled | Traced


class Replica:
    """State folded on one event loop's thread, and the futures of what was asked from it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, state: State) -> None:
        self.loop = loop
        self.state = state
        self.on_told: OnTold | None = None
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self.late: dict[int, Late] = {}
        """By the number of an append: who hears the answer where its future was cancelled meanwhile."""
        self._looking: dict[int, Answer] = {}
        """What to answer to a look-up when there is nobody to look."""

    def next_number(self) -> int:
        """A number for a frame that this link has not used."""
        return next(self._numbers)

    def expect(self, frame: Asking) -> "asyncio.Future[Answer]":
        """The future of the answer to `frame`."""
        future: asyncio.Future[Answer] = self.loop.create_future()
        self._waiting[frame.number] = future
        if type(frame) is not Append:
            self._looking[frame.number] = nothing_for(frame)
        return future

    def receive(self, told: Sequence[Told], answers: Sequence[FromRecorder]) -> None:
        """Fold what was told, then answer. INVARIANT: whoever is answered finds the replica caught up."""
        for each in told:
            if each.index > self.state.seen:
                self.state.fold(each.index, each.entry)
                if self.on_told is not None:
                    self._tell(self.on_told, each)
        for answer in answers:
            if type(answer) is Told:
                continue
            number = cast("Answer", answer).number
            future = self._waiting.pop(number, None)
            if self._looking:
                self._looking.pop(number, None)
            late = self.late.pop(number, None) if self.late else None
            if future is not None and not future.done():
                future.set_result(cast("Answer", answer))
            elif late is not None and isinstance(answer, Ack | Refusal):
                late(answer)

    def _tell(self, listener: OnTold, told: Told) -> None:
        """A listener that fails must not keep the replica from folding."""
        try:
            listener(told.index, told.entry)
        except Exception as error:
            context = {"message": "a listener failed on an entry", "exception": error}
            self.loop.call_exception_handler(context)

    def give_up(self, why: str) -> None:
        """Refuse everything that still waits."""
        waiting, self._waiting = self._waiting, {}
        looking, self._looking = self._looking, {}
        self.late.clear()
        for number, future in waiting.items():
            if not future.done():
                future.set_result(looking.get(number) or Refusal(number, "unknown", why, -1))


@overload
def nothing_for(frame: Append, why: str = NOT_ALIVE) -> Refusal: ...
@overload
def nothing_for(
    frame: Find | Fetch | Recall | Trace, why: str = NOT_ALIVE
) -> Found | Fetched | Recalled | Traced: ...
def nothing_for(frame: Asking, why: str = NOT_ALIVE) -> Answer:
    """The answer to `frame` where there is no recorder: not written, not found, not known."""
    match frame:
        case Append():
            return Refusal(frame.number, "unrecorded", why, -1)
        case Find():
            return Found(frame.number)
        case Fetch():
            return Fetched(frame.number)
        case Recall():
            return Recalled(frame.number)
        case Trace():
            return Traced(frame.number)


class Source(Protocol):
    """What a local link needs of its recorder."""

    @property
    def writable(self) -> bool: ...

    def put(self, port: "LocalLink", frame: Asking) -> None: ...


class LocalLink(Replica):
    """A link within one process. Its methods are called on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, state: State, recorder: Source) -> None:
        super().__init__(loop, state)
        self._recorder = recorder

    @property
    def alive(self) -> bool:
        """Whether the recorder runs and can write."""
        return self._recorder.writable

    def append(self, append: Append) -> "asyncio.Future[Ack | Refusal]":
        """Ask for an entry to be written."""
        future = self.expect(append)
        self._recorder.put(self, append)
        return cast("asyncio.Future[Ack | Refusal]", future)

    def find(self, find: Find) -> "asyncio.Future[Found]":
        """Ask for the live question that a retry would repeat."""
        future = self.expect(find)
        self._recorder.put(self, find)
        return cast("asyncio.Future[Found]", future)

    def fetch(self, fetch: Fetch) -> "asyncio.Future[Fetched]":
        """Ask for a sealed part."""
        future = self.expect(fetch)
        self._recorder.put(self, fetch)
        return cast("asyncio.Future[Fetched]", future)

    def recall(self, recall: Recall) -> "asyncio.Future[Recalled]":
        """Ask what became of the acts of a run."""
        future = self.expect(recall)
        self._recorder.put(self, recall)
        return cast("asyncio.Future[Recalled]", future)

    def trace(self, trace: Trace) -> "asyncio.Future[Traced]":
        """Ask what became of an act, by its id."""
        future = self.expect(trace)
        self._recorder.put(self, trace)
        return cast("asyncio.Future[Traced]", future)

    def deliver(self, told: Sequence[Told], answers: Sequence[FromRecorder]) -> bool:
        """Called by the recorder's thread; False where the loop has ended."""
        try:
            self.loop.call_soon_threadsafe(self.receive, told, answers)
        except RuntimeError:
            return False
        return True
