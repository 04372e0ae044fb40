"""What a hold falls on says so where people answer: the sheet, the list, and their standing as it changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from standwatch.cli import answers
from standwatch.console.approval import APPROVAL, STANDING
from standwatch.console.approvals import APPROVALS
from standwatch.console.frame import Frame
from standwatch.console.page import Ask, Page
from standwatch.console.render import render
from standwatch.fronts.control_ports import HaltOrder, ReleaseOrder
from support.watch import Watch, done, now, standing

SCOPES = ("all", "system:pay", "tool:bank.send", "server:bank", "agent:agent", "run:")


async def page(watch: Watch, one: Page, **names: str) -> tuple[Any, str]:
    """The view for Olga, and its page as HTML."""
    view = await one.view(Ask(watch.control, watch.who("olga"), names, {}, now()))
    frame = Frame(title="", path="/", menu=(), organisation="Watch", now=now(), at=now(), names={})
    return view, render(one.file, view, frame, csrf="token", nonce="nonce").decode()


@pytest.mark.parametrize("scope", SCOPES)
def test_a_question_under_a_hold_says_so_until_it_is_released(tmp_path: Path, scope: str) -> None:
    async def work() -> None:
        async with standing(tmp_path / "org") as watch:
            ident = (await watch.act(done, amount=600)).id
            (question,) = await watch.control.questions(watch.who("otto"))
            assert question.held == ()
            _, sheet = await page(watch, APPROVAL, id=ident)
            assert "Held (" not in sheet
            order = HaltOrder(scope + question.run if scope == "run:" else scope, "odd")
            held = (await watch.control.halt(watch.who("otto"), order)).hold

            (question,) = await watch.control.questions(watch.who("otto"))
            assert question.held == (held,)
            for one in (APPROVAL, STANDING):
                view, told = await page(watch, one, id=ident)
                assert view.standing.held == (held,)
                assert f'<a href="/holds/{held}">hold {held}</a>): nothing is carried out until it is' in told
            view, listed = await page(watch, APPROVALS)
            assert f'href="/holds/{held}">held (hold {held})</a>' in listed
            assert view.held == "1 held: nothing of that is carried out until it is released."
            assert view.held in listed

            await watch.control.release(watch.who("otto"), str(held), ReleaseOrder("checked"))
            _, told = await page(watch, STANDING, id=ident)
            assert "Held (" not in told
            view, listed = await page(watch, APPROVALS)
            assert view.waiting[0].held == view.held == ""
            assert 'data-fill="held" hidden' in listed

    asyncio.run(work())


def test_a_hold_on_something_else_is_not_told_of_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path / "org") as watch:
            await watch.act(done, amount=600)
            for scope in ("system:ship", "tool:bank.other", "agent:nobody"):
                await watch.control.halt(watch.who("otto"), HaltOrder(scope, "odd"))
            assert [one.held for one in await watch.control.questions(watch.who("otto"))] == [()]

    asyncio.run(work())


def test_what_is_told_of_an_open_question_falls_silent_when_it_is_answered(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path / "org") as watch:
            ident = (await watch.act(done, amount=600)).id
            _, sheet = await page(watch, APPROVAL, id=ident)
            _, told = await page(watch, STANDING, id=ident)
            assert "Whose approval would count now" in told, "in the part that reloads itself"
            assert sheet.count("Whose approval would count now") == 1
            assert "If nobody answers" in sheet

    asyncio.run(work())


def test_the_command_line_says_it_in_the_same_words() -> None:
    assert answers.stopped([12]) == "held (hold 12): nothing is carried out until it is released"
    assert answers.stopped([12, -1]) == (
        "held (hold 12, a hold not recorded yet): nothing is carried out until they are released"
    )


def test_the_list_says_what_each_asks_for_and_only_the_list(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path / "org") as watch:
            await watch.act(done, amount=600, to="<i>DE\u202e02</i>" + "0" * 80)
            (line,) = await watch.control.questions(watch.who("otto"))
            assert line.says == "<i>DE\u202e02</i>" + "0" * 48 + "…"
            assert [one.says for one in (await watch.control.status(watch.who("otto"))).questions] == [""]
            view, told = await page(watch, APPROVALS)
            assert view.waiting[0].says.startswith("<i>DE⟨U+202E⟩02</i>0")
            assert "&lt;i&gt;DE⟨U+202E⟩02&lt;/i&gt;0" in told

    asyncio.run(work())
