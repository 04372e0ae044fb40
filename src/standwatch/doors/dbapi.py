"""A PEP 249 connection to PostgreSQL whose every statement is judged before it runs, around any driver's.

    raw = pg8000.dbapi.connect(...)                       # or psycopg, or any other PEP 249 driver
    connection = connect(raw, Client(url, token), system="ledger", name="db")
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE orders SET state = 'paid' WHERE id = %s", (7,))

Cooperative: whoever has the raw connection, or its password, goes round it. What cannot be gone round is the door that
holds the password itself (`standwatch door postgres`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Self

from standwatch.doors.database import Database
from standwatch.doors.errors import (
    DatabaseError,
    DataError,
    Error,
    Family,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    Pending,
    ProgrammingError,
    Refused,
    TooMuch,
    Unavailable,
    Unknown,
    Warning,
)
from standwatch.doors.measuring import Work, measure, one
from standwatch.doors.passing import Asker, Asks, Judge, Passage, shown_rows
from standwatch.doors.running import run
from standwatch.doors.transactions import Transaction
from standwatch.doors.types import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "Pending",
    "ProgrammingError",
    "Refused",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "TooMuch",
    "Unavailable",
    "Unknown",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]
apilevel: Final = "2.0"
threadsafety: Final = 1
paramstyle: Final = "format"
"""Of pg8000; a statement is handed to the driver as it is, so what counts is the driver's own."""
ROWS: Final = 100
"""Rows that one statement may change where its caller states no other number."""
RETURNED: Final = 10_000
"""Rows that one statement may return, likewise."""


class Limits:
    """What one connection's statements say that they touch at most."""

    def __init__(self, rows: int, returned: int, also: Sequence[str]) -> None:
        self.rows, self.returned, self.also = rows, returned, tuple(also)


