"""`diagnose` names what was broken, when, with the command that undoes it; and nothing where nothing was."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from standwatch.facts.decisions import Happening, Observation
from standwatch.watch.diagnose import diagnose
from standwatch.watch.diagnosis import Cause, Diagnosis
from support.windows import HOUR, MODEL, NOW, ONSET, SINCE, Row, risk, window

Fault = Callable[[Row, random.Random], None]


def found(fault: Fault | None, *happenings: Happening, rows: int = 4_000) -> Diagnosis:
    return diagnose(window(fault, rows=rows), happenings, MODEL, SINCE, NOW)


def first(fault: Fault, *happenings: Happening) -> Cause:
    answer = found(fault, *happenings)
    assert answer.causes, answer
    cause = answer.causes[0]
    assert abs(cause.at - ONSET) < HOUR
    assert cause.earliest <= cause.at <= cause.latest
    assert cause.p < 0.01
    return cause


def put(**members: object) -> Fault:
    return lambda row, _: row.update(members)


def times(name: str, by: float) -> Fault:
    return lambda row, _: row.update({name: row[name] * by})


def turned(row: Row, _: random.Random) -> None:
    row["region"] = {"north": "south", "south": "west", "west": "north"}[row["region"]]


def sometimes(part: float, fault: Fault) -> Fault:
    return lambda row, chance: fault(row, chance) if chance.random() < part else None


def retrained(row: Row, _: random.Random) -> None:
    row["score"] = risk(row | {"income": row["income"] * 2.2})


def south(row: Row, _: random.Random) -> None:
    if row["region"] == "south":
        row["debt"] = -1


def earlier(row: Row, _: random.Random) -> None:
    row["hour"] = (row["hour"] - 5) % 24


@pytest.mark.parametrize(
    ("fault", "code", "subject"),
    [
        pytest.param(times("income", 1000), "units", "income", id="unit"),
        pytest.param(times("debt", 1 / 12), "units", "debt", id="another unit"),
        pytest.param(sometimes(0.4, times("debt", 1000)), "units", "debt", id="a unit, of one supplier"),
        pytest.param(sometimes(0.5, put(income=None)), "nulls", "income", id="nulls"),
        pytest.param(put(rate="n/a", score=0.4), "schema", "rate", id="text in place of numbers"),
        pytest.param(put(debt=0.0), "constant", "debt", id="a default"),
        pytest.param(put(region="west"), "constant", "region", id="one category"),
        pytest.param(turned, "remapped", "region", id="categories changed places"),
        pytest.param(sometimes(0.2, put(region="isle")), "new_category", "region", id="a category appeared"),
        pytest.param(put(rate=0.31), "stale", "rate", id="a rate that is no longer renewed"),
        pytest.param(earlier, "time_zone", "hour", id="time zone"),
        pytest.param(retrained, "retrained", "1", id="silent retraining"),
        pytest.param(south, "slice", "region=south", id="one bad slice"),
        pytest.param(put(threshold=0.35), "threshold", "", id="threshold"),
        pytest.param(put(parameters={"vendor": "second"}), "vendor", "vendor", id="vendor"),
        pytest.param(put(version="0.3"), "wrong_version", "0.3", id="a version that nobody deployed"),
        pytest.param(
            sometimes(0.3, put(route="refer-to-human", code="timeout")),
            "upstream_failing",
            "timeout",
            id="server",
        ),
        pytest.param(
            sometimes(0.3, put(route="constant", code="atypical")),
            "fallback",
            "atypical",
            id="fallback in use",
        ),
    ],
)
def test_each_fault_is_named_first(fault: Fault, code: str, subject: str) -> None:
    cause = first(fault)
    assert (cause.code, cause.subject) == (code, subject)


def test_a_swap_names_both_features() -> None:
    def exchanged(row: Row, _: random.Random) -> None:
        row["income"], row["debt"] = row["debt"], row["income"]

    cause = first(exchanged)
    assert (cause.code, cause.subject) == ("swapped", "income, debt")
    assert cause.share is not None
    assert cause.share > 0.6


def deployed(at: int, version: str, index: int = 77) -> Happening:
    undo = "standwatch rollback credit --to 1 --reason …"
    return Happening(at, index, "deployed", f"deployed credit@{version} by maria", undo)


def test_a_deployment_is_the_cause_and_the_odd_scores_are_its_symptom() -> None:
    def worse(row: Row, chance: random.Random) -> None:
        retrained(row, chance)
        row["version"] = "2"

    cause = first(worse, deployed(ONSET - 1, "2"))
    assert (cause.code, cause.subject, cause.undo) == ("deployment", "2", deployed(0, "2").undo)
    assert 77 in cause.entries
    assert cause.share is not None
    assert cause.share > 0.6


def test_a_canary_is_judged_by_its_own_rows() -> None:
    def worse(row: Row, chance: random.Random) -> None:
        retrained(row, chance)
        row["version"] = "2"

    canary = Happening(
        ONSET - 1, 80, "canary", "canary credit@2 for 25 % of requests", "standwatch deploy … --end"
    )
    cause = first(sometimes(0.25, worse), canary)
    assert (cause.code, cause.subject, cause.undo) == ("deployment", "2", canary.undo)


def test_a_harmless_deployment_is_not_blamed_for_a_unit_nor_claimed_alone() -> None:
    def unit(row: Row, _: random.Random) -> None:
        row["income"] *= 1000

    before = deployed(ONSET - 4 * HOUR, "1")
    assert first(unit, before).code == "units"
    rows = window(lambda row, _: row.update(version="2"))
    assert diagnose(rows, [deployed(ONSET, "2")], MODEL, SINCE, NOW).causes == ()


def test_a_unit_change_explains_the_fallback_that_it_causes() -> None:
    def out_of_range(row: Row, _: random.Random) -> None:
        row.update(income=row["income"] * 1000, route="refer-to-human", code="out_of_bounds")

    answer = found(out_of_range)
    assert [one.code for one in answer.causes][:1] == ["units"]
    assert any("fallback" in word for word in answer.causes[0].explains)
    assert answer.changed


def test_a_changed_configuration_is_what_a_threshold_rests_on() -> None:
    said = Happening(ONSET - 5, 91, "config", "configuration 12ab by maria", "git revert")
    cause = first(put(threshold=0.35), said)
    assert (cause.code, cause.undo) == ("threshold", "git revert")
    assert 91 in cause.entries
    assert cause.share == pytest.approx(1, abs=0.15)


def test_a_hold_explains_the_fallback_and_says_how_to_release_it() -> None:
    said = Happening(
        ONSET - 5, 92, "hold", "component:credit halted by olga", "standwatch release 92 --reason …"
    )
    cause = first(put(route="refer-to-human", code="held"), said)
    assert (cause.code, cause.undo) == ("hold", said.undo)


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_claimed_of_a_quiet_window(seed: int) -> None:
    answer = diagnose(window(seed=100 + seed), [deployed(SINCE + 3 * HOUR, "1")], MODEL, SINCE, NOW)
    assert (answer.causes, answer.changed) == ((), False)
    assert answer.looked


def test_the_same_rows_give_the_same_answer_in_any_order() -> None:
    rows = window(times("income", 1000))
    mixed = list(rows)
    random.Random(3).shuffle(mixed)
    assert diagnose(mixed, (), MODEL, SINCE, NOW) == diagnose(rows, (), MODEL, SINCE, NOW)


@pytest.mark.parametrize("count", [0, 1, 50, 239])
def test_too_few_rows_are_said_to_be_too_few(count: int) -> None:
    answer = diagnose(window(rows=4_000)[:count], (), MODEL, SINCE, NOW)
    assert answer.causes == ()
    assert any("at least" in note for note in answer.notes)


def test_without_rows_before_the_time_asked_about_the_beginning_stands_in() -> None:
    rows = window(times("income", 1000))
    answer = diagnose(rows, (), MODEL, rows[0].at, NOW)
    assert answer.causes[0].code == "units"
    assert any("beginning" in note for note in answer.notes)


def test_rows_of_another_shape_and_odd_values_do_no_harm() -> None:
    odd = [float("nan"), float("inf"), 10**400, "", "x" * 10_000, True, -0.0]
    rows = [
        Observation(
            one.at,
            one.index,
            0,
            "",
            "model",
            "",
            "",
            odd[n % 7] if n % 7 < 2 else None,
            (odd[n % 7],) * (n % 7),
        )
        for n, one in enumerate(window(rows=2_000))
    ]
    assert diagnose(rows, (), MODEL, SINCE, NOW).rows == 2_000


def test_labels_without_scores_are_diagnosed_too() -> None:
    rows = [
        Observation(o.at, o.index, 0, o.version, o.route, o.code, o.outcome, None, o.values)
        for o in window(times("debt", 60))
    ]
    answer = diagnose(rows, (), MODEL, SINCE, NOW)
    assert (answer.causes[0].code, answer.changed) == ("units", True)


def test_what_comes_after_now_is_not_seen() -> None:
    rows = window(times("income", 1000))
    assert diagnose(rows, (), MODEL, SINCE, ONSET - HOUR).causes == ()
