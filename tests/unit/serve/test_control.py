"""What operators can do, on a real recorder: who may, what is verified, what the record then says."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Carried
from standwatch.facts.entries import Answered, Evidence, Hold, Outcome, Principal
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError, Unrecorded
from standwatch.facts.parts import approval_bytes, evidence_bytes
from standwatch.fronts.control_ports import (
    Actor,
    AgentOrder,
    AnswerOrder,
    HaltOrder,
    ReleaseOrder,
    ValidationOrder,
)
from standwatch.keys import ed25519
from standwatch.keys.markers import read_markers, write_marker
from standwatch.keys.tokens import token_hash
from support.disk import FaultyDisk
from support.watch import Watch, done, never, now, standing

HOUR = 3_600_000_000
ANONYMOUS = Actor("anonymous", "anonymous", sees_all=True)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


async def begun(watch: Watch, system: str = "pay") -> asyncio.Task[Any]:
    """An act that has left and does not come back."""
    await validate(watch, system)
    task = asyncio.create_task(watch.act(never, system))
    while not any(f"system:{system}" in flight.scopes for flight in watch.gate.flights.values()):
        assert not task.done(), task
        await asyncio.sleep(0.005)
    return task


async def validate(watch: Watch, system: str = "pay", **changes: Any) -> None:
    await watch.control.validate(watch.who("otto"), system, await statement(watch, system, **changes))


async def statement(watch: Watch, system: str = "pay", /, **changes: Any) -> ValidationOrder:
    """A validator's order; `changes` are made after it was signed."""
    said = await watch.control.statement(watch.who("otto"), system)
    until = now() + HOUR
    message = evidence_bytes(
        by="chen",
        components=said.components,
        envelope=said.envelope,
        follows=said.follows,
        org=said.org,
        outcome="pass",
        report="",
        system=system,
        until=until,
    )
    key = watch.keys["chen"]
    order = ValidationOrder("pass", until, "chen", ed25519.public(key), ed25519.sign(key, message))
    return msgspec.structs.replace(order, **changes)


async def asked(watch: Watch) -> str:
    """The id of a question that waits."""
    reply = await watch.act(done)
    assert reply.word == "pending"
    return reply.id


async def answer(
    watch: Watch, ident: str, said: str = "approve", /, *, holder: str = "olga", **changes: Any
) -> AnswerOrder:
    """A person's answer; `changes` are made after it was signed."""
    sheet = await watch.control.question(watch.who("otto"), ident)
    await watch.signed_up_to_now()
    _, size, root, *_ = watch.reader.checkpoint().split(b"\n")
    head = f"{int(size)}:{b64decode(root).hex()}"
    message = approval_bytes(
        asked=sheet.question.index,
        by="olga",
        decision=said,
        digest=hashlib.sha256(sheet.action.encode()).hexdigest(),
        flag=sheet.question.flag,
        head=head,
        org=sheet.org,
        until=sheet.question.until,
    )
    order = AnswerOrder(
        said,
        "olga",
        ed25519.public(watch.keys[holder]),
        ed25519.sign(watch.keys[holder], message),
        head,
        sheet.question.until,
    )
    return msgspec.structs.replace(order, **changes)


# --- halt and release --------------------------------------------------------------------------------------------


def test_a_halt_cuts_what_is_in_flight_and_says_what_became_of_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            task = await begun(watch)
            (ident,) = watch.gate.flights
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd payments"))
            assert halted.recorded
            assert halted.covers == ("pay",)
            (struck,) = halted.in_flight
            assert (struck.id, struck.cancelled, struck.outcome, struck.tool) == (
                ident,
                True,
                "unknown",
                "bank.send",
            )
            assert (await task).word == "unavailable"
            entry = watch.reader.entry(halted.hold)
            assert isinstance(entry, Hold)
            assert (entry.by, entry.scope) == ("otto", "system:pay")
            assert watch.gate.stops == set(), "memory lets go once the record holds"
            assert (await watch.act(done)).word == "refused"
            outcomes = [watch.reader.entry(index) for index in watch.reader.of_action(ident)]
            assert isinstance(outcomes[-1], Outcome)

    run(work())


