"""The mortgage example's real model server, and its models: what it answers is what the libraries say themselves."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.mortgage import ARTIFACTS, MODELS_PYTHON, MORTGAGE, ROOT, module, python, serving

data, traffic = module("data"), module("traffic")
ROWS: list[dict[str, Any]] = data.rows()
ALL = range(1, 2_381)
"""Every application, by the number of its row."""

XGBOOST_ITSELF = """
import csv, json, sys, xgboost
yes = {"no": 0.0, "yes": 1.0}
rows = list(csv.DictReader(open("hmda.csv")))[:-1]
booster = xgboost.Booster(model_file=sys.argv[1])
names = booster.feature_names
table = [[yes[row[name]] if row[name] in yes else float(row[name]) for name in names] for row in rows]
print(json.dumps(booster.predict(xgboost.DMatrix(table, feature_names=names, nthread=1)).tolist()))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("models") / "server.log") as url:
        yield url


def post(url: str, version: str, body: Any) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"{url}/v2/models/mortgage/versions/{version}/infer",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def served(url: str, version: str, numbers: range = ALL) -> list[float]:
    status, answer = post(url, version, traffic.request(list(numbers), ROWS))
    assert status == 200, answer
    return answer["outputs"][0]["data"]


def executed(version: str) -> list[float]:
    """The same rows through the executor that `explain` starts."""
    artifact = MORTGAGE / ARTIFACTS[version]
    names = ["applicant_id", *data.FEATURES]
    rows = [[data.applicant(n), *(ROWS[n - 1][name] for name in data.FEATURES)] for n in ALL]
    asked = [
        {
            "id": 1,
            "load": {"path": str(artifact), "sha256": hashlib.sha256(artifact.read_bytes()).hexdigest()},
        },
        {
            "id": 2,
            "predict": {
                "names": names,
                "rows": rows,
                "outputs": [{"name": "p_denied", "type": "probability"}],
            },
        },
    ]
    adapter = [] if version == "1" else ["--adapter", MORTGAGE / "adapter.py"]
    done = subprocess.run(
        [MODELS_PYTHON, ROOT / "src/standwatch/executor.py", *adapter],
        input="".join(json.dumps(each) + "\n" for each in asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded, predicted = map(json.loads, done.stdout.splitlines())
    assert "loaded" in loaded, loaded
    return predicted["outputs"]["p_denied"]


@pytest.mark.parametrize("version", ["2", "3"])
def test_answers_equal_xgboosts_own(server: str, version: str) -> None:
    itself = json.loads(python("-c", XGBOOST_ITSELF, ARTIFACTS[version]))
    assert len(itself) == 2_380
    assert served(server, version) == itself


@pytest.mark.parametrize("version", ARTIFACTS)
def test_execution_again_gives_the_same_bytes(server: str, version: str) -> None:
    assert json.dumps(served(server, version)) == json.dumps(executed(version))


@pytest.mark.parametrize("version", ARTIFACTS)
def test_one_row_alone_is_answered_as_in_a_batch(server: str, version: str) -> None:
    batch = served(server, version, range(1, 31))
    assert [served(server, version, range(n, n + 1))[0] for n in range(1, 31)] == batch


@pytest.mark.parametrize("version", ARTIFACTS)
def test_each_answer_says_who_gave_it(server: str, version: str) -> None:
    _, answer = post(server, version, {"id": "mine", **traffic.request([7], ROWS)})
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("mine", "mortgage", version)
    assert (
        answer["parameters"]["sha256"]
        == hashlib.sha256((MORTGAGE / ARTIFACTS[version]).read_bytes()).hexdigest()
    )
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("p_denied", "FP64", [1])


def test_tensors_may_be_nested_and_come_in_any_order(server: str) -> None:
    body = traffic.request([7, 8], ROWS)
    plain = post(server, "2", body)[1]["outputs"]
    for each in body["inputs"]:
        each |= {"shape": [2, 1], "data": [[value] for value in each["data"]]}
    body["inputs"].reverse()
    assert post(server, "2", body)[1]["outputs"] == plain


@pytest.mark.parametrize("version", ARTIFACTS)
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("pbcr", {"data": ["maybe"]}),
        ("lvr", {"datatype": "BYTES", "data": ["0.8"]}),
        ("dir", {"data": [None]}),
        ("ccs", {"shape": [2], "data": [1, 1]}),
        ("mcs", {"name": "mortgage_score"}),
    ],
)
def test_what_it_cannot_read_it_refuses(server: str, version: str, name: str, change: dict[str, Any]) -> None:
    body = traffic.request([7], ROWS)
    next(each for each in body["inputs"] if each["name"] == name).update(change)
    status, answer = post(server, version, body)
    assert status == 400, answer
    assert "error" in answer


def test_training_makes_the_same_models_and_the_readmes_table(tmp_path: Path) -> None:
    table = python("train.py", "--out", tmp_path)
    assert table in (MORTGAGE / "README.md").read_text(encoding="utf-8")
    if (sys.platform, platform.machine()) == ("linux", "x86_64"):
        for artifact in ARTIFACTS.values():
            assert (tmp_path / artifact).read_bytes() == (MORTGAGE / artifact).read_bytes(), artifact


def test_the_bad_version_denies_three_times_as_many(server: str) -> None:
    def denied(version: str) -> float:
        url = ["--url", server, "--version", version, "--applications", "714", "--batch", "51", "--json"]
        lines = [json.loads(line) for line in python("traffic.py", *url).splitlines()]
        assert len({line["applicant"] for line in lines}) == 714
        return sum(line["outcome"] == "denied" for line in lines) / len(lines)

    one, two, three = map(denied, ARTIFACTS)
    assert 0.08 < one < 0.13
    assert 0.08 < two < 0.13
    assert three > 3 * max(one, two)
