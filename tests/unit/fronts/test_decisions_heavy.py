"""Large requests: read beside the loop, and not at all where their reading would hold up every thread."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from standwatch.facts.errors import Malformed
from standwatch.fronts.decisions import DecisionsFront
from standwatch.fronts.decisions_client import DecisionsClientFront
from standwatch.fronts.decisions_read import HEAVY, MOST_PARTS, at_leisure
from standwatch.fronts.http_message import Request, Response
from standwatch.fronts.mlflow import MlflowFront
from support.deciders import SYSTEM, TOKEN, BenchDeciders

pytestmark = pytest.mark.anyio
LISTS = b"[" + b"[],\n" * MOST_PARTS + b"1]"
"""One list too many, and heavy."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(("size", "elsewhere"), [(HEAVY, False), (HEAVY + 1, True)])
async def test_what_is_heavy_is_read_on_another_thread(size: int, elsewhere: bool) -> None:
    found = await at_leisure(b" " * size, threading.get_ident)
    assert (found != threading.get_ident()) is elsewhere


async def test_a_heavy_body_has_so_many_parts_and_no_more() -> None:
    assert await at_leisure(LISTS.replace(b"[],", b"", 1), lambda: "read") == "read"
    with pytest.raises(Malformed, match="lists and objects"):
        await at_leisure(LISTS, lambda: "read")


@pytest.mark.parametrize("front", [DecisionsFront, MlflowFront, DecisionsClientFront])
async def test_no_front_reads_it(front: type[Any]) -> None:
    path, body = {
        DecisionsFront: (
            f"/v2/models/{SYSTEM}/infer",
            b'{"inputs": [{"name": "income", "shape": [1], "datatype": "FP64", "data": %b}]}' % LISTS,
        ),
        MlflowFront: (f"/invocations/{SYSTEM}", b'{"instances": %b}' % LISTS),
        DecisionsClientFront: ("/v1/decisions", b'{"system": "%b", "rows": %b}' % (SYSTEM.encode(), LISTS)),
    }[front]
    headers = {b"host": b"localhost", b"authorization": f"Bearer {TOKEN}".encode()}
    deciders = BenchDeciders()
    answer: Response = await front(deciders).handle(Request("POST", path, "", headers, body, True))
    assert answer.status == 400
    assert not any(ask.rows.rows for ask in deciders.asks)
