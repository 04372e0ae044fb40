"""Everything that people sign, signed with a passkey on a real recorder: taken, counted, verified; what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.authority.grant import grant
from standwatch.facts.entries import Answered, Config, Evidence, Glass, PasskeyDoubted, Relaxed
from standwatch.facts.entries import Watch as Kept
from standwatch.facts.errors import Forbidden, Malformed, NotFound, StandwatchError
from standwatch.facts.parts import config_bytes
from standwatch.fronts.control_passkeys import PasskeyEndOrder, RegisteredOrder, RegistrationOrder
from standwatch.fronts.control_ports import SignatureOrder
from standwatch.fronts.control_signing import (
    SignConfiguration,
    SignGiving,
    SigningOrder,
    SignRelaxation,
    SignSealing,
    SignTaking,
    SignValidation,
    SignWaiting,
)
from standwatch.keys import ed25519
from standwatch.record.assertion import from_base64url
from standwatch.record.leaf import decode
from standwatch.record.verify import verify
from support.keeping import HOUR, PAGE, RP, by_passkey, enrolled, gesture, kept, names, take, vouch
from support.passkeys import Authenticator
from support.relaxing_watch import awaited, relax
from support.watch import Watch, now


def entries(watch: Watch, kind: type) -> list[Any]:
    found = [decode(leaf) for _, leaf in watch.reader.leaves(0, watch.reader.size)]
    return [entry for entry in found if isinstance(entry, kind)]


async def verified(watch: Watch) -> None:
    await watch.signed_up_to_now()
    whole = verify(watch.reader, watch.log.vkey, grant=lambda s, n, t: grant(s, n, t).level)
    assert whole.status == "verified", whole.problems


def relaxation(**changes: Any) -> SignRelaxation:
    said: dict[str, Any] = {
        "system": "pay",
        "check": "provenance",
        "scope": "tool:bank.send",
        "until": now() + 1_800_000_000,
        "reason": "another format today",
        "compensating": "per_run:10",
    }
    return SignRelaxation(**(said | changes))


async def taking(watch: Watch, **changes: Any) -> SignTaking:
    sheet = await watch.control.watch(watch.who("otto"), "night")
    said: dict[str, Any] = {
        "watch": "night",
        "until": now() + 8 * HOUR,
        "follows": sheet.follows,
        "shown": sheet.shown,
        "seen": names(sheet),
    }
    return SignTaking(**(said | changes))


@awaited
async def test_a_relaxation_takes_a_passkey_and_another_person_s_key(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        chen = await enrolled(watch, "chen")
        done = await by_passkey(watch, "chen", chen, relaxation())
        assert done.result == "done"
        assert watch.gate.relaxed(now())
        entry = watch.reader.entry(done.index)
        assert isinstance(entry, Relaxed)
        assert entry.signatures["chen"].startswith("webauthn:")
        assert watch.gate.state.passkeys[chen.credential].count == chen.count
        waits = await relax(watch, "olga", check="policy", compensating="step_up")
        assert waits.result == "waits"
        also = await by_passkey(watch, "chen", chen, SignWaiting(id=waits.id))
        assert also.result == "done"
        await verified(watch)


@awaited
async def test_validations_seals_and_watches_take_a_passkey(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        chen, maria, olga = [await enrolled(watch, name) for name in ("chen", "maria", "olga")]
        said = SignValidation(system="pay", outcome="pass", until=now() + 1_000 * HOUR)
        done = await by_passkey(watch, "chen", chen, said)
        assert "autonomous" in done.text
        assert entries(watch, Evidence)[-1].key == chen.key
        sealed = ed25519.public(ed25519.make())
        seal = SignSealing(
            key=sealed, people=("nina",), may=("halt",), systems=("pay",), until=now() + 100 * HOUR
        )
        await by_passkey(watch, "maria", maria, seal)
        assert entries(watch, Glass)[-1].sig.startswith("webauthn:")
        await by_passkey(watch, "olga", olga, await taking(watch))
        until = now() + 4 * HOUR
        sheet = await watch.control.watch(watch.who("otto"), "night")
        giving = SignGiving(
            watch="night",
            to="chen",
            until=until,
            follows=sheet.follows,
            shown=sheet.shown,
            seen=names(sheet),
        )
        assert (await by_passkey(watch, "olga", olga, giving)).result == "waits"
        await by_passkey(watch, "chen", chen, await taking(watch, giver="olga", until=until))
        last = entries(watch, Kept)[-1]
        assert {sig[:9] for sig in last.signatures.values()} == {"webauthn:"}
        assert last.signatures.keys() == {"olga", "chen"}
        await verified(watch)


@awaited
async def test_a_configuration_takes_a_passkey_even_one_that_it_ends(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        maria = await enrolled(watch, "maria")
        file = tmp_path / "standwatch.yaml"
        # Maria drops the key that vouched for her passkey, for another: the passkey signs for that, and ends with it.
        old, new = watch.keys["maria"], ed25519.make()
        file.write_text(file.read_text().replace(ed25519.public(old), ed25519.public(new)))
        line = await watch.control.reload(watch.who("otto"))
        assert line.result == "waits"
        done = await by_passkey(watch, "maria", maria, SignConfiguration(root=line.root))
        assert done.result == "done", done
        assert entries(watch, Config)[-1].signatures["maria"].startswith("webauthn:")
        assert not watch.gate.state.passkeys[maria.credential].live
        assert watch.gate.state.passkeys[maria.credential].count == maria.count
        with pytest.raises(NotFound):
            await watch.control.ask_signature(watch.who("maria"), SignConfiguration(root=line.root))
        await verified(watch)


@awaited
async def test_what_was_signed_for_one_thing_is_good_for_nothing_else(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        chen = await enrolled(watch, "chen")
        made = await gesture(watch, "chen", chen, relaxation())
        assert isinstance(made, SignRelaxation)
        others: list[SigningOrder] = [
            msgspec.structs.replace(made, until=made.until + 1),
            msgspec.structs.replace(made, scope="system:pay"),
            msgspec.structs.replace(made, reason="another reason"),
            msgspec.structs.replace(made, compensating="per_run:11"),
            SignValidation(system="pay", outcome="pass", until=now() + HOUR * 9, credential=made.credential),
            msgspec.structs.replace(await taking(watch), credential=made.credential),
        ]
        for order in others:
            with pytest.raises(Forbidden) as found:
                await watch.control.sign_by_passkey(watch.who("chen"), order)
            assert found.value.code == "wrong_challenge"
        await watch.control.sign_by_passkey(watch.who("otto"), made)  # who brings it does not matter
        with pytest.raises(StandwatchError):
            await watch.control.sign_by_passkey(watch.who("chen"), made)
        assert len(entries(watch, Relaxed)) == 1
        assert entries(watch, PasskeyDoubted) == []


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"origin": "https://watch.example.evil"}, "wrong_origin"),
        ({"rp_id": "evil.example"}, "wrong_rp"),
        ({"crossOrigin": True}, "wrong_origin"),
        ({"type": "webauthn.create"}, "wrong_type"),
    ],
)
def test_another_page_s_gesture_is_refused(tmp_path: Path, told: dict[str, Any], code: str) -> None:
    @awaited
    async def play(folder: Path) -> None:
        async with kept(folder) as watch:
            olga = await enrolled(watch, "olga")
            made = await gesture(watch, "olga", olga, await taking(watch), **told)
            with pytest.raises(Forbidden) as found:
                await watch.control.sign_by_passkey(watch.who("olga"), made)
            assert found.value.code == code
            assert entries(watch, Kept) == []

    play(tmp_path)


@awaited
async def test_a_copy_is_refused_wherever_it_signs_and_the_doubt_is_recorded_once(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        chen = await enrolled(watch, "chen")
        copy = Authenticator("phone of chen")
        copy.count = chen.count
        await by_passkey(watch, "chen", chen, relaxation())
        made = await gesture(
            watch, "chen", copy, SignValidation(system="pay", outcome="reject", until=now() + 9 * HOUR)
        )
        for _ in range(3):
            with pytest.raises(Forbidden) as found:
                await watch.control.sign_by_passkey(watch.who("chen"), made)
            assert found.value.code == "cloned"
        doubt = entries(watch, PasskeyDoubted)
        assert [(one.person, one.of, one.count, one.last) for one in doubt] == [("chen", -1, 2, 2)]
        assert entries(watch, Evidence) == []
        await verified(watch)


@awaited
async def test_who_signs_something_else_while_a_signature_waits_signs_again(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        olga, chen = await enrolled(watch, "olga"), await enrolled(watch, "chen")
        wanted = relaxation(check="policy", compensating="step_up")
        waits = await by_passkey(watch, "olga", olga, wanted)
        assert waits.result == "waits"
        await by_passkey(watch, "olga", olga, await taking(watch))  # her counter goes on
        again = await by_passkey(watch, "chen", chen, SignWaiting(id=waits.id))
        assert again.result == "waits"
        assert (await by_passkey(watch, "olga", olga, SignWaiting(id=waits.id))).result == "done"
        assert entries(watch, PasskeyDoubted) == []
        await verified(watch)


@awaited
async def test_a_synced_passkey_that_counts_nothing_signs_as_often_as_it_likes(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        olga = await enrolled(watch, "olga", synced=True, counts=False)
        for _ in range(3):
            await by_passkey(watch, "olga", olga, await taking(watch))
        assert len(entries(watch, Kept)) == 3
        await verified(watch)


@awaited
async def test_an_ended_passkey_and_a_dismissed_person_sign_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        olga, chen = await enrolled(watch, "olga"), await enrolled(watch, "chen")
        made = await gesture(watch, "olga", olga, await taking(watch))
        await watch.control.end_passkey(watch.who("olga"), olga.credential, PasskeyEndOrder("lost"))
        with pytest.raises(Forbidden):
            await watch.control.sign_by_passkey(watch.who("olga"), made)
        with pytest.raises(NotFound) as none:
            await watch.control.ask_signature(watch.who("olga"), await taking(watch))
        assert none.value.code == "no_passkey"
        made = await gesture(watch, "chen", chen, relaxation())
        known = watch.gate.state.principals["chen"]
        await watch.gate.append(msgspec.structs.replace(known, at=0, by="maria", revoked=True))
        with pytest.raises(Forbidden):
            await watch.control.sign_by_passkey(watch.who("otto"), made)
        assert entries(watch, Relaxed) == entries(watch, Answered) == []


@awaited
async def test_a_dismissed_person_s_key_signs_no_configuration(tmp_path: Path) -> None:
    """The configuration in force still lists the key; whoever was dismissed since signs with it no more."""
    async with kept(tmp_path) as watch:
        file = tmp_path / "standwatch.yaml"
        file.write_text(file.read_text().replace("name: Otto", "name: Otto, os_user: otto"))
        line = await watch.control.reload(watch.who("otto"))
        assert line.result == "waits", line
        known = watch.gate.state.principals["maria"]
        await watch.gate.append(msgspec.structs.replace(known, at=0, by="chen", revoked=True))
        message = config_bytes(by="maria", follows=line.follows, org=line.org, root=line.root)
        order = SignatureOrder("maria", line.root, ed25519.sign(watch.keys["maria"], message))
        with pytest.raises(Forbidden):
            await watch.control.sign_configuration(watch.who("otto"), order)


@awaited
async def test_an_admin_who_has_a_passkey_and_no_key_signs_a_configuration(tmp_path: Path) -> None:
    async with kept(tmp_path):
        pass
    file = tmp_path / "standwatch.yaml"
    text = file.read_text()
    (otto,) = [line for line in text.splitlines() if "id: otto" in line]
    keyless = otto[: otto.index(", keys:")].replace("[operator]", "[admin]") + "}"
    file.write_text(text.replace(otto, keyless))
    (tmp_path / "state").rename(tmp_path / "before")  # a log of its own, begun with that configuration
    async with kept(tmp_path) as watch:
        phone = Authenticator("phone of otto")
        begun = await watch.control.begin_passkey(watch.who("maria"), RegistrationOrder("otto"))
        made = phone.create(from_base64url(begun.options["challenge"], 64), rp_id=RP, origin=PAGE)
        one = await watch.control.finish_passkey(watch.who("maria"), RegisteredOrder(begun.ceremony, made))
        await vouch(watch, one, "maria")
        file.write_text(file.read_text().replace("longest: 12h", "longest: 13h"))
        line = await watch.control.reload(watch.who("maria"))
        assert set(line.needed[0].any_of) == {"maria", "otto"}
        done = await by_passkey(watch, "otto", phone, SignConfiguration(root=line.root))
        assert done.result == "done", done
        await verified(watch)


@awaited
async def test_a_watch_that_is_not_what_it_was_taken_as_has_ended(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        await take(watch)
        await take(watch, "nina", "ships")
        file = tmp_path / "standwatch.yaml"
        file.write_text(file.read_text().replace("[olga@watch.example, chen@", "[chen@"))
        line = await watch.control.reload(watch.who("otto"))
        message = config_bytes(by="maria", follows=line.follows, org=line.org, root=line.root)
        order = SignatureOrder("maria", line.root, ed25519.sign(watch.keys["maria"], message))
        await watch.control.sign_configuration(watch.who("maria"), order)
        last = entries(watch, Kept)[-1]
        assert (last.watch, last.step, last.by) == ("night", "ended", "standwatch")
        people = {one.name: one.person for one in (await watch.control.watches(watch.who("otto"))).watches}
        assert people == {"night": "", "ships": "nina"}
        await verified(watch)


@awaited
async def test_what_is_no_assertion_is_refused_in_words(tmp_path: Path) -> None:
    async with kept(tmp_path) as watch:
        await enrolled(watch, "olga")
        order = await taking(watch)
        for credential in ({}, {"id": 3}, {"id": "AAAA", "rawId": "AAAA", "type": "public-key"}):
            wrong = msgspec.structs.replace(order, credential=credential)
            with pytest.raises((Malformed, Forbidden)):
                await watch.control.sign_by_passkey(watch.who("olga"), wrong)
        with pytest.raises(Malformed):
            await take(watch, sig="webauthn:AAAA")
        with pytest.raises(Forbidden):
            await watch.control.ask_signature(watch.who("maria"), order)
