"""Passkeys in operation, on a real recorder: made, vouched for, used, doubted, ended; and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.configuration import Listener, Organisation
from standwatch.facts.entries import Answered, Intent, PasskeyDoubted, PasskeyRefused
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound, StandwatchError
from standwatch.facts.parts import enrolment_bytes
from standwatch.fronts.control_passkeys import (
    ApprovalOrder,
    EnrolmentOrder,
    PasskeyAnswerOrder,
    PasskeyEndOrder,
    RegisteredOrder,
    RegistrationOrder,
)
from standwatch.fronts.control_ports import AnswerOrder
from standwatch.keys import ed25519
from standwatch.record.assertion import challenge_of, from_base64url
from standwatch.record.leaf import decode
from standwatch.serve.control_party import party_of
from support import passkeys as support
from support.passkeys import Authenticator, as_json
from support.watch import Watch, done, standing

PAGE = "https://watch.example"
RP = "watch.example"


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


def code(error: pytest.ExceptionInfo[StandwatchError]) -> str:
    return error.value.code


async def made(watch: Watch, phone: Authenticator, name: str = "olga", **told: Any) -> str:
    """A passkey of `name` that waits for a signature; its credential id."""
    who = watch.who(name)
    begun = await watch.control.begin_passkey(who, RegistrationOrder())
    challenge = from_base64url(begun.options["challenge"], 64)
    credential = phone.create(challenge, **({"rp_id": RP, "origin": PAGE} | told))
    line = await watch.control.finish_passkey(who, RegisteredOrder(begun.ceremony, credential))
    assert line.state == "waits"
    return line.credential


async def vouch(watch: Watch, credential: str, by: str = "olga", **changes: Any) -> Any:
    page = await watch.control.list_passkeys(watch.who("otto"))
    one = next(one for one in page.passkeys if one.credential == credential)
    told = {
        name: getattr(one, name)
        for name in ("count", "credential", "follows", "key", "origin", "person", "rp_id", "synced")
    } | changes
    key = watch.keys[by]
    sig = ed25519.sign(key, enrolment_bytes(by=by, org=page.org, **told))
    order = EnrolmentOrder(by, ed25519.public(key), sig)
    return await watch.control.sign_passkey(watch.who(by), credential, order)


async def enrolled(watch: Watch, name: str = "olga", **told: Any) -> Authenticator:
    phone = Authenticator(f"phone of {name}", **told)
    await vouch(watch, await made(watch, phone, name), name)
    return phone


async def asked(watch: Watch, **arguments: Any) -> str:
    reply = await watch.act(done, **arguments)
    assert reply.word == "pending"
    return reply.id


async def signed(
    watch: Watch, ident: str, phone: Authenticator, name: str = "olga", decision: str = "approve", **told: Any
) -> PasskeyAnswerOrder:
    """What a browser gives for question `ident`."""
    asked_ = await watch.control.ask_approval(watch.who(name), ident, ApprovalOrder(decision))
    challenge = from_base64url(asked_.options["challenge"], 64)
    assert challenge == challenge_of(asked_.signs.encode())
    assert {"type": "public-key", "id": phone.credential} in asked_.options["allowCredentials"]
    gesture = phone.get(challenge, **({"rp_id": RP, "origin": PAGE} | told))
    return PasskeyAnswerOrder(decision, asked_.head, asked_.until, as_json(gesture))


def entries(watch: Watch, kind: type) -> list[Any]:
    found = [decode(leaf) for _, leaf in watch.reader.leaves(0, watch.reader.size)]
    return [entry for entry in found if isinstance(entry, kind)]


def test_a_passkey_approves_exactly_one_action_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrolled(watch)
            ident = await asked(watch, amount=7)
            await watch.signed_up_to_now()
            order = await signed(watch, ident, phone)
            assert order.head, "the latest checkpoint is signed along"
            await watch.control.answer_by_passkey(watch.who("olga"), ident, order)
            changed = await watch.act(done, amount=8)
            assert changed.word == "pending", "another amount is another question"
            reply = await watch.act(done, amount=7)
            assert reply.carried is not None
            assert (await watch.act(done, amount=7)).word == "pending", "used once"
            answer = entries(watch, Answered)[-1]
            assert answer.sig.startswith("webauthn:")
            assert watch.gate.state.passkeys[phone.credential].count == phone.count
            assert [decode(watch.reader.leaf(one.signed)) for one in entries(watch, Intent)] == [answer]

    run(play())


def test_a_recorded_assertion_replayed_is_refused_wherever(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrolled(watch)
            first, second = await asked(watch, amount=1), await asked(watch, amount=2)
            order = await signed(watch, first, phone)
            olga = watch.who("olga")
            with pytest.raises(Forbidden) as other:
                await watch.control.answer_by_passkey(olga, second, order)
            assert code(other) == "wrong_challenge"
            await watch.control.answer_by_passkey(olga, first, order)
            with pytest.raises(StandwatchError) as again:
                await watch.control.answer_by_passkey(olga, first, order)
            assert code(again) == "answered"
            with pytest.raises(Forbidden):
                await watch.control.answer_by_passkey(olga, second, order)
            refused = msgspec.structs.replace(order, decision="refuse")
            with pytest.raises(Forbidden):
                await watch.control.answer_by_passkey(olga, second, refused)

    run(play())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"origin": "https://watch.example.evil"}, "wrong_origin"),
        ({"origin": "https://staging.watch.example"}, "wrong_origin"),
        ({"crossOrigin": True}, "wrong_origin"),
        ({"rp_id": "evil.example"}, "wrong_rp"),
        ({"type": "webauthn.create"}, "wrong_type"),
    ],
)
def test_another_page_s_gesture_is_refused(tmp_path: Path, told: dict[str, Any], expected: str) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrolled(watch)
            ident = await asked(watch)
            order = await signed(watch, ident, phone, **told)
            with pytest.raises(Forbidden) as caught:
                await watch.control.answer_by_passkey(watch.who("olga"), ident, order)
            assert code(caught) == expected
            assert entries(watch, Answered) == []

    run(play())


def test_a_copied_passkey_is_refused_and_the_doubt_is_recorded_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrolled(watch)
            first, second = await asked(watch, amount=1), await asked(watch, amount=2)
            copy = Authenticator("phone of olga")
            copy.count = phone.count
            olga = watch.who("olga")
            await watch.control.answer_by_passkey(olga, first, await signed(watch, first, phone))
            order = await signed(watch, second, copy)
            for _ in range(3):
                with pytest.raises(Forbidden) as caught:
                    await watch.control.answer_by_passkey(olga, second, order)
                assert code(caught) == "cloned"
            doubt = entries(watch, PasskeyDoubted)
            assert [(one.person, one.count, one.last) for one in doubt] == [("olga", 2, 2)]
            page = await watch.control.list_passkeys(olga)
            assert page.passkeys[0].doubted == 2
            forged = await signed(watch, second, copy)
            forged.credential["response"]["signature"] = support.b64u(b"0" * 70)
            with pytest.raises(Forbidden):
                await watch.control.answer_by_passkey(olga, second, forged)
            assert len(entries(watch, PasskeyDoubted)) == 1, "nobody else can cast doubt"
            await watch.control.answer_by_passkey(olga, second, await signed(watch, second, phone))

    run(play())


def test_who_has_a_passkey_approves_what_cannot_be_taken_back_with_it(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            await enrolled(watch)
            first, second = await asked(watch, amount=1), await asked(watch, amount=2)
            with pytest.raises(Forbidden) as caught:
                await by_key(watch, first, "approve")
            assert code(caught) == "passkey_needed"
            await by_key(watch, first, "refuse")
            page = await watch.control.list_passkeys(watch.who("olga"))
            ending = PasskeyEndOrder("lost")
            await watch.control.end_passkey(watch.who("olga"), page.passkeys[0].credential, ending)
            await by_key(watch, second, "approve")

    run(play())


async def by_key(watch: Watch, ident: str, decision: str) -> None:
    from standwatch.facts.parts import approval_bytes

    sheet = await watch.control.question(watch.who("otto"), ident)
    message = approval_bytes(
        asked=sheet.question.index,
        by="olga",
        decision=decision,
        digest=sheet.question.digest,
        flag=sheet.question.flag,
        head="",
        org=sheet.org,
        until=sheet.question.until,
    )
    key = watch.keys["olga"]
    order = AnswerOrder(
        decision, "olga", ed25519.public(key), ed25519.sign(key, message), "", sheet.question.until
    )
    await watch.control.answer(watch.who("otto"), ident, order)


def test_an_organisation_that_says_nothing_wants_passkeys_alone(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            pass
        file = tmp_path / "org" / "standwatch.yaml"
        file.write_text(file.read_text().replace("approvals: {irreversible: enrolled}\n", ""))
        async with standing(tmp_path / "org") as watch:
            ident = await asked(watch)
            with pytest.raises(Forbidden) as caught:
                await by_key(watch, ident, "approve")
            assert code(caught) == "passkey_needed"
            with pytest.raises(NotFound) as none:
                await watch.control.ask_approval(watch.who("olga"), ident, ApprovalOrder("approve"))
            assert code(none) == "no_passkey"

    run(play())


def test_an_ended_passkey_s_unused_approval_is_void(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrolled(watch)
            ident = await asked(watch)
            await watch.control.answer_by_passkey(watch.who("olga"), ident, await signed(watch, ident, phone))
            await watch.control.end_passkey(watch.who("maria"), phone.credential, PasskeyEndOrder("stolen"))
            reply = await watch.act(done)
            assert reply.carried is None
            assert entries(watch, Intent) == []
            for again in (phone.credential, "AAAA"):
                with pytest.raises(NotFound):
                    await watch.control.end_passkey(watch.who("maria"), again, PasskeyEndOrder(""))

    run(play())


def test_enrolling_takes_the_right_person_and_the_right_bytes(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = Authenticator()
            with pytest.raises(Forbidden):
                await watch.control.begin_passkey(watch.who("nina"), RegistrationOrder("olga"))
            with pytest.raises(NotFound):
                await watch.control.begin_passkey(watch.who("maria"), RegistrationOrder("nobody"))
            with pytest.raises((Forbidden, Malformed)):
                await made(watch, phone, origin="https://evil.example")
            credential = await made(watch, phone)
            for by, changes in (
                ("nina", {}),
                ("olga", {"person": "maria"}),
                ("olga", {"count": 9}),
                ("olga", {"origin": "https://evil.example"}),
                ("olga", {"follows": 5}),
            ):
                with pytest.raises(Forbidden):
                    await vouch(watch, credential, by, **changes)
            with pytest.raises(Conflict):
                await made(watch, phone)
            await vouch(watch, credential, "maria")
            with pytest.raises(NotFound):
                await vouch_again(watch, credential)
            page = await watch.control.list_passkeys(watch.who("nina"))
            assert page.passkeys == ()
            seen = await watch.control.list_passkeys(watch.who("olga"))
            assert [(one.state, one.by) for one in seen.passkeys] == [("live", "maria")]

    run(play())


async def vouch_again(watch: Watch, credential: str) -> None:
    await vouch(watch, credential, "maria")


def test_a_ceremony_is_good_once_and_for_its_person(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            olga, phone = watch.who("olga"), Authenticator()
            begun = await watch.control.begin_passkey(olga, RegistrationOrder())
            challenge = from_base64url(begun.options["challenge"], 64)
            credential = phone.create(challenge, rp_id=RP, origin=PAGE)
            order = RegisteredOrder(begun.ceremony, credential)
            with pytest.raises(Forbidden):
                await watch.control.finish_passkey(watch.who("nina"), order)
            with pytest.raises(NotFound):
                await watch.control.finish_passkey(olga, RegisteredOrder(begun.ceremony, credential))
            for _ in range(80):
                last = await watch.control.begin_passkey(olga, RegistrationOrder())
            assert len(watch.control.passkeys._begun) == 4  # pyright: ignore[reportPrivateUsage]
            other = phone.create(bytes(32), rp_id=RP, origin=PAGE)
            with pytest.raises(Forbidden) as caught:
                await watch.control.finish_passkey(olga, RegisteredOrder(last.ceremony, other))
            assert code(caught) == "wrong_challenge"

    run(play())


def test_only_whom_the_manifest_names_is_asked_and_only_for_open_questions(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            await enrolled(watch)
            nina = await enrolled(watch, "nina")
            ident = await asked(watch)
            with pytest.raises(Forbidden):
                await watch.control.ask_approval(watch.who("nina"), ident, ApprovalOrder("approve"))
            with pytest.raises(NotFound):
                await watch.control.ask_approval(watch.who("olga"), "0" * 26, ApprovalOrder("approve"))
            with pytest.raises(Malformed):
                await watch.control.ask_approval(watch.who("olga"), ident, ApprovalOrder("perhaps"))
            with pytest.raises(Malformed):
                await watch.control.ask_approval(
                    watch.who("olga"), ident, ApprovalOrder("approve", "1:" + "0" * 64)
                )
            asked_ = await watch.control.ask_approval(watch.who("olga"), ident, ApprovalOrder("approve"))
            gesture = nina.get(from_base64url(asked_.options["challenge"], 64), rp_id=RP, origin=PAGE)
            order = PasskeyAnswerOrder("approve", asked_.head, asked_.until, as_json(gesture))
            with pytest.raises(Forbidden):
                await watch.control.answer_by_passkey(watch.who("olga"), ident, order)

    run(play())


@pytest.mark.parametrize(
    ("url", "rp_id", "expected"),
    [
        ("http://127.0.0.1:8401", "localhost", ("localhost", "http://localhost:8401")),
        ("http://[::1]:8401", "localhost", ("localhost", "http://localhost:8401")),
        ("http://localhost:80", "localhost", ("localhost", "http://localhost")),
        ("https://Watch.Bank.example:443", "bank.example", ("bank.example", "https://watch.bank.example")),
        (
            "https://watch.bank.example:8443",
            "localhost",
            ("watch.bank.example", "https://watch.bank.example:8443"),
        ),
        ("https://watch.bank.example", "bank.example", ("bank.example", "https://watch.bank.example")),
    ],
)
def test_the_page_is_named_as_browsers_name_it(url: str, rp_id: str, expected: tuple[str, str]) -> None:
    place = Listener("127.0.0.1", 1)
    found = party_of(Organisation("B", "b", url, place, place, rp_id=rp_id))
    assert (found.rp_id, found.origin) == expected


def test_an_approval_that_was_lured_onto_another_page_is_recorded_with_its_question(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrolled(watch)
            ident = await asked(watch, amount=7)
            for _ in range(2):
                order = await signed(watch, ident, phone, origin="https://evil.example")
                with pytest.raises(Forbidden) as caught:
                    await watch.control.answer_by_passkey(watch.who("olga"), ident, order)
                assert code(caught) == "wrong_origin"
            (said,) = entries(watch, PasskeyRefused)
            assert (said.person, said.code) == ("olga", "wrong_origin")
            assert said.of == watch.gate.state.questions[ident].index
            await watch.control.answer_by_passkey(
                watch.who("olga"), ident, await signed(watch, ident, phone)
            )  # from our page it counts

    run(play())
