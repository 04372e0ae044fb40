"""The executor by its protocol, in our own environment: additive models, the bounds of a line, what it refuses."""

from __future__ import annotations

import ast
import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from standwatch import executor
from standwatch.executor import Adapter, Executor, inverse, reply

FILE = Path(executor.__file__)
CARD = {
    "kind": "additive.1",
    "link": "logit",
    "intercept": -1.25,
    "terms": [
        {"feature": "debt", "weight": 2.5, "missing": 0.125},
        {"feature": "history", "edges": [1, 2, 4], "scores": [0.0, 0.25, 0.75, 2.0]},
        {"feature": "region", "categories": {"north": 0.25, "south": -0.125}, "other": 0.0},
        {"feature": "guarantor", "categories": {"true": -0.5, "false": 0.0}},
    ],
}
NAMES = ["region", "debt", "history", "guarantor"]
ROW = ["north", 0.5, 2, True]


def changing(count: int, at: list[int], feature: list[int], value: list[int]) -> dict[str, Any]:
    changes = {"count": count, "at": at, "feature": feature, "value": value}
    return {"names": NAMES, "base": ROW, "changes": changes}


def ask(started: Executor, **asked: Any) -> dict[str, Any]:
    return json.loads(reply(started, json.dumps({"id": 7, **asked}).encode()))


def given(started: Executor, folder: Path, what: dict[str, Any] | bytes = CARD) -> dict[str, Any]:
    data = what if isinstance(what, bytes) else json.dumps(what).encode()
    (folder / "model.json").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return ask(started, load={"path": str(folder / "model.json"), "sha256": digest})


@pytest.fixture
def loaded(tmp_path: Path) -> Executor:
    started = Executor(Adapter(), pickles=False)
    assert given(started, tmp_path) == {
        "id": 7,
        "loaded": {"kind": "additive", "features": ["debt", "history", "region", "guarantor"]},
    }
    return started


def test_it_imports_the_standard_library_only_and_nobody_rests_on_it() -> None:
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    assert names <= sys.stdlib_module_names
    users = [
        path
        for path in FILE.parent.rglob("*.py")
        if path != FILE and "from standwatch.executor import" in path.read_text(encoding="utf-8")
    ]
    assert users == [], "the demo copies the file; nobody uses what is in it"


def test_a_scorecard_is_the_sum_that_its_file_states(loaded: Executor) -> None:
    rows = [["north", 0.5, 2, True], ["nowhere", None, 0.5, False], ["south", 1, 400, False]]
    margins = [-1.25 + 1.25 + 0.75 + 0.25 - 0.5, -1.25 + 0.125 + 0.0, -1.25 + 2.5 + 2.0 - 0.125]
    found = ask(loaded, predict={"names": NAMES, "rows": rows, "outputs": [{"name": "p"}]})
    assert found["outputs"]["p"] == [
        1 / (1 + math.exp(-margin)) if margin >= 0 else inverse("logit", margin) for margin in margins
    ]


def test_changes_of_a_row_are_the_rows_they_stand_for(loaded: Executor) -> None:
    base = ["north", 0.5, 2, True]
    whole = [base, ["south", 0.5, 2, True], ["north", 0.1, 5, True]]
    changes = {"count": 3, "at": [1, 2, 2], "feature": [0, 1, 2], "value": ["south", 0.1, 5]}
    short = ask(loaded, predict={"names": NAMES, "base": base, "changes": changes})
    assert short == ask(loaded, predict={"names": NAMES, "rows": whole})


def test_contributions_add_up_to_the_margin(loaded: Executor) -> None:
    told = ask(loaded, contributions={"names": NAMES, "row": ["north", 0.5, 2, True]})["contributions"]
    assert told["parts"] == [
        {"features": ["debt"], "value": 1.25},
        {"features": ["history"], "value": 0.75},
        {"features": ["region"], "value": 0.25},
        {"features": ["guarantor"], "value": -0.5},
    ]
    assert told["base"] + sum(part["value"] for part in told["parts"]) == told["margin"]


def test_another_file_than_the_pinned_one_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(CARD))
    started = Executor(Adapter(), pickles=False)
    told = ask(started, load={"path": str(tmp_path / "m.json"), "sha256": "0" * 64})
    assert told["error"]["code"] == "digest"
    assert (
        ask(started, predict={"names": NAMES, "rows": [["north", 0.5, 2, True]]})["error"]["text"]
        == "nothing is loaded"
    )


