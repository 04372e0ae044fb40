"""`halt` and `release`. A halt works with the server down, and on a full disk."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from standwatch.cli.moments import instant, now
from standwatch.cli.show import out, paint, say, visible
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, Unreachable, organisation, segment, state_folder
from standwatch.facts.errors import Malformed
from standwatch.respond.scope import parse

_PATIENCE = 5.0  # seconds before a server counts as not answering


def _halt_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "scope",
        metavar="SCOPE",
        help="system:NAME, tool:SERVER.TOOL, agent:NAME, run:ID, vendor:NAME, … or all",
    )
    parser.add_argument("--reason", required=True, help="why; the next person on call reads it")
    parser.add_argument(
        "--until",
        default="",
        metavar="TIME",
        help="end by itself: 2h, 2026-12-01, … (default: until released)",
    )


def halt(given: Namespace) -> int:
    """Stop a scope: one act, no approval."""
    scope = str(parse(given.scope))
    if not given.reason.strip():
        raise Malformed("a reason is required", code="no_reason")
    until = instant(given.until) if given.until else 0
    org = organisation(given.org)
    order = {"scope": scope, "reason": given.reason, "until": until}
    try:
        found = Server(org, _PATIENCE).post("/holds", order)
    except Unreachable as error:
        found = _mark(org, scope, given.reason, until, str(error))
    if given.json:
        out(found)
    else:
        _tell(found)
    return NO if found.get("warning") else DONE


def _mark(org: Path, scope: str, reason: str, until: int, trouble: str) -> dict[str, Any]:
    """Nobody answers: leave a marker that the server reads before it opens its doors, and knock once more."""
    import os
    import pwd

    from standwatch.keys.markers import write_marker

    account = pwd.getpwuid(os.geteuid()).pw_name
    at = now()
    write_marker(state_folder(org), scope, f"@{account}", at, reason=reason, until=until)
    try:  # it may have come up meanwhile
        taken = bool(Server(org, _PATIENCE).post("/markers").get("taken"))
    except Unreachable:
        taken = False
    return {
        "hold": -1,
        "scope": scope,
        "at": at,
        "recorded": taken,
        "marker": True,
        "server": "" if taken else trouble,
        "in_flight": [],
    }


def _tell(found: dict[str, Any]) -> None:
    scope = visible(found["scope"])
    if found.get("marker"):
        say(f"{paint('halted', 'halted')} {scope}: written to disk")
        if found["recorded"]:
            say("  and in force: the server has come up and taken it")
        else:
            say("  the server is down, so nothing passes now; the hold is in force before it opens again")
            say(f"  {visible(found['server'])}")
        return
    where = (
        f"hold {found['hold']}"
        if found["recorded"]
        else "in memory and on disk: the record cannot be written now"
    )
    say(f"{paint('halted', 'halted')} {scope} ({where})")
    if found.get("covers"):
        say(f"  touches {visible(', '.join(found['covers']))}")
    for one in found["in_flight"]:
        word = "cancelled" if one["cancelled"] else paint("not cancelled", "warn")
        outcome = one["outcome"] or "unknown yet"
        say(f"  in flight: {visible(one['tool'])} {one['id']} {word}, outcome {outcome}")
    if found.get("warning"):
        say(paint(f"  {visible(found['warning'])}", "warn"))
    if found.get("release"):
        say(f"  to lift it: {found['release']}")


def _release_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("hold", metavar="HOLD", help="the hold's number, from halt or status")
    parser.add_argument("--reason", required=True, help="why it may run again")


def release(given: Namespace) -> int:
    """Lift one hold. Its holder may, or the scope's halt authority."""
    found = Server(organisation(given.org)).post(
        f"/holds/{segment(given.hold)}/release", {"reason": given.reason}
    )
    if given.json:
        out(found)
    else:
        say(visible(found["text"]))
    return DONE


VERBS = (
    Verb(
        "halt",
        "Stop a scope now. Needs no approval; works with the server down.",
        "standwatch halt system:payments-agent --reason 'pays unknown recipients'",
        _halt_arguments,
        halt,
    ),
    Verb(
        "release",
        "Lift a hold of yours, or one you have authority over.",
        "standwatch release 17 --reason 'payee list corrected'",
        _release_arguments,
        release,
    ),
)
