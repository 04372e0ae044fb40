"""MLflow's scoring server, polite and rude."""

from __future__ import annotations

from typing import Any

import pytest

from standwatch.facts.decisions import Predicted, Rows, Trouble
from standwatch.facts.models import Feature, Model, Output
from standwatch.upstream.http import HttpClient
from standwatch.upstream.mlflow import MlflowServer
from standwatch.upstream.model_http import ModelHttp
from support.rude_http import Exchange, Script
from support.rude_model import rude_model, saying
from support.upstreams import run

FEATURES = (Feature("x", missing=True), Feature("c", type="category"))
SCORE = Output("score", type="probability")
CLASS = Output("class", type="label", labels=("no", "yes"))
BOTH = Output("both", type="probability", labels=("no", "yes"))
TWO = Rows(("x", "c"), [(1.5, "north"), (None, "south")])


def server(url: str, outputs: tuple[Output, ...]) -> MlflowServer:
    model = Model(component="m", inputs=FEATURES, outputs=outputs, protocol="mlflow")
    return MlflowServer(model, {"1": url}, ModelHttp(HttpClient()))


def ask(script: Script, *outputs: Output, rows: Rows = TWO, version: str = "1") -> Predicted | Trouble:
    found: list[Predicted | Trouble] = []

    async def go() -> None:
        async with rude_model(script) as rude:
            it = server(rude.url, outputs or (SCORE,))
            found.append(await it.infer(version, rows, 2.0))
            await it.close()

    run(go())
    return found[0]


def test_what_is_sent() -> None:
    async def script(it: Exchange) -> None:
        assert it.verb == "POST"
        assert it.message == {
            "dataframe_split": {"columns": ["x", "c"], "data": [[1.5, "north"], [None, "south"]]}
        }
        it.json({"predictions": [0.25, 1]})

    assert ask(script) == Predicted({"score": [0.25, 1]})


@pytest.mark.parametrize(
    ("predictions", "outputs", "expected"),
    [
        ([[0.1], [0.2]], (SCORE,), {"score": [0.1, 0.2]}),
        ([{"score": 0.1}, {"score": 0.2, "more": None}], (SCORE,), {"score": [0.1, 0.2]}),
        (["no", "yes"], (CLASS,), {"class": ["no", "yes"]}),
        ([0, 1], (CLASS,), {"class": ["0", "1"]}),
        ([[0.1, 0.9], [0.8, 0.2]], (BOTH,), {"both": [[0.1, 0.9], [0.8, 0.2]]}),
        ([[0.1, "no"], [0.2, "yes"]], (SCORE, CLASS), {"score": [0.1, 0.2], "class": ["no", "yes"]}),
        (
            [{"class": "no", "both": [0.9, 0.1]}, {"class": "yes", "both": [0.2, 0.8]}],
            (BOTH, CLASS),
            {"class": ["no", "yes"], "both": [[0.9, 0.1], [0.2, 0.8]]},
        ),
    ],
)
def test_predictions(predictions: Any, outputs: tuple[Output, ...], expected: Any) -> None:
    assert ask(saying({"predictions": predictions}), *outputs) == Predicted(expected)


def test_a_version_is_taken_where_one_is_given() -> None:
    said = {"predictions": [0, 1], "model_version": "4"}
    assert ask(saying(said)) == Predicted({"score": [0, 1]}, version="4")


@pytest.mark.parametrize(
    ("said", "outputs", "why"),
    [
        ({"predictions": [0.1]}, (SCORE,), "1 predictions, 2 rows were asked about"),
        ({"predictions": [0.1, 0.2, 0.3]}, (SCORE,), "3 predictions"),
        ({"predictions": {"a": 1}}, (SCORE,), "no list of predictions"),
        ({"outputs": [0.1, 0.2]}, (SCORE,), "no list of predictions"),
        ([0.1, 0.2], (SCORE,), "no list of predictions"),
        ({"predictions": [0.1, None]}, (SCORE,), "null (NaN)"),
        ({"predictions": [0.1, True]}, (SCORE,), "not a finite number"),
        ({"predictions": [0.1, "x"]}, (SCORE,), "not a finite number"),
        ({"predictions": [[0.1, 0.2], [0.3, 0.4]]}, (SCORE,), "not a finite number"),
        ({"predictions": [{"s": 1}, {"s": 1}]}, (SCORE,), "score: not in the answer"),
        ({"predictions": [{"score": 1}, {"score": 1}]}, (SCORE, CLASS), "class: not in the answer"),
        ({"predictions": [[1], [1]]}, (SCORE, CLASS), "2 values were expected"),
        ({"predictions": [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]]}, (BOTH,), "2 numbers were expected"),
        ({"predictions": [0.1, 0.9]}, (BOTH,), "2 numbers were expected"),
        ({"predictions": [1.5, "yes"]}, (CLASS,), "is no label"),
        (b'{"predictions": [NaN, 0.1]}', (SCORE,), "not JSON"),
        (b'{"predictions": [1e999, 0.1]}', (SCORE,), "not JSON"),
        (b'{"predictions": [0, 1], "predictions": [1, 0]}', (SCORE,), "stands twice"),
        (b"oops", (SCORE,), "not JSON"),
        (b"", (SCORE,), "not JSON"),
    ],
)
def test_a_bad_answer(said: Any, outputs: tuple[Output, ...], why: str) -> None:
    found = ask(saying(said), *outputs)
    assert isinstance(found, Trouble)
    assert found.code == "bad_answer"
    assert why in found.text


def test_an_error_is_told_without_the_servers_stack() -> None:
    said = {"error_code": "BAD_REQUEST", "message": "Wrong columns.", "stack_trace": "Traceback …"}
    expected = Trouble("upstream_error", "the model server answered HTTP 400: Wrong columns.")
    assert ask(saying(said, "400 Bad Request")) == expected


def test_what_cannot_be_asked() -> None:
    async def never(_: Exchange) -> None:
        pytest.fail("it was asked")

    for version, rows in (
        ("2", TWO),
        ("1", Rows(("x",), [(1.0,)])),
        ("1", Rows(TWO.names, [(float("nan"), "north")])),
        ("1", Rows(TWO.names, [(1.0, "\ud800")])),
    ):
        assert isinstance(ask(never, rows=rows, version=version), Trouble)


def test_ready_is_its_ping() -> None:
    async def script(it: Exchange) -> None:
        if it.verb == "GET":
            it.empty("200 OK")

    async def go() -> None:
        async with rude_model(script) as rude:
            it = server(rude.url, (SCORE,))
            assert [await it.ready(version) for version in ("1", "2")] == [True, False]
            rude.script = saying({}, "503 Service Unavailable")
            assert not await it.ready("1")
            await it.close()

    run(go())
