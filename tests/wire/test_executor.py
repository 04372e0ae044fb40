"""Real libraries in the models' environment execute pinned artifacts again: the same bytes, their own contributions,
and changes of the outcome that the library itself confirms."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.decisions import Row, Trouble
from standwatch.facts.models import Actionable, Feature, Model, Outcome, Output
from standwatch.upstream.executor import Executors, Pin
from standwatch.upstream.reexecution import drive, pinned
from standwatch.watch.contributions import Contributions
from standwatch.watch.counterfactual import Counterfactual
from standwatch.watch.explaining import Reasons, explain

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".demo/models/bin/python"
NUMBERS = (
    Feature("income", min=0, max=100, actionable=Actionable(direction="up", step=0.5)),
    Feature("debt", min=0, max=1, actionable=Actionable(direction="down")),
    Feature("age", min=18, max=78),
    Feature("history", min=0, max=5, actionable=Actionable(direction="down", step=1)),
    Feature("assets", min=0, max=50, actionable=Actionable(direction="up")),
    Feature("tenure", min=0, max=20, missing=True),
)
REGION = Feature("region", "category", one_of=("north", "south", "west"))
CASES = {
    # file: what its libraries told, flags, whether rows have a region
    "x.json": ("x", (), False),
    "x.ubj": ("x", (), False),
    "l.txt": ("l", (), False),
    "adapted.json": ("adapted", ("--adapter", "adapter.py"), True),
    "e.json": ("e", (), True),
    "e.pkl": ("e", ("--pickle",), True),
    "linear.pkl": ("linear", ("--pickle",), False),
}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("models with space")
    script = ROOT / "tests/support/model_files.py"
    subprocess.run([PYTHON, script, folder], check=True, capture_output=True, timeout=280)
    return folder, json.loads((folder / "told.json").read_text())


def model(*, region: bool, label: bool = False) -> Model:
    inputs = (*NUMBERS, REGION) if region else NUMBERS
    output = Output("word", "label", labels=("granted", "denied")) if label else Output("p", "probability")
    threshold = None if label else 0.5
    outcome = Outcome(output.name, threshold, at_or_above="denied", below="granted")
    return Model("scorer", inputs=inputs, outputs=(output,), outcome=outcome)


def pin(folder: Path, name: str, *flags: str) -> Pin:
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    return Pin("credit/scorer", "1", name, digest, (str(PYTHON), "{executor}", *flags))


def rows_of(told: dict[str, Any], key: str, *, region: bool) -> list[Row]:
    rows = told[key].get("rows", told["rows"])
    return [tuple([*row, place] if region else row) for row, place in zip(rows, told["regions"], strict=True)]


def run(folder: Path, go: Callable[[Executors], Awaitable[Any]]) -> Any:
    async def body() -> Any:
        executors = Executors(folder, os.environ)
        try:
            return await go(executors)
        finally:
            await executors.close()

    return asyncio.run(body())


async def outputs(executors: Executors, at: Pin, declared: Model, rows: list[Row]) -> dict[str, list[Any]]:
    names = [feature.name for feature in declared.inputs]
    wanted = [msgspec.to_builtins(each) for each in declared.outputs]
    found = await executors.predict(at, {"names": names, "rows": rows}, wanted, 60)
    assert not isinstance(found, Trouble), found
    return found


async def reasons(
    executors: Executors,
    at: Pin,
    declared: Model,
    row: Row,
    recorded: Any,
    batch: Sequence[Row] = (),
    place: int = 0,
) -> Reasons:
    said = {declared.outputs[0].name: recorded}
    steps = explain(declared, row, said, pinned=True, batch=batch, place=place)
    return await drive(steps, pinned(executors, at, declared), 60)


def own(told: dict[str, Any], key: str, row: int) -> dict[str, float]:
    """The library's own contributions of a row, by feature or features."""
    values = told[key]["contributions"][row]
    if key == "e":
        return {" & ".join(names): value for names, value in zip(told["e"]["terms"], values, strict=True)}
    names = [*told["names"], "region", "region", "region"][: len(values) - 1]
    return {name: sum(v for n, v in zip(names, values, strict=False) if n == name) for name in names}


def check(found: Contributions, told: dict[str, Any], key: str, row: int) -> None:
    assert found.adds_up, (found.doubt, found.gap)
    parts = {" & ".join(part.features): part.contribution for part in found.parts}
    assert parts == pytest.approx(own(told, key, row), rel=1e-6, abs=1e-7)
    sizes = [abs(part.contribution) for part in found.parts]
    assert sizes == sorted(sizes, reverse=True)
    base = told["e"]["intercept"] if key == "e" else told[key]["contributions"][row][-1]
    assert found.base == pytest.approx(base)


