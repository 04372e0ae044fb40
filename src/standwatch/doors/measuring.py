"""What a statement would touch and about how much, before anybody is asked: our reading, PostgreSQL's plan, and more.

Where our reading and PostgreSQL's plan disagree on whether it changes anything, nothing is asked and nothing runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from standwatch.doors import catalogue
from standwatch.doors.database import POINT, Database
from standwatch.doors.errors import NotSupportedError, ProgrammingError
from standwatch.doors.plans import Plan, planned
from standwatch.enforce.idioms import sql_lexing
from standwatch.enforce.idioms.sql_reading import Statement, read
from standwatch.enforce.idioms.sql_words import OpenError
from standwatch.facts.words import Effect

ANYTHING: Final = "*"
"""Stands for the tables of a statement that was not understood."""
PLANNED: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES"})
_OUTSIDE: Final = (
    "VACUUM",
    "CREATE DATABASE",
    "DROP DATABASE",
    "CHECKPOINT",
    "REINDEX",
    "CLUSTER",
    "ALTER SYSTEM",
)
_CONTROL: Final = frozenset(
    {"TRANSACTION", "COMMIT", "ROLLBACK", "SET", "RESET", "SAVEPOINT", "RELEASE", "PREPARE"}
)


class Measure(NamedTuple):
    """What is judged. `rows` is PostgreSQL's estimate."""

    kind: str
    """The statement's first words: `UPDATE`, `DROP TABLE`."""
    effect: Effect
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    rows: int
    triggers: tuple[str, ...] = ()
    doubt: str = ""


class Work(NamedTuple):
    """One statement that somebody wants run. `sets` are its parameters: one set, None for none, or several."""

    text: str
    said: Statement
    sets: Sequence[Any]
    also: Sequence[str] = ()
    """Tables that triggers may change."""


def one(database: Database, text: str, *, filled: bool = False) -> Statement:
    """The one statement in `text`. Raises `ProgrammingError` for none or several, `NotSupportedError` for what a door
    does itself or cannot hold in a transaction. `filled`: the driver puts parameters into its placeholders."""
    problem = database.errors.error
    try:
        text.encode()
        pieces = sql_lexing.pieces(text)
    except (OpenError, UnicodeEncodeError):
        raise problem(
            ProgrammingError, "a literal or a comment in it does not end, or a character is none"
        ) from None
    if pieces != 1:
        raise problem(ProgrammingError, f"one statement at a time is judged, not {pieces}")
    if filled and not database.alone and database.errors.percents and sql_lexing.hides_placeholder(text):
        # INVARIANT: what is judged is what runs. A driver that writes values into the text writes them there too.
        raise problem(ProgrammingError, "a placeholder stands in a literal or a comment, where it is none")
    found = read(text)
    kind = found.statements[0].kind if found.statements else ""
    first = text.split(None, 1)[0].upper() if text.split() else ""
    if kind in _CONTROL or first in _CONTROL:
        raise problem(NotSupportedError, f"{kind or first} is the door's own: use commit() and rollback()")
    if kind == "COPY":
        raise problem(NotSupportedError, "COPY streams rows past whoever counts them: use SELECT or INSERT")
    if kind.startswith(_OUTSIDE) or "CONCURRENTLY" in text.upper().split():
        raise problem(
            NotSupportedError, f"{kind or first} runs outside a transaction, where nothing bounds it"
        )
    if len(found.statements) != 1 or found.doubts:
        return Statement(
            first[:40], "irreversible", writes=(ANYTHING,), doubts=found.doubts or ("not understood",)
        )
    said = found.statements[0]
    doubted = said.doubts or ((found.unknown,) if said.calls else ())
    # A function that may do anything may touch anything, though its statement names tables.
    writes = (*said.writes, ANYTHING) if said.doubts else said.writes
    return Statement(said.kind, said.effect, said.reads, writes, said.calls, said.dangers, doubted)


def measure(database: Database, work: Work) -> Measure:
    """What `work` would touch with each of the parameter sets, by a plan that is made and not carried out.

    In a savepoint that is rolled back: locks that planning takes do not stay. Raises what the driver raises for a
    statement that cannot be planned, and `ProgrammingError` where the plan is of another effect.
    """
    database.say(f"SAVEPOINT {POINT}; SET TRANSACTION READ ONLY")
    try:
        return _measured(database, work)
    finally:
        database.say(f"ROLLBACK TO SAVEPOINT {POINT}; RELEASE SAVEPOINT {POINT}")


LOOKED_AT: Final = 5
"""Parameter sets of `executemany` that are planned; the others count as the largest of them."""


def _measured(database: Database, work: Work) -> Measure:
    text, said, sets, also = work
    plans: list[Plan] = []
    if said.kind in PLANNED:
        plans = [planned(database.explain(text, each)) for each in sets[:LOOKED_AT]]
        if any(plan.writes for plan in plans) != bool(said.writes) and not said.calls:
            _must_agree(database, said, plans)
    named = catalogue.full_names(database, [name for name in said.writes if name != ANYTHING])
    writes = {each.name for each in named}.union(*(plan.writes for plan in plans))
    if said.kind != "INSERT":
        writes = set(catalogue.cascaded(database, writes, _carried(said.kind, text)))
    writes = set(catalogue.rooted(database, writes))
    fired = catalogue.triggers(database, writes)
    writes |= set(also) if fired else set()
    reads = {each.name for each in catalogue.full_names(database, said.reads)}.union(
        *(plan.reads for plan in plans)
    )
    rows = max((plan.rows for plan in plans), default=0) * max(len(sets), 1)
    if not plans:
        rows = sum(each.rows for each in named)
    return Measure(
        said.kind,
        said.effect,
        tuple(sorted(catalogue.rooted(database, reads) - writes)),
        tuple(sorted({*writes, *([ANYTHING] if ANYTHING in said.writes else [])})),
        rows,
        fired,
        next(iter(said.doubts), ""),
    )


def _carried(kind: str, text: str) -> str:
    if kind == "UPDATE":
        return kind
    return "TRUNCATE" if kind.startswith(("TRUNCATE", "DROP")) and "CASCADE" in text.upper() else "DELETE"


def _must_agree(database: Database, said: Statement, plans: Sequence[Plan]) -> None:
    """INVARIANT: what PostgreSQL would change and we read as a reading does not run."""
    changed = sorted({name for plan in plans for name in plan.writes})
    if changed and said.effect == "read":
        raise database.errors.error(
            ProgrammingError,
            f"PostgreSQL would change {', '.join(changed)} where we read no change: it is not run",
        )
