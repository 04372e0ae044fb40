"""The mortgage example is what its pages say: the data, the manifest drawn from them, and the scorecard."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.main import main as run
from standwatch.declare.configuration import declare
from standwatch.enforce.validity import compile_validity
from standwatch.facts.models import Model
from support.mortgage import ARTIFACTS, BANK, MORTGAGE, module

data, scorer, traffic = module("data"), module("scorer"), module("traffic")
ROWS: list[dict[str, Any]] = data.rows()
APPLICATIONS = [row for row in ROWS if data.whole(row)]
README = (MORTGAGE / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def model() -> Model:
    paths = [BANK / "standwatch.yaml", *BANK.glob("systems/*"), *BANK.glob("policies/*")]
    declared = declare({path.relative_to(BANK).as_posix(): path.read_bytes() for path in paths})
    return declared.configuration.systems["mortgage"].manifest.models["scorer"]


def counted(wanted: Callable[[dict[str, Any]], bool]) -> tuple[int, int]:
    """Applications that satisfy `wanted`, and how many of them were denied."""
    found = [row for row in APPLICATIONS if wanted(row)]
    return len(found), sum(data.denied(row) for row in found)


# --- the data --------------------------------------------------------------------------------------------------


def test_there_are_2381_rows_of_thirteen_columns() -> None:
    assert len(ROWS) == 2_381
    assert all(tuple(row) == data.COLUMNS for row in ROWS)
    assert hashlib.sha256(data.FILE.read_bytes()).hexdigest() == (
        "f9e39336a030ad0ae8480ce957430860a07f3419b751d267df97c4abf386760c"
    )


def test_base_rates_are_those_of_the_study() -> None:
    assert counted(lambda row: True) == (2_380, 285)
    assert counted(lambda row: row["black"] == "yes") == (339, 96)
    assert counted(lambda row: row["dmi"] == "yes") == (48, 44)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("dir", 0, 3), ("hir", 0, 3), ("lvr", 0.02, 1.95), ("ccs", 1, 6), ("mcs", 1, 4), ("uria", 1.8, 10.6)],
)
def test_columns_span_what_the_readme_says(name: str, low: float, high: float) -> None:
    values = [row[name] for row in APPLICATIONS]
    assert (min(values), max(values)) == (low, high)
    assert re.search(rf"\| `{name}` \|.*\| {low:g} to {high:g} \|", README)


def test_categories_are_yes_and_no() -> None:
    for name in data.YES_NO:
        assert {row[name] for row in APPLICATIONS} == {"yes", "no"}, name


def test_only_the_last_row_is_no_application() -> None:
    assert [index for index, row in enumerate(ROWS) if not data.whole(row)] == [2_380]
    assert ROWS[-1]["ccs"] == pytest.approx(sum(row["ccs"] for row in APPLICATIONS) / 2_380, abs=1e-5)


def test_the_split_is_fixed_and_clean() -> None:
    kept, held_out = data.split(ROWS)
    assert (len(kept), len(held_out)) == (1_666, 714)
    assert not set(kept) & set(held_out)
    assert held_out[:5] == data.split(ROWS)[1][:5]


# --- the manifest ----------------------------------------------------------------------------------------------


def test_race_and_marital_status_are_no_inputs(model: Model) -> None:
    names = [feature.name for feature in model.inputs]
    assert names == ["applicant_id", *data.FEATURES]
    assert {"black", "single", "deny"}.isdisjoint(names)


def test_the_declared_range_holds_nearly_all_applications_and_not_the_last_row(model: Model) -> None:
    def inside(row: dict[str, Any]) -> bool:
        return all(
            (one.min is None or row[one.name] >= one.min)
            and (one.max is None or row[one.name] <= one.max)
            and (one.one_of is None or row[one.name] in one.one_of)
            for one in model.inputs
            if one.name in row
        )

    outside = [row for row in APPLICATIONS if not inside(row)]
    assert 0 < len(outside) < len(APPLICATIONS) / 100
    assert {one.type for one in model.inputs if one.name in data.WHOLE} == {"integer"}
    assert isinstance(ROWS[-1]["ccs"], float)


def codes(model: Model, indices: list[int]) -> Counter[str]:
    rows = [(data.applicant(at + 1), *(ROWS[at][name] for name in data.FEATURES)) for at in indices]
    return Counter(code for code, _ in compile_validity(model).check_all(rows))


def test_the_validated_range_lets_nearly_all_held_out_applications_through(model: Model) -> None:
    found = codes(model, data.split(ROWS)[1])
    assert found[""] > 0.95 * 714
    assert 0 < found["atypical"] + found["outside_learned"] < 0.03 * 714
    assert found["known_limit"] > 0
    assert codes(model, [2_380]) == {"wrong_type": 1}


def test_the_learned_range_is_that_of_the_training_rows(tmp_path: Path, model: Model) -> None:
    org, reference = tmp_path / "org", tmp_path / "reference.csv"
    shutil.copytree(BANK, org, ignore=shutil.ignore_patterns("__pycache__"))
    (org / "systems/scorer.range.json").unlink()
    data.reference(reference)
    assert (
        run(["--org", str(org), "range", "learn", "mortgage", "--data", str(reference), "--alarm", "0.01"])
        == 0
    )
    learned = (BANK / "systems/scorer.range.json").read_bytes()
    assert (org / "systems/scorer.range.json").read_bytes() == learned
    assert model.learned
    assert model.learned.data == hashlib.sha256(reference.read_bytes()).hexdigest()


def test_known_limits_count_what_is_in_the_data(model: Model) -> None:
    above, late, race, _, insurer = [limit.text for limit in model.known_limits]
    assert counted(lambda row: row["lvr"] >= 1.005) == (28, 14)
    assert "28 in the data" in above
    assert "half" in above
    assert counted(lambda row: row["mcs"] >= 3 and row["lvr"] >= 0.905)[0] == 5
    assert "5 in the data" in late
    assert "28 %" in race
    assert "9 %" in race
    assert "44 of 48" in insurer
    assert [len(limit.when) for limit in model.known_limits] == [1, 2, 0, 0, 0]


def test_everybody_uses_one_threshold(model: Model) -> None:
    assert model.outcome
    assert model.outcome.threshold == traffic.THRESHOLD
    assert f"THRESHOLD = {traffic.THRESHOLD}\n" in (MORTGAGE / "train.py").read_text(encoding="utf-8")


def test_the_server_declares_the_same_tensors_and_the_manifest_the_same_files(model: Model) -> None:
    assert {name: version.artifact for name, version in model.versions.items()} == {
        name: f"mortgage/{file}" for name, file in ARTIFACTS.items()
    }
    for name, version in model.versions.items():
        settings = json.loads((MORTGAGE / f"models/{name}/model-settings.json").read_bytes())
        assert settings["name"] == version.model
        assert settings["parameters"] == {
            "version": version.served_as,
            "uri": f"./{Path(version.artifact).name}",
        }
        assert [each["name"] for each in settings["inputs"]] == [one.name for one in model.inputs]
        assert [each["name"] for each in settings["outputs"]] == [one.name for one in model.outputs]


def test_what_can_be_changed_is_what_a_person_can_change(model: Model) -> None:
    assert [one.name for one in model.inputs if one.actionable] == ["dir", "hir", "lvr"]
    assert all(one.words for one in model.inputs if one.name != "applicant_id")


# --- the scorecard ---------------------------------------------------------------------------------------------


def test_no_score_falls_where_risk_rises() -> None:
    card = json.loads((MORTGAGE / ARTIFACTS["1"]).read_bytes())
    assert [term["feature"] for term in card["terms"]] == list(data.FEATURES)
    for term in card["terms"]:
        scores = term.get("scores") or list(term["categories"].values())
        assert scores == sorted(scores), term["feature"]


def test_the_scorecard_refuses_what_it_does_not_know() -> None:
    card = scorer.load(MORTGAGE / ARTIFACTS["1"])
    columns = {name: [ROWS[6][name]] for name in data.FEATURES}
    assert card.score(columns | {"applicant_id": ["x"]}) == card.score(columns)
    for wrong in (
        {"pbcr": ["maybe"]},
        {"dir": [None]},
        {"dir": ["0.3"]},
        {"lvr": [float("nan")]},
        {"ccs": []},
    ):
        with pytest.raises(ValueError):
            card.score(columns | wrong)
    with pytest.raises(ValueError, match="missing input lvr"):
        card.score({name: values for name, values in columns.items() if name != "lvr"})


def test_traffic_repeats_itself_and_says_what_it_is() -> None:
    def first(seed: int) -> list[int]:
        numbers = traffic.numbers(seed)
        return [next(numbers) for _ in range(1_500)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    held_out = {index + 1 for index in data.split(ROWS)[1]}
    assert set(first(1)) == held_out
    body = traffic.request([7, 2_381], ROWS)
    assert "replay" in body["parameters"]["source"]
    assert body["inputs"][0]["data"] == ["applicant-0007", "applicant-2381"]
