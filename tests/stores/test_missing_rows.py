"""Rows of decisions that somebody took out of the database, or put into it: `verify` counts them, or names them."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from standwatch.facts.decisions import RowRecord
from standwatch.facts.entries import Decided
from standwatch.facts.frames import RowPart
from standwatch.facts.parts import Part, commitment
from standwatch.record.rows import root_of, row_bytes, row_leaf, row_salt
from standwatch.record.verify import Verification, verify
from standwatch.store.reader import Reader
from standwatch.store.sealing import HASHES
from support.recorders import KEK, KEY, SALT, SCOPES, Store, ident, store

Act = Callable[[apsw.Connection, str], object]


async def decide(it: Store, run: str, *people: str) -> int:
    """A batch about `people`, referred to a human; its index."""
    rows = [row_bytes(RowRecord((one, 900.0), route="refer-to-human")) for one in people]
    leaves = [row_leaf(row_salt(SALT, n), row) for n, row in enumerate(rows)]
    parts = [RowPart(n, (people[n],), row_salt(SALT, n), row) for n, row in enumerate(rows)]
    context = Part("context", SALT, b"{}")
    entry = Decided(
        by="agent",
        id=ident(),
        run=run,
        system="pay",
        model="scorer",
        rows=len(rows),
        routes={"refer-to-human": len(rows)},
        tree=root_of(leaves).hex(),
        seen=it.first.state.seen,
        why=commitment(context.salt, context.data),
    )
    hashes = (RowPart(HASHES, (), b"", b"".join(leaves)),) if len(rows) > 1 else ()
    return (await it.append(entry, parts=(context,), rows=(*parts, *hashes), scopes=SCOPES)).index


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    async def play() -> None:
        async with store("local", tmp_path) as it:
            run = await it.run()
            assert await decide(it, run, "ann", "bob", "cy") == 2
            assert await decide(it, run, "gus") == 3

    asyncio.run(play())
    return tmp_path


def _verified(folder: Path) -> Verification:
    reader = Reader(folder, kek=KEK)
    found = verify(reader, KEY.vkey)
    reader.close()
    return found


def _spoil(folder: Path, act: Act) -> None:
    db = apsw.Connection(str(folder / "record.db"))
    table = db.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'rows_[0-9]*'").get
    assert isinstance(table, str)
    act(db, table)
    db.close()


def test_all_rows_are_here(decided: Path) -> None:
    found = _verified(decided)
    assert (found.status, found.counts["row.present"]) == ("verified", 4)
    assert not {"row.absent", "row.erased"} & found.counts.keys()
    assert not any("rows" in each for each in found.limits)


GONE: dict[str, tuple[int, Act]] = {
    "one": (1, lambda db, t: db.execute(f"DELETE FROM {t} WHERE idx = 2 AND row = 1")),
    "all of a batch, with its hashes": (3, lambda db, t: db.execute(f"DELETE FROM {t} WHERE idx = 2")),
    "all of a batch": (3, lambda db, t: db.execute(f"DELETE FROM {t} WHERE idx = 2 AND row >= 0")),
    "the only one": (1, lambda db, t: db.execute(f"DELETE FROM {t} WHERE idx = 3")),
}


@pytest.mark.parametrize("name", GONE)
def test_rows_that_are_gone_are_counted_and_said(decided: Path, name: str) -> None:
    count, act = GONE[name]
    _spoil(decided, act)
    found = _verified(decided)
    assert (found.status, found.counts["row.absent"]) == ("verified", count)
    assert any(each.startswith(f"{count} rows of decisions are not here") for each in found.limits)


def test_a_key_that_is_gone_is_said(decided: Path) -> None:
    _spoil(decided, lambda db, _: db.execute("DELETE FROM subject_key WHERE subject = 'bob'"))
    found = _verified(decided)
    assert (found.status, found.counts["row.erased"]) == ("verified", 1)
    assert any("1 sealed parts and rows were erased" in each for each in found.limits)


EXTRA: dict[str, Act] = {
    "a copy": lambda db, t: db.execute(
        f"INSERT INTO {t} SELECT 2, 99, blob FROM {t} WHERE idx = 2 AND row = 0"
    ),
    "one without a key": lambda db, t: db.execute(
        f"INSERT INTO {t} VALUES (2, 99, ?)", (b"\1" + (99).to_bytes(8, "big") + bytes(60),)
    ),
    "one just beyond": lambda db, t: db.execute(
        f"INSERT INTO {t} VALUES (3, 1, ?)", (b"\1" + (99).to_bytes(8, "big") + bytes(60),)
    ),
    "a key that cannot be": lambda db, t: db.execute(
        f"UPDATE {t} SET blob = ? WHERE idx = 2 AND row = 1", (b"\1" + b"\xff" * 70,)
    ),
    "no hashes, and not every row": lambda db, t: db.execute(
        f"DELETE FROM {t} WHERE idx = 2 AND row IN (1, -2)"
    ),
    "two changed places": lambda db, t: db.execute(
        f"UPDATE {t} SET blob = (SELECT blob FROM {t} WHERE idx = 2 AND row = 0) WHERE idx = 2 AND row = 1"
    ),
}


@pytest.mark.parametrize("name", EXTRA)
def test_rows_that_the_entry_does_not_have_are_named(decided: Path, name: str) -> None:
    _spoil(decided, EXTRA[name])
    found = _verified(decided)
    assert (found.status, {each.code for each in found.problems}) == ("rejected", {"row"})


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_in_the_database_verify_answers(decided: Path, seed: int) -> None:
    """Bytes changed anywhere, in leaves and beside them: an answer, never another exception."""
    chance = random.Random(seed)

    def act(db: apsw.Connection, rows: str) -> None:
        sealed = rows.replace("rows_", "sealed_")
        for _ in range(3):
            table, column = chance.choice(
                [("entry", "leaf"), (rows, "blob"), (sealed, "blob"), ("run_key", "wrapped")]
            )
            key = {"entry": "idx", rows: "idx", sealed: "slot", "run_key": "id"}[table]
            found = db.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
            at, data = chance.choice(found)
            assert isinstance(data, bytes)
            spoilt = bytearray(data)
            for _ in range(chance.randrange(1, 4)):
                spoilt[chance.randrange(min(len(spoilt), 20))] = chance.choice(b'\0\x7f\x80\xff{}",:-019abt')
            cut = bytes(spoilt) if chance.random() < 0.8 else bytes(spoilt[: chance.randrange(len(spoilt))])
            if table == "entry" and chance.random() < 0.3:
                cut = data.replace(
                    b'{"at":', chance.choice((b'{"at":-', b'{"at":999999', b"{", b'{"at":1e', b""))
                )
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (cut, at))

    _spoil(decided, act)
    assert _verified(decided).status == "rejected"
