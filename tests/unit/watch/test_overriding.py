"""Rates of override by person and day, and the rows over which people disagree."""

from __future__ import annotations

from standwatch.facts.entries import Overridden
from standwatch.watch.overriding import Rate, overriding

DAY = 86_400_000_000
AT = 20_000 * DAY


def by(who: str, of: int, *, row: int = 0, follows: int = -1, day: int = 0) -> Overridden:
    return Overridden(
        at=AT + day * DAY, by=who, id="i", of=of, row=row, system="s", model="m", follows=follows, why="w"
    )


def test_nothing_comes_to_nothing() -> None:
    told = overriding([])
    assert (told.total, told.rows, told.people, told.days, told.chains) == (0, 0, (), {}, ())


def test_rates_days_and_chains() -> None:
    found = [
        (10, by("maria", 1)),
        (11, by("maria", 2, row=3)),
        (12, by("omar", 1, follows=10, day=1)),
        (13, by("maria", 2, row=3, follows=11, day=2)),
        (14, by("maria", 5, follows=9, day=2)),
    ]
    told = overriding(found)
    assert (told.total, told.rows, told.models) == (5, 3, {"m": 5})
    assert told.people == (Rate("maria", 4, 3, 1, 2), Rate("omar", 1, 1, 0, 1))
    assert told.days == {"2024-10-04": 2, "2024-10-05": 1, "2024-10-06": 2}
    assert [(one.decision, one.overrides, one.people) for one in told.chains] == [
        ("1/0", (10, 12), ("maria", "omar")),
        ("2/3", (11, 13), ("maria", "maria")),
    ]
