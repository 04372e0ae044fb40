"""Acts that their callers carry out themselves: what is answered, and that every go ends in one outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Act, Before, Carried, Reply
from standwatch.facts.errors import Conflict, Forbidden
from standwatch.facts.ids import new_id
from standwatch.fronts.control_ports import HaltOrder
from standwatch.serve import control_holds, owed
from standwatch.serve.owed import Owed
from support.gates import AGENT, READ, intents, outcomes, reading, recorded
from support.watch import Watch, now

OK = Carried("ok", b"{}")


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


def named(ident: str = "", **changes: Any) -> Act:
    return msgspec.structs.replace(READ, id=ident or new_id(now(), bytes(10)), seam="client", **changes)


def hurried(watch: Watch, seconds: float) -> None:
    watch.gate.owed = Owed(watch.gate, lambda: new_id(now(), bytes(10)), longest=seconds)


def test_an_id_means_what_it_meant_first(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named()
            first = await watch.gate.begin(act)
            assert (first.word, first.id) == ("done", act.id)
            assert await watch.gate.begin(act) == first
            for other in (
                named(act.id, arguments={"amount": 9_999}),
                named(act.id, tool="bank.other"),
                named(act.id, target="elsewhere"),
                named(act.id, system="ship"),
            ):
                assert (await watch.gate.begin(other)).word == "invalid"
            assert (await watch.gate.finish(AGENT, act.id, OK)).word == "done"
            assert (len(intents(watch)), await outcomes(watch, act.id)) == (1, ["ok"])

    run(work())


def test_an_id_that_left_answers_with_what_became_of_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            acts = {
                "ok": b'{"balance":3}',
                "error": b'{"error":"ValueError"}',
                "not_sent": b"",
                "unknown": b"",
            }
            for n, (status, result) in enumerate(acts.items()):
                act = named(new_id(now() + n, bytes(10)), attempt="first")
                await watch.gate.begin(act)
                await watch.gate.finish(AGENT, act.id, Carried(status, result))  # type: ignore[arg-type]
                again = msgspec.structs.replace(act, attempt="second")
                assert await watch.gate.begin(again) == Before(act.id, status, result)  # type: ignore[arg-type]
                other = msgspec.structs.replace(again, arguments={"amount": 2})
                assert await watch.gate.begin(other) == Reply("invalid", act.id)
                stranger = msgspec.structs.replace(again, system="ship")
                assert await watch.gate.begin(stranger) == Reply("invalid", act.id)
                assert await outcomes(watch, act.id) == [status]
            assert len(intents(watch)) == len(acts)

    run(work())


def test_of_two_attempts_at_one_id_one_goes(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named(attempt="one")
            other = msgspec.structs.replace(act, attempt="other")
            said = await asyncio.gather(watch.gate.begin(act), watch.gate.begin(other))
            assert sorted(map(str, said)) == sorted(map(str, [Before(act.id, "open"), Reply("done", act.id)]))
            goes = act if isinstance(said[0], Reply) else other
            assert await watch.gate.begin(goes) == Reply("done", act.id)
            await watch.gate.finish(AGENT, act.id, OK)
            assert await watch.gate.begin(other) == Before(act.id, "ok", b"{}")
            assert len(intents(watch)) == 1

    run(work())


def test_what_nobody_told_of_before_a_restart_is_unknown_and_does_not_leave_again(tmp_path: Path) -> None:
    act = named(attempt="one")

    async def begin() -> None:
        async with reading(tmp_path) as watch:
            assert (await watch.gate.begin(act)).word == "done"  # type: ignore[union-attr]

    async def come_back() -> None:
        async with reading(tmp_path) as watch:
            assert await watch.gate.begin(act) == Before(act.id, "unknown")
            assert len(intents(watch)) == 1

    run(begin())
    run(come_back())


def test_two_first_requests_at_once_get_one_answer(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named()
            first, second = await asyncio.gather(watch.gate.begin(act), watch.gate.begin(act))
            assert (first.word, second) == ("done", first)
            assert len(intents(watch)) == 1

    run(work())


def test_who_tells_an_outcome_and_leaves_has_told_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named()
            await watch.gate.begin(act)
            telling = asyncio.create_task(watch.gate.finish(AGENT, act.id, OK))
            await asyncio.sleep(0)
            telling.cancel()
            assert await outcomes(watch, act.id) == ["ok"]

    run(work())


def test_an_outcome_is_told_by_whom_it_is_owed(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named()
            await watch.gate.begin(act)
            other = msgspec.structs.replace(AGENT, principal="other")
            with pytest.raises(Forbidden):
                await watch.gate.finish(other, act.id, Carried("not_sent"))
            assert (await watch.gate.finish(AGENT, act.id, OK)).word == "done"
            assert await outcomes(watch, act.id) == ["ok"]

    run(work())


def test_an_outcome_is_told_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named()
            await watch.gate.begin(act)
            told = await asyncio.gather(
                watch.gate.finish(AGENT, act.id, OK),
                watch.gate.finish(AGENT, act.id, OK),
                watch.gate.finish(AGENT, act.id, Carried("error")),
                return_exceptions=True,
            )
            assert told[0] == told[1]
            assert isinstance(told[2], Conflict)
            with pytest.raises(Forbidden):
                await watch.gate.finish(AGENT, act.id, OK)
            assert await outcomes(watch, act.id) == ["ok"]

    run(work())


def test_a_go_that_nobody_heard_was_not_sent(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            asking = asyncio.create_task(watch.gate.begin(READ))
            await asyncio.sleep(0)
            asking.cancel()
            (ident,) = await recorded(watch)
            assert await outcomes(watch, ident) == ["not_sent"]
            assert not watch.gate.flights

    run(work())


def test_who_left_without_hearing_may_ask_again_under_its_id(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named()
            asking = asyncio.create_task(watch.gate.begin(act))
            await asyncio.sleep(0)
            asking.cancel()
            assert (await watch.gate.begin(act)).word == "done"
            await watch.gate.finish(AGENT, act.id, OK)
            assert (len(intents(watch)), await outcomes(watch, act.id)) == (1, ["ok"])

    run(work())


def test_an_outcome_that_is_overdue_is_unknown(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            hurried(watch, 0.05)
            heard, unheard = named(), named(new_id(now() + 1, bytes(10)))
            await watch.gate.begin(heard)
            asking = asyncio.create_task(watch.gate.begin(unheard))
            while (unheard.caller.principal, unheard.id) not in watch.gate.owed._asked:
                await asyncio.sleep(0)
            asking.cancel()
            assert await outcomes(watch, heard.id) == ["unknown"]
            assert await outcomes(watch, unheard.id) == ["not_sent"]
            with pytest.raises(Forbidden):
                await watch.gate.finish(AGENT, heard.id, OK)
            assert not watch.gate.flights

    run(work())


def test_one_principal_owes_so_many_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owed, "MOST", 2)

    async def work() -> None:
        async with reading(tmp_path) as watch:
            gone = [await watch.gate.begin(READ) for _ in range(2)]
            assert [reply.word for reply in gone] == ["done", "done"]
            assert (await watch.gate.begin(READ)).word == "unavailable"
            await watch.gate.finish(AGENT, gone[0].id, OK)
            assert (await watch.gate.begin(READ)).word == "done"
            assert len(intents(watch)) == 3

    run(work())


def test_a_hold_leaves_open_what_a_caller_does_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_holds, "_PATIENCE", 60.0)

    async def work() -> None:
        async with reading(tmp_path) as watch:
            act = named()
            await watch.gate.begin(act)
            begun = time.monotonic()
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))
            assert time.monotonic() - begun < 30, "it waits for nobody whom it cannot stop"
            (struck,) = halted.in_flight
            assert (struck.id, struck.cancelled, struck.outcome) == (act.id, False, "")
            assert (await watch.gate.begin(named(new_id(now() + 9, bytes(10))))).word == "refused"
            assert (await watch.gate.finish(AGENT, act.id, OK)).word == "done"
            assert await outcomes(watch, act.id) == ["ok"]

    run(work())
