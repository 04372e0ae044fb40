"""One transaction of a driver's connection, and the acts whose outcome is known when it ends.

INVARIANT: an act is told `ok` after COMMIT was answered, and never before; what was rolled back is told as an error;
where COMMIT was sent and not answered it is `unknown`, unless PostgreSQL says afterwards what became of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from typing import Any, Final

from standwatch.client.acts import Go
from standwatch.doors import catalogue
from standwatch.doors.database import Database
from standwatch.doors.errors import TooMuch, Unknown
from standwatch.doors.measuring import ANYTHING, Measure
from standwatch.doors.passing import Judge

ASKED_AGAIN: Final = 5
"""How often another connection is tried, to learn what became of a COMMIT."""
PAUSE: Final = 0.5


class Told:
    """One act of this transaction: what is to be told of it."""

    def __init__(self, go: Go, judged: Measure) -> None:
        self.go, self.judged = go, judged
        self.result: Any = None
        self.touched: dict[str, int] = {}
        self.counted: dict[str, int] = {}
        self.bound = 0


class Transaction:
    """`again` opens another connection, or is None."""

    def __init__(self, database: Database, passage: Judge, again: Callable[[], Any] | None) -> None:
        self._database = database
        self._passage = passage
        self._again = again
        self._open: list[Told] = []
        self._counted: dict[str, int] = {}
        self.lost = False
        """Whether the connection was found gone."""
        self._ran = False
        """Whether anything ran in this transaction."""

    @contextlib.contextmanager
    def statement(self) -> Generator[None]:
        """One statement. Where the connection is lost in it, nothing of the transaction stands."""
        try:
            yield
        except BaseException as error:
            if not self._alive():
                self.lost = True
                self._ended("error", {**said(error), "lost": "before COMMIT was sent"})
            raise

    def rest(self) -> None:
        """End a transaction in which nothing ran yet: while a person is asked, none is to stay open for it."""
        if not self._ran:
            self._database.raw.rollback()

    @contextlib.contextmanager
    def act(self, go: Go, judged: Measure) -> Generator[Told]:
        """One act that may run. A reading's outcome is told at its end, a change's when the transaction ends."""
        told = Told(go, judged)
        self._ran = True
        try:
            yield told
        except BaseException as error:
            # It was rolled back to its savepoint, or the connection is gone before COMMIT was sent: nothing stands.
            self._passage.tell(go, "error", said(error))
            raise
        if judged.effect == "read":
            self._passage.tell(go, "ok", told.result)
        else:
            self._open.append(told)
            self._counted = told.counted

    def commit(self) -> None:
        """COMMIT, after what is deferred to it was done and counted."""
        self._ran = False
        if not self._open:
            self._database.raw.commit()
            return
        number = ""
        try:
            self._settle()
            found = self._database.rows("SELECT pg_catalog.pg_current_xact_id_if_assigned()::text")
            number = str(found[0][0] or "")
        except BaseException as error:
            self._undone(error)
            raise
        try:
            self._database.raw.commit()
        except BaseException as error:
            if self._alive():  # the server said no: nothing stands
                self._undone(error)
                raise
            self._cut_off(number, error)
            return
        self._ended("ok")

    def rollback(self) -> None:
        """Take everything back."""
        self._ran = False
        try:
            self._database.raw.rollback()
        finally:
            self._ended("error", {"error": "RolledBack", "message": "rolled back by the caller"})

    def abandon(self) -> None:
        """Roll back and close the driver's connection, whatever state it is in."""
        with contextlib.suppress(Exception):
            self._database.raw.rollback()
        with contextlib.suppress(Exception):
            self._database.raw.close()
        self._ended("error", {"error": "RolledBack", "message": "closed without a commit"})

    def _settle(self) -> None:
        """Deferred constraints and their triggers act now, so that what they touch is counted. Raises `TooMuch`."""
        self._database.say("SET CONSTRAINTS ALL IMMEDIATE")
        more = catalogue.since(self._counted, catalogue.counts(self._database))
        allowed = {name for told in self._open for name in told.judged.writes}
        left = sum(told.bound - sum(told.touched.values()) for told in self._open)
        if (more.keys() - allowed and ANYTHING not in allowed) or sum(more.values()) > left:
            raise self._database.errors.error(
                TooMuch,
                f"{', '.join(sorted(more))} was touched at the end of the transaction, which was not judged",
            )

    def _undone(self, error: BaseException) -> None:
        with contextlib.suppress(Exception):
            self._database.raw.rollback()
        self._ended("error", said(error))

    def _cut_off(self, number: str, error: BaseException) -> None:
        """COMMIT was sent and nothing came back. PostgreSQL is asked what became of it; it is never sent again."""
        self.lost = True
        became = self._became(number) if number else ""
        if became == "committed":
            self._ended("ok")
            return
        if became == "aborted":
            self._ended("error", said(error))
            raise error
        self._ended("unknown", said(error))
        raise self._database.errors.error(
            Unknown, "the connection was lost after COMMIT was sent: nobody knows whether it stands"
        ) from error

    def _became(self, number: str) -> str:
        for _ in range(ASKED_AGAIN if self._again is not None else 0):
            with contextlib.suppress(Exception):
                other = Database(self._again() if self._again else None, self._database.errors)
                try:
                    found = other.rows(f"SELECT pg_catalog.pg_xact_status('{int(number)}'::pg_catalog.xid8)")
                finally:
                    other.raw.close()
                if str(found[0][0]) in ("committed", "aborted"):
                    return str(found[0][0])
            time.sleep(PAUSE)
        return ""

    def _alive(self) -> bool:
        """Whether the connection still answers. In a failed transaction it does, with an error of the server's."""
        try:
            self._database.rows("SELECT 1")
        except Exception as error:
            return bool(sqlstate(error)) and not sqlstate(error).startswith(("57P0", "08"))
        return True

    def _ended(self, status: str, result: Any = None) -> None:
        ended, self._open, self._counted = self._open, [], {}
        for told in ended:
            self._passage.tell(told.go, status, told.result if status == "ok" else result)


def said(error: BaseException) -> dict[str, Any]:
    """An exception as it is told."""
    return {"error": type(error).__name__, "message": str(error)[:2_000], "sqlstate": sqlstate(error)}


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code for what went wrong, as pg8000 or psycopg have it; "" where the server said nothing."""
    for name in ("sqlstate", "pgcode"):
        if isinstance(found := getattr(error, name, None), str):
            return found
    first = error.args[0] if error.args else None
    return str(first.get("C", "")) if isinstance(first, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
