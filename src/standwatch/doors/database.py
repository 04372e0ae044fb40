"""A driver's connection, for what the door itself asks of the database. Nothing here is of the statement's own text."""

from __future__ import annotations

import json
from typing import Any, Final, cast

from standwatch.doors.errors import Family, InterfaceError

POINT: Final = "standwatch_door"
"""The name of our savepoint."""


class Database:
    """`raw` is a PEP 249 connection to PostgreSQL, outside autocommit. `errors` make exceptions of its driver's kind.

    Raises `InterfaceError` where the session reads literals otherwise than we do.
    """

    def __init__(self, raw: Any, errors: Family) -> None:
        self.raw = raw
        self.alone: tuple[Any, ...] = ((),) if getattr(raw, "one_statement", False) else ()
        """What makes a driver of ours send a statement without parameters such that the server takes one alone."""
        self.errors = errors

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a question of ours is answered."""
        cursor = self.raw.cursor()
        try:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def say(self, sql: str) -> None:
        """A command of ours."""
        cursor = self.raw.cursor()
        try:
            cursor.execute(sql)
        finally:
            cursor.close()

    def explain(self, statement: str, parameters: Any) -> dict[str, Any]:
        """PostgreSQL's plan of `statement`, not carried out. INVARIANT: one statement, by its own lexer."""
        cursor = self.raw.cursor()
        try:
            said = f"EXPLAIN (VERBOSE, FORMAT JSON) {statement}"
            if parameters is None:
                cursor.execute(said, *self.alone)
            else:
                cursor.execute(said, parameters)
            found: Any = cursor.fetchall()[0][0]
        finally:
            cursor.close()
        plan: Any = json.loads(found) if isinstance(found, str | bytes) else found
        return cast("dict[str, Any]", plan[0]["Plan"])

    def session(self) -> str:
        """Where it is, as the server has it. Raises `InterfaceError` where settings change what text means."""
        asked = (
            "SELECT current_setting('standard_conforming_strings'), current_setting('client_encoding'), "
            "coalesce(host(inet_server_addr()), 'localhost'), current_setting('port'), current_database(), "
            "current_setting('track_counts'), current_setting('server_version_num')::int"
        )
        strings, encoding, host, port, name, counts, version = self.rows(asked)[0]
        if strings != "on" or encoding != "UTF8" or counts != "on":
            raise self.errors.error(
                InterfaceError,
                "this door needs standard_conforming_strings and track_counts on, and UTF8 as client_encoding: "
                "without them it would not see what a statement does",
            )
        if version < 140000:
            raise self.errors.error(InterfaceError, "this door needs PostgreSQL 14 or later")
        return f"postgresql://{host}:{port}/{name}"


def literal(text: str) -> str:
    """`text` as a literal of standard SQL (`standard_conforming_strings` is on, see `Database.session`)."""
    return "'" + text.replace("'", "''") + "'"
