"""SQL that takes away more than rows, opens up, or reaches out; read as each dialect may read it."""

import pytest

from standwatch.enforce.idioms.sql import danger


@pytest.mark.parametrize(
    "text",
    [
        "drop table orders",
        "SELECT 1; TRUNCATE orders",
        "DELETE FROM orders",
        "DELETE FROM orders WHERE 1 = 1",
        "DELETE FROM orders WHERE id = 3 OR true",
        "UPDATE users SET admin = true",
        "DROP/* */TABLE orders",
        "SELECT 'a\\' ; DROP TABLE orders --'",
        "SELECT 1 /* /* */ ' */ DROP TABLE orders; -- '",
        "GRANT ALL ON orders TO public",
        "CREATE USER x WITH PASSWORD 'y'",
        "COPY orders TO PROGRAM 'nc x 1'",
        "SELECT pg_read_file('/etc/passwd')",
        "EXEC xp_cmdshell 'id'",
        "SELECT * FROM users INTO OUTFILE '/tmp/x'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE C AS 'lib'",
        "SELECT 'never closed",
    ],
)
def test_somebody_looks(text: str) -> None:
    assert danger(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM orders WHERE note = 'drop table orders'",
        "DELETE FROM orders WHERE id = 3",
        "UPDATE orders SET paid = true WHERE id = 3",
        'SELECT "drop" FROM [events] -- truncate',
        "INSERT INTO log (what) VALUES ('GRANT ALL')",
        "SELECT truncate(price, 2) FROM goods WHERE 1 < 2",
        "CREATE TABLE t (id int)",
        "WITH r AS (SELECT 1) SELECT * FROM r",
        "SELECT $tag$ ; drop shipping $tag$",
    ],
)
def test_nobody_is_asked(text: str) -> None:
    assert danger(text) == ""
