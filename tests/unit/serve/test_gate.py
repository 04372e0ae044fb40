"""The gate in operation, on a real recorder: what a hold cuts, and what faults of our own come to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from standwatch.enforce.ports import Carried
from standwatch.fronts.control_ports import HaltOrder
from support.gates import ASK, READ, flying, outcomes, reading
from support.watch import never


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 15))


def test_a_hold_on_a_call_and_the_question_it_asks_ends_the_call(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            went_on: list[str] = []

            async def call(_: dict[str, Any]) -> Carried:
                reply = await watch.gate.act(ASK, never)
                went_on.append(reply.word)
                return Carried("ok")

            task = asyncio.create_task(watch.gate.act(READ, call))
            idents = await flying(watch, 2)
            await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))
            assert (await task).word == "unavailable"
            assert (went_on, task.cancelling()) == ([], 0)
            assert [await outcomes(watch, ident) for ident in idents] == [["unknown"], ["unknown"]]

    run(work())


def test_a_hold_on_the_question_alone_leaves_the_call(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            heard: list[str] = []

            async def call(_: dict[str, Any]) -> Carried:
                heard.append((await watch.gate.act(ASK, never)).word)
                return Carried("ok", b"{}")

            task = asyncio.create_task(watch.gate.act(READ, call))
            await flying(watch, 2)
            await watch.control.halt(watch.who("otto"), HaltOrder("tool:bank.elicitation", "odd"))
            assert ((await task).word, heard, task.cancelling()) == ("done", ["unavailable"], 0)

    run(work())
