"""`notify`: who is told, what waits to be told, and a test of one channel."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli.show import advise, out, paint, row, say, title, visible, when
from standwatch.cli.verbs import DONE, UNABLE, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("act", choices=("list", "test"), help="list: channels and messages; test: send one")
    parser.add_argument("channel", metavar="CHANNEL", nargs="?", default="", help="for test: which channel")


def notify(given: Namespace) -> int:
    """Exit code 3 where a test did not arrive."""
    server = Server(organisation(given.org), timeout=60.0)
    if given.act == "list":
        found = server.get("/notifications")
        out(found) if given.json else _tell(found)
        return DONE
    if not given.channel:
        raise Malformed("which channel?", code="no_channel", cure="standwatch notify list")
    found = server.post(f"/notifications/{segment(given.channel)}/test")
    if given.json:
        out(found)
    elif found["state"] == "sent":
        said = f": {found['error']}" if found["error"] else ""
        say(f"{paint('sent', 'good')} a test through {visible(found['channel'])}{visible(said)}")
    else:
        say(f"{paint('not sent', 'bad')} through {visible(found['channel'])}: {visible(found['error'])}")
    return DONE if found["state"] == "sent" else UNABLE


def _tell(found: dict[str, Any]) -> None:
    if found["problem"]:
        say(paint(visible(f"not all of this survives a restart: {found['problem']}"), "warn"))
    channels(found["channels"])
    if not found["channels"]:
        say("nobody is told anything: standwatch.yaml has no notify.channels")
    if found["incidents"]:
        title("open")
    for one in found["incidents"]:
        told = ", ".join(one["told"]) or "nobody"
        row(one["severity"], "warn", one["title"], f"since {when(one['at'])}", f"told: {told}")
    if found["deliveries"]:
        title("messages")
    for one in found["deliveries"]:
        again = f"again {when(one['due'])}" if one["due"] else ""
        row(one["state"], "bad" if one["state"] == "dead" else "warn", one["channel"], one["title"], again)
        if one["error"]:
            advise(f"{one['attempts']} attempt(s), the last: {one['error']}")


def channels(found: list[dict[str, Any]]) -> None:
    """The channels of `status` and of `notify list`."""
    if found:
        title("who is told")
    for one in found:
        broken = one["problem"] or one["dead"] or one["error"]
        last = f"last {when(one['last'])}" if one["last"] else "nothing sent yet"
        waits = f"{one['waiting']} wait" if one["waiting"] else ""
        dead = f"{one['dead']} dead" if one["dead"] else ""
        word, colour = ("troubled", "bad") if broken else ("told", "good")
        row(word, colour, one["name"], f"{one['form']} to {one['to']}", last, waits, dead)
        if broken:
            advise(one["problem"] or one["error"], f"standwatch notify test {one['name']}")


VERBS = (
    Verb(
        "notify",
        "Who is told and what waits to be told; or send a test through one channel.",
        "standwatch notify test oncall",
        _arguments,
        notify,
    ),
)
