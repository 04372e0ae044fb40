"""Reading the record while it is written: a connection of its own, in this process or another.

A `Reader` is a `record.source.Source`: what verifies, exports and explains reads here. Every method sees one
moment of the log, the unflushed tail included. It may be called from any thread, by one at a time.
"""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from standwatch.facts.entries import Answered, AnyEntry, Intent, Outcome
from standwatch.facts.errors import NotFound, Tampered, Unrecorded
from standwatch.facts.parts import Part, PartName
from standwatch.record.leaf import Unknown
from standwatch.record.source import Sealed, SealedRows
from standwatch.record.state import State, load, save
from standwatch.record.tiles import TILE_WIDTH, Bundle, Tile, encode_bundle
from standwatch.store.edge import read_tile
from standwatch.store.journal import DATABASE, HEAD, Journal
from standwatch.store.lookup import (
    find_part,
    leaf_time,
    of_action,
    of_run,
    rows_at,
    sealed_at,
    snapshot,
)
from standwatch.store.mark import marks_of, root_from, unmarked
from standwatch.store.memory import read
from standwatch.store.sealing import Kek, Keys
from standwatch.store.tail import Tail, run_of

_CHUNK: Final = 1_024
_STRIDE: Final = 256
"""Control entries between two states that are kept in memory."""
_KEPT: Final = 8 << 20
"""Bytes of states kept in memory."""


class _View:
    """The tail as of one moment, read forward from the last flush, and the intents open then."""

    def __init__(self, journal: Journal) -> None:
        self.size = journal.flushed()
        self.tail = Tail(self.size)
        self.open: dict[int, Intent] = {}
        self._runs: dict[int, str] = {}
        for index, leaf in journal.rows("open_intents"):
            self._take(journal, index, read(leaf, index))

    def advance(self, journal: Journal, size: int) -> None:
        """Read on to `size`."""
        for index, leaf in enumerate(journal.leaves(self.size, size), self.size):
            entry = read(leaf, index)
            self.tail.note(index, entry, self._take(journal, index, entry))
        self.size = size

    def _take(self, journal: Journal, index: int, entry: AnyEntry | Unknown) -> str:
        match entry:
            case Intent():
                self.open[index] = entry
                self._runs[index] = entry.run
            case Outcome() | Answered():
                self.open.pop(entry.of, None)
                return self._runs.get(entry.of) or _run_at(journal, entry.of)
            case _:
                pass
        return run_of(entry, "")


def _run_at(journal: Journal, index: int) -> str:
    leaf = journal.leaf(index)
    return "" if leaf is None else run_of(read(leaf, index), "")


class _Folded:
    """States folded on the way to others, in bounded memory. The journal's snapshots are far apart, and those that
    another version of the fold made are of no use: without these, every look into the past of a log that was taken over
    would fold it from its beginning."""

    def __init__(self) -> None:
        self._kept: dict[int, bytes] = {}
        self._bytes = 0

    def nearest(self, index: int, state: State) -> State:
        """The last state kept at or before entry `index`, where it is later than `state`."""
        seen = max((seen for seen in self._kept if state.seen < seen <= index), default=-1)
        return state if seen < 0 else load(self._kept[seen])

    def keep(self, state: State) -> None:
        """Keep a copy; the oldest ones go."""
        if state.seen in self._kept:
            return
        self._kept[state.seen] = saved = save(state)
        self._bytes += len(saved)
        while self._bytes > _KEPT:
            self._bytes -= len(self._kept.pop(next(iter(self._kept))))


