"""What each tier demands of a validation before it counts: proportion by how many people a system touches."""

from datetime import timedelta
from typing import Final

import msgspec

from standwatch.facts.entries import Declared


class Demand(msgspec.Struct, frozen=True):
    """The evidence a tier asks for. `longest`: µs a validation may last, after which it is reviewed; `report`: whether
    it must name one; `apart`: whether its author must stand apart from those who run the system (halt authority,
    signers), and not only from its owner."""

    tier: int
    longest: int
    report: bool
    apart: bool
    text: str


def _demand(tier: int, days: int, *, report: bool = False, apart: bool = False, text: str) -> Demand:
    return Demand(tier, timedelta(days=days) // timedelta(microseconds=1), report, apart, text)


DEMANDS: Final = (
    _demand(1, 366, text="a validation by its validator, for at most a year"),
    _demand(2, 184, text="a validation by a validator who is not its owner, for at most six months"),
    _demand(
        3,
        92,
        report=True,
        apart=True,
        text="a validation with a report, by a validator who neither owns nor runs it, for at most three months",
    ),
)
"""By tier (`facts.stakes`)."""


def demand(tier: int) -> Demand:
    """What `tier` demands; the strictest for a tier that nobody defined."""
    return next((found for found in DEMANDS if found.tier == tier), DEMANDS[-1])


def runs(declared: Declared, person: str) -> bool:
    """Whether `person` is among those who run the system day by day."""
    return person in declared.halt or person in declared.signers
