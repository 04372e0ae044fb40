"""Grades, contributions and grids: what is claimed is what was executed, and doubt is said."""

from __future__ import annotations

import itertools
import math

import pytest

from standwatch.facts.decisions import Row
from standwatch.facts.models import Feature, Learned, Model, Outcome, Output
from standwatch.record.outcomes import read
from standwatch.watch.contributions import check
from standwatch.watch.explaining import explain, grade, narrative
from standwatch.watch.reexecution import Contributed, Share
from support.explaining import drive, number, scored

MODEL = scored(
    number("a", 0, 10, step=1), number("b", 0, 10, step=1), Feature("c", "category", one_of=("x", "y"))
)
ROW: Row = (2, 3, "x")


def half(row: Row) -> float:
    return float(row[0] or 0) / 10


@pytest.mark.parametrize(
    ("recorded", "pinned", "name", "same"),
    [
        ({"s": 0.2}, True, "exact", True),
        ({"s": 0.2}, False, "served", True),
        ({"s": 0.20000000000000004}, True, "differs", False),
        ({"s": 0.3}, False, "served", False),
        ({"s": "0.2"}, True, "differs", False),
        ({"other": 0.2}, True, "differs", False),
        ({}, True, "differs", False),
    ],
)
def test_the_grade_says_what_was_shown(
    recorded: dict[str, object], pinned: bool, name: str, same: bool
) -> None:
    found = drive(explain(MODEL, ROW, recorded, pinned=pinned), half).grade
    assert (found.grade, found.same) == (name, same)
    assert found.meaning


def test_two_executions_that_differ_are_stochastic() -> None:
    turn = itertools.count()
    found = drive(explain(MODEL, ROW, {"s": 0.0}, pinned=True), lambda _: float(next(turn)))
    assert (found.grade.grade, found.grade.furthest) == ("stochastic", 1.0)


def test_what_cannot_be_executed_is_narrative_and_explains_nothing() -> None:
    found = drive(explain(MODEL, ROW, {"s": 0.2}, pinned=True), half, breaks_at=1)
    assert found == narrative("timeout: too slow")
    assert (found.contributions, found.grid, found.changes.singles) == (None, None, ())


def test_a_last_digit_that_depends_on_the_batch_is_found_in_the_batch() -> None:
    rows: list[Row] = [(9, 9, "y"), ROW, (1, 1, "x")]
    recorded, seen = {"s": 0.2 + 1e-16}, list[Row]()

    def score(row: Row) -> float:
        seen.append(row)
        return half(row) + (1e-16 if row == ROW and seen[-2:-1] == rows[:1] else 0)

    alone = drive(explain(MODEL, ROW, recorded, pinned=True), score).grade
    assert alone.grade == "differs"
    assert "last digits" in alone.meaning
    whole = drive(explain(MODEL, ROW, recorded, pinned=True, batch=rows, place=1), score)
    assert (whole.grade.grade, whole.outputs) == ("exact", {"s": 0.2})


def test_a_whole_number_is_the_same_with_and_without_its_point() -> None:
    assert grade({"s": 1}, {"s": 1.0}, {"s": 1.0}, pinned=True).grade == "exact"
    assert grade({"s": True}, {"s": 1.0}, {"s": 1.0}, pinned=True).grade == "differs"
    assert grade({"s": [1, 0.5]}, {"s": [1.0, 0.5]}, {"s": [1.0, 0.5]}, pinned=True).grade == "exact"


def told(*values: float, base: float = 0.0, margin: float | None = None, link: str = "logit") -> Contributed:
    parts = tuple(Share((name,), value) for name, value in zip("abc", values, strict=False))
    return Contributed("shap", link, base, base + sum(values) if margin is None else margin, parts)


