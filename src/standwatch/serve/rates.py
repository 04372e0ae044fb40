"""How often strangers may ask: a bucket for each network, and one for all of them. Bounded, whoever asks."""

from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.facts.errors import TooMany

MOST: Final = 4096
"""Networks that are remembered; the one that was silent for the longest makes room."""


class Rate(msgspec.Struct, frozen=True):
    """`burst` at once, and one more every `every` µs."""

    burst: int
    every: int


EACH: Final = Rate(20, 3_000_000)
ALL: Final = Rate(200, 100_000)


class Rates:
    """INVARIANT: what one network asks for takes nothing from another but its part of `everybody`."""

    def __init__(self, clock: Callable[[], int], each: Rate = EACH, everybody: Rate = ALL) -> None:
        self._clock = clock
        self._each, self._all = each, everybody
        self._last: dict[str, int] = {}
        """Network → the time (µs) at which its bucket is full again: one number says it all (GCRA)."""
        self._full = 0

    def take(self, network: str) -> None:
        """Take one for `network`. Raises `TooMany`, and then takes nothing."""
        now = self._clock()
        mine = _next(self._last.get(network, 0), self._each, now)
        everybody = _next(self._full, self._all, now)
        self._full = everybody
        self._last.pop(network, None)  # last in, last out
        while len(self._last) >= MOST:
            del self._last[next(iter(self._last))]
        self._last[network] = mine


def _next(full: int, rate: Rate, now: int) -> int:
    later = max(full, now) + rate.every
    over = later - now - rate.burst * rate.every
    if over > 0:
        raise TooMany("too many have asked for this: wait a moment", max(1, -(-over // 1_000_000)))
    return later
