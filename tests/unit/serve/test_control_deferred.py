"""The queue of deferred acts on a real recorder: nobody is asked beyond the budget, and people pull what they want."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from standwatch.enforce.ports import Caller
from standwatch.facts.entries import AskedMany, Deferred, Pulled
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.fronts.control_budget import PullOrder
from standwatch.fronts.control_ports import HaltOrder
from standwatch.record.pace import person, within
from support.budget import answer, sparing
from support.watch import Watch, done, now

MINUTE = 60_000_000


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


async def asks(watch: Watch, amount: int, system: str = "pay") -> str:
    """`agent` asks for an act that wants a signature; its id."""
    reply = await watch.act(done, system, amount=amount)
    assert reply.word == "pending", reply
    return reply.id


def test_beyond_the_budget_of_a_person_acts_wait_in_a_queue(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path) as watch:
            asked = [await asks(watch, amount) for amount in (1, 2)]
            third = await asks(watch, 3)
            assert list(watch.gate.state.questions) == asked
            (line,) = await watch.control.deferred(watch.who("maria"))
            assert (line.id, line.code, line.room) == (third, "ask_budget", ())
            assert (await watch.control.status(watch.who("otto"))).deferred == (line,)
            size = watch.reader.size
            assert await asks(watch, 3) == third
            assert watch.reader.size == size, "the same act again writes nothing"
            assert within(watch.gate.state.paces, person("olga"), now()) == 2

    run(scene())


def test_a_person_s_hour_counts_what_every_system_asks_of_them(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path) as watch:
            await asks(watch, 1, "ship")
            await asks(watch, 2, "ship")
            assert await asks(watch, 3) in watch.gate.state.deferred

    run(scene())


def test_nothing_is_pulled_into_a_question_while_there_is_no_room(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path) as watch:
            for amount in (1, 2):
                await asks(watch, amount)
            third = await asks(watch, 3)
            with pytest.raises(Conflict) as caught:
                await watch.control.ask_deferred(watch.who("maria"), third)
            assert caught.value.code == "no_room"
            assert third in watch.gate.state.deferred

    run(scene())


def test_what_a_run_may_not_push_a_person_may_pull_and_then_it_is_released(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_run: 1, per_person_per_hour: 9}") as watch:
            first, second = await asks(watch, 1), await asks(watch, 2)
            assert list(watch.gate.state.questions) == [first]
            asked = await watch.control.ask_deferred(watch.who("maria"), second)
            pulled, question = (watch.reader.entry(asked.index - 1), watch.reader.entry(asked.index))
            assert isinstance(pulled, Pulled)
            assert isinstance(question, AskedMany)
            assert (pulled.by, pulled.into, question.id, question.by) == (
                "maria",
                "question",
                second,
                "agent",
            )
            sheet = await watch.control.question(watch.who("olga"), second)
            assert '"amount":2' in sheet.action
            assert sheet.findings["findings"]
            assert await asks(watch, 2) == second
            await answer(watch, second)
            reply = await watch.act(done, amount=2)
            assert (reply.word, reply.id) == ("done", second)

    run(scene())


def test_a_dropped_act_is_refused_and_says_why_under_seal(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_run: 0}") as watch:
            first = await asks(watch, 1)
            with pytest.raises(Malformed):
                await watch.control.drop_deferred(watch.who("olga"), first, PullOrder())
            ended = await watch.control.drop_deferred(watch.who("olga"), first, PullOrder("not ours"))
            part = watch.reader.part(first, "reason")
            assert part is not None
            assert part.data == b"not ours"
            assert (await watch.act(done, amount=1)).word == "refused"
            assert await watch.control.deferred(watch.who("otto")) == ()
            with pytest.raises(NotFound):
                await watch.control.ask_deferred(watch.who("maria"), first)
            assert isinstance(watch.reader.entry(ended.index), Pulled)

    run(scene())


@pytest.mark.parametrize("who", ["otto", "chen", "nina"])
def test_only_the_owner_and_those_who_approve_pull(tmp_path: Path, who: str) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_run: 0}") as watch:
            first = await asks(watch, 1)
            with pytest.raises(Forbidden):
                await watch.control.ask_deferred(watch.who(who), first)
            assert first in watch.gate.state.deferred

    run(scene())


def test_what_is_held_is_not_asked_about(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_run: 0, per_person_per_hour: 9}") as watch:
            first = await asks(watch, 1)
            await watch.control.halt(watch.who("otto"), HaltOrder("tool:bank.send", "enough"))
            with pytest.raises(Conflict) as caught:
                await watch.control.ask_deferred(watch.who("maria"), first)
            assert caught.value.code == "held"

    run(scene())


def test_two_who_pull_at_once_ask_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_run: 0, per_person_per_hour: 9}") as watch:
            first = await asks(watch, 1)
            both = await asyncio.gather(
                watch.control.ask_deferred(watch.who("maria"), first),
                watch.control.ask_deferred(watch.who("olga"), first),
                return_exceptions=True,
            )
            assert sorted(isinstance(one, Conflict) for one in both) == [False, True]
            asked = [
                one for _, one in watch.reader.entries(0, watch.reader.size) if isinstance(one, AskedMany)
            ]
            assert [one.id for one in asked] == [first]

    run(scene())


def test_the_queue_is_there_after_a_restart_and_ends_with_its_run(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_run: 0, per_person_per_hour: 9}") as watch:
            first = await asks(watch, 1)
        async with sparing(tmp_path) as watch:
            assert await asks(watch, 1) == first
            entry = watch.gate.state.deferred[first].entry
            assert isinstance(entry, Deferred)
            await watch.control.ask_deferred(watch.who("maria"), first)
            second = await asks(watch, 2)
            assert second in watch.gate.state.deferred
            told = (await watch.control.explain(watch.who("otto"), second))["explanation"]
            assert (told.standing, told.code) == ("deferred", "ask_budget")
            _, opened = watch.gate.state.runs[entry.run]
            await watch.gate.close_run(Caller(opened.principal, "agent", ("pay",)), entry.run)
            assert not watch.gate.state.deferred

    run(scene())
