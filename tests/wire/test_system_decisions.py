"""Decisions through the whole of it: a real MLServer and a real MLflow server behind `standwatch up`, asked over the
wire, deployed, taken back, halted and explained from the command line; in one process, and with workers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.client import Client, composition, governed
from standwatch.facts.entries import Decided, Denied, Shadowed
from support.model_servers import Trained
from support.system import Living, manifest, serving, waited

INPUTS = {
    "income": {"type": "number", "min": 0, "max": 100000},
    "debt": {"type": "number", "missing": True},
    "years": {"type": "integer"},
    "score": {"type": "number"},
}
FRAME = {
    **INPUTS,
    "purpose": {"type": "category", "one_of": ["home", "car", "study"]},
    "owner": {"type": "boolean"},
}
PROBABILITIES = {"predict_proba": {"type": "probability", "min": 0, "max": 1, "labels": ["lost", "paid"]}}
NAMES = tuple(INPUTS)


def organisation(mlserver: str, mlflow: dict[str, str], dead: int) -> dict[str, str]:
    both = {name: {"served_as": name} for name in ("1", "2")}
    decisions: dict[str, Any] = {
        "forest": {
            "layout": "matrix",
            "versions": both,
            "inputs": INPUTS,
            "outputs": {"predict": {"type": "label", "labels": ["0", "1"]}, **PROBABILITIES},
            "outcome": {"output": "predict"},
            "fallback": "previous",
        },
        "words": {
            "protocol": "mlflow",
            "versions": {name: {"url": url} for name, url in mlflow.items()},
            "inputs": FRAME,
            "outputs": PROBABILITIES,
            "fallback": "refer-to-human",
        },
        "gone": {
            "versions": {"1": {}},
            "deadline": "300ms",
            "inputs": {"x": {"type": "number"}},
            "outputs": {"y": {"type": "number"}},
            "fallback": {"constant": {"y": 7.5}},
        },
        "own": {
            "protocol": "client",
            "versions": {"a": {}},
            "inputs": {"x": {"type": "number", "max": 100}},
            "outputs": {"y": {"type": "number"}},
            "fallback": "refer-to-human",
        },
    }
    components = [
        {"kind": "model", "name": "forest", "url": mlserver, "vendor": "wood"},
        {"kind": "model", "name": "words", "url": mlflow["1"]},
        {"kind": "model", "name": "gone", "url": f"http://127.0.0.1:{dead}"},
        {"kind": "model", "name": "own"},
    ]
    return {"loans": manifest("loans", components, {}, decisions=decisions)}


@pytest.fixture(scope="module", params=[0, 2], ids=["one-process", "two-workers"])
def watch(
    request: pytest.FixtureRequest,
    mlserver: str,
    mlflow_servers: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Living]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        folder = tmp_path_factory.mktemp("loans")
        systems = organisation(mlserver, mlflow_servers, taken.getsockname()[1])
        with serving(folder, systems, workers=request.param) as living:
            for model, version in (("forest", "1"), ("words", "1"), ("gone", "1"), ("own", "a")):
                living.run("deploy", "loans", version, "--model", model, "--reason", "the first")
            yield living


@pytest.fixture(scope="module")
def desk(watch: Living) -> Client:
    return Client(f"http://127.0.0.1:{watch.agents}", watch.agent("desk", "loans").token)


class Asked:
    """What the OIP front answers."""

    def __init__(
        self, watch: Living, token: str, model: str, tensors: list[dict[str, Any]], **more: Any
    ) -> None:
        from support.system import Agent

        agent = Agent(watch.agents, token, "loans")
        version = more.pop("version", "")
        path = f"/v2/models/loans.{model}" + (f"/versions/{version}" if version else "") + "/infer"
        said = agent.post(path, {"inputs": tensors, **more}, {"content-type": "application/json"})
        self.status, self.body = said.status, said.last
        self.outputs = {one["name"]: one["data"] for one in self.body.get("outputs", [])}

    @property
    def routes(self) -> list[str]:
        return self.outputs["standwatch.route"]

    @property
    def ids(self) -> list[str]:
        return self.outputs["standwatch.id"]


def matrix(rows: list[Any]) -> list[dict[str, Any]]:
    flat = [value for row in rows for value in row]
    return [{"name": "input", "shape": [len(rows), len(NAMES)], "datatype": "FP64", "data": flat}]


@pytest.fixture(scope="module")
def token(watch: Living) -> str:
    return watch.agent("teller", "loans").token


def columns(outputs: list[Any], rows: int) -> list[list[float]]:
    """A [rows, k] tensor, however it is nested."""
    if outputs and isinstance(outputs[0], list):
        return outputs
    wide = len(outputs) // rows
    return [outputs[k * wide : (k + 1) * wide] for k in range(rows)]


def test_what_is_told_is_what_the_library_says(watch: Living, token: str, trained: Trained) -> None:
    rows = trained.expected["holes"]
    asked = Asked(watch, token, "forest", matrix(rows))
    assert asked.status == 200, asked.body
    expected = trained.expected["forest@1"]
    assert set(asked.routes) == {"model"}
    assert asked.outputs["predict"] == [str(one) for one in expected["predict"]]
    assert columns(asked.outputs["predict_proba"], len(rows)) == expected["predict_proba"]
    assert asked.body["model_version"] == "1"
    entry = watch.of(Decided)[-1]
    assert (entry.rows, entry.version, entry.routes) == (len(rows), "1", {})


def test_mlflow_behind_the_same_front(watch: Living, desk: Client, trained: Trained) -> None:
    rows = [dict(zip(FRAME, row, strict=True)) for row in trained.expected["frame"]]
    told = desk.decide("loans", rows, model="words")
    assert [row.route for row in told.rows] == ["model"] * len(rows)
    expected = trained.expected["words@1"]["predict_proba"]
    assert [row.outputs["predict_proba"] for row in told.rows] == expected


def test_a_bad_row_spoils_no_other_and_is_written_down(watch: Living, token: str, trained: Trained) -> None:
    rows = [list(row) for row in trained.expected["holes"][:3]]
    rows[1][0] = 500000.0
    asked = Asked(watch, token, "forest", matrix(rows))
    assert asked.routes[0] == asked.routes[2] == "model"
    assert asked.routes[1] == "refer-to-human"
    assert asked.outputs["standwatch.code"] == ["", "out_of_bounds", ""]
    assert columns(asked.outputs["predict_proba"], 3)[0] == trained.expected["forest@1"]["predict_proba"][0]
    told = watch.run("explain", asked.ids[1])["decision"]
    assert told["record"]["code"] == "out_of_bounds"
    assert told["row_proof"]["proved"]


@pytest.mark.parametrize(
    "tensors",
    [
        [],
        [{"name": "input", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}],
        [{"name": "input", "shape": [2, 4], "datatype": "FP64", "data": [1, 2, 3]}],
        [{"name": "income", "shape": [1], "datatype": "FP64", "data": [1.0]}],
        [{"name": "nobody", "shape": [1], "datatype": "FP64", "data": [1.0]}],
        [{"name": "input", "shape": [1, 4], "datatype": "WORDS", "data": [1, 2, 3, 4]}],
    ],
)
def test_what_cannot_be_read_is_a_clear_error_and_an_entry(
    watch: Living, token: str, tensors: list[dict[str, Any]]
) -> None:
    before = len(watch.of(Denied))
    asked = Asked(watch, token, "forest", tensors)
    assert asked.status == 400
    assert len(asked.body["error"]) > 20
    assert len(watch.of(Denied)) == before + 1


def test_a_server_that_is_not_there_is_answered_by_the_constant(watch: Living, desk: Client) -> None:
    (row,) = desk.decide("loans", [{"x": 1.0}], model="gone").rows
    assert (row.route, row.outputs["y"]) == ("constant", 7.5)
    assert row.code in ("unreachable", "timeout")


def test_one_act_takes_a_version_back_and_pins_it(watch: Living, token: str, trained: Trained) -> None:
    rows = trained.expected["holes"]
    watch.run("deploy", "loans", "2", "--model", "forest", "--reason", "better")
    asked = Asked(watch, token, "forest", matrix(rows))
    assert asked.body["model_version"] == "2"
    assert columns(asked.outputs["predict_proba"], len(rows)) == trained.expected["forest@2"]["predict_proba"]
    at = watch.of(Decided)[-1].at
    back = watch.run("rollback", "loans", "--model", "forest", "--reason", "worse")
    assert Asked(watch, token, "forest", matrix(rows)).body["model_version"] == "1"
    refused = watch.run("deploy", "loans", "2", "--model", "forest", "--reason", "again", code=1)
    assert str(back["hold"]) in str(refused)
    watch.run("release", str(back["hold"]), "--reason", "mended")
    then = watch.run(
        "versions", "loans", "--at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 10**6 + 1))
    )
    assert then["models"]
    index = next(
        i for i, entry in reversed(watch.entries()) if isinstance(entry, Decided) and entry.version == "2"
    )
    told = {one["model"]: one for one in watch.run("versions", "loans", "--at", str(index))["models"]}
    assert told["forest"]["version"] == "2"


def test_a_halted_version_is_answered_by_the_one_before(watch: Living, token: str, trained: Trained) -> None:
    watch.run("deploy", "loans", "2", "--model", "forest", "--reason", "again")
    hold = watch.halt("version:forest@2")["hold"]
    asked = Asked(watch, token, "forest", matrix(trained.expected["holes"][:2]))
    assert asked.routes == ["previous", "previous"]
    assert columns(asked.outputs["predict_proba"], 2) == trained.expected["forest@1"]["predict_proba"][:2]
    watch.release(hold)


def test_disabling_one_model_leaves_the_others_running(watch: Living, desk: Client, trained: Trained) -> None:
    hold = watch.halt("component:forest")["hold"]
    row = dict(zip(NAMES, trained.expected["holes"][0], strict=True))
    assert desk.decide("loans", [row], model="forest").rows[0].route == "refer-to-human"
    frame = dict(zip(FRAME, trained.expected["frame"][0], strict=True))
    assert desk.decide("loans", [frame], model="words").rows[0].route == "model"
    watch.release(hold)


def test_a_challenger_sees_the_same_rows_and_nobody_hears_it(
    watch: Living, token: str, trained: Trained
) -> None:
    rows = trained.expected["holes"]
    front = watch.run("versions", "loans")["models"]
    now = next(one["version"] for one in front if one["model"] == "forest")
    other = "1" if now == "2" else "2"
    watch.run("deploy", "loans", other, "--model", "forest", "--shadow", "--reason", "a challenger")
    asked = Asked(watch, token, "forest", matrix(rows))
    assert asked.body["model_version"] == now
    entry = waited(lambda: next(iter(watch.of(Shadowed)), None))
    told, said = (trained.expected[f"forest@{version}"]["predict"] for version in (now, other))
    assert (entry.version, entry.rows) == (other, len(rows))
    assert entry.same == sum(a == b for a, b in zip(told, said, strict=True))
    challenged = watch.run("explain", asked.ids[0])["decision"]["challenges"][0]
    assert challenged["row"]["outcome"] == str(said[0])


def test_a_model_in_its_caller_is_governed_in_the_same_words_and_rests_on_what_it_used(
    watch: Living, desk: Client, trained: Trained
) -> None:
    row = dict(zip(NAMES, trained.expected["holes"][0], strict=True))

    @governed(desk, system="loans", model="own", version="a")
    def double(rows: Any) -> dict[str, list[float]]:
        desk.decide("loans", [row], model="forest")
        return {"y": [one["x"] * 2 for one in rows]}

    with composition():
        told = double([{"x": 1.0}, {"x": 500.0}])
    assert [one.route for one in told.rows] == ["model", "refer-to-human"]
    assert told.rows[0].outputs["y"] == 2.0
    entry = watch.of(Decided)[-1]
    assert (entry.model, entry.version, entry.seam) == ("own", "a", "client")
    assert entry.used
    parts = watch.run("explain", told.rows[0].id)["parts"]
    assert [part["name"] for part in parts] == ["forest"]


def test_a_version_that_is_not_deployed_is_not_served(watch: Living, token: str, trained: Trained) -> None:
    rows = matrix(trained.expected["holes"][:1])
    front = {one["model"]: one["version"] for one in watch.run("versions", "loans")["models"]}["forest"]
    other = "1" if front == "2" else "2"
    assert Asked(watch, token, "forest", rows, version=front).status == 200
    assert Asked(watch, token, "forest", rows, version=other).status == 403
    assert watch.of(Denied)[-1].code == "not_deployed"


def test_decisions_under_way_outlive_a_rollback(watch: Living, desk: Client, trained: Trained) -> None:
    row = dict(zip(NAMES, trained.expected["holes"][0], strict=True))
    routes: list[tuple[str, str]] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            told = desk.decide("loans", [row], model="forest")
            routes.append((told.rows[0].route, told.version))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    front = {one["model"]: one["version"] for one in watch.run("versions", "loans")["models"]}["forest"]
    for number in range(5):
        to = front if number % 2 else {"1": "2", "2": "1"}[front]
        back = watch.run("rollback", "loans", "--model", "forest", "--to", to, "--reason", "a test")
        time.sleep(0.05)
        watch.run("release", str(back["hold"]), "--reason", "a test")
    over.set()
    for thread in threads:
        thread.join()
    assert {route for route, _ in routes} == {"model"}
    assert {version for _, version in routes} == {"1", "2"}


def test_an_export_of_decisions_is_explained_without_a_server(watch: Living, tmp_path: Path) -> None:
    index = next(i for i, entry in watch.entries() if isinstance(entry, Decided) and entry.rows > 1)
    place = tmp_path / "out"
    watch.run("export", str(place), "--with-payloads")
    told = watch.run("explain", f"{index}/1", "--export", str(place))["decision"]
    assert told["record"]["outputs"]
    assert told["row_proof"]["proved"]
    assert watch.run("verify", str(place))["status"] == "verified"
