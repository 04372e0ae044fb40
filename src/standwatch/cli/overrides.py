"""`override` and `overrides`: one decision's outcome changed by a named person, and how often that happens."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any, Final

from standwatch.cli.moments import now
from standwatch.cli.show import out, paint, say, table, title, visible, when
from standwatch.cli.verbs import DONE, Verb
from standwatch.cli.wire import Server, organisation, segment
from standwatch.facts.errors import Malformed

_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def _override_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "decision", metavar="ID[/ROW]", help="the decision: its entry's number or its id, and the row (0)"
    )
    parser.add_argument("--outcome", required=True, metavar="WORD", help="the outcome it shall have")
    parser.add_argument("--reason", required=True, help="why; it is sealed beside the entry")


def override(given: Namespace) -> int:
    """Change the outcome of one decision. The original stays in the record, and so does every override."""
    ident, _, row = given.decision.partition("/")
    if not ident or not (row or "0").isdecimal():
        raise Malformed(f"{given.decision!r} names no decision: expected ID or ID/ROW")
    order = {"outcome": given.outcome, "reason": given.reason}
    path = f"/decisions/{segment(ident)}/{segment(row or '0')}/override"
    found = Server(organisation(given.org)).post(path, order)
    if given.json:
        out(found)
        return DONE
    say(visible(found["text"]), f"  entry {found['index']}, {when(found['at'])}")
    back = found["former"] or "''"
    say(f"  to take it back: standwatch override {found['decision']} --outcome {visible(back)} --reason …")
    return DONE


def _overrides_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="SYSTEM")
    parser.add_argument(
        "--since", default="", metavar="TIME", help="30d, 12h, or a time with its zone (default: 7d)"
    )


def overrides(given: Namespace) -> int:
    """Who overrode how often, day by day, and the rows over which people disagree."""
    found = Server(organisation(given.org)).get(
        f"/systems/{segment(given.system)}/overrides", since=_since(given.since)
    )
    out(found) if given.json else _tell(found)
    return DONE


def _since(text: str) -> str:
    """A span ago as an RFC 3339 time; anything else is the server's to read."""
    found = _SPAN.fullmatch(text)
    if found is None:
        return text
    ago = int(found[1]) * _SECONDS[found[2]]
    return f"{datetime.fromtimestamp(max(0, now() // 1_000_000 - ago), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _tell(found: dict[str, Any]) -> None:
    names: dict[str, str] = found["names"]
    of = f" of {found['decided']} decided ({found['per_cent']:g} %)" if found["decided"] >= 0 else ""
    say(
        f"{paint(visible(found['system']), 'bold')}  {found['total']} override(s) of {found['rows']} row(s){of} "
        f"since {when(found['since'])}"
    )
    if not found["total"]:
        return
    title("by person")
    table(
        ("person", "overrides", "rows", "undone by others", "days"),
        [_rate(one, names) for one in found["people"]],
    )
    title("by day")
    table(("day", "overrides"), [(day, str(count)) for day, count in found["days"].items()])
    title("latest")
    heads = ("entry", "when", "decision", "outcome", "before", "by", "why")
    table(heads, [_line(one, names) for one in found["latest"]])
    if found["chains"]:
        title("overridden more than once")
        table(("decision", "model", "overrides", "by"), [_chain(one, names) for one in found["chains"]])


def _rate(one: dict[str, Any], names: dict[str, str]) -> tuple[str, ...]:
    counts = (str(one[key]) for key in ("overrides", "rows", "undone", "days"))
    return (names.get(one["by"], str(one["by"])), *counts)


def _line(one: dict[str, Any], names: dict[str, str]) -> tuple[str, ...]:
    outcome = one["outcome"] if one["stands"] else f"({one['outcome']})"
    by = names.get(one["by"], str(one["by"]))
    return str(one["index"]), when(one["at"]), one["decision"], outcome, one["former"], by, one["why"]


def _chain(one: dict[str, Any], names: dict[str, str]) -> tuple[str, ...]:
    people = ", ".join(names.get(by, str(by)) for by in one["people"])
    return one["decision"], one["model"], ", ".join(map(str, one["overrides"])), people


VERBS = (
    Verb(
        "override",
        "Change the outcome of one decision, where its manifest lets you.",
        "standwatch override 4711/3 --outcome approved --reason 'income was entered per year'",
        _override_arguments,
        override,
    ),
    Verb(
        "overrides",
        "Who overrode decisions of a system, how often, and over what people disagree.",
        "standwatch overrides mortgage --since 30d",
        _overrides_arguments,
        overrides,
    ),
)
