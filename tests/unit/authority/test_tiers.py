"""Declared and measured, the higher counts, and why is said in numbers."""

from __future__ import annotations

import msgspec

from standwatch.authority.tiers import stakes, tier
from standwatch.facts.configuration import Manifest
from standwatch.facts.entries import Config, Declared, Exposure
from standwatch.record.state import State

MANIFEST = Manifest(
    "s",
    "p",
    ("a",),
    ("b",),
    ("c",),
    reversibility="costly",
    people_per_week=40,
    data_subjects=(("input", "id"),),
)


def state(declared: int = 1, exposure: Exposure | None = None) -> State:
    found = State()
    found.fold(0, Declared(at=1, system="s", envelope="e", components="c", tier=declared))
    if exposure is not None:
        found.fold(1, exposure)
    return found


def counted(people: int, reversibility: str = "costly") -> Exposure:
    return Exposure(at=2, system="s", people=people, error=76, reversibility=reversibility, week="2026-11-20")


def test_the_higher_of_declared_and_measured_counts() -> None:
    assert tier(state(2), "s") == 2
    assert tier(state(2, counted(10)), "s") == 2
    assert tier(state(1, counted(500)), "s") == 2
    assert tier(state(2, counted(500_001)), "s") == 3


def test_a_system_that_nobody_declared_is_of_the_highest() -> None:
    assert (tier(State(), "s"), stakes(State(), "s").tier) == (3, 3)


def test_a_removed_system_loses_its_count() -> None:
    found = state(1, counted(5_000))
    found.fold(2, Config(at=3, root="r", removed=["s"]))
    found.fold(3, Declared(at=4, system="s", envelope="e", components="c"))
    assert tier(found, "s") == 1


def test_the_reasons_name_both_counts_and_how_people_are_weighed() -> None:
    found = stakes(state(1, counted(1_210)), "s", MANIFEST)
    assert (found.tier, found.declared, found.measured, found.people) == (2, 1, 2, 1_210)
    assert found.reasons == (
        "40 people a week declared",
        "costly: one counts as 2, so tier 2 from 500 people a week and tier 3 above 500,000",
        "1,210 people measured in the week to 2026-11-20, standard error 0.76 %",
    )


def test_a_higher_count_is_named_until_a_week_has_passed_below_it() -> None:
    found = state(1, counted(1_210))
    found.fold(2, msgspec.structs.replace(counted(3), week="2026-11-26"))
    assert stakes(found, "s").tier == 2
    assert stakes(found, "s").reasons[1:3] == (
        "3 people measured in the week to 2026-11-26, standard error 0.76 %",
        "1,210 people measured in the week to 2026-11-20, standard error 0.76 %, "
        "which counts until a week has passed below it",
    )
    found.fold(3, msgspec.structs.replace(counted(3), week="2026-11-27"))
    assert stakes(found, "s").tier == 1
    assert len(found.exposure["s"]) == 2


def test_what_cannot_be_read_stays_in_force() -> None:
    found = state(1, msgspec.structs.replace(counted(1_210), week="last week"))
    found.fold(2, counted(3))
    assert tier(found, "s") == 2


def test_without_a_count_the_reasons_say_so() -> None:
    assert stakes(state(), "s", MANIFEST).reasons[-1] == "nobody measured yet"
    unnamed = Manifest("s", "p", (), (), (), reversibility="reversible")
    assert "data_subjects" in stakes(state(), "s", unnamed).reasons[-1]
    assert stakes(state(2), "s").reasons == ("tier 2 declared", "nobody measured yet")
