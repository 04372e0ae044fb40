"""From the recorder's counts to entries that have force: at once for a rise, once a day, over a restart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from standwatch.authority.tiers import tier
from standwatch.facts.configuration import Configuration, Listener, Lock, Manifest, Organisation, System
from standwatch.facts.entries import AnyEntry, Config, Declared, Exposure
from standwatch.facts.frames import Ack
from standwatch.facts.parts import Part
from standwatch.record.state import State
from standwatch.serve.measuring import EVENING, Measuring
from standwatch.store.exposure import DAY
from standwatch.store.sealing import KEY_BYTES
from support.recorders import START, SYSTEM, Clock, Store, store

PART = (Part("action", b"", b'{"nonce":"00"}'),)
NOBODY: tuple[str, ...] = ()


def entropy(size: int) -> bytes:
    """People are counted under one key: a count is an estimate, and under some keys two of them fall together."""
    return b"k" * size if size == KEY_BYTES else os.urandom(size)


def configuration(reversibility: Any) -> Configuration:
    manifest = Manifest(SYSTEM, "p", NOBODY, NOBODY, NOBODY, reversibility=reversibility)
    here = Listener("127.0.0.1", 0)
    organisation = Organisation("o", "o.invalid", "http://localhost", here, here)
    return Configuration(organisation, {SYSTEM: System(manifest, Lock(), "e")}, (), "r")


class Plain:
    """The gate as far as counting needs it: the replica, the configuration, appending."""

    def __init__(self, it: Store, reversibility: str) -> None:
        self._it = it
        self.configuration = configuration(reversibility)

    @property
    def state(self) -> State:
        return self._it.first.state

    async def append(self, entry: AnyEntry) -> Ack:
        return await self._it.append(entry)


class World:
    """A recorder, the system declared, and a clock that may be set."""

    def __init__(self, folder: Path, reversibility: str = "irreversible") -> None:
        self.folder, self.clock, self.reversibility = folder, Clock(), reversibility
        self.declared = False

    async def enter(self, stack: AsyncExitStack) -> World:
        self.it = await stack.enter_async_context(
            store("local", self.folder, clock=self.clock, entropy=entropy)
        )
        if not self.declared:
            declared = Declared(by="standwatch", system=SYSTEM, envelope="e", components="c", owner=["a"])
            config = Config(by="standwatch", root="r", follows=self.it.first.state.config)
            await self.it.append(config, before=(declared,))
            self.declared = True
        self.measuring = Measuring(
            self.it.recorder, Plain(self.it, self.reversibility), lambda: self.clock.now
        )
        return self

    async def touch(self, first: int, stop: int) -> None:
        run = await self.it.run()
        for number in range(first, stop):
            await self.it.act(run, parts=PART, subjects=(f"p{number}",))

    @property
    def last(self) -> Exposure | None:
        counts = self.it.first.state.exposure.get(SYSTEM, ())
        return counts[-1][1] if counts else None

    @property
    def index(self) -> int:
        return self.it.first.state.exposure[SYSTEM][-1][0]

    @property
    def tier(self) -> int:
        return tier(self.it.first.state, SYSTEM)


def played(play: Coroutine[Any, Any, None]) -> None:
    asyncio.run(play)


def test_a_rise_has_force_at_once_and_is_written_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with AsyncExitStack() as stack:
            world = await World(tmp_path / "log").enter(stack)
            await world.measuring.look()
            await world.touch(0, 99)
            await world.measuring.look()
            assert world.last is None
            await world.touch(99, 103)
            await world.measuring.look()
            assert world.last is not None
            assert (world.last.people, world.last.reversibility, world.tier) == (103, "irreversible", 2)
            size = world.it.first.state.seen
            await world.touch(103, 140)
            await world.measuring.look()
            assert world.index <= size

    played(play())


@pytest.mark.parametrize("reversibility", ["reversible", "costly"])
def test_people_weigh_less_where_less_is_lost(tmp_path: Path, reversibility: str) -> None:
    async def play() -> None:
        async with AsyncExitStack() as stack:
            world = await World(tmp_path / "log", reversibility).enter(stack)
            await world.touch(0, 120)
            await world.measuring.look()
            assert (world.last, world.tier) == (None, 1)

    played(play())


def test_a_day_that_ends_is_written_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with AsyncExitStack() as stack:
            world = await World(tmp_path / "log").enter(stack)
            await world.measuring.look()
            await world.touch(0, 10)
            await world.measuring.look()
            assert world.last is None
            world.clock.now = (START // DAY + 1) * DAY + 1_000
            await world.measuring.look()
            assert world.last is not None
            assert (world.last.people, world.last.by) == (10, "standwatch")
            index = world.index
            await world.measuring.look()
            assert world.index == index

    played(play())


def test_a_week_that_ended_is_whole_though_the_next_day_has_begun(tmp_path: Path) -> None:
    """Ten on the first day, nobody until the evening of the seventh; then the eighth begins with somebody else."""

    async def play() -> None:
        async with AsyncExitStack() as stack:
            world = await World(tmp_path / "log").enter(stack)
            await world.measuring.look()
            await world.touch(0, 10)
            world.clock.now = (START // DAY + 7) * DAY - EVENING // 2
            await world.measuring.look()
            world.clock.now += EVENING
            await world.touch(10, 11)
            await world.measuring.look()
            assert world.last is not None
            assert world.last.people == 10

    played(play())


def test_the_counts_and_what_has_force_outlive_a_restart(tmp_path: Path) -> None:
    async def play() -> None:
        world = World(tmp_path / "log")
        async with AsyncExitStack() as stack:
            await world.enter(stack)
            await world.touch(0, 101)
            await world.measuring.look()
            assert world.tier == 2
        async with AsyncExitStack() as stack:
            await world.enter(stack)
            assert world.tier == 2
            await world.touch(50, 110)
            world.clock.now += DAY
            await world.measuring.look()
            assert world.last is not None
            assert world.last.people == 110

    played(play())
