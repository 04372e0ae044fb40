"""How every tool's calls came, counted from the record: read once, in a thread, then only what is new."""

import asyncio
from typing import Final

from standwatch.facts.entries import Asked, Decided, Deferred, Denied, Intent
from standwatch.facts.words import Seam
from standwatch.record.leaf import decode
from standwatch.record.source import Source
from standwatch.serve.control_reading import Record
from standwatch.watch.coverage import Calls

MOST: Final = 200_000
"""Entries that are counted at first; what is older is told as older."""
MOST_THEN: Final = 20_000
"""Entries before a moment of the past that are counted: nothing of that is kept."""
_STEP: Final = 5_000
_OUTCOME: Final = b'"kind":"act.outcome.'

Key = tuple[str, str, Seam]
"""System, tool, seam."""


class Seams:
    """Counts of the record since entry `since`. An act counts once, with what came of it first."""

    def __init__(self, source: Record) -> None:
        self._source = source
        self.since = -1
        self._next = 0
        self._found: dict[Key, Calls] = {}
        self._lock = asyncio.Lock()

    async def of(self, system: str) -> tuple[tuple[str, Calls], ...]:
        """(Tool, calls by one seam) of `system`, up to now."""
        async with self._lock:
            if self.since < 0:
                self.since = self._next = max(0, self._source.size - MOST)
            while self._next < (size := self._source.size):
                end = min(size, self._next + _STEP)
                await asyncio.to_thread(count, self._found, self._source, self._next, end)
                self._next = end
        return of(self._found, system)

    async def then(self, system: str, size: int) -> tuple[tuple[str, Calls], ...]:
        """The same of the first `size` entries, or the latest of them."""
        found: dict[Key, Calls] = {}
        await asyncio.to_thread(count, found, self._source, max(0, size - MOST_THEN), size)
        return of(found, system)


def of(found: dict[Key, Calls], system: str) -> tuple[tuple[str, Calls], ...]:
    """What was counted of `system`."""
    return tuple((tool, calls) for (name, tool, _), calls in found.items() if name == system)


def count(found: dict[Key, Calls], source: Source, begin: int, end: int) -> None:
    """Add the acts of entries [begin, end) to `found`."""
    for index, leaf in source.leaves(begin, end):
        if _OUTCOME in leaf:  # half of all entries: what they are of was counted
            continue
        entry = decode(leaf)
        if isinstance(entry, Intent | Denied | Asked | Deferred):
            tool = entry.tool
        elif isinstance(entry, Decided):
            tool = f"{entry.model}.decision"
        else:
            continue
        if isinstance(entry, Intent) and entry.signed >= 0:  # it was counted when it was asked about
            continue
        key = (entry.system, tool, entry.seam)
        before = found.get(key)
        found[key] = Calls(entry.seam, (before.count if before else 0) + 1, index, entry.at)
