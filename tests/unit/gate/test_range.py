"""The learned range: its false-alarm rate is what it says, and what went wrong with the data is noticed."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
import pytest

from standwatch.enforce.validity import compile_validity
from standwatch.facts.decisions import Row
from standwatch.facts.errors import Malformed
from standwatch.facts.models import Feature, Model
from standwatch.gate.range import Fitted, learn, least_rows, most_surprise, rank_of, strangeness
from support.reference import APPLICANTS, applicants

SEED = 20261121
ALARM = 0.02


def fitted(rows: list[Row], *, alarm: float = ALARM, seed: int = 1, features: Any = APPLICANTS) -> Fitted:
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    return learn(features, rows, order=order, alarm=alarm, data="ab" * 32, seed=seed)


def codes(found: Fitted, rows: list[Row]) -> list[str]:
    model = Model("scorer", inputs=APPLICANTS, learned=found.learned)
    return [code for code, _ in compile_validity(model).check_all(rows)]


def test_the_false_alarm_rate_is_as_stated() -> None:
    """Over independent reference data, each with fresh rows: the mean is within what the binomial and the spread of
    calibrations allow at 4.5 standard deviations, on both sides, since these surprises have few ties."""
    alarms, fresh, worlds = 0, 2_000, 25
    for world in range(worlds):
        found = fitted(applicants(1_200, SEED + world), seed=world)
        alarms += sum(map(bool, codes(found, applicants(fresh, SEED * 2 + world))))
        assert found.rate <= ALARM
    # One calibration's rate is Beta(n+1−k, k); the mean of `worlds` of them, each seen through a binomial.
    deviation = math.sqrt(found.spread**2 / worlds + ALARM * (1 - ALARM) / (fresh * worlds))
    observed = alarms / (fresh * worlds)
    assert observed <= found.rate + 4.5 * deviation, f"seed {SEED}: {observed}"
    assert observed >= found.rate - 4.5 * deviation - 0.002, f"seed {SEED}: {observed}"


def test_the_rate_is_kept_on_few_rows_too() -> None:
    """Where no range is learned, none alarms: it is refused, which must be rare."""
    worlds, fresh, alarm = 60, 200, 0.1
    alarms = refused = 0
    for world in range(worlds):
        try:
            found = fitted(applicants(120, SEED + world), alarm=alarm, seed=world)
        except Malformed:
            refused += 1
            continue
        alarms += sum(map(bool, codes(found, applicants(fresh, SEED * 3 + world))))
    deviation = math.sqrt(found.spread**2 / worlds + alarm / (fresh * worlds))
    assert alarms / (fresh * worlds) <= found.rate + 4.5 * deviation, f"seed {SEED}"
    assert refused <= worlds / 10, refused


def altered(row: Row, **values: Any) -> Row:
    named = dict(zip((one.name for one in APPLICANTS), row, strict=True)) | values
    return tuple(named.values())


INCOME, LOAN, RATE, AGE = 0, 1, 2, 3
WRONGS = {
    "income in thousandths": lambda row: altered(row, income=row[INCOME] / 1000),
    "income times a thousand": lambda row: altered(row, income=row[INCOME] * 1000),
    "income and loan swapped": lambda row: altered(row, income=row[LOAN], loan=row[INCOME]),
    "rate and age swapped": lambda row: altered(row, rate=float(row[AGE]), age=18 + int(row[RATE])),
    "rate as a fraction": lambda row: altered(row, rate=row[RATE] / 100),
    "a state that was not there": lambda row: altered(row, state="CA"),
    "debt beyond the loan": lambda row: altered(row, debt=row[LOAN] * 20),
}


@pytest.mark.parametrize("name", WRONGS)
def test_what_goes_wrong_with_data_alarms(name: str) -> None:
    found = fitted(applicants(2_000, SEED))
    rows = [WRONGS[name](row) for row in applicants(400, SEED + 1)]
    share = sum(map(bool, codes(found, rows))) / len(rows)
    assert share >= 0.9, f"{name}: {share}"


def test_a_row_of_known_values_in_an_unknown_combination_is_untypical() -> None:
    """Every value within bounds: only the tree can tell. The loan is bound to the income, which is turned round."""
    found = fitted(applicants(4_000, SEED), alarm=0.05)
    fresh = applicants(1_000, SEED + 1)
    incomes = sorted(row[INCOME] for row in fresh)  # type: ignore[type-var]  # numbers
    rank = {value: at for at, value in enumerate(incomes)}
    turned = [altered(row, income=incomes[-1 - rank[row[INCOME]]]) for row in fresh]
    told = codes(found, turned)
    assert told.count("atypical") >= 5 * codes(found, fresh).count("atypical")
    assert told.count("atypical") >= 0.5 * len(turned), told.count("atypical")


def test_the_fit_and_the_hot_path_count_the_same_surprise() -> None:
    found = fitted(applicants(1_000, SEED))
    check = compile_validity(Model("scorer", inputs=APPLICANTS, learned=found.learned))
    places = [[one.name for one in APPLICANTS].index(name) for name in found.learned.features]
    compared = 0
    for row in applicants(500, SEED + 1):
        total = strangeness(found.learned, [row[at] for at in places])
        if total <= most_surprise(found.learned):
            assert check.surprise(row) == total
            compared += 1
        assert (check.check(row)[0] == "") == (total <= found.learned.threshold)
    assert compared > 400


def test_the_same_data_and_seed_make_the_same_file() -> None:
    rows = applicants(600, SEED)
    first, second = (msgspec.json.encode(fitted(rows).learned) for _ in range(2))
    assert first == second
    assert msgspec.json.encode(fitted(rows, seed=2).learned) != first


@pytest.mark.parametrize(("alarm", "least"), [(0.1, 18), (0.05, 38), (0.01, 198), (0.001, 1998), (0.5, 2)])
def test_too_few_rows_are_refused(alarm: float, least: int) -> None:
    assert least_rows(alarm) == least
    with pytest.raises(Malformed, match=f"expected at least {least}") as raised:
        fitted(applicants(least - 1, SEED), alarm=alarm)
    assert raised.value.code == "too_few_rows"
    half = least // 2
    assert rank_of(half, alarm) <= half


def test_a_rank_promises_no_more_than_the_rate() -> None:
    for rows in range(1, 400):
        for alarm in (0.001, 0.01, 0.05, 0.1, 0.3):
            rank = rank_of(rows, alarm)
            assert 1 - rank / (rows + 1) <= alarm + 1e-12
            assert 1 - (rank - 1) / (rows + 1) > alarm - 1e-12, "no rank below would do"


def test_features_that_cannot_be_learned_are_left_out_and_said() -> None:
    features = (
        Feature("id", type="category"),
        Feature("x"),
        Feature("gone", missing=True),
        Feature("t", type="text"),
    )
    rows: list[Row] = [(f"n{at}" if at % 3 else "same", at % 7, None, "t") for at in range(300)]
    found = fitted(rows, alarm=0.1, features=features)
    assert found.learned.features == ("x",)
    assert set(found.left_out) == {"id", "gone", "t"}
    few: list[Row] = [(f"n{at % 60}", at % 7, None, "t") for at in range(120)]
    assert "new categories keep appearing" in fitted(few, alarm=0.1, features=features).left_out["id"]


def test_nothing_to_learn_is_refused() -> None:
    with pytest.raises(Malformed, match="no feature"):
        fitted([("t",)] * 100, alarm=0.1, features=(Feature("t", type="text"),))


def test_values_without_bound_keep_the_rate_by_wider_bounds() -> None:
    """Whatever the margin, some of the calibration rows lie beyond: then the bounds are moved out, not the rate."""
    chance = random.Random(SEED)
    rows: list[Row] = [(10.0 ** chance.uniform(0, 300) * chance.choice((1, -1)),) for _ in range(400)]
    found = fitted(rows, alarm=0.0051, features=(Feature("x"),))
    assert found.margin >= 8
    assert not found.tells_typical
    model = Model("m", inputs=(Feature("x"),), learned=found.learned)
    told = [code for code, _ in compile_validity(model).check_all(rows)]
    assert sum(map(bool, told)) <= 2


def test_categories_that_one_half_does_not_have_are_refused() -> None:
    rows: list[Row] = [("a",)] * 100 + [("b",)] * 100
    with pytest.raises(Malformed) as raised:
        learn((Feature("x", type="category"),), rows, order=range(200), alarm=0.1, data="", seed=0)
    assert raised.value.code == "range_unstable"


def test_a_constant_feature_and_duplicates_are_no_trouble() -> None:
    rows: list[Row] = [(1.0, 5)] * 200
    found = fitted(rows, alarm=0.05, features=(Feature("x"), Feature("n", type="integer")))
    model = Model("m", inputs=(Feature("x"), Feature("n", type="integer")), learned=found.learned)
    assert compile_validity(model).check((1.0, 5)) == ("", "")
    assert compile_validity(model).check((2.0, 5))[0] == "outside_learned"


def test_declared_bounds_are_never_moved_out_of() -> None:
    found = fitted(applicants(600, SEED)).learned
    assert found.low[found.features.index("income")] >= 0
    assert found.low[found.features.index("age")] >= 18


def test_crepes_alarms_on_the_same_rows() -> None:
    """The p-value of a conformal classifier of a kept library, against our rank, ties and all."""
    import crepes  # here: it takes a second, and only this test wants it
    import numpy as np

    chance = random.Random(SEED)
    for alarm in (0.01, 0.05, 0.1, 0.25):
        for rows in (rank for rank in (19, 99, 100, 101, 250) if rank_of(rank, alarm) <= rank):
            scores = [chance.randrange(40) / 8 for _ in range(rows)]
            fresh = [at / 16 for at in range(-2, 90)]
            conformal = crepes.ConformalClassifier()
            conformal.fit(np.array(scores))
            values = conformal.predict_p(np.array(fresh).reshape(-1, 1), smoothing=False)[:, 0]
            threshold = sorted(scores)[rank_of(rows, alarm) - 1]
            ours = [one > threshold for one in fresh]
            theirs = [bool(value <= alarm + 1e-12) for value in values]
            assert ours == theirs, (alarm, rows, SEED)
