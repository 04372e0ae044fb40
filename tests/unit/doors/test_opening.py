"""What a DSN says, and what it never lets be read."""

from __future__ import annotations

import pytest

from standwatch.doors.opening import Dsn, connected, read_dsn
from standwatch.facts.errors import Malformed
from support.postgres import cluster


def test_a_dsn_is_read() -> None:
    assert read_dsn("postgresql://u%40x:p%2Fw@db.example:6432/sh%20op?sslmode=disable") == Dsn(
        "u@x", "p/w", "db.example", 6432, "sh op", plain=True
    )
    assert read_dsn("postgres://u@/d?host=/run/pg").socket == "/run/pg"
    assert read_dsn("postgresql://u:secret@h/d").place == "postgresql://h:5432/d"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "mysql://u:secret@h/d",
        "postgresql://:secret@h/d",
        "postgresql://u:secret@h/",
        "postgresql://u:secret@h:port/d",
        "postgresql://u:secret@h/d?sslmode=require",
        "postgresql://u:secret@h/d?options=-crole%3Dboss",
        "postgresql://u:secret@[h/d",
    ],
)
def test_what_is_none_is_said_without_its_password(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_dsn(text)
    assert "secret" not in f"{refused.value}{refused.value.cure}"


@pytest.mark.parametrize("socket", [False, True])
def test_the_doors_own_driver_sends_one_statement_alone_and_leaves_parameters_where_they_are(
    socket: bool,
) -> None:
    dsn = Dsn("boss", "", "127.0.0.1", cluster().port, "postgres", str(cluster().folder) if socket else "")
    raw = connected(dsn)
    cursor = raw.cursor()
    cursor.execute("SELECT $2::text || $1, '%s %(x)s :y ?'", ("b", "a"))
    assert [tuple(row) for row in cursor.fetchall()] == [("ab", "%s %(x)s :y ?")]
    with pytest.raises(Exception, match="cannot insert multiple commands"):
        cursor.execute("SELECT 1; SELECT 2", ())
    raw.rollback()
    assert raw.autocommit is False
    raw.close()
