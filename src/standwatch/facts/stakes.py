"""A system's tier from how many people it touches in a week and what a wrong decision costs them.

One rule for what is declared and for what is measured: people are weighed by what hitting one of them means, and
the weighed number is compared with the seed of proportion (CONTRACT.md). 'Reversible' leaves the seed as it is.
"""

from typing import Final, Literal

Reversibility = Literal["reversible", "costly", "irreversible"]

WEIGHTS: Final[dict[str, int]] = {"reversible": 1, "costly": 2, "irreversible": 10}
"""How many people one person counts as. So irreversible raises by one tier from 100 people a week on (and again above
100,000), costly from 500 on (and again above 500,000)."""

TIER_2: Final = 1_000
"""Weighed people a week from which on a system is of tier 2."""
TIER_3: Final = 1_000_000
"""Weighed people a week above which it is of tier 3."""


def first_of(tier: int, reversibility: str) -> int:
    """The fewest people a week that make `tier`, 2 or 3."""
    times = weight(reversibility)
    return TIER_3 // times + 1 if tier >= 3 else -(-TIER_2 // times)


def weight(reversibility: str) -> int:
    """How many people one counts as; the most for a word that nobody defined."""
    return WEIGHTS.get(reversibility, max(WEIGHTS.values()))


def tier_of(people: int, reversibility: str, *, critical: bool = False) -> int:
    """1, 2 or 3 for `people` a week; 3 for critical infrastructure, whoever it touches."""
    weighed = people * weight(reversibility)
    if critical or weighed > TIER_3:
        return 3
    return 2 if weighed >= TIER_2 else 1
