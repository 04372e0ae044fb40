"""`deferred`: what waits because too much was asked of people, and pulling one out of that queue."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli.show import advise, out, people, row, say, visible, when
from standwatch.cli.verbs import DONE, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("step", choices=("list", "ask", "drop"), nargs="?", default="list")
    parser.add_argument("id", metavar="ID", nargs="?", default="", help="the action's id, from the list")
    parser.add_argument(
        "--reason", default="", help="why it is not to be asked about; sealed beside the entry"
    )


def deferred(given: Namespace) -> int:
    """Show the queue of deferred acts, put one to people, or take one out of the way."""
    server = Server(organisation(given.org))
    if given.step == "list":
        return _list(given, server)
    if not given.id:
        raise Malformed(f"deferred {given.step} takes the ID of an action", cure="standwatch deferred list")
    body = {"reason": given.reason} if given.step == "drop" else {}
    found = server.post(f"/deferred/{segment(given.id)}/{given.step}", body)
    out(found) if given.json else say(visible(found["text"]))
    return DONE


def _list(given: Namespace, server: Server) -> int:
    found = server.get("/deferred")
    if given.json:
        out(found)
        return DONE
    lines(found, server.get("/status")["names"] if found else {})
    if not found:
        say("nothing is deferred")
    return DONE


def lines(found: list[dict[str, Any]], names: dict[str, str]) -> None:
    """One row for each act that waits, with the commands that pull it."""
    for one in found:
        room = people(one["room"], names) or "nobody"
        row(
            "defers",
            "restricted",
            visible(one["tool"]),
            visible(f"{one['system']}, by {one['by']}"),
            f"until {when(one['until'])}",
            visible(f"{one['code']}; has room: {room}"),
        )
        advise(visible(one["ask"]), visible(one["drop"]))


VERBS = (
    Verb(
        "deferred",
        "What waits because too much was asked: list it, ask about one, or drop one.",
        "standwatch deferred ask 0f5c2m7k1v8e3a9q4t6w2x0y5z",
        _arguments,
        deferred,
    ),
)
