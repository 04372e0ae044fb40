"""CPU µs of the decisions' front, both directions: a request's bytes to rows, and an answer to bytes. No sockets.

`python -m bench.decisions_front`. Behind it stands a gate that knows everybody and answers at once.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from bench.machine import machine
from standwatch.enforce.decision_ports import ModelCard
from standwatch.enforce.ports import NOTHING_SHOWN, Caller, Shown
from standwatch.facts.decisions import Answer, Ask, Predicted, RowAnswer, Trouble
from standwatch.facts.ids import new_id
from standwatch.facts.models import Feature, Model, Output, Version
from standwatch.fronts.decisions import DecisionsFront
from standwatch.fronts.decisions_client import DecisionsClientFront
from standwatch.fronts.http_message import Request
from standwatch.fronts.mlflow import MlflowFront

FEATURES, ROWS, ROUNDS = 20, 256, 7
MODEL = Model(
    component="scorer",
    versions={"v1": Version("v1")},
    inputs=tuple(
        Feature(f"feature_{k:02}", "category", one_of=("a", "b"))
        if k % 5 == 4
        else Feature(f"feature_{k:02}")
        for k in range(FEATURES)
    ),
    outputs=(Output("score", "probability", min=0, max=1, polarity="higher means denied"),),
)
CARD = ModelCard("bench", MODEL, "v1", ready=True)
CALLER = Caller("clerk", "service", ("bench",))
IDENT = new_id(1_800_000_000_000_000, bytes(10))


class Answered:
    """Answers every ask with as many rows, made before."""

    def __init__(self, rows: int) -> None:
        one = RowAnswer([0.25], "approved", "model", "", "v1")
        self.answer = Answer("done", IDENT, 123_456, "v1", ("score",), [one] * rows, "cmVjZWlwdA==")

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        return CALLER

    def card(self, system: str, model: str = "") -> ModelCard:
        return CARD

    async def decide(self, caller: Caller, ask: Ask) -> Answer:
        return self.answer

    async def begin(self, caller: Caller, ask: Ask) -> Answer:
        return self.answer

    async def finish(self, caller: Caller, ident: str, predicted: Predicted | Trouble) -> Answer:
        return self.answer


def plainly(path: str, body: Any, spaces: bool) -> Request:
    head = {b"host": b"localhost", b"authorization": b"Bearer sw_x"}
    raw = json.dumps(body, separators=None if spaces else (",", ":")).encode()
    return Request("POST", path, "", head, raw, True)


def value(k: int, row: int) -> Any:
    return "ab"[row % 2] if MODEL.inputs[k].type == "category" else 1_234.5 + row + k / 7


def split(rows: int) -> dict[str, Any]:
    """Names once, and rows as lists."""
    return {
        "names": [feature.name for feature in MODEL.inputs],
        "rows": [[value(k, row) for k in range(FEATURES)] for row in range(rows)],
    }


def request(front: str, rows: int, spaces: bool) -> Request:
    if front == "plain":
        return plainly("/v1/decisions", {"system": "bench", **split(rows)}, spaces)
    if front == "mlflow":
        found = split(rows)
        frame = {"columns": found["names"], "data": found["rows"]}
        return plainly("/invocations/bench", {"dataframe_split": frame}, spaces)
    inputs: list[Any] = [
        {
            "name": feature.name,
            "shape": [rows, 1],
            "datatype": "BYTES" if feature.type == "category" else "FP64",
            "data": [value(k, row) for row in range(rows)],
        }
        for k, feature in enumerate(MODEL.inputs)
    ]
    return plainly("/v2/models/bench/infer", {"inputs": inputs}, spaces)


FRONTS: dict[str, Any] = {"oip": DecisionsFront, "mlflow": MlflowFront, "plain": DecisionsClientFront}


async def measure(name: str, rows: int, spaces: bool) -> float:
    """The best of several rounds: µs per request."""
    front, asked = FRONTS[name](Answered(rows)), request(name, rows, spaces)
    assert (await front.handle(asked)).status == 200
    times = 4_000 // rows + 20
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            await front.handle(asked)
        best = min(best, (time.process_time() - begun) / times)
    return best * 1e6


async def main() -> None:
    print(machine())
    for name in FRONTS:
        for spaces in (False, True):
            one, many = await measure(name, 1, spaces), await measure(name, ROWS, spaces)
            print(
                f"{name}, {'with' if spaces else 'without'} white space: one row of {FEATURES} features {one:.1f} µs; "
                f"a batch of {ROWS} {many:.0f} µs, {many / ROWS:.2f} µs per row"
            )


if __name__ == "__main__":
    asyncio.run(main())
