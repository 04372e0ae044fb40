"""One system whole: what its manifest says in words, what counts of its evidence, as of any moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from standwatch.facts.errors import Forbidden, NotFound
from standwatch.fronts.control_ports import HaltOrder
from support.overriding import write_overridable
from support.relaxing_watch import awaited
from support.watch import standing

RULES = """\
    effect: irreversible
    arguments:
      amount: {max: 500, required: true, otherwise: step_up}
      to: {one_of: [a, b], from: [task]}
    only_declared: true
    per_run: 3
limits: {per_run: {calls: 9}, per_day: {bank.send: 7}}
"""


@awaited
async def test_a_manifest_is_told_in_words(tmp_path: Path) -> None:
    write_overridable(tmp_path)
    pay = tmp_path / "systems" / "pay.yaml"
    pay.write_text(pay.read_text().replace("    effect: irreversible\n", RULES))
    async with standing(tmp_path) as watch:
        sheet = await watch.control.system(watch.who("otto"), "pay")
        (tool,) = sheet.tools
        assert tool.bounds == (
            "amount: required, at most 500, else a person is asked",
            "to: one of a, b, from task",
            "no other arguments",
            "at most 3 in a run",
        )
        assert tool.digest == "5" * 64
        assert sheet.limits == ("at most 9 calls in a run", "at most 7 bank.send a day")
        assert sheet.permits["irreversible"] == "asks"
        assert [one.name for one in sheet.parts] == ["model-pay", "bank"]
        assert sheet.known
        loans = await watch.control.system(watch.who("otto"), "loans")
        assert [one.model for one in loans.models] == ["scorer"]


@awaited
async def test_holds_that_fall_on_it_and_who_may_look(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        on_tool = await watch.control.halt(otto, HaltOrder("tool:bank.send", "x"))
        await watch.control.halt(otto, HaltOrder("system:ship", "x"))
        assert (await watch.control.system(otto, "pay")).holds == (on_tool.hold,)
        with pytest.raises(Forbidden):
            await watch.control.system(watch.who("nina"), "pay")
        with pytest.raises(NotFound):
            await watch.control.system(otto, "nothing")


@awaited
async def test_the_past_is_told_by_the_configuration_of_its_time(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto, before = watch.who("otto"), watch.reader.size - 1
        pay = tmp_path / "systems" / "pay.yaml"
        pay.write_text(pay.read_text().replace("    effect: irreversible\n", RULES))
        await watch.control.reload(watch.who("maria"))
        now = await watch.control.system(otto, "pay")
        past = await watch.control.system(otto, "pay", str(before))
        assert now.tools[0].bounds
        assert past.tools[0].bounds == ()
        assert (past.past, past.known, past.index) == (True, True, before)
        with pytest.raises(NotFound):
            await watch.control.system(otto, "pay", "0")
