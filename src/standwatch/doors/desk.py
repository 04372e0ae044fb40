"""One call of a tool of the door, from its arguments to its answer, over one governed connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, cast

from standwatch.doors import dbapi
from standwatch.doors.catalogue import full_names
from standwatch.doors.database import Database, literal
from standwatch.doors.errors import InterfaceError, NotSupportedError, ProgrammingError
from standwatch.doors.held import Held
from standwatch.doors.measuring import Work, measure, one
from standwatch.doors.offer import COLUMNS, TABLES
from standwatch.doors.passing import Passage, shown_rows

MOST_ANSWER: Final = 1_000
"""Rows of an answer."""
Seat = tuple[Database, dbapi.Connection]


class Desk:
    """`opened` gives the connection, opened anew where the last one was lost. `held` behind the gateway, else None."""

    def __init__(self, opened: Callable[[], Seat], passage: Passage | None, held: Held | None) -> None:
        self._opened = opened
        self._passage = passage
        self._held = held

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer, for whoever called. Raises `errors.Error` of ours, and what the driver raises."""
        database, connection = self._opened()
        match name:
            case "query" | "execute":
                return self._run(connection, name, arguments)
            case "plan" if self._held is not None:
                return self._plan(database, arguments)
            case "tables":
                return self._look(database, name, {}, TABLES)
            case "describe":
                table = _text(arguments, "table")
                named = full_names(database, [table])[0].name
                quoted = ".".join('"' + part.replace('"', '""') + '"' for part in named.split("."))
                return self._look(database, name, {"table": table}, COLUMNS.format(name=literal(quoted)))
            case _:
                raise ProgrammingError(f"there is no tool {name[:60]!r}")

    def _run(self, connection: dbapi.Connection, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        text, parameters = _positional(_text(arguments, "statement"), arguments.get("parameters"))
        rows = arguments.get("rows")
        if rows is not None and (type(rows) is not int or rows < 0):
            raise ProgrammingError("rows is a number of rows")
        if self._held is not None:
            self._held.state(arguments)
        cursor = connection.cursor()
        cursor.at_most = rows
        try:
            connection.reads_only = name == "query"
            cursor.execute(text, parameters)
            connection.commit()
        except BaseException:
            if not connection.lost:
                connection.rollback()
            raise
        if cursor.description is None:
            return {"count": cursor.rowcount}
        found = cursor.fetchall()
        names = [str(column[0]) for column in cursor.description]
        return shown_rows(names, found, MOST_ANSWER)

    def _plan(self, database: Database, arguments: dict[str, Any]) -> dict[str, Any]:
        text, parameters = _positional(_text(arguments, "statement"), arguments.get("parameters"))
        try:
            found = measure(database, Work(text, one(database, text), [parameters]))
        finally:
            database.raw.rollback()
        return {
            "tool": "query" if found.effect == "read" else "execute",
            "effect": found.effect,
            "reads": list(found.reads),
            "writes": list(found.writes),
            "rows": found.rows,
            "triggers": list(found.triggers),
            "doubt": found.doubt,
        }

    def _look(self, database: Database, name: str, said: dict[str, Any], sql: str) -> dict[str, Any]:
        """A question of the door's own about the catalogue: judged as what it is called."""
        go = self._passage.ask_for(name, said) if self._passage is not None else None
        cursor = database.raw.cursor()
        try:
            cursor.execute(sql)
            found = shown_rows(
                [str(column[0]) for column in cursor.description], cursor.fetchall(), MOST_ANSWER
            )
        except BaseException as error:
            if go is not None and self._passage is not None:
                self._passage.tell(go, "error", {"error": type(error).__name__})
            raise
        finally:
            database.raw.rollback()
        if go is not None and self._passage is not None:
            self._passage.tell(go, "ok", found)
        return found


def _text(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ProgrammingError(f"{name} is missing")
    return value


_NUMBERED: Final = re.compile(r"\$(\d+)")


def _positional(text: str, parameters: Any) -> tuple[str, Any]:
    """`$1` stays as it is for the judge and for PostgreSQL; pg8000 takes the values in order of their numbers."""
    if parameters is None or parameters == []:
        return text, None
    if not isinstance(parameters, list):
        raise InterfaceError("parameters is a list")
    values = cast("list[Any]", parameters)
    if any(isinstance(value, dict | list) for value in values):
        raise NotSupportedError("a parameter is a plain value")
    return text, tuple(values)
