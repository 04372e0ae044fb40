"""Whoever can only write the database cannot have an entry taken up that no checkpoint covers, nor leave one out."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from standwatch.facts.entries import Deployed, Hold, Overridden, Released
from standwatch.facts.errors import Tampered
from standwatch.record.leaf import decode, encode
from standwatch.record.verify import verify
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from standwatch.store.sealing import Kek
from support.recorders import KEK, KEY, hold, opened, setup, store

Act = Callable[[apsw.Connection], object]
LATE = 3_600.0
"""s until a checkpoint is signed: never, in a test."""


async def _made(folder: Path, copy: Path, acts: int) -> None:
    """`folder` has a log that was signed at its end; `copy` is what a crash would leave of it a moment later."""
    async with store("local", folder) as it:
        run = await it.run()
        await it.append(hold())
        for _ in range(acts):
            await it.append(hold(f"tool:{len(run)}"))
    async with store("local", folder, pause=LATE) as it:
        await it.append(hold("tool:bank.send"))
        await it.append(opened("r" * 26))
        shutil.copytree(folder, copy)


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    asyncio.run(_made(tmp_path / "log", tmp_path / "crashed", 300))
    return tmp_path / "crashed"


def _size(db: apsw.Connection) -> int:
    last = db.execute("SELECT max(idx) FROM entry").get
    assert isinstance(last, int)
    return last + 1


def _leaf(db: apsw.Connection, index: int) -> bytes:
    leaf = db.execute("SELECT leaf FROM entry WHERE idx = ?", (index,)).get
    assert isinstance(leaf, bytes)
    return leaf


def _forge(db: apsw.Connection) -> None:
    size = _size(db)
    last = decode(_leaf(db, size - 1)).at
    forged = [
        Released(by="p-olga", hold=2),
        Deployed(by="p-olga", system="pay", model="scorer", version="2"),
        Overridden(by="p-olga", id="i" * 26, of=3, system="pay", model="scorer", why=""),
    ]
    for number, entry in enumerate(forged):
        db.execute("INSERT INTO entry VALUES (?, ?)", (size + number, encode(entry, last + 1)))


def _rewrite(place: Callable[[int], int], old: bytes, new: bytes) -> Act:
    def act(db: apsw.Connection) -> None:
        index = place(_size(db))
        leaf = _leaf(db, index)
        assert old in leaf
        db.execute("UPDATE entry SET leaf = ? WHERE idx = ?", (leaf.replace(old, new), index))

    return act


def _cut(db: apsw.Connection) -> None:
    db.execute("DELETE FROM entry WHERE idx = ?", (_size(db) - 1,))


def _unmark(db: apsw.Connection) -> None:
    db.execute("DELETE FROM meta WHERE key = 'mark'")


def _mark(change: Callable[[bytes], bytes | str]) -> Act:
    def act(db: apsw.Connection) -> None:
        found = db.execute("SELECT value FROM meta WHERE key = 'mark'").get
        assert isinstance(found, bytes)
        db.execute("UPDATE meta SET value = ? WHERE key = 'mark'", (change(found),))

    return act


FORGERIES: dict[str, Act] = {
    "entries after the last": _forge,
    "forged, and no mark": lambda db: (_forge(db), _unmark(db)),
    "forged, and a mark of that size": lambda db: (
        _forge(db),
        _mark(lambda found: found[:-8] + _size(db).to_bytes(8, "big"))(db),
    ),
    "the last entry rewritten": _rewrite(lambda size: size - 1, b"gate", b"Gate"),
    "a hold rewritten": _rewrite(lambda size: size - 2, b"bank.send", b"bank.sent"),
    "the last entry gone": _cut,
    "no mark": _unmark,
    "a mark that is text": _mark(lambda _: "mark"),
    "a short mark": _mark(lambda found: found[1:]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_is_not_signed_yet_is_only_taken_up_where_we_wrote_it(crashed: Path, name: str) -> None:
    reader = Reader(crashed, kek=KEK)
    assert verify(reader, KEY.vkey).status == "verified"
    reader.close()
    head = (crashed / "head").read_bytes()
    db = apsw.Connection(str(crashed / "record.db"))
    FORGERIES[name](db)
    db.close()
    reader = Reader(crashed, kek=KEK)
    found = verify(reader, KEY.vkey)
    reader.close()
    assert (found.status, [each.code for each in found.problems]) == ("rejected", ["beyond"])
    for _ in range(2):
        with pytest.raises(Tampered):
            Recorder.open(setup(crashed))
    assert (crashed / "head").read_bytes() == head


def test_what_a_crash_left_is_taken_up_and_signed(crashed: Path) -> None:
    Recorder.open(setup(crashed)).close()
    reader = Reader(crashed, kek=KEK)
    found = verify(reader, KEY.vkey)
    assert (found.status, found.size) == ("verified", reader.size)
    assert "tool:bank.send" in {each.scope for each in reader.state_at(reader.size).holds.values()}
    reader.close()


def test_a_mark_under_another_key_is_none(crashed: Path) -> None:
    with pytest.raises(Tampered):
        Recorder.open(setup(crashed, kek=Kek(1, bytes(32))))


CONTROLS: dict[str, Act] = {
    "a hold is not in the index": lambda db: db.execute("DELETE FROM control WHERE idx = 2"),
    "a hold is another one": _rewrite(lambda _: 2, b"system:pay", b"system:gay"),
}


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("name", CONTROLS)
def test_signed_entries_have_force_only_as_they_were_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, marked: bool
) -> None:
    """A fold begins from an index, which no checkpoint covers; also in a log from before there were marks."""
    from standwatch.store import memory

    monkeypatch.setattr(memory, "FLUSH", 64)
    folder = tmp_path / "log"

    async def play() -> None:
        async with store("local", folder) as it:
            await it.run()
            await it.append(hold())
            for number in range(300):
                await it.append(hold(f"tool:{number}")) if number % 2 else await it.run()

    asyncio.run(play())
    Recorder.open(setup(folder)).close()
    db = apsw.Connection(str(folder / "record.db"))
    assert isinstance(decode(_leaf(db, 2)), Hold)
    CONTROLS[name](db)
    if not marked:
        _unmark(db)
    db.close()
    with pytest.raises(Tampered, match=r"control entries|that were signed"):
        Recorder.open(setup(folder))


def test_a_log_without_a_mark_is_taken_up_where_all_of_it_was_signed(tmp_path: Path) -> None:
    asyncio.run(_made(tmp_path / "log", tmp_path / "crashed", 2))
    db = apsw.Connection(str(tmp_path / "log/record.db"))
    _unmark(db)
    db.close()
    Recorder.open(setup(tmp_path / "log", pause=LATE)).close()
    db = apsw.Connection(str(tmp_path / "log/record.db"))
    assert db.execute("SELECT length(value) FROM meta WHERE key = 'mark'").get == 72
    _forge(db)
    db.close()
    with pytest.raises(Tampered):
        Recorder.open(setup(tmp_path / "log"))


def test_a_new_key_marks_what_the_former_one_did(tmp_path: Path) -> None:
    fresh = Kek(2, os.urandom(32))

    async def play() -> None:
        async with store("local", tmp_path / "log", pause=LATE) as it:
            await it.append(hold())
            it.recorder.submit(lambda: it.recorder._writer.rewrap(fresh)).result()
            shutil.copytree(tmp_path / "log", tmp_path / "at once")
            await it.append(hold())
            shutil.copytree(tmp_path / "log", tmp_path / "later")

    asyncio.run(play())
    for name in ("at once", "later"):
        Recorder.open(setup(tmp_path / name, kek=fresh)).close()
