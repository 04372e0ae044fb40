"""The page of a hold that is over: who held it and why, who released it and why, from the record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from standwatch.console.frame import Frame
from standwatch.console.holds import HOLD, HoldView
from standwatch.console.page import Ask
from standwatch.console.render import render
from standwatch.facts.errors import NotFound
from standwatch.fronts.control_ports import HaltOrder, ReleaseOrder
from support.watch import Watch, now, standing


def run(folder: Path, work: Callable[[Watch], Awaitable[None]]) -> None:
    async def within() -> None:
        async with standing(folder) as watch:
            await work(watch)

    asyncio.run(within())


async def page(watch: Watch, number: object, who: str = "otto", as_of: str = "") -> tuple[HoldView, str]:
    view = await HOLD.view(Ask(watch.control, watch.who(who), {"hold": str(number)}, {}, now(), as_of))
    frame = Frame(title="", path="/", menu=(), organisation="Watch", now=now(), at=now(), names={})
    return view, render(HOLD.file, view, frame, csrf="token", nonce="nonce").decode()


def test_a_released_hold_tells_both_ends_and_their_reasons(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        halted = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd <b>payments</b>"))
        beside = await watch.control.halt(watch.who("maria"), HaltOrder("system:pay", "me too"))
        _, told = await page(watch, halted.hold)
        assert "Start it again" in told
        done = await watch.control.release(watch.who("otto"), str(halted.hold), ReleaseOrder("all paid back"))
        view, told = await page(watch, halted.hold)
        story = view.story
        assert story is not None
        assert (story.state, story.line.by, story.line.at, story.line.reason) == (
            "released", "otto", halted.at, "odd <b>payments</b>",
        )  # fmt: skip
        assert (story.released, story.released_by, story.released_at, story.released_reason) == (
            done.index, "otto", done.at, "all paid back",
        )  # fmt: skip
        for words in (
            f"lifted by entry {done.index}",
            "all paid back",
            "odd &lt;b&gt;payments",
            "still held by",
        ):
            assert words in told
        assert f'href="/holds/{beside.hold}"' in told
        assert "Start it again" not in told
        view, _ = await page(watch, halted.hold, as_of=str(halted.hold))
        assert view.hold is not None, "it was in force then"
        then = await watch.control.hold(watch.who("otto"), str(halted.hold), str(halted.hold))
        assert (then.state, then.released) == ("in force", -1)

    run(tmp_path / "org", work)


def test_a_hold_that_ended_by_itself_says_so(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        order = HaltOrder("system:pay", "for a moment", now() + 2_000_000)
        halted = await watch.control.halt(watch.who("otto"), order)
        await asyncio.sleep(2.1)
        view, told = await page(watch, halted.hold)
        assert view.story is not None
        assert view.story.state == "ended"
        assert "ended by itself" in told
        assert "for a moment" in told

    run(tmp_path / "org", work)


def test_whoever_may_not_see_the_system_reads_neither_reason(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        halted = await watch.control.halt(watch.who("maria"), HaltOrder("system:pay", "odd"))
        await watch.control.release(watch.who("maria"), str(halted.hold), ReleaseOrder("seen to"))
        view, told = await page(watch, halted.hold, "nina")  # she owns the other system
        assert view.story is not None
        assert (view.story.line.reason, view.story.released_reason) == ("", "")
        assert "seen to" not in told

    run(tmp_path / "org", work)


def test_what_is_no_hold_is_said_to_be_none(tmp_path: Path) -> None:
    async def work(watch: Watch) -> None:
        for number in ("0", "999999"):
            view, told = await page(watch, number)
            assert view.story is None
            assert "the record has no such hold" in told
            with pytest.raises(NotFound):
                await watch.control.hold(watch.who("otto"), number)

    run(tmp_path / "org", work)
