"""Runs: which there were, and one of them as a timeline of what it read, asked, did, and where values flowed."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.fronts.control_runs import RunAct, RunDocument, RunList


class RunsView(msgspec.Struct, frozen=True):
    """The latest runs."""

    system: str
    found: RunList


class ActLine(msgspec.Struct, frozen=True):
    """One act on the timeline, and the acts of this page into whose arguments something of its result went."""

    act: RunAct
    gave: tuple[Given, ...]


class Given(msgspec.Struct, frozen=True):
    """A value of a result that went on: into the act at `index`, at `pointer` of its arguments."""

    index: int
    tool: str
    pointer: str
    source: str


class RunView(msgspec.Struct, frozen=True):
    """One run, a page of it."""

    run: RunDocument
    acts: tuple[ActLine, ...]
    refused: int
    previous: int
    """The `from` of the page before; -1 for none."""


async def runs(ask: Ask) -> RunsView:
    """The latest runs that the reader may see."""
    system = ask.query.get("system", "")
    return RunsView(system, await ask.ops.runs(ask.who, system, ask.query.get("before", ""), ask.as_of))


async def run(ask: Ask) -> RunView:
    """One run."""
    begin, at = ask.query.get("from", ""), ask.query.get("at", "")
    found = await ask.ops.run(ask.who, ask.names["run"], begin, "", ask.as_of, at)
    given: dict[int, list[Given]] = {}
    for act in found.acts:
        for flow in act.flows:
            if flow.of >= 0:
                given.setdefault(flow.of, []).append(Given(act.index, act.tool, flow.pointer, flow.source))
    lines = tuple(ActLine(act, tuple(given.get(act.outcome, ()))) for act in found.acts)
    refused = sum(found.counts.get(word, 0) for word in ("denied", "refused", "expired"))
    return RunView(found, lines, refused, max(0, found.begin - 50) if found.begin else -1)


def _halts(shown: RunsView) -> str:
    return f"system:{shown.system}" if shown.system else "all"


RUNS: Final = Page(
    "/runs", "runs", "Runs", runs, query=("system", "before"), menu="Runs", key="u", halts=_halts
)
RUN: Final = Page("/runs/{run}", "run", "Run", run, query=("from", "at"), halts="run:{run}")
