"""Keeping a server up: when to try again. Pure; chance arrives as a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIRST: Final = 0.25
MOST: Final = 30.0
STEADY: Final = 60.0
"""Seconds a server must have lived for its past failures to be forgotten."""


class Backoff:
    """Delays that double from a quarter of a second to half a minute, each cut by up to half at random, so that
    what failed together does not come back together. `chance` gives numbers in [0, 1)."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures = 0

    def after(self, lived: float) -> float:
        """Seconds to wait after a server that lived so long (0.0 if it did not start)."""
        if lived >= STEADY:
            self._failures = 0
        ceiling = min(MOST, FIRST * 2 ** min(self._failures, 16))
        self._failures += 1
        return ceiling * (1.0 - self._chance() / 2)
