"""`door postgres`: a governed way to a PostgreSQL database, as an MCP server; and the role that it connects as."""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standwatch.cli.show import out, say
from standwatch.cli.verbs import DONE, Verb
from standwatch.cli.wire import organisation
from standwatch.facts.errors import Malformed, NotFound

if TYPE_CHECKING:
    from standwatch.doors.desk import Seat
    from standwatch.doors.opening import Dsn
    from standwatch.doors.rights import Rights
    from standwatch.facts.configuration import Tool

_SOURCE = re.compile(r"\$\{([^}]+)\}")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kind", choices=["postgres"], help="which database")
    parser.add_argument("act", nargs="?", choices=["serve", "grant", "check"], default="serve", metavar="ACT")
    parser.add_argument("--system", required=True, metavar="NAME", help="the system whose door it is")
    parser.add_argument(
        "--name", required=True, metavar="COMPONENT", help="the door's component in its manifest"
    )
    parser.add_argument(
        "--dsn",
        default="",
        metavar="SOURCE",
        help="postgresql://USER@HOST/DATABASE, or where it stands: ${NAME}, ${file:…}, ${keyring:…}, ${sealed:…}",
    )
    parser.add_argument(
        "--url", default="", metavar="URL", help="the agents' listener (default: as standwatch.yaml says)"
    )
    parser.add_argument(
        "--judged", action="store_true", help="the gateway starts it, and has judged every call"
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=None,
        metavar="N",
        help="rows a statement may change where it does not say",
    )
    parser.add_argument(
        "--returned", type=int, default=None, metavar="N", help="rows it may return, likewise"
    )
    parser.add_argument(
        "--also", action="append", default=[], metavar="TABLE", help="a table that triggers may change"
    )
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="how long to wait for a person's answer"
    )
    parser.add_argument("--role", default="", metavar="ROLE", help="grant: the role to make")
    parser.add_argument(
        "--database", default="", metavar="NAME", help="grant: the database it may connect to"
    )
    parser.add_argument("--apply", action="store_true", help="grant: carry it out, connected by --dsn")


def door(given: Namespace) -> int:
    """`serve` (the default) speaks MCP on stdio, `grant` prints the role's SQL, `check` compares role and manifest."""
    from standwatch.doors.rights import declared, grants

    org = organisation(given.org)
    tools = _tools(org, given)
    rights = declared(tools, given.name)
    match given.act:
        case "grant":
            return _grant(
                given,
                org,
                grants(rights, given.role or f"{given.system}_{given.name}", _database(given, org)),
            )
        case "check":
            _verified(_dsn(given, org), rights, given)
            out({"role": "as declared"}) if given.json else say(
                "the role may do what its manifest says, and no more"
            )
            return DONE
        case _:
            return _serve(given, org, tools, rights)


def _tools(org: Path, given: Namespace) -> list[Tool]:
    from standwatch.declare.configuration import declare
    from standwatch.store.folder import read_folder

    systems = declare(read_folder(org)).configuration.systems
    if given.system not in systems:
        raise NotFound(f"no manifest declares {given.system}", cure="standwatch check")
    found = [tool for tool in systems[given.system].manifest.tools.values() if tool.server == given.name]
    if not found:
        raise NotFound(
            f"{given.system} has no tools of {given.name}",
            cure=f"see docs/door-postgres.md: {given.name}.query",
        )
    return found


def _source(text: str, org: Path) -> str:
    """A value that stands elsewhere. Raises `Malformed`; INVARIANT: no message holds the value."""
    named = _SOURCE.fullmatch(text)
    if named is None:
        return text
    from standwatch.declare.configuration import declare
    from standwatch.keys.sources import Sources
    from standwatch.serve.place import place_of
    from standwatch.store.folder import read_folder

    place = place_of(org, declare(read_folder(org)).configuration.organisation)
    try:
        return Sources(os.environ, org, place.sealed)[named[1]]
    except KeyError:
        raise Malformed(
            f"nothing stands at {text}", code="no_secret", cure="standwatch secret set NAME"
        ) from None


