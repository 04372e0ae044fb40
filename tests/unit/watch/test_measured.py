"""When a count is written: once a day, at once for a rise, and never lower before a week of lower counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from standwatch.authority.tiers import measured_tier, tier
from standwatch.facts.entries import Declared, Exposure
from standwatch.record.state import State
from standwatch.watch.measured import due, may_rise, week_of

DAY = 20_000


def state(*counts: Exposure, declared: int = 1) -> State:
    found = State()
    found.fold(0, Declared(system="s", envelope="e", components="c", tier=declared))
    for index, entry in enumerate(counts, 1):
        found.fold(index, entry)
    return found


def counted(people: int, day: int = DAY) -> Exposure:
    return Exposure(system="s", people=people, reversibility="reversible", week=week_of(day))


def told(state: State, people: int, day: int = DAY, *, ended: bool) -> Exposure | None:
    return due(state, "s", "reversible", people, day, ended=ended)


def test_days_have_iso_names() -> None:
    assert week_of(20_778) == "2026-11-21"


def test_a_rise_is_written_at_once_and_nothing_else_before_the_day_ends() -> None:
    assert told(state(), 999, ended=False) is None
    found = told(state(), 1_000, ended=False)
    assert found is not None
    assert (found.people, found.week, found.error) == (1_000, week_of(DAY), 76)
    assert told(state(found), 1_001, ended=False) is None
    assert told(state(declared=2), 1_000, ended=False) is None


def test_the_first_count_is_written_when_its_day_ends() -> None:
    assert told(state(), 0, ended=True) is None
    assert told(state(), 3, ended=True) is not None


def test_a_day_is_written_once() -> None:
    assert told(state(counted(5)), 5, ended=True) is None
    assert told(state(counted(5)), 6, ended=True) is not None
    assert told(state(counted(5)), 6, DAY + 1, ended=True) is not None
    assert told(state(counted(0)), 0, DAY + 1, ended=True) is None


def test_a_tier_is_left_after_seven_days_below_it() -> None:
    high = state(counted(5_000))
    for day in range(DAY + 1, DAY + 8):
        assert tier(high, "s") == 2
        entry = told(high, 10, day, ended=True)
        assert entry == counted_by(10, day)
        high.fold(day, entry)
    assert tier(high, "s") == 1


def counted_by(people: int, day: int) -> Exposure:
    return Exposure(
        by="standwatch", system="s", people=people, error=76, reversibility="reversible", week=week_of(day)
    )


def test_nobody_counts_for_a_system_that_is_not_declared() -> None:
    assert due(State(), "s", "reversible", 10**9, DAY, ended=True) is None


def test_where_no_rise_is_possible_nobody_needs_to_look() -> None:
    assert not may_rise(state(), "s", "reversible", 900)
    assert may_rise(state(), "s", "reversible", 1_000)
    assert not may_rise(state(declared=2), "s", "reversible", 900_000)
    assert not may_rise(state(declared=3), "s", "reversible", 10**9)


@given(st.lists(st.sampled_from((0, 999, 1_000, 50_000, 1_000_001)), max_size=40))
def test_the_tier_in_force_is_the_highest_of_the_last_seven_days(weeks: list[int]) -> None:
    """Whatever the weeks are, day after day: never below what any of the last seven gave, never above all."""
    found, index = state(), 1
    for day, people in enumerate(weeks):
        entry = told(found, people, DAY + day, ended=True)
        if entry is not None:
            found.fold(index, entry)
            index += 1
        recent = [measured_tier(counted(each)) for each in weeks[max(0, day - 6) : day + 1]]
        assert tier(found, "s") == max(recent)
