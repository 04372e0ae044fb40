"""What validators are shown of those who approve, and a lost right given back: by one of them, signed, once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Revalidated, Unmasked
from standwatch.facts.errors import Forbidden, Malformed, StandwatchError
from standwatch.facts.parts import commitment, revalidation_bytes
from standwatch.fronts.control_budget import RevalidationOrder
from standwatch.fronts.control_ports import Done
from standwatch.fronts.control_signing import SignRevalidation
from standwatch.keys import ed25519
from standwatch.record.verify import verify
from standwatch.serve.control_reading import entry_lines
from support.budget import answer, decoy, decoys_of, sparing
from support.keeping import by_passkey, enrolled
from support.watch import Watch, done

ROOMY = "{per_run: 40, per_person_per_hour: 40}"


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


async def give_back(watch: Watch, by: str = "chen", signer: str = "", **changes: Any) -> Done:
    """`by` signs that Olga may answer again; `changes` are made after it was signed."""
    report = watch.control.vigils.report(watch.who("otto"), "")
    lost = next(one.lost for one in report.people if one.person == "olga")
    salt, reason = os.urandom(32), "talked it over"
    why = commitment(salt, reason.encode())
    message = revalidation_bytes(by=by, follows=lost, org=report.org, person="olga", why=why)
    key = watch.keys[signer or by]
    said: dict[str, Any] = {
        "reason": reason,
        "salt": salt.hex(),
        "follows": lost,
        "by": by,
        "key": ed25519.public(key),
        "sig": ed25519.sign(key, message),
    }
    return await watch.control.revalidate(watch.who("otto"), "olga", RevalidationOrder(**(said | changes)))


async def fallen(watch: Watch) -> None:
    """Olga has approved a decoy."""
    await answer(watch, await decoy(watch, decoys_of(watch)))


def test_a_validator_sees_how_people_answer_and_others_only_themselves(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY, "approvals: {decoys: {one_in: 7}}\n") as watch:
            real = (await watch.act(done, amount=1)).id
            await watch.control.question(watch.who("olga"), real)
            await answer(watch, real, decision="refuse")
            await fallen(watch)
            report = await watch.control.vigilance(watch.who("chen"), "pay")
            (line,) = report.people
            assert (report.one_in, line.person, line.may) == (7, "olga", False)
            assert (line.asked, line.approved, line.refused, line.decoys, line.fell) == (2, 1, 1, 1, 1)
            assert (line.latest, line.share, round(line.low, 2), line.high) == ((True,), 1.0, 0.21, 1.0)
            assert (line.median_from, line.median_to) == (0, 1_000)
            assert (line.hour, line.cap, line.validators) == (1, 12, ("chen",)), "ship asks at most 12"
            assert (line.finals, line.with_final) == (2, 2)
            assert [one.person for one in (await watch.control.vigilance(watch.who("olga"))).people] == [
                "olga"
            ]
            assert (await watch.control.vigilance(watch.who("nina"))).people == ()

    run(scene())


def test_as_of_a_moment_people_have_the_figures_and_the_right_of_then(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            before = watch.reader.size - 1
            await fallen(watch)
            fell = watch.reader.size - 1
            await give_back(watch)
            chen = watch.who("chen")
            (then,) = (await watch.control.vigilance(chen, "pay", str(before))).people
            assert (then.may, then.asked, then.fell) == (True, 0, 0)
            (then,) = (await watch.control.vigilance(chen, "pay", str(fell))).people
            assert (then.may, then.fell, then.revalidate) == (False, 1, ""), "nothing is offered of the past"
            (present,) = (await watch.control.vigilance(chen, "pay")).people
            assert (present.may, present.fell) == (True, 1)

    run(scene())


def test_a_validator_s_signature_gives_the_right_back_and_begins_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            pending = (await watch.act(done, amount=1)).id
            await fallen(watch)
            with pytest.raises(StandwatchError):
                await answer(watch, pending)
            told = await give_back(watch)
            entry = watch.reader.entry(told.index)
            assert isinstance(entry, Revalidated)
            assert "may answer again" in entry_lines(watch.reader, str(told.index), "1").__next__().text
            await answer(watch, pending)
            assert (await watch.act(done, amount=1)).word == "done"
            known = watch.gate.state.vigilance["olga"]
            assert (known.lost, known.restored, known.latest, known.fell) == (-1, told.index, [], 1)
            with pytest.raises(Forbidden):
                await give_back(watch)
            await watch.signed_up_to_now()
            found = verify(watch.reader, watch.log.vkey)
            assert found.status == "verified", found

    run(scene())


@pytest.mark.parametrize(
    ("by", "signer", "changes"),
    [
        ("olga", "", {}),
        ("otto", "", {}),
        ("maria", "", {}),
        ("chen", "otto", {}),
        ("chen", "", {"reason": "another"}),
        ("chen", "", {"follows": 3}),
        ("chen", "", {"reason": " "}),
        ("chen", "", {"salt": "00"}),
    ],
)
def test_nobody_else_gives_it_back_nor_with_another_signature(
    tmp_path: Path, by: str, signer: str, changes: dict[str, Any]
) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            await fallen(watch)
            with pytest.raises((Forbidden, Malformed)):
                await give_back(watch, by, signer, **changes)
            assert not watch.gate.state.may_answer("olga", "pay")

    run(scene())


def test_what_was_signed_for_one_loss_is_good_for_no_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            await fallen(watch)
            first = await give_back(watch)
            old = watch.reader.entry(first.index)
            assert isinstance(old, Revalidated)
            await fallen_again(watch)
            salt = "00" * 32
            order = RevalidationOrder("talked it over", salt, old.follows, "chen", old.key, old.sig)
            with pytest.raises(Forbidden):
                await watch.control.revalidate(watch.who("chen"), "olga", order)

    run(scene())


async def fallen_again(watch: Watch) -> None:
    await answer(watch, await decoy(watch, decoys_of(watch), 901))
    assert sum(isinstance(one, Unmasked) for _, one in watch.reader.entries(0, watch.reader.size)) == 2


def test_a_passkey_gives_the_right_back_like_a_key(tmp_path: Path) -> None:
    async def scene() -> None:
        async with sparing(tmp_path, ROOMY) as watch:
            await fallen(watch)
            chen = await enrolled(watch, "chen")
            lost = watch.gate.state.vigilance["olga"].lost
            order = SignRevalidation(person="olga", follows=lost, reason="went through it together")
            given = await by_passkey(watch, "chen", chen, order)
            entry = watch.reader.entry(given.index)
            assert isinstance(entry, Revalidated)
            assert entry.sig.startswith("webauthn:")
            assert watch.gate.state.may_answer("olga", "pay")
            assert watch.gate.state.passkeys[chen.credential].count == chen.count
            await watch.signed_up_to_now()
            assert verify(watch.reader, watch.log.vkey).status == "verified"

    run(scene())
