"""`replay`: the record of past runs against a changed organisation folder, before that has force."""

from __future__ import annotations

import base64
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from standwatch.cli.show import out, paint, say, visible, when
from standwatch.cli.sources import open_source
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, Unreachable, organisation


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", default="", metavar="SYSTEM", help="one system (default: all)")
    parser.add_argument("--with", dest="changed", required=True, metavar="ORG", help="the changed folder")
    parser.add_argument(
        "--since", default="", metavar="T", help="acts from a time, or an entry's number, on (default: all)"
    )
    parser.add_argument(
        "--export", default="", metavar="PATH", help="an export to read instead of the organisation's record"
    )


def replay(given: Namespace) -> int:
    """Judge what is recorded once more under the folder given, and tell what would have gone otherwise."""
    from standwatch.store.folder import read_folder

    files = read_folder(Path(given.changed))
    found = _live(files, given) if not given.export else None
    if found is None:
        found = _offline(files, given)
    out(found) if given.json else _tell(found)
    return NO if any(_widens(one) for one in found["replayed"]["differing"]) else DONE


def _live(files: dict[str, bytes], given: Namespace) -> dict[str, Any] | None:
    """What a running server answers; None where none runs."""
    server = Server(organisation(given.org), timeout=1_200.0)
    body = {
        "files": {path: base64.b64encode(data).decode() for path, data in files.items()},
        "since": given.since,
        "system": given.system,
    }
    try:
        return server.post("/replay", body)
    except Unreachable:
        return None


def _offline(files: dict[str, bytes], given: Namespace) -> dict[str, Any]:
    from msgspec import to_builtins

    from standwatch.fronts.control_replay import ReplayOrder
    from standwatch.serve.replaying import replay as replayed

    with open_source(given.export, given.org) as (source, _):
        return to_builtins(replayed(source, ReplayOrder(files, given.since, given.system)))


def _widens(one: dict[str, Any]) -> bool:
    return _WEIGHT[one["after"]] < _WEIGHT[one["before"]]


_WEIGHT = {"allowed": 0, "asked": 1, "refused": 2}


def _tell(found: dict[str, Any]) -> None:
    told = found["replayed"]
    colour = "warn" if found["direction"] == "wider" else "good"
    say(f"{paint(found['direction'], colour)} than what is in force: root {found['root'][:16]}")
    say(*(f"  {visible(one)}" for one in found["differences"]))
    end = f" (entries {told['start']} to {told['end']})"
    say(f"{told['judged']} acts judged, {told['same']} as they went{end}")
    for one in told["differing"]:
        word = paint("WIDER", "warn") if _widens(one) else paint("tighter", "good")
        rule = f"  {visible(one['rule'])}" if one["rule"] else ""
        say(f"{word}  {visible(one['tool'])}: {one['before']} → {one['after']}, {one['count']} times{rule}")
        for each in one["examples"][:3]:
            why = each["now"] or each["was"]
            say(f"    {each['id']}  {when(each['at'])}  {visible(why)[:160]}")
    for why, count in told["unknown"].items():
        say(paint(f"{count} not judged: {why}", "warn"))
    if told["doubtful"]:
        say(
            paint(f"{told['doubtful']} judged with less than was known: what their runs read is gone", "warn")
        )
    if told["otherwise"]:
        say(
            f"{told['otherwise']} went another way than the rules of their time alone explain: budgets, holds, people"
        )
    if told["left_off"]:
        say(paint("there was more than is judged at once: give --since", "warn"))


VERBS = (
    Verb(
        "replay",
        "Judge past runs under a changed folder: what would be refused, asked or let through.",
        "standwatch replay --with changed --since 2026-11-01T00:00Z payments-agent",
        _arguments,
        replay,
    ),
)
