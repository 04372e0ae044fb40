"""Overrides of one row form one chain, whoever is faster, through flushes and restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from standwatch.facts.entries import Decided, Overridden
from standwatch.facts.frames import Ack, Refusal
from standwatch.facts.parts import Part
from standwatch.store.exposure import DAY
from standwatch.store.journal import FLUSH
from standwatch.store.reader import Reader
from support.recorders import KEK, SALT, SCOPES, SYSTEM, Clock, Kind, Store, ident, store

REASON = (
    Part("reason", SALT, b'{"kind":"override.1","outcome":"approved","reason":"why","former":"denied"}'),
)


async def decided(it: Store, run: str, rows: int = 2) -> tuple[str, int]:
    entry = Decided(
        by="agent",
        id=ident(),
        run=run,
        system=SYSTEM,
        model="score",
        rows=rows,
        tree="e" * 64,
        seen=it.first.state.seen,
        why="e" * 64,
    )
    ack = await it.append(entry, parts=(Part("context", SALT, b"{}"),), scopes=SCOPES)
    return entry.id, ack.index


def overridden(where: tuple[str, int], follows: int = -1, **changes: Any) -> Overridden:
    given: dict[str, Any] = {"by": "p-maria", "system": SYSTEM, "model": "score", "why": "e" * 64}
    return Overridden(id=where[0], of=where[1], follows=follows, **(given | changes))


def test_each_override_follows_the_last(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            where = await decided(it, await it.run())
            first = await it.append(overridden(where), parts=REASON)
            assert (await it.refused(overridden(where, by="p-omar"))).code == "duplicate"
            second = await it.append(overridden(where, first.index, by="p-omar"), parts=REASON)
            assert (await it.refused(overridden(where, first.index))).code == "duplicate"
            other = await it.append(overridden(where, row=1), parts=REASON)
            assert other.index == second.index + 1

    asyncio.run(play())


def test_of_two_who_are_equally_fast_one_is_refused(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder, links=4) as it:
            where = await decided(it, await it.run())
            asked = [it.ask(overridden(where, by=f"p-{n}"), through=n % 4, parts=REASON) for n in range(32)]
            answers = await asyncio.gather(*asked)
            assert sum(isinstance(each, Ack) for each in answers) == 1
            assert {each.code for each in answers if isinstance(each, Refusal)} == {"duplicate"}

    asyncio.run(play())


def test_there_must_be_such_a_row(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            where, act = await decided(it, run), await it.act(run)
            for wrong in (
                overridden((ident(), where[1])),
                overridden((where[0], act.index)),
                overridden((where[0], 99_999)),
                overridden(where, row=2),
                overridden(where, row=-1),
                overridden(where, model="another"),
                overridden(where, system="another"),
            ):
                assert (await it.refused(wrong, parts=REASON)).code == "invalid"

    asyncio.run(play())


def test_the_chain_outlives_a_flush_and_a_restart(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            run = await it.run()
            where = await decided(it, run)
            first = await it.append(overridden(where), parts=REASON)
            for _ in range(FLUSH // 2 + 5):
                await it.act(run)
            assert (await it.refused(overridden(where, by="p-omar"))).code == "duplicate"
            second = await it.append(overridden(where, first.index), parts=REASON)
        async with store("local", folder) as it:
            assert (await it.refused(overridden(where, first.index, by="p-omar"))).code == "duplicate"
            third = await it.append(overridden(where, second.index), parts=REASON)
        reader = Reader(folder, kek=KEK)
        assert reader.of_run(f"override/{SYSTEM}") == [first.index, second.index, third.index]
        assert reader.sealed(third.index, where[0], "reason").parts[0].data == REASON[0].data
        reader.close()

    asyncio.run(play())


def test_a_day_has_so_many_of_one_person(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        clock = Clock()
        async with store(kind, folder, clock=clock) as it:
            where, caps = await decided(it, await it.run(), rows=8), {"day/override/score/p-maria": 2}
            for row in range(2):
                await it.append(overridden(where, row=row), parts=REASON, caps=caps)
            assert (await it.refused(overridden(where, row=2), caps=caps)).code == "budget"
            others = {"day/override/score/p-omar": 2}
            await it.append(overridden(where, row=2, by="p-omar"), parts=REASON, caps=others)
            clock.now += DAY
            await it.append(overridden(where, row=3), parts=REASON, caps=caps)

    asyncio.run(play())


def test_what_came_too_late_is_refused(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        clock = Clock()
        async with store(kind, folder, clock=clock) as it:
            where = await decided(it, await it.run())
            until = clock.now + 1_000_000
            clock.now = until
            assert (await it.refused(overridden(where), valid_until=until)).code == "stale"

    asyncio.run(play())
