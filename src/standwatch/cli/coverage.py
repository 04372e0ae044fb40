"""`coverage`: a system's seams, what goes round them, and what this host has to say of it."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, cast

from standwatch.cli import signing
from standwatch.cli.moments import instant
from standwatch.cli.show import advise, out, paint, row, say, title, visible, when
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed, NotFound

_MOODS = {"certain": "bad", "likely": "warn", "possible": "warn", "unknown": "dim"}


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM", nargs="?", default="", help="default: each")
    parser.add_argument("--as-of", default="", metavar="T", help="as was known then: an entry or a time")
    parser.add_argument(
        "--host", action="store_true", help="look at this host: files, variables, sockets, hooks"
    )
    parser.add_argument(
        "--name", default="", metavar="HOST", help="what this host is called (default: its name)"
    )
    parser.add_argument("--project", default=".", metavar="DIR", help="a project to look at (default: here)")
    parser.add_argument(
        "--needs",
        default="",
        metavar="FILE",
        help="with --host, no server: what `coverage SYSTEM --json` said",
    )
    parser.add_argument(
        "--report", nargs="?", const="-", default="", metavar="FILE",
        help="tell the server: what was seen here, or what `--host --json` said elsewhere",
    )  # fmt: skip
    parser.add_argument(
        "--sign", action="store_true", help="as its validator: that this is all that goes round"
    )
    parser.add_argument("--until", default="90d", metavar="TIME", help="of what is signed (default: 90d)")
    signing.arguments(parser)


def coverage(given: Namespace) -> int:
    """Seams and ways round. Exit code 1 where a way round an irreversible tool is known."""
    if given.sign and not given.report:
        raise Malformed("what is signed is reported as well", cure="add --report")
    if given.host or given.report:
        return _host(given)
    server = Server(organisation(given.org), timeout=120.0)
    systems = [given.system] if given.system else [one["system"] for one in server.get("/status")["systems"]]
    found = [server.get(f"/systems/{segment(one)}/coverage", as_of=given.as_of) for one in systems]
    if given.json:
        out(found[0] if given.system else found)
    else:
        for one in found:
            _tell(one)
        if not found:
            say("no system is declared, or none that you may see")
    return NO if any(host["caps"] for one in found for host in one["hosts"]) else DONE


def _tell(one: dict[str, Any]) -> None:
    shares = (
        ", ".join(f"{count} {seam}" for seam, count in one["seams"].items()) or "nothing was asked for yet"
    )
    since = f" since entry {one['since']}" if one["since"] else ""
    say(
        f"{paint(visible(one['system']), 'bold')}  tier {one['tier']} wants {one['demands']}; by seam{since}: {shares}"
    )
    title("tools")
    for tool in one["tools"]:
        calls = ", ".join(
            f"{each['count']} by {each['seam']}, last {when(each['at'])}" for each in tool["calls"]
        )
        ways = f"goes round: {', '.join(tool['round'])}" if tool["round"] else ""
        row(tool["seam"], "bad" if ways else "", tool["name"], tool["effect"], calls or "never seen", ways)
    title("what is known from here")
    sightings(one["lines"])
    for host in one["hosts"]:
        title(f"host {host['host']}")
        by = one["names"].get(host["by"], host["by"])
        signed = (
            f"signed for by {one['names'].get(host['signer'], host['signer'])} until {when(host['until'])}"
        )
        row(
            "caps" if host["caps"] else "known", "bad" if host["caps"] else "",
            host["host"], f"entry {host['index']} by {by}, {when(host['at'])}", signed if host["signed"] >= 0 else "",
        )  # fmt: skip
        for tool, codes in host["ways"].items():
            advise(f"{tool}: {', '.join(codes)}")
        sightings(host["said"])


def sightings(found: list[dict[str, Any]]) -> None:
    """One line each: how sure, what, how it is known, and what helps."""
    for one in found:
        sure = one.get("sure", "certain")
        note = one["code"] == "note" and sure == "certain"
        row("note" if note else sure, "" if note else _MOODS.get(sure, ""), one["what"], one.get("where", ""))
        if one.get("cure"):
            advise(one["code"], one["cure"])


# --- this host ------------------------------------------------------------------------------------------------


def _host(given: Namespace) -> int:
    server = None if given.needs and not given.report else Server(organisation(given.org), timeout=120.0)
    if not given.system:
        raise Malformed("which system?", cure="standwatch coverage SYSTEM --host")
    sheet = _sheet(given, server)
    seen = _read_report(given.report) if given.report not in ("", "-") else _look(given, sheet)
    if given.json and not given.report:
        out(seen)
    elif not given.json:
        say(paint(visible(f"{given.system} on the host {seen['host']}"), "bold"))
        sightings(seen["sightings"])
        if not seen["sightings"]:
            say("nothing that goes round was found here")
    if given.report and server is not None:
        done = server.post(f"/systems/{segment(given.system)}/coverage", _order(given, server, sheet, seen))
        out(done) if given.json else say(visible(done["text"]))
    bad = [
        one for one in seen["sightings"] if one["code"] != "note" and one.get("sure", "certain") != "possible"
    ]
    return NO if bad else DONE


def _sheet(given: Namespace, server: Server | None) -> dict[str, Any]:
    if server is not None:
        return server.get(f"/systems/{segment(given.system)}/coverage")
    return _json(given.needs)


def _json(path: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    try:
        found = json.loads(text)
    except ValueError:
        raise Malformed(f"{path} is no JSON of `standwatch coverage`") from None
    if not isinstance(found, dict):
        raise Malformed(f"{path} is no JSON of `standwatch coverage SYSTEM`")
    return cast("dict[str, Any]", found)


def _read_report(path: str) -> dict[str, Any]:
    found = _json(path)
    if not isinstance(found.get("sightings"), list) or not isinstance(found.get("host"), str):
        raise Malformed(f"{path} is no report", cure="standwatch coverage SYSTEM --host --json > FILE")
    return found


def _look(given: Namespace, sheet: dict[str, Any]) -> dict[str, Any]:
    import msgspec

    from standwatch.cli.hook_states import states
    from standwatch.facts.coverage import Needs
    from standwatch.serve.host import look

    try:
        needs = msgspec.convert(sheet.get("needs"), Needs)
    except msgspec.ValidationError:
        raise Malformed(
            "that says nothing of what to look for", cure="standwatch coverage SYSTEM --json"
        ) from None
    found = look(Path.home(), Path(given.project), os.environ, states)
    return {
        "system": needs.system,
        "host": given.name or os.uname().nodename[:64],
        "sightings": msgspec.to_builtins(found.sightings(needs)),
    }


def _order(given: Namespace, server: Server, sheet: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    order = {"host": given.name or seen["host"], "sightings": seen["sightings"]}
    if not given.sign:
        return order
    signing.confirm(given, "Sign that nothing else goes round there?")
    return _signed(given, server, sheet, order)


def _signed(given: Namespace, server: Server, sheet: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    import msgspec

    from standwatch.facts.coverage import Sighting
    from standwatch.facts.parts import SALT_BYTES, commitment, coverage_bytes
    from standwatch.keys import ed25519
    from standwatch.watch.coverage import ways_of

    key = signing.load_key(given)
    person = signing.whose(server, public := ed25519.public(key), given.by)
    seen = msgspec.convert(order["sightings"], tuple[Sighting, ...])
    ways = ways_of({tool["name"]: tool["effect"] for tool in sheet["tools"]}, seen)
    salt, until = os.urandom(SALT_BYTES), instant(given.until)
    follows = next((one["index"] for one in sheet["hosts"] if one["host"] == order["host"]), -1)
    message = coverage_bytes(
        by=person["id"],
        envelope=sheet["envelope"],
        follows=follows,
        host=order["host"],
        org=sheet["org"],
        system=given.system,
        until=until,
        ways=[[way.tool, way.code, way.effect] for way in ways],
        why=commitment(salt, msgspec.json.encode(seen)),
    )
    signed = {"by": person["id"], "key": public, "sig": ed25519.sign(key, message)}
    return {**order, **signed, "until": until, "follows": follows, "salt": salt.hex()}


VERBS = (
    Verb(
        "coverage",
        "A system's seams, which of its tools go round them, and how that is known; or what this host shows.",
        "standwatch coverage payments-agent --host --report",
        _arguments,
        coverage,
    ),
)
