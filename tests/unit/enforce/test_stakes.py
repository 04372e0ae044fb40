"""What the record counts decides who answers: a supervised system that touches too many people falls back."""

from __future__ import annotations

from standwatch.facts.entries import Exposure
from support.lender import Stage

GOOD = (4000, "home", "ann")


def test_a_measured_tier_three_falls_back_where_the_declared_tier_serves() -> None:
    stage = Stage(validated=False)
    stage.put(Exposure(system="mortgage", people=100_000, reversibility="irreversible", week="2027-01-01"))
    assert stage.play(GOOD).rows[0].route == "model"
    stage.put(Exposure(system="mortgage", people=100_001, reversibility="irreversible", week="2027-01-02"))
    assert [(row.route, row.code) for row in stage.play(GOOD).rows] == [("refer-to-human", "supervised")]


def test_a_validated_system_decides_in_every_tier_that_its_validation_meets() -> None:
    stage = Stage(tier=3)
    stage.put(Exposure(system="mortgage", people=10**7, reversibility="irreversible", week="2027-01-02"))
    assert stage.play(GOOD).rows[0].route == "model"
