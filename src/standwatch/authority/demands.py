"""What each tier demands of a validation before it counts: proportion by how many people a system touches."""

from datetime import timedelta
from typing import Final

import msgspec


class Demand(msgspec.Struct, frozen=True):
    """The evidence a tier asks for. `longest`: µs a validation may last; `report`: whether it must name one."""

    tier: int
    longest: int
    report: bool
    text: str


def _demand(tier: int, days: int, report: bool, text: str) -> Demand:
    return Demand(tier, timedelta(days=days) // timedelta(microseconds=1), report, text)


DEMANDS: Final = (
    _demand(1, 366, report=False, text="a validation by its validator, for at most a year"),
    _demand(
        2, 184, report=False, text="a validation by a validator who is not its owner, for at most six months"
    ),
    _demand(
        3,
        92,
        report=True,
        text="a validation with a report, by a validator who is not its owner, for at most three months",
    ),
)
"""By tier: 1 below a thousand people a week, 2 to a million, 3 above or critical infrastructure."""


def demand(tier: int) -> Demand:
    """What `tier` demands; the strictest for a tier that nobody defined."""
    return next((found for found in DEMANDS if found.tier == tier), DEMANDS[-1])
