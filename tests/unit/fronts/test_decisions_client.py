"""`/v1/decisions`: decisions in plain JSON, and the two halves of a decision whose model runs in its caller."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from standwatch.facts.decisions import Predicted, Trouble
from standwatch.facts.errors import Conflict
from standwatch.facts.words import SENTENCES
from standwatch.fronts.decisions_client import DecisionsClientFront
from standwatch.fronts.http_message import Request, Response
from support.deciders import ID, MODEL, SYSTEM, TOKEN, BenchDeciders

pytestmark = pytest.mark.anyio
PATH = "/v1/decisions"
OUTCOME = f"{PATH}/{ID}/outcome"
OURS = msgspec.structs.replace(MODEL, protocol="client")
ROW = {"income": 4200.5, "term": 360, "purpose": "home"}
ASK = {"system": SYSTEM, "rows": [ROW]}
OUTPUTS = {"score": [0.25], "word": ["approved"], "shares": [[1, 0, 0]]}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def request(path: str, body: Any, **headers: str) -> Request:
    heads = {"host": "localhost", "authorization": f"Bearer {TOKEN}", **headers}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {k.replace("_", "-").encode(): v.encode() for k, v in heads.items() if v}
    return Request("POST", path, "", named, raw, True)


def told(answer: Response, status: int = 200) -> Any:
    assert answer.status == status, answer
    return json.loads(answer.body)


async def test_rows_by_name_and_by_place_are_decided_at_once() -> None:
    deciders = BenchDeciders()
    deciders.receipt = "cmM="
    front = DecisionsClientFront(deciders)
    body = {**ASK, "version": "v1", "model": "scorer", "used": ["17/0"], "parameters": {"age.income": 3}}
    answer = await front.handle(request(PATH, {**body, "expects": {"score": {"max": 1}}}))
    found = told(answer)
    assert answer.headers == (("standwatch-receipt", "cmM="),)
    assert (found["word"], found["id"], found["version"], found["recorded"]) == ("done", ID, "v2", True)
    assert found["outputs"] == ["score", "word", "shares"]
    assert found["contract"]["word"]["labels"] == ["denied", "approved"]
    assert found["rows"] == [
        {
            "id": "41/0",
            "outputs": [0.25, "approved", [0.25, 0.75, 0.0]],
            "outcome": "approved",
            "route": "model",
            "code": "",
            "version": "v2",
        }
    ]
    names = ["note", "married", "purpose", "term", "income"]
    await front.handle(
        request(PATH, {"system": SYSTEM, "names": names, "rows": [["x", True, "home", 1, 2.5], [1]]})
    )
    first, second = deciders.asks
    assert first.rows.rows == [(4200.5, 360, "home", None, None)]
    assert (first.version, first.used, first.parameters) == ("v1", ("17/0",), {"age.income": 3})
    assert first.expects == {"score": {"max": 1}}
    assert second.rows.rows[0] == (2.5, 1, "home", True, "x")
    assert list(second.problems) == [1]


async def test_a_model_in_its_caller_goes_and_then_tells() -> None:
    deciders = BenchDeciders(OURS)
    front = DecisionsClientFront(deciders)
    go = told(await front.handle(request(PATH, {**ASK, "rows": [ROW, {"else": 1}, ROW]})))
    assert go.pop("contract")["score"]["polarity"] == "higher means denied"
    assert go == {"word": "go", "id": ID, "version": "v2", "digest": "ab" * 32, "rows": [0, 2]}
    outputs = {"score": [0.25, 0.9], "word": ["approved", "denied"], "shares": [[1, 0, 0]] * 2}
    ran = {"outputs": outputs, "version": "v2", "digest": "cd", "used": ["17/0"], "system": SYSTEM}
    done = told(await front.handle(request(OUTCOME, ran)))
    assert deciders.told == [Predicted(outputs, "v2", "cd", ("17/0",))]
    assert [(row["outcome"], row["route"]) for row in done["rows"]] == [
        ("approved", "model"),
        ("", "refer-to-human"),
        ("denied", "model"),
    ]
    assert await front.handle(request(OUTCOME, ran)) == await front.handle(request("/v1/decisions/7", ran))


async def test_a_model_that_fails_is_answered_for() -> None:
    deciders = BenchDeciders(OURS)
    front = DecisionsClientFront(deciders)
    await front.handle(request(PATH, ASK))
    done = told(await front.handle(request(OUTCOME, {"error": "ValueError" * 90})))
    assert deciders.told == [Trouble("upstream_error", ("ValueError" * 90)[:300])]
    assert done["rows"][0]["route"] == "refer-to-human"


@pytest.mark.parametrize("model", [MODEL, OURS])
@pytest.mark.parametrize(("word", "status"), [("refused", 403), ("unavailable", 503), ("invalid", 400)])
async def test_every_other_word(word: Any, status: int, model: Any) -> None:
    deciders = BenchDeciders(model)
    deciders.word = word
    found = told(await DecisionsClientFront(deciders).handle(request(PATH, ASK)), status)
    assert found == {"word": word, "id": ID, "message": SENTENCES[word]}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        [],
        {"rows": [ROW]},
        {**ASK, "more": 1},
        {**ASK, "rows": {}},
        {**ASK, "rows": []},
        {**ASK, "names": ["income"]},
        {**ASK, "used": ["me"]},
        {**ASK, "expects": {"nothing": {}}},
        {**ASK, "parameters": {"age.x": 1}},
        b'{"system":"mortgage","system":"mortgage","rows":[{}]}',
    ],
)
async def test_what_cannot_be_read(body: Any) -> None:
    deciders = BenchDeciders()
    assert told(await DecisionsClientFront(deciders).handle(request(PATH, body)), 400)["word"] == "invalid"
    assert all(not ask.rows.rows for ask in deciders.asks)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outputs": OUTPUTS, "error": "x"},
        {"outputs": [1]},
        {"outputs": {"score": 1}},
        {"outputs": OUTPUTS, "more": 1},
        {"outputs": OUTPUTS, "used": ["me"]},
        {"outputs": OUTPUTS, "version": "v" * 200},
        {"outputs": {"score": [0] * 5_000}},
        b'{"outputs":{"score":[NaN]}}',
    ],
)
async def test_an_outcome_that_cannot_be_read_is_still_owed(body: Any) -> None:
    deciders = BenchDeciders(OURS)
    front = DecisionsClientFront(deciders)
    await front.handle(request(PATH, ASK))
    assert told(await front.handle(request(OUTCOME, body)), 400)["word"] == "invalid"
    assert told(await front.handle(request(OUTCOME, {"outputs": OUTPUTS})))["word"] == "done"


async def test_an_outcome_is_told_once() -> None:
    class Twice(BenchDeciders):
        async def finish(self, caller: Any, ident: str, predicted: Any) -> Any:
            raise Conflict("told")

    assert (await DecisionsClientFront(Twice()).handle(request(OUTCOME, {"error": "x"}))).status == 409


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        (PATH, ASK, {"authorization": ""}, 401),
        (PATH, {**ASK, "system": "other"}, {}, 401),
        (OUTCOME, {"error": "x"}, {}, 404),
        (PATH, {**ASK, "model": "nobody"}, {}, 404),
        (PATH, {**ASK, "version": "v9"}, {}, 404),
        ("/v1/decisions/x/outcome", {}, {}, 404),
        (OUTCOME, {"error": "x", "system": "other"}, {}, 401),
        (PATH, ASK, {"authorization": "Bearer sw_x"}, 401),
        (PATH, b" " * ((8 << 20) + 1), {}, 413),
    ],
)
async def test_the_door(path: str, body: Any, headers: dict[str, str], status: int) -> None:
    deciders = BenchDeciders()
    assert (await DecisionsClientFront(deciders).handle(request(path, body, **headers))).status == status
    assert not deciders.asks
