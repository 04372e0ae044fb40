"""Foreign clients, and our own, understand what the fronts of decisions say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.deciders import SYSTEM, TOKEN, BenchDeciders
from support.decision_server import serving
from support.model_servers import ENVIRONMENT

SCRIPT = Path(__file__).with_name("models") / "oip_clients.py"


@pytest.fixture(scope="module")
def understood() -> tuple[Any, BenchDeciders]:
    deciders = BenchDeciders()
    with serving(deciders) as url:
        command = [str(ENVIRONMENT / "python"), str(SCRIPT), url, TOKEN, SYSTEM]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), deciders


def test_triton(understood: tuple[Any, BenchDeciders]) -> None:
    found = understood[0]["triton"]
    assert found["ready"] == [True, True]
    assert found["model_ready"]
    assert found["inputs"] == ["income", "term", "purpose", "married", "note"]
    assert (found["score"], found["shares"], found["id"]) == ([0.25, 0.9], [2, 3], "t-1")
    assert found["ids"] == ["41/0", "41/1"]
    assert found["refused"].startswith("inputs: a tensor was expected for income")


def test_mlserver(understood: tuple[Any, BenchDeciders]) -> None:
    found = understood[0]["mlserver"]
    assert (found["status"], found["server"], found["versions"]) == (200, "standwatch", ["v1", "v2"])
    assert (found["score"], found["word"]) == ([0.25, 0.9], ["approved", "denied"])
    assert found["route"] == ["model", "model"]
    assert found["polarity"] == "higher means denied"
    assert (found["bad"], "inputs" in found["refused"]) == (400, True)


def test_they_ask_for_the_same(understood: tuple[Any, BenchDeciders]) -> None:
    asked = [ask.rows.rows for ask in understood[1].asks if ask.rows.rows]
    assert asked == [[(4200.5, 360, "home", True, "x"), (12.0, 12, "refinance", False, "ü")]] * 2
