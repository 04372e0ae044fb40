"""`suggest`: a manifest drafted from what servers list, for a person to decide over."""

from __future__ import annotations

import re
import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from standwatch.cli.configuration import read
from standwatch.cli.show import out, paint, say, visible
from standwatch.cli.upstreams import ask
from standwatch.cli.verbs import DONE, UNABLE, Verb
from standwatch.cli.wire import Unreachable
from standwatch.facts.errors import Conflict, NotFound, StandwatchError

if TYPE_CHECKING:
    from standwatch.facts.configuration import Component, Configuration, System

NOBODY = "decide@nobody.invalid"
"""Stands for people whom nobody has named: a system of theirs is restricted."""

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63})=(.+)", re.DOTALL)
_UNSAID = ("mcp-server-", "server-", "mcp-")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "system", metavar="SYSTEM", help="the system to draft, or one whose new tools to draft"
    )
    parser.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="[NAME=]CMD",
        help="a command that starts an MCP server; may be given several times",
    )
    parser.add_argument(
        "--url", action="append", default=[], metavar="[NAME=]URL", help="an MCP server that is reached so"
    )
    parser.add_argument("--out", default="", metavar="FILE", help="write it there, if nothing is there yet")


def suggest(given: Namespace) -> int:
    """Start the servers, list their tools, and draft what a manifest would say of them; nothing is granted."""
    from standwatch.declare.suggest import draft_system, draft_tools

    configuration = _configuration(Path(given.org))
    known = configuration.systems.get(given.system) if configuration is not None else None
    servers = (
        *(_server(one, url=False) for one in given.server),
        *(_server(one, url=True) for one in given.url),
    )
    if not servers:
        servers = _declared(given.system, known)
    listed, silent = ask(
        servers, Path(given.org).resolve(), configuration.organisation if configuration else None
    )
    if silent and not any(listed.values()):
        told = "; ".join(f"{visible(name)}: {visible(why)}" for name, why in silent.items())
        raise Unreachable(
            f"no server answered, so nothing was drafted ({told})",
            cure="start it by hand once and see what it says, then standwatch suggest again",
        )
    if known is not None:
        declared = frozenset(known.manifest.tools)
        text = "\n".join(draft_tools(listed, declared)) + "\n"
    else:
        text = draft_system(given.system, _people(configuration), servers, listed)
    _tell(given, text, silent)
    return UNABLE if silent else DONE


def _configuration(org: Path) -> Configuration | None:
    return read(org).configuration if (org / "standwatch.yaml").is_file() else None


def _declared(name: str, system: System | None) -> tuple[Component, ...]:
    if system is None:
        raise NotFound(f"no manifest declares {name}", cure=f"standwatch suggest {name} --server CMD")
    return tuple(one for one in system.manifest.components if one.kind == "mcp_server")


def _server(said: str, *, url: bool) -> Component:
    from standwatch.facts.configuration import Component

    named = _NAMED.fullmatch(said)
    name, rest = (named[1], named[2]) if named else ("", said)
    if url:
        host = re.sub(r"^https?://|[:/?#].*$", "", rest)
        return Component(kind="mcp_server", name=name or _plain(host), url=rest)
    try:
        command = tuple(shlex.split(rest))
    except ValueError as error:
        raise StandwatchError(
            f"{said!r} is no command: {error}", code="invalid", cure="standwatch suggest --help"
        ) from None
    return Component(kind="mcp_server", name=name or _plain(_telling(command)), command=command)


def _telling(command: tuple[str, ...]) -> str:
    """The word of a command that says which server it is: a module or a script rather than its interpreter."""
    words = [Path(one).stem for one in command if not one.startswith("-")]
    telling = [one for one in words if not re.fullmatch(r"(python|node|npx|uvx|uv|bash|sh|env)[\d.]*", one)]
    return next(iter(telling or words), "server")


def _plain(name: str) -> str:
    found = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_").lower()
    for start in _UNSAID:
        found = found.removeprefix(start) or found
    return found[:64] or "server"


def _people(configuration: Configuration | None) -> tuple[str, str]:
    people = configuration.organisation.people if configuration is not None else ()
    owner = next((one.address for one in people if "admin" in one.roles), NOBODY)
    return owner, next((one.address for one in people if one.address != owner), NOBODY)


def _tell(given: Namespace, text: str, silent: dict[str, str]) -> None:
    decide = text.count("# decide")
    if given.out:
        try:
            with Path(given.out).open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise Conflict(
                f"{given.out} is there already", cure="another --out, or none to see the draft"
            ) from None
    if given.json:
        out({"system": given.system, "draft": text, "decide": decide, "silent": silent, "file": given.out})
        return
    if not given.out:
        sys.stdout.write(text)
        for name, why in silent.items():
            print(f"{visible(name)} did not answer: {visible(why)}", file=sys.stderr)
        return
    say(
        f"{paint('drafted', 'good')} {given.out}: {decide} things to decide; until then nothing in it may be called"
    )
    say(*(paint(f"  {visible(name)} did not answer: {visible(why)}", "warn") for name, why in silent.items()))


VERBS = (
    Verb(
        "suggest",
        "Draft a manifest from what MCP servers list; it grants nothing until somebody decides.",
        "standwatch suggest notes-agent --server 'notes=npx @example/notes-server'",
        _arguments,
        suggest,
    ),
)