def test_an_act_elsewhere_is_left_alone(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            task = await begun(watch, "ship")
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))
            assert halted.in_flight == ()
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(work())


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        ("all", ("pay", "ship")),
        ("server:bank", ("pay", "ship")),
        ("tool:bank.send", ("pay", "ship")),
        ("vendor:maker", ("pay", "ship")),
        ("component:model-pay", ("pay",)),
        ("version:model-pay@7", ("pay",)),
        ("agent:agent", ("pay", "ship")),
    ],
)
def test_every_scope_stops_what_it_names_until_released(
    tmp_path: Path, scope: str, covers: tuple[str, ...]
) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            await validate(watch)
            assert (await watch.act(done)).word == "done"
            halted = await watch.control.halt(watch.who("otto"), HaltOrder(scope, "odd"))
            assert (halted.covers, halted.warning) == (covers, "")
            assert (await watch.act(done)).word == "refused"
            await watch.control.release(watch.who("otto"), str(halted.hold), ReleaseOrder("fine"))
            assert (await watch.act(done)).word == "done"

    run(work())


def test_a_scope_runs_again_when_every_holder_has_released(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            await validate(watch)
            first = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "one"))
            second = await watch.control.halt(watch.who("olga"), HaltOrder("system:pay", "two"))
            told = await watch.control.release(
                watch.who("otto"), str(first.hold), ReleaseOrder("mine is over")
            )
            assert f"still held by {second.hold}" in told.text
            assert (await watch.act(done)).word == "refused"
            with pytest.raises(Forbidden):
                await watch.control.release(watch.who("otto"), str(second.hold), ReleaseOrder("not mine"))
            await watch.control.release(watch.who("olga"), str(second.hold), ReleaseOrder("over"))
            assert (await watch.act(done)).word == "done"

    run(work())


def test_a_typing_error_halts_and_says_that_it_touches_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("system:pya", "odd"))
            assert halted.recorded
            assert "system:pya" in halted.warning

    run(work())


@pytest.mark.parametrize("number", ["99", "-1", "x", "", "9" * 40, "0x1"])
def test_no_such_hold_is_said(tmp_path: Path, number: str) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            with pytest.raises(NotFound):
                await watch.control.release(watch.who("maria"), number, ReleaseOrder("x"))

    run(work())


def test_why_a_system_was_stopped_is_told_to_those_who_may_see_it(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "pays Eve"))
            await watch.control.halt(watch.who("otto"), HaltOrder("all", "a fire"))
            for name, pays in (("otto", "pays Eve"), ("olga", "pays Eve"), ("nina", "")):
                holds = (await watch.control.status(watch.who(name))).holds
                assert [one.reason for one in holds] == [pays, "a fire"], name

    run(play())


def test_halts_and_releases_keep_their_reasons_sealed_beside_the_leaf(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "pays Eve"))
            assert b"Eve" not in watch.reader.leaf(halted.hold)
            (line,) = (await watch.control.status(watch.who("otto"))).holds
            assert (line.reason, line.release) == ("pays Eve", "olga")

    run(work())


def test_with_the_record_gone_a_halt_holds_in_memory_and_on_disk_and_is_sequenced_later(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            await validate(watch)
            await asyncio.to_thread(watch.recorder.close)
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))
            assert (halted.recorded, halted.hold) == (False, -1)
            assert "system:pay" in watch.gate.stops
            (line,) = (await watch.control.status(watch.who("otto"))).holds
            assert (line.id, line.scope) == (-1, "system:pay")
            (marker,) = read_markers(tmp_path / "state")
            assert (marker.scope, marker.by) == ("system:pay", "otto")
        async with standing(tmp_path) as watch:
            assert await watch.control.take_markers() == 1
            assert read_markers(tmp_path / "state") == []
            (held,) = watch.gate.state.holds.values()
            assert (held.scope, held.by) == ("system:pay", "otto")
            assert watch.gate.stops == set()
            assert (await watch.act(done)).word == "refused"
            assert await watch.control.take_markers() == 0

    run(work())


@pytest.mark.parametrize("room", [True, False], ids=["marker", "memory alone"])
def test_a_hold_that_only_memory_has_is_written_down_once_the_disk_is_well(
    tmp_path: Path, room: bool
) -> None:
    async def work() -> None:
        disk = FaultyDisk(f"halting-{room}")
        async with standing(tmp_path, vfs=disk.name) as watch:
            await validate(watch)
            reserve = tmp_path / "state" / "halts.reserve"
            if not room:
                reserve.unlink()
                reserve.mkdir()
            disk.arm("write", 0, 1_000_000)
            order = watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))
            if room:
                assert not (await order).recorded
            else:
                with pytest.raises(Unrecorded):
                    await order
                reserve.rmdir()
            assert (await watch.act(done)).word != "done"
            disk.disarm()
            while not watch.gate.state.holds or watch.gate.stops:
                await asyncio.sleep(0.05)
            (held,) = watch.gate.state.holds.values()
            assert (held.scope, held.by) == ("system:pay", "otto")
            assert watch.control.holds.pending == {}
            assert read_markers(tmp_path / "state") == []
            assert (await watch.act(done)).word == "refused"
            await watch.control.release(watch.who("otto"), str(held.index), ReleaseOrder("well again"))
            assert (await watch.act(done)).word == "done"

    run(work())


