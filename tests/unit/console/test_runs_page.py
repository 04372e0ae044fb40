"""The list of runs: its red button stops what the list is of."""

from __future__ import annotations

import asyncio
from pathlib import Path

from standwatch.console.frame import Frame, frame
from standwatch.console.page import Ask
from standwatch.console.render import render
from standwatch.console.runs import RUNS
from support.budget import answer
from support.watch import done, now, standing


def test_a_run_says_how_much_it_asked_for_and_was_refused_and_its_agent_can_be_halted(tmp_path: Path) -> None:
    async def within() -> None:
        async with standing(tmp_path) as watch:
            reply = await watch.act(done, amount=600, to="x")
            asked = watch.reader.size - 1
            await answer(watch, reply.id, decision="refuse")
            view = await RUNS.view(Ask(watch.control, watch.who("otto"), {}, {}, now(), "", {}))
            (one,) = view.found.runs
            assert (one.acts, one.denied, one.asked, one.refused) == (1, 0, 1, 1)
            assert (one.open, one.principal) == (True, "agent")
            frame = Frame(title="", path="/", menu=(), organisation="Watch", now=now(), at=now(), names={})
            page = render(RUNS.file, view, frame, csrf="token", nonce="nonce").decode()
            assert "1 refused by people" in page
            assert 'name="scope" value="agent:agent"' in page
            (then,) = (await watch.control.runs(watch.who("otto"), "", "", str(asked))).runs
            assert (then.acts, then.asked, then.refused) == (1, 1, 0), "as it was before the answer"

    asyncio.run(within())


def test_the_button_stops_the_system_whose_runs_are_listed_and_else_all(tmp_path: Path) -> None:
    async def within() -> None:
        async with standing(tmp_path) as watch:
            await watch.act(done)
            for query, scope in (({}, "all"), ({"system": "pay"}, "system:pay")):
                ask = Ask(watch.control, watch.who("otto"), {}, dict(query), now(), "", {})
                around = await frame(ask, RUNS, "/runs", (), await RUNS.view(ask))
                assert around.scope == scope

    asyncio.run(within())
