"""Whatever a model server says: the declared outputs of as many rows as were asked about, or a bad answer. No third."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.decisions import Predicted
from standwatch.facts.models import Output
from standwatch.upstream import mlflow, oip_read
from standwatch.upstream.model_http import BadAnswer

SCORE = Output("score", type="probability")
CLASS = Output("class", type="label", labels=("no", "yes"))
BOTH = Output("both", type="probability", labels=("no", "yes"))
OUTPUTS = (SCORE, CLASS, BOTH)
ROWS = 2
OIP: dict[str, Any] = {
    "model_name": "m",
    "model_version": "1",
    "parameters": {"sha256": "ab"},
    "outputs": [
        {"name": "score", "shape": [2], "datatype": "FP64", "data": [0.25, 0.5]},
        {"name": "class", "shape": [2, 1], "datatype": "BYTES", "data": ["no", "yes"]},
        {"name": "both", "shape": [2, 2], "datatype": "FP32", "data": [0.1, 0.9, 0.8, 0.2]},
    ],
}
MLFLOW = {"predictions": [{"score": 0.1, "class": "no", "both": [0.9, 0.1]}] * 2}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["FP64", "INT8"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoiled(draw: st.DrawFn, good: Any) -> bytes:
    """A good answer in which something somewhere was replaced, removed, doubled; or some bytes of which were."""
    said = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from(_places(said)))
        key = draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        match draw(st.sampled_from(["replace", "remove", "double"])):
            case "replace":
                at[key] = draw(anything)
            case "remove":
                del at[key]
            case _ if isinstance(at, list):
                at.append(at[key])
            case _:
                at[draw(st.text(max_size=4))] = at[key]
        if not _places(said):
            break
    raw = json.dumps(said).encode()
    for _ in range(draw(st.integers(0, 2))):
        begin = draw(st.integers(0, len(raw)))
        raw = raw[:begin] + draw(st.binary(max_size=3)) + raw[begin + draw(st.integers(0, 3)) :]
    return raw


def _places(said: Any) -> list[Any]:
    """Every object and list in `said` that is not empty."""
    if not isinstance(said, dict | list) or not said:
        return []
    members = said.values() if isinstance(said, dict) else said
    return [said, *(place for member in members for place in _places(member))]


def check(predicted: Predicted) -> None:
    assert set(predicted.outputs) == {"score", "class", "both"}
    assert all(len(column) == ROWS for column in predicted.outputs.values())
    assert all(type(value) in (int, float) and isfinite(value) for value in predicted.outputs["score"])
    assert all(type(value) is str for value in predicted.outputs["class"])
    for vector in predicted.outputs["both"]:
        assert len(vector) == 2
        assert all(type(value) in (int, float) and isfinite(value) for value in vector)


@given(spoiled(OIP))
def test_an_inference_response(raw: bytes) -> None:
    try:
        check(oip_read.read(raw, "m", OUTPUTS, ROWS))
    except BadAnswer:
        return


@given(spoiled(MLFLOW))
def test_predictions_of_mlflow(raw: bytes) -> None:
    try:
        check(mlflow.read(raw, OUTPUTS, ROWS))
    except BadAnswer:
        return


def test_the_unspoiled_ones_are_read() -> None:
    check(oip_read.read(json.dumps(OIP).encode(), "m", OUTPUTS, ROWS))
    check(mlflow.read(json.dumps(MLFLOW).encode(), OUTPUTS, ROWS))
