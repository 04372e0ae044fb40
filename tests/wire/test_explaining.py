"""`explain` of decisions, the whole way: a real model server behind `standwatch up`, the real executor, and what the
record can and cannot say after another version, a rollback, an override and an erasure."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any
from unittest.mock import patch

import pytest

import standwatch.executor
from standwatch.cli import main as cli
from standwatch.client import Client
from standwatch.declare.configuration import declare
from standwatch.serve.place import place_of
from standwatch.store.folder import read_folder
from standwatch.store.recorder import Recorder
from support.chromium import page as chromium
from support.mortgage import BANK, MODELS_PYTHON, MORTGAGE, module
from support.mortgage import serving as model_server
from support.system import Living, serving, waited

ROWS: list[dict[str, Any]] = module("data").rows()
FEATURES: tuple[str, ...] = module("data").FEATURES
APPLICANTS = range(1, 201)
"""Of the 2,380: 24 of them are denied by version 1."""


def manifest(url: str) -> str:
    """The example's own, with this server and people who are here."""
    text = (BANK / "systems" / "mortgage.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("http://127.0.0.1:9310", url),
        ("../models/bin/python", str(MODELS_PYTHON)),
        ("halt_authority: [oncall]", "halt_authority: [olga@bank.example]"),
        ("by: [oncall]", "by: [maria@bank.example]"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with model_server(tmp_path_factory.mktemp("models") / "server.log") as url:
        yield url


@pytest.fixture(scope="module")
def watch(models: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    folder = tmp_path_factory.mktemp("bank")
    shutil.copytree(MORTGAGE, folder / "mortgage", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(standwatch.executor.__file__, folder / "mortgage" / "executor.py")
    (folder / "systems").mkdir()
    shutil.copy(BANK / "systems" / "scorer.range.json", folder / "systems")
    with serving(folder, {"mortgage": manifest(models)}, development=False) as living:
        deploy(living, "1")
        yield living


@pytest.fixture(scope="module")
def desk(watch: Living) -> Client:
    return Client(f"http://127.0.0.1:{watch.agents}", watch.agent("desk", "mortgage").token)


def deploy(watch: Living, version: str) -> None:
    """Put `version` in front, if it is not there."""
    (route,) = watch.run("versions", "mortgage")["models"]
    for pin in route["pinned"]:
        watch.release(pin["hold"])
    if route["version"] != version:
        watch.run("deploy", "mortgage", version, "--reason", "a test", "--acknowledge", route["acknowledge"])


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [
        {"applicant_id": f"applicant-{n:04d}", **{name: ROWS[n - 1][name] for name in FEATURES}}
        for n in numbers
    ]


def one(desk: Client, *used: str) -> str:
    """The id of a new decision that rests on `used`."""
    (row,) = desk.decide("mortgage", rows(7), used=list(used))
    assert row.route == "model", row
    return row.id


def explained(watch: Living, ident: str) -> dict[str, Any]:
    return watch.run("explain", ident)


def proved(watch: Living, ident: str) -> dict[str, Any]:
    """The same, once a checkpoint that reaches so far is signed: that follows within a second."""

    def now() -> dict[str, Any] | None:
        found = explained(watch, ident)
        return found if all(proof["proved"] for proof in found["decision"]["proofs"]) else None

    return waited(now)


def served(url: str, version: str, given: list[dict[str, Any]]) -> list[float]:
    """What the model server itself answers: nothing of Standwatch has a part in it."""
    kinds = {str: "BYTES", int: "INT64", float: "FP64"}
    inputs = [
        {
            "name": name,
            "shape": [len(given)],
            "datatype": kinds[type(ROWS[0][name])],
            "data": [row[name] for row in given],
        }
        for name in FEATURES
    ]
    request = urllib.request.Request(
        f"{url}/v2/models/mortgage/versions/{version}/infer",
        json.dumps({"inputs": inputs}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())["outputs"][0]["data"]


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_replay_is_exact_and_the_model_server_confirms_each_change(
    watch: Living, desk: Client, models: str, version: str
) -> None:
    deploy(watch, version)
    answered = desk.decide("mortgage", rows(*APPLICANTS))
    decided = [
        (row, given) for row, given in zip(answered, rows(*APPLICANTS), strict=True) if row.route == "model"
    ]
    denied = [each for each in decided if each[0].outcome == "denied"]
    assert len(denied) >= 8
    changed: list[dict[str, Any]] = []
    expected: list[float] = []
    for row, given in (*denied[:8], *decided[:4]):
        found = proved(watch, row.id)
        what, reasons = found["decision"], found["reasons"]["reasons"]
        assert reasons["grade"]["grade"] == "exact", reasons["grade"]
        assert json.dumps(reasons["outputs"]) == json.dumps(row.outputs), "identical bytes"
        assert what["version"] == version
        assert what["row_proof"]["proved"]
        assert not what["problems"]
        assert not what["mixed"]
        for change in (*reasons["changes"]["singles"], *reasons["changes"]["pairs"]):
            assert change["outcome"] == {"denied": "approved", "approved": "denied"}[row.outcome]
            changed.append(given | {each["feature"]: each["after"] for each in change["changes"]})
            expected.append(change["score"])
    assert len(changed) >= 4, "the test would show nothing"
    assert served(models, version, changed) == expected


def test_the_person_hears_nothing_of_our_insides(watch: Living, desk: Client) -> None:
    deploy(watch, "2")
    answered = desk.decide("mortgage", rows(*APPLICANTS))
    denied = next(row for row in answered if row.outcome == "denied")
    said = io.StringIO()
    with patch.dict(os.environ, watch.home), redirect_stdout(said):
        assert cli.main(["--org", str(watch.folder), "explain", denied.id, "--person"]) == 0
    text = said.getvalue()
    assert "computer model" in text
    assert "debt payments" in text, "the manifest's words, not its names"
    (score,) = denied.outputs.values()
    digest = explained(watch, denied.id)["decision"]["served"]
    insides = ["p_denied", "scorer", "sha256", "digest", "version", "entry", "lvr", "standwatch", digest[:12]]
    assert [word for word in (*insides, str(score)[:5], "0.3 ") if word in text.lower()] == []


def test_two_versions_of_one_model_in_a_decision_are_marked(watch: Living, desk: Client) -> None:
    deploy(watch, "1")
    first = one(desk)
    deploy(watch, "2")
    second = one(desk)
    third = one(desk, first, second)
    whole = explained(watch, one(desk, third))["parts"]
    assert [(part["reference"], part["by"], part["depth"]) for part in whole[:1]] == [
        (third, whole[0]["by"], 1)
    ]
    assert {part["reference"]: part["by"] for part in whole[1:]} == {first: third, second: third}
    assert {part["reference"]: part["version"] for part in whole} == {first: "1", second: "2", third: "2"}
    assert {part["depth"] for part in whole[1:]} == {2}
    assert all("versions 1, 2 of scorer took part in one decision" in part["mixed"] for part in whole)
    stale = {part["reference"]: part["stale"] for part in whole}
    assert stale == {first: ["when it was used, version 2 was in front"], second: [], third: []}


def test_one_version_is_neither_mixed_nor_stale(watch: Living, desk: Client) -> None:
    deploy(watch, "2")
    (part,) = explained(watch, one(desk, one(desk)))["parts"]
    assert (part["kind"], part["mixed"], part["stale"]) == ("decision", [], [])


def test_what_was_rolled_back_is_stale_when_it_is_used(watch: Living, desk: Client) -> None:
    deploy(watch, "1")
    deploy(watch, "2")
    used = one(desk)
    watch.run("rollback", "mortgage", "--reason", "a test")
    (part,) = explained(watch, one(desk, used))["parts"]
    assert part["stale"] == ["when it was used, version 1 was in front"]
    assert part["version"] == "2"


def test_what_was_overridden_is_stale_when_it_is_used(watch: Living, desk: Client) -> None:
    deploy(watch, "2")
    used = one(desk)
    before = one(desk, used)
    made = watch.run("override", used, "--outcome", "denied", "--reason", "a test")
    (part,) = explained(watch, one(desk, used))["parts"]
    assert part["stale"] == [f"overridden in entry {made['index']} before it was used"]
    (part,) = explained(watch, before)["parts"]
    assert part["stale"] == [], "it was used before that"
    assert [each["index"] for each in explained(watch, used)["decision"]["overrides"]] == [made["index"]]


def test_an_erased_row_says_so_and_its_neighbours_stay_proved(watch: Living, desk: Client) -> None:
    deploy(watch, "2")
    answered = desk.decide("mortgage", rows(301, 302, 303))
    assert [row.route for row in answered] == ["model"] * 3
    watch.stop()
    with patch.dict(os.environ, watch.home):
        place = place_of(watch.folder, declare(read_folder(watch.folder)).configuration.organisation)
        recorder = Recorder.open(place.setup(place.prepare(watch.origin)))
        try:
            recorder.erase("applicant-0302").result()
        finally:
            recorder.close()
    watch.start()
    before, erased, after = (explained(watch, row.id) for row in answered)
    assert erased["decision"]["fate"] == "erased"
    assert erased["decision"]["record"] is None
    assert erased["reasons"] is None
    assert "applicant-0302" not in json.dumps(erased)
    for found, row in ((before, answered[0]), (after, answered[2])):
        assert found["decision"]["fate"] == "present"
        assert found["decision"]["row_proof"]["proved"]
        assert len(found["decision"]["row_proof"]["path"]) >= 1
        assert found["reasons"]["reasons"]["grade"]["grade"] == "exact"
        assert found["reasons"]["reasons"]["outputs"] == row.outputs
    watch.verified()


def test_the_page_tells_at_once_what_the_record_says_and_loads_the_rest(watch: Living, desk: Client) -> None:
    """What the record says waits for no model's executor; without scripts a link leads to all of it."""
    deploy(watch, "1")
    index = proved(watch, one(desk))["decision"]["index"]
    token = watch.api.post("/agents", {"name": "chen@bank.example", "role": "human"})["token"]
    place = f"/decisions/{index}/0"

    def got(path: str) -> str:
        headers = {"authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"http://127.0.0.1:{watch.operators}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    first = got(place)
    assert 'id="in"' in first, "what went in and came out"
    assert 'id="why"' not in first
    assert re.findall(r'<a href="([^"]*whole=1[^"]*)"', first) == [f"{place}?whole=1#again"]
    assert 'aria-busy="true"' in first
    past = got(f"{place}?as_of={index + 1}")
    assert f'hx-get="{place}?whole=1&amp;as_of={index + 1}"' in past
    whole = got(f"{place}?whole=1")
    assert "proved: exact" in whole
    assert 'id="person"' in whole
    assert "aria-busy" not in whole
    twin = json.loads(got(f"{place}.json"))["decision"]
    told = json.loads(got(f"/api/v1/actions/{index}%2F0"))
    for each in (twin, told):
        assert each["reasons"]["reasons"]["grade"]["grade"] == "exact", "twin and API tell all at once"
        assert "later" not in each
    with chromium() as browser:
        browser.headers(Authorization=f"Bearer {token}")
        browser.open(f"http://127.0.0.1:{watch.operators}{place}")
        assert "exact" in waited(lambda: browser.run("document.querySelector('#again #why')?.innerText"))
        assert browser.run("document.querySelector('#again[aria-busy]')") is None
        assert browser.run("[...document.querySelectorAll('h1, #again, #person')].length") == 3
