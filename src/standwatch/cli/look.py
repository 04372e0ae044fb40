"""`status`, `tail`, `diagnose`: what is, what happens, and what is wrong."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from standwatch.cli.moments import before, utc
from standwatch.cli.notify import channels
from standwatch.cli.show import advise, out, paint, people, row, say, table, title, visible, when
from standwatch.cli.verbs import DONE, NO, Verb
from standwatch.cli.wire import Server, organisation, segment


def _status_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--as-of", default="", metavar="T", help="an entry's number, or a time: 2026-11-20T08:00Z"
    )


def status(given: Namespace) -> int:
    """What may run alone, what is held, what waits, and why."""
    found = Server(organisation(given.org)).get("/status", as_of=given.as_of)
    if given.json:
        out(found)
    else:
        _tell(found)
    return DONE


def _tell(found: dict[str, Any]) -> None:
    names = found["names"]
    moment = f"as of {when(found['at'])} (entry {found['index']})" if found["past"] else when(found["now"])
    say(f"{paint(visible(found['organisation']), 'bold')}  {moment}")
    for text in found["warnings"]:
        say(paint(visible(text), "warn"))
    _systems(found["systems"], names)
    _watches(found.get("watches", []), names)
    _holds(found["holds"], names)
    _relaxations(found.get("relaxations", []), names)
    _questions(found["questions"], names)
    _deferred(found.get("deferred", []), names)
    _moving(found)
    channels(found.get("channels", []))
    log = found["log"]
    seams = ", ".join(f"{count} {seam}" for seam, count in found["seams"].items()) or "none yet"
    say(
        f"\nrecord: {log['size']} entries, {max(log['checkpoint'], 0)} signed"
        f"{'' if log['alive'] else ', CANNOT BE WRITTEN'}; {found['agents']} agents; seams: {seams}"
    )


def _systems(systems: list[dict[str, Any]], names: dict[str, str]) -> None:
    title("systems")
    for one in systems:
        until = f"until {when(one['until'])}" if one["until"] else ""
        owner = f"owner {people(one['owner'], names)}"
        watched = f"watched by {people(one['watch'], names)}" if one.get("watch") else ""
        row(one["level"], one["level"], one["system"], f"tier {one['tier']}", until, owner, watched)
        for reason in one["reasons"]:
            advise(reason["text"], reason["cure"])
        advise(f"tier {one['tier']}: {'; '.join(one.get('tier_reasons', ()))}")
        advise(f"tier {one['tier']} wants {one['demands']}")
        if one.get("seams"):
            whole = sum(one["seams"].values())
            shares = (f"{count / whole:.0%} {seam}" for seam, count in one["seams"].items())
            advise(f"by seam, lately: {', '.join(shares)}", f"standwatch coverage {one['system']}")
        for budget in one.get("spent", ()):
            advise(budget["text"])
        bypass = [f"{check} {micros / 60e6:.1f} min" for check, micros in one.get("bypass", {}).items()]
        if bypass:
            advise(
                f"in bypass in the last thirty days: {', '.join(bypass)}",
                f"standwatch relaxations {one['system']}",
            )
        for model in one["models"]:
            _model(model)
    if not systems:
        say("no system is declared, or none that you may see")


def _model(one: dict[str, Any]) -> None:
    said = [
        f"{one['model']}@{one['version']} serves"
        if one["version"]
        else f"no version of {one['model']} serves"
    ]
    if one.get("held"):
        said = [
            f"{one['model']}@{one['version']} is held by {', '.join(map(str, one['held']))}: its fallback answers"
        ]
    if one["canary"]:
        said.append(f"canary {one['canary']} {one['share'] / 100:g} %")
    if one["shadow"]:
        said.append(f"shadow {one['shadow']}")
    if one["pinned"]:
        said.append(f"pinned by hold {', '.join(map(str, one['pinned']))}")
    if one.get("rows"):
        said.append(f"{one['fallback'] / one['rows']:.1%} of the last {one['rows']} rows by the fallback")
    holds = [*one.get("held", []), *one["pinned"]]
    advise("; ".join(said), f"standwatch release {holds[0]} --reason …" if holds else "")


def _holds(holds: list[dict[str, Any]], names: dict[str, str]) -> None:
    if holds:
        title("holds")
        for one in holds:
            recorded = one["id"] >= 0
            number = f"hold {one['id']}" if recorded else "not recorded yet"
            until = f"until {when(one['until'])}" if one["until"] else ""
            by = f"by {people([one['by']], names)}, {when(one['at'])}"
            row("held", "halted", one["scope"], number, by, until)
            advise(
                one["reason"] or "no reason is kept",
                f"standwatch release {one['id']} --reason …" if recorded else "",
            )


def _watches(watches: list[dict[str, Any]], names: dict[str, str]) -> None:
    if watches:
        from standwatch.cli.watch import line

        title("watches")
        for one in watches:
            line(one, names)


def _relaxations(relaxations: list[dict[str, Any]], names: dict[str, str]) -> None:
    if relaxations:
        title("relaxed")
        for one in relaxations:
            row(
                "relaxed",
                "supervised",
                f"{one['check']} on {one['scope']}",
                f"{one['system']}, relaxation {one['id']}",
                f"until {when(one['until'])}",
                f"signed by {people(one['signed'], names)}",
            )
            advise(f"{one['compensating']} stands in: {one['reason'] or 'no reason is kept'}", one["restore"])


def _deferred(deferred: list[dict[str, Any]], names: dict[str, str]) -> None:
    if deferred:
        from standwatch.cli.budget import lines

        title("put off: too much was asked")
        lines(deferred, names)


def _questions(questions: list[dict[str, Any]], names: dict[str, str]) -> None:
    if questions:
        from standwatch.cli.answers import progress, stopped

        title("waiting for a signature")
        for one in questions:
            row(
                "asks",
                "supervised",
                one["tool"],
                f"{one['system']}, by {one['by']}",
                f"until {when(one['until'])}",
                progress(one, names),
            )
            if one.get("held"):
                advise(stopped(one["held"]))
            advise(one["approve"], one["refuse"])


def _moving(found: dict[str, Any]) -> None:
    if found["flights"]:
        title("in flight")
        table(
            ("action", "tool", "system", "since"),
            [(one["id"], one["tool"], one["system"], when(one["at"])) for one in found["flights"]],
            word="in flight",
        )
    if found["runs"]:
        title("open runs")
        table(
            ("run", "system", "principal", "opened"),
            [
                (
                    one["run"],
                    one["system"],
                    one["principal"],
                    when(one["at"]) + (" (implicit)" if one["implicit"] else "") + _elsewhere(one),
                )
                for one in found["runs"][:20]
            ],
            word="run",
        )


def _elsewhere(run: dict[str, Any]) -> str:
    place = run.get("second_place", -1)
    return f"; its token was used elsewhere (entry {place})" if place >= 0 else ""


def _tail_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="start", default="", metavar="N", help="from this entry on (negative: from the end)"
    )
    parser.add_argument("--no-follow", action="store_true", help="print what is there, then end")


def tail(given: Namespace) -> int:
    """Entries of the record as they are written."""
    server = Server(organisation(given.org), timeout=3600.0)
    if given.no_follow:
        start = given.start
        while lines := server.get("/entries", **{"from": start, "limit": "1000"}):
            for line in lines:
                _entry(line, given.json)
            start = str(lines[-1]["index"] + 1)
        return DONE
    rest = b""
    for piece in server.stream("/api/v1/entries/stream" + (f"?from={given.start}" if given.start else "")):
        *whole, rest = (rest + piece).split(b"\n")
        for text in whole:
            if text.startswith(b"data: "):
                _entry(json.loads(text[6:]), given.json)
    return DONE


def _entry(line: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(line, ensure_ascii=False), flush=True)
    else:
        print(
            f"{line['index']}\t{when(line['at'])}\t{visible(line['kind'])}\t{visible(line['text'])}",
            flush=True,
        )


def _diagnose_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "system",
        metavar="SYSTEM",
        nargs="?",
        default="",
        help="a system that decides; none: Standwatch itself",
    )
    parser.add_argument(
        "--since", default="1d", metavar="T", help="since when: 2h, 7d, 2026-12-01T08:00Z (default: 1d)"
    )
    parser.add_argument("--model", default="", metavar="NAME", help="one of its models (default: each)")


def diagnose(given: Namespace) -> int:
    """What to look at when something is wrong: here, or in what a system decides."""
    return _diagnose_system(given) if given.system else _diagnose_ourselves(given)


def _diagnose_system(given: Namespace) -> int:
    """Exit code 1 where a cause is claimed, or a version came or went."""
    path = f"/systems/{segment(given.system)}/diagnosis"
    server = Server(organisation(given.org), timeout=120.0)
    found = server.get(path, since=utc(before(given.since)), model=given.model)
    if given.json:
        out(found)
    else:
        for one in found:
            print(one["text"], end="")
    routes = {"deployed", "rollback", "canary", "end"}
    moved = any(change["what"] in routes for one in found for change in one["changes"])
    return NO if moved or any(one["diagnosis"].get("causes") for one in found) else DONE


def _diagnose_ourselves(given: Namespace) -> int:
    found = Server(organisation(given.org)).get("/diagnose")
    if given.json:
        out(found)
    else:
        for one in found:
            mark = paint("ok ", "good") if one["ok"] else paint("NOT", "bad")
            cure = f"  →  {visible(one['cure'])}" if one["cure"] and not one["ok"] else ""
            say(f"{mark} {visible(one['name'])}: {visible(one['text'])}{cure}")
    return DONE if all(one["ok"] for one in found) else NO


VERBS = (
    Verb(
        "status",
        "What may run alone, what is held, what waits for a signature, and why.",
        "standwatch status --as-of 2026-11-20T08:00Z",
        _status_arguments,
        status,
    ),
    Verb("tail", "The record as it is written.", "standwatch tail --from -50", _tail_arguments, tail),
    Verb(
        "diagnose",
        "What changed with a system's decisions, and the command that undoes it; or what ails Standwatch itself.",
        "standwatch diagnose mortgage --since 2h",
        _diagnose_arguments,
        diagnose,
    ),
)
