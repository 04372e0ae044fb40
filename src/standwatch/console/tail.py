"""Live tail: the record's latest entries, sifted, paged without a script and followed with one. And one entry whole."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.facts.errors import NotFound
from standwatch.fronts.control_live import SIFT, EntryLine, Sift, sift_of

ROWS: Final = 50
"""Entries on one page, and rows that the live tail keeps."""


class TailView(msgspec.Struct, frozen=True):
    """Entries, the latest first. `older` and `newest` are queries of this page; "" where there is nothing older."""

    entries: tuple[EntryLine, ...]
    sift: Sift
    older: str
    newest: str
    seen: int
    live: str
    """Where the entries behind these come from; "" where the page does not follow the record."""
    kinds: tuple[str, ...]


_KINDS: Final = (
    "act.",
    "act.asked",
    "act.denied",
    "act.decided",
    "act.intent",
    "act.outcome",
    "ctl.",
    "ctl.hold",
)


async def tail(ask: Ask) -> TailView:
    """The latest entries, or those before `before`."""
    query = {name: value for name, value in ask.query.items() if value}
    before = query.pop("before", "")
    if ask.as_of and not before:
        before = str((await ask.status()).index + 1)
    sift = sift_of(query)
    found = await ask.ops.latest(ask.who, before, str(ROWS), sift)
    lines = tuple(msgspec.structs.replace(one, text=said(one)) for one in found.entries)
    at = {"as_of": ask.as_of} if ask.as_of else {}
    older = urlencode({**query, **at, "before": found.next}) if found.next > 0 else ""
    begin = found.entries[0].index + 1 if found.entries else found.next + found.seen
    following = "" if before else "/tail/stream?" + urlencode({**query, "from": max(begin, 0)})
    return TailView(lines, sift, older, urlencode({**query, **at}), found.seen, following, _KINDS)


def said(line: EntryLine) -> str:
    """The sentence without the action's id at its end, which the command line sets apart by two spaces."""
    ident = line.entry.get("id", "")
    return line.text.removesuffix(f"  {ident}") if ident else line.text


class EntryView(msgspec.Struct, frozen=True):
    """One entry, as it stands in the record."""

    line: EntryLine
    text: str
    """Its members as JSON, indented."""
    action: str
    run: str
    system: str


async def entry(ask: Ask) -> EntryView:
    """Entry `index`."""
    number = ask.names["index"]
    if not (number.isascii() and number.isdecimal()) or len(number) > 15:
        raise NotFound(f"{number[:40]} is no index of the record", cure="GET /tail")
    found = await ask.ops.entries(ask.who, number, "1")
    if not found:
        raise NotFound(f"the record has no entry {number} yet", cure="GET /tail")
    whole = found[0].entry
    text = msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()
    acts = found[0].kind.startswith("act.")
    return EntryView(
        found[0], text, whole.get("id", "") if acts else "", whole.get("run", ""), whole.get("system", "")
    )


TAIL = Page("/tail", "tail", "Live tail", tail, query=("before", *SIFT), menu="Tail", key="l")
ENTRY = Page("/entries/{index}", "entry", "Entry", entry, past=False)
