"""`deferred`, `vigilance`, `revalidate`: what waits because too much was asked of people, and how they look at it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli import signing
from standwatch.cli.show import advise, out, people, row, say, visible, when
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed, NotFound


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


def _vigilance_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM", nargs="?", default="")


def vigilance(given: Namespace) -> int:
    """Show how watchful those are who approve. Ends with 1 where somebody has lost the right to."""
    from urllib.parse import quote

    query = f"?system={quote(given.system, safe='')}" if given.system else ""
    report = Server(organisation(given.org)).get(f"/vigilance{query}")
    lost = any(not one["may"] for one in report["people"])
    if given.json:
        out(report)
        return NO if lost else DONE
    rate = f"one question in {report['one_in']} brings a decoy along" if report["one_in"] else "no decoys"
    say(visible(f"{report['system'] or 'every system'}: {rate}"))
    for one in report["people"]:
        row(
            "answers" if one["may"] else "lost",
            "autonomous" if one["may"] else "halted",
            visible(people([one["person"]], report["names"])),
            f"asked {one['asked']} ({one['hour']} of {one['cap']} this hour)",
            f"approved {one['approved']}, refused {one['refused']}",
            f"looked {span(one)}",
        )
        tried = f"{one['caught']} caught, {one['fell']} approved, {one['decoys']} in all"
        if one["latest"]:
            tried += (
                f"; {100 * one['share']:.0f} % of the last {len(one['latest'])}, "
                f"which may mean {100 * one['low']:.0f} to {100 * one['high']:.0f} %"
            )
        advise(f"decoys: {tried}", visible(one["revalidate"]))
    return NO if lost else DONE


def span(one: dict[str, Any]) -> str:
    """How long somebody usually looks."""
    begin, end = one["median_from"] / 1000, one["median_to"] / 1000
    if not begin and not end:
        return "for a time that nobody knows"
    return f"{begin:g} to {end:g} s" if end else f"longer than {begin:g} s"


def _revalidate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("person", metavar="PERSON", help="an opaque id, from vigilance")
    parser.add_argument("--reason", default="", help="why they may answer again; sealed, and signed along")
    signing.arguments(parser)


def revalidate(given: Namespace) -> int:
    """Sign that somebody who approved a decoy may answer again."""
    import secrets

    from standwatch.facts.parts import commitment, revalidation_bytes
    from standwatch.keys import ed25519

    server = Server(organisation(given.org))
    report = server.get("/vigilance")
    known = next((one for one in report["people"] if one["person"] == given.person), None)
    if known is None or known["may"]:
        raise NotFound(f"{given.person} has not lost the right to answer", cure="standwatch vigilance")
    reason, salt = given.reason.strip(), secrets.token_bytes(32)
    if not reason:
        raise Malformed("a reason is required: what was talked over", code="no_reason")
    signing.confirm(given, f"Let {given.person} answer again, after entry {known['lost']}?")
    key = signing.load_key(given)
    public = ed25519.public(key)
    by = signing.whose(server, public, given.by)["id"]
    why = commitment(salt, reason.encode())
    message = revalidation_bytes(
        by=by, follows=known["lost"], org=report["org"], person=given.person, why=why
    )
    order = {
        "reason": reason,
        "salt": salt.hex(),
        "follows": known["lost"],
        "by": by,
        "key": public,
        "sig": ed25519.sign(key, message),
    }
    found = server.post(f"/people/{segment(given.person)}/revalidation", order)
    out(found) if given.json else say(visible(found["text"]))
    return DONE


VERBS = (
    Verb(
        "deferred",
        "What waits because too much was asked: list it, ask about one, or drop one.",
        "standwatch deferred ask 0f5c2m7k1v8e3a9q4t6w2x0y5z",
        _arguments,
        deferred,
    ),
    Verb(
        "vigilance",
        "How watchful those are who approve: what they were asked, how they answered, and decoys.",
        "standwatch vigilance payments-agent",
        _vigilance_arguments,
        vigilance,
    ),
    Verb(
        "revalidate",
        "Give somebody who approved a decoy the right to answer back: a validator's signature.",
        "standwatch revalidate p-olga --reason 'went through her last ten answers together'",
        _revalidate_arguments,
        revalidate,
    ),
)
