"""The last signed head, kept outside the database, and the signing of new ones (RECORD.md, C2SP).

A database restored from an older backup is well-formed and wrong: only somebody who remembers a later checkpoint
can tell. The file `head` remembers ours, and where it is given one, a second that a restored copy of the folder does
not bring back. A log that is shorter than either, or another, is never signed again.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from standwatch.facts.errors import Malformed, Tampered
from standwatch.record.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from standwatch.record.note import NoteKey, Sign, Unverified
from standwatch.record.tiles import Tile, tile_source
from standwatch.record.tree import Frontier
from standwatch.store.edge import read_tile
from standwatch.store.journal import Journal

Tree = tuple[int, bytes]
"""A committed size and its root."""


def root_at(journal: Journal, upto: int, size: int) -> bytes:
    """The root that the first `upto` of `size` entries had; `Tampered` where hashes for it are missing."""
    return frontier_at(journal, upto, size).root()


def frontier_at(journal: Journal, upto: int, size: int) -> Frontier:
    """The right edge of the tree of the first `upto` of `size` entries; `Tampered` where hashes are missing."""

    def read(tile: Tile) -> bytes:
        data = read_tile(journal, tile.level, tile.index, tile.width, size)
        if data is None:
            raise Tampered(f"tile {tile.index} of level {tile.level} is missing")
        return data

    return Frontier.of(tile_source(read, size), upto)


class HeadFile:
    """The file that holds the last signed checkpoint, and its twin outside the folder where there is one."""

    def __init__(self, path: Path, keys: tuple[NoteKey, ...], outside: Path | None = None) -> None:
        self._path = path
        self._keys = keys
        self._outside = outside

    def read(self) -> bytes:
        """The note as it was written; empty where there is none yet."""
        return _read(self._path)

    def write(self, note: bytes) -> None:
        """Replace the note durably, outside first: what is served is remembered where no restored copy reaches."""
        if self._outside is not None:
            _replace(self._outside, note)
        _replace(self._path, note)

    def check(self, journal: Journal, size: int) -> int:
        """Compare with a journal of `size` entries; the size that was signed. Raises `Tampered`.

        Each of the two files must agree, and one must be there; afterwards both say the same.
        """
        paths = [self._path] if self._outside is None else [self._path, self._outside]
        notes = [(path, note) for path in paths if (note := _read(path))]
        if not notes:
            # One checkpoint may be in the database before the first head file is written; never two.
            if int(journal.get("checkpoints")) > 1:
                raise Tampered(f"{self._path.name} is gone: what was signed last is not known", cure=_CURE)
            return 0
        heads = [(self._check(path, note, journal, size), note) for path, note in notes]
        signed, latest = max(heads)
        if [note for _, note in notes] != [latest] * len(paths):
            self.write(latest)
        return signed

    def _check(self, path: Path, note: bytes, journal: Journal, size: int) -> int:
        try:
            head = open_checkpoint(note, self._keys[0].name, self._keys)
        except (Malformed, Unverified) as error:
            raise Tampered(f"{path} is not a checkpoint of this log: {error}", cure=_CURE) from None
        if head.size > size:
            raise Tampered(f"{head.size} entries were signed and {size} are here: an older copy?", cure=_CURE)
        if head.size and root_at(journal, head.size, size) != head.root:
            raise Tampered(f"the first {head.size} entries are not those that were signed", cure=_CURE)
        return head.size


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _replace(path: Path, note: bytes) -> None:
    """Whoever reads finds the old or the new note whole, also after a crash."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


_CURE = "standwatch verify"


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Publisher(threading.Thread):
    """Signs the tree at most a second after it grew. `persist(size, note)` has the writer commit a checkpoint."""

    def __init__(
        self,
        head: HeadFile,
        key: NoteKey,
        sign: Sign,
        tree: Callable[[], Tree],
        persist: Callable[[int, bytes], None],
        *,
        pause: float,
        signed: int,
    ) -> None:
        super().__init__(name="standwatch-publisher", daemon=True)
        self._head, self._key, self._sign, self._tree, self._persist = head, key, sign, tree, persist
        self._pause = pause
        self._grew = threading.Event()
        self._ended = threading.Event()
        self.signed = signed
        self.served = head.read()
        self.problem = ""
        """Why the last attempt to sign failed; "" where it did not."""

    def grew(self) -> None:
        """The tree grew. Called by the writer after every commit."""
        if not self._grew.is_set():
            self._grew.set()

    def run(self) -> None:
        """Sign, pause, until told to stop."""
        while not self._ended.is_set():
            self._grew.wait()
            if self._ended.wait(self._pause):
                break
            self._grew.clear()
            self.attempt()

    def attempt(self) -> None:
        """Sign the tree as it is, if it grew; on any failure the next growth or pause tries again."""
        try:
            self.publish()
            self.problem = ""
        except Exception as error:
            self.problem = str(error) or type(error).__name__
            if not self._ended.is_set():
                self._grew.set()

    def publish(self) -> None:
        """Sign a committed size, have it persisted, and only then write the head that is served."""
        size, root = self._tree()
        if size <= self.signed:
            return
        note = sign_checkpoint(Checkpoint(self._key.name, size, root), self._key, self._sign)
        self._persist(size, note)
        self._head.write(note)
        self.signed, self.served = size, note

    def stop(self) -> None:
        """End after the attempt that is under way."""
        self._ended.set()
        self._grew.set()
        with contextlib.suppress(RuntimeError):
            self.join(timeout=5)
