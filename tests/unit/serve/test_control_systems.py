"""One system whole: what its manifest says in words, what counts of its evidence, as of any moment."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from standwatch.console.frame import Frame
from standwatch.console.page import Ask
from standwatch.console.render import render
from standwatch.console.system import SYSTEM
from standwatch.facts.errors import Forbidden, NotFound
from standwatch.fronts.control_ports import HaltOrder
from support.overriding import write_overridable
from support.quorum import written
from support.relaxing_watch import awaited
from support.watch import now, standing

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
        assert (tool.otherwise, tool.approvals, tool.approvers) == ("deny", "", ()), (
            "the system's people answer"
        )
        assert sheet.limits == ("at most 9 calls in a run", "at most 7 bank.send a day")
        assert sheet.permits["irreversible"] == "asks"
        assert [one.name for one in sheet.parts] == ["model-pay", "bank"]
        assert sheet.known
        loans = await watch.control.system(watch.who("otto"), "loans")
        assert [one.model for one in loans.models] == ["scorer"]


@awaited
async def test_a_tool_with_approvals_of_its_own_says_so_and_the_page_shows_them_and_minutes_in_bypass(
    tmp_path: Path,
) -> None:
    own = "    approvals: {by: [otto@watch.example, chen@watch.example], quorum: 2, ordered: true}\n"
    written(tmp_path, rules="", tool=own)
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        (tool,) = (await watch.control.system(otto, "pay")).tools
        assert (tool.approvals, tool.approvers) == ("2 of 2, in order", ("otto", "chen"))
        view = await SYSTEM.view(Ask(watch.control, otto, {"system": "pay"}, {}, now(), "", {}))
        line = msgspec.structs.replace(view.line, bypass={"provenance": 90 * 60_000_000})
        view = msgspec.structs.replace(view, line=line)
        names = {"otto": "Otto Ahn", "chen": "Chen Li"}
        frame = Frame(title="", path="/", menu=(), organisation="Watch", now=now(), at=now(), names=names)
        page = render(SYSTEM.file, view, frame, csrf="token", nonce="nonce").decode()
        row = page[page.index("Out of bounds") :]
        assert "2 of 2, in order" in row
        assert row.index("Otto Ahn") < row.index("Chen Li")
        assert ">denied<" not in row, "a tool without bounds cannot be out of them"
        assert "In bypass" in page
        assert "90 min" in page


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
        present = await watch.control.system(otto, "pay")
        past = await watch.control.system(otto, "pay", str(before))
        assert present.tools[0].bounds
        assert (past.tools[0].bounds, past.tools[0].otherwise) == ((), "")
        assert (past.past, past.known, past.index) == (True, True, before)
        with pytest.raises(NotFound):
            await watch.control.system(otto, "pay", "0")
