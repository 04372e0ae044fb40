"""`break-glass`: a key in an envelope, for the night on which nobody who may can be reached."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from standwatch.cli import signing
from standwatch.cli.moments import instant, now
from standwatch.cli.show import advise, out, people, row, say, visible, when
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed, NotFound

SESSION = 30 * 60_000_000  # µs that an opening lasts


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    sealed = acts.add_parser("seal", help="make a key, and seal it for these people", parents=[common()])
    sealed.add_argument("--for", dest="people", nargs="+", required=True, metavar="PERSON")
    sealed.add_argument("--may", nargs="+", required=True, choices=("halt", "release", "relax"))
    sealed.add_argument("--systems", nargs="+", required=True, metavar="S")
    sealed.add_argument("--until", default="180d", metavar="TIME", help="when the seal ends (default: 180d)")
    sealed.add_argument(
        "--out", required=True, metavar="FILE", help="where the key goes: put it away from here"
    )
    sealed.add_argument("--reason", default="", help="what it is kept for")
    signing.arguments(sealed)
    opened = acts.add_parser("open", help="use it: once, loudly, for half an hour", parents=[common()])
    opened.add_argument("file", metavar="FILE")
    opened.add_argument("--reason", required=True, help="why; somebody else will review it")
    opened.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    drilled = acts.add_parser("drill", help="show that it would open, against nothing", parents=[common()])
    drilled.add_argument("file", metavar="FILE")
    review = acts.add_parser("review", help="say what an opening was for: somebody else", parents=[common()])
    review.add_argument("id", metavar="ID")
    review.add_argument("--reason", required=True, help="what you found")
    acts.add_parser("list", help="what is sealed, drilled, open, unreviewed", parents=[common()])


def break_glass(given: Namespace) -> int:
    """Do the act; what is sealed and what became of it is in the record."""
    server = Server(organisation(given.org))
    if given.act == "list":
        return _list(given, server)
    act = {"seal": _seal, "open": _open, "drill": _drill, "review": _review}[given.act]
    found = act(given, server)
    out(found) if given.json else say(visible(found["text"]))
    return DONE


def _seal(given: Namespace, server: Server) -> dict[str, Any]:
    from standwatch.facts.parts import glass_bytes
    from standwatch.keys import ed25519

    mine = signing.load_key(given)
    person = signing.whose(server, ed25519.public(mine), given.by)["id"]
    named = [_ident(server, one) for one in given.people]
    org = server.get("/break-glass")["org"]
    made = ed25519.make()
    terms: dict[str, Any] = {
        "key": ed25519.public(made),
        "people": named,
        "may": sorted(set(given.may)),
        "systems": given.systems,
        "until": instant(given.until),
    }
    may, systems = ", ".join(terms["may"]), ", ".join(given.systems)
    signing.confirm(given, f"Let {', '.join(named)} {may} on {systems}, once, until {when(terms['until'])}?")
    path = Path(given.out)
    ed25519.save(made, path, plain=True)
    try:
        signature = ed25519.sign(mine, glass_bytes(by=person, glass=-1, org=org, step="sealed", **terms))
        order = terms | {"by": person, "sig": signature, "reason": given.reason}
        found = server.post("/break-glass", order)
    except BaseException:
        path.unlink()  # a key that nothing is sealed with
        raise
    if not given.json:
        advise(f"{path} is the key: keep it away from this host, sealed, and drill it")
    return found


def _ident(server: Server, name: str) -> str:
    for person in server.get("/people"):
        if name.lower() in (person["id"], person["address"].lower()):
            return person["id"]
    raise NotFound(f"{name[:80]} is nobody of this organisation")


def _open(given: Namespace, server: Server) -> dict[str, Any]:
    if not given.reason.strip():
        raise Malformed("a reason is required: somebody else will review this", code="no_reason")
    one, order = _used(given, server, "opened", now() + SESSION - 1_000_000)
    return server.post(f"/break-glass/{one['id']}/open", order | {"reason": given.reason})


def _drill(given: Namespace, server: Server) -> dict[str, Any]:
    one, order = _used(given, server, "drilled", 0)
    return server.post(f"/break-glass/{one['id']}/drill", {name: order[name] for name in ("by", "sig")})


def _used(given: Namespace, server: Server, step: str, until: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which break-glass the file is the key of, and the signed order, under the name of who is at the keyboard."""
    from standwatch.facts.parts import glass_bytes
    from standwatch.keys import ed25519

    key = ed25519.load(Path(given.file))
    report = server.get("/break-glass")
    one = next((one for one in report["glasses"] if one["key"] == ed25519.public(key)), None)
    if one is None:
        raise NotFound(
            f"{given.file} is the key of no break-glass for you", cure="standwatch break-glass list"
        )
    if step == "opened":
        question = f"Open break-glass {one['id']} ({', '.join(one['may'])} on {', '.join(one['systems'])})?"
        signing.confirm(given, question)
    by = server.get("/whoami")["ident"]
    message = glass_bytes(
        by=by,
        glass=one["id"],
        key="",
        may=[],
        org=report["org"],
        people=[],
        step=step,
        systems=[],
        until=until,
    )
    return one, {"by": by, "until": until, "sig": ed25519.sign(key, message)}


def _review(given: Namespace, server: Server) -> dict[str, Any]:
    return server.post(f"/break-glass/{segment(given.id)}/review", {"reason": given.reason})


def _list(given: Namespace, server: Server) -> int:
    found = server.get("/break-glass")
    if given.json:
        out(found)
        return DONE
    for one in found["glasses"]:
        drilled = f"drilled {when(one['drilled'])}" if one["drilled"] else "never drilled"
        row(
            one["state"],
            "halted" if one["state"] in ("open", "unreviewed") else "supervised",
            f"break-glass {one['id']}",
            f"{', '.join(one['may'])} on {', '.join(one['systems'])}",
            f"for {people(one['people'], found['names'])}",
            f"until {when(one['session'] or one['until'])}, {drilled}",
        )
    if not found["glasses"]:
        say("no break-glass is sealed")
    return DONE


VERBS = (
    Verb(
        "break-glass",
        "A key in an envelope for a bad night: sealed, drilled, opened once, reviewed.",
        "standwatch break-glass open /media/envelope/key.pem --reason 'nobody with halt authority answers'",
        _arguments,
        break_glass,
    ),
)
