"""Relaxations over a real recorder: ordered and signed by people, counted from the record, and read by a verifier."""

from pathlib import Path

import msgspec
import pytest

from standwatch.authority.grant import grant
from standwatch.facts.entries import Intent, Relaxed
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.fronts.control_relaxing import RestoreOrder
from standwatch.record.reconstruct import explain
from standwatch.record.render import render
from standwatch.record.verify import verify
from support.relaxing_watch import also, awaited, order, relax, relaxable
from support.watch import Watch, done


async def memo(watch: Watch) -> str:
    return (await watch.act(done, memo="not from the task")).word


@awaited
async def test_one_begins_lets_pass_is_seen_and_is_verified(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        assert await memo(watch) == "refused"
        begun = await relax(watch)
        assert begun.result == "in_force"
        reply = await watch.act(done, memo="not from the task")
        assert reply.word == "done"
        intent = watch.reader.entry(watch.reader.of_action(reply.id)[0])
        assert isinstance(intent, Intent)
        assert (intent.verdict, intent.disposition) == ("deny", "allow")
        told = explain(watch.reader, reply.id)
        assert [(one.index, one.used) for one in told.relaxed] == [(begun.index, True)]
        assert not told.problems
        assert f"relaxed by entry {begun.index}" in render(told)
        status = await watch.control.status(watch.who("otto"))
        (line,) = status.relaxations
        bypass = {one.system: [*one.bypass] for one in status.systems}
        assert bypass == {"pay": ["provenance"], "ship": []}
        assert (line.id, line.reason, line.signed) == (begun.index, "another format today", ("chen",))
        assert line.restore == f"standwatch restore {begun.index}"
        past = await watch.control.status(watch.who("otto"), str(begun.index))
        assert [one.id for one in past.relaxations] == [begun.index]
        await watch.signed_up_to_now()
        found = verify(watch.reader, watch.log.vkey, grant=lambda s, n, t: grant(s, n, t).level)
        assert found.status == "verified", found.problems


@awaited
async def test_ending_one_is_one_act_of_anybody_who_may_see_it(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        begun = await relax(watch)
        with pytest.raises(Forbidden):
            await watch.control.restore(watch.who("nina"), begun.id, RestoreOrder())
        ended = await watch.control.restore(watch.who("olga"), begun.id, RestoreOrder())
        assert ended.index > begun.index
        assert await memo(watch) == "refused"
        with pytest.raises(NotFound):
            await watch.control.restore(watch.who("olga"), begun.id, RestoreOrder())
        report = await watch.control.relaxations_of(watch.who("otto"), "pay")
        (line,) = report.relaxations
        assert (line.restored, line.counts, line.end) == ("olga", False, ended.at)
        assert report.bypass == {"provenance": ended.at - begun.at}
        assert not await watch.control.relaxations(watch.who("otto"))


@awaited
async def test_two_persons_sign_what_takes_two(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        waits = await relax(watch, "olga", check="policy", compensating="step_up")
        assert waits.result == "waits"
        assert not watch.gate.relaxed(waits.until - 1)
        assert (await also(watch, waits.id, "maria")).result == "waits", "the owner is no validator"
        begun = await also(watch, waits.id, "chen")
        assert begun.result == "in_force"
        entry = watch.reader.entry(begun.index)
        assert isinstance(entry, Relaxed)
        assert {"olga", "chen"} <= entry.signatures.keys()


@awaited
async def test_what_is_not_signed_by_whom_it_takes_does_not_begin(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        assert (await relax(watch, "olga")).result == "waits"
        wanted, _ = await order(watch)
        for wrong in (
            msgspec.structs.replace(wanted, until=wanted.until + 1),
            msgspec.structs.replace(wanted, reason="another reason"),
            msgspec.structs.replace(wanted, scope="system:pay"),
            msgspec.structs.replace(wanted, by="olga"),
        ):
            with pytest.raises(Forbidden, match="not that of"):
                await watch.control.relax(watch.who("otto"), "pay", wrong)
        assert not [one for _, one in watch.reader.control(0, watch.reader.size) if isinstance(one, Relaxed)]


@awaited
async def test_what_cannot_be_had_is_said_with_the_way_to_it(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        for changes, error, code in (
            ({"check": "holds"}, Malformed, "bad_check"),
            ({"check": "policy", "seconds": 3700}, Malformed, "bad_until"),
            ({"seconds": -1}, Malformed, "bad_until"),
            ({"compensating": "hope"}, Malformed, "bad_compensation"),
            ({"scope": "tool:bank.other"}, Malformed, "bad_scope"),
            ({"scope": "bank.send"}, Malformed, "bad_scope"),
            ({"follows": 3}, Conflict, "stale"),
        ):
            with pytest.raises(error) as found:
                await relax(watch, **changes)  # type: ignore[arg-type]
            assert found.value.code == code
        wanted, _ = await order(watch)
        with pytest.raises(Forbidden):
            await watch.control.relax(watch.who("nina"), "pay", wanted)
        await relax(watch)
        with pytest.raises(Conflict, match="somebody who did not sign it"):
            await relax(watch)


@awaited
async def test_a_process_that_starts_again_knows_it(tmp_path: Path) -> None:
    async with relaxable(tmp_path) as watch:
        begun = await relax(watch)
    async with relaxable(tmp_path) as watch:
        assert await memo(watch) == "done"
        assert [one.id for one in await watch.control.relaxations(watch.who("otto"))] == [begun.index]
