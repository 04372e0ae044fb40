"""A role has the rights of its manifest and no others: real roles in a real PostgreSQL."""

from __future__ import annotations

import pytest

from standwatch.doors.database import Database
from standwatch.doors.dbapi import family
from standwatch.doors.rights import Rights, declared, excess, grants, most, verify
from standwatch.facts.configuration import Tool
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.facts.rules import ArgumentRule
from support.postgres import SHOP, cluster

RIGHTS = Rights(("public.*",), ("public.orders", "public.lines"), ("INSERT", "UPDATE"))
READING = Tool("db.query", "read", {"reads": ArgumentRule(each_of=("public.*", "pg_catalog.*"))})
CHANGING = Tool(
    "db.execute",
    "irreversible",
    {
        "reads": ArgumentRule(each_of=("public.orders",)),
        "writes": ArgumentRule(each_of=("public.orders",)),
        "kind": ArgumentRule(one_of=("UPDATE", "TRUNCATE", "SELECT")),
        "rows": ArgumentRule(max=7),
    },
)


def test_rights_are_read_off_the_tools() -> None:
    assert declared([READING, CHANGING], "db") == Rights(
        ("pg_catalog.*", "public.*", "public.orders"), ("public.orders",), ("UPDATE", "TRUNCATE")
    )
    assert declared([READING], "db").kinds == ()
    assert declared([READING], "other") == Rights((), (), ())
    assert (most([CHANGING], "execute", 100), most([READING], "query", 100)) == (7, 100)


def test_a_tool_that_does_not_say_its_tables_has_no_role() -> None:
    with pytest.raises(Malformed, match="which tables it writes"):
        declared([Tool("db.execute", "irreversible", {"reads": ArgumentRule(each_of=())})], "db")


@pytest.mark.parametrize("pattern", ["orders", "public.ord*", "*", "*.orders"])
def test_what_cannot_be_granted_is_said(pattern: str) -> None:
    with pytest.raises(Malformed, match="cannot be granted"):
        grants(Rights((pattern,), (), ()), "r", "d")


def test_names_are_quoted() -> None:
    sql = grants(Rights(('pub"lic.a;b',), (), ()), 'x"; DROP ROLE y; --', "d")
    assert 'CREATE ROLE "x""; DROP ROLE y; --" ' in sql
    assert '"pub""lic"."a;b"' in sql


@pytest.fixture(scope="module")
def role() -> tuple[str, str]:
    database = cluster().fresh(*SHOP)
    name = f"exact_{database}"
    cluster().do(database, *grants(RIGHTS, name, database).splitlines())
    return database, name


def found(database: str, role: str) -> list[str]:
    raw = cluster().connect(database, role)
    try:
        return excess(Database(raw, family(raw)), RIGHTS)
    finally:
        raw.close()


def test_the_role_that_is_granted_has_exactly_its_rights(role: tuple[str, str]) -> None:
    database, name = role
    assert found(database, name) == []
    raw = cluster().connect(database, name)
    cursor = raw.cursor()
    cursor.execute("UPDATE orders SET total = 1 WHERE id = 1")
    cursor.execute("INSERT INTO lines (of_order) VALUES (1)")
    for statement in (
        "DELETE FROM orders WHERE id = 1",
        "DROP TABLE lines",
        "TRUNCATE orders",
        "UPDATE customers SET name = ''",
    ):
        cursor.execute("SAVEPOINT s")
        with pytest.raises(Exception, match="42501"):
            cursor.execute(statement)
        cursor.execute("ROLLBACK TO s")
    cursor.execute("SHOW statement_timeout")
    assert cursor.fetchone()[0] == "30s"
    raw.close()


@pytest.mark.parametrize(
    ("more", "less", "word"),
    [
        ("ALTER ROLE {} BYPASSRLS", "ALTER ROLE {} NOBYPASSRLS", "goes round row security"),
        ("ALTER ROLE {} CREATEROLE", "ALTER ROLE {} NOCREATEROLE", "may make roles"),
        ("ALTER ROLE {} SUPERUSER", "ALTER ROLE {} NOSUPERUSER", "is a superuser"),
        ("GRANT pg_read_server_files TO {}", "REVOKE pg_read_server_files FROM {}", "a member of pg_read_server_files"),
        ("GRANT pg_execute_server_program TO {}", "REVOKE pg_execute_server_program FROM {}", "member of pg_exec"),
        ("GRANT DELETE ON audit TO {}", "REVOKE DELETE ON audit FROM {}", "may DELETE public.audit"),
        ("GRANT TRUNCATE ON orders TO {}", "REVOKE TRUNCATE ON orders FROM {}", "may TRUNCATE public.orders"),
        ("ALTER TABLE audit OWNER TO {}", "ALTER TABLE audit OWNER TO boss", "owns public.audit"),
        ("GRANT CREATE ON SCHEMA public TO {}", "REVOKE CREATE ON SCHEMA public FROM {}", "make things in schema"),
        (
            "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {}",
            "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM {}",
            "may call pg_read_file",
        ),
    ],
)  # fmt: skip
def test_every_right_too_many_is_found(role: tuple[str, str], more: str, less: str, word: str) -> None:
    database, name = role
    cluster().do(database, more.format(name))
    try:
        assert any(word in one for one in found(database, name)), found(database, name)
        raw = cluster().connect(database, name)
        with pytest.raises(Forbidden) as refused:
            verify(Database(raw, family(raw)), RIGHTS, "the command")
        raw.close()
        assert refused.value.cure == "the command"
    finally:
        cluster().do(database, less.format(name))
    assert found(database, name) == []