def _dsn(given: Namespace, org: Path) -> Dsn:
    from standwatch.doors.opening import read_dsn

    if not given.dsn:
        raise Malformed("--dsn is needed", cure="--dsn '${sealed:NAME}'")
    found = read_dsn(_source(given.dsn, org))
    if found.password and not _SOURCE.fullmatch(given.dsn):
        raise Malformed(
            "a password on the command line is seen by all",
            code="password",
            cure="standwatch secret set NAME, and --dsn '${sealed:NAME}'",
        )
    return found


def _database(given: Namespace, org: Path) -> str:
    if given.database or not given.dsn:
        if not given.database:
            raise Malformed("--database is needed", cure="--database NAME")
        return str(given.database)
    return _dsn(given, org).database


def _grant(given: Namespace, org: Path, sql: str) -> int:
    if given.apply:
        from standwatch.doors.opening import connected

        raw = connected(_dsn(given, org))
        try:
            cursor = raw.cursor()
            for statement in sql.splitlines():
                cursor.execute(statement)
            raw.commit()
        finally:
            raw.close()
    out({"sql": sql, "applied": given.apply}) if given.json else say(sql.rstrip())
    return DONE


def _verified(dsn: Dsn, rights: Rights, given: Namespace) -> Any:
    """A connection whose role has no more rights than are declared."""
    from standwatch.doors.database import Database
    from standwatch.doors.dbapi import family
    from standwatch.doors.opening import connected
    from standwatch.doors.rights import verify

    raw = connected(dsn)
    try:
        database = Database(raw, family(raw))
        database.session()
        cure = f"standwatch door postgres grant --system {given.system} --name {given.name} --database {dsn.database}"
        verify(database, rights, cure)
        raw.rollback()
    except BaseException:
        raw.close()
        raise
    return raw


def _serve(given: Namespace, org: Path, tools: list[Tool], rights: Rights) -> int:
    from standwatch.cli.serving import agents_url
    from standwatch.client import Client
    from standwatch.doors import dbapi
    from standwatch.doors.database import Database
    from standwatch.doors.desk import Desk
    from standwatch.doors.errors import Family
    from standwatch.doors.held import Held
    from standwatch.doors.opening import connected
    from standwatch.doors.passing import Asker, Passage
    from standwatch.doors.rights import most
    from standwatch.doors.server import Server, serve

    dsn = _dsn(given, org)
    errors = Family(None)
    held, passage = (Held(errors), None) if given.judged else (None, None)
    if held is None:
        token = os.environ.get("STANDWATCH_TOKEN", "")
        if not token:
            cure = f"standwatch agent add NAME --system {given.system}"
            raise Malformed("a token is needed in $STANDWATCH_TOKEN", code="no_token", cure=cure)
        client = Client(given.url or agents_url(org), token)
        passage = Passage(Asker(client, given.system, given.name, dsn.place, given.wait), errors)
    limits = dbapi.Limits(
        given.rows if given.rows is not None else most(tools, "execute", 100),
        given.returned if given.returned is not None else most(tools, "query", 1_000),
        given.also,
    )
    seats: list[Seat] = []

    def opened() -> Seat:
        if seats and seats[0][1].lost:
            seats.clear()
        if not seats:
            database = Database(_verified(dsn, rights, given), errors)
            judge = passage or held
            assert judge is not None
            seats.append((database, dbapi.Connection(database, judge, limits, lambda: connected(dsn))))
        return seats[0]

    opened()  # a role that may do too much is no door: it is said before anybody calls

    def write(data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    return serve(Server(Desk(opened, passage, held), judged=given.judged), sys.stdin.buffer, write)


VERBS = (
    Verb(
        "door",
        "A governed way to a database: an MCP server that holds its password and asks before each statement.",
        "standwatch door postgres --system ledger --name db --dsn '${sealed:ledger-db}'",
        _arguments,
        door,
    ),
)
