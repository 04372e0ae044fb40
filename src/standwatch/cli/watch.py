"""`watch`: who has which watch; take one over what is open, give it to somebody, end it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli import signing
from standwatch.cli.moments import instant
from standwatch.cli.show import advise, out, people, row, say, table, title, visible, when
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed, Tampered

_COLOURS = {"attended": "good", "ending": "warn", "unattended": "bad", "off": "dim"}


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("list", "take", "hand-over", "end"), default="list")
    parser.add_argument("name", nargs="?", default="", metavar="WATCH", help="which, of standwatch.yaml")
    parser.add_argument(
        "--until", default="", metavar="TIME", help="when it ends by itself: 8h, 2026-12-01T06:00Z …"
    )
    parser.add_argument("--to", default="", metavar="PERSON", help="hand-over: who is to take it")
    parser.add_argument("--reason", default="", help="end: why; nobody asks for one")
    signing.arguments(parser)


def watch(given: Namespace) -> int:
    """Ends with 1 where a watch is missing somebody, and where a hand-over waits for the other person."""
    server = Server(organisation(given.org))
    if given.what == "list":
        return _list(given, server)
    if not given.name:
        raise Malformed(f"watch {given.what} takes the name of a watch", cure="standwatch watch list")
    match given.what:
        case "take":
            return _take(given, server)
        case "hand-over":
            return _give(given, server)
        case _:
            found = server.post(f"/watch/{segment(given.name)}/end", {"reason": given.reason})
            out(found) if given.json else say(visible(found["text"]))
            return DONE


def _list(given: Namespace, server: Server) -> int:
    if given.name:
        sheet = server.get(f"/watch/{segment(given.name)}")
        out(sheet) if given.json else _show(sheet)
        return DONE
    report = server.get("/watch")
    missing = any(one["state"] in ("unattended", "ending") for one in report["watches"])
    if given.json:
        out(report)
        return NO if missing else DONE
    for one in report["watches"]:
        line(one, report["names"])
    if not report["watches"]:
        say("no watch is declared: watch in standwatch.yaml")
    return NO if missing else DONE


def line(one: dict[str, Any], names: dict[str, str]) -> None:
    """One watch: who has it, until when, and the command where somebody should take it."""
    who = people([one["person"]], names) if one["person"] else "nobody"
    row(
        one["state"],
        _COLOURS[one["state"]],
        one["name"],
        who,
        f"until {when(one['until'])}" if one["until"] else "",
        f"over {', '.join(one['systems'])}",
        f"wanted {one['hours']}" if one["hours"] else "",
    )
    if one["unacknowledged"] and one["person"]:
        advise(f"begun since: relaxation {', '.join(map(str, one['unacknowledged']))}")
    if one["offer"]:
        offer = one["offer"]
        advise(
            f"{people([offer['giver']], names)} gives it to {people([offer['to']], names)}",
            f"standwatch watch take {one['name']}",
        )
    elif one["state"] in ("unattended", "ending"):
        advise(
            f"may be taken by {people(one['people'], names)}",
            f"standwatch watch take {one['name']} --until 8h",
        )


def _show(sheet: dict[str, Any]) -> None:
    """The list that is signed, whole."""
    line(sheet["watch"], sheet["names"])
    title("open")
    if not sheet["open"]:
        say("  nothing is open: no hold, no relaxation, no approval, nothing put off")
        return
    table(
        ("what", "entry", "about", "until", "because"),
        [
            (one["kind"], str(one["index"]), one["what"], when(one["until"]), one["text"])
            for one in sheet["open"]
        ],
    )


def _take(given: Namespace, server: Server) -> int:
    sheet, person, key = _looked(given, server, "Take")
    offer: dict[str, Any] = sheet["watch"]["offer"] or {}
    mine = offer.get("to") == person and not given.until
    until: int = offer["until"] if mine else _until(given, sheet)
    giver: str = offer["giver"] if mine else ""
    sig = _signed(sheet, key, by=person, taker=person, giver=giver, until=until)
    order = _order(sheet, until) | {"by": person, "giver": giver, "sig": sig}
    found = server.post(f"/watch/{segment(given.name)}/take", order)
    out(found) if given.json else say(visible(found["text"]))
    return DONE


def _give(given: Namespace, server: Server) -> int:
    if not given.to:
        raise Malformed("watch hand-over takes --to PERSON", cure="standwatch watch list")
    to = _resolved(server, given.to)
    sheet, person, key = _looked(given, server, "Give")
    until = _until(given, sheet)
    sig = _signed(sheet, key, by=person, taker=to, giver=person, until=until)
    order = _order(sheet, until) | {"by": person, "to": to, "sig": sig}
    found = server.post(f"/watch/{segment(given.name)}/hand-over", order)
    if given.json:
        out(found)
    else:
        say(visible(found["text"]))
        advise("for the other person", f"standwatch watch take {given.name}")
    return NO


def _looked(given: Namespace, server: Server, verb: str) -> tuple[dict[str, Any], str, Any]:
    """What is open, shown and confirmed; who signs; and their key."""
    from standwatch.keys import ed25519

    sheet = server.get(f"/watch/{segment(given.name)}")
    if _digest(sheet) != sheet["shown"]:
        raise Tampered("the list shown is not the one that would be signed", cure="standwatch verify")
    if not given.json:
        _show(sheet)
    signing.confirm(given, f"{verb} the watch {given.name}, having seen this?")
    key = signing.load_key(given)
    return sheet, signing.whose(server, ed25519.public(key), given.by)["id"], key


def _digest(sheet: dict[str, Any]) -> str:
    from hashlib import sha256

    from standwatch.facts.canonical import canonical

    names = ("index", "kind", "until", "what")
    return sha256(canonical([{name: one[name] for name in names} for one in sheet["open"]])).hexdigest()


def _signed(sheet: dict[str, Any], key: Any, *, by: str, taker: str, giver: str, until: int) -> str:
    from standwatch.facts.parts import watch_bytes
    from standwatch.keys import ed25519

    message = watch_bytes(
        by=by,
        follows=sheet["follows"],
        giver=giver,
        org=sheet["org"],
        shown=sheet["shown"],
        systems=sheet["watch"]["systems"],
        taker=taker,
        until=until,
        watch=sheet["watch"]["name"],
    )
    return ed25519.sign(key, message)


def _order(sheet: dict[str, Any], until: int) -> dict[str, Any]:
    seen = [f"{one['kind']}:{one['index']}" for one in sheet["open"]]
    return {"until": until, "follows": sheet["follows"], "shown": sheet["shown"], "seen": seen}


def _until(given: Namespace, sheet: dict[str, Any]) -> int:
    """As asked; else for as long as the watch may be kept, a minute less."""
    if given.until:
        return instant(given.until)
    return int(sheet["at"]) + (int(sheet["watch"]["longest"]) - 60) * 1_000_000


def _resolved(server: Server, name: str) -> str:
    lower = name.lower()
    for one in server.get("/people"):
        if lower in (one["id"], one["address"].lower()):
            return str(one["id"])
    raise Malformed(f"{name[:80]} is nobody of standwatch.yaml", cure="standwatch watch list")


VERBS = (
    Verb(
        "watch",
        "Who has which watch; take one over what is open, hand it over, end it.",
        "standwatch watch take night --until 8h",
        _arguments,
        watch,
    ),
)
