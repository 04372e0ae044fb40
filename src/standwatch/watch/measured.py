"""When a measured count of people is written down, so that it has force. Pure.

Once a day, and at once where it would raise the tier.
"""

from datetime import date
from typing import Final

from standwatch.authority.tiers import measured_tier, tier
from standwatch.facts.entries import Exposure
from standwatch.facts.stakes import first_of
from standwatch.record.exposed import days_between
from standwatch.record.state import State
from standwatch.watch.exposure import ERROR

BY: Final = "standwatch"
_EPOCH: Final = date(1970, 1, 1).toordinal()
_SLACK: Final = 1.05
"""An estimate may grow by more than the people who came: by no more than this."""


def due(
    state: State, system: str, reversibility: str, people: int, day: int, *, ended: bool
) -> Exposure | None:
    """The entry to write of `people` counted in the seven days up to `day` (since 1970), or None.

    `ended`: that day is over. Then it is written once; of a day that is not over only a rise is written. What was
    higher stays in force until seven days have ended below it (`record.exposed`).
    """
    standing = state.systems.get(system)
    if standing is None:
        return None
    found = Exposure(
        by=BY, system=system, people=people, error=ERROR, reversibility=reversibility, week=week_of(day)
    )
    if measured_tier(found) > tier(state, system):
        return found
    if not ended:
        return None
    counts = [entry for _, entry in state.exposure.get(system, ())]
    if not people and not any(entry.people for entry in counts):
        return None
    passed = days_between(counts[-1].week, found.week) if counts else 1
    # Of the day of a rise the whole is written too, where it is more.
    return found if passed > 0 or (passed == 0 and people > counts[-1].people) else None


def may_rise(state: State, system: str, reversibility: str, people: int) -> bool:
    """Whether `people`, at most so many, could be enough for a higher tier than the one in force."""
    now = tier(state, system)
    return now < 3 and people * _SLACK >= first_of(now + 1, reversibility)


def week_of(day: int) -> str:
    """ISO date of a day since 1970."""
    return f"{date.fromordinal(_EPOCH + day):%Y-%m-%d}"
