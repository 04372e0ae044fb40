"""What statements do, taken apart: effect, tables, and what cannot be understood; never slow, never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.enforce.idioms import sql
from standwatch.enforce.idioms.sql_reading import MOST_TEXT, read

PIECES = [
    "select",
    "delete from",
    "t",
    "where",
    "'",
    '"',
    "$$",
    "/*",
    "*/",
    "--",
    "\n",
    "\r",
    ";",
    "(",
    ")",
    "[",
    "1",
]
PIECES += ["with", "as", "array", "case", "when", "end", "E'", "\\", "::"]
PIECES += ["drop table", "%s", "union", "explain", "é", "\ud800", ","]


@pytest.mark.parametrize(
    ("text", "reads", "writes"),
    [
        ("SELECT * FROM Orders o JOIN app.customers c ON c.id = o.customer", "app.customers orders", ""),
        ("SELECT upper(name), now() FROM t WHERE a ~ '^x' AND b->>'c' = $1", "t", ""),
        ("WITH orders AS (SELECT * FROM orders) SELECT * FROM orders", "orders", ""),
        ("WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT * FROM r) SELECT * FROM r", "", ""),
        ("EXPLAIN DELETE FROM t", "t", ""),
        ("SELECT $$a; drop table b$$, 'DROP TABLE c' -- ; DROP TABLE d", "", ""),
        ("TABLE orders", "orders", ""),
        ("COPY t TO STDOUT", "t", ""),
        ('SELECT * FROM "Mixed"."Case"', "Mixed.Case", ""),
        ("SELECT %(name)s, %s, :x, $1", "", ""),
    ],
)
def test_what_reads(text: str, reads: str, writes: str) -> None:
    found = read(text)
    assert (found.effect, found.why_doubted) == ("read", "")
    assert (found.reads, found.writes) == (tuple(reads.split()), tuple(writes.split()))


@pytest.mark.parametrize(
    ("text", "reads", "writes"),
    [
        ("DELETE FROM a WHERE id IN (SELECT id FROM b)", "b", "a"),
        ("UPDATE t SET a = 1 FROM b WHERE t.id = b.id", "b", "t"),
        ("INSERT INTO a(b) SELECT c FROM z", "z", "a"),
        ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", "b", "a"),
        ("WITH gone AS (DELETE FROM t WHERE id = 1 RETURNING *) SELECT * FROM gone", "", "t"),
        ("SELECT * INTO t2 FROM t", "t", "t2"),
        ("SELECT * FROM t FOR UPDATE", "t", ""),
        ("CREATE TABLE x AS SELECT 1 FROM y", "y", "x"),
        ("ALTER TABLE t ADD COLUMN c int", "", "t"),
        ("EXPLAIN ANALYZE INSERT INTO t VALUES (1)", "", "t"),
        ("SELECT nextval('s')", "", ""),
    ],
)
def test_what_writes(text: str, reads: str, writes: str) -> None:
    found = read(text)
    assert (found.effect, found.why_doubted) == ("write", "")
    assert (found.reads, found.writes) == (tuple(reads.split()), tuple(writes.split()))


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE x CASCADE",
        "TRUNCATE a, b",
        "ALTER TABLE t DROP COLUMN c",
        "DELETE FROM t",
        "UPDATE t SET a = 1 WHERE TRUE OR id = 1",
        "DELETE FROM t WHERE now() > '2000-01-01'",
        "DELETE FROM t WHERE %s = %s",
        "DELETE FROM t WHERE id = id",
        "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
        "GRANT ALL ON t TO x",
        "COPY t TO PROGRAM 'sh'",
        "COPY t FROM '/etc/passwd'",
        "SELECT pg_read_file('x')",
        "SELECT pg_catalog.lo_export(1, '/x')",
        "SELECT * FROM dblink('a', 'b') AS t(a int)",
        "SELECT pg_terminate_backend(1)",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "CALL p(1)",
        "PREPARE x AS DELETE FROM t",
        "EXECUTE x",
        "SET ROLE admin",
        "SET SESSION AUTHORIZATION x",
        "SET search_path TO evil",
        "EXPLAIN ANALYZE DELETE FROM t",
        "EXPLAIN (ANALYZE, FORMAT JSON) DROP TABLE x",
        "EXPLAIN SELECT 1; DROP TABLE x",
        "COMMIT; DROP TABLE x",
        "SELECT 1 -- \r; DROP TABLE x",
        "SELECT 1 /* ' */ ; DROP TABLE x --'",
        "SELECT 'a\\' ; DROP TABLE x --'",
        "SELECT U&'\\0041'",
        "SELECT my_function(1)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM t'",
        "REASSIGN OWNED BY a TO b",
        "no SQL at all",
        "SELECT \x00",
        "SELECT " + "array[" * 40 + "1" + "]" * 40,
        "SELECT " + "(" * 2_000 + "1" + ")" * 2_000,
        "SELECT 1;" * 5_000,
        "x" * (MOST_TEXT + 1),
    ],
)
def test_what_cannot_be_taken_back_or_understood(text: str) -> None:
    assert read(text).effect == "irreversible"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT `drop` FROM `events` LIMIT 5",
        "SELECT TOP 3 [a] FROM [events]",
        "SELECT 1 # so says MySQL",
        "DESCRIBE orders",
    ],
)
def test_other_databases_are_understood_where_nothing_says_postgresql(text: str) -> None:
    assert sql.told(text) == sql.Told("read", "", "", "")


def test_a_danger_in_any_way_of_quoting_is_irreversible() -> None:
    assert read("SELECT $$ ; DROP TABLE users; $$").effect == "read"
    assert sql.told("SELECT $$ ; DROP TABLE users; $$").effect == "irreversible"


def test_a_function_that_is_unknown_is_told_beside() -> None:
    found = sql.told("SELECT app.pay(7)")
    assert (found.effect, found.danger, found.doubt) == ("irreversible", "", "")
    assert "app.pay" in found.unknown
    assert sql.asked("SELECT app.pay(7)") == ""


@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=60,
    )
)
def test_it_never_raises_and_a_drop_is_never_a_read(parts: list[str]) -> None:
    found = read(" ".join(parts))
    assert found.effect in ("read", "write", "irreversible")
    if any(one.kind.startswith("DROP") for one in found.statements):
        assert found.effect == "irreversible"
