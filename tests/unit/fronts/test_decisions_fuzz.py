"""Whatever a client sends: never a 500, always the protocol's error, and no row reaches the model that is not whole."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.canonical import SAFE
from standwatch.fronts.decisions import DecisionsFront
from standwatch.fronts.decisions_client import DecisionsClientFront
from standwatch.fronts.http_message import Request
from standwatch.fronts.mlflow import MlflowFront
from support.deciders import ID, MODEL, SYSTEM, TOKEN, BenchDeciders

ROW: dict[str, tuple[str, Any]] = {
    "income": ("FP64", 4200.5),
    "term": ("INT64", 360),
    "purpose": ("BYTES", "home"),
    "married": ("BOOL", True),
    "note": ("BYTES", "x"),
}
KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "category": (str,),
    "boolean": (bool,),
    "text": (str,),
}
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from([2**53, -(2**70)]),
)
values = st.recursive(
    scalars,
    lambda v: st.one_of(
        st.lists(v, max_size=3),
        st.dictionaries(st.sampled_from(["name", "data", "shape", "x"]), v, max_size=3),
    ),
    max_leaves=8,
)
datatypes = st.sampled_from(["FP64", "FP32", "FP16", "INT64", "INT8", "UINT64", "BOOL", "BYTES", "", "X"])


@st.composite
def inferences(draw: st.DrawFn) -> Any:
    """A proper request with something about it changed: noise alone never gets past JSON."""
    n = draw(st.integers(1, 3))
    tensors: list[dict[str, Any]] = [
        {"name": name, "shape": [n], "datatype": kind, "data": [value] * n}
        for name, (kind, value) in ROW.items()
    ]
    body: dict[str, Any] = {"inputs": tensors}
    for _ in range(draw(st.integers(0, 3))):
        tensor = draw(st.sampled_from(tensors))
        match draw(st.integers(0, 7)):
            case 0:
                given = tensor["data"] if isinstance(tensor["data"], list) else [None]
                tensor["data"] = [draw(st.one_of(st.just(value), values)) for value in given]
            case 1:
                tensor["datatype"] = draw(datatypes)
            case 2:
                tensor["shape"] = draw(st.one_of(st.lists(st.integers(-1, 3), max_size=3), values))
            case 3:
                body["parameters"] = draw(st.one_of(st.dictionaries(st.text(max_size=6), values), values))
            case 4:
                body["outputs"] = draw(
                    st.lists(st.fixed_dictionaries({"name": st.sampled_from(["score", "word", "x"])}))
                )
            case 5:
                tensor[draw(st.sampled_from(["name", "parameters", "data", "more"]))] = draw(values)
            case 6:
                body["inputs"] = draw(st.one_of(st.lists(st.sampled_from(tensors), max_size=6), values))
            case _:
                body["id"] = draw(values)
    return body


def handled(front: Any, path: str, raw: bytes) -> tuple[int, Any]:
    heads = {b"host": b"localhost", b"authorization": f"Bearer {TOKEN}".encode()}
    answer = asyncio.run(front.handle(Request("POST", path, "", heads, raw, True)))
    return answer.status, json.loads(answer.body, parse_constant=lambda word: 1 / 0)


def whole(deciders: BenchDeciders) -> None:
    """Every row that is not said to be spoilt is as the model's inputs want it; those that are can be written down."""
    for ask in deciders.asks:
        assert set(ask.problems) <= set(range(len(ask.rows.rows))) or ask.problems.keys() == {-1}
        for at, row in enumerate(ask.rows.rows):
            assert len(row) == len(MODEL.inputs)
            for value, feature in zip(row, MODEL.inputs, strict=True):
                assert value is None or type(value) in (str, int, float, bool)
                assert type(value) is not int or -SAFE < value < SAFE
                if at not in ask.problems:
                    assert value is None or type(value) in KINDS[feature.type]


@given(inferences())
@settings(max_examples=400, deadline=None)
def test_inference(body: Any) -> None:
    deciders = BenchDeciders()
    status, told = handled(
        DecisionsFront(deciders), f"/v2/models/{SYSTEM}/infer", json.dumps(body).encode("utf-8")
    )
    assert status in (200, 400)
    assert ("outputs" in told) if status == 200 else (told.keys() == {"error", "reference"})
    whole(deciders)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
@settings(max_examples=150, deadline=None)
def test_noise(raw: bytes) -> None:
    for front, path in (
        (DecisionsFront, f"/v2/models/{SYSTEM}/infer"),
        (MlflowFront, f"/invocations/{SYSTEM}"),
        (DecisionsClientFront, "/v1/decisions"),
        (DecisionsClientFront, f"/v1/decisions/{ID}/outcome"),
    ):
        assert handled(front(BenchDeciders()), path, raw)[0] == 400


frames = st.one_of(
    values,
    st.lists(st.fixed_dictionaries({name: st.one_of(st.just(value), values) for name, (_, value) in ROW.items()})),
    st.lists(st.dictionaries(st.sampled_from([*ROW, "x"]), values)),
    st.fixed_dictionaries({name: st.lists(st.one_of(st.just(value), values)) for name, (_, value) in ROW.items()}),
    st.fixed_dictionaries(
        {"columns": st.one_of(st.permutations(list(ROW)), values), "data": st.lists(st.lists(values, max_size=6))}
    ),
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs", "params"]),
        frames,
        max_size=2,
    )
)
@settings(max_examples=300, deadline=None)
def test_data_frames(body: Any) -> None:
    deciders = BenchDeciders()
    status, told = handled(MlflowFront(deciders), f"/invocations/{SYSTEM}", json.dumps(body).encode())
    assert status in (200, 400)
    assert ("predictions" in told) if status == 200 else (told["error_code"] == "BAD_REQUEST")
    whole(deciders)


@given(
    st.fixed_dictionaries(
        {"system": st.just(SYSTEM), "rows": frames},
        optional={
            "names": st.one_of(st.permutations(list(ROW)), values),
            "used": values,
            "parameters": values,
            "expects": values,
        },
    )
)
@settings(max_examples=300, deadline=None)
def test_plain(body: Any) -> None:
    deciders = BenchDeciders()
    status, told = handled(DecisionsClientFront(deciders), "/v1/decisions", json.dumps(body).encode())
    assert status in (200, 400)
    assert told["word"] == ("done" if status == 200 else "invalid")
    whole(deciders)