def test_contributions_are_sorted_summed_and_speak_for_an_outcome() -> None:
    output = 1 / (1 + math.exp(-1.75))
    found = check(MODEL, ROW, told(0.5, -1.0, 2.0, base=0.25), output)
    assert found.adds_up
    assert [(p.features, p.values, p.contribution, p.towards) for p in found.parts] == [
        (("c",), ("x",), 2.0, "denied"), (("b",), (3,), -1.0, "granted"), (("a",), (2,), 0.5, "denied"),
    ]  # fmt: skip
    assert (found.score, found.threshold, found.at, found.sum) == (output, 0.5, 0.0, 1.75)
    assert found.unit == "log-odds"


@pytest.mark.parametrize(
    ("given", "output", "words"),
    [
        (told(0.5, margin=0.6), 0.6, "do not add up"),
        (told(0.5), 0.9, "something else is done"),
        (told(0.5, link=""), 0.6, "not known how"),
        (told(1000.0, margin=1000.0), 1.0, ""),
        (told(-1000.0, margin=-1000.0), 0.0, ""),
        (told(900.0, link="log"), 5.0, "something else is done"),
        (told(0.5, link="identity"), 0.5, ""),
        (told(math.log(2), link="log"), 2.0, ""),
    ],
)
def test_doubt_is_said(given: Contributed, output: float, words: str) -> None:
    found = check(MODEL, ROW, given, output)
    assert found.adds_up == (words == "")
    assert words in found.doubt


def test_a_vector_is_about_the_label_that_the_contributions_are_of() -> None:
    model = Model(
        "m",
        inputs=(Feature("a"),),
        outputs=(Output("s", "probability", labels=("low", "high")),),
        outcome=Outcome("s"),
    )
    given = Contributed("shap", "softmax", 0.0, 1.0, (Share(("a",), 1.0),), of=0)
    found = check(model, (1,), given, [0.7, 0.3])
    assert (found.of, found.score, found.parts[0].towards, found.adds_up) == ("low", 0.7, "low", True)
    assert read(model, [0.7, 0.3]).outcome == "low"
    assert read(model, [0.7, 0.2, 0.1]).outcome == ""
    assert read(model, [0.7, None]).outcome == ""


def test_without_contributions_a_grid_over_every_feature_that_has_a_range() -> None:
    learned = Learned(("d",), ("category",), (0.0,), (0.0,), ((),), (("u", "v"),), (-1,), ((),), 1.0, 0.01, 9)
    model = Model(
        "m",
        inputs=(*MODEL.inputs, Feature("d", "category"), Feature("e"), Feature("f", "boolean")),
        outputs=MODEL.outputs,
        outcome=MODEL.outcome,
        learned=learned,
    )
    row: Row = (*ROW, "u", 5, True)
    found = drive(
        explain(model, row, {"s": 0.2}, pinned=False), lambda r: 0.9 if r[2] == "y" else half(r)
    ).grid
    assert found is not None
    assert found.why == "none of its own"
    effects = {each.feature: each for each in found.effects}
    assert list(effects) == ["c", "a", "b", "d", "f"]
    assert effects["a"].effect == pytest.approx(0.2 - 0.5)
    assert (effects["a"].low, effects["a"].high) == (0.0, 1.0)
    assert effects["a"].turns == sum(10 * k / 31 / 10 >= 0.5 for k in range(32))
    assert (effects["c"].turns, effects["c"].tried) == (1, 2)
    assert found.unmeasured == ("e",)


def test_a_label_has_shares_instead_of_differences() -> None:
    found = drive(
        explain(MODEL, ROW, {"s": "no"}, pinned=False), lambda r: "yes" if r[2] == "y" else "no"
    ).grid
    assert found is not None
    assert {each.feature: each.effect for each in found.effects} == {"a": 0.0, "b": 0.0, "c": 0.5}


def test_a_grid_that_breaks_off_shows_nothing() -> None:
    found = drive(explain(MODEL, ROW, {"s": 0.2}, pinned=False), half, breaks_at=3)
    assert found.grid is not None
    assert found.grid.effects == ()
    assert "too slow" in found.grid.why
    assert found.changes.singles, "the search is another matter"
