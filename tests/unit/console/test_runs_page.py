"""The list of runs: its red button stops what the list is of."""

from __future__ import annotations

import asyncio
from pathlib import Path

from standwatch.console.frame import frame
from standwatch.console.page import Ask
from standwatch.console.runs import RUNS
from support.watch import done, now, standing


def test_the_button_stops_the_system_whose_runs_are_listed_and_else_all(tmp_path: Path) -> None:
    async def within() -> None:
        async with standing(tmp_path) as watch:
            await watch.act(done)
            for query, scope in (({}, "all"), ({"system": "pay"}, "system:pay")):
                ask = Ask(watch.control, watch.who("otto"), {}, dict(query), now(), "", {})
                around = await frame(ask, RUNS, "/runs", (), await RUNS.view(ask))
                assert around.scope == scope

    asyncio.run(within())