def test_a_refused_artifact_leaves_nothing_loaded(loaded: Executor, tmp_path: Path) -> None:
    assert given(loaded, tmp_path, {**CARD, "link": "probit"})["error"]["code"] == "artifact"
    assert "error" in ask(loaded, contributions={"names": NAMES, "row": ["north", 0.5, 2, True]})


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_is_not_loaded_without_the_flag_that_says_so(tmp_path: Path) -> None:
    import pickle

    told = given(Executor(Adapter(), pickles=False), tmp_path, pickle.dumps(Bomb(tmp_path / "ran")))
    assert told["error"]["code"] == "artifact"
    assert "--pickle" in told["error"]["text"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("predict", "code"),
    [
        ({"names": NAMES, "rows": []}, "bad_request"),
        ({"names": NAMES, "rows": [["north", 0.5, 2]]}, "bad_request"),
        ({"names": NAMES[:3], "rows": [["north", 0.5, 2]]}, "features"),
        ({"names": NAMES, "rows": [["north", "much", 2, True]]}, "bad_request"),
        ({"names": NAMES, "rows": [["north", 0.5, None, True]]}, "bad_request"),
        ({"names": NAMES, "rows": [["north", 0.5, 2, None]]}, "bad_request"),
        ({"names": NAMES, "rows": [["north", 0.5, 2, "perhaps"]]}, "bad_request"),
        (changing(1, [1], [0], [1]), "bad_request"),
        (changing(1, [-1], [0], [1]), "bad_request"),
        (changing(1, [0], [4], [1]), "bad_request"),
        (changing(1, [0], [], [1]), "bad_request"),
        (changing(10**9, [], [], []), "bad_request"),
        ({"names": NAMES, "rows": [ROW], "outputs": [{"name": "l", "type": "label"}]}, "bad_answer"),
        ({"rows": 3}, "failed"),
    ],
)  # fmt: skip
def test_a_bad_request_is_an_error_and_not_the_end(
    loaded: Executor, predict: dict[str, Any], code: str
) -> None:
    told = ask(loaded, predict=predict)
    assert (told["id"], told["error"]["code"]) == (7, code)
    assert "outputs" in ask(loaded, predict={"names": NAMES, "rows": [["north", 0.5, 2, True]]})


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"3", b"\xff", b'{"id": 1, "id": 2}', b'{"id": NaN}', b"[" * 100_000, b'{"about": {}, "x": 1e999}']
)  # fmt: skip
def test_whatever_a_line_holds_one_line_comes_back(line: bytes) -> None:
    told = reply(Executor(Adapter(), pickles=False), line)
    assert b"\n" not in told
    assert json.loads(told).keys() <= {"id", "error", "about"}


def test_two_labels_take_the_outputs_of_their_order(loaded: Executor) -> None:
    row = ["north", 0.5, 2, True]
    wanted = [{"name": "both", "type": "probability", "labels": ["granted", "denied"]},
              {"name": "word", "type": "label", "labels": ["granted", "denied"]}]  # fmt: skip
    told = ask(loaded, predict={"names": NAMES, "rows": [row], "outputs": wanted})["outputs"]
    assert told["both"][0][1] == inverse("logit", 0.5)
    assert sum(told["both"][0]) == 1
    assert told["word"] == ["denied"]


def test_as_a_process_it_ends_with_its_input(tmp_path: Path) -> None:
    lines = b'{"id":1,"about":{}}\n{"id":2,"nonsense":1}\n'
    done = subprocess.run([sys.executable, FILE], input=lines, capture_output=True, timeout=30, check=True)
    about, nonsense = map(json.loads, done.stdout.splitlines())
    assert about["about"]["threads"] == 1
    assert nonsense["error"]["code"] == "bad_request"


def test_what_a_library_prints_does_not_come_between(tmp_path: Path) -> None:
    adapter = tmp_path / "adapter.py"
    adapter.write_text("import os\nprint('hello')\nos.write(1, b'raw')\n")
    command = [sys.executable, str(FILE), "--adapter", str(adapter)]
    done = subprocess.run(
        command, input=b'{"id":1,"about":{}}\n', capture_output=True, timeout=30, check=True
    )
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["about"]["adapter"] == hashlib.sha256(adapter.read_bytes()).hexdigest()
    assert b"raw" in done.stderr


def test_a_line_without_end_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(executor, "LINE", 100)
    said: list[bytes] = []
    executor.serve(
        Executor(Adapter(), pickles=False), io.BytesIO(b" " * 101 + b'\n{"about":{}}\n'), said.append
    )
    assert said == []
