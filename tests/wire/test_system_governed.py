"""A running gateway and our own client with a model in its process; and, at every front, what cannot be read."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from standwatch.client import Client, Invalid, Refused, composition, governed
from standwatch.facts.entries import Decided
from support.system import Living, manifest, serving

DECISIONS = {
    "scorer": {
        "protocol": "client",
        "versions": {"1": {"artifact": "models/1.json"}, "2": {"artifact": "models/2.json"}},
        "inputs": {"income": {"type": "number", "min": 0}, "term": {"type": "integer"}},
        "outputs": {"p": {"type": "probability", "min": 0, "max": 1, "polarity": "higher means denied"}},
        "outcome": {"output": "p", "threshold": 0.5, "at_or_above": "denied", "below": "approved"},
        "fallback": "refer-to-human",
    }
}
MODEL = {"kind": "model", "name": "scorer", "vendor": "maker"}
ROW = {"income": 1, "term": 1}


def organised(folder: Path, workers: int = 0) -> AbstractContextManager[Living]:
    """A running gateway with the model `scorer`."""
    (folder / "models").mkdir()
    for name in ("1", "2"):
        (folder / "models" / f"{name}.json").write_text(f'{{"version": {name}}}')
    systems = {"loans": manifest("loans", [MODEL], {}, decisions=DECISIONS)}
    return serving(folder, systems, workers=workers)


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with organised(tmp_path_factory.mktemp("org")) as running:
        running.run("deploy", "loans", "1", "--reason", "a test")
        yield running


@pytest.fixture(scope="module")
def token(watch: Living) -> str:
    return watch.agent("desk", "loans").token


@pytest.fixture(scope="module")
def client(watch: Living, token: str) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{watch.agents}", token) as client:
        yield client


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """The same with two workers."""
    with organised(tmp_path_factory.mktemp("org"), workers=2) as running:
        running.run("deploy", "loans", "1", "--reason", "a test")
        yield running


def decided(watch: Living, row: str) -> Decided:
    """The entry of decision `row`."""
    entry = dict(watch.entries())[int(row.partition("/")[0])]
    assert isinstance(entry, Decided)
    return entry


def predict(rows: list[Any]) -> dict[str, Any]:
    return {"p": [0.9 if row["income"] < 1_000 else 0.25 for row in rows]}


def test_a_model_of_ones_own_is_governed(watch: Living, client: Client) -> None:
    score = governed(client, system="loans", version="1", artifact=watch.folder / "models/1.json")(predict)
    with composition():
        first = score([ROW])
        found = score([{"income": 4200.5, "term": 360}, {"income": "much", "term": 360}, ROW])
    assert [(row.outcome, row.route, row.code) for row in found] == [
        ("approved", "model", ""),
        ("", "refer-to-human", "unreadable"),
        ("denied", "model", ""),
    ]
    assert found.contract["p"]["polarity"] == "higher means denied"
    assert found.receipt
    entry = decided(watch, found[0].id)
    assert (entry.seam, entry.version, entry.rows, entry.used) == ("client", "1", 3, [first[0].id])
    assert entry.codes == {"unreadable": 1}


def test_what_is_not_deployed_is_not_served(watch: Living, client: Client) -> None:
    artifact = watch.folder / "models/2.json"
    (row,) = governed(client, system="loans", version="1", artifact=artifact)(predict)([ROW])
    assert (row.route, row.code, row.outputs) == ("refer-to-human", "digest_mismatch", {"p": None})


def test_another_version_than_the_deployed_one_is_found_out_at_once(watch: Living, client: Client) -> None:
    (row,) = governed(client, system="loans", version="2")(predict)([ROW])
    assert (row.route, row.code, row.outputs) == ("refer-to-human", "version_mismatch", {"p": None})
    told = watch.run("explain", row.id)
    assert "version 2 answered, 1 is deployed" in json.dumps(told)


@pytest.mark.parametrize("outputs", [{"p": [0.1, 0.2]}, {"p": [7.0]}, {"q": [0.1]}, {}, {"p": ["x"]}])
def test_an_answer_against_the_contract_is_not_served(client: Client, outputs: dict[str, Any]) -> None:
    (row,) = governed(client, system="loans")(lambda rows: outputs)([ROW])
    assert (row.route, row.outcome) == ("refer-to-human", "")


def test_a_consumer_that_misreads_is_told(client: Client) -> None:
    with pytest.raises(Invalid, match="higher means denied"):
        governed(client, system="loans")(predict)([ROW], expects={"p": {"polarity": "higher means approved"}})


def test_a_held_model_is_not_run(watch: Living, client: Client) -> None:
    def never(rows: list[Any]) -> dict[str, Any]:
        raise AssertionError("it ran")

    hold = watch.halt("component:scorer")["hold"]
    try:
        (row,) = governed(client, system="loans")(never)([ROW])
        assert (row.route, row.code) == ("refer-to-human", "held")
    finally:
        watch.release(hold)


def test_strangers_are_refused(watch: Living) -> None:
    with (
        Client(f"http://127.0.0.1:{watch.agents}", "sw_nobody") as stranger,
        pytest.raises(Refused),
    ):
        stranger.decide("loans", [ROW])


def post(watch: Living, path: str, token: str, body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{watch.agents}{path}", body, method="POST")
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/v2/models/loans/infer", b'{"inputs": []}', "reference"),
        ("/v2/models/loans.scorer/infer", b"{", "reference"),
        ("/invocations/loans", b'{"inputs": [NaN]}', "reference"),
        ("/v1/decisions", b'{"system": "loans", "rows": []}', "id"),
    ],
)
def test_what_cannot_be_read_is_in_the_record(
    watch: Living, token: str, path: str, body: bytes, named: str
) -> None:
    status, told = post(watch, path, token, body)
    assert status == 400
    entry = watch.refusal(told[named])
    assert (entry.code, entry.system) == ("invalid", "loans")


def test_a_model_that_runs_elsewhere_has_no_server_to_ask(watch: Living, token: str) -> None:
    tensors = [{"name": name, "shape": [1], "datatype": "FP64", "data": [1.0]} for name in ("income", "term")]
    status, told = post(watch, "/v2/models/loans/infer", token, json.dumps({"inputs": tensors}).encode())
    outputs = {one["name"]: one["data"] for one in told["outputs"]}
    assert (status, outputs["standwatch.route"]) == (200, ["refer-to-human"])
    assert outputs["p"] == [None]
    assert decided(watch, outputs["standwatch.id"][0]).rows == 1


def test_an_outcome_reaches_the_worker_that_owes_it(two: Living) -> None:
    token = two.agent("desk", "loans").token
    asked = json.dumps({"system": "loans", "rows": [ROW], "parameters": {}}).encode()
    told = json.dumps({"outputs": {"p": [0.25]}, "version": "1"}).encode()
    ident = ""
    # Each over a connection of its own: the kernel gives half of them to the other worker.
    for _ in range(24):
        status, going = post(two, "/v1/decisions", token, asked)
        assert (status, going["word"]) == (200, "go")
        ident = going["id"]
        status, done = post(two, f"/v1/decisions/{ident}/outcome", token, told)
        assert (status, done["word"]) == (200, "done"), done
        assert done["rows"][0]["outcome"] == "approved"
    assert post(two, f"/v1/decisions/{ident}/outcome", token, told)[0] == 404


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/v1/decisions", 7 << 20, 400),
        ("/v2/models/loans/infer", 7 << 20, 400),
        ("/invocations/loans", 7 << 20, 400),
        ("/v1/decisions", (8 << 20) + 1, 413),
        ("/mcp/loans", 5 << 20, 413),
        ("/v1/actions", 3 << 20, 413),
    ],
)
@pytest.mark.parametrize("running", ["watch", "two"])
def test_how_large_a_body_may_be(
    running: str, request: pytest.FixtureRequest, path: str, size: int, status: int
) -> None:
    watch: Living = request.getfixturevalue(running)
    agent = watch.agent(f"large-{path.strip('/').replace('/', '-')}-{size}", "loans")
    said = HTTPConnection("127.0.0.1", watch.agents, timeout=20)
    headers = {"Authorization": f"Bearer {agent.token}", "Content-Type": "application/json"}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused while it is still being sent
        said.request("POST", path, b'{"a": [' + b"0, " * (size // 3), headers)
    assert said.getresponse().status == status
    said.close()
