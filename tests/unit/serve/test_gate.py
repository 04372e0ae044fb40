"""The gate in operation, on a real recorder: what a hold cuts, and what faults of our own come to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Carried
from standwatch.facts.frames import Fetch, Fetched, FromRecorder, Told
from standwatch.flow.origin import Read
from standwatch.flow.seen import AT_ONCE
from standwatch.flow.trail import Trail
from standwatch.fronts.control_ports import HaltOrder
from support.gates import ASK, READ, flying, outcomes, reading, recorded
from support.watch import Watch, done, never


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


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


@pytest.mark.parametrize("answered", [False, True])
def test_who_leaves_while_the_intent_is_written_is_not_acted_for(tmp_path: Path, answered: bool) -> None:
    """`answered`: the answer has come when the caller leaves, and was not heard yet."""

    async def work() -> None:
        async with reading(tmp_path) as watch:
            assert (await watch.gate.act(READ, done)).word == "done"
            free = threading.Event()
            watch.recorder.submit(free.wait)
            known = set(watch.link._waiting)
            task = asyncio.create_task(watch.gate.act(READ, never))
            while not (mine := set(watch.link._waiting) - known):
                await asyncio.sleep(0)
            future = watch.link._waiting[next(iter(mine))]
            if answered:
                hear = watch.link.receive

                def leaving(told: Sequence[Told], answers: Sequence[FromRecorder]) -> None:
                    hear(told, answers)
                    if future.done():
                        task.cancel()

                watch.link.receive = leaving  # in the very turn of the loop in which the answer comes
            else:
                task.cancel()
            free.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert future.cancelled() != answered
            _, left = await recorded(watch, 2)
            assert await outcomes(watch, left) == ["not_sent"]
            assert not watch.link.late
            assert not watch.gate.flights

    run(work())


def test_a_fault_while_the_run_is_looked_up_is_unavailable(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            faults: list[BaseException] = []
            watch.gate.on_fault = faults.append
            caller = msgspec.structs.replace(READ.caller, starts=True)
            opened, _, _ = await watch.gate.open_run(caller, "pay", "one")
            watch.gate.runs.forget(opened)
            _spoil(watch, opened)
            act = msgspec.structs.replace(READ, caller=msgspec.structs.replace(caller, run=opened))
            assert (await watch.gate.act(act, done)).word == "unavailable"
            assert len(faults) == 1

    run(work())


def test_a_first_look_up_in_much_that_was_read_lets_others_be_served(tmp_path: Path) -> None:
    rules = "arguments: {amount: {from: [task, trusted, model]}}"

    async def work() -> None:
        async with reading(tmp_path, rules=rules) as watch:
            assert (await watch.gate.act(READ, done)).word == "done"
            trail = watch.gate.runs.trail(next(iter(watch.gate.runs.known)))
            page = json.dumps(
                {"content": [{"type": "text", "text": "7 words of 2026-11-21, and so on. " * 240}]}
            )
            for at in range(24):
                trail.learn(Read(data=page.encode(), tool="bank.send", call=str(at), told_by_us=True))
            assert trail._seen._pending > 5 * AT_ONCE
            turns = 0

            async def others() -> None:
                nonlocal turns
                while trail.waits:
                    turns += 1
                    await asyncio.sleep(0)

            act = msgspec.structs.replace(READ, arguments={"amount": 7})
            reply, _ = await asyncio.gather(watch.gate.act(act, never), others())
            assert (reply.word, trail.source(7)) == ("refused", "untrusted")
            assert turns > 5
            assert (await watch.gate.act(READ, done)).word == "done"

    run(work())


def test_a_value_of_the_task_is_known_without_a_look_at_what_was_read() -> None:
    trail = Trail("Send 12.50 EUR to omar@b.example")
    trail.learn(Read(data=b'{"content": [{"type": "text", "text": "omar@b.example"}]}', told_by_us=True))
    for value in ("omar@b.example", 12.5, 99, "eve@c.example", None, True):
        assert trail.of_task(value) == (Trail(trail.task).source(value) == "task")
    assert trail._seen._waiting


def _spoil(watch: Watch, opened: str) -> None:
    """The task of `opened` is found to be no JSON: it was written by a program that we do not know."""
    fetch = watch.link.fetch

    def other(frame: Fetch) -> asyncio.Future[Fetched]:
        if frame.id != opened:
            return fetch(frame)
        found: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()
        found.set_result(Fetched(frame.number, b"{", True))
        return found

    watch.link.fetch = other  # pyright: ignore[reportAttributeAccessIssue]
