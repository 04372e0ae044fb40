"""What we read of a statement beside what PostgreSQL itself reads: the server is the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pg8000.dbapi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standwatch.doors.database import Database
from standwatch.doors.dbapi import family
from standwatch.doors.errors import ProgrammingError
from standwatch.doors.measuring import Work, measure, one
from standwatch.enforce.idioms.sql_lexing import hides_placeholder, pieces
from standwatch.enforce.idioms.sql_reading import read
from standwatch.enforce.idioms.sql_words import OpenError
from support.postgres import SHOP, cluster

WORDS = (
    "select 1",
    "select 'a'",
    "drop table lines",
    "delete from lines",
    "e'\\'",
    "E'\\''",
    "U&'\\0027'",
    "b'1'",
    "x",
    "$1",
)
SIGNS = (
    ";",
    "'",
    "''",
    '"',
    "$$",
    "$t$",
    "/*",
    "*/",
    "--",
    "\n",
    "\r",
    "\r\n",
    "\\",
    " ",
    "(",
    ")",
    ",",
    "/",
    "*",
    "-",
    "#",
    "`",
    "[",
    "]",
)
PARTS = (*WORDS, *SIGNS)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    raw = cluster().connect(cluster().fresh(*SHOP))
    raw.rollback()
    yield Database(raw, family(raw))
    raw.close()


def refusal(raw: Any, text: str) -> str:
    """What the server says of `text` when it is only parsed: "" for nothing. Nothing is carried out."""
    try:
        raw.prepare_statement(text)
    except pg8000.dbapi.DatabaseError as error:
        return str(error.args[0]["M"])
    except TypeError:  # pg8000 expects an answer that an empty statement does not get
        return "empty"
    return ""


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=14))
def test_what_is_one_statement_to_us_is_one_to_postgresql(database: Database, parts: list[str]) -> None:
    text = "".join(parts)
    try:
        ours = pieces(text)
    except OpenError:
        return
    said = refusal(database.raw, text)
    database.raw.rollback()
    if ours <= 1:
        assert "multiple commands" not in said, repr(text)
    if not said and ours:
        assert ours == 1, repr(text)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=14))
def test_what_reads_as_reading_changes_nothing_whatever_stands_around_it(
    database: Database, parts: list[str]
) -> None:
    """Carried out in a transaction that may write: where we read no change, none is made."""
    text = "".join(parts)
    found = read(text)
    if found.effect != "read" or not found.statements:
        return
    try:
        if pieces(text) != 1:
            return
    except OpenError:
        return
    cursor = database.raw.cursor()
    try:
        cursor.execute(text)
    except pg8000.dbapi.DatabaseError:
        database.raw.rollback()
        return
    rows = database.rows("SELECT count(*) FROM lines")[0][0]
    database.raw.rollback()
    assert rows == 500, repr(text)


@pytest.mark.parametrize(
    ("text", "effect", "reads", "writes", "rows"),
    [
        ("SELECT * FROM orders", "read", "orders", "", 500),
        ("SELECT 1", "read", "", "", 1),
        ("UPDATE orders SET total = 1 WHERE customer = 7", "write", "", "orders", 5),
        ("DELETE FROM customers WHERE id = 7", "write", "", "customers lines orders", 1),
        ("INSERT INTO lines (of_order) SELECT id FROM orders", "write", "orders", "lines", 500),
        (
            "WITH gone AS (DELETE FROM lines WHERE id < 101 RETURNING *) SELECT count(*) FROM gone",
            "write",
            "",
            "lines",
            100,
        ),
        ("DROP TABLE lines", "irreversible", "", "lines", 500),
        ("TRUNCATE customers CASCADE", "irreversible", "", "customers lines orders", 100),
        ("CREATE TABLE copied AS SELECT * FROM orders", "write", "orders", "copied", 0),
        ("DO $$ BEGIN DELETE FROM lines; END $$", "irreversible", "", "*", 0),
        (
            "MERGE INTO lines l USING orders o ON l.id = o.id WHEN MATCHED THEN DELETE",
            "write",
            "orders",
            "lines",
            500,
        ),
    ],
)
def test_a_measure(database: Database, text: str, effect: str, reads: str, writes: str, rows: int) -> None:
    found = measure(database, Work(text, one(database, text), [None]))
    database.raw.rollback()
    full = [
        tuple(name if name == "*" else f"public.{name}" for name in said.split()) for said in (reads, writes)
    ]
    assert (found.effect, [found.reads, found.writes]) == (effect, full)
    assert found.rows == pytest.approx(rows, abs=5)


def test_partitions_are_called_by_their_table(database: Database) -> None:
    for statement in (
        "CREATE TABLE events (at int, what text) PARTITION BY RANGE (at)",
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20)",
        "INSERT INTO events SELECT g, 'x' FROM generate_series(0, 19) g",
    ):
        database.say(statement)
    text = "UPDATE events SET what = 'y' WHERE at < 15"
    found = measure(database, Work(text, one(database, text), [None]))
    database.raw.rollback()
    assert found.writes == ("public.events",)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("SELECT %s, %(name)s FROM t WHERE a LIKE 'x%%'", False),
        ("SELECT a % b FROM t -- half: 50 %", False),
        ("SELECT '%s'", True),
        ('SELECT "%s"', True),
        ("SELECT %s /* %s */", True),
        ("SELECT %s -- %(name)s", True),
        ("SELECT $$ %s $$", True),
    ],
)
def test_a_placeholder_in_a_literal_or_a_comment_is_found(text: str, hidden: bool) -> None:
    assert hides_placeholder(text) is hidden


def test_a_driver_that_writes_values_into_the_text_is_not_given_such_a_statement(database: Database) -> None:
    with pytest.raises(ProgrammingError, match="placeholder"):
        one(database, "SELECT '%s'", filled=True)
    assert one(database, "SELECT '%s'").effect == "read"
