"""How long relaxations last by this process's own clock: one that no operator, no time server and no record sets back.

The record says until when, in wall-clock time. A wall clock that is set back would lengthen that, and a store that is
down tells nobody that the time is over. So each process counts, from the moment at which it heard of a relaxation, on a
clock that only runs forwards; whichever of the two ends first ends the relaxation, for good.
"""

import time
from collections.abc import Callable
from typing import Final

from standwatch.facts.entries import Relaxed
from standwatch.record.relaxed import stands
from standwatch.record.state import State

# Where the system has one, the clock that goes on counting while the machine sleeps.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady() -> int:
    """µs on a clock that only runs forwards."""
    return time.clock_gettime_ns(_CLOCK) // 1000


class Deadlines:
    """The relaxations of one process's replica, each with its end on the steady clock."""

    def __init__(self, steady: Callable[[], int]) -> None:
        self._steady = steady
        self._ends: dict[int, int] = {}
        self._over: set[int] = set()

    def learn(self, state: State, now: int) -> None:
        """Count from now for every relaxation of `state` that is new here; forget those that the state has forgotten.

        What is left of one is its end less the latest time that anybody knows: the wall clock's or the record's.
        """
        begun, latest = self._steady(), max(now, state.at)
        for index, entry in state.relaxed.items():
            end = begun + entry.until - latest
            self._ends[index] = min(end, self._ends.get(index, end))
        for gone in self._ends.keys() - state.relaxed.keys():
            del self._ends[gone]
            self._over.discard(gone)

    def end(self, index: int) -> None:
        """End relaxation `index` here and now, whatever the record can be told."""
        self._over.add(index)

    def in_force(self, state: State, now: int) -> tuple[tuple[int, Relaxed], ...]:
        """The relaxations in force at wall time `now`, by record and own clock. One that is over stays so."""
        if not state.relaxed:
            return ()
        if not self._ends.keys() >= state.relaxed.keys():
            self.learn(state, now)
        steady = self._steady()
        for index, entry in state.relaxed.items():
            if now >= entry.until or steady >= self._ends[index]:
                self._over.add(index)
        return tuple(
            (index, entry)
            for index, entry in state.relaxed.items()
            if index not in self._over and stands(state, entry, now)
        )
