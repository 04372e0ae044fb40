"""The record about itself: what is signed, what a kept checkpoint says of it, and a verification in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.errors import Conflict, Forbidden
from standwatch.fronts.control_ports import Actor
from standwatch.fronts.control_record import CompareOrder, VerificationLine, VerifyOrder
from standwatch.record.checkpoint import Checkpoint, sign_checkpoint
from standwatch.record.note import NoteKey
from standwatch.record.tree import verify_consistency
from support.watch import ORIGIN, Watch, done, standing


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


async def verified(watch: Watch) -> VerificationLine:
    """How the verification under way ends."""
    while True:
        found = (await watch.control.record(watch.who("otto"))).verification
        assert found is not None
        if found.status != "running":
            return found
        await asyncio.sleep(0.01)


def test_it_says_how_long_it_is_and_how_far_signed(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            await watch.signed_up_to_now()
            found = await watch.control.record(watch.who("otto"))
            assert (found.origin, found.vkey) == (ORIGIN, watch.log.vkey)
            assert found.signed == found.size == watch.reader.size
            assert found.checkpoint.encode() == watch.reader.checkpoint()
            assert found.began < found.latest == found.signed_at
            assert [(one.level, one.full, one.partial) for one in found.tiles] == [(0, 0, found.size)]
            assert (found.witnesses, found.verification, found.alive) == ((), None, True)
            with pytest.raises(Forbidden):
                await watch.control.record(watch.who("olga"))

    run(script())


def test_it_is_told_as_it_was_at_a_moment(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            await watch.signed_up_to_now()
            who, then = watch.who("otto"), await watch.control.record(watch.who("otto"))
            await watch.act(done, amount=1)
            await watch.signed_up_to_now()
            found = await watch.control.record(who, str(then.size - 1))
            assert (found.size, found.checkpoint, found.root, found.tiles) == (
                then.size, then.checkpoint, then.root, then.tiles,
            )  # fmt: skip
            assert (found.verification, found.bypasses) == (None, ())
            assert (await watch.control.record(who)).size > then.size

    run(script())


def test_a_verification_is_asked_for_waits_its_turn_and_says_what_it_covers(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            for number in range(300):
                await watch.act(done, amount=number)
            await watch.signed_up_to_now()
            await watch.control.verify_record(watch.who("otto"), VerifyOrder(0))
            with pytest.raises(Conflict):
                await watch.control.verify_record(watch.who("otto"), VerifyOrder(0))
            whole = await verified(watch)
            assert (whole.status, whole.by, whole.covers) == ("verified", "otto", (0, watch.reader.size))
            assert whole.limits
            await watch.control.verify_record(watch.who("otto"), VerifyOrder(20))
            latest = await verified(watch)
            assert (latest.status, latest.covers) == ("verified", (256, watch.reader.size)), latest
            with pytest.raises(Forbidden):
                await watch.control.verify_record(
                    Actor("anonymous", "anonymous", sees_all=True), VerifyOrder()
                )

    run(script())


def test_a_checkpoint_that_was_kept_is_compared(tmp_path: Path) -> None:
    async def script() -> None:
        async with standing(tmp_path) as watch:
            await watch.signed_up_to_now()
            kept = watch.reader.checkpoint().decode()
            await watch.act(done, amount=1)
            await watch.signed_up_to_now()

            async def compared(text: str) -> Any:
                return await watch.control.compare_checkpoint(watch.who("chen"), CompareOrder(text))

            same = await compared(kept)
            assert same.status == "verified"
            assert same.now == watch.reader.size
            proof = [bytes.fromhex(one) for one in same.proof]
            verify_consistency(
                same.size, same.now, proof, bytes.fromhex(same.root), bytes.fromhex(same.now_root)
            )
            assert (
                await compared(kept.replace("\n", "\r\n").rstrip())
            ).status == "verified"  # as a form sends it
            key, sign = watch.log.key, watch.log.sign
            other = sign_checkpoint(Checkpoint(ORIGIN, same.size, bytes(32)), key, sign).decode()
            assert (await compared(other)).status == "rejected"
            longer = sign_checkpoint(Checkpoint(ORIGIN, same.now + 9, bytes(32)), key, sign).decode()
            assert (await compared(longer)).status == "prefix"
            thief = Ed25519PrivateKey.from_private_bytes(bytes(32))
            stolen = NoteKey(ORIGIN, thief.public_key().public_bytes_raw())
            forged = sign_checkpoint(
                Checkpoint(ORIGIN, same.size, bytes.fromhex(same.root)), stolen, thief.sign
            )
            for text in (forged.decode(), "", "x", kept[:-4], kept.replace("watch", "wotch"), "\ud800"):
                assert (await compared(text)).status == "rejected", text

    run(script())
