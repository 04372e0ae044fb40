"""Watches over a real recorder: taken over what is open, handed over with two signatures, ended, and missed."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from standwatch.authority.grant import grant
from standwatch.console.page import Ask
from standwatch.console.roster import ROSTER_ONE
from standwatch.facts.entries import Watch as Entry
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.fronts.control_ports import HaltOrder, ReleaseOrder
from standwatch.fronts.control_watch import EndWatchOrder
from standwatch.record.verify import verify
from support.keeping import HOUR, digest, give, kept, take
from support.relaxing_watch import awaited, relax
from support.watch import Watch, now


async def line(watch: Watch, name: str = "night"):  # type: ignore[no-untyped-def]
    report = await watch.control.watches(watch.who("otto"))
    return next(one for one in report.watches if one.name == name)


def entries(watch: Watch) -> list[Entry]:
    found = watch.reader.control(0, watch.reader.size)
    return [one for _, one in found if isinstance(one, Entry)]


@awaited
async def test_a_watch_is_taken_over_what_is_open_and_verified(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        assert (await line(watch)).state == "unattended"
        held = await watch.control.halt(watch.who("otto"), HaltOrder("system:ship", "odd"))
        begun = await relax(watch)
        sheet = await watch.control.watch(watch.who("olga"), "night")
        assert [(one.kind, one.index, one.what) for one in sheet.open] == [
            ("hold", held.hold, "system:ship"),
            ("relaxation", begun.index, "provenance on tool:bank.send"),
        ]
        assert [one.text for one in sheet.open] == ["odd", "another format today"]
        assert sheet.shown == digest(sheet)
        done = await take(watch, sheet=sheet)
        found = await line(watch)
        assert (found.state, found.person, found.index, found.giver) == ("attended", "olga", done.index, "")
        assert found.acknowledged == (begun.index,)
        assert found.unacknowledged == ()
        (bypass,) = await watch.control.relaxations(watch.who("otto"))
        assert [(one.watch, one.person, one.index) for one in bypass.acknowledged] == [
            ("night", "olga", done.index)
        ]
        await watch.signed_up_to_now()
        whole = verify(watch.reader, watch.log.vkey, grant=lambda s, n, t: grant(s, n, t).level)
        assert whole.status == "verified", whole.problems


@awaited
async def test_as_of_a_moment_whoever_had_it_then_has_it_and_what_was_open_then_is_listed(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as watch:
        otto, before = watch.who("otto"), str(watch.reader.size - 1)
        held = await watch.control.halt(otto, HaltOrder("system:ship", "odd"))
        taken = await take(watch)
        await watch.control.release(otto, str(held.hold), ReleaseOrder("fine"))
        await watch.control.end_watch(watch.who("olga"), "night", EndWatchOrder("done"))
        assert (await line(watch)).person == ""
        assert [one.person for one in (await watch.control.watches(otto, before)).watches][:1] == [""]
        then = await watch.control.watch(otto, "night", str(taken.index))
        assert (then.watch.person, then.at) == ("olga", taken.at)
        assert [(one.kind, one.index) for one in then.open] == [("hold", held.hold)]
        assert (await watch.control.watch(otto, "night")).open == ()
        ask = Ask(watch.control, watch.who("olga"), {"name": "night"}, {}, now(), str(taken.index), {})
        page = await ROSTER_ONE.view(ask)
        assert (page.take, page.give) == (False, False), "nothing is ordered from the past"


@awaited
async def test_a_list_that_changed_meanwhile_is_refused_with_what_changed(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        begun = await relax(watch)
        sheet = await watch.control.watch(watch.who("olga"), "night")
        held = await watch.control.halt(watch.who("otto"), HaltOrder("tool:bank.send", "odd"))
        with pytest.raises(Conflict, match=rf"hold {held.hold} \(tool:bank.send\) came") as found:
            await take(watch, sheet=sheet)
        assert found.value.code == "changed"
        from standwatch.fronts.control_relaxing import RestoreOrder

        sheet = await watch.control.watch(watch.who("olga"), "night")
        await watch.control.restore(watch.who("olga"), begun.id, RestoreOrder())
        with pytest.raises(Conflict, match=f"relaxation {begun.index} went"):
            await take(watch, sheet=sheet)
        assert entries(watch) == []
        ours = await watch.control.watch(watch.who("otto"), "ships")
        assert [one.index for one in ours.open] == [held.hold], "a hold on a tool may fall on any system"


@awaited
async def test_a_hand_over_takes_both_signatures_over_the_same_list(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        await take(watch)
        until = now() + 4 * HOUR
        with pytest.raises(NotFound):
            await take(watch, "chen", giver="olga", until=until)
        offered = await give(watch, "olga", "chen", until)
        assert offered.to == "chen"
        assert (await line(watch)).person == "olga", "it stays hers until he takes it"
        offer = (await line(watch)).offer
        assert offer is not None
        assert (offer.giver, offer.to) == ("olga", "chen")
        with pytest.raises(Conflict):
            await take(watch, "chen", giver="olga", until=until + 1)
        await take(watch, "chen", giver="olga", until=until)
        found = await line(watch)
        assert (found.person, found.giver, found.offer) == ("chen", "olga", None)
        entry = entries(watch)[-1]
        assert (entry.step, entry.signatures.keys()) == ("handed_over", {"olga", "chen"})
        # Who does not have it gives nothing; who is not there to give it is relieved all the same.
        with pytest.raises(Conflict):
            await give(watch, "olga", "chen", until)
        await take(watch, "olga")
        assert (await line(watch)).giver == ""
        await watch.signed_up_to_now()
        whole = verify(watch.reader, watch.log.vkey, grant=lambda s, n, t: grant(s, n, t).level)
        assert whole.status == "verified", whole.problems


@awaited
async def test_a_giver_s_signature_is_void_once_the_list_has_changed(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        await take(watch)
        until = now() + 4 * HOUR
        await give(watch, "olga", "chen", until)
        await watch.control.halt(watch.who("otto"), HaltOrder("all", "odd"))
        with pytest.raises(Conflict) as found:
            await take(watch, "chen", giver="olga", until=until)
        assert found.value.code == "changed"
        await give(watch, "olga", "chen", until)
        await take(watch, "chen", giver="olga", until=until)
        assert (await line(watch)).person == "chen"


@awaited
async def test_nobody_takes_it_without_right_time_or_signature(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        for by in ("otto", "maria", "nina"):
            with pytest.raises((Forbidden, NotFound)):
                await take(watch, by)
        for until in (now() - 1, now() + 13 * HOUR):
            with pytest.raises(Malformed):
                await take(watch, until=until)
        sheet = await watch.control.watch(watch.who("otto"), "night")
        with pytest.raises(Forbidden):
            await take(watch, sig="")
        with pytest.raises(Forbidden):
            await take(watch, sheet=msgspec.structs.replace(sheet, org="elsewhere.invalid/log"))
        with pytest.raises(Conflict):
            await take(watch, shown="0" * 64)
        with pytest.raises(NotFound):
            await watch.control.watch(watch.who("nina"), "nights")
        await take(watch, sheet=sheet)
        with pytest.raises(Conflict) as again:
            await take(watch, sheet=sheet)
        assert again.value.code == "stale", "an old signature is not good again"
        assert len(entries(watch)) == 1


WIDE = "watch: {night: {people: [nina@watch.example]}}\n"


@awaited
async def test_who_has_the_watch_sees_what_it_is_over_and_may_halt_it_and_no_more(tmp_path: Path) -> None:
    async with kept(tmp_path, watches=WIDE) as watch:
        nina = watch.who("nina")
        with pytest.raises(Forbidden):
            await watch.control.halt(nina, HaltOrder("system:pay", "odd"))
        await take(watch, "nina")
        assert {one.system for one in (await watch.control.status(nina)).systems} == {"pay", "ship"}
        held = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))
        await watch.control.halt(nina, HaltOrder("tool:bank.send", "odd"))
        with pytest.raises(Forbidden):
            await watch.control.release(nina, str(held.hold), ReleaseOrder("fine"))
        await watch.control.end_watch(nina, "night", EndWatchOrder())
        assert {one.system for one in (await watch.control.status(nina)).systems} == {"ship"}


@awaited
async def test_of_two_who_take_it_at_once_one_has_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        sheet = await watch.control.watch(watch.who("otto"), "night")
        both = (take(watch, "olga", sheet=sheet), take(watch, "chen", sheet=sheet))
        found = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(one).__name__ for one in found) == ["Conflict", "Done"]
        assert len(entries(watch)) == 1


@awaited
async def test_its_holder_or_an_admin_ends_it_and_a_dismissed_person_has_it_no_more(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        await take(watch)
        with pytest.raises(Forbidden):
            await watch.control.end_watch(watch.who("chen"), "night", EndWatchOrder())
        await watch.control.end_watch(watch.who("olga"), "night", EndWatchOrder("ill"))
        assert (await line(watch)).state == "unattended"
        with pytest.raises(NotFound):
            await watch.control.end_watch(watch.who("maria"), "night", EndWatchOrder())
        await take(watch, "chen")
        await watch.control.end_watch(watch.who("maria"), "night", EndWatchOrder())
        await take(watch, "olga")
        known = watch.gate.state.principals["olga"]
        await watch.gate.append(msgspec.structs.replace(known, at=0, by="maria", revoked=True))
        assert (await line(watch)).state == "unattended"
        assert watch.control.roster.warnings()
