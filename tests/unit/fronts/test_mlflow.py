"""`/invocations`: MLflow's four forms say the same, and answers have its shape with ours beside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standwatch.facts.models import Model
from standwatch.facts.words import SENTENCES
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.mlflow import MlflowFront
from support.deciders import ID, MODEL, SYSTEM, TOKEN, BenchDeciders

pytestmark = pytest.mark.anyio
NAMES = ["income", "term", "purpose", "married", "note"]
ROWS: list[list[Any]] = [[4200.5, 360, "home", True, "x"], [12, 12, "home", None, None]]
FORMS: list[dict[str, Any]] = [
    {"dataframe_split": {"columns": NAMES, "data": ROWS}},
    {"dataframe_split": {"index": [7, 8], "columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}},
    {"dataframe_records": [dict(zip(NAMES, row, strict=True)) for row in ROWS]},
    {"dataframe_records": [dict(zip(NAMES, ROWS[0], strict=True)), dict(zip(NAMES[:3], ROWS[1], strict=False))]},
    {"instances": [dict(zip(NAMES, row, strict=True)) for row in ROWS]},
    {"instances": ROWS},
    {"inputs": dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True))},
    {"inputs": {name: [[row[at]] for row in ROWS] for at, name in enumerate(NAMES)}},
    {"inputs": ROWS},
]  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(
    deciders: BenchDeciders, body: Any, path: str = f"/invocations/{SYSTEM}", **headers: str
) -> Response:
    heads = {"host": "localhost", "authorization": f"Bearer {TOKEN}", **headers}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {k.replace("_", "-").encode(): v.encode() for k, v in heads.items() if v}
    return await MlflowFront(deciders).handle(Request("POST", path, "", named, raw, True))


def told(answer: Response, status: int = 200) -> Any:
    assert answer.status == status, answer
    return json.loads(answer.body)


@pytest.mark.parametrize("body", FORMS)
async def test_every_form_says_the_same(body: dict[str, Any]) -> None:
    deciders = BenchDeciders()
    found = told(await ask(deciders, {**body, "params": {"cache_age": 3}}))
    (asked,) = deciders.asks
    assert asked.rows.rows == [tuple(row) for row in ROWS]
    assert (asked.problems, asked.parameters) == ({}, {"cache_age": 3})
    assert found["predictions"] == [
        {"score": 0.25, "word": "approved", "shares": [0.25, 0.75, 0.0]},
        {"score": 0.9, "word": "denied", "shares": [0.9, 1 - 0.9, 0.0]},
    ]
    beside = found["standwatch"]
    assert (beside["id"], beside["version"], beside["recorded"]) == (ID, "v2", True)
    assert [row["id"] for row in beside["rows"]] == ["41/0", "41/1"]
    assert beside["contract"]["score"]["polarity"] == "higher means denied"


async def test_one_output_is_a_list_of_values() -> None:
    class Single(BenchDeciders):
        async def decide(self, caller: Any, ask: Any) -> Any:
            answer = await super().decide(caller, ask)
            rows = [type(row)(row.outputs[:1], row.outcome, row.route) for row in answer.rows]
            return type(answer)("done", answer.id, 41, "v2", ("score",), rows, "cmM=")

    model = Model(component="scorer", inputs=MODEL.inputs, outputs=MODEL.outputs[:1], versions=MODEL.versions)
    answer = await ask(Single(model), {"instances": ROWS}, f"/invocations/{SYSTEM}.scorer")
    assert told(answer)["predictions"] == [0.25, 0.9]
    assert answer.headers == (("standwatch-receipt", "cmM="),)


@pytest.mark.parametrize(
    "spoilt",
    [
        {**dict(zip(NAMES, ROWS[0], strict=True)), "income": "much"},
        {"income": []},
        7,
        None,
        [1],
        {**dict(zip(NAMES, ROWS[0], strict=True)), "else": 1},
    ],
)
async def test_one_bad_row_spoils_no_other(spoilt: Any) -> None:
    deciders = BenchDeciders()
    found = told(await ask(deciders, {"dataframe_records": [dict(zip(NAMES, ROWS[0], strict=True)), spoilt]}))
    assert list(deciders.asks[0].problems) == [1]
    assert found["predictions"][0]["word"] == "approved"
    assert found["standwatch"]["rows"][1]["code"] == "unreadable"
    assert found["standwatch"]["rows"][1]["route"] == "refer-to-human"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"columns": NAMES, "data": ROWS},
        {"instances": ROWS, "inputs": ROWS},
        {"instances": []},
        {"instances": ROWS, "more": 1},
        {"instances": ROWS, "params": [1]},
        {"instances": ROWS, "params": {"a": {}}},
        {"dataframe_split": ROWS},
        {"dataframe_split": {"columns": NAMES[1:], "data": ROWS}},
        {"inputs": {}},
        {"dataframe_split": {"columns": [*NAMES[1:], "else"], "data": ROWS}},
        {"inputs": {"income": [1]}},
        {"dataframe_split": {"columns": [*NAMES, "income"], "data": ROWS}},
        {"dataframe_records": {}},
        {"dataframe_split": {"columns": NAMES, "data": ROWS, "else": 1}},
        b"{",
        b'{"inputs":[NaN]}',
        {"inputs": {**dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True)), "term": [1]}},
    ],
)
async def test_what_cannot_be_read_is_refused_and_written_down(body: Any) -> None:
    deciders = BenchDeciders()
    found = told(await ask(deciders, body), 400)
    assert found.keys() == {"error_code", "message", "reference"}
    assert deciders.asks[0].problems == {-1: found["message"]}


@pytest.mark.parametrize(
    ("word", "status", "code"),
    [("refused", 403, "PERMISSION_DENIED"), ("unavailable", 503, "TEMPORARILY_UNAVAILABLE")],
)
async def test_every_other_word(word: Any, status: int, code: str) -> None:
    deciders = BenchDeciders()
    deciders.word = word
    found = told(await ask(deciders, {"instances": ROWS}), status)
    assert found == {"error_code": code, "message": SENTENCES[word], "reference": ID}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/invocations/{SYSTEM}", {"authorization": ""}, 401),
        ("/invocations/other", {}, 401),
        ("/invocations/", {}, 401),
        (f"/invocations/{SYSTEM}.nobody", {}, 404),
        (f"/invocations/{SYSTEM}", {"content_type": "text/csv"}, 415),
        (f"/invocations/{SYSTEM}", {"host": "evil.example"}, 421),
        ("/ping", {}, 405),
    ],
)
async def test_the_door(path: str, headers: dict[str, str], status: int) -> None:
    deciders = BenchDeciders()
    assert "error_code" in told(await ask(deciders, {"instances": ROWS}, path, **headers), status)
    assert not deciders.asks


async def test_what_a_scoring_server_says_of_itself() -> None:
    front = MlflowFront(BenchDeciders())
    for path in ("/ping", "/health", "/version"):
        answer = await front.handle(Request("GET", path, "", {b"host": b"localhost"}, b"", True))
        assert answer.status == 200
    assert answer.body.startswith(b"standwatch ")
