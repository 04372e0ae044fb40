"""The record's tables in one SQLite file: connections as durable as RECORD.md wants them, and named statements.

One connection writes (the recorder's); any number of others read, from this process or another. The statements
stand in `journal.sql`; what they mean together is said where they are called.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, cast

import apsw
import msgspec

from standwatch.facts.errors import Unrecorded

DATABASE: Final = "record.db"
HEAD: Final = "head"
"""Files in the recorder's folder."""

FLUSH: Final = 1_024
"""Entries between two writings of the indices."""

SNAPSHOT: Final = 2_000
"""Control entries between two snapshots of the state."""

FORMAT: Final = 1
"""Version of the tables. The leaves have their own (RECORD.md)."""

Value = str | int | bytes | None

_BUSY_MS: Final = 5_000
_PATIENT_MS: Final = 250


def _read_statements(text: str) -> dict[str, str]:
    _, *sections = text.split("-- name: ")
    return {name.strip(): body.strip() for name, _, body in (each.partition("\n") for each in sections)}


_SQL: Final = _read_statements(Path(__file__).with_name("journal.sql").read_text(encoding="utf-8"))
_pack: Final = msgspec.msgpack.encode
_indexes: Final = msgspec.msgpack.Decoder(list[int])


class Journal:
    """A connection and the statements. It is used by one thread at a time."""

    def __init__(self, path: Path, *, vfs: str = "", readonly: bool = False) -> None:
        flags = (
            apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        )
        # Any: apsw's stubs name a Buffer type that this Python does not have; the methods below are typed.
        self._db: Any = apsw.Connection(str(path), flags=flags, vfs=vfs or None)
        self._db.set_busy_timeout(_BUSY_MS)
        self.marks: tuple[bytes, ...] = ()
        """Keys that mark snapshots as ours, the one in use first; without one, none is trusted and none is made."""
        if not readonly:
            self._prepare()

    def _prepare(self) -> None:
        pragma = self._db.pragma
        # New files only: a key that was deleted must not survive in a page left over by a vacuum.
        pragma("secure_delete", "ON")
        if pragma("journal_mode", "WAL") != "wal":
            raise Unrecorded("the database does not keep a write-ahead log here")
        # INVARIANT: a commit returns after its fsync, so whatever was acknowledged is on disk.
        pragma("synchronous", "FULL")
        pragma("wal_autocheckpoint", 250)
        pragma("cache_size", -16_384)
        with self._db:
            self._db.execute(_SQL["schema"])
        found = self.get("meta", "format")
        if found is None:
            self.run("set_meta", "format", FORMAT)
        elif found != FORMAT:
            raise Unrecorded(f"the database has format {found}; this version writes format {FORMAT}")

    # ----------------------------------------------------------------------------------------- statements

    def rows(self, name: str, *values: Value) -> list[tuple[Any, ...]]:
        """All rows of statement `name`."""
        return cast("list[tuple[Any, ...]]", self._db.execute(_SQL[name], values).fetchall())

    def get(self, name: str, *values: Value) -> Any:
        """The first column of the first row of statement `name`; None where there is no row."""
        row = self._db.execute(_SQL[name], values).fetchone()
        return None if row is None else row[0]

    def run(self, name: str, *values: Value) -> None:
        """Execute statement `name`."""
        self._db.execute(_SQL[name], values)

    def many(self, name: str, rows: Iterable[tuple[Value, ...]]) -> None:
        """Execute statement `name` for each of `rows`."""
        self._db.executemany(_SQL[name], rows)

    # --------------------------------------------------------------------------------------- transactions

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun."""
        return self._db.in_transaction

    def begin(self) -> None:
        """Begin to write."""
        self._db.execute("BEGIN IMMEDIATE")

    def begin_reading(self) -> None:
        """See one moment of the record until `end_reading`."""
        self._db.execute("BEGIN")

    def end_reading(self) -> None:
        """Let go of that moment, so that the write-ahead log can be emptied."""
        self._db.execute("COMMIT")

    def commit(self) -> None:
        """Make it durable; raises `apsw.Error` where it may not be."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Leave a transaction, if there is one. Some errors have ended it already."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def empty_log(self) -> bool:
        """Copy the write-ahead log into the file and cut it to nothing; False where a reader was in the way."""
        self._db.set_busy_timeout(_PATIENT_MS)  # the writer does not stand still for a reader
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return False
        finally:
            self._db.set_busy_timeout(_BUSY_MS)
        return True

    def close(self) -> None:
        """Close the connection."""
        self._db.close(True)

    # ----------------------------------------------------------------------------------------- sealed parts

    def days(self) -> set[str]:
        """The days (YYYYMMDD, UTC) that have a table of sealed parts."""
        return {day for (day,) in self.rows("sealed_days")}

    def make_day(self, day: str) -> None:
        """Make the table of `day`."""
        self._db.execute(_of_day("sealed_schema", day))

    def insert_sealed(self, day: str, rows: Iterable[tuple[int, bytes]]) -> None:
        """Write sealed parts, each (slot, blob), into the table of `day`."""
        self._db.executemany(_of_day("insert_sealed", day), rows)

    def sealed(self, day: str, slot: int) -> bytes | None:
        """The sealed part in `slot`; None where there is none, or its day was dropped."""
        try:
            row = self._db.execute(_of_day("sealed", day), (slot,)).fetchone()
        except apsw.SQLError:
            return None
        return None if row is None else cast("bytes", row[0])

    def make_rows_day(self, day: str) -> None:
        """Make the table of the rows of `day`'s decisions, where there is none."""
        self._db.execute(_of_day("rows_schema", day))

    def insert_rows(self, day: str, rows: Iterable[tuple[int, int, bytes]]) -> None:
        """Write rows of decisions, each (entry, row, blob), into the table of `day`."""
        self._db.executemany(_of_day("insert_rows", day), rows)

    def sealed_rows(self, day: str, index: int, row: int | None = None) -> list[tuple[int, bytes]]:
        """(row, blob) of entry `index`: all, or what `row` needs; none where its day was dropped."""
        try:
            if row is None:
                return self._db.execute(_of_day("sealed_rows", day), (index,)).fetchall()
            return self._db.execute(_of_day("sealed_row", day), (index, row)).fetchall()
        except apsw.SQLError:
            return []

    def run_keys(self, day: str, index: int) -> set[int]:
        """The numbers of the run keys that parts and rows of entry `index` are sealed under."""
        found = self._of_table("sealed_keys", day, index << 4, index << 4 | 15)
        found += self._of_table("row_keys", day, index)
        return {int.from_bytes(number, "big") for (number,) in found}

    def _of_table(self, name: str, day: str, *values: int) -> list[tuple[bytes]]:
        try:
            return self._db.execute(_of_day(name, day), values).fetchall()
        except apsw.SQLError:  # there is no such table, or it was dropped
            return []

    def drop_day(self, day: str) -> None:
        """Retention: let go of all sealed parts of `day`."""
        self._db.execute(_of_day("drop_sealed", day))
        self._db.execute(_of_day("drop_rows", day))

    # -------------------------------------------------------------------------------------------- entries

    def size(self) -> int:
        """How many entries there are."""
        return int(self.get("size"))

    def leaf(self, index: int) -> bytes | None:
        """Entry `index`."""
        return self.get("leaf", index)

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """Entries `start` ≤ i < `stop`, as far as there are."""
        return [leaf for (leaf,) in self.rows("leaves", start, stop)]

    def indexes(self, table: str, key: str) -> list[int]:
        """The flushed indexes of `key` in `action` or `run`."""
        return [index for (packed,) in self.rows(table, key) for index in _indexes.decode(packed)]

    def insert_indexes(self, table: str, found: dict[str, list[int]]) -> None:
        """Flush `found` into `action` or `run`."""
        self.many(f"insert_{table}", [(key, each[0], _pack(each)) for key, each in sorted(found.items())])

    def flushed(self) -> int:
        """The first entry that the indices do not know yet."""
        return int(self.get("meta", "flushed") or 0)


def _of_day(name: str, day: str) -> str:
    if len(day) != 8 or not day.isdecimal():
        raise ValueError(f"{day!r} is not a day")
    return _SQL[name].format(day=day)
