"""Signatures of accidents, on samples of one feature; natural drifts bear none of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from standwatch.watch.diagnose_columns import DAY, HOUR
from standwatch.watch.diagnose_features import FACTORS, Sample, signature, swapped, transposed


def amounts(seed: int, count: int = 600, shift: float = 0.0) -> list[float]:
    chance = random.Random(seed)
    return [round(math.exp(5 + shift + chance.gauss(0, 0.8)), 2) for _ in range(count)]


def words(seed: int, weights: Sequence[float], count: int = 600) -> list[Any]:
    return random.Random(seed).choices("abcde"[: len(weights)], weights, k=count)


def sample(before: list[Any], after: list[Any]) -> Sample:
    return Sample(
        "x", before, after, [n * HOUR for n in range(len(before))], [n * HOUR for n in range(len(after))]
    )


@pytest.mark.parametrize("factor", [*FACTORS, *(1 / each for each in FACTORS)])
def test_every_mistaken_unit_is_told_and_taken_back(factor: float) -> None:
    after = [value * factor for value in amounts(2)]
    found = signature(sample(amounts(1), after), numeric=True)
    assert found.code == "units"
    back = sorted(found.restore(value, 0) for value in after)
    assert back[300] == pytest.approx(sorted(amounts(1))[300], rel=0.2)


def test_a_temperature_in_fahrenheit() -> None:
    chance = random.Random(3)
    celsius = [chance.gauss(12, 6) for _ in range(600)]
    found = signature(sample(celsius, [value * 1.8 + 32 for value in celsius]), numeric=True)
    assert found.code == "units"
    assert "Fahrenheit" in found.text


@pytest.mark.parametrize("shift", [-0.3, 0.3])
def test_a_drift_is_no_unit(shift: float) -> None:
    assert signature(sample(amounts(1), amounts(2, shift=shift)), numeric=True).code == "drift"


@pytest.mark.parametrize(
    ("break_", "code"),
    [
        (lambda n, value: None if n % 3 else value, "nulls"),
        (lambda n, value: math.nan if n % 3 else value, "nulls"),
        (lambda n, value: str(value), "schema"),
        (lambda n, value: -1, "constant"),
        (lambda n, value: 0 if n % 2 else value, "constant"),
        (lambda n, value: value * 1000 if n % 2 else value, "units"),
        (lambda n, value: value, "drift"),
    ],
)
def test_what_happens_to_a_number(break_: Callable[[int, float], Any], code: str) -> None:
    after = [break_(n, value) for n, value in enumerate(amounts(2))]
    assert signature(sample(amounts(1), after), numeric=True).code == code


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"a": "b", "b": "c", "c": "d", "d": "e", "e": "a"}, "remapped"),
        ({word: word.upper() for word in "abcde"}, "remapped"),
        (dict.fromkeys("abcde", "a"), "constant"),
        ({"a": "z"}, "remapped"),
    ],
)
def test_what_happens_to_a_category(mapping: dict[str, str], code: str) -> None:
    before, after = words(1, (9, 6, 4, 2, 1)), words(2, (9, 6, 4, 2, 1))
    found = signature(sample(before, [mapping.get(word, word) for word in after]), numeric=False)
    assert found.code == code


def test_a_category_appeared_beside_the_others() -> None:
    after = [word if n % 5 else "new" for n, word in enumerate(words(2, (9, 6, 4, 2, 1)))]
    found = signature(sample(words(1, (9, 6, 4, 2, 1)), after), numeric=False)
    assert (found.code, "new" in found.text) == ("new_category", True)


def test_other_shares_are_a_drift() -> None:
    found = signature(sample(words(1, (9, 6, 4, 2, 1)), words(2, (6, 6, 6, 4, 4))), numeric=False)
    assert found.code == "drift"


@pytest.mark.parametrize("by", [-9, -3, 5, 11])
@pytest.mark.parametrize("turn", [24, 1_440, 86_400])
def test_a_time_of_day_in_another_zone(by: int, turn: int) -> None:
    at = [n * HOUR * 7 // 3 for n in range(600)]
    clock = [when % DAY * turn // DAY for when in at]
    after = [(value + by * turn // 24) % turn for value in clock]
    found = signature(Sample("x", clock, after, at, at), numeric=True)
    assert found.code == "time_zone"
    assert [found.restore(value, 0) for value in after] == clock


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000])
def test_a_timestamp_in_another_zone(unit: int) -> None:
    at = [20_000 * DAY + n * HOUR for n in range(600)]
    stamps = [when // unit for when in at]
    found = signature(
        Sample("x", stamps, [value + 2 * HOUR // unit for value in stamps], at, at), numeric=True
    )
    assert (found.code, "+2 h" in found.text) == ("time_zone", True)


def test_features_that_changed_places_and_features_that_did_not() -> None:
    one, two = amounts(1), amounts(2, shift=2)
    fresh = amounts(3), amounts(4, shift=2)
    assert swapped(sample(one, fresh[1]), sample(two, fresh[0]), numeric=True) is not None
    assert swapped(sample(one, fresh[1]), sample(two, amounts(5, shift=4)), numeric=True) is None
    a, b = words(1, (9, 1)), words(2, (1, 1, 8))
    assert swapped(sample(a, b), sample(b, a), numeric=False) is not None


def test_a_joint_distribution_and_its_mirror() -> None:
    joint = [[0.3, 0.2, 0.1], [0.05, 0.1, 0.15], [0.0, 0.0, 0.1]]
    assert transposed(joint, [list(line) for line in zip(*joint, strict=True)])
    assert not transposed(joint, joint)
