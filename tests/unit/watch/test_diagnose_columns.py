"""Columns: cells learned on the reference, hostile values in a cell of their own, the hours, ages and clocks."""

from __future__ import annotations

import math

import pytest

from standwatch.facts.decisions import Observation
from standwatch.watch.diagnose_columns import (
    DAY,
    HOUR,
    Numbers,
    Words,
    clock,
    grid,
    learn,
    missing,
    number,
    parameters,
    slot,
    table,
)
from support.windows import MODEL, NOW, SINCE, window


def test_numbers_fall_into_cells_by_quantiles_and_odd_values_into_two_of_their_own() -> None:
    cells = learn([float(n) for n in range(1_000)], numeric=True)
    assert isinstance(cells, Numbers)
    assert len(cells.edges) == 7
    counts = [sum(cells.encode(n) == cell for n in range(1_000)) for cell in range(8)]
    assert max(counts) - min(counts) <= 2
    assert {cells.encode(value) for value in (None, math.nan, "")} == {8}
    assert {cells.encode(value) for value in ("many", math.inf, 10**400)} == {9}
    assert (cells.encode(-1e9), cells.encode(1e9), cells.width) == (0, 7, 10)


def test_words_have_cells_for_the_frequent_the_rare_the_unseen_and_the_missing() -> None:
    cells = learn([f"w{n}" for n in range(20) for _ in range(40 - n)], numeric=False)
    assert isinstance(cells, Words)
    assert [cells.encode(word) for word in ("w0", "w11", "w12", "w19", "new", None)] == [
        0,
        11,
        12,
        12,
        13,
        14,
    ]
    assert cells.width == 15


def test_numbers_of_few_values_are_words() -> None:
    assert isinstance(learn([0, 1, 2] * 50, numeric=True), Words)


def test_the_week_has_sixteen_slots() -> None:
    thursday = 0
    assert [slot(thursday), slot(thursday + 23 * HOUR), slot(2 * DAY), slot(4 * DAY)] == [0, 7, 8, 0]


def test_what_is_missing_and_what_is_a_number() -> None:
    assert [missing(value) for value in (None, "", math.nan, 0, False, "0")] == [True] * 3 + [False] * 3
    assert (number(True), number("7"), number(-math.inf), number(3)) == (1, None, None, 3)


@pytest.mark.parametrize("count", [1, 39, 240, 4_000, 20_000])
def test_a_grid_covers_every_row_once(count: int) -> None:
    blocks = grid([n * HOUR for n in range(count)], count // 2)
    assert (blocks.starts[0], blocks.starts[-1], len(blocks.slots)) == (0, count, len(blocks.starts) - 1)
    assert all(a < b for a, b in zip(blocks.starts, blocks.starts[1:], strict=False))
    assert all(count // 2 <= blocks.starts[n] <= count - 40 for n in range(blocks.first, blocks.last))


def test_a_time_of_day_is_known_by_its_agreement_with_the_clock() -> None:
    at = [n * HOUR // 3 for n in range(600)]
    told = clock("minute", [(when % DAY // (HOUR // 60) + 55) % 1440 for when in at], at, 600)
    assert told is not None
    assert set(told.codes) == {0}
    assert clock("other", [n * 37 % 1440 for n in range(600)], at, 600) is None


def test_parameters_are_kinds_and_ages_never_ids() -> None:
    rows = [
        Observation(
            n, n, 0, "1", "model", "", "", 0.5, (), {"id": f"r{n}", "vendor": "ab"[n % 2], "age.x": n, "n": n}
        )
        for n in range(300)
    ]
    assert [(one.family, one.name) for one in parameters(rows, 200)] == [
        ("age", "age.x"),
        ("parameter", "vendor"),
    ]


def test_a_table_learns_on_the_rows_before_the_time_asked_about() -> None:
    found = table(window(rows=2_000), MODEL, SINCE, NOW)
    assert (len(found.rows), found.reference, found.since) == (2_000, found.since, found.reference)
    assert [column.name for column in found.features] == [one.name for one in MODEL.inputs]
    assert list(found.clocks) == [3]
