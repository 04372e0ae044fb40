"""The change-point test: finds when, stays quiet with rhythm, bursts and resemblance, and says how sure it is."""

from __future__ import annotations

import math
import random

import pytest

from standwatch.watch.diagnose_columns import HOUR, OUT, Column, grid
from standwatch.watch.diagnose_scan import LIKELY, overdispersion, scan, tally, unlikely

ROWS = 4_000
AT = [n * 7 * 24 * HOUR // ROWS for n in range(ROWS)]
GRID = grid(AT, 3_000)


def column(codes: list[int], width: int = 2) -> Column:
    return Column("feature", "x", codes, width)


def coin(chance: random.Random, part: float) -> int:
    return int(chance.random() < part)


@pytest.mark.parametrize("seed", range(5))
def test_a_change_is_found_where_it_is(seed: int) -> None:
    chance = random.Random(seed)
    found = scan(column([coin(chance, 0.2 if n < 3_600 else 0.5) for n in range(ROWS)]), GRID, 50)
    assert found is not None
    assert found.low <= 3_600 <= found.high
    assert abs(found.row - 3_600) < 40
    assert found.p < 1e-6
    assert found.distance == pytest.approx(0.3, abs=0.08)


def test_chance_alone_and_the_rhythm_of_the_day_are_no_change() -> None:
    chance, alarms = random.Random(11), 0
    for _ in range(60):
        codes = [coin(chance, 0.3 + 0.25 * math.sin(AT[n] / (24 * HOUR) * math.tau)) for n in range(ROWS)]
        found = scan(column(codes), GRID, 1)
        alarms += found is not None and found.p < 0.01
    assert alarms <= 1


def test_rows_that_resemble_their_neighbours_are_counted_for_less() -> None:
    chance, alarms, spreads = random.Random(5), 0, []
    for _ in range(40):
        level, codes = 0.0, []
        for n in range(ROWS):
            level = 0.9 * level + chance.gauss(0, 0.4) if n % 20 == 0 else level
            codes.append(coin(chance, 1 / (1 + math.exp(1 - level))))
        found = scan(column(codes), GRID, 1)
        assert found is not None
        alarms += found.p < 0.01
        spreads.append(found.spread)
    assert alarms <= 2
    assert sorted(spreads)[20] > 2


def test_independent_rows_have_next_to_no_overdispersion() -> None:
    chance = random.Random(2)
    counts = tally(column([coin(chance, 0.4) for _ in range(ROWS)]), GRID)
    assert 1 <= overdispersion(counts, GRID, GRID.first) < 2


def test_rows_that_do_not_count_are_not_counted() -> None:
    codes = [OUT] * ROWS
    assert scan(column(codes), GRID, 1) is None
    codes[::2] = [1] * (ROWS // 2)
    assert sum(map(sum, tally(column(codes), GRID))) == ROWS // 2


def test_another_beginning_costs_likelihood_on_either_side() -> None:
    chance = random.Random(4)
    one = column([coin(chance, 0.1 if n < 3_500 else 0.8) for n in range(ROWS)])
    found = scan(one, GRID, 1)
    assert found is not None
    assert unlikely(one, found, found.row) == 0
    assert unlikely(one, found, found.row + 100) > LIKELY
    assert unlikely(one, found, found.row - 100) > LIKELY
