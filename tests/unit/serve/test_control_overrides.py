"""Overrides over a real recorder: who may, what stands, what is told of it, and that two never both win."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Overridden
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError
from standwatch.fronts.control_overrides import OverrideDone, OverrideOrder
from standwatch.record.decision import decision
from support.overriding import decided, write_overridable
from support.watch import Watch, standing


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


@asynccontextmanager
async def lending(folder: Path) -> AsyncGenerator[Watch]:
    if not (folder / "standwatch.yaml").exists():
        write_overridable(folder)
    async with standing(folder, agent=False) as watch:
        yield watch


async def override(
    watch: Watch, by: str, place: str, outcome: str = "approved", reason: str = "income was per year"
) -> OverrideDone:
    ident, _, row = place.partition("/")
    return await watch.control.override(watch.who(by), ident, row, OverrideOrder(outcome, reason))


async def refused(kind: type[StandwatchError], code: str, act: Coroutine[Any, Any, Any]) -> None:
    with pytest.raises(kind) as error:
        await act
    assert error.value.code == code


def test_both_stand_and_the_last_has_force(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna", "bert")
            first = await override(watch, "otto", f"{index}/1")
            assert (first.decision, first.former, first.outcome) == (f"{index}/1", "denied", "approved")
            second = await override(watch, "nina", f"{index}/1", "denied", "it was per month after all")
            assert second.follows == first.index
            entry = watch.reader.entry(first.index)
            assert isinstance(entry, Overridden)
            assert (entry.by, entry.of, entry.row) == ("otto", index, 1)
            told = decision(watch.reader, f"{index}/1")
            assert told.record is not None
            assert told.record.outcome == "denied"
            assert [one.index for one in told.overrides] == [first.index, second.index]
            assert not told.problems
            assert decision(watch.reader, f"{index}/0").overrides == ()

    run(work())


def test_who_may_not_is_told_why(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna", "otto@watch.example", "otto")
            await refused(Forbidden, "forbidden", override(watch, "chen", f"{index}/0"))
            await refused(Forbidden, "forbidden", override(watch, "maria", f"{index}/0"))
            for row in (1, 2):
                await refused(Forbidden, "own_decision", override(watch, "otto", f"{index}/{row}"))
            await refused(Malformed, "bad_outcome", override(watch, "otto", f"{index}/0", "perhaps"))
            await refused(Malformed, "no_reason", override(watch, "otto", f"{index}/0", reason=" "))
            await refused(Conflict, "same_outcome", override(watch, "otto", f"{index}/0", "denied"))
            for place in (f"{index}/3", f"{index + 99}/0", "nothing/0", "0/0"):
                await refused(NotFound, "not_found", override(watch, "otto", place))

    run(work())


def test_halt_authority_takes_one_back(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna")
            await refused(Forbidden, "forbidden", override(watch, "olga", f"{index}/0"))
            await override(watch, "otto", f"{index}/0")
            assert (await override(watch, "olga", f"{index}/0", "denied")).former == "approved"

    run(work())


def test_of_two_at_once_one_wins(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna")
            tried = (override(watch, by, f"{index}/0") for by in ("otto", "nina"))
            answers = await asyncio.gather(*tried, return_exceptions=True)
            assert sorted(type(each).__name__ for each in answers) == ["Conflict", "OverrideDone"]

    run(work())


def test_a_day_has_so_many_and_a_restart_forgets_none(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, *(f"p{n}" for n in range(5)))
            for row in range(3):
                await override(watch, "otto", f"{index}/{row}")
        async with lending(tmp_path) as watch:
            await refused(Forbidden, "per_day", override(watch, "otto", f"{index}/3"))
            await override(watch, "nina", f"{index}/3")
            report = await watch.control.overrides(watch.who("otto"), "loans")
            assert (report.total, report.rows, report.decided, report.per_cent) == (4, 4, 5, 80.0)
            assert [(one.by, one.overrides) for one in report.people] == [("otto", 3), ("nina", 1)]
            assert sum(report.days.values()) == 4

    run(work())


def test_the_report_names_chains_and_says_what_was_erased(tmp_path: Path) -> None:
    async def work() -> None:
        async with lending(tmp_path) as watch:
            index = await decided(watch, "anna", "bert")
            await override(watch, "otto", f"{index}/0")
            await override(watch, "nina", f"{index}/0", "denied", "no")
            await override(watch, "otto", f"{index}/1")
            report = await watch.control.overrides(watch.who("nina"), "loans")
            assert [(one.decision, one.people) for one in report.chains] == [(f"{index}/0", ("otto", "nina"))]
            assert {one.by: one.undone for one in report.people} == {"otto": 1, "nina": 0}
            assert [(one.stands, one.outcome) for one in report.latest] == [
                (True, "approved"),
                (True, "denied"),
                (False, "approved"),
            ]
            await asyncio.wrap_future(watch.recorder.erase("bert"))
            report = await watch.control.overrides(watch.who("nina"), "loans")
            assert (report.latest[0].outcome, report.latest[0].why) == ("", "")
            assert report.latest[1].why == "no"
            await refused(NotFound, "erased", override(watch, "otto", f"{index}/1", "denied"))
            later = await watch.control.overrides(watch.who("nina"), "loans", "2100-01-01T00:00Z")
            assert (later.total, later.latest) == (0, ())
            stranger = msgspec.structs.replace(watch.who("olga"), ident="eve")
            await refused(Forbidden, "forbidden", watch.control.overrides(stranger, "loans", ""))

    run(work())