def test_markers_that_cannot_be_sequenced_yet_hold_in_memory(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            write_marker(tmp_path / "state", "all", "@nobody-here", now(), reason="odd")
            await asyncio.to_thread(watch.recorder.close)
            assert await watch.control.take_markers() == 0
            assert "all" in watch.gate.stops
            assert len(read_markers(tmp_path / "state")) == 1

    run(work())


def test_a_marker_that_has_ended_is_cleared_and_not_taken(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            write_marker(tmp_path / "state", "all", "@x", now(), reason="odd", until=now() - 1)
            assert await watch.control.take_markers() == 0
            assert read_markers(tmp_path / "state") == []
            assert watch.gate.stops == set()

    run(work())


def test_an_unrecorded_halt_whose_marker_fails_says_how_far_it_reaches(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            (tmp_path / "state" / "halts.reserve").unlink()
            (tmp_path / "state" / "halts.reserve").mkdir()
            await asyncio.to_thread(watch.recorder.close)
            with pytest.raises(Unrecorded) as refused:
                await watch.control.halt(watch.who("otto"), HaltOrder("system:pay", "odd"))
            assert "in this process only" in str(refused.value)
            assert "system:pay" in watch.gate.stops

    run(work())


# --- principals --------------------------------------------------------------------------------------------------


def test_a_token_is_told_once_and_stored_as_a_hash(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            issued = await watch.control.add_agent(
                watch.who("maria"), AgentOrder("bot", ("pay",), until=now() + HOUR)
            )
            entry = watch.reader.entry(issued.index)
            assert isinstance(entry, Principal)
            assert entry.token == token_hash(issued.token)
            assert issued.token.encode() not in b"".join(
                leaf for _, leaf in watch.reader.leaves(0, watch.reader.size)
            )
            assert watch.gate.identify(f"Bearer {issued.token}", "pay").principal == "bot"
            await watch.control.revoke_agent(watch.who("olga"), "bot")
            with pytest.raises(Forbidden):
                watch.gate.identify(f"Bearer {issued.token}", "pay")
            with pytest.raises(NotFound):
                await watch.control.revoke_agent(watch.who("olga"), "bot")

    run(work())


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (AgentOrder("agent", ("pay",)), Conflict),
        (AgentOrder("bot", ()), Malformed),
        (AgentOrder("bot", ("nope",)), NotFound),
        (AgentOrder("Bot", ("pay",)), Malformed),
        (AgentOrder("bot\n", ("pay",)), Malformed),
        (AgentOrder("olga", ("pay",)), Malformed),
        (AgentOrder("bot", ("pay",), role="admin"), Malformed),
        (AgentOrder("bot", ("pay",), until=1), Malformed),
        (AgentOrder("nobody", role="human"), NotFound),
    ],
)
def test_principals_that_would_mislead_are_refused(
    tmp_path: Path, order: AgentOrder, error: type[StandwatchError]
) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            size = watch.reader.size
            with pytest.raises(error):
                await watch.control.add_agent(watch.who("maria"), order)
            assert watch.reader.size == size

    run(work())


def test_only_an_administrator_adds_principals(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            for who in ("otto", "olga", "chen"):
                with pytest.raises(Forbidden):
                    await watch.control.add_agent(watch.who(who), AgentOrder("bot", ("pay",)))

    run(work())


def test_a_humans_token_opens_the_operators_door_and_keeps_their_keys(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            issued = await watch.control.add_agent(
                watch.who("maria"), AgentOrder("Otto@watch.example", role="human")
            )
            found = watch.control.actor("127.0.0.1:5", f"Bearer {issued.token}")
            assert (found.ident, found.admin, found.sees_all) == ("otto", False, True)
            assert watch.gate.state.principals["otto"].keys == [ed25519.public(watch.keys["otto"])]
            await watch.control.revoke_agent(watch.who("maria"), "otto")
            with pytest.raises(Forbidden):
                watch.control.actor("127.0.0.1:5", f"Bearer {issued.token}")
            assert watch.gate.state.principals["otto"].keys, "revoking a token takes no keys away"

    run(work())


def test_an_agents_token_opens_nothing_here(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            issued = await watch.control.add_agent(watch.who("maria"), AgentOrder("bot", ("pay",)))
            for authorization in (f"Bearer {issued.token}", "Bearer sw_x", "", "Basic eDp5", issued.token):
                with pytest.raises(Forbidden) as refused:
                    watch.control.actor("127.0.0.1:5", authorization)
                assert refused.value.code == "unauthenticated"

    run(work())


def test_accounts_of_the_socket(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path, account="ops") as watch:
            control = watch.control
            control._account = {1: "ops", 2: "stranger"}.__getitem__  # pyright: ignore[reportPrivateUsage]
            assert control.actor("unix:1", "").ident == "otto"
            local = control.actor("unix:2", "")
            assert (local.ident, local.admin, local.sees_all) == ("local", False, True)
            assert control.anybody("127.0.0.1:9") is None, (
                "only an organisation under development shows itself"
            )

    run(work())


# --- questions ---------------------------------------------------------------------------------------------------


def test_an_approval_lets_exactly_that_action_through_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            ident = await asked(watch)
            (line,) = await watch.control.questions(watch.who("olga"))
            assert (line.id, line.signers, line.approve) == (ident, ("olga",), f"standwatch approve {ident}")
            told = await watch.control.answer(watch.who("otto"), ident, await answer(watch, ident))
            entry = watch.reader.entry(told.index)
            assert isinstance(entry, Answered)
            assert entry.by == "olga"
            assert (await watch.act(done)).word == "done"
            assert (await watch.act(done)).word == "pending", "an approval is used once"

    run(work())


def test_a_refusal_is_final_and_no_question_is_answered_twice(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            ident = await asked(watch)
            yes = await answer(watch, ident)
            await watch.control.answer(watch.who("otto"), ident, await answer(watch, ident, "refuse"))
            assert (await watch.act(done)).word == "refused"
            with pytest.raises(StandwatchError) as refused:
                await watch.control.answer(watch.who("otto"), ident, yes)
            assert refused.value.code == "answered"

    run(work())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"decision": "refuse"}, "bad_signature"),
        ({"decision": "maybe"}, "malformed"),
        ({"sig": "A" * 86 + "=="}, "bad_signature"),
        ({"sig": "not base64"}, "bad_signature"),
        ({"key": "ed25519:" + "A" * 43 + "="}, "unknown_key"),
        ({"by": "maria"}, "forbidden"),
        ({"by": "chen"}, "forbidden"),
        ({"until": 1}, "bad_until"),
        ({"until": 2**52}, "bad_until"),
        ({"head": ""}, "bad_signature"),
        ({"head": "1:" + "0" * 64}, "forked"),
        ({"head": "999999:" + "0" * 64}, "bad_head"),
        ({"head": "x"}, "bad_head"),
    ],
)
def test_an_answer_that_was_not_signed_so_is_refused(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            ident = await asked(watch)
            order = await answer(watch, ident, **changes)
            size = watch.reader.size
            with pytest.raises(StandwatchError) as refused:
                await watch.control.answer(watch.who("otto"), ident, order)
            assert refused.value.code == code
            assert watch.reader.size == size

    run(work())


def test_another_persons_key_does_not_sign_for_olga(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            ident = await asked(watch)
            with pytest.raises(Forbidden) as refused:
                await watch.control.answer(
                    watch.who("otto"), ident, await answer(watch, ident, holder="maria")
                )
            assert refused.value.code == "unknown_key"

    run(work())


def test_one_action_s_approval_is_not_another_s(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            one = await asked(watch)
            two = (await watch.act(done, amount=2)).id
            with pytest.raises(Forbidden) as refused:
                await watch.control.answer(watch.who("otto"), two, await answer(watch, one))
            assert refused.value.code == "bad_signature"

    run(work())


# --- evidence ----------------------------------------------------------------------------------------------------


def test_a_validation_raises_the_grant_of_what_it_was_signed_over(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            before = await watch.control.status(watch.who("otto"))
            assert {line.level for line in before.systems} == {"supervised"}
            await validate(watch)
            after = await watch.control.status(watch.who("otto"))
            assert {line.system: line.level for line in after.systems} == {
                "pay": "autonomous",
                "ship": "supervised",
            }
            entry = watch.reader.entry(watch.reader.size - 1)
            assert isinstance(entry, Evidence)

    run(work())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcome": "conditions"}, "bad_signature"),
        ({"outcome": "excellent"}, "bad_outcome"),
        ({"by": "maria"}, "forbidden"),
        ({"until": 2**52}, "bad_until"),
        ({"report": "f" * 64}, "bad_signature"),
        ({"key": "ed25519:" + "A" * 43 + "="}, "unknown_key"),
    ],
)
def test_a_statement_that_was_not_signed_so_is_refused(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            with pytest.raises(StandwatchError) as refused:
                await validate(watch, **changes)
            assert refused.value.code == code

    run(work())


def test_a_statement_about_one_system_is_not_about_another(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            with pytest.raises(Forbidden):
                await watch.control.validate(watch.who("otto"), "ship", await statement(watch, "pay"))

    run(work())


# --- looking -----------------------------------------------------------------------------------------------------


def test_status_as_of_is_what_status_was(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            otto = watch.who("otto")
            index, moment = watch.reader.size - 1, now()
            await asyncio.sleep(0.002)
            await validate(watch)
            await watch.control.halt(otto, HaltOrder("system:ship", "odd"))
            for as_of in (str(index), f"{_iso(moment)}"):
                past = await watch.control.status(otto, as_of)
                assert past.past
                assert past.index == index
                assert ({line.level for line in past.systems}, past.holds) == ({"supervised"}, ())
            present = await watch.control.status(otto)
            assert {line.system: line.level for line in present.systems} == {
                "pay": "autonomous",
                "ship": "halted",
            }

    run(work())


def _iso(at: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at / 1e6, UTC).isoformat()


@pytest.mark.parametrize("as_of", ["x", "-1", "2026-11-21T12:00", "99999", "1970-01-01T00:00Z", "9" * 30])
def test_a_moment_that_is_none_is_said(tmp_path: Path, as_of: str) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            with pytest.raises((Malformed, NotFound)):
                await watch.control.status(watch.who("otto"), as_of)

    run(work())


def test_people_see_the_systems_that_name_them(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            nina = await watch.control.status(watch.who("nina"))
            assert [line.system for line in nina.systems] == ["ship"]
            with pytest.raises(Forbidden):
                await watch.control.entries(watch.who("nina"), "", "")
            with pytest.raises(Forbidden):
                watch.control.export(watch.who("olga"), "", "", "")

    run(work())


def test_reading_anonymously_is_all_that_anonymity_gives(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            control = watch.control
            assert (await control.status(ANONYMOUS)).systems
            acts = (
                control.halt(ANONYMOUS, HaltOrder("all", "x")),
                control.release(ANONYMOUS, "1", ReleaseOrder("x")),
                control.add_agent(ANONYMOUS, AgentOrder("bot", ("pay",))),
                control.revoke_agent(ANONYMOUS, "agent"),
                control.validate(ANONYMOUS, "pay", await statement(watch)),
            )
            for act in acts:
                with pytest.raises(Forbidden):
                    await act

    run(work())


def test_entries_are_said_in_sentences_and_tail_follows(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            lines = await watch.control.entries(watch.who("otto"), "0", "")
            assert [line.index for line in lines] == list(range(watch.reader.size))
            assert lines[0].kind == "log.opened.1"
            tail = watch.control.tail(watch.who("otto"), str(watch.reader.size))
            following = asyncio.ensure_future(anext(tail))  # pyright: ignore[reportArgumentType]
            await watch.control.halt(watch.who("otto"), HaltOrder("all", "odd"))
            assert (await following).text == "Otto: halted all"

    run(work())


def test_an_action_is_explained_with_its_proof(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            await validate(watch)
            reply = await watch.act(done)
            while len(watch.reader.of_action(reply.id)) < 2:
                await asyncio.sleep(0.01)
            await watch.signed_up_to_now()
            told = await watch.control.explain(watch.who("otto"), reply.id)
            assert told["explanation"].id == reply.id
            assert "in the log" in told["text"]

    run(work())


def test_what_the_upstream_said_is_in_flight_until_it_is_known(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as watch:
            gone = asyncio.Event()

            async def wait(_: dict[str, Any]) -> Carried:
                await gone.wait()
                return Carried("ok", b"{}")

            await validate(watch)
            task = asyncio.create_task(watch.act(wait))
            while not watch.gate.flights:
                await asyncio.sleep(0.005)
            (line,) = (await watch.control.status(watch.who("otto"))).flights
            assert (line.tool, line.system) == ("bank.send", "pay")
            gone.set()
            assert (await task).word == "done"
            assert (await watch.control.status(watch.who("otto"))).flights == ()

    run(work())
