"""How many people each system touches a week, from the recorder's counts into the record (`watch.measured`)."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import AnyEntry
from standwatch.facts.frames import Ack
from standwatch.record.state import State
from standwatch.store.exposure import DAY
from standwatch.store.recorder import Recorder
from standwatch.watch.exposure import Week
from standwatch.watch.measured import due, may_rise

EVERY: Final = 2.0
"""Seconds between two looks."""
EVENING: Final = 30_000_000
"""µs before a day ends at which all are looked at: the first person of the next day lets the oldest day go."""


class Recording(Protocol):
    """Where a count is written: the gate."""

    @property
    def state(self) -> State: ...
    @property
    def configuration(self) -> Configuration: ...
    async def append(self, entry: AnyEntry) -> Ack: ...


class Measuring:
    """What was last counted, by system. A look estimates where the tier could rise; all when a day ends or begins."""

    def __init__(self, recorder: Recorder, gate: Recording, clock: Callable[[], int]) -> None:
        self._recorder, self._gate, self._clock = recorder, gate, clock
        self._day = self._evening = -1
        self._people: dict[str, tuple[int, int]] = {}
        """System → the day it was looked at last, and how many there were."""
        self._touched: dict[str, int] = {}

    async def look(self) -> None:
        """Write down what is due. Raises `StandwatchError` where the record cannot be written: look again later."""
        now = self._clock()
        day, begins = now // DAY, now // DAY != self._day
        evening = now % DAY >= DAY - EVENING and day != self._evening
        touched = await asyncio.wrap_future(self._recorder.touched())
        wanted = () if begins or evening else self._worth(touched)
        if begins or evening or wanted:
            weeks = await asyncio.wrap_future(self._recorder.weeks(wanted))
            for system, week in weeks.items():
                await self._measure(system, week, day, begins=begins)
                self._touched[system] = touched.get(system, 0)
        self._day = day
        if evening:
            self._evening = day

    def _worth(self, touched: dict[str, int]) -> tuple[str, ...]:
        """The systems that may have reached a higher tier since they were looked at."""
        found: list[str] = []
        for system, count in touched.items():
            _, people = self._people.get(system, (0, 0))
            more = count - self._touched.get(system, 0)
            if more and may_rise(self._gate.state, system, self._reversibility(system), people + more):
                found.append(system)
        return tuple(found)

    async def _measure(self, system: str, week: Week, day: int, *, begins: bool) -> None:
        before = self._people.get(system)
        people = await asyncio.to_thread(week.people, day)  # it takes milliseconds
        self._people[system] = day, people
        await self._write(system, people, day, ended=False)
        if begins:
            known = before[1] if before is not None and before[0] == day - 1 else 0
            ended = max(known, await asyncio.to_thread(week.people, day - 1))
            await self._write(system, ended, day - 1, ended=True)

    async def _write(self, system: str, people: int, day: int, *, ended: bool) -> None:
        weighs = self._reversibility(system)
        entry = due(self._gate.state, system, weighs, people, day, ended=ended)
        if entry is not None:
            await self._gate.append(entry)

    def _reversibility(self, system: str) -> str:
        """What the configuration in force declares; the gravest for a system that it does not."""
        found = self._gate.configuration.systems.get(system)
        return "irreversible" if found is None else found.manifest.reversibility
