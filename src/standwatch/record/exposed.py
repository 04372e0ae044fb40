"""Which measured counts of people still have force: those of the last seven days, as a fold. Pure."""

from datetime import date
from typing import Final

from standwatch.facts.entries import Exposure

DAYS: Final = 7

Counted = tuple[tuple[int, Exposure], ...]
"""(index, entry) of the counts that have force, in order; the last is the latest."""


def count(before: Counted, index: int, entry: Exposure) -> Counted:
    """The counts that have force after `entry`: whoever was counted keeps a tier up for a full week of lower counts."""
    kept = tuple(pair for pair in before if days_between(pair[1].week, entry.week) < DAYS)
    same = tuple(pair for pair in kept if pair[1].week != entry.week or pair[1].people > entry.people)
    return (*same, (index, entry))


def days_between(early: str, late: str) -> int:
    """Days from one ISO date to another; 0 where one of them is none: what cannot be read stays in force."""
    try:
        return (date.fromisoformat(late) - date.fromisoformat(early)).days
    except ValueError:
        return 0
