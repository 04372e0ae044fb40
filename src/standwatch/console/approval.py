"""The page on which a person signs: the action from its own bytes, whole, and beside it what is known about it."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.console.sheet import Sheet, compared, sheet
from standwatch.facts.errors import StandwatchError
from standwatch.fronts.control_ports import EndorsableLine, QuestionSheet
from standwatch.fronts.control_sheet import Origin, Standing

LONG: Final = 1_200
"""Characters of a text that stand without a box of their own; what is longer has one that scrolls."""
LINES: Final = 20
"""Likewise lines."""


class Signs(msgspec.Struct, frozen=True):
    """What a signature is over, by name (`facts.parts.approval_bytes`); `decision`, `by` and `head` come with it."""

    context: str
    members: dict[str, str]


class Vouching(msgspec.Struct, frozen=True):
    """A value that people may vouch for instead of the call. `body` is what the page asks a passkey for; `mine` says
    whether the signature of whoever looks would count."""

    line: EndorsableLine
    body: str
    mine: bool


class ApprovalView(msgspec.Struct, frozen=True):
    """One question as its approver sees it. `problems` are reasons to sign nothing."""

    ident: str
    standing: Standing
    asked: QuestionSheet | None
    gone: str
    """Why the action cannot be shown; "" where it can."""
    sheet: Sheet | None = None
    problems: tuple[str, ...] = ()
    origins: dict[str, Origin] = {}
    vouching: dict[str, Vouching] = {}
    """By JSON pointer of the argument."""
    odd: tuple[str, ...] = ()
    """Where something is odd: names of arguments, pointers further in."""
    signs: Signs = Signs("", {})
    may_approve: bool = False
    may_refuse: bool = False
    why_not: str = ""
    """Why whoever looks may not answer; "" where they may."""
    passkeys: int = 0
    """Live passkeys of whoever looks."""
    names: dict[str, str] = {}
    long: int = LONG
    lines: int = LINES


async def view(ask: Ask) -> ApprovalView:
    """The page of question `id`, open or over."""
    ident = ask.names["id"]
    standing = await ask.ops.standing(ask.who, ident, ask.as_of)
    try:
        asked = await ask.ops.inquiry(ask.who, ident, ask.as_of)
    except StandwatchError as error:
        if error.code in ("forbidden", "unauthenticated"):
            raise
        return ApprovalView(ident, standing, None, str(error))
    question = asked.question
    first = asked.around.first if asked.around else ()
    shown = await asyncio.to_thread(sheet, asked.action, first)  # a large action takes its time
    problems = (
        *shown.problems,
        *compared(
            shown,
            digest=question.digest,
            org=asked.org,
            ident=question.id,
            system=question.system,
            tool=question.tool,
        ),
    )
    approve, refuse, why_not = _rights(ask, standing, question.signers)
    return ApprovalView(
        ident=ident,
        standing=standing,
        asked=asked,
        gone="",
        sheet=shown,
        problems=problems,
        origins={one.pointer: one for one in asked.around.origins} if asked.around else {},
        vouching=_vouching(ask, asked, allowed=refuse and not problems),
        odd=_odd(shown),
        signs=_signs(asked, shown),
        may_approve=approve and not problems,
        may_refuse=refuse,
        why_not=why_not,
        passkeys=await _passkeys(ask) if refuse else 0,
        names=asked.names,
    )


def _rights(ask: Ask, standing: Standing, signers: tuple[str, ...]) -> tuple[bool, bool, str]:
    """Whether whoever looks may approve, may refuse, and if neither, why."""
    if ask.as_of:
        return False, False, "This is a moment of the past: nothing can be answered in it."
    ended = standing.state == "endorsed" and ask.now >= standing.until
    if standing.state not in ("open", "approved", "endorsed") or ended:
        return False, False, standing.text
    if ask.who.ident == "anonymous":
        return False, False, "You have not signed in."
    if ask.who.ident not in signers:
        return False, False, "You were not asked."
    return ask.who.ident in standing.next, True, ""


def _odd(shown: Sheet) -> tuple[str, ...]:
    """Where a value or a name has a notice, or its reading a warning."""
    return tuple(
        row.pointer.removeprefix("/")
        for row in shown.arguments
        if (row.text is not None and row.text.notices)
        or (row.name is not None and row.name.notices)
        or (row.reading is not None and row.reading.warns)
    )


def _vouching(ask: Ask, asked: QuestionSheet, *, allowed: bool) -> dict[str, Vouching]:
    found: dict[str, Vouching] = {}
    for line in asked.endorsable:
        body = msgspec.json.encode({"decision": "endorse", "argument": line.argument}).decode()
        pointer = "/" + line.argument.replace("~", "~0").replace("/", "~1")
        found[pointer] = Vouching(line, body, allowed and ask.who.ident in line.next)
    return found


async def _passkeys(ask: Ask) -> int:
    found = await ask.ops.list_passkeys(ask.who)
    return sum(one.state == "live" and one.person == ask.who.ident for one in found.passkeys)


def _signs(asked: QuestionSheet, shown: Sheet) -> Signs:
    question = asked.question
    members = {
        "asked": str(question.index),
        "digest": shown.digest,
        "org": asked.org,
        "until": str(question.until),
    }
    if question.flag:
        return Signs("standwatch/approval/2", {**members, "flag": question.flag})
    return Signs("standwatch/approval/1", members)


class StandingView(msgspec.Struct, frozen=True):
    """How the question stands, alone: what an open page asks for again when something happened."""

    standing: Standing


async def standing_view(ask: Ask) -> StandingView:
    """The standing of question `id`."""
    return StandingView(await ask.ops.standing(ask.who, ask.names["id"], ask.as_of))


def _halts(shown: ApprovalView) -> str:
    return f"system:{shown.asked.question.system}" if shown.asked is not None else "all"


APPROVAL = Page("/approvals/{id}", "approval", "Approval", view, halts=_halts)
STANDING = Page("/approvals/{id}/standing", "approval_standing", "Standing", standing_view, halts="")
