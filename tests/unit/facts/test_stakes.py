"""Where one tier ends and the next begins."""

from __future__ import annotations

import pytest

from standwatch.facts.configuration import Manifest
from standwatch.facts.stakes import tier_of, weight


@pytest.mark.parametrize(
    ("reversibility", "second", "third"),
    [("reversible", 1_000, 1_000_001), ("costly", 500, 500_001), ("irreversible", 100, 100_001)],
)
def test_the_thresholds_are_those_of_the_documentation(reversibility: str, second: int, third: int) -> None:
    around = (0, second - 1, second, third - 1, third)
    assert [tier_of(people, reversibility) for people in around] == [1, 1, 2, 2, 3]


def test_critical_infrastructure_is_of_tier_three_whoever_it_touches() -> None:
    assert tier_of(0, "reversible", critical=True) == 3


def test_a_word_that_nobody_defined_weighs_most() -> None:
    assert weight("regrettable") == weight("irreversible")


def test_a_manifest_declares_by_the_same_rule() -> None:
    nobody: tuple[str, ...] = ()
    made = Manifest("s", "p", nobody, nobody, nobody, reversibility="costly", people_per_week=40_000)
    assert made.tier == tier_of(40_000, "costly") == 2
