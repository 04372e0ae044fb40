"""Decoys on a real recorder: shown like the rest, good for nothing, opened afterwards, and what they cost who signs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from standwatch.authority.grant import grant
from standwatch.facts.entries import Answered, AnsweredTimed, AskedMany, Intent, Unmasked
from standwatch.facts.errors import Conflict, Forbidden
from standwatch.facts.frames import Ack, Append, Refusal
from standwatch.facts.ids import id_micros
from standwatch.facts.parts import commitment
from standwatch.fronts.control_ports import HaltOrder, ReleaseOrder
from standwatch.record.exported import Exported
from standwatch.record.pace import person, within
from standwatch.record.reconstruct import explain
from standwatch.record.render import render
from standwatch.record.verify import verify
from standwatch.serve.control_asking import around
from standwatch.serve.decoys import APART
from standwatch.serve.listeners import Agents, cutting
from standwatch.serve.openings import CAUGHT, FELL
from support.budget import answer, bounded, decoy, decoys_of, sparing
from support.watch import Watch, done, now

ROOMY = "{per_run: 40, per_person_per_hour: 40}"


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


def entries(watch: Watch, kind: type[Any]) -> list[Any]:
    return [one for _, one in watch.reader.entries(0, watch.reader.size) if isinstance(one, kind)]


def test_a_decoy_is_asked_about_like_the_rest(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            fake = await decoy(watch, decoys_of(watch))
            real = (await watch.act(done, amount=1)).id
            sheets = [await watch.control.question(watch.who("olga"), ident) for ident in (fake, real)]
            told = [msgspec.to_builtins(sheet) for sheet in sheets]
            before = [one["around"].pop("earlier") for one in told]
            assert [one["code"] for one in before[1]] == ["", "bounds"]
            assert not before[0], "not the refusal that it was made of"
            assert shape(told[0]) == shape(told[1])
            assert "decoy" not in str(told[0])
            assert "900" in sheets[0].action
            lines = [
                shape(msgspec.to_builtins(one)) for one in await watch.control.questions(watch.who("olga"))
            ]
            assert lines[0] == lines[1]
            assert watch.gate.state.questions[fake].entry.flag != watch.gate.state.questions[real].entry.flag
            for sheet in sheets:
                decisions = {one.get("decision", "allow") for one in sheet.findings["findings"]}
                assert decisions == {"allow", "step_up"}

    run(scene())


def shape(value: Any) -> Any:
    """What there is, without what it says."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape(one) for one in value[:1]]
    return type(value).__name__


