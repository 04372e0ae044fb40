"""The record as it grows: whoever follows is woken by the commit, sifts, pages back, and is cut with their session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.entries import Denied
from standwatch.facts.entries import Watch as Entry
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.fronts.control_live import Sift
from standwatch.fronts.control_ports import Actor, AgentOrder, HaltOrder
from standwatch.serve import control_live as live
from standwatch.serve.control_render import named, sentence
from standwatch.serve.growth import Growth
from support.relaxing_watch import awaited
from support.watch import Watch, done, standing


async def refusals(watch: Watch, count: int, system: str = "pay") -> None:
    seen = watch.gate.state.seen
    common: dict[str, Any] = {"run": "", "tool": "t", "digest": "", "seen": seen, "why": "", "code": "c"}
    for number in range(count):
        await watch.gate.append(
            Denied(by="agent", id=f"{system}{watch.reader.size}-{number}", system=system, **common)
        )


@awaited
async def test_who_waits_is_woken_by_the_commit(tmp_path: Path) -> None:
    growth = Growth()
    growth.grew()  # nobody waits: nothing happens
    with growth.listening() as one, growth.listening() as other:
        waits = [asyncio.create_task(each.wait(30)) for each in (one, other)]
        await asyncio.sleep(0)
        await asyncio.to_thread(growth.grew)
        await asyncio.wait_for(asyncio.gather(*waits), 30)
        growth.grew()  # between two waits: the next one returns at once
        await asyncio.sleep(0)
        await asyncio.wait_for(one.wait(30), 30)
        begun = asyncio.get_running_loop().time()
        await one.wait(0.05)
        assert asyncio.get_running_loop().time() - begun >= 0.04


@awaited
async def test_entries_follow_as_they_are_committed_and_only_those_wanted(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        start = str(watch.reader.size)
        lines = watch.control.tail(otto, start, Sift(kind="ctl.", by="otto"))
        waiting = asyncio.ensure_future(anext(lines))
        await refusals(watch, 3)
        held = await watch.control.halt(otto, HaltOrder("agent:x", "why"))
        found = await asyncio.wait_for(waiting, 30)
        assert (found.index, found.kind) == (held.hold, "ctl.hold.1")
        with pytest.raises(Forbidden):
            watch.control.tail(watch.who("nina"), "0", Sift())


@awaited
async def test_sentences_say_people_s_names_and_the_entries_keep_their_ids(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        held = await watch.control.halt(otto, HaltOrder("agent:x", "why"))
        page = await watch.control.latest(otto, "", "1", Sift())
        (listed,) = await watch.control.entries(otto, str(held.hold), "1")
        followed = await anext(watch.control.tail(otto, str(held.hold), Sift()))
        for line in (page.entries[0], listed, followed):
            assert (line.index, line.text, line.entry["by"]) == (held.hold, "Otto: halted agent:x", "otto")
    entry = Entry(by="p-1", watch="night", step="handed_over", person="p-2", giver="p-1")
    told = sentence(named(entry, {"p-1": "Tess", "p-2": "Olga"}))
    assert told == "watch night: Tess handed it over to Olga"


@awaited
async def test_a_stream_ends_with_the_session_that_opened_it(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        allowed = [True]
        lines = live.follow(watch.reader, watch.control.growth, "0", Sift(), lambda: allowed[0])
        first = await anext(lines)
        assert first.index == 0
        told = live.changes(watch.reader, watch.control.growth, lambda: allowed[0])
        await anext(told)
        allowed[0] = False
        assert [line async for line in lines], "what was read already is told"
        assert [change async for change in told] == []


@awaited
async def test_a_stream_ends_with_the_token_that_opened_it_and_with_its_persons_rights(
    tmp_path: Path,
) -> None:
    async with standing(tmp_path) as watch:
        control, maria = watch.control, watch.who("maria")

        async def come(name: str) -> Actor:
            issued = await control.add_agent(maria, AgentOrder(name, role="human"))
            return control.actor("127.0.0.1:9", f"Bearer {issued.token}")

        async def rest(lines: AsyncIterator[Any]) -> int:
            await refusals(watch, 1)
            return len([line async for line in lines])

        otto = await come("otto")
        assert (otto.how, otto.sees_all) == ("token", True)
        lines = control.tail(otto, str(watch.reader.size - 1), Sift())
        await anext(lines)
        await come("otto")  # another token: the first one is good no more
        assert await asyncio.wait_for(rest(lines), 30) <= 1

        otto = await come("otto")
        told = control.changes(otto)
        await anext(told)
        await control.revoke_agent(maria, "otto")
        assert await asyncio.wait_for(rest(told), 30) <= 1

        chen = await come("chen")
        lines = control.tail(chen, str(watch.reader.size - 1), Sift())
        await anext(lines)
        organisation = watch.gate.configuration.organisation
        people = tuple(msgspec.structs.replace(one, roles=()) for one in organisation.people)
        without = msgspec.structs.replace(organisation, people=people)
        configuration = msgspec.structs.replace(watch.gate.configuration, organisation=without)
        watch.gate.world = msgspec.structs.replace(watch.gate.world, configuration=configuration)
        assert await asyncio.wait_for(rest(lines), 30) <= 1


@awaited
async def test_a_backlog_ends_with_its_readers_session_too(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        await refusals(watch, 450)
        allowed = [True]
        lines = live.follow(watch.reader, watch.control.growth, "0", Sift(), lambda: allowed[0])
        await anext(lines)
        allowed[0] = False
        assert len([line async for line in lines]) < 200


@awaited
async def test_the_latest_are_paged_back_to_the_beginning_each_once(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        await refusals(watch, 23)
        await refusals(watch, 4, "ship")
        otto, seen, before = watch.who("otto"), list[int](), ""
        for _ in range(100):
            page = await watch.control.latest(otto, before, "5", Sift())
            seen += [line.index for line in page.entries]
            if page.next < 0:
                break
            before = str(page.next)
        assert seen == list(range(watch.reader.size - 1, -1, -1))
        page = await watch.control.latest(otto, "", "50", Sift(system="ship", verdict="deny"))
        assert [line.entry["system"] for line in page.entries] == ["ship"] * 4
        for wrong in ("0", "x", "9999", "-1"):
            with pytest.raises(Malformed):
                await watch.control.latest(otto, "", wrong, Sift())


@awaited
async def test_what_changed_is_told_by_topic_and_bursts_gather(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        told = watch.control.changes(otto)
        assert (await anext(told)).topics == ()
        reply = await watch.act(done, amount=3)
        assert reply.word == "pending"
        topics = set((await asyncio.wait_for(anext(told), 30)).topics)
        while "questions" not in topics:  # the run that it opened may have come before
            topics |= set((await asyncio.wait_for(anext(told), 30)).topics)
        for number in range(5):
            await watch.control.halt(otto, HaltOrder(f"agent:{number}", "x"))
        change = await asyncio.wait_for(anext(told), 30)
        assert change.topics == ("holds",)


@awaited
async def test_an_hour_of_traffic_now_and_as_of_a_moment(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        await refusals(watch, 6)
        before = watch.reader.size - 1
        await refusals(watch, 5)
        await refusals(watch, 2, "ship")
        now = await watch.control.traffic(otto)
        assert {one.system: one.deny for one in now.systems} == {"pay": 11, "ship": 2}
        assert now.whole
        past = await watch.control.traffic(otto, str(before))
        assert {one.system: one.deny for one in past.systems} == {"pay": 6}
        assert past.at <= now.at
        nina = await watch.control.traffic(watch.who("nina"))
        assert [one.system for one in nina.systems] == ["ship"], "what one may not see is not counted for one"
        assert (await watch.control.traffic(otto)).systems == now.systems, "nothing is counted twice"


@awaited
async def test_what_is_in_sight_is_what_the_status_counts(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        await watch.act(done, amount=3)
        await watch.control.halt(otto, HaltOrder("agent:x", "why"))
        for moment in ("", str(watch.reader.size - 1), "5"):
            status, summary = (
                await watch.control.status(otto, moment),
                await watch.control.summary(otto, moment),
            )
            assert (summary.holds, summary.questions, summary.relaxations) == (
                len(status.holds),
                len(status.questions),
                len(status.relaxations),
            )
            assert (summary.index, summary.past, summary.names) == (status.index, status.past, status.names)


@awaited
async def test_whose_line_broke_is_told_what_they_missed(tmp_path: Path) -> None:
    async with standing(tmp_path) as watch:
        otto = watch.who("otto")
        last = watch.reader.size - 1
        await watch.control.halt(otto, HaltOrder("agent:x", "why"))
        told = watch.control.changes(otto, str(last))
        assert (await anext(told)).index == last
        change = await asyncio.wait_for(anext(told), 30)
        assert (change.index, change.topics) == (watch.reader.size - 1, ("holds",))
        for nonsense in ("", "-1", "x", "99999999", "9" * 40, "٣"):
            first = await asyncio.wait_for(anext(watch.control.changes(otto, nonsense)), 30)
            assert (first.index, first.topics) == (watch.reader.size - 1, ())