@pytest.mark.parametrize("name", CASES)
def test_outputs_contributions_and_changes_are_the_librarys(
    fitted: tuple[Path, dict[str, Any]], name: str
) -> None:
    folder, told = fitted
    key, flags, region = CASES[name]
    declared, at = model(region=region), pin(folder, name, *flags)
    rows = rows_of(told, key, region=region)

    async def go(executors: Executors) -> None:
        found = (await outputs(executors, at, declared, rows))["p"]
        if name.endswith("e.json"):
            assert found == pytest.approx(told[key]["outputs"], rel=1e-14)
        else:
            assert found == told[key]["outputs"], "the very same numbers"
        changed: list[tuple[Row, Counterfactual]] = []
        for place in range(8):
            why = await reasons(executors, at, declared, rows[place], found[place], rows, place)
            assert (why.grade.grade, why.grade.same) == ("exact", True)
            assert why.contributions is not None
            check(why.contributions, told, key, place)
            changed += [(rows[place], each) for each in (*why.changes.singles, *why.changes.pairs)]
            assert why.changes.unconfirmed == 0
        assert len(changed) > 8, "most of these decisions can be turned"
        after = [moved(declared, row, each) for row, each in changed]
        scores = (await outputs(executors, at, declared, after))["p"]
        assert scores == pytest.approx([each.score for _, each in changed], rel=1e-14)
        assert [("denied" if score >= 0.5 else "granted") for score in scores] == [
            each.outcome for _, each in changed
        ]

    run(folder, go)


def moved(declared: Model, row: Row, change: Counterfactual) -> Row:
    after = {each.feature: each.after for each in change.changes}
    return tuple(after.get(feature.name, value) for feature, value in zip(declared.inputs, row, strict=True))


@pytest.mark.parametrize("name", ["many.json", "counts.json"])
def test_several_labels_and_counts(fitted: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, told = fitted
    key = name.removesuffix(".json")
    many = key == "many"
    output = Output("p", "probability", labels=("low", "middle", "high")) if many else Output("p")
    outcome = Outcome("p", None if many else 2.5, at_or_above="often", below="seldom")
    declared = Model("scorer", inputs=NUMBERS, outputs=(output,), outcome=outcome)
    rows, at = rows_of(told, key, region=False), pin(folder, name)

    async def go(executors: Executors) -> None:
        found = (await outputs(executors, at, declared, rows))["p"]
        assert found == told[key]["outputs"]
        for place in range(4):
            why = await reasons(executors, at, declared, rows[place], found[place])
            assert why.contributions is not None
            assert why.contributions.adds_up, why.contributions.doubt
            raw = told[key]["contributions"][place]
            best = max(range(3), key=lambda k: found[place][k]) if many else 0
            parts = {part.features[0]: part.contribution for part in why.contributions.parts}
            assert parts == pytest.approx(dict(zip(told["names"], raw[best] if many else raw, strict=False)))
            assert why.contributions.of == (output.labels[best] if many else "")
            assert why.changes.outcome in (output.labels if many else ("often", "seldom"))

    run(folder, go)


def test_a_tree_has_no_contributions_so_a_grid_is_shown_and_says_that_it_is_one(
    fitted: tuple[Path, dict[str, Any]],
) -> None:
    folder, told = fitted
    declared, at = model(region=False, label=True), pin(folder, "linear.pkl", "--pickle")
    tree = pin(folder, "tree.pkl", "--pickle")
    rows = rows_of(told, "linear", region=False)

    async def go(executors: Executors) -> None:
        declared_p = model(region=False)
        score = (await outputs(executors, tree, declared_p, rows[:1]))["p"][0]
        why = await reasons(executors, tree, declared_p, rows[0], score)
        assert why.contributions is None
        assert why.grid is not None
        assert why.grid.method == "one-at-a-time grid"
        assert "no contributions of its own" in why.grid.why
        assert {each.feature for each in why.grid.effects} == set(told["names"])
        # A label needs to be one that the manifest names: the classes here are 0 and 1.
        found = await outputs(executors, at, declared, rows[:1])
        assert found["word"][0] in (0, 1)

    run(folder, go)


def test_a_file_that_changed_is_not_executed(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, told = fitted
    declared = model(region=False)
    before = pin(folder, "x.json")
    (tmp_path / "x.json").write_bytes((folder / "x.json").read_bytes() + b" ")

    async def go(executors: Executors) -> None:
        why = await reasons(executors, before, declared, rows_of(told, "x", region=False)[0], 0.5)
        assert why.grade.grade == "narrative"
        assert "SHA-256" in why.grade.why

    run(tmp_path, go)


def test_another_output_than_recorded_is_said(fitted: tuple[Path, dict[str, Any]]) -> None:
    folder, told = fitted
    declared, at = model(region=False), pin(folder, "l.txt")

    async def go(executors: Executors) -> None:
        right = told["l"]["outputs"][0]
        why = await reasons(executors, at, declared, rows_of(told, "l", region=False)[0], right + 1e-9)
        assert (why.grade.grade, why.grade.same) == ("differs", False)
        assert why.grade.furthest == pytest.approx(1e-9, rel=1e-3)

    run(folder, go)
