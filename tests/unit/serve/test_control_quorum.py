"""Several people before one question, and values that they vouch for, on a real recorder and a real gate."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Act, Caller, Reply
from standwatch.facts.entries import AskedMany, DeclaredRules, Denied, Endorsed, Intent
from standwatch.facts.errors import Forbidden, NotFound, StandwatchError
from standwatch.facts.parts import approval_bytes, endorsement_bytes
from standwatch.fronts.control_passkeys import ApprovalOrder
from standwatch.fronts.control_ports import Actor, AgentOrder, AnswerOrder, Done
from standwatch.keys import ed25519
from standwatch.record.leaf import decode
from standwatch.record.reconstruct import explain
from standwatch.record.render import render
from support.quorum import RULES, TOOL, validated, written
from support.watch import DEFINITION, Watch, done, standing


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


def rewritten(watch: Watch, old: str, new: str) -> None:
    path = watch.folder / "systems" / "pay.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def answer(watch: Watch, ident: str, person: str, decision: str = "approve", **changes: Any) -> Done:
    sheet = await watch.control.question(watch.who("otto"), ident)
    told: dict[str, Any] = {"by": person, "decision": decision, "head": "", "until": sheet.question.until}
    message = approval_bytes(
        asked=sheet.question.index,
        digest=hashlib.sha256(sheet.action.encode()).hexdigest(),
        flag=sheet.question.flag,
        org=sheet.org,
        **told,
    )
    key = watch.keys[person]
    order = AnswerOrder(**told, key=ed25519.public(key), sig=ed25519.sign(key, message))
    return await watch.control.answer(watch.who("otto"), ident, msgspec.structs.replace(order, **changes))


async def vouch(
    watch: Watch, ident: str, person: str, argument: str = "recipient", /, **changes: Any
) -> Done:
    sheet = await watch.control.question(watch.who("otto"), ident)
    line = next(one for one in sheet.endorsable if one.argument == argument)
    told: dict[str, Any] = {"argument": argument, "by": person, "head": "", "until": line.until}
    message = endorsement_bytes(
        asked=sheet.question.index, digest=line.digest, flag=sheet.question.flag, org=sheet.org, run=line.run,
        **told,
    )  # fmt: skip
    key = watch.keys[person]
    order = AnswerOrder(**told, decision="endorse", key=ed25519.public(key), sig=ed25519.sign(key, message))
    return await watch.control.answer(watch.who("otto"), ident, msgspec.structs.replace(order, **changes))


async def pays(watch: Watch, recipient: str = "DE02", **more: Any) -> Reply:
    return await watch.act(done, recipient=recipient, amount=1, **more)


def last(watch: Watch, kind: type[Any]) -> Any:
    found = [decode(leaf) for _, leaf in watch.reader.leaves(0, watch.reader.size)]
    return [one for one in found if isinstance(one, kind)][-1]


def test_two_of_three_must_approve_and_the_second_lets_it_through_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org")) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            entry = last(watch, AskedMany)
            assert (entry.people, entry.quorum, entry.ordered) == (["olga", "otto", "nina"], 2, False)
            assert isinstance(watch.gate.state.systems["pay"].entry, DeclaredRules)
            told = await answer(watch, ident, "nina")
            assert "1 of 2 have approved" in told.text
            assert (await pays(watch)).word == "pending"
            (line,) = await watch.control.questions(watch.who("otto"))
            assert (line.quorum, line.approved, line.next) == (2, ("nina",), ("olga", "otto"))
            with pytest.raises(StandwatchError, match="approved already"):
                await answer(watch, ident, "nina")
            await answer(watch, ident, "olga")
            passed = await pays(watch)
            assert (passed.word, passed.id) == ("done", ident)
            assert (await pays(watch)).word == "pending", "the next one is asked about anew"
            text = render(explain(watch.reader, ident))
            assert "2 of them must approve" in text
            assert text.count("approve       by") == 2

    run(play())


def test_an_approval_outlives_a_restart_between_its_two_halves(tmp_path: Path) -> None:
    async def play() -> None:
        folder = written(tmp_path / "org")
        async with standing(folder) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            await answer(watch, ident, "nina")
        async with standing(folder) as watch:
            await answer(watch, ident, "otto")
        async with standing(folder) as watch:
            assert (await pays(watch)).word == "done"
            assert last(watch, Intent).signed >= 0

    run(play())


def test_somebody_who_leaves_the_manifest_takes_their_yes_along(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org")) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            await answer(watch, ident, "nina")
            await answer(watch, ident, "olga")
            rewritten(watch, ", nina@watch.example", "")
            adopted = await watch.control.reload(watch.who("maria"))
            assert adopted.result == "waits", "who answers is no narrowing"
            key = watch.keys["maria"]
            from standwatch.facts.parts import config_bytes
            from standwatch.fronts.control_ports import SignatureOrder

            for person in ("maria", "chen"):
                key = watch.keys[person]
                message = config_bytes(by=person, follows=adopted.follows, org=adopted.org, root=adopted.root)
                order = SignatureOrder(person, adopted.root, ed25519.sign(key, message))
                told = await watch.control.sign_configuration(watch.who(person), order)
            assert told.result == "in_force", told
            assert (await pays(watch)).word == "pending", "one of the two has gone"
            with pytest.raises(Forbidden):
                await answer(watch, ident, "nina")
            await answer(watch, ident, "otto")
            assert (await pays(watch)).word == "done"

    run(play())


def test_a_manifest_that_wants_one_more_has_everybody_asked_anew(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org")) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            await answer(watch, ident, "nina")
            await answer(watch, ident, "olga")
            rewritten(watch, "quorum: 2", "quorum: 3")
            assert (await watch.control.reload(watch.who("maria"))).result == "in_force", "more is narrower"
            again = await pays(watch)
            assert (again.word, again.id == ident) == ("pending", False)
            assert last(watch, AskedMany).quorum == 3

    run(play())


def test_neither_owner_nor_requester_and_nobody_where_too_few_are_left(tmp_path: Path) -> None:
    rules = (
        "approvals: {by: [maria@watch.example, olga@watch.example, otto@watch.example], quorum: 2, "
        "never: [owner, requester]}\n"
    )

    async def play() -> None:
        async with standing(written(tmp_path / "org", rules)) as watch:
            await validated(watch)
            await pays(watch)
            assert last(watch, AskedMany).people == ["olga", "otto"], "Maria owns the system"
            await watch.control.add_agent(watch.who("maria"), AgentOrder("desk", ("pay",), starts=True))
            caller = Caller("desk", "agent", ("pay",), starts=True)
            for behalf in (
                "olga", "OLGA@watch.example", "Olga", "Olga Ohm <olga@watch.example>", "mailto:olga@watch.example",
                "user:olga", "\uff4flga@watch.example", "the desk of (olga@watch.example)",
            ):  # fmt: skip
                ident, _, _ = await watch.gate.open_run(caller, "pay", "Pay 1", behalf)
                reply = await in_run(watch, ident)
                assert reply.word == "refused", "one is left, and two must approve"
                assert last(watch, Denied).code == "too_few_approvers"
            ident, _, _ = await watch.gate.open_run(caller, "pay", "Pay 1", "a customer")
            assert (await in_run(watch, ident)).word == "pending", "who is nobody here is nobody asked"

    run(play())


async def in_run(watch: Watch, ident: str, recipient: str = "DE02") -> Reply:
    act = Act(
        caller=Caller("desk", "agent", ("pay",), ident),
        system="pay",
        event="tool_call",
        tool="bank.send",
        target="bank",
        arguments={"recipient": recipient, "amount": 1},
        definition=DEFINITION,
    )
    return await watch.gate.act(act, done)


def test_a_value_that_enough_people_vouch_for_is_good_in_its_run_and_nowhere_else(tmp_path: Path) -> None:
    async def play() -> None:
        folder = written(tmp_path / "org")
        async with standing(folder) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            sheet = await watch.control.question(watch.who("otto"), ident)
            assert [one.argument for one in sheet.endorsable] == ["recipient"]
            assert "more people must vouch" in (await vouch(watch, ident, "olga")).text
            assert (await pays(watch)).word == "pending"
            with pytest.raises(StandwatchError):
                await vouch(watch, ident, "olga")
            assert "passes when it is asked for again" in (await vouch(watch, ident, "nina")).text
            passed = await pays(watch)
            assert passed.word == "done"
            assert passed.id != ident, "the value was vouched for, not the one call"
            assert (last(watch, Intent).signed, last(watch, Intent).verdict) == (-1, "allow")
            assert (await pays(watch)).word == "done", "again, in this run"
            assert "olga, nina vouch for recipient, asked in entry" in render(
                explain(watch.reader, passed.id)
            )
            assert (await pays(watch, "DE03")).word == "pending", "another value is asked about"
            assert (await pays(watch, "de02")).word == "pending", "exactly that value"
            with pytest.raises(StandwatchError, match="approved already"):
                await answer(watch, ident, "otto")
            assert b"DE02" not in b"".join(leaf for _, leaf in watch.reader.leaves(0, watch.reader.size))
            assert "vouched for a value" in render(explain(watch.reader, ident))
        async with standing(folder) as watch:
            assert (await pays(watch)).word == "done", "also after a restart"
            await watch.control.add_agent(watch.who("maria"), AgentOrder("other", ("pay",)))
            act = Act(
                caller=Caller("other", "agent", ("pay",)), system="pay", event="tool_call", tool="bank.send",
                target="bank", arguments={"recipient": "DE02", "amount": 1}, definition=DEFINITION,
            )  # fmt: skip
            assert (await watch.gate.act(act, done)).word == "pending", "another run is another matter"

    run(play())


def test_a_question_that_came_to_an_endorsement_says_so_for_good(tmp_path: Path) -> None:
    async def play() -> None:
        rules = RULES.replace("quorum: 2", "quorum: 2, expires: 6s")
        async with standing(written(tmp_path / "org", rules)) as watch:
            await validated(watch)
            ident, olga = (await pays(watch)).id, watch.who("olga")
            await vouch(watch, ident, "olga")
            assert (await watch.control.standing(olga, ident)).state == "open"
            assert await words(watch, ident) == ["waiting"]
            index = (await vouch(watch, ident, "nina")).index
            told = await watch.control.standing(olga, ident)
            assert (told.state, told.next) == ("endorsed", ())
            assert await words(watch, ident) == ["endorsed"]
            assert f"vouched for a value of it instead, the last in entry {index}" in told.text
            await asyncio.sleep(6)
            assert await words(watch, ident) == ["endorsed"], "its own time was up, and it was not refused"
            assert (await pays(watch, "DE03")).word == "pending"
            # The state forgets what is over; the record does not.
            assert ident not in watch.gate.state.questions
            assert "vouched for a value of it instead" in render(explain(watch.reader, ident))
            assert (await watch.control.standing(olga, ident)).state == "endorsed"

    run(play())


async def words(watch: Watch, ident: str) -> list[str]:
    """What the page of its run says became of `ident`."""
    run_ = watch.gate.state.questions[ident].entry.run
    return [one.word for one in (await watch.control.run(watch.who("otto"), run_)).acts if one.id == ident]


def test_one_of_two_has_not_approved_for_both(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org")) as watch:
            ident = (await pays(watch)).id
            await answer(watch, ident, "olga")
            assert await words(watch, ident) == ["waiting"]
            await answer(watch, ident, "nina")
            assert await words(watch, ident) == ["approved"]

    run(play())


def test_which_values_could_be_vouched_for_is_told_to_nobody_who_may_not_see_the_question(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org")) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            stranger = Actor("zed", "Zed", how="token")
            until = watch.gate.state.questions[ident].entry.until
            with pytest.raises(Forbidden) as asked:
                await watch.control.ask_approval(stranger, ident, ApprovalOrder("endorse", argument="x"))
            order = AnswerOrder("endorse", "zed", "", "", "", until, argument="x")
            with pytest.raises(Forbidden) as brought:
                await watch.control.answer(stranger, ident, order)
            assert "recipient" not in f"{asked.value} {brought.value}"

    run(play())


def test_what_is_vouched_for_is_judged_with_everything_else(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org", RULES.replace("quorum: 2", "quorum: 1"))) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            await vouch(watch, ident, "olga")
            assert (await watch.act(done, recipient="DE02", amount=501)).word == "pending", "the bound asks"
            sheet = await watch.control.question(watch.who("otto"), last(watch, AskedMany).id)
            assert sheet.endorsable == (), "an amount beyond its bound is nobody's to vouch for"
            assert sheet.around is not None
            assert ("/recipient", "endorsed") in [(one.pointer, one.source) for one in sheet.around.origins]

    run(play())


def test_a_refusal_after_all_takes_an_endorsement_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org", RULES.replace("quorum: 2", "quorum: 1"))) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            await vouch(watch, ident, "olga")
            assert (await pays(watch)).word == "done"
            await answer(watch, ident, "nina", "refuse")
            assert (await watch.control.standing(watch.who("olga"), ident)).state == "refused"
            assert (await pays(watch)).word != "done"

    run(play())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"argument": "amount"}, "not_endorsable"),
        ({"sig": "A" * 86 + "=="}, "bad_signature"),
        ({"by": "chen"}, ""),
        ({"until": 1}, "not_now"),
    ],
)
def test_no_other_endorsement_is_taken(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org")) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            with pytest.raises(StandwatchError) as error:
                await vouch(watch, ident, "olga", **changes)
            assert not code or error.value.code == code, error.value
            with pytest.raises(IndexError):
                last(watch, Endorsed)

    run(play())


def test_what_a_manifest_refuses_outright_is_nobody_s_to_vouch_for(tmp_path: Path) -> None:
    """`otherwise: deny` on the argument: no question, and a value vouched for elsewhere does not soften it."""

    async def play() -> None:
        async with standing(written(tmp_path / "org", RULES.replace("quorum: 2", "quorum: 1"))) as watch:
            await validated(watch)
            await vouch(watch, (await pays(watch)).id, "olga")
            assert (await pays(watch)).word == "done"
            rewritten(watch, "{recipient: {from: [task]}", "{recipient: {from: [task], otherwise: deny}")
            assert (await watch.control.reload(watch.who("maria"))).result == "in_force"
            assert (await pays(watch)).word == "refused"

    run(play())


def test_approved_and_not_yet_used_it_may_still_be_refused(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(written(tmp_path / "org", RULES.replace("quorum: 2", "quorum: 1"))) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            await answer(watch, ident, "olga")
            await answer(watch, ident, "otto", "refuse")
            assert (await pays(watch)).word == "refused"
            with pytest.raises(StandwatchError, match="answered already"):
                await answer(watch, ident, "nina")

    run(play())


def test_in_an_order_nobody_answers_before_their_turn(tmp_path: Path) -> None:
    async def play() -> None:
        rules = RULES.replace("quorum: 2", "quorum: 3, ordered: true")
        async with standing(written(tmp_path / "org", rules)) as watch:
            await validated(watch)
            ident = (await pays(watch)).id
            for person in ("nina", "otto"):
                with pytest.raises(Forbidden, match="too late in the order"):
                    await answer(watch, ident, person)
            for person in ("olga", "otto", "nina"):
                await answer(watch, ident, person)
            assert (await pays(watch)).word == "done"

    run(play())


def test_nothing_leaves_on_an_endorsement_that_was_never_offered(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(
            written(tmp_path / "org", tool=TOOL.replace("otherwise: step_up", "otherwise: deny"))
        ) as watch:
            await validated(watch)
            assert (await pays(watch)).word == "refused"
            with pytest.raises(NotFound):
                await watch.control.question(watch.who("otto"), last(watch, Denied).id)

    run(play())
