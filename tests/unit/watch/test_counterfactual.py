"""What would have changed a decision: smallest, possible, allowed, and executed twice."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.decisions import Row
from standwatch.facts.models import Actionable, Feature, Learned
from standwatch.watch.counterfactual import Budget, Change, search
from support.explaining import drive, number, scored

Score = Callable[[Row], Any]


def test_the_smallest_step_that_turns_the_outcome() -> None:
    model = scored(number("income", 0, 100, direction="up", step=5), Feature("age"))
    found = drive(
        search(model, (22, 40)),
        lambda row: 1 - row[0] / 100,
    )
    assert (found.outcome, found.score) == ("denied", 0.78)
    (single,) = found.singles
    assert single.changes == (Change("income", 22, 52),)
    assert (single.outcome, single.exhaustive) == ("granted", True)
    assert single.distance == pytest.approx(0.30)
    assert found.pairs == ()
    assert found.searched[0].values == found.searched[0].executed == 15


def test_only_what_is_actionable_changes_and_only_so_far_and_that_way() -> None:
    model = scored(
        number("up", 0, 10, direction="up", max=7, step=1),
        number("down", 0, 10, direction="down", min=2, step=1),
        Feature("fixed", min=0, max=10),
    )
    seen: list[Row] = []
    drive(search(model, (5, 5, 5)), lambda row: 1.0, seen=seen)
    ups, downs, fixed = ({row[k] for row in seen} for k in range(3))
    assert (ups, downs, fixed) == ({5, 6, 7}, {5, 4, 3, 2}, {5})


def test_a_category_a_boolean_and_a_missing_value() -> None:
    model = scored(
        Feature("region", "category", one_of=("north", "south", "west"), actionable=Actionable()),
        Feature("guarantor", "boolean", actionable=Actionable(direction="up")),
        Feature("tenure", "integer", min=0, max=5, missing=True, actionable=Actionable()),
    )

    def score(row: Row) -> float:
        return (
            1.0
            - 0.6 * (row[0] == "west")
            - 0.6 * (row[1] is True)
            - 0.6 * (row[2] is not None and row[2] >= 3)
        )

    found = drive(search(model, ("north", False, None)), score)
    assert [single.changes[0] for single in found.singles] == [
        Change("region", "north", "west"), Change("guarantor", False, True), Change("tenure", None, 3),
    ]  # fmt: skip
    assert {single.distance for single in found.singles} == {1.0}
    assert isinstance(found.singles[2].changes[0].after, int)
    turned = drive(
        search(model, ("west", True, 4)),
        lambda row: 1 - score(row),
    )
    assert all(change.after is not None for each in turned.singles for change in each.changes)
    assert "guarantor" not in {single.changes[0].feature for single in turned.singles}, "it only goes up"


def test_two_changes_where_neither_alone_would_do() -> None:
    model = scored(number("a", 0, 10, step=1), number("b", 0, 10, step=1))
    found = drive(search(model, (0, 0)), lambda row: 0.0 if row[0] >= 3 and row[1] >= 4 else 1.0)
    assert found.singles == ()
    (pair,) = found.pairs
    assert [change.after for change in pair.changes] == [3.0, 4.0]
    assert pair.exhaustive
    assert pair.distance == pytest.approx(0.7)


def test_the_validated_range_passes_over_candidates_and_counts_them() -> None:
    model = scored(number("a", 0, 10, step=1))
    found = drive(search(model, (0,), valid=lambda row: row[0] not in (4, 5)), lambda row: float(row[0] < 4))
    assert found.singles[0].changes[0].after == 6
    assert found.outside == 2
    none = drive(search(model, (0,), valid=lambda _: False), lambda row: float(row[0] < 4))
    assert none.singles == ()


def test_learned_bounds_bind_as_declared_ones_do() -> None:
    model = scored(number("a", None, None, step=1))
    learned = Learned(("a",), ("number",), (0.0,), (6.0,), ((),), ((),), (-1,), ((),), 1.0, 0.01, 100)
    model = model.__class__(
        **{name: getattr(model, name) for name in model.__struct_fields__} | {"learned": learned}
    )
    seen: list[Row] = []
    drive(search(model, (2.0,)), lambda row: 1.0, seen=seen)
    assert {row[0] for row in seen} == {0, 1, 2, 3, 4, 5, 6}


def test_a_row_outside_its_bounds_is_only_brought_inside() -> None:
    seen: list[Row] = []
    found = drive(search(scored(number("a", 0, 10, step=1)), (-4,)), lambda row: float(row[0] < 2), seen=seen)
    assert {row[0] for row in seen} == {-4, *range(11)}
    assert found.singles[0].distance == pytest.approx(0.6)


def test_without_bounds_it_says_how_far_it_looked() -> None:
    found = drive(search(scored(number("a", None, None)), (2.0,)), lambda row: float(row[0] < 4))
    assert found.singles[0].changes[0].after == pytest.approx(4.0)
    assert (found.searched[0].bounded, found.searched[0].low, found.searched[0].high) == (False, -3.0, 7.0)


def test_an_abstention_is_not_another_outcome_and_one_may_be_wanted() -> None:
    model = scored(number("a", 0, 10, step=1), abstain=(0.3, 0.6), threshold=0.6)
    found = drive(search(model, (0,)), lambda row: 1 - row[0] / 10)
    assert (found.singles[0].changes[0].after, found.singles[0].outcome) == (8.0, "granted")
    assert drive(search(model, (0,), wanted="referred"), lambda row: 1 - row[0] / 10).singles == ()


def test_what_does_not_come_out_twice_is_not_told() -> None:
    chance = random.Random(4)
    found = drive(search(scored(number("a", step=1), number("b", step=1)), (0, 0)), lambda _: chance.random())
    assert all(single.score is not None for single in found.singles)
    assert found.singles == found.pairs == ()
    assert found.unconfirmed > 0


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_search_that_breaks_off_says_so_and_claims_nothing(at: int) -> None:
    model = scored(number("a", 0, 10, step=1), number("b", 0, 10, step=1))
    found = drive(search(model, (0, 0)), lambda row: float(row[0] < 4), breaks_at=at)
    assert "broke off: timeout" in found.why
    assert found.singles == found.pairs == ()


@pytest.mark.parametrize("value", [None, "denied", [], float("nan"), True])
def test_an_output_that_is_no_score_decides_nothing(value: object) -> None:
    found = drive(search(scored(number("a", step=1)), (0,)), lambda _: value)
    assert found.singles == ()


def test_no_outcome_and_nothing_actionable_are_said() -> None:
    model = scored(Feature("a"))
    assert "no feature is actionable" in drive(search(model, (0,)), lambda _: 1.0).why
    bare = model.__class__("credit", inputs=(number("a"),))
    assert "how an output becomes an outcome" in drive(search(bare, (0,)), lambda _: 1.0).why


def smallest(score: Score, row: Row, width: int) -> dict[tuple[int, ...], float]:
    """By features the distance of the smallest change, by trying everything."""
    grid = [range(width + 1)] * len(row)
    before = score(row) >= 0.5
    found: dict[tuple[int, ...], float] = {}
    for one in itertools.product(*grid):
        places = tuple(k for k in range(len(row)) if one[k] != row[k])
        if len(places) in (1, 2) and (score(one) >= 0.5) != before:
            distance = sum(abs(one[k] - row[k]) / width for k in places)
            found[places] = min(found.get(places, 99.0), distance)
    return found


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 8), st.integers(2, 3), st.sampled_from([0.05, 0.3, 0.6]))
def test_on_small_grids_nothing_smaller_exists(seed: int, width: int, features: int, share: float) -> None:
    """Any model at all, monotone or not: a table of random outcomes."""
    chance = random.Random(seed)
    cells = list(itertools.product(range(width + 1), repeat=features))
    table = {cell: float(chance.random() < share) for cell in cells}
    row = chance.choice(cells)
    model = scored(*(number(f"f{k}", 0, width, step=1) for k in range(features)))
    found = drive(search(model, row), lambda each: table[tuple(int(value) for value in each)])
    truth = smallest(lambda each: table[each], row, width)
    singles = {
        k: each for k in range(features) for each in found.singles if each.changes[0].feature == f"f{k}"
    }
    assert {k: each.distance for k, each in singles.items()} == pytest.approx(
        {places[0]: distance for places, distance in truth.items() if len(places) == 1}
    )
    assert all(each.exhaustive for each in (*found.singles, *found.pairs))
    for pair in found.pairs:
        places = tuple(int(change.feature[1]) for change in pair.changes)
        assert pair.distance >= truth[places] - 1e-9
        # Smaller pairs are those that hold a single change which alone would do.
        alone = min((singles[k].distance for k in places if k in singles), default=99.0)
        assert pair.distance == pytest.approx(truth[places]) or truth[places] >= alone


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-2, 2), min_size=3, max_size=5), st.integers(0, 2**32))
def test_on_fine_grids_a_monotone_model_gives_the_smallest_step(weights: list[float], seed: int) -> None:
    """A thousand values a feature and more, not all of which are executed."""
    chance = random.Random(seed)
    row = tuple(round(chance.uniform(0, 10), 2) for _ in weights)
    offset = 0.5 - sum(w * v for w, v in zip(weights, row, strict=True)) + chance.choice([-3, -0.5, 0.5, 3])

    def score(each: Row) -> float:
        return offset + sum(w * float(v or 0) for w, v in zip(weights, each, strict=True))

    model = scored(*(number(f"f{k}", 0, 10, step=0.01) for k in range(len(weights))))
    found = drive(search(model, row, budget=Budget(singles=200, pairs=400)), score)
    for single in found.singles:
        (change,) = single.changes
        place = int(change.feature[1])
        assert isinstance(change.after, float)
        back = 0.01 if change.after < row[place] else -0.01
        nearer = tuple(round(change.after + back, 2) if k == place else v for k, v in enumerate(row))
        assert nearer == row or (score(nearer) >= 0.5) == (score(row) >= 0.5)
    for each in (*found.singles, *found.pairs):
        after = {change.feature: change.after for change in each.changes}
        moved = tuple(after.get(f"f{k}", v) for k, v in enumerate(row))
        assert (score(moved) >= 0.5) != (score(row) >= 0.5)
        assert all(0 <= float(v or 0) <= 10 for v in moved)


def test_the_budget_holds() -> None:
    model = scored(*(number(f"f{k}", 0, 1000, step=1) for k in range(12)))
    found = drive(search(model, (500,) * 12), lambda row: float(sum(row) < 6300))
    assert found.singles
    assert found.pairs
    assert 4_000 < found.executed < 4_000 + 10_000 + 10_000
