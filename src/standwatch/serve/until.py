"""The record as it was before an entry was written: what `as_of` shows of actions and runs.

The checkpoint and the tiles stay those of now: what was there then is proved under what is signed since.
"""

from __future__ import annotations

from collections.abc import Iterator

from standwatch.facts.entries import AnyEntry, Intent
from standwatch.facts.errors import NotFound
from standwatch.facts.parts import PartName
from standwatch.record.leaf import Unknown
from standwatch.record.source import Sealed, SealedRows
from standwatch.record.state import State
from standwatch.record.tiles import Tile
from standwatch.serve.control_reading import Record


class Until:
    """`source`, ending before entry `end`. A `Record`."""

    def __init__(self, source: Record, end: int) -> None:
        self._source = source
        self._end = end

    @property
    def size(self) -> int:
        """How many entries there were."""
        return min(self._end, self._source.size)

    @property
    def span(self) -> tuple[int, int]:
        """All of them."""
        return 0, self.size

    def checkpoint(self, size: int | None = None) -> bytes:
        """The latest of now, unless an earlier one is asked for."""
        return self._source.checkpoint(size)

    def leaf(self, index: int) -> bytes:
        """Raises `NotFound` for what was not there yet."""
        if index >= self._end:
            raise NotFound(f"there was no entry {index} yet", reference=str(index))
        return self._source.leaf(index)

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """As a source's."""
        return self._source.leaves(start, min(end, self._end))

    def of_action(self, ident: str) -> list[int]:
        """As a source's."""
        return [index for index in self._source.of_action(ident) if index < self._end]

    def of_run(self, run: str) -> list[int]:
        """As a record's."""
        return [index for index in self._source.of_run(run) if index < self._end]

    def sealed(self, index: int, ident: str, name: PartName) -> Sealed:
        """As a source's."""
        return self._source.sealed(index, ident, name)

    def rows(self, index: int, ident: str, only: int | None = None) -> SealedRows:
        """As a source's."""
        return self._source.rows(index, ident, only)

    def tile(self, tile: Tile) -> bytes:
        """As a source's."""
        return self._source.tile(tile)

    def state_before(self, index: int) -> State:
        """As a source's."""
        return self._source.state_before(min(index, self._end))

    def at(self, time: int) -> int:
        """As a record's."""
        return min(self._source.at(time), self._end - 1)

    def control(self, start: int, stop: int) -> list[tuple[int, AnyEntry | Unknown]]:
        """As a record's."""
        return self._source.control(start, min(stop, self._end))

    def open_intents(self) -> dict[int, Intent]:
        """None are known of the past."""
        return {}


class Then(Until):
    """The same, under the checkpoint that was the latest then."""

    def checkpoint(self, size: int | None = None) -> bytes:
        """The latest of then."""
        return super().checkpoint(min(self.size, self.size if size is None else size))
