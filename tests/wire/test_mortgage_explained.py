"""The example's mortgage models executed again: what their server answered comes out byte for byte, every applicant's
decision adds up, and what would have changed it is confirmed by that server."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.declare.configuration import declare
from standwatch.facts.decisions import Row, Trouble
from standwatch.facts.models import Model
from standwatch.upstream.executor import Executors, Pin
from standwatch.upstream.reexecution import drive, pinned
from standwatch.watch.explaining import Reasons, explain
from support.mortgage import MODELS_PYTHON, MORTGAGE, ROOT, module, serving

BANK = ROOT / "examples/bank"
ROWS: list[dict[str, Any]] = module("data").rows()
ALL = range(1, 2_381)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("models") / "server.log") as url:
        yield url


@pytest.fixture(scope="module")
def model() -> Model:
    paths = [BANK / "standwatch.yaml", *BANK.glob("systems/*"), *BANK.glob("policies/*")]
    declared = declare({path.relative_to(BANK).as_posix(): path.read_bytes() for path in paths})
    return declared.configuration.systems["mortgage"].manifest.models["scorer"]


def rows_of(model: Model) -> list[Row]:
    """Every application in the order of the manifest's inputs."""
    names = [feature.name for feature in model.inputs]
    return [
        tuple(
            f"applicant-{number:04d}" if name == "applicant_id" else ROWS[number - 1][name] for name in names
        )
        for number in ALL
    ]


def served(url: str, version: str, model: Model, rows: list[Row]) -> list[float]:
    """What the server answers about rows in the manifest's order."""
    kinds = {"text": "BYTES", "category": "BYTES", "number": "FP64", "integer": "INT64"}
    inputs = [
        {
            "name": each.name,
            "shape": [len(rows), 1],
            "datatype": kinds[each.type],
            "data": [row[k] for row in rows],
        }
        for k, each in enumerate(model.inputs)
    ]
    asked = urllib.request.Request(
        f"{url}/v2/models/mortgage/versions/{version}/infer",
        json.dumps({"inputs": inputs}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.loads(answer.read())["outputs"][0]["data"]


def pin(model: Model, version: str) -> Pin:
    path = Path(model.versions[version].artifact)
    digest = hashlib.sha256((BANK / path).read_bytes()).hexdigest()
    command = (str(MODELS_PYTHON), "{executor}", "--adapter", str(MORTGAGE / "adapter.py"))
    return Pin("mortgage/scorer", version, str(path), digest, command)


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_the_replay_is_exact_and_each_change_is_the_servers(server: str, model: Model, version: str) -> None:
    rows = rows_of(model)
    recorded = served(server, version, model, rows)
    names = [feature.name for feature in model.inputs]
    outputs = [msgspec.to_builtins(each) for each in model.outputs]
    at = pin(model, version)
    denied = [k for k, score in enumerate(recorded) if score >= 0.3]
    chosen = [
        *denied[:16],
        *range(0, len(rows), 500),
    ]  # whoever was approved has nothing to change for the better

    async def go() -> list[Reasons]:
        executors = Executors(BANK, os.environ)
        try:
            again = await executors.predict(at, {"names": names, "rows": rows}, outputs, 60)
            assert not isinstance(again, Trouble), again
            assert json.dumps(again["p_denied"]) == json.dumps(recorded), "all 2,380, byte for byte"
            answer = pinned(executors, at, model)
            return [
                await drive(explain(model, rows[k], {"p_denied": recorded[k]}, pinned=True), answer, 30)
                for k in chosen
            ]
        finally:
            await executors.close()

    found = asyncio.run(go())
    assert {each.grade.grade for each in found} == {"exact"}
    assert all(each.contributions is not None and each.contributions.adds_up for each in found)
    changed = [
        (rows[k], change)
        for k, each in zip(chosen, found, strict=True)
        for change in (*each.changes.singles, *each.changes.pairs)
    ]
    assert changed
    after = [
        tuple(
            {c.feature: c.after for c in change.changes}.get(name, value)
            for name, value in zip(names, row, strict=True)
        )
        for row, change in changed
    ]
    assert served(server, version, model, after) == [change.score for _, change in changed]
    assert {name for _, change in changed for name in (c.feature for c in change.changes)} <= {
        feature.name for feature in model.inputs if feature.actionable
    }
