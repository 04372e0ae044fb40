"""People are counted where entries become durable, and a crash loses none of them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import apsw

from standwatch.facts.entries import Decided, Denied
from standwatch.facts.frames import RowPart
from standwatch.facts.parts import Part
from standwatch.store.exposure import DAY
from standwatch.store.journal import FLUSH
from standwatch.store.sealing import Kek
from standwatch.watch.exposure import Week
from support.recorders import SALT, SCOPES, START, SYSTEM, Clock, Kind, Store, ident, intent, store

PART = (Part("action", b"", b'{"nonce":"00"}'),)
TODAY = START // DAY


def decided(run: str, seen: int, rows: int) -> Decided:
    return Decided(
        by="agent",
        id=ident(),
        run=run,
        system=SYSTEM,
        model="score",
        rows=rows,
        tree="e" * 64,
        seen=seen,
        why="e" * 64,
    )


async def people(it: Store) -> int:
    """How many were counted for the system; -1 for none."""
    found = await asyncio.wrap_future(it.recorder.weeks([SYSTEM]))
    return found[SYSTEM].people(TODAY) if SYSTEM in found else -1


async def touch(it: Store, run: str, *subjects: str) -> None:
    for subject in subjects:
        await it.act(run, parts=PART, subjects=(subject,))


async def decide(it: Store, run: str, subjects: list[str]) -> None:
    rows = tuple(RowPart(k, (one,), SALT, b'{"kind":"row.1"}') for k, one in enumerate(subjects))
    entry = decided(run, it.first.state.seen, len(rows))
    await it.append(entry, parts=(Part("context", SALT, b"{}"),), rows=rows, scopes=SCOPES)


def test_who_is_acted_on_and_who_is_decided_about_is_counted_once(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            await touch(it, run, "anna", "bert", "anna")
            await decide(it, run, ["bert", "cara", "dave"])
            assert await people(it) == 4
            assert await asyncio.wrap_future(it.recorder.touched()) == {SYSTEM: 6}
            assert await asyncio.wrap_future(it.recorder.weeks(["another"])) == {}
            await touch(it, run, "edna")
            assert await people(it) == 5

    asyncio.run(play())


def test_who_was_not_touched_is_not_counted(kind: Kind, folder: Path) -> None:
    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            refused = intent("no such run", it.first.state.seen)
            await it.refused(refused, parts=PART, subjects=("anna",), scopes=SCOPES)
            denied = Denied(
                by="agent",
                id=ident(),
                run=run,
                system=SYSTEM,
                tool="bank.send",
                digest="d" * 64,
                seen=it.first.state.seen,
                why="e" * 64,
                code="limit",
            )
            await it.append(denied, parts=PART, subjects=("bert",))
            await it.act(run)
            assert await people(it) == -1

    asyncio.run(play())


def test_a_crash_loses_nobody_and_counts_nobody_twice(folder: Path, tmp_path: Path) -> None:
    """The files as they are after the acknowledgement, before anything was flushed, and after a flush."""

    async def play() -> None:
        async with store("local", folder) as it:
            run = await it.run()
            await touch(it, run, "anna", "bert")
            await decide(it, run, ["cara", "bert"])
            shutil.copytree(folder, early := tmp_path / "early")
            more = [f"p{n}" for n in range(FLUSH // 2 + 10)]
            await touch(it, run, *more)
            await touch(it, run, "zoe")
            before = (await asyncio.wrap_future(it.recorder.weeks()))[SYSTEM]
            shutil.copytree(folder, late := tmp_path / "late")
        assert await again(early) == 3
        assert abs(await again(late) / (len(more) + 4) - 1) < 0.03
        assert await encoded(late) == before.encoded(TODAY)

    asyncio.run(play())


async def again(folder: Path) -> int:
    async with store("local", folder) as it:
        return await people(it)


async def encoded(folder: Path) -> bytes:
    async with store("local", folder) as it:
        found: Week = (await asyncio.wrap_future(it.recorder.weeks()))[SYSTEM]
        return found.encoded(TODAY)


def test_who_was_erased_before_a_crash_still_counts(folder: Path, tmp_path: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            run = await it.run()
            await touch(it, run, "anna", "bert", "cara")
            await asyncio.wrap_future(it.recorder.erase("bert"))
            shutil.copytree(folder, crashed := tmp_path / "crashed")
        assert await again(crashed) == 3

    asyncio.run(play())


def test_the_counts_outlive_a_new_key_encryption_key(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            run = await it.run()
            await touch(it, run, "anna", "bert")
            later = Kek(2, b"another key above all the keys .")
            await asyncio.wrap_future(it.recorder.rewrap(later))
            await touch(it, run, "anna", "cara")
            assert await people(it) == 3
        async with store("local", folder, kek=later) as it:
            await touch(it, await it.run(), "anna")
            assert await people(it) == 3

    asyncio.run(play())


def test_nobody_stands_in_the_counts_in_the_clear(folder: Path) -> None:
    """Without the key above all keys the same people give other registers."""

    async def play(folder: Path) -> bytes:
        async with store("local", folder) as it:
            await touch(it, await it.run(), "anna")
            return (await asyncio.wrap_future(it.recorder.weeks()))[SYSTEM].encoded(TODAY)

    assert asyncio.run(play(folder / "one")) != asyncio.run(play(folder / "other"))


def test_a_week_leaves_the_database_when_it_is_over(folder: Path) -> None:
    async def play() -> None:
        clock = Clock()
        async with store("local", folder, clock=clock) as it:
            run = await it.run()
            await touch(it, run, "anna", "bert")
            await touch(it, run, *(["bert"] * (FLUSH // 2)))
            clock.now += 8 * DAY
            await touch(it, run, *(["cara"] * (FLUSH // 2)))
            found = (await asyncio.wrap_future(it.recorder.weeks()))[SYSTEM]
            assert found.people(TODAY + 8) == 1
        async with store("local", folder, clock=clock) as it:
            found = (await asyncio.wrap_future(it.recorder.weeks()))[SYSTEM]
            assert found.days == (TODAY + 8,)

    asyncio.run(play())


def test_a_person_may_be_called_as_the_counting_key_was(kind: Kind, folder: Path) -> None:
    """Who erases a subject erases no key of ours; and no subject's name has a NUL."""

    async def play() -> None:
        async with store(kind, folder) as it:
            run = await it.run()
            await touch(it, run, "anna", "counting")
            entry = intent(run, it.first.state.seen)
            refused = await it.refused(entry, parts=PART, subjects=("\0counting",), scopes=SCOPES)
            assert (refused.code, "NUL" in refused.detail) == ("invalid", True)
            await asyncio.wrap_future(it.recorder.erase("counting"))
        async with store(kind, folder) as it:
            await touch(it, run, "anna")
            assert await people(it) == 2  # anna was known by the key she was counted under

    asyncio.run(play())


def test_a_counting_key_of_an_earlier_version_is_taken_over(folder: Path) -> None:
    async def play() -> None:
        async with store("local", folder) as it:
            run = await it.run()
            await touch(it, run, "anna")
        db = apsw.Connection(str(folder / "record.db"))
        db.execute("INSERT INTO subject_key SELECT char(0) || name, epoch, wrapped FROM own_key")
        db.execute("DELETE FROM own_key")
        db.close()
        async with store("local", folder) as it:
            await touch(it, run, "anna")
            assert await people(it) == 1

    asyncio.run(play())
