"""Minutes in bypass of every system, kept up with the record: read once, in a thread, then only what is new."""

import asyncio
from contextlib import suppress
from typing import Final

from standwatch.facts.entries import AnyEntry, Config, Declared, Relaxed, Restored
from standwatch.facts.errors import StandwatchError
from standwatch.record.leaf import Unknown
from standwatch.serve.control_reading import Record
from standwatch.watch.bypassed import bypassed, in_bypass

SPAN: Final = 30 * 86_400_000_000
"""µs that are counted."""
_DAY: Final = 86_400_000_000
_STEP: Final = 20_000
"""Entries looked at in one go: others read from the same reader meanwhile."""
_PATIENCE: Final = 0.2
"""Seconds that a status waits; until a long record is read the figure is left out."""


class Tally:
    """`bypass` of a status, by system and check."""

    def __init__(self, source: Record) -> None:
        self._source = source
        self._next = -1
        self._found: list[tuple[int, AnyEntry | Unknown]] = []
        self._reading: asyncio.Task[None] | None = None

    async def of(self, now: int) -> dict[str, dict[str, int]]:
        """µs in bypass in the last thirty days, by system and check; what is known of it so far."""
        if self._reading is None or self._reading.done():
            reading = asyncio.to_thread(self._read, now)
            self._reading = asyncio.get_running_loop().create_task(reading)
        with suppress(TimeoutError, StandwatchError):
            await asyncio.wait_for(asyncio.shield(self._reading), _PATIENCE)
        found = [*self._found]
        systems = sorted({one.system for _, one in found if isinstance(one, Relaxed)})
        return {name: in_bypass(bypassed(found, name), now - SPAN, now) for name in systems}

    def _read(self, now: int) -> None:
        """None lasts longer than a day, so whatever reaches into the span began no more than a day before it."""
        begin = now - SPAN - _DAY
        if self._next < 0:
            self._next = max(0, self._source.at(begin))
        size = self._source.size
        while self._next < size:
            end = min(size, self._next + _STEP)
            self._found += [(i, one) for i, one in self._source.control(self._next, end) if _counts(one)]
            self._next = end
        self._found = [(index, one) for index, one in self._found if one.at >= begin]


def _counts(entry: AnyEntry | Unknown) -> bool:
    return isinstance(entry, Relaxed | Restored | Declared) or (
        isinstance(entry, Config) and bool(entry.removed)
    )