class Reader:
    """A log in `folder`, read only. Without `kek` its sealed parts stay closed."""

    def __init__(self, folder: Path, *, kek: Kek | None = None, older: tuple[Kek, ...] = ()) -> None:
        """Raises `NotFound` where there is no log."""
        if not (folder / DATABASE).is_file():
            raise NotFound(f"there is no record in {folder}", cure="standwatch up")
        try:
            self._journal = Journal(folder / DATABASE, readonly=True)
        except apsw.Error as error:
            raise Unrecorded(f"the record in {folder} cannot be opened: {error}") from error
        self._journal.marks = () if kek is None else marks_of(kek, *older)
        self._head = folder / HEAD
        self._keys = None if kek is None else Keys(self._journal, kek, older)
        self._lock = threading.RLock()
        self._depth = 0
        self._view: _View | None = None
        self._folded = _Folded()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._journal.close()

    @contextmanager
    def _moment(self) -> Generator[Journal]:
        """One moment of the log: inside, nothing changes."""
        with self._lock:
            if not self._depth:
                self._journal.begin_reading()
            self._depth += 1
            try:
                yield self._journal
            finally:
                self._depth -= 1
                if not self._depth:
                    self._journal.end_reading()

    def _tail(self, journal: Journal) -> _View:
        view = self._view
        if view is None or view.tail.begin != journal.flushed():
            view = self._view = _View(journal)
        view.advance(journal, journal.size())
        return view

    # ---------------------------------------------------------------------------------------------- entries

    @property
    def size(self) -> int:
        """How many entries are durable."""
        with self._moment() as journal:
            return journal.size()

    @property
    def span(self) -> tuple[int, int]:
        """The entries that are all there: every one."""
        return 0, self.size

    def leaf(self, index: int) -> bytes:
        """Entry `index`. Raises `NotFound`."""
        with self._moment() as journal:
            leaf = journal.leaf(index)
        if leaf is None:
            raise NotFound(f"there is no entry {index}", reference=str(index))
        return leaf

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """The entries in [start, end), ascending, as far as there are."""
        for first in range(start, min(end, self.size), _CHUNK):
            with self._moment() as journal:
                some = journal.leaves(first, min(end, first + _CHUNK))
            yield from enumerate(some, first)

    def entry(self, index: int) -> AnyEntry | Unknown:
        """Entry `index`, decoded. Raises `NotFound`, or `Tampered` for bytes that no recorder wrote."""
        return read(self.leaf(index), index)

    def entries(self, start: int, end: int) -> Iterator[tuple[int, AnyEntry | Unknown]]:
        """The entries in [start, end), decoded."""
        for index, leaf in self.leaves(start, end):
            yield index, read(leaf, index)

    def at(self, time: int) -> int:
        """The index of the last entry written at or before `time` (µs, UTC); -1 where all are later."""
        with self._moment() as journal:
            low = journal.get("tick", time) or 0
            high = journal.get("tick_after", time) or journal.size()
            while low < high:
                middle = (low + high) // 2
                if self._time(journal, middle) <= time:
                    low = middle + 1
                else:
                    high = middle
            return low - 1

    def _time(self, journal: Journal, index: int) -> int:
        leaf = journal.leaf(index)
        if leaf is None:
            raise Tampered(f"entry {index} is missing")
        return leaf_time(leaf)

    # ---------------------------------------------------------------------------------------------- indices

    def of_action(self, ident: str) -> list[int]:
        """The entries of action `ident`, ascending."""
        with self._moment() as journal:
            return of_action(journal, self._tail(journal).tail, ident)

    def of_run(self, run: str) -> list[int]:
        """The entries of `run`, ascending."""
        with self._moment() as journal:
            return of_run(journal, self._tail(journal).tail, run)

    def control(self, start: int, stop: int) -> list[tuple[int, AnyEntry | Unknown]]:
        """The entries in [start, stop) over which state is folded."""
        with self._moment() as journal:
            found = [(index, read(leaf, index)) for index, leaf in journal.rows("control", start, stop)]
            late = [index for index, _ in self._tail(journal).tail.controls if start <= index < stop]
            return found + [(index, self.entry(index)) for index in late]

    def open_intents(self) -> dict[int, Intent]:
        """The intents without an outcome, by index."""
        with self._moment() as journal:
            return dict(self._tail(journal).open)

    # ------------------------------------------------------------------------------------------------ state

    def state_at(self, index: int) -> State:
        """State after entry `index`: the nearest snapshot before it, and the control entries since."""
        with self._moment() as journal:
            state = self._folded.nearest(index, snapshot(journal, index)[0])
            for count, (number, entry) in enumerate(self.control(state.seen + 1, index + 1), 1):
                state.fold(number, entry)
                if not count % _STRIDE:
                    self._folded.keep(state)
            return state

    def state_before(self, index: int) -> State:
        """State folded over the entries before `index`."""
        return self.state_at(index - 1)

    # ---------------------------------------------------------------------------------------------- proving

    def tile(self, tile: Tile) -> bytes:
        """A tile's hashes. Raises `NotFound` where the log does not have as many."""
        with self._moment() as journal:
            data = read_tile(journal, tile.level, tile.index, tile.width, journal.size())
        if data is None:
            raise NotFound(f"tile {tile.index} of level {tile.level} is not {tile.width} wide")
        return data

    def bundle(self, bundle: Bundle) -> bytes:
        """A bundle of entries, as C2SP tlog-tiles serves it. Raises `NotFound`."""
        start = bundle.index * TILE_WIDTH
        leaves = [leaf for _, leaf in self.leaves(start, start + bundle.width)]
        if len(leaves) != bundle.width:
            raise NotFound(f"bundle {bundle.index} does not hold {bundle.width} entries")
        return encode_bundle(leaves)

    @property
    def empty(self) -> bool:
        """Whether nothing was ever written here: there is no entry, or not even a place for entries."""
        try:
            return self.size == 0
        except apsw.SQLError:
            return True

    def beyond(self) -> str:
        """What is wrong with the entries that no checkpoint covers yet; "" for nothing, or where no key tells.

        Raises `Tampered`, and `NotFound` where nothing was signed.
        """
        # The head is read first: what it names was marked before.
        signed = int(self.checkpoint().split(b"\n", 2)[1])
        with self._moment() as journal:
            size = journal.size()
            if not journal.marks or signed > size:
                return ""
            return unmarked(journal, signed, size, root_from(journal, signed, size))

    @property
    def unsigned(self) -> bool:
        """Whether no checkpoint was ever made here: neither the head file nor the database knows of one."""
        with self._moment() as journal:
            return not self._head.exists() and int(journal.get("checkpoints")) == 0

    def checkpoint(self, size: int | None = None) -> bytes:
        """The latest signed checkpoint, or the latest of at most `size` entries. Raises `NotFound`.

        It is read from the head file: a checkpoint is served only once it is remembered outside the database.
        """
        try:
            note = self._head.read_bytes()
        except FileNotFoundError:
            raise NotFound("nothing has been signed yet") from None
        signed = int(note.split(b"\n", 2)[1])
        if size is None or size >= signed:
            return note
        with self._moment() as journal:
            rows = journal.rows("checkpoint", size)
        if not rows:
            raise NotFound(f"no checkpoint of at most {size} entries was signed")
        return rows[0][1]

    # ------------------------------------------------------------------------------------------------ parts

    def part(self, ident: str, name: PartName) -> Part | None:
        """The latest part `name` of action, run or entry key `ident`; None where there is none to be read."""
        if self._keys is None:
            return None
        with self._moment() as journal:
            return find_part(journal, self._tail(journal).tail, self._keys, ident, name)

    def sealed(self, index: int, ident: str, name: PartName) -> Sealed:
        """Part `name` of entry `index`, whose action or run is `ident` ("" for other entries)."""
        if self._keys is None:
            return Sealed()
        with self._moment() as journal:
            return sealed_at(journal, self._keys, index, ident or str(index), name)

    def rows(self, index: int, ident: str, only: int | None = None) -> SealedRows:
        """The rows of decision entry `index` of action `ident`; with `only`, that one is enough."""
        if self._keys is None:
            return SealedRows()
        with self._moment() as journal:
            return rows_at(journal, self._keys, index, ident, only)
