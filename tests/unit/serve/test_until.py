"""The record as it was: nothing that came later is in it, wherever one looks."""

import asyncio
from pathlib import Path

import pytest

from standwatch.facts.errors import NotFound
from standwatch.serve.until import Until
from support.watch import done, standing


def test_nothing_that_came_later_is_in_it(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            first = await watch.act(done, amount=1)
            end = watch.reader.size
            run = watch.gate.state.questions[first.id].entry.run
            now = watch.reader.state_before(end)
            await watch.act(done, amount=2)
            past = Until(watch.reader, end)
            assert (past.size, past.span) == (end, (0, end))
            assert [index for index, _ in past.leaves(0, 10**9)] == list(range(end))
            assert past.of_action(first.id) == watch.reader.of_action(first.id)
            assert max(past.of_run(run)) < end < max(watch.reader.of_run(run)) + 1
            assert all(index < end for index, _ in past.control(0, 10**9))
            assert past.at(2**60) == end - 1
            assert past.state_before(10**9).seen == now.seen
            assert (past.open_intents(), past.leaf(end - 1)) == ({}, watch.reader.leaf(end - 1))
            with pytest.raises(NotFound):
                past.leaf(end)

    asyncio.run(asyncio.wait_for(script(), 100))
