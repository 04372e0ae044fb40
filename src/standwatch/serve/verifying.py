"""`verify` over the live record, as `serve.aside` does it: the whole of it, or its latest entries with all that state
is folded over before them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import msgspec

from standwatch.authority.grant import grant
from standwatch.facts.words import Level
from standwatch.record.source import Marked
from standwatch.record.state import State
from standwatch.record.tiles import TILE_WIDTH
from standwatch.record.verify import Verification, verify
from standwatch.serve.aside import Progress
from standwatch.serve.control_reading import Record
from standwatch.serve.until import Until

STEP: Final = 4_096
"""Entries between two words about how far it is."""


class Wanted(msgspec.Struct, frozen=True):
    """What is to be verified: the latest `latest` entries, all of them for 0, with the log's key."""

    vkey: str
    latest: int = 0


class Latest(Until):
    """A record of which all entries from `start` on are read, and before it those over which state is folded.

    It is `Marked` too: what no checkpoint covers yet is held against the server's own marks.
    """

    def __init__(self, record: Record, start: int) -> None:
        super().__init__(record, record.size)
        self._record = record
        self._start = start - start % TILE_WIDTH

    @property
    def span(self) -> tuple[int, int]:
        """From its start to the end of the record."""
        return self._start, self.size

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """As the record's; before the start only what folds."""
        if start < self._start:
            for index, _ in self._record.control(start, min(end, self._start)):
                yield index, self._record.leaf(index)
        yield from self._record.leaves(max(start, self._start), min(end, self.size))

    def beyond(self) -> str:
        """As the record's."""
        return self._record.beyond() if isinstance(self._record, Marked) else ""


def verified(source: Record, given: bytes, progress: Progress) -> Verification:
    """What `serve.aside` does for `verify`: `given` is a `Wanted`."""
    wanted = msgspec.msgpack.decode(given, type=Wanted)
    start = max(0, source.size - wanted.latest) if wanted.latest else 0
    said = [0.0, 0]

    def tell(done: int, of: int) -> None:
        if done - said[1] >= STEP and time.monotonic() - said[0] > 0.25:
            said[:] = time.monotonic(), done
            progress(done, of)

    found = Latest(source, start) if start else source
    return verify(found, wanted.vkey, grant=_level, progress=tell)


def _level(state: State, system: str, now: int) -> Level:
    return grant(state, system, now).level
