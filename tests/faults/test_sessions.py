"""A stolen session is over at once, whatever the disk does, and in the record as soon as there is room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from standwatch.facts.entries import SignedOut
from standwatch.facts.errors import Forbidden, StandwatchError
from standwatch.record.leaf import decode
from support.disk import FaultyDisk
from support.sessions import CAME, enrol, sign_in
from support.upstreams import until
from support.watch import Watch, standing


def ended(watch: Watch) -> list[SignedOut]:
    found = [decode(leaf) for _, leaf in watch.reader.leaves(0, watch.reader.size)]
    return [one for one in found if isinstance(one, SignedOut)]


def test_on_a_full_disk_a_thief_gets_nothing_and_nobody_signs_in(tmp_path: Path) -> None:
    disk = FaultyDisk("sessions on a full disk")

    async def play() -> None:
        async with standing(tmp_path / "org", vfs=disk.name) as watch:
            phone = await enrol(watch, "olga")
            entered = await sign_in(watch, phone)
            came = msgspec.structs.replace(CAME, cookie=entered.cookie)
            disk.arm("full", 0, 1_000_000)
            with pytest.raises(Forbidden):
                watch.control.visitor(msgspec.structs.replace(came, agent="a thief's"))
            for _ in range(3):
                with pytest.raises(Forbidden):
                    watch.control.visitor(came)
                await asyncio.sleep(0.1)
            with pytest.raises(StandwatchError) as caught:
                await sign_in(watch, phone)
            assert caught.value.code == "unrecorded", "a session that is not in the record is none"
            assert ended(watch) == []
            disk.disarm()
            await until(lambda: ended(watch))
            assert [(one.person, one.code) for one in ended(watch)] == [("olga", "elsewhere")]
            assert watch.gate.state.sessions == {}
            await sign_in(watch, phone)

    asyncio.run(asyncio.wait_for(play(), 100))
