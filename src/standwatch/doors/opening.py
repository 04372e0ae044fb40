"""A connection of the door's own: a DSN to pg8000, the driver that `standwatch[postgres]` brings."""

from __future__ import annotations

import shlex
import ssl
import sys
from functools import cache
from typing import Any, Final, NamedTuple, cast
from urllib.parse import parse_qs, unquote, urlsplit

from standwatch.facts.errors import Malformed, Unavailable

PATIENCE: Final = 10.0
"""Seconds in which a connection is there."""
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Dsn(NamedTuple):
    """`postgresql://USER:PASSWORD@HOST:PORT/DATABASE[?host=SOCKETFOLDER&sslmode=disable]`."""

    user: str
    password: str
    host: str
    port: int
    database: str
    socket: str = ""
    """The folder of a Unix socket, instead of a host."""
    plain: bool = False
    """Without TLS, though not on this host."""

    @property
    def place(self) -> str:
        """`postgresql://HOST:PORT/DATABASE`, as environments recognise it; without a credential."""
        return f"postgresql://{self.host}:{self.port}/{self.database}"


def read_dsn(text: str) -> Dsn:
    """Raises `Malformed` for what is no DSN. INVARIANT: its words never hold the password."""
    cure = "standwatch door postgres --help"
    try:
        parts = urlsplit(text)
        port = parts.port or 5432
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise Malformed(
            "a DSN such as postgresql://user@host:5432/database was expected", cure=cure
        ) from None
    unknown = options.keys() - {"host", "sslmode"}
    modes = options.get("sslmode", ["verify-full"])
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("postgresql", "postgres") or not parts.username or not name or unknown:
        raise Malformed("a DSN such as postgresql://user@host:5432/database was expected", cure=cure)
    if modes[-1] not in ("disable", "verify-full"):
        raise Malformed("sslmode is verify-full or disable: the others do not check who answers", cure=cure)
    socket = options.get("host", [""])[-1]
    return Dsn(
        unquote(parts.username),
        unquote(parts.password or ""),
        parts.hostname or "localhost",
        port,
        name,
        socket,
        modes[-1] == "disable",
    )


def connected(dsn: Dsn, patience: float = PATIENCE) -> Any:
    """A connection of pg8000. Raises `Malformed` where the driver is not installed, `Unavailable` where there is no
    connection to be had."""
    try:
        make = _single()
        import pg8000.exceptions
    except ImportError:
        raise Malformed(
            "the driver is not installed",
            code="no_driver",
            cure=f"{shlex.quote(sys.executable)} -m pip install pg8000",
        ) from None
    secure = not (dsn.socket or dsn.plain or dsn.host in _LOCAL)
    where: dict[str, Any] = (
        {"unix_sock": f"{dsn.socket}/.s.PGSQL.{dsn.port}"}
        if dsn.socket
        else {"host": dsn.host, "port": dsn.port}
    )
    try:
        raw = make(
            user=dsn.user,
            password=dsn.password or None,
            database=dsn.database,
            timeout=patience,
            ssl_context=ssl.create_default_context() if secure else False,
            application_name="standwatch-door",
            **where,
        )
    except (pg8000.exceptions.DatabaseError, pg8000.exceptions.InterfaceError, OSError) as error:
        raise Unavailable(
            f"no connection to {dsn.place} as {dsn.user}: {_reason(error)}",
            cure="psql with the same DSN says whether it is the server, the role or the password",
        ) from None
    raw.autocommit = False
    # The wait was for the handshake; a statement's own time is the role's statement_timeout.
    raw._usock.settimeout(None)
    return raw


def _reason(error: Exception) -> str:
    """The server's own sentence (its message's field M), or the system's."""
    told = error.args[0] if error.args else ""
    return str(cast("dict[str, Any]", told).get("M", "refused") if isinstance(told, dict) else error)


@cache
def _single() -> Any:
    """pg8000's connection, whose statements with parameters (an empty tuple too) go by the extended protocol as they
    are: the server itself then takes one statement alone, and `$1` stays what was judged. Without, as pg8000 does."""
    import pg8000.dbapi

    driver: Any = pg8000.dbapi

    class Cursor(driver.Cursor):
        def execute(self, operation: str, args: Any = None, stream: Any = None) -> Any:
            if args is None:
                return driver.Cursor.execute(self, operation)
            if not self._c._in_transaction:
                self._c.execute_simple("begin transaction")
            self._context = self._c.execute_unnamed(operation, vals=args)
            self._row_iter = None if self._context.rows is None else iter(self._context.rows)
            return self

    class Connection(driver.Connection):
        one_statement = True

        def cursor(self) -> Any:
            return Cursor(self)

    return Connection
