"""A statement that may run: in a savepoint, read-only where it reads, and counted before anybody relies on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from standwatch.doors import catalogue
from standwatch.doors.database import POINT, Database
from standwatch.doors.errors import TooMuch
from standwatch.doors.measuring import ANYTHING, LOOKED_AT, PLANNED, Measure, Work
from standwatch.doors.plans import planned


class Ran(NamedTuple):
    """What came of it. `rows` is None where a statement has no result; `changed` as the driver counts."""

    description: Any
    rows: list[Any] | None
    changed: int
    touched: dict[str, int]
    counted: dict[str, int]
    """What the transaction had touched after it."""


def run(database: Database, work: Work, judged: Measure, bound: int) -> Ran:
    """Carry out `work` as it was judged; whatever is above `bound` or outside the judged tables is rolled back.

    INVARIANT: a reading runs in a read-only (sub)transaction; a change stays only if what PostgreSQL counted, with
    what triggers, rules and foreign keys did, is what was judged. Raises `TooMuch`, and what the driver raises.
    """
    database.say(f"SAVEPOINT {POINT}")
    try:
        if judged.effect == "read":
            # Before it is planned: planning calls functions that say of themselves that they only compute.
            database.say("SET TRANSACTION READ ONLY")
        _again(database, work, judged, bound)
        if judged.effect == "read":
            ran = _carried_out(database, work.text, work.sets)
            _returned(database, ran, bound)
        else:
            before = catalogue.counts(database)
            ran = _carried_out(database, work.text, work.sets)
            after = catalogue.counts(database)
            ran = ran._replace(touched=catalogue.since(before, after), counted=after)
            within(database, ran.touched, judged, bound)
    except BaseException:
        database.say(f"ROLLBACK TO SAVEPOINT {POINT}; RELEASE SAVEPOINT {POINT}")
        raise
    # What is set in a subtransaction ends with it: the program's own transaction may write again.
    database.say(f"RELEASE SAVEPOINT {POINT}")
    return ran


def _returned(database: Database, ran: Ran, bound: int) -> None:
    if ran.rows is not None and len(ran.rows) > bound:
        raise database.errors.error(TooMuch, f"{len(ran.rows)} rows came back, at most {bound} were judged")


def within(database: Database, touched: dict[str, int], judged: Measure, bound: int) -> None:
    """Raises `TooMuch` where more was touched than `judged` and `bound` say."""
    total = sum(touched.values())
    if total > bound:
        raise database.errors.error(
            TooMuch, f"{total} rows were touched in {', '.join(sorted(touched))}, at most {bound} were judged"
        )
    others = sorted(touched.keys() - set(judged.writes))
    if others and ANYTHING not in judged.writes:
        raise database.errors.error(TooMuch, f"{', '.join(others)} was touched too, which was not judged")


def _again(database: Database, work: Work, judged: Measure, bound: int) -> None:
    """While somebody was asked the tables may have become others: the plan, in the transaction that it runs in."""
    if work.said.kind not in PLANNED:
        return
    plans = [planned(database.explain(work.text, each)) for each in work.sets[:LOOKED_AT]]
    known = {*judged.reads, *judged.writes}
    more = {name for plan in plans for name in (*plan.reads, *plan.writes)} - known
    if more and (more := set(catalogue.rooted(database, more)) - known):
        what = ", ".join(sorted(more))
        raise database.errors.error(TooMuch, f"it touches {what} now, which was not judged")
    rows = max((plan.rows for plan in plans), default=0) * len(work.sets)
    if rows > max(bound, judged.rows):
        raise database.errors.error(TooMuch, f"it touches about {rows} rows now, at most {bound} were judged")


def _carried_out(database: Database, text: str, sets: Sequence[Any]) -> Ran:
    cursor = database.raw.cursor()
    try:
        count = 0
        for each in sets:
            if each is None:
                cursor.execute(text, *database.alone)
            else:
                cursor.execute(text, each)
            count = -1 if count < 0 or cursor.rowcount < 0 else count + int(cursor.rowcount)
        rows = list(cursor.fetchall()) if cursor.description else None
        return Ran(cursor.description, rows, count, {}, {})
    finally:
        cursor.close()
