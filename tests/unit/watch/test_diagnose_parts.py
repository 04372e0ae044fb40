"""The stand-in for the model, the cut of its scores, shares of the change, and who is whose symptom."""

from __future__ import annotations

import random

import msgspec
import pytest

from standwatch.facts.decisions import Happening
from standwatch.watch.diagnose_columns import table
from standwatch.watch.diagnose_fit import ODD, fit, residuals, strange, target
from standwatch.watch.diagnose_rank import EXPLAINS, rank
from standwatch.watch.diagnose_share import share
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_versions import expected
from standwatch.watch.diagnose_window import Cut, cut_of, partners
from standwatch.watch.diagnose_window import window as looked_at
from support.windows import MODEL, NOW, ONSET, SINCE, Row, window


def test_the_stand_in_foretells_scores_it_was_not_shown() -> None:
    found = table(window(), MODEL, SINCE, NOW)
    targets = [target(found).of(one) for one in found.rows]
    learned = fit(found.features, targets, range(3_000))
    fresh = range(3_000, 4_000)
    known = [targets[row] or 0.0 for row in fresh]
    off = [learned.predict([one.codes[row] for one in found.features]) - targets[row] for row in fresh]  # type: ignore[operator]
    mean = sum(known) / len(known)
    assert sum(each**2 for each in off) < 0.2 * sum((each - mean) ** 2 for each in known)
    assert learned.explained > 0.8


def test_an_interaction_is_learned_by_pairs() -> None:
    chance = random.Random(1)

    def crossed(row: Row, _: random.Random) -> None:
        row["score"] = 0.8 if (row["region"] == "north") == (row["income"] > 1_100) else 0.2
        row["score"] += chance.uniform(-0.05, 0.05)

    found = table(window(crossed, onset=0), MODEL, SINCE, NOW)
    targets = [target(found).of(one) for one in found.rows]
    assert fit(found.features, targets, range(3_000)).explained > 0.6


def test_residuals_of_rows_learned_from_scatter_like_the_others() -> None:
    found = table(window(), MODEL, SINCE, NOW)
    targets = [target(found).of(one) for one in found.rows]
    rest, _ = residuals(found, targets, found.reference)
    mine, fresh = rest[: found.reference], rest[found.reference :]
    spreads = [sum((each or 0) ** 2 for each in part) / len(part) for part in (mine, fresh)]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.25)


def test_values_never_seen_are_strange_to_the_stand_in() -> None:
    found = table(window(lambda row, _: row.update(income=10**9)), MODEL, SINCE, NOW)
    odd = strange(found, found.reference)
    after = [one.at >= ONSET for one in found.rows]
    assert sum(a and b for a, b in zip(odd, after, strict=True)) == sum(after)
    assert sum(odd) - sum(after) < 0.05 * len(odd)


def test_the_cut_is_read_from_the_answers_and_contradicted_by_others() -> None:
    cut = cut_of(table(window(), MODEL, SINCE, NOW))
    assert cut is not None
    assert cut.low < 0.5 <= cut.high
    assert (cut.above, cut.below) == ("refuse", "grant")
    assert [cut.contradicted(score, "refuse") for score in (0.1, 0.9)] == [True, False]
    assert [cut.outcome(score) for score in (0.1, 0.9)] == ["grant", "refuse"]
    assert not Cut(0.4, 0.6, "a", "b").contradicted(0.5, "a")


def test_outcomes_that_are_no_matter_of_a_cut_have_none() -> None:
    chance = random.Random(2)
    rows = window(lambda row, _: row.update(threshold=chance.random()), onset=0)
    assert cut_of(table(rows, MODEL, SINCE, NOW)) is None


def test_partners_are_those_that_tell_most() -> None:
    chance = random.Random(3)
    one = [chance.randrange(3) for _ in range(1_000)]
    two = [code if chance.random() < 0.8 else 0 for code in one]
    three = [chance.randrange(3) for _ in range(1_000)]
    assert partners([one, two, three], 1_000) == [(0, 1), (1, 0)]


def test_shares_tell_the_cause_from_what_merely_happened_too() -> None:
    def broken(row: Row, chance: random.Random) -> None:
        row["income"] /= 1000
        row["rate"] = row["rate"] + 1e-6

    found = looked_at(table(window(broken), MODEL, SINCE, NOW), ())
    row = next(n for n, one in enumerate(found.table.rows) if one.at >= ONSET)
    base = Suspect("units", "income", "", row, row, row, 0.9)

    right = msgspec.structs.replace(base, restore={0: lambda value, _: value * 1000})
    wrong = msgspec.structs.replace(base, restore={4: lambda value, _: 0.0})
    assert (share(found, right) or 0) > 0.7
    assert (share(found, wrong) or 0) < 0.3


@pytest.mark.parametrize(
    ("happenings", "late"),
    [
        ((), {"1"}),
        (("deployed", "2"), {"2"}),
        (("canary", "2"), {"1", "2"}),
        (("rollback", "1"), {"1"}),
    ],
)
def test_which_versions_may_answer_is_read_from_control_entries(
    happenings: tuple[str, ...], late: set[str]
) -> None:
    said = (
        [Happening(ONSET, 7, happenings[0], f"{happenings[0]} credit@{happenings[1]} by x")]
        if happenings
        else []
    )
    rows = window(lambda row, chance: row.update(version="2") if chance.random() < 0.5 else None)
    found = looked_at(table(rows, MODEL, SINCE, NOW), said)
    assert (expected(found)[0], expected(found)[-1]) == ({"1"}, late)


def suspect(code: str, sure: float, row: int = 100, **more: object) -> Suspect:
    return Suspect(code, "x", code, row, row, row, sure, **more)  # type: ignore[arg-type]


def test_symptoms_stand_behind_their_causes_whatever_their_weight() -> None:
    order = rank(
        [(suspect("fallback", 0.9), 1.0), (suspect("units", 0.6), 0.4), (suspect("drift", 0.9), 1.0)]
    )
    assert [one.suspect.code for one in order] == ["units", "fallback", "drift"]
    assert len(order[0].explains) == 2


def test_a_cause_that_came_later_or_explains_nothing_explains_nothing_away() -> None:
    later = rank([(suspect("fallback", 0.9), 1.0), (suspect("units", 0.6, row=900), 0.4)])
    assert later[0].suspect.code == "fallback"
    nothing = rank([(suspect("fallback", 0.9), 1.0), (suspect("units", 0.6), 0.02)])
    assert nothing[0].suspect.code == "fallback"


def test_odd_scores_are_a_symptom_only_where_the_inputs_account_for_them() -> None:
    for explained in (True, False):
        odd = suspect("retrained", 0.9, model=True, explained=explained)
        order = rank([(odd, 1.0), (suspect("nulls", 0.5), 0.9)])
        assert (order[0].suspect.code == "nulls") is explained


def test_nothing_is_its_own_symptom_and_no_two_are_lost_in_a_circle() -> None:
    assert all(code not in brought for code, brought in EXPLAINS.items())
    for one in EXPLAINS:
        for two in EXPLAINS:
            assert len(rank([(suspect(one, 0.9), None), (suspect(two, 0.8), None)])) == 2


def test_two_columns_of_residuals_are_watched() -> None:
    found = looked_at(table(window(), MODEL, SINCE, NOW), ())
    assert [name for family, name in found.columns if family == "residual"] == list(ODD)