def test_an_approved_decoy_is_not_carried_out_whoever_tries_and_takes_the_right_to_answer(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            decoys = decoys_of(watch)
            before = grant(watch.gate.state, "pay", now())
            inflight = (await watch.act(done, amount=2)).id
            await answer(watch, inflight)
            fake = await decoy(watch, decoys)
            question = watch.gate.state.questions[fake]
            told = await answer(watch, fake)
            assert FELL in told.text
            assert (await watch.act(done, amount=900)).word == "refused", (
                "a retry of the refused act stays refused"
            )
            assert isinstance(await consumed(watch, question.entry, told.index), Refusal)
            assert fake not in watch.gate.state.questions
            assert not watch.gate.state.may_answer("olga", "pay")
            reply = await watch.act(done, amount=2)
            assert reply.word != "done", "what they approved and was not used is void"
            assert (await watch.act(done, amount=3)).word == "refused", "nobody is left who may be asked"
            assert not entries(watch, Intent)
            assert grant(watch.gate.state, "pay", now()) == before, "a decoy is no evidence"

    run(scene())


async def consumed(watch: Watch, asked: AskedMany, signed: int) -> Ack | Refusal:
    """What the recorder says to an intent that claims the approval of `asked`."""
    shared = {name: getattr(asked, name) for name in ("by", "id", "run", "system", "tool", "digest", "why")}
    entry = Intent(
        **shared,
        seen=watch.gate.state.seen,
        conf=watch.gate.state.config,
        grant=asked.grant,
        effect=asked.effect,
        verdict="step_up",
        disposition="allow",
        signed=signed,
    )
    return await watch.link.append(Append(watch.link.next_number(), entry))


def test_an_approved_decoy_that_was_not_opened_yet_releases_nothing_either(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            fake = await decoy(watch, decoys_of(watch))
            question = watch.gate.state.questions[fake]

            async def gone(ident: str, *, early: bool = False) -> None:
                return None

            opening, watch.control.openings.open = watch.control.openings.open, gone  # type: ignore[method-assign]
            told = await answer(watch, fake)
            watch.control.openings.open = opening  # type: ignore[method-assign]
            refusal = await consumed(watch, question.entry, told.index)
            assert isinstance(refusal, Refusal)
            assert "opened" in refusal.detail
            lie = Unmasked(by="x", id=fake, of=question.index, salt="00" * 32)
            assert isinstance(await watch.link.append(Append(watch.link.next_number(), lie)), Refusal)

    run(scene())


def test_a_caught_decoy_is_thanked_for_and_costs_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            fake = await decoy(watch, decoys_of(watch))
            assert within(watch.gate.state.paces, person("olga"), now()) == 1
            await watch.control.question(watch.who("olga"), fake)
            told = await answer(watch, fake, decision="refuse")
            assert CAUGHT in told.text
            (opened,) = entries(watch, Unmasked)
            (asked,) = entries(watch, AskedMany)
            assert commitment(bytes.fromhex(opened.salt), b"decoy") == asked.flag
            (said,) = entries(watch, Answered)
            assert isinstance(said, AnsweredTimed)
            assert said.took >= 1
            assert watch.gate.state.may_answer("olga", "pay")
            known = watch.gate.state.vigilance["olga"]
            assert (known.asked, known.refused, known.decoys, known.caught, known.fell) == (1, 1, 1, 1, 0)
            assert within(watch.gate.state.paces, person("olga"), now()) == 0, "its room is given back"
            explained = await watch.control.explain(watch.who("otto"), fake)
            assert (explained["explanation"].standing, explained["explanation"].asked.was) == (
                "decoy",
                "decoy",
            )
            assert "It was a decoy" in explained["text"]
            assert explained["explanation"].problems == ()
            tail = [line.text for line in await watch.control.entries(watch.who("otto"), "0", "")]
            assert sum("was a decoy" in line for line in tail) == 1

    run(scene())


def test_real_questions_are_opened_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            real = (await watch.act(done, amount=1)).id
            explained = (await watch.control.explain(watch.who("otto"), real))["explanation"]
            assert (explained.standing, explained.asked.was) == ("pending", "sealed")
            assert await watch.control.openings.open(real) is None, "it can still be answered"
            await answer(watch, real)
            (opened,) = entries(watch, Unmasked)
            (asked,) = entries(watch, AskedMany)
            assert not opened.decoy
            assert commitment(bytes.fromhex(opened.salt), b"real") == asked.flag
            assert (await watch.act(done, amount=1)).word == "done"

    run(scene())


def test_what_was_closed_while_nobody_could_open_it_is_opened_after_a_restart(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            fake = await decoy(watch, decoys_of(watch))

            async def gone(ident: str, *, early: bool = False) -> None:
                return None

            watch.control.openings.open = gone  # type: ignore[method-assign]
            await answer(watch, fake)
            assert fake in watch.gate.state.veiled
        async with sparing(tmp_path) as watch:
            assert watch.gate.state.may_answer("olga", "pay"), "nobody knows yet"
            await watch.control.openings.sweep()
            assert not watch.gate.state.veiled
            assert not watch.gate.state.may_answer("olga", "pay")

    run(scene())


@pytest.mark.parametrize("scope", ["system:pay", "all", "tool:bank.send", "system:ship"])
def test_none_is_asked_during_an_incident(tmp_path: Path, scope: str) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            decoys = decoys_of(watch)
            assert (await watch.act(done, amount=900)).word == "refused"
            held = await watch.control.halt(watch.who("otto"), HaltOrder(scope, "something is wrong"))
            assert await decoys.ask("pay") == ""
            await watch.control.release(watch.who("otto"), str(held.hold), ReleaseOrder("it is over"))
            assert await decoys.ask("pay"), "calm again: nothing else had kept it back"

    run(scene())


@pytest.mark.parametrize("scope", ["system:pay", "all", "tool:bank.send", "system:ship"])
def test_an_open_one_is_taken_back_when_an_incident_begins(tmp_path: Path, scope: str) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            decoys = decoys_of(watch)
            fake = await decoy(watch, decoys)
            assert (await watch.act(done, amount=901)).word == "refused"
            await watch.control.halt(watch.who("otto"), HaltOrder(scope, "something is wrong"))
            await decoys.look()
            assert fake not in watch.gate.state.questions
            assert entries(watch, Unmasked)[0].decoy

    run(scene())


def test_none_is_asked_where_the_refusal_would_never_have_asked_or_is_none_any_more(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            decoys = decoys_of(watch)
            assert await decoys.ask("pay") == "", "nothing was refused"
            assert (await watch.act(done, amount=900)).word == "refused"
            path = tmp_path / "systems" / "pay.yaml"
            path.write_text(path.read_text().replace("max: 500", "max: 900"))
            envelope = watch.gate.world.envelopes["pay"]
            tool = envelope.tools["bank.send"]
            rule = msgspec.structs.replace(tool.tool.arguments["amount"], max=1000)
            wider = msgspec.structs.replace(
                tool, tool=msgspec.structs.replace(tool.tool, arguments={"amount": rule})
            )
            world = msgspec.structs.replace(
                watch.gate.world,
                envelopes={
                    **watch.gate.world.envelopes,
                    "pay": msgspec.structs.replace(envelope, tools={"bank.send": wider}),
                },
            )
            watch.gate.world = world
            assert await decoys.ask("pay") == "", "today it would be asked about"

    run(scene())


def test_a_decoy_takes_no_more_than_half_of_the_room_and_one_an_hour(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_person_per_hour: 4}") as watch:
            decoys = decoys_of(watch)
            for amount in (1, 2):
                await watch.act(done, amount=amount)
            assert (await watch.act(done, amount=900)).word == "refused"
            assert await decoys.ask("pay") == "", "half of the hour is used up"
        async with sparing(tmp_path / "another", ROOMY) as watch:
            decoys = decoys_of(watch)
            await decoy(watch, decoys, 900)
            assert (await watch.act(done, amount=901)).word == "refused"
            assert await decoys.ask("pay") == "", f"one in {APART} µs"

    run(scene())


def test_a_real_question_that_finds_no_room_has_the_decoy_taken_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, "{per_person_per_hour: 2}") as watch:
            decoys = decoys_of(watch)
            fake = await decoy(watch, decoys)
            first, second = [(await watch.act(done, amount=amount)).id for amount in (1, 2)]
            assert first in watch.gate.state.questions
            assert second in watch.gate.state.deferred
            await decoys.look()
            assert fake not in watch.gate.state.questions
            await watch.control.ask_deferred(watch.who("maria"), second)
            assert second in watch.gate.state.questions

    run(scene())


def test_who_answers_late_to_a_decoy_that_was_taken_back_is_told_so(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            fake = await decoy(watch, decoys_of(watch))
            question = watch.gate.state.questions[fake]
            await watch.control.openings.open(fake, early=True)
            watch.gate.state.questions[fake] = question  # as their browser still has it
            with pytest.raises((Conflict, Forbidden)):
                await answer(watch, fake)

    run(scene())


def test_one_in_so_many_brings_a_decoy_along_and_development_none(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY, "approvals: {decoys: {one_in: 4}}\n") as watch:
            decoys = decoys_of(watch)
            drawn = 0
            asked = (await watch.act(done, amount=1)).id
            entry = watch.gate.state.questions[asked].entry
            for _ in range(400):
                decoys.due.clear()
                decoys.heard(entry)
                drawn += bool(decoys.due)
            assert 60 <= drawn <= 140, "binomial(400, 1/4): beyond 4.6 standard deviations"
            assert all(at > now() for at in decoys.due.values())

    run(scene())


def test_an_export_gives_no_decoy_away_before_it_is_opened_and_shows_none_as_real_afterwards(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            fake = await decoy(watch, decoys_of(watch))
            await watch.signed_up_to_now()
            before = dict(watch.control.export(watch.who("maria"), "", "", "true"))
            assert not any(b"decoy" in data for path, data in before.items() if path != "README.txt")
            assert not any(b'"name":"flag"' in data for data in before.values())
            assert explain(Exported(before.get), fake, watch.log.vkey).standing == "pending"
            await answer(watch, fake)
            await watch.signed_up_to_now()
            after = Exported(dict(watch.control.export(watch.who("maria"), "", "", "true")).get)
            told = explain(after, fake, watch.log.vkey)
            assert told.asked is not None
            assert (told.standing, told.asked.was, told.asked.decision) == ("decoy", "decoy", "approve")
            assert "it was        a decoy" in render(told)
            assert verify(after, watch.log.vkey).status == "verified"

    run(scene())


def test_a_client_hears_that_its_question_is_settled_once_its_approval_has_force(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            heard: list[tuple[str, bool]] = []

            class Door:
                """Where the front is told."""

                def answered(self, ident: str) -> None:
                    heard.append((ident, ident in watch.gate.state.veiled))

            agents = cast("Agents", SimpleNamespace(mcp=Door()))
            before = watch.link.on_told

            def told(index: int, entry: Any) -> None:
                before(index, entry)
                cutting(agents, watch.gate, entry)

            watch.link.on_told = told
            real = (await watch.act(done, amount=1)).id
            fake = await decoy(watch, decoys_of(watch))
            await answer(watch, real)
            await answer(watch, fake, decision="refuse")
            assert heard == [(real, False)]

    run(scene())


def test_refusals_for_where_a_value_came_from_go_first(tmp_path: Path) -> None:
    async def scene() -> None:
        bounded(tmp_path, ROOMY)
        path = tmp_path / "systems" / "pay.yaml"
        path.write_text(path.read_text().replace("{max: 500}}", "{max: 500}, to: {from: [task]}}"))
        async with sparing(tmp_path) as watch:
            decoys = decoys_of(watch)
            for amount in range(901, 911):
                assert (await watch.act(done, amount=amount)).word == "refused"
            assert (await watch.act(done, amount=1, to="DE99ATTACKER")).word == "refused"
            for amount in range(911, 914):
                assert (await watch.act(done, amount=amount)).word == "refused"
            sheet = await watch.control.question(watch.who("olga"), await decoys.ask("pay"))
            assert '"to":"DE99ATTACKER"' in sheet.action, "by chance once in fourteen"

    run(scene())


def test_a_decoy_takes_as_long_from_its_act_to_its_question_as_real_ones_did(tmp_path: Path) -> None:
    """Its id and its end tell when it began, the record when it was asked: to the microsecond, to whoever answers."""

    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            decoys = decoys_of(watch)
            decoys.open = {}
            real = watch.gate.state.questions[(await watch.act(done, amount=1)).id].entry
            slow = msgspec.structs.replace(real, at=id_micros(real.id) + 400_000)
            for _ in range(100):  # nothing else is remembered
                decoys.heard(slow)
            decoys.due.clear()
            fake = watch.gate.state.questions[await decoy(watch, decoys)].entry
            assert fake.at - id_micros(fake.id) >= 399_000
            assert fake.until - id_micros(fake.id) == real.until - id_micros(real.id)

    run(scene())


class _Counting:
    """A record that counts which sealed parts are read from it."""

    def __init__(self, source: Any) -> None:
        self._source, self.read = source, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def sealed(self, *what: Any) -> Any:
        self.read += 1
        return self._source.sealed(*what)


def test_what_stands_beside_a_decoy_takes_as_much_reading_as_beside_a_real_question(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            for amount in range(2_000, 2_020):
                assert (await watch.act(done, amount=amount)).word == "refused"
            fake = await decoy(watch, decoys_of(watch))
            real = (await watch.act(done, amount=1)).id
            read = list[int]()
            for ident in (fake, real):
                question = watch.gate.state.questions[ident]
                action = watch.reader.sealed(question.index, ident, "action").parts[0].data
                source = cast("Any", _Counting(watch.reader))
                around(question, action, b"", source, watch.gate.configuration)
                read.append(source.read)
            assert read[0] == read[1] >= 20

    run(scene())
