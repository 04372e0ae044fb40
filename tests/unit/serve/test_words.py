"""Words compared beside the passage: within a budget, in turn, and with deeds that are read once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Act, Caller
from standwatch.facts.entries import Contradicted
from standwatch.record.source import read_leaf
from standwatch.serve import words
from standwatch.serve.deeds import Deeds, Head
from standwatch.serve.words import Words
from support.watch import DEFINITION, Watch, done, standing

TO = "DE02120300000000202051"


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


async def opened(watch: Watch, token: str = "ab") -> Caller:
    agent = Caller("agent", "agent", ("pay",))
    ident = await watch.gate.runs.open(agent, "pay", "Pay what is owed.", "user-7", token=token * 32)
    return msgspec.structs.replace(agent, run=ident)


async def asked(watch: Watch, caller: Caller, **arguments: Any) -> Any:
    """A payment that a person is asked about."""
    act = Act(
        caller=caller,
        system="pay",
        event="tool_call",
        tool="bank.send",
        target="bank",
        arguments=arguments,
        definition=DEFINITION,
    )
    return await watch.gate.act(act, done)


def found(watch: Watch) -> list[Contradicted]:
    entries = (read_leaf(leaf) for _, leaf in watch.reader.leaves(0, watch.reader.size))
    return [one for one in entries if isinstance(one, Contradicted)]


def test_what_is_over_the_budget_waits_and_comes_in_its_turn(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            mine = await opened(watch)
            await asked(watch, mine, to=TO, amount=120)
            for _ in range(3):
                await watch.gate.take_word(mine, "pay", "", f"I sent 120 to {TO}.")
            await watch.gate.take_word(mine, "pay", "", "Nothing here.")
            never = Words(watch.reader, watch.gate, os.urandom, budget=0.0)
            assert (await never.look(), never.waiting, never.passed_over) == (0, 4, 0)
            one = Words(watch.reader, watch.gate, os.urandom, budget=1e-5)  # less than any text needs
            written = [await one.look()]
            assert one.waiting == 3
            while one.waiting:  # the debt is paid off, look after look
                written.append(await one.look())
            assert sum(written) == 3
            assert max(written) == 1
            assert [each.code for each in found(watch)] == ["not_done"] * 3
            again = Words(watch.reader, watch.gate, os.urandom, budget=100.0)
            assert (await again.look(), again.waiting) == (0, 0)  # what was found is not found twice

    run(script())


def test_of_too_many_that_wait_the_oldest_are_passed_over_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "WAITING", 2)

    async def script() -> None:
        async with standing(tmp_path) as watch:
            mine = await opened(watch)
            await asked(watch, mine, to=TO, amount=120)
            for _ in range(5):
                await watch.gate.take_word(mine, "pay", "", f"I sent 120 to {TO}.")
            few = Words(watch.reader, watch.gate, os.urandom, budget=100.0)
            assert (await few.look(), few.passed_over) == (2, 3)

    run(script())


def test_who_follows_and_who_comes_later_know_the_same_deeds(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            following, heads = Deeds(watch.reader), 0
            mine, other = await opened(watch), await opened(watch, "cd")
            for amount in (10, 20):
                await asked(watch, mine, to=TO, amount=amount)
                await asked(watch, other, to="GB33BUKB20201555555555", amount=amount)
                for index, leaf in watch.reader.leaves(heads, watch.reader.size):
                    following.note(index, msgspec.json.decode(leaf, type=Head))
                heads = watch.reader.size
                later = Deeds(watch.reader)
                later.note(heads - 1, Head())
                now = read_leaf(watch.reader.leaf(heads - 1)).at
                for each in (mine, other):
                    known = following.before(each.run, heads, now)
                    assert known == later.before(each.run, heads, now)
                    assert [one.numbers & {"10", "20"} for one in known] == [{"10"}, {"20"}][: len(known)]
                    assert known[-1].numbers & {str(amount)}
            assert not following.none(mine.run)
            assert following.none((await fresh(watch, following, heads)).run)

    run(script())


async def fresh(watch: Watch, deeds: Deeds, heads: int) -> Caller:
    """A run that did nothing yet."""
    quiet = await opened(watch, "ef")
    for index, leaf in watch.reader.leaves(heads, watch.reader.size):
        deeds.note(index, msgspec.json.decode(leaf, type=Head))
    return quiet
