"""`session list|end`: who has signed in in a browser, and an end to it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli.show import out, say, table, visible, when
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import NotFound


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="list|end")
    acts.add_parser("list", help="open sessions: your own, or everybody's", parents=[common()])
    ended = acts.add_parser("end", help="end one at once", parents=[common()])
    ended.add_argument("session", metavar="SESSION", help="its name, or how that begins")


def session(given: Namespace) -> int:
    """List sessions, or end one."""
    server = Server(organisation(given.org))
    found = server.get("/sessions")
    if given.act == "end":
        one = _one(found, given.session)
        ended = server.post(f"/sessions/{segment(one['session'])}/end", {})
        out(ended) if given.json else say(visible(ended["text"]))
    elif given.json:
        out(found)
    else:
        _list(found)
    return DONE


def _list(found: list[dict[str, Any]]) -> None:
    if not found:
        say("nobody has signed in")
        return
    table(
        ("session", "person", "since", "last used", "until", "with"),
        [
            (
                one["session"][:12],
                visible(one["person"]),
                when(one["at"]),
                when(one["used"]),
                when(one["until"]),
                visible(one["issuer"]) or f"passkey {visible(one['credential'][:12])}…",
            )
            for one in found
        ],
    )


def _one(found: list[dict[str, Any]], begin: str) -> dict[str, Any]:
    matching = [one for one in found if begin and one["session"].startswith(begin)]
    if len(matching) != 1:
        many = "more than one session begins" if matching else "no open session begins"
        raise NotFound(f"{many} with {visible(begin)!r}", cure="standwatch session list")
    return matching[0]


VERBS = (
    Verb(
        "session",
        "List who has signed in in a browser, or end a session.",
        "standwatch session end 5e5e5e5e5e5e",
        _arguments,
        session,
    ),
)
