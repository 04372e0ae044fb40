"""`/v2`: the Open Inference Protocol read strictly and answered with the contract; a spoilt row spoils no other."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from standwatch.facts.words import SENTENCES
from standwatch.fronts.decisions import DecisionsFront
from standwatch.fronts.decisions_read import MOST_BODY, MOST_ROWS
from standwatch.fronts.http_message import Request, Response
from support.deciders import ID, INPUTS, MODEL, SYSTEM, TOKEN, BenchDeciders

pytestmark = pytest.mark.anyio
PATH = f"/v2/models/{SYSTEM}/infer"
ROW: dict[str, tuple[str, Any]] = {
    "income": ("FP64", 4200.5),
    "term": ("INT64", 360),
    "purpose": ("BYTES", "home"),
    "married": ("BOOL", True),
    "note": ("BYTES", "x"),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def deciders() -> BenchDeciders:
    return BenchDeciders()


def tensors(rows: int = 1, **changes: Any) -> list[dict[str, Any]]:
    """A tensor for each feature; `changes` by feature: members of its tensor, or None for leaving it out."""
    found = []
    for name, (datatype, value) in ROW.items():
        change = changes.get(name, {})
        if change is not None:
            found.append(
                {"name": name, "shape": [rows], "datatype": datatype, "data": [value] * rows, **change}
            )
    return found


def request(method: str, path: str, body: Any = None, **headers: str) -> Request:
    heads = {"host": "localhost", "authorization": f"Bearer {TOKEN}", **headers}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {k.replace("_", "-").encode(): v.encode() for k, v in heads.items() if v}
    return Request(method, path, "", named, raw, True)


async def infer(deciders: BenchDeciders, body: Any, path: str = PATH, **headers: str) -> Response:
    return await DecisionsFront(deciders).handle(request("POST", path, body, **headers))


def told(answer: Response, status: int = 200) -> Any:
    assert answer.status == status, answer
    return json.loads(answer.body)


def named(body: Any) -> dict[str, Any]:
    return {one["name"]: one for one in body["outputs"]}


async def refusal(deciders: BenchDeciders, body: Any, **headers: str) -> str:
    """The sentence of a 400, after seeing that it was written down and has a reference."""
    found = told(await infer(deciders, body, **headers), 400)
    assert found.keys() == {"error", "reference"}
    assert found["reference"] == ID
    (ask,) = deciders.asks
    assert (ask.rows.rows, ask.problems) == ([], {-1: found["error"]})
    return found["error"]


# --- what is asked -------------------------------------------------------------------------------------------


async def test_a_tensor_for_each_feature_in_any_order(deciders: BenchDeciders) -> None:
    body = {"id": "42", "inputs": list(reversed(tensors(2, income={"data": [4200.5, 12]})))}
    found = told(await infer(deciders, body))
    (ask,) = deciders.asks
    assert (ask.system, ask.model, ask.version) == (SYSTEM, "scorer", "")
    assert ask.rows.names == tuple(one.name for one in INPUTS)
    assert ask.rows.rows == [(4200.5, 360, "home", True, "x"), (12, 360, "home", True, "x")]
    assert found["model_name"] == SYSTEM
    assert (found["model_version"], found["id"]) == ("v2", "42")
    assert found["parameters"] == {
        "standwatch_id": ID,
        "standwatch_route": "model",
        "standwatch_recorded": True,
    }


@pytest.mark.parametrize("shape", [[2], [2, 1]])
@pytest.mark.parametrize("nested", [False, True])
async def test_flat_and_nested_say_the_same(deciders: BenchDeciders, shape: list[int], nested: bool) -> None:
    if nested and len(shape) == 1:
        return
    data: list[Any] = [[1.5], [2.5]] if nested else [1.5, 2.5]
    assert (
        await infer(deciders, {"inputs": tensors(2, income={"shape": shape, "data": data})})
    ).status == 200
    assert [row[0] for row in deciders.asks[0].rows.rows] == [1.5, 2.5]


@pytest.mark.parametrize("nested", [False, True])
async def test_one_tensor_of_all_features(nested: bool) -> None:
    inputs = tuple(one for one in INPUTS if one.type in ("number", "integer", "boolean"))
    deciders = BenchDeciders(
        type(MODEL)(component="scorer", inputs=inputs, outputs=MODEL.outputs, versions=MODEL.versions)
    )
    data: list[Any] = (
        [[4200.5, 360.0, 1.0], [1.0, 12.0, 0.0]] if nested else [4200.5, 360.0, 1.0, 1.0, 12.0, 0.0]
    )
    tensor = {"name": "input-0", "shape": [2, 3], "datatype": "FP64", "data": data}
    assert (await infer(deciders, {"inputs": [tensor]})).status == 200
    assert deciders.asks[0].rows.rows == [(4200.5, 360, True), (1.0, 12, False)]
    assert [type(value) for value in deciders.asks[0].rows.rows[0]] == [float, int, bool]


async def test_null_is_missing_and_the_range_says_whether_it_may_be(deciders: BenchDeciders) -> None:
    await infer(
        deciders, {"inputs": tensors(2, note={"data": [None, "x"]}, term={"data": [None, 12]}), "id": None}
    )
    (ask,) = deciders.asks
    assert [(row[1], row[4]) for row in ask.rows.rows] == [(None, None), (12, "x")]
    assert ask.problems == {}


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("income", {"data": [1.0, "much"]}), ("income", {"data": [1.0, True]}), ("income", {"data": [1.0, [2.0]]}),
        ("income", {"data": [1.0, {"a": [1]}]}), ("income", {"data": [1.0, 2**60]}),
        ("income", {"datatype": "FP16", "data": [1.0, 70_000.0]}),
        ("income", {"datatype": "FP32", "data": [1.0, 1e300]}),
        ("income", {"datatype": "INT8", "data": [1, 128]}), ("income", {"datatype": "UINT8", "data": [1, -1]}),
        ("income", {"datatype": "INT64", "data": [1, 1.5]}), ("income", {"datatype": "INT64", "data": [1, 3.0]}),
        ("term", {"datatype": "FP64", "data": [12.0, 12.5]}), ("term", {"data": [12, "x"]}),
        ("purpose", {"data": ["home", 7]}), ("purpose", {"data": ["home", "h" * 5_000]}),
        ("married", {"data": [True, 1]}), ("married", {"datatype": "INT8", "data": [1, 2]}),
        ("note", {"data": ["x", False]}), ("term", {"data": [12, 2**80]}),
    ],
)  # fmt: skip
async def test_one_bad_row_spoils_no_other(deciders: BenchDeciders, feature: str, change: Any) -> None:
    found = told(await infer(deciders, {"inputs": tensors(2, **{feature: change})}))
    (ask,) = deciders.asks
    assert list(ask.problems) == [1]
    assert ask.problems[1].startswith(f"{feature}: ")
    assert len(ask.rows.rows) == 2
    outputs = named(found)
    assert outputs["score"]["data"] == [outputs["score"]["data"][0], None]
    assert outputs["shares"]["data"][3:] == [None, None, None]
    assert outputs["standwatch.route"]["data"] == ["model", "refer-to-human"]
    assert outputs["standwatch.code"]["data"] == ["", "unreadable"]
    assert found["parameters"]["standwatch_route"] == "mixed"


async def test_whole_numbers_come_as_fractions_where_there_are_gaps(deciders: BenchDeciders) -> None:
    await infer(
        deciders,
        {
            "inputs": tensors(
                2,
                term={"datatype": "FP64", "data": [12.0, 360.0]},
                married={"datatype": "FP32", "data": [1.0, None]},
            )
        },
    )
    assert [row[1] for row in deciders.asks[0].rows.rows] == [12, 360]
    assert [row[3] for row in deciders.asks[0].rows.rows] == [True, None]
    assert type(deciders.asks[0].rows.rows[0][1]) is int


async def test_text_in_base64_is_text(deciders: BenchDeciders) -> None:
    data = [base64.b64encode("häuslich".encode()).decode(), "%%"]
    change = {"data": data, "parameters": {"content_type": "base64"}}
    await infer(deciders, {"inputs": tensors(2, note=change)})
    assert deciders.asks[0].rows.rows[0][4] == "häuslich"
    assert list(deciders.asks[0].problems) == [1]


async def test_what_is_said_beside_the_rows(deciders: BenchDeciders) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = {
        "inputs": tensors(),
        "parameters": {
            "age.income": 86_400,
            "cache_age": 1.5,
            "channel": "web",
            "gone": None,
            "used": f"{ID}, 17/3",
        },
        "outputs": [{"name": "score", "parameters": {"polarity": "higher means denied", "max": 1}}],
    }
    found = told(await infer(deciders, body, traceparent=trace))
    (ask,) = deciders.asks
    assert ask.parameters == {"age.income": 86_400, "cache_age": 1.5, "channel": "web"}
    assert (ask.used, ask.trace) == ((ID, "17/3"), trace)
    assert ask.expects == {"score": {"polarity": "higher means denied", "max": 1}}
    assert [one["name"] for one in found["outputs"]] == [
        "score",
        "standwatch.outcome",
        "standwatch.route",
        "standwatch.code",
        "standwatch.version",
        "standwatch.id",
    ]


@pytest.mark.parametrize(
    "trace",
    [
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "nonsense",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    ],
)  # fmt: skip
async def test_a_malformed_traceparent_is_dropped(deciders: BenchDeciders, trace: str) -> None:
    assert (await infer(deciders, {"inputs": tensors()}, traceparent=trace)).status == 200
    assert deciders.asks[0].trace == ""


async def test_used_ids_in_a_header(deciders: BenchDeciders) -> None:
    await infer(deciders, {"inputs": tensors()}, standwatch_used=f"17, {ID}/2,17")
    assert deciders.asks[0].used == ("17", f"{ID}/2")


# --- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([], "at least one tensor"),
        (tensors(income=None), "expected for income"),
        (tensors(income={"name": "Income"}), "no such feature; expected income, term"),
        ([*tensors(), tensors()[0]], "stands twice"),
        (tensors(income={"datatype": "BYTES"}), "INT8, INT16, INT32, UINT8"),
        (tensors(purpose={"datatype": "INT64"}), "datatype BYTES was expected, not 'INT64'"),
        (tensors(income={"datatype": "fp64"}), "not 'fp64'"),
        (tensors(income={"shape": [2]}), "2 values were expected"),
        (tensors(2, term={"shape": [1]}), "shape [2] or [2, 1] was expected"),
        (tensors(2, income={"shape": [2, 2]}), "shape [2] or [2, 1]"),
        (tensors(2, income={"data": [1.0]}), "2 values were expected, as its shape says; there are 1"),
        (tensors(2, income={"shape": [2, 1], "data": [[1.0], [1.0, 2.0]]}), "lists of one value"),
        (tensors(income={"shape": []}), "shape [n]"), (tensors(income={"shape": [0], "data": []}), "shape [n]"),
        (tensors(income={"shape": [-1]}), "shape [n]"), (tensors(MOST_ROWS + 1), "4,096 rows"),
        ([{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [1.0] * 4}], "shape [1, 5]"),
        ([{"name": "x", "shape": [1, 5], "datatype": "FP64", "data": [1.0] * 5}], "datatype BYTES"),
        (tensors(income={"parameters": {"binary_data_size": 8}}), "binary"),
        (tensors(income={"parameters": [1]}), "an object was expected"),
    ],
)  # fmt: skip
async def test_what_was_expected_is_said(deciders: BenchDeciders, inputs: Any, says: str) -> None:
    assert says in await refusal(deciders, {"inputs": inputs})


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"parameters": {"a": {"b": 1}}}, "parameter 'a'"), ({"parameters": {"age.nothing": 1}}, "no such feature"),
        ({"parameters": {"age.income": -1}}, "seconds"), ({"parameters": {"cache_age": "old"}}, "seconds"),
        ({"parameters": {"a": "x" * 2_000}}, "1024 characters"),
        ({"parameters": {f"p{n}": 1 for n in range(99)}}, "at most 64"),
        ({"parameters": {"used": "me"}}, "ids of ours"), ({"parameters": {"used": 7}}, "ids of ours"),
        ({"parameters": {"used": ",".join(map(str, range(99)))}}, "at most 64"),
        ({"outputs": [{"name": "nothing"}]}, "output 'nothing'"),
        ({"outputs": [{"name": "score"}] * 2}, "at most once"),
        ({"outputs": [{"name": "score", "parameters": {"max": "one"}}]}, "max: a number"),
        ({"outputs": [{"name": "score", "parameters": {"labels": "a"}}]}, "labels: text"),
        ({"id": "x" * 300}, "id: at most"), ({"id": 7}, "not an inference request"),
    ],
)  # fmt: skip
async def test_what_stands_beside_is_held_to_a_form(deciders: BenchDeciders, members: Any, says: str) -> None:
    assert says in await refusal(deciders, {"inputs": tensors(), **members})


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"4200.5", b"NaN"), lambda raw: raw.replace(b"4200.5", b"Infinity"),
        lambda raw: raw.replace(b"4200.5", b"1e999"),
        lambda raw: raw.replace(b'"data": [4200.5]', b'"data": [1], "data": [4200.5]'),
        lambda raw: raw.replace(b'{"inputs"', b'{"inputs": [], "inputs"'), lambda raw: raw[:-1], lambda raw: b"",
        lambda raw: raw.replace(b'"data": [4200.5]', b'"d\\u0061ta": [1], "data": [4200.5]'),
        lambda raw: raw.replace(b"[4200.5]", b"[" * 5_000 + b"]" * 5_000), lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw.replace(b'"x"', b'"\\ud800"'), lambda raw: raw.replace(b'"x"', b'"\xff"'), lambda raw: b"[1]",
    ],
)  # fmt: skip
async def test_json_that_is_none(deciders: BenchDeciders, change: Any) -> None:
    await refusal(deciders, change(json.dumps({"inputs": tensors()}).encode()))


async def test_the_binary_extension_is_refused_in_words(deciders: BenchDeciders) -> None:
    assert "binary" in await refusal(deciders, {"inputs": tensors()}, inference_header_content_length="9")


async def test_too_large(deciders: BenchDeciders) -> None:
    assert "error" in told(await infer(deciders, b" " * (MOST_BODY + 1)), 413)
    assert not deciders.asks


@pytest.mark.parametrize(
    ("word", "status", "sentence"),
    [
        ("refused", 403, SENTENCES["refused"]),
        ("pending", 403, SENTENCES["refused"]),
        ("unavailable", 503, SENTENCES["unavailable"]),
        ("invalid", 400, SENTENCES["invalid"]),
        ("nonsense", 503, SENTENCES["unavailable"]),
    ],
)
async def test_every_other_word(deciders: BenchDeciders, word: str, status: int, sentence: str) -> None:
    deciders.word, deciders.receipt = word, "cmM="
    answer = await infer(deciders, {"inputs": tensors()})
    assert told(answer, status) == {"error": sentence, "reference": ID}
    assert answer.headers == (("standwatch-receipt", "cmM="),)


async def test_invalid_says_what_was_misread(deciders: BenchDeciders) -> None:
    deciders.word, deciders.message = "invalid", "score: higher means denied"
    assert told(await infer(deciders, {"inputs": tensors()}), 400)["error"] == "score: higher means denied"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401), ({"authorization": "Bearer sw_other"}, 401), ({"host": "evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
    ],
)  # fmt: skip
async def test_strangers_stay_outside(deciders: BenchDeciders, headers: dict[str, str], status: int) -> None:
    assert told(await infer(deciders, {"inputs": tensors()}, **headers), status).keys() == {"error"}
    assert not deciders.asks


# --- what is answered ----------------------------------------------------------------------------------------


async def test_an_answer_carries_its_contract_ids_and_receipt(deciders: BenchDeciders) -> None:
    deciders.receipt = "cmM="
    answer = await infer(deciders, {"inputs": tensors(2)}, f"/v2/models/{SYSTEM}.scorer/versions/v1/infer")
    outputs = named(told(answer))
    assert answer.headers == (("standwatch-receipt", "cmM="),)
    assert deciders.asks[0].version == "v1"
    assert outputs["score"] == {
        "name": "score",
        "datatype": "FP64",
        "shape": [2],
        "data": [0.25, 0.25],
        "parameters": {"type": "probability", "min": 0, "max": 1, "polarity": "higher means denied"},
    }
    assert outputs["word"]["datatype"] == "BYTES"
    assert outputs["shares"]["shape"] == [2, 3]
    assert outputs["shares"]["data"] == [0.25, 0.75, 0.0] * 2
    assert outputs["standwatch.id"]["data"] == ["41/0", "41/1"]
    assert outputs["standwatch.outcome"]["data"] == ["approved", "approved"]
    assert list(outputs)[-5:] == [
        "standwatch.outcome",
        "standwatch.route",
        "standwatch.code",
        "standwatch.version",
        "standwatch.id",
    ]


async def test_an_answer_that_is_not_recorded_has_no_ids(deciders: BenchDeciders) -> None:
    deciders.index = -1
    assert named(told(await infer(deciders, {"inputs": tensors()})))["standwatch.id"]["data"] == [""]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/other", f"/v2/models/{SYSTEM}.nobody", f"/v2/models/{SYSTEM}/versions/v9", "/v2/models/",
        f"/v2/models/{SYSTEM}/versions", f"/v2/models/{SYSTEM}/versions/", f"/v2/models/{SYSTEM}/stats",
        f"/v2/models/{SYSTEM}//ready", "/v2/else", f"/v2/models/{SYSTEM}/versions/v1/ready/more",
    ],
)  # fmt: skip
async def test_there_is_no_such_model(deciders: BenchDeciders, path: str) -> None:
    answer = await DecisionsFront(deciders).handle(request("GET", path))
    assert answer.status in (401, 404)
    assert "error" in json.loads(answer.body)


async def test_metadata(deciders: BenchDeciders) -> None:
    front = DecisionsFront(deciders)
    server = told(await front.handle(request("GET", "/v2")))
    assert server.keys() == {"name", "version", "extensions"}
    model = told(await front.handle(request("GET", f"/v2/models/{SYSTEM}")))
    assert (model["name"], model["versions"], model["platform"]) == (SYSTEM, ["v1", "v2"], "standwatch_oip")
    assert [(one["name"], one["datatype"], one["shape"]) for one in model["inputs"]] == [
        ("income", "FP64", [-1]),
        ("term", "INT64", [-1]),
        ("purpose", "BYTES", [-1]),
        ("married", "BOOL", [-1]),
        ("note", "BYTES", [-1]),
    ]
    assert model["inputs"][2]["parameters"]["one_of"] == ["home", "refinance"]
    assert model["outputs"][0]["parameters"]["polarity"] == "higher means denied"
    assert model["outputs"][2]["shape"] == [-1, 3]


async def test_health_needs_no_token_and_tells_nothing_else(deciders: BenchDeciders) -> None:
    able = True
    front = DecisionsFront(deciders, ready=lambda: able)
    for path, status in (("live", 200), ("ready", 200), ("else", 404)):
        assert (await front.handle(request("GET", f"/v2/health/{path}", authorization=""))).status == status
    able = False
    assert (await front.handle(request("GET", "/v2/health/ready", authorization=""))).status == 503
    assert (await front.handle(request("GET", "/v2/health/live", host="evil.example"))).status == 421
    assert (await front.handle(request("POST", "/v2/health/live"))).status == 405


async def test_a_model_is_ready_in_the_version_that_serves(deciders: BenchDeciders) -> None:
    front = DecisionsFront(deciders)
    ready = f"/v2/models/{SYSTEM}/ready"
    assert told(await front.handle(request("GET", ready))) == {"name": SYSTEM, "ready": True}
    assert told(await front.handle(request("GET", f"/v2/models/{SYSTEM}/versions/v1/ready")), 503)
    deciders.ready = False
    assert told(await front.handle(request("GET", ready)), 503) == {"name": SYSTEM, "ready": False}
