"""What must survive a restart, in a file of its own beside the record's: where we are, what is open, what waits.

INVARIANT: the place in the record, the incidents and the deliveries that follow from it are kept in one transaction.
A crash or a power cut takes all three back to the same moment (SQLite in WAL mode with `synchronous=NORMAL` keeps
transactions whole), the entries behind it are read again, and give the same messages under the same ids.
"""

import contextlib
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from standwatch.facts.errors import Unrecorded
from standwatch.notify.delivery import Delivery
from standwatch.notify.incidents import Book

FILE: Final = "notify.db"
KEPT: Final = 500
"""Deliveries that are over and still listed, of each state."""
_FORMAT: Final = 1
_BUSY_MS: Final = 1_000

_SCHEMA: Final = """
create table if not exists place (name text primary key, value blob not null) without rowid;
create table if not exists delivery (
  id text primary key, number integer not null, state text not null, body blob not null
) without rowid;
create index if not exists delivery_state on delivery (state, number);
"""
_PRUNE: Final = """
delete from delivery where state = ?1 and number < (
  select min(number) from (select number from delivery where state = ?1 order by number desc limit ?2))
"""

_encode: Final = msgspec.msgpack.Encoder().encode
_book: Final = msgspec.msgpack.Decoder(Book)
_delivery: Final = msgspec.msgpack.Decoder(Delivery)


class Kept(msgspec.Struct, frozen=True):
    """What was kept: the log it is about, the next entry to read, and the rest. `cursor` -1 for nothing yet."""

    origin: str = ""
    cursor: int = -1
    book: Book = msgspec.field(default_factory=Book)
    deliveries: tuple[Delivery, ...] = ()


class Changes(msgspec.Struct, frozen=True):
    """What to keep next. `deliveries` are those that changed."""

    origin: str
    cursor: int
    book: bytes
    deliveries: tuple[Delivery, ...]


def packed(book: Book) -> bytes:
    """`book` as of now."""
    return _encode(book)


class Outbox:
    """The file. Used by one thread at a time; every method raises `Unrecorded` where the disk does not let us."""

    def __init__(self, path: Path, *, vfs: str = "") -> None:
        try:
            path.touch(mode=0o600)
            self._db: Any = apsw.Connection(str(path), vfs=vfs or None)
            self._db.set_busy_timeout(_BUSY_MS)
            self._db.pragma("journal_mode", "WAL")
            self._db.pragma("synchronous", "NORMAL")
            with self._db:
                self._db.execute(_SCHEMA)
                self._db.execute("insert or ignore into place values ('format', ?)", (_FORMAT,))
            found = self._db.execute("select value from place where name = 'format'").fetchone()
        except (apsw.Error, OSError) as error:
            raise Unrecorded(f"the outbox cannot be opened: {error}") from error
        if found != (_FORMAT,):
            raise Unrecorded(f"the outbox has format {found}; this version writes format {_FORMAT}")

    def load(self) -> Kept:
        """What was kept last. A book that cannot be read is begun anew: what waits is sent all the same."""
        try:
            place = dict(self._db.execute("select name, value from place").fetchall())
            rows = self._db.execute("select body from delivery order by number").fetchall()
        except apsw.Error as error:
            raise Unrecorded(f"the outbox cannot be read: {error}") from error
        try:
            book = _book.decode(place["book"]) if "book" in place else Book()
        except msgspec.DecodeError:
            book = Book()
        found: list[Delivery] = []
        for (body,) in rows:
            try:
                found.append(_delivery.decode(body))
            except msgspec.DecodeError:
                continue
        return Kept(place.get("origin", ""), place.get("cursor", -1), book, tuple(found))

    def keep(self, changes: Changes) -> None:
        """All of `changes`, or nothing."""
        places = (("origin", changes.origin), ("cursor", changes.cursor), ("book", changes.book))
        rows = [(one.id, one.number, one.state, _encode(one)) for one in changes.deliveries]
        try:
            with self._db:
                self._db.executemany("insert or replace into place values (?, ?)", places)
                self._db.executemany("insert or replace into delivery values (?, ?, ?, ?)", rows)
                if any(one.state != "waits" for one in changes.deliveries):
                    for state in ("sent", "dead"):
                        self._db.execute(_PRUNE, (state, KEPT))
        except apsw.Error as error:
            raise Unrecorded(f"the outbox cannot be written: {error}") from error

    def close(self) -> None:
        """Let go of the file; what was kept stays kept, whatever the disk says now."""
        with contextlib.suppress(apsw.Error):
            self._db.close()
