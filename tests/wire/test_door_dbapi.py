"""Statements through the DB-API door: a real Standwatch judges, a real PostgreSQL carries out, the record has both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pg8000.dbapi
import pytest

from standwatch.doors import dbapi
from standwatch.facts.entries import AskedMany, Denied, Intent
from support.doors import governed, shop, tools
from support.postgres import Cluster
from support.system import Agent, Living, waited

Shop = tuple[Living, Cluster, str, Agent]


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    production = {"hosts": ["*.prod.example.com"], "effects": {"write": "deny"}}
    folder = tmp_path_factory.mktemp("shop")
    said = tools("public.unneeded")
    with shop(folder, tools=said, environments={"production": production}) as (watch, cluster, database):
        yield watch, cluster, database, watch.agent("clerk", "shop")


@pytest.fixture
def connection(open_shop: Shop) -> Iterator[dbapi.Connection]:
    watch, _, database, agent = open_shop
    made = governed(watch, database, agent)
    yield made
    made.close()


def last(watch: Living, kind: type[Any]) -> Any:
    return watch.of(kind)[-1]


def outcome(watch: Living) -> Any:
    return watch.outcome(last(watch, Intent).id)


def test_a_reading_is_judged_recorded_and_returns_its_rows(
    open_shop: Shop, connection: dbapi.Connection
) -> None:
    watch, *_ = open_shop
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, total FROM orders WHERE customer = %s ORDER BY id", (7,))
        assert [column[0] for column in cursor.description] == ["id", "total"]
        assert [tuple(row) for row in cursor] == [(7, 7), (107, 107), (207, 207), (307, 307), (407, 407)]
    intent = last(watch, Intent)
    assert (intent.tool, intent.seam, intent.effect) == ("db.query", "client", "read")
    assert outcome(watch).status == "ok"


def test_a_change_is_told_when_it_is_committed(open_shop: Shop, connection: dbapi.Connection) -> None:
    watch, cluster, database, _ = open_shop
    cursor = connection.cursor().execute("UPDATE orders SET total = 0 WHERE id = %s", (1,))
    assert cursor.rowcount == 1
    intent = last(watch, Intent)
    assert (intent.tool, intent.effect) == ("db.execute", "write")
    assert cluster.ask(database, "SELECT total FROM orders WHERE id = 1") == 1
    connection.commit()
    assert outcome(watch).status == "ok"
    assert cluster.ask(database, "SELECT total FROM orders WHERE id = 1") == 0


def test_what_is_rolled_back_is_not_told_as_done(open_shop: Shop, connection: dbapi.Connection) -> None:
    watch, *_ = open_shop
    connection.cursor().execute("UPDATE orders SET total = 9 WHERE id = 2")
    connection.rollback()
    assert outcome(watch).status == "error"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET total = 0 WHERE id > 0",  # an estimate above the bound
        "DELETE FROM audit WHERE what = 'x'",  # a table that is not declared
    ],
)
def test_rows_and_tables_are_bounded_by_the_manifest(
    open_shop: Shop, connection: dbapi.Connection, statement: str
) -> None:
    watch, cluster, database, _ = open_shop
    before = cluster.ask(database, "SELECT sum(total) FROM orders")
    with pytest.raises(dbapi.Refused) as refused:
        connection.cursor().execute(statement)
    assert last(watch, Denied).id == refused.value.reference
    assert isinstance(refused.value, pg8000.dbapi.OperationalError)
    assert cluster.ask(database, "SELECT sum(total) FROM orders") == before


@pytest.mark.parametrize(("host", "goes"), [("db.dev.example.com", True), ("db.prod.example.com", False)])
def test_what_is_done_in_development_is_denied_in_production(open_shop: Shop, host: str, goes: bool) -> None:
    watch, _, database, agent = open_shop
    connection = governed(watch, database, agent, database=f"postgresql://{host}:5432/shop")
    assert connection.cursor().execute("SELECT 1").fetchone()[0] == 1
    change = "UPDATE orders SET total = total WHERE id = 11"
    if goes:
        connection.cursor().execute(change)
    else:
        with pytest.raises(dbapi.Refused):
            connection.cursor().execute(change)
        assert last(watch, Denied).code.startswith("environment")
    connection.close()


def test_what_destroys_waits_for_a_person_and_the_table_stands(
    open_shop: Shop, connection: dbapi.Connection
) -> None:
    _, cluster, database, _ = open_shop
    for statement in (
        "DROP TABLE lines",
        "DELETE FROM lines WHERE 1 = 1 AND id = id",
        "DO $$ BEGIN DELETE FROM lines; END $$",
    ):
        with pytest.raises((dbapi.Pending, dbapi.Refused)):
            connection.cursor().execute(statement)
    assert cluster.ask(database, "SELECT count(*) FROM lines") == 500


def test_what_a_person_approved_runs_once_and_as_it_was_shown(open_shop: Shop) -> None:
    watch, cluster, database, agent = open_shop
    cluster.do(database, "CREATE VIEW unneeded AS SELECT 1 AS one")
    connection = governed(watch, database, agent, wait=60.0)
    before = len(watch.of(AskedMany))
    failed: list[BaseException] = []

    def drop() -> None:
        try:
            connection.cursor().execute("DROP VIEW unneeded")
        except BaseException as error:
            failed.append(error)

    waiting = threading.Thread(target=drop)
    waiting.start()
    asked = waited(lambda: watch.of(AskedMany)[before:])[0]
    # While a person is asked no transaction is open for it.
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = '{}'"
    assert cluster.ask(database, idle.format(database)) == 0
    watch.run("approve", asked.id, "--key", watch.key("olga"), "--yes")
    waiting.join(60)
    assert not failed, failed
    assert cluster.ask(database, "SELECT count(*) FROM pg_views WHERE viewname = 'unneeded'") == 1
    connection.commit()
    assert cluster.ask(database, "SELECT count(*) FROM pg_views WHERE viewname = 'unneeded'") == 0
    assert watch.outcome(last(watch, Intent).id).status == "ok"
    connection.close()


def test_a_statement_that_was_approved_meanwhile_runs_when_it_comes_again_and_once(open_shop: Shop) -> None:
    watch, cluster, database, agent = open_shop
    cluster.do(database, "CREATE VIEW unneeded AS SELECT 1 AS one")
    connection = governed(watch, database, agent)
    cursor = connection.cursor()
    with pytest.raises(dbapi.Pending) as pending:
        cursor.execute("DROP VIEW unneeded")
    watch.run("approve", pending.value.reference, "--key", watch.key("olga"), "--yes")
    cursor.execute("DROP VIEW unneeded")
    connection.commit()
    assert cluster.ask(database, "SELECT count(*) FROM pg_views WHERE viewname = 'unneeded'") == 0
    with pytest.raises(dbapi.Pending):
        cursor.execute("DROP VIEW unneeded")
    connection.close()


def test_more_rows_than_were_judged_are_rolled_back_before_commit(
    open_shop: Shop, connection: dbapi.Connection
) -> None:
    """The estimate says one row; the foreign keys carry it on to ten more. Ten were judged."""
    watch, cluster, database, _ = open_shop
    cursor = connection.cursor()
    cursor.at_most = 10
    with pytest.raises(dbapi.TooMuch, match="11 rows were touched"):
        cursor.execute("DELETE FROM customers WHERE id = 50")
    connection.commit()
    assert outcome(watch).status == "error"
    assert cluster.ask(database, "SELECT count(*) FROM customers") == 100
    cursor.at_most = 11
    cursor.execute("DELETE FROM customers WHERE id = 50")
    connection.rollback()


def test_more_rows_than_were_judged_are_not_handed_out(open_shop: Shop, connection: dbapi.Connection) -> None:
    """The estimate of a condition that nobody has statistics of is a third of the table; all of it comes."""
    cursor = connection.cursor()
    cursor.at_most = 60
    with pytest.raises(dbapi.TooMuch, match="100 rows came back, at most 60 were judged"):
        cursor.execute("SELECT id FROM customers WHERE id + 0 > 0")
    assert outcome(open_shop[0]).status == "error"
    cursor.at_most = 100
    cursor.execute("SELECT id FROM customers WHERE id + 0 > 0")
    assert len(cursor.fetchall()) == 100


def test_a_trigger_that_touches_another_table_is_seen_where_no_plan_sees_it(
    open_shop: Shop, connection: dbapi.Connection
) -> None:
    watch, cluster, database, agent = open_shop
    cluster.do(
        database,
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO audit VALUES ('seen'); RETURN NEW; END $$",
        "CREATE TRIGGER noted AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note()",
    )
    with pytest.raises(dbapi.TooMuch, match=r"public\.audit was touched too"):
        connection.cursor().execute("UPDATE customers SET name = 'x' WHERE id = 1")
    assert cluster.ask(database, "SELECT count(*) FROM audit") == 0
    told = governed(watch, database, agent, also=["public.audit"])
    with pytest.raises(dbapi.Refused):  # said beforehand, it is judged, and the manifest does not name it
        told.cursor().execute("UPDATE customers SET name = 'x' WHERE id = 1")
    told.close()
    cluster.do(database, "DROP TRIGGER noted ON customers")


def test_one_statement_at_a_time_and_none_of_the_transactions_own(connection: dbapi.Connection) -> None:
    for statement in (
        "SELECT 1; DROP TABLE lines",
        "COMMIT",
        "SET ROLE boss",
        "",
        "SELECT 'open",
        "VACUUM",
        "COPY lines TO STDOUT",
    ):
        with pytest.raises(dbapi.Error):
            connection.cursor().execute(statement)
    assert connection.cursor().execute("SELECT 1 -- ; no end\n").fetchone()[0] == 1


def test_what_is_read_as_reading_cannot_write_whatever_it_calls(
    open_shop: Shop, connection: dbapi.Connection
) -> None:
    """`upper` is a function that only computes; this one, found first by the search path, does not."""
    _, cluster, database, _ = open_shop
    cluster.do(
        database,
        "CREATE FUNCTION public.upper(int) RETURNS int LANGUAGE sql AS 'DELETE FROM lines RETURNING 1'",
        # One that is called by the planner already, for it says that it is the same for ever.
        "CREATE FUNCTION public.lower(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
        "$$ BEGIN EXECUTE 'DELETE FROM lines'; RETURN 1; END $$",
    )
    for name in ("upper", "lower"):
        with pytest.raises(pg8000.dbapi.DatabaseError, match=r"read-only|non-volatile"):
            connection.cursor().execute(f"SELECT {name}(1)")
    assert cluster.ask(database, "SELECT count(*) FROM lines") == 500
    cluster.do(database, "DROP FUNCTION public.upper(int)", "DROP FUNCTION public.lower(int)")


def test_many_parameter_sets_are_one_act(open_shop: Shop, connection: dbapi.Connection) -> None:
    watch, cluster, database, _ = open_shop
    before = len(watch.of(Intent))
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO orders VALUES (%s, %s, %s)", [(1000 + n, 1, n) for n in range(20)])
    assert cursor.rowcount == 20
    connection.commit()
    assert len(watch.of(Intent)) == before + 1
    cursor.executemany("DELETE FROM orders WHERE id = %s", [(1000 + n,) for n in range(20)])
    connection.commit()
    assert cluster.ask(database, "SELECT count(*) FROM orders") == 500


def test_a_parameter_that_cannot_be_shown_is_not_sent(connection: dbapi.Connection) -> None:
    class Sly(str):
        """What a driver may write into the statement as it is."""

    with pytest.raises(dbapi.NotSupportedError):
        connection.cursor().execute("SELECT %s", (Sly("1; DROP TABLE lines"),))


def test_nothing_runs_while_standwatch_is_away(open_shop: Shop) -> None:
    watch, cluster, database, agent = open_shop
    gone = governed(watch, database, agent)
    gone._passage._asker.client._wire._place.port = 1  # type: ignore[attr-defined]
    with pytest.raises(dbapi.Unavailable):
        gone.cursor().execute("UPDATE orders SET total = 5 WHERE id = 5")
    gone.close()
    assert cluster.ask(database, "SELECT total FROM orders WHERE id = 5") == 5
