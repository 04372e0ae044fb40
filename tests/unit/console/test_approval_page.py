"""The page of one question against a server that lies, and for whoever may or may not answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.console.approval import APPROVAL, ApprovalView
from standwatch.console.frame import Frame
from standwatch.console.page import Ask
from standwatch.console.render import render
from standwatch.facts.errors import NotFound
from standwatch.fronts.control_ports import Actor, QuestionSheet
from support.budget import answer
from support.watch import Watch, done, now, standing


class Lying:
    """Operations of a server that shows another sheet than the one it has."""

    def __init__(self, watch: Watch, change: Callable[[QuestionSheet], QuestionSheet]) -> None:
        self._watch, self._change = watch, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._watch.control, name)

    async def inquiry(self, who: Actor, ident: str, as_of: str = "") -> QuestionSheet:
        return self._change(await self._watch.control.inquiry(who, ident, as_of))


async def shown(
    watch: Watch, ident: str, who: Actor, ops: Any = None, as_of: str = ""
) -> tuple[ApprovalView, str]:
    """The view, and its page as HTML."""
    ask = Ask(ops or watch.control, who, {"id": ident}, {}, now(), as_of, {})
    view = await APPROVAL.view(ask)
    frame = Frame(title="", path="/", menu=(), organisation="Watch", now=now(), at=now(), names={})
    return view, render(APPROVAL.file, view, frame, csrf="token", nonce="nonce").decode()


def run(folder: Path, work: Callable[[Watch, str], Awaitable[None]]) -> None:
    async def within() -> None:
        async with standing(folder) as watch:
            asked = await watch.act(done, amount=600, to="<b>mallory</b>")
            await work(watch, asked.id)

    asyncio.run(within())


def replaced(old: str, new: str) -> Callable[[QuestionSheet], QuestionSheet]:
    return lambda sheet: msgspec.structs.replace(sheet, action=sheet.action.replace(old, new))


LIES: dict[str, Callable[[QuestionSheet], QuestionSheet]] = {
    "the amount": replaced("600", "6"),
    "the recipient": replaced("mallory", "alice"),
    "a member left out": replaced('"phase":"call",', ""),
    "an argument twice": replaced('"amount":600', '"amount":6,"amount":600'),
    "white space": replaced('{"amount"', '{ "amount"'),
    "another log": lambda sheet: msgspec.structs.replace(sheet, org="other.invalid/log"),
    "another system": lambda sheet: msgspec.structs.replace(
        sheet, question=msgspec.structs.replace(sheet.question, system="ship")
    ),
    "another digest": lambda sheet: msgspec.structs.replace(
        sheet, question=msgspec.structs.replace(sheet.question, digest="0" * 64)
    ),
    "no action": lambda sheet: msgspec.structs.replace(sheet, action="[]"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
def test_what_is_not_the_action_that_was_asked_about_cannot_be_approved(
    tmp_path: Path, lie: Callable[[QuestionSheet], QuestionSheet]
) -> None:
    async def work(watch: Watch, ident: str) -> None:
        view, page = await shown(watch, ident, watch.who("olga"), Lying(watch, lie))
        assert view.problems
        assert not view.may_approve
        assert view.may_refuse, "refusing is always good"
        assert "Do not approve this" in page

    run(tmp_path, work)


def test_the_truth_can_be_approved_by_whom_it_was_asked_of_and_by_nobody_else(tmp_path: Path) -> None:
    async def work(watch: Watch, ident: str) -> None:
        view, page = await shown(watch, ident, watch.who("olga"))
        assert (view.problems, view.may_approve, view.may_refuse) == ((), True, True)
        assert "&lt;b&gt;mallory&lt;/b&gt;" in page
        assert "<b>mallory" not in page
        for who, why in (
            (watch.who("otto"), "You were not asked."),
            (Actor("anonymous", "", sees_all=True), "signed in"),
        ):
            view, page = await shown(watch, ident, who)
            assert not view.may_approve
            assert not view.may_refuse
            assert why in view.why_not
            assert 'id="approve"' not in page

    run(tmp_path, work)


def test_an_action_that_was_erased_cannot_be_answered_and_the_page_says_so(tmp_path: Path) -> None:
    class Erased(Lying):
        async def inquiry(self, who: Actor, ident: str, as_of: str = "") -> QuestionSheet:
            raise NotFound("the action was erased: it cannot be approved", reference=ident)

    async def work(watch: Watch, ident: str) -> None:
        view, page = await shown(watch, ident, watch.who("olga"), Erased(watch, lambda sheet: sheet))
        assert not view.may_approve
        assert not view.may_refuse
        assert "the action was erased" in page
        assert 'id="approve"' not in page

    run(tmp_path, work)


def test_where_a_value_comes_from_is_said_to_be_unknown_where_nothing_is_recorded(tmp_path: Path) -> None:
    def forgotten(sheet: QuestionSheet) -> QuestionSheet:
        assert sheet.around is not None
        return msgspec.structs.replace(sheet, around=msgspec.structs.replace(sheet.around, origins=()))

    async def work(watch: Watch, ident: str) -> None:
        _, page = await shown(watch, ident, watch.who("olga"), Lying(watch, forgotten))
        assert page.count("Where it comes from is not recorded") == 2

    run(tmp_path, work)


def test_the_twin_says_what_the_page_says(tmp_path: Path) -> None:
    async def work(watch: Watch, ident: str) -> None:
        view, _ = await shown(watch, ident, watch.who("olga"))
        twin = json.loads(msgspec.json.encode(view))
        assert twin["sheet"]["digest"] == twin["asked"]["question"]["digest"]
        assert [row["pointer"] for row in twin["sheet"]["arguments"]] == ["/amount", "/to"]
        assert twin["standing"]["state"] == "open"

    run(tmp_path, work)


def test_a_moment_of_the_past_shows_the_question_as_it_stood_and_takes_no_answer(tmp_path: Path) -> None:
    async def work(watch: Watch, ident: str) -> None:
        olga = watch.who("olga")
        asked = (await watch.control.standing(olga, ident)).index
        await answer(watch, ident, decision="refuse")
        view, _ = await shown(watch, ident, olga)
        assert view.standing.state == "refused"
        view, page = await shown(watch, ident, olga, as_of=str(asked))
        assert (view.standing.state, view.standing.votes) == ("open", ())
        assert (view.problems, view.may_approve, view.may_refuse) == ((), False, False)
        assert "moment of the past" in view.why_not
        assert 'id="approve"' not in page
        with pytest.raises(NotFound):
            await watch.control.standing(olga, ident, str(asked - 1))

    run(tmp_path, work)