class Connection:
    """What `connect` returns."""

    def __init__(
        self, database: Database, passage: Judge, limits: Limits, again: Callable[[], Any] | None = None
    ) -> None:
        self._database = database
        self._passage = passage
        self._limits = limits
        self._transaction = Transaction(database, passage, again)
        self._closed = False
        self.autocommit = False
        """Whether each statement is committed as soon as it ran."""
        self.reads_only = False
        """Whether what changes anything is refused before it is judged."""

    @property
    def lost(self) -> bool:
        """Whether the database was found gone: nothing more can be done here."""
        return self._transaction.lost

    def __getattr__(self, name: str) -> Any:
        """PEP 249's extension: the exceptions, as attributes."""
        if name in {"Warning", "Error"} or name.endswith("Error"):
            return self._database.errors.standard(name)
        raise AttributeError(name)

    def cursor(self) -> Cursor:
        """A cursor. Raises `InterfaceError` once the connection is closed."""
        self.open()
        return Cursor(self)

    def commit(self) -> None:
        """Commit what was judged. Raises `Unknown` where the connection is lost on the way, `TooMuch` where deferred
        constraints touched more, and what the driver raises."""
        self.open()
        self._transaction.commit()

    def rollback(self) -> None:
        """Take back everything since the last commit."""
        self.open()
        self._transaction.rollback()

    def close(self) -> None:
        """Roll back and close; the driver's connection is closed too. Raises `InterfaceError` the second time."""
        self.open()
        self._closed = True
        self._transaction.abandon()

    def open(self) -> None:
        """Raises `InterfaceError` once closed."""
        if self._closed:
            raise self._database.errors.error(InterfaceError, "the connection is closed")

    def carry(self, text: str, sets: Sequence[Any], rows: int | None) -> tuple[Any, list[Any] | None, int]:
        """One statement, with each of the parameter sets: measured, judged, run, counted."""
        self.open()
        database, limits = self._database, self._limits
        with self._transaction.statement():
            work = Work(text, one(database, text, filled=sets[0] is not None), sets, limits.also)
            judged = measure(database, work)
            if self.reads_only and judged.effect != "read":
                raise database.errors.error(NotSupportedError, "this changes something, or may: use execute")
            stated = rows if rows is not None else limits.returned if judged.effect == "read" else limits.rows
            bound = max(stated, judged.rows)
            self._transaction.rest()
            go = self._passage.ask(text, sets, judged, bound)
            with self._transaction.act(go, judged) as told:
                ran = run(database, work, judged, bound)
                if ran.rows is not None:
                    told.result = shown_rows([str(column[0]) for column in ran.description], ran.rows)
                else:
                    told.result = {"count": ran.changed, "touched": ran.touched}
                told.touched, told.counted, told.bound = ran.touched, ran.counted, bound
            if self.autocommit:
                self._transaction.commit()
        return ran.description, ran.rows, ran.changed

    def error(self, kind: type[Exception], message: str) -> Exception:
        """An exception of ours that is the driver's too."""
        return self._database.errors.error(kind, message)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Commit, or roll back after an exception. The connection stays open, as with most drivers."""
        if self._closed:
            return
        if kind is None:
            self.commit()
        else:
            self.rollback()


class Cursor:
    """A cursor. `at_most` is how many rows its next statements may touch; None for the connection's numbers."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        self.at_most: int | None = None
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid = None
        self._rows: list[Any] | None = None
        self._next = 0
        self._closed = False

    def execute(self, operation: str, parameters: Any = None) -> Self:
        """Run one statement if it may run. Raises `Refused`, `Pending`, `Unavailable`, `TooMuch`, `NotSupportedError`,
        and what the driver raises."""
        self._run(operation, [parameters])
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Any]) -> Self:
        """Run one statement with each of the parameter sets: one act, judged with all of them. It returns no rows."""
        sets = list(seq_of_parameters)
        if sets:
            self._run(operation, sets)
            self.description = self._rows = None
        else:
            self._forget()
        return self

    def _run(self, operation: str, sets: Sequence[Any]) -> None:
        self._open()
        if not isinstance(operation, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are not typed
            raise self.connection.error(ProgrammingError, "a statement is text")
        self._forget()
        self.description, self._rows, self.rowcount = self.connection.carry(operation, sets, self.at_most)

    def _forget(self) -> None:
        self.description, self._rows, self._next, self.rowcount = None, None, 0, -1

    def fetchone(self) -> Any:
        """The next row, or None."""
        found = self._take(1)
        return found[0] if found else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows: `size` of them, else `arraysize`."""
        return self._take(self.arraysize if size is None else size)

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return self._take(sys.maxsize)

    def _take(self, size: int) -> list[Any]:
        self._open()
        if self._rows is None:
            raise self.connection.error(ProgrammingError, "no result to fetch from")
        found = self._rows[self._next : self._next + size]
        self._next += len(found)
        return found

    def nextset(self) -> None:
        """There is no other result: one statement at a time is judged."""
        self._open()

    def setinputsizes(self, sizes: Any) -> None:
        """Nothing; PEP 249 wants it to be there."""
        self._open()

    def setoutputsize(self, size: Any, column: Any = None) -> None:
        """Nothing; PEP 249 wants it to be there."""
        self._open()

    def callproc(self, procname: str, parameters: Any = ()) -> Any:
        """Not supported: what a procedure does cannot be seen. Execute `CALL …`, which is asked about."""
        raise self.connection.error(
            NotSupportedError, f"{procname}: execute CALL instead, which is asked about"
        )

    def close(self) -> None:
        """Close the cursor."""
        self._open()
        self._closed = True

    def _open(self) -> None:
        self.connection.open()
        if self._closed:
            raise self.connection.error(InterfaceError, "the cursor is closed")

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._closed:
            self._closed = True


def family(raw: Any) -> Family:
    """Our exceptions as relatives of those of the driver that `raw` is a connection of."""
    for kind in type(raw).__mro__:
        name = kind.__module__
        while name:
            module = sys.modules.get(name)
            if module is not None and hasattr(module, "ProgrammingError"):
                return Family(module)
            name = name.rpartition(".")[0]
    return Family(None)


def connect(
    raw: Any,
    client: Asks,
    *,
    system: str,
    name: str,
    database: str = "",
    rows: int = ROWS,
    returned: int = RETURNED,
    also: Sequence[str] = (),
    wait: float = 0.0,
    again: Callable[[], Any] | None = None,
) -> Connection:
    """Govern `raw`, an open PEP 249 connection to PostgreSQL that nothing else uses.

    `name` is the component of `system`'s manifest whose tools are `NAME.query` and `NAME.execute`. `database` is how
    the manifest's environments know the place (`postgresql://host:port/name`); by default what the server says of
    itself. `rows` and `returned`: what a statement says that it changes and returns at most. `also`: tables that
    triggers may change. `wait`: seconds to wait for a person's answer. `again` opens another connection, by which a
    COMMIT that was cut off is asked about.

    Raises `InterfaceError` for a session that reads statements otherwise than we do, or commits by itself.
    """
    errors = family(raw)
    if getattr(raw, "autocommit", False):
        raise errors.error(
            InterfaceError, "the driver's connection commits by itself: set autocommit here instead"
        )
    governed = Database(raw, errors)
    place = governed.session()
    raw.rollback()
    passage = Passage(Asker(client, system, name, database or place, wait), errors)
    return Connection(governed, passage, Limits(rows, returned, also), again)
