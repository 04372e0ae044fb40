"""Charts as paths of SVG, made here: no script draws, and a page prints as it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

HEIGHT: Final = 20
"""Of a sparkline, in its own units."""
STEP: Final = 3
"""From one bar to the next; a bar is one less wide."""


def bars(values: Sequence[float]) -> str:
    """The path of one bar for each value, from 0 to the greatest. Something is never drawn as nothing."""
    most = max(values, default=0)
    if most <= 0:
        return ""
    drawn: list[str] = []
    for at, value in enumerate(values):
        if value > 0:
            high = min(HEIGHT, max(1, round(HEIGHT * value / most)))
            drawn.append(f"M{at * STEP} {HEIGHT}v-{high}h{STEP - 1}v{high}z")
    return "".join(drawn)


def max_of(values: Sequence[float]) -> float:
    """The greatest; 0 of none."""
    return max(values, default=0)
