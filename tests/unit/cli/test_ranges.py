"""`range learn`, and what `accept` and `check` say of models' files: the program on a folder of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli.main import main
from standwatch.declare.configuration import declare
from standwatch.enforce.validity import compile_validity
from standwatch.store.folder import read_folder
from support.reference import APPLICANTS, applicants, as_csv

ORGANISATION = """\
organisation: Bank Example
origin: bank-example.invalid/range
development: true
people: [{id: maria, address: maria@bank.example, roles: [admin]}]
"""
MANIFEST = """\
system: mortgages
purpose: Decides on mortgages
owner: maria@bank.example
halt_authority: maria@bank.example
validator: maria@bank.example
components: [{kind: model, name: scorer, url: "http://127.0.0.1:9310"}]
decisions:
  scorer:
    versions: {"1": {artifact: models/1.json}}
    inputs:
      income: {unit: USD/month, min: 0}
      loan: {min: 0}
      rate: {}
      age: {type: integer, min: 18}
      state: {type: category}
      owner: {type: boolean}
      debt: {missing: true}
      note: {type: text, missing: true}
    outputs: {p_denied: {type: probability}}
"""


@pytest.fixture
def org(tmp_path: Path) -> Path:
    folder = tmp_path / "an org"
    (folder / "systems").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "standwatch.yaml").write_text(ORGANISATION)
    (folder / "systems" / "mortgages.yaml").write_text(MANIFEST)
    (folder / "models" / "1.json").write_text("{}")
    (folder / "reference.csv").write_text(as_csv(APPLICANTS, applicants(1_000, 5)))
    return folder


def run(org: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = main(["--org", str(org), "--json", *words])
    told = capsys.readouterr()
    return code, json.loads(told.out or told.err)


def learn(org: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any]:
    """`more`: the model, if it begins with no dash, then options."""
    model = more[:1] if more and not more[0].startswith("-") else ()
    data = str(org / "reference.csv")
    return run(org, capsys, "range", "learn", "mortgages", *model, "--data", data, *more[len(model) :])


def test_a_range_is_learned_named_and_in_force(org: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = learn(org, capsys, "scorer", "--alarm", "2%")
    assert code == 0
    path = org / "systems" / "scorer.range.json"
    assert said["file"] == str(path)
    assert (said["rows"], said["calibrated"], said["rank"]) == (1_000, 500, 491)
    assert said["rate_at_most"] == pytest.approx(10 / 501)
    assert said["data"] == hashlib.sha256((org / "reference.csv").read_bytes()).hexdigest()
    assert said["not_learned"] == {"note": "text"}
    assert said["typicality"]
    first = path.read_bytes()

    manifest = org / "systems" / "mortgages.yaml"
    manifest.write_text(MANIFEST + "    range: scorer.range.json\n")
    model = declare(read_folder(org)).configuration.systems["mortgages"].manifest.models["scorer"]
    assert model.learned is not None
    assert model.learned.rows == 1_000
    told = [code for code, _ in compile_validity(model).check_all(applicants(500, 6))]
    assert 0 < sum(map(bool, told)) < 25
    row = applicants(1, 7)[0]
    assert compile_validity(model).check((1000 * row[0], *row[1:]))[0] == "outside_learned"  # type: ignore[operator]

    assert learn(org, capsys, "--alarm", "0.02")[0] == 0
    assert path.read_bytes() == first, "the same data and seed make the same file"
    assert learn(org, capsys, "--alarm", "0.02", "--seed", "1")[0] == 0
    assert path.read_bytes() != first


def test_a_range_may_be_named_before_it_is_learned_and_after_the_inputs_changed(
    org: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = org / "systems" / "mortgages.yaml"
    manifest.write_text(MANIFEST + "    range: scorer.range.json\n")
    assert run(org, capsys, "check")[0] == 2
    assert learn(org, capsys)[0] == 0
    assert run(org, capsys, "check")[0] == 0
    manifest.write_text(manifest.read_text().replace("      rate: {}\n", ""))
    assert run(org, capsys, "check")[0] == 2
    code, said = learn(org, capsys)
    assert code == 0
    assert said["unread"] == ["rate"]
    assert run(org, capsys, "check")[0] == 0


def test_rows_outside_what_is_declared_shape_nothing(org: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(-5.0, *row[1:]) if at < 30 else row for at, row in enumerate(applicants(1_000, 5))]
    (org / "reference.csv").write_text(as_csv(APPLICANTS, rows))
    code, said = learn(org, capsys)
    assert (code, said["rows"], said["outside_declared"]) == (0, 970, {"out_of_bounds": 30})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--alarm", "0.001"), "expected at least 1998"),
        (("--out", "../x.range.json"), "is no name for it"),
        (("other",), "has no model 'other'"),
        (("--data", "gone.csv"), "No such file"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
    org: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
) -> None:
    code, told = learn(org, capsys, *more)
    assert code in (1, 2)
    assert said in json.dumps(told)
    assert not list((org / "systems").glob("*.range.json"))


@pytest.mark.parametrize("rate", ["0", "1", "x", "-1", "100%"])
def test_a_rate_that_is_none_is_misuse(org: Path, rate: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--org", str(org), "range", "learn", "mortgages", "--data", "x", f"--alarm={rate}"])
    assert left.value.code == 2


def test_what_is_said_of_a_range_is_for_people(org: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(org / "reference.csv")
    assert main(["--org", str(org), "range", "learn", "mortgages", "--data", data]) == 0
    told = capsys.readouterr().out
    assert "of fresh rows like these at most 1.00% alarm" in told
    assert "rank 496 of 500" in told
    assert "state: MA, NH, RI, VT" in told
    assert "range: scorer.range.json" in told


def test_accept_locks_the_artifact_and_check_finds_another(
    org: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "scorer@1" in " ".join(run(org, capsys, "check")[1]["warnings"])
    code, said = run(org, capsys, "accept", "mortgages", "--yes")
    assert code == 0
    assert {change["name"] for change in said["changes"]} == {"scorer", "scorer@1"}
    locked = declare(read_folder(org)).configuration.systems["mortgages"].lock.components["scorer@1"]
    assert locked == hashlib.sha256(b"{}").hexdigest()
    assert run(org, capsys, "check")[1]["warnings"] == []

    (org / "models" / "1.json").write_text("{} ")
    warnings = run(org, capsys, "check")[1]["warnings"]
    assert len(warnings) == 1
    assert "scorer@1: the file is " in warnings[0]

    (org / "models" / "1.json").unlink()
    assert "models/1.json: No such file" in run(org, capsys, "check")[1]["warnings"][0]
    code, said = run(org, capsys, "accept", "mortgages", "--yes")
    assert code == 3
    assert "No such file" in said["silent"]["scorer@1"]
    kept = declare(read_folder(org)).configuration.systems["mortgages"].lock.components["scorer@1"]
    assert kept == locked, "what was accepted stays until something else is"
