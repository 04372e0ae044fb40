"""Sessions in operation, on a real recorder: opened, recognised, doubted, stolen, ended; and what strangers learn."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.cookies import csrf_of
from standwatch.facts.entries import PasskeyDoubted, PasskeyRefused, SignedIn, SignedOut
from standwatch.facts.errors import Forbidden, Misconfigured, NotFound, StandwatchError, TooMany
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_passkeys import PasskeyEndOrder, RegisteredOrder, RegistrationOrder
from standwatch.fronts.control_ports import AgentOrder, HaltOrder, ReleaseOrder
from standwatch.fronts.control_routes import ROUTES
from standwatch.fronts.control_sessions import (
    EnrolmentAsk,
    EnrolmentMade,
    EnrolmentSeat,
    InvitationOrder,
    SignInAsk,
    SignInOrder,
)
from standwatch.keys.passkeys import Party
from standwatch.record.assertion import from_base64url
from standwatch.record.leaf import decode
from standwatch.serve.control import Control
from standwatch.serve.control_party import no_page
from standwatch.serve.rates import EACH, Rate, Rates
from support.passkeys import Authenticator, as_json
from support.sessions import CAME, PAGE, RP, enrol, sign_in
from support.watch import Watch, standing

ELSEWHERE = {
    "agent": {"agent": "Another/1.0"},
    "network": {"address": "198.51.100.7"},
    "origin": {"origin": "https://watch.example:8443"},
}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


def entries(watch: Watch, kind: type) -> list[Any]:
    found = [decode(leaf) for _, leaf in watch.reader.leaves(0, watch.reader.size)]
    return [entry for entry in found if isinstance(entry, kind)]


def with_cookie(cookie: str, **changes: Any) -> Came:
    return msgspec.structs.replace(CAME, cookie=cookie, **changes)


async def settled(watch: Watch, kind: type, many: int = 1) -> list[Any]:
    for _ in range(6_000):
        if len(found := entries(watch, kind)) >= many:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"no {kind.__name__} came")


def test_a_session_acts_as_its_person_until_they_leave(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")
            entered = await sign_in(watch, phone)
            who = watch.control.visitor(with_cookie(entered.cookie))
            assert (who.ident, who.how, who.session) == ("olga", "passkey", entered.opened.session)
            halted = await watch.control.halt(who, HaltOrder("system:pay", "odd"))
            await watch.control.release(who, str(halted.hold), ReleaseOrder("fine"))
            assert [one.mine for one in await watch.control.list_sessions(who)] == [True]
            assert entered.opened.csrf == csrf_of(entered.cookie)
            await watch.control.end_session(who, "current")
            with pytest.raises(Forbidden, match="sign in"):
                watch.control.visitor(with_cookie(entered.cookie))
            assert [(one.code, one.by) for one in entries(watch, SignedOut)] == [("left", "olga")]
            with pytest.raises(NotFound):
                await watch.control.end_session(who, "current")

    run(play())


def test_nothing_that_opens_a_session_is_written_down(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            entered = await sign_in(watch, await enrol(watch, "olga"))
            (entry,) = entries(watch, SignedIn)
            assert entry.session == sha256(entered.cookie.encode()).hexdigest()
            assert set(entry.bound) == {"agent", "network", "origin"}
            await watch.signed_up_to_now()
            for path in (tmp_path / "org").rglob("*"):
                if path.is_file():
                    data = path.read_bytes()
                    assert entered.cookie.encode() not in data, path
                    assert b"192.0.2." not in data, path
                    assert CAME.agent.encode() not in data, path

    run(play())


@pytest.mark.parametrize("what", ELSEWHERE)
def test_a_cookie_that_turns_up_elsewhere_ends_its_session(tmp_path: Path, what: str) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            entered = await sign_in(watch, await enrol(watch, "olga"))
            with pytest.raises(Forbidden, match="opened elsewhere"):
                watch.control.visitor(with_cookie(entered.cookie, **ELSEWHERE[what]))
            with pytest.raises(Forbidden):  # at once, for its owner too
                watch.control.visitor(with_cookie(entered.cookie))
            (ended,) = await settled(watch, SignedOut)
            assert (ended.code, ended.person, ended.by) == ("elsewhere", "olga", "standwatch")
            assert watch.gate.state.sessions == {}
            warnings = (await watch.control.status(watch.who("otto"))).warnings
            assert any("may have been at work as Olga" in one for one in warnings)

    run(play())


def test_who_signs_in_again_leaves_the_session_before(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")
            first = await sign_in(watch, phone)
            second = await sign_in(watch, phone, with_cookie(first.cookie))
            assert list(watch.gate.state.sessions) == [second.opened.session]
            assert [one.code for one in entries(watch, SignedOut)] == ["left"]
            await sign_in(watch, phone)
            assert len(watch.gate.state.sessions) == 2, "another browser's stays"

    run(play())


def test_another_address_of_the_same_network_is_no_theft(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            entered = await sign_in(watch, await enrol(watch, "olga"))
            assert watch.control.visitor(with_cookie(entered.cookie, address="192.0.2.99")).ident == "olga"

    run(play())


def test_a_session_survives_a_restart_and_the_time_that_nobody_served_counts(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            entered = await sign_in(watch, await enrol(watch, "olga"))
        async with standing(tmp_path / "org") as watch:
            assert watch.control.visitor(with_cookie(entered.cookie)).ident == "olga"
        async with standing(tmp_path / "org") as watch:
            real = watch.control.sessions._clock  # pyright: ignore[reportPrivateUsage]
            watch.control.sessions._clock = lambda: real() + 901 * 1_000_000  # pyright: ignore[reportPrivateUsage]
            with pytest.raises(Forbidden, match="in a while"):
                watch.control.visitor(with_cookie(entered.cookie))
            assert [one.code for one in await settled(watch, SignedOut)] == ["idle"]

    run(play())


def test_a_session_ends_with_its_time_its_passkey_and_its_person(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")
            entered = await sign_in(watch, phone)
            control, sessions = watch.control, watch.control.sessions
            real = sessions._clock  # pyright: ignore[reportPrivateUsage]
            sessions._clock = lambda: entered.opened.until  # pyright: ignore[reportPrivateUsage]
            with pytest.raises(Forbidden):
                control.visitor(with_cookie(entered.cookie))
            sessions._clock = real  # pyright: ignore[reportPrivateUsage]
            who = control.visitor(with_cookie(entered.cookie))
            assert control.still(who)
            await control.end_passkey(watch.who("maria"), phone.credential, PasskeyEndOrder("lost"))
            assert not control.still(who)
            with pytest.raises(Forbidden):
                control.visitor(with_cookie(entered.cookie))

    run(play())


def test_only_its_person_or_an_admin_ends_a_session(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            entered = await sign_in(watch, await enrol(watch, "olga"))
            name = entered.opened.session
            with pytest.raises(Forbidden):
                await watch.control.end_session(watch.who("nina"), name)
            assert await watch.control.list_sessions(watch.who("nina")) == ()
            assert [one.person for one in await watch.control.list_sessions(watch.who("otto"))] == ["olga"]
            await watch.control.end_session(watch.who("maria"), name)
            assert [one.code for one in entries(watch, SignedOut)] == ["ended"]

    run(play())


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"origin": "https://evil.example"}, "wrong_origin"),
        ({"rp_id": "evil.example"}, "wrong_rp"),
        ({"crossOrigin": True}, "wrong_origin"),
    ],
)
def test_a_passkey_that_signed_for_another_page_opens_nothing_and_is_recorded(
    tmp_path: Path, told: dict[str, Any], code: str
) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")
            for _ in range(2):
                with pytest.raises(Forbidden) as caught:
                    await sign_in(watch, phone, **told)
                assert caught.value.code == "not_signed_in"
            found = entries(watch, PasskeyRefused)
            assert [(one.person, one.code) for one in found] == [("olga", code)], "a flood is one entry"
            assert entries(watch, SignedIn) == []

    run(play())


def test_nobody_verified_is_recorded_and_what_anybody_can_write_is_not(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")
            asked = await watch.control.ask_sign_in(CAME, SignInAsk())
            challenge = from_base64url(asked.options["challenge"], 64)
            made = phone.get(challenge, rp_id=RP, origin="https://evil.example")
            forged = msgspec.structs.replace(made, signature=b"\x30" + bytes(70))
            with pytest.raises(Forbidden):
                await watch.control.sign_in(CAME, SignInOrder(asked.ceremony, as_json(forged)))
            assert entries(watch, PasskeyRefused) == []
            asked = await watch.control.ask_sign_in(CAME, SignInAsk())
            challenge = from_base64url(asked.options["challenge"], 64)
            weak = phone.get(challenge, origin=PAGE, data=phone.data(RP, flags=0x01))
            with pytest.raises(Forbidden):
                await watch.control.sign_in(CAME, SignInOrder(asked.ceremony, as_json(weak)))
            assert [one.code for one in entries(watch, PasskeyRefused)] == ["unverified_user"]

    run(play())


def test_a_copy_of_a_passkey_is_refused_and_doubted(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")
            await sign_in(watch, phone)
            phone.count = 0
            with pytest.raises(Forbidden) as caught:
                await sign_in(watch, phone)
            assert caught.value.code == "cloned"
            assert [(one.of, one.count) for one in entries(watch, PasskeyDoubted)] == [(-1, 1)]

    run(play())


def test_an_answer_is_good_once_and_in_time(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")
            asked = await watch.control.ask_sign_in(CAME, SignInAsk())
            made = phone.get(from_base64url(asked.options["challenge"], 64), rp_id=RP, origin=PAGE)
            order = SignInOrder(asked.ceremony, as_json(made))
            await watch.control.sign_in(CAME, order)
            for again in (order, SignInOrder("AAAA", as_json(made))):
                with pytest.raises(Forbidden, match="too long"):
                    await watch.control.sign_in(CAME, again)
            other = await watch.control.ask_sign_in(CAME, SignInAsk())
            with pytest.raises(Forbidden):  # recorded before, for another session
                await watch.control.sign_in(CAME, SignInOrder(other.ceremony, as_json(made)))

    run(play())


def test_fifty_at_once_with_one_gesture_open_one_session(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            watch.control.sessions.rates = Rates(lambda: 0, Rate(1_000, 1), Rate(1_000, 1))
            phone = await enrol(watch, "olga")
            asked = await watch.control.ask_sign_in(CAME, SignInAsk())
            made = phone.get(from_base64url(asked.options["challenge"], 64), rp_id=RP, origin=PAGE)
            order = SignInOrder(asked.ceremony, as_json(made))
            tried = (watch.control.sign_in(CAME, order) for _ in range(50))
            came = await asyncio.gather(*tried, return_exceptions=True)
            assert sum(not isinstance(one, BaseException) for one in came) == 1
            assert all(not isinstance(one, BaseException) or isinstance(one, Forbidden) for one in came)
            assert len(entries(watch, SignedIn)) == 1

    run(play())


def test_a_clock_that_is_set_back_prolongs_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            entered = await sign_in(watch, await enrol(watch, "olga"))
            sessions = watch.control.sessions
            sessions._clock = lambda: entered.opened.until - 86_400_000_000  # pyright: ignore[reportPrivateUsage]
            assert sessions._now() == watch.gate.state.at  # pyright: ignore[reportPrivateUsage]
            assert watch.control.visitor(with_cookie(entered.cookie)).ident == "olga"

    run(play())


def test_strangers_do_not_learn_who_is_somebody(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            phone = await enrol(watch, "olga")

            async def allowed(address: str) -> list[dict[str, str]]:
                asked = await watch.control.ask_sign_in(CAME, SignInAsk(address))
                return asked.options["allowCredentials"]

            assert await allowed("") == []
            assert await allowed("olga@watch.example") == [{"type": "public-key", "id": phone.credential}]
            for nobody in ("eve@watch.example", "chen@watch.example"):  # unknown; known, without a passkey
                found = await allowed(nobody)
                assert len(found) == 1
                assert found == await allowed(nobody), "the same each time, as a real one"
                assert from_base64url(found[0]["id"], 64)
            stranger = Authenticator("a stranger's")
            with pytest.raises(Forbidden) as caught:
                await sign_in(watch, stranger)
            assert caught.value.code == "not_signed_in"

    run(play())


def test_an_issuer_s_word_reads_and_stops_and_signs_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            control, issuer = watch.control, "https://login.example"
            maria = watch.gate.configuration.person("maria")
            assert maria is not None
            entered = await control.sessions.by_issuer(CAME, maria, issuer)
            with pytest.raises(Forbidden):  # the configuration takes nobody's word
                control.visitor(with_cookie(entered.cookie))
            who = msgspec.structs.replace(watch.who("maria"), how="issuer", session=entered.opened.session)
            await control.status(who)
            assert await control.list_passkeys(who)
            halted = await control.halt(who, HaltOrder("system:pay", "odd"))
            for act in (
                control.release(who, str(halted.hold), ReleaseOrder("fine")),
                control.add_agent(who, AgentOrder("bot", ("pay",))),
                control.invite(who, InvitationOrder()),
                control.reload(who),
            ):
                with pytest.raises(Forbidden) as caught:
                    await act
                assert caught.value.code == "passkey_needed"
            await control.end_session(who, "current")

    run(play())


def test_a_link_enrols_once_and_gives_nothing_else(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            control = watch.control
            with pytest.raises(Forbidden):
                await control.invite(watch.who("nina"), InvitationOrder("olga@watch.example"))
            made = await control.invite(watch.who("maria"), InvitationOrder("olga@watch.example"))
            page, _, secret = made.link.partition("#")
            assert page == f"{PAGE}/enrol"
            begun = await control.begin_enrolment(CAME, EnrolmentAsk(link=secret))
            assert begun.person == "olga"
            with pytest.raises(Forbidden, match="used"):
                await control.begin_enrolment(CAME, EnrolmentAsk(link=secret))
            begun = await control.begin_enrolment(
                CAME, EnrolmentAsk(seat=begun.seat)
            )  # the gesture was put off
            phone = Authenticator("a new phone")
            gesture = phone.create(from_base64url(begun.options["challenge"], 64), rp_id=RP, origin=PAGE)
            state = await control.finish_enrolment(CAME, EnrolmentMade(begun.seat, begun.ceremony, gesture))
            assert state.state == "waits"
            line = await control.invitation(watch.who("olga"), made.invitation)
            assert (line.state, line.credential) == ("made", phone.credential)
            for cookie in (secret, begun.seat):
                with pytest.raises(Forbidden):
                    control.visitor(with_cookie(cookie))
            with pytest.raises(Forbidden):
                await sign_in(watch, phone)  # nobody has vouched for it
            from support.sessions import vouch

            await vouch(watch, phone.credential, "olga")
            assert (await control.enrolment(CAME, EnrolmentSeat(begun.seat))).state == "live"
            await sign_in(watch, phone)
            with pytest.raises(StandwatchError):
                await control.begin_enrolment(CAME, EnrolmentAsk(seat=begun.seat))

    run(play())


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        ("https://watch.example", ""),
        ("http://localhost:8401", ""),
        ("http://watch.example", "https"),
        ("http://10.0.0.5:8401", "https"),
        ("https://10.0.0.5", "a name"),
        ("https://[2001:db8::1]:8401", "a name"),
    ],
)
def test_pages_that_browsers_give_passkeys_to(origin: str, why: str) -> None:
    assert (why in no_page(Party("x", origin))) if why else no_page(Party("x", origin)) == ""


def test_where_browsers_give_none_nobody_is_sent(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            configuration = watch.gate.configuration
            plain = msgspec.structs.replace(configuration.organisation, public_url="http://10.0.0.5:8401")
            world = msgspec.structs.replace(configuration, organisation=plain)
            watch.gate.world = msgspec.structs.replace(watch.gate.world, configuration=world)
            assert watch.control.invitations.first() is None
            with pytest.raises(Misconfigured, match="wants https"):
                await watch.control.invite(watch.who("maria"), InvitationOrder())

    run(play())


def test_nobody_pushes_anothers_enrolment_out_by_beginning_their_own(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            control = watch.control
            made = await control.invite(watch.who("maria"), InvitationOrder("olga@watch.example"))
            begun = await control.begin_enrolment(CAME, EnrolmentAsk(link=made.link.partition("#")[2]))
            for _ in range(70):
                await control.invite(watch.who("nina"), InvitationOrder())
                await control.begin_passkey(watch.who("nina"), RegistrationOrder())
            phone = Authenticator("a new phone")
            gesture = phone.create(from_base64url(begun.options["challenge"], 64), rp_id=RP, origin=PAGE)
            state = await control.finish_enrolment(CAME, EnrolmentMade(begun.seat, begun.ceremony, gesture))
            assert state.state == "waits"
            for number in range(70):
                other = await control.begin_passkey(watch.who("nina"), RegistrationOrder())
                challenge = from_base64url(other.options["challenge"], 64)
                one = Authenticator(f"phone {number}").create(challenge, rp_id=RP, origin=PAGE)
                await control.finish_passkey(watch.who("nina"), RegisteredOrder(other.ceremony, one))
            assert (await control.enrolment(CAME, EnrolmentSeat(begun.seat))).state == "waits"

    run(play())


def test_the_first_person_is_invited_once_nobody_has_a_passkey(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            first = watch.control.invitations.first()
            assert first is not None
            assert first.person == "maria", "the first admin"
            await enrol(watch, "olga")
            assert watch.control.invitations.first() is None

    run(play())


def test_rates_hold_back_one_network_and_then_everybody() -> None:
    at = [0]
    rates = Rates(lambda: at[0], Rate(3, 1_000_000), Rate(5, 1_000_000))
    for _ in range(3):
        rates.take("a")
    with pytest.raises(TooMany) as caught:
        rates.take("a")
    assert caught.value.after == 1
    rates.take("b")
    rates.take("b")
    with pytest.raises(TooMany):
        rates.take("c")
    at[0] += 1_000_000
    rates.take("c")
    rates = Rates(lambda: at[0])
    for number in range(10_000):
        at[0] += 200_000
        rates.take(f"{number}")
    assert len(rates._last) <= 4096  # pyright: ignore[reportPrivateUsage]


def test_strangers_are_held_back_at_the_door(tmp_path: Path) -> None:
    async def play() -> None:
        async with standing(tmp_path / "org") as watch:
            for _ in range(EACH.burst):
                await watch.control.ask_sign_in(CAME, SignInAsk())
            with pytest.raises(TooMany):
                await watch.control.ask_sign_in(CAME, SignInAsk())

    run(play())


STOPS = {
    "halt", "revoke_agent", "rollback", "restore", "end_passkey", "end_session",  # stop something
    "take_markers", "verify_record", "compare_checkpoint", "replay",  # sequence a halt; read
}  # fmt: skip
"""What an issuer's word is good for beside reading. Adding to it is a decision."""


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if one.method != "GET" and not one.open], ids=lambda route: route.name
)
def test_every_other_act_asks_for_more_than_an_issuer_s_word(route: Any) -> None:
    (name,) = [word for word in route.act.__code__.co_names if hasattr(Control, word)] or ["take_markers"]
    told = inspect.getsource(getattr(Control, name))
    delegated = "self.answer(" in told  # which asks
    assert ("somebody(" in told or delegated) is (name not in STOPS)
