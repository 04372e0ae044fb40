"""Tails against tables, distances against samples one can count on one's fingers."""

from __future__ import annotations

import random

import pytest

from standwatch.watch.statistics import (
    chi_square_tail,
    kolmogorov,
    kolmogorov_noise,
    median,
    mix_variation,
    quantile,
    shares,
    spread,
    variation,
)


@pytest.mark.parametrize(
    ("value", "freedom", "tail"),
    [(3.841, 1, 0.05), (6.635, 1, 0.01), (18.307, 10, 0.05), (29.588, 10, 0.001), (124.342, 100, 0.05)],
)
def test_tails_of_chi_square_are_those_of_the_tables(value: float, freedom: int, tail: float) -> None:
    assert chi_square_tail(value, freedom) == pytest.approx(tail, rel=2e-3)


def test_tails_far_out_are_small_and_never_negative() -> None:
    assert 0 <= chi_square_tail(5_000, 3) < 1e-200
    assert chi_square_tail(0, 5) == 1
    assert chi_square_tail(80, 1) == pytest.approx(3.744e-19, rel=1e-2)


def test_kolmogorov_is_the_largest_gap_and_counts_ties_once() -> None:
    assert kolmogorov([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5
    assert kolmogorov([1, 1, 1], [1, 1]) == 0
    assert kolmogorov([], [1]) == 1


def test_two_samples_of_one_distribution_stay_within_the_noise() -> None:
    chance = random.Random(7)
    beyond = 0
    for _ in range(100):
        one, two = (sorted(chance.gauss(0, 1) for _ in range(150)) for _ in range(2))
        beyond += kolmogorov(one, two) > kolmogorov_noise(150, 150)
    assert beyond <= 1


def test_small_things() -> None:
    assert (quantile([1, 2, 3], 0.25), median([9, 1, 5]), quantile([4], 0.9)) == (1.5, 5, 4)
    assert variation([0.5, 0.5], [1, 0]) == 0.5
    assert mix_variation(shares(["a", "b"]), shares(["b", "c"])) == 0.5
    assert spread([0] * 10, 4) == [0, 2, 5, 7]
    assert spread([0] * 3, 4) == [0, 1, 2]
