"""What waits for people: the oldest first, and nothing moves while one looks at it."""

from __future__ import annotations

import msgspec

from standwatch.console.form import Act, Form
from standwatch.console.inert import marked
from standwatch.console.page import Ask, Page
from standwatch.facts.short_words import short_words
from standwatch.fronts.control_budget import DeferredLine, PullOrder, VigilanceLine
from standwatch.fronts.control_ports import QuestionLine


class WaitingLine(msgspec.Struct, frozen=True):
    """One open question. `mine`: it was asked of whoever looks; `held`: by which hold it is held, "" for none."""

    question: QuestionLine
    words: str
    mine: bool
    held: str = ""
    says: str = ""
    """The beginning of what is asked about, what nobody sees told by its number."""


class ApprovalsView(msgspec.Struct, frozen=True):
    """Open questions, in the order in which they were asked; `at` is the moment shown, µs."""

    at: int
    waiting: tuple[WaitingLine, ...]
    mine: int
    deferred: tuple[DeferredLine, ...]
    """What was put off, because too much was asked."""
    me: str
    pace: VigilanceLine | None
    """How much whoever looks was asked, and whether they may answer; None for somebody whom nobody asks."""
    names: dict[str, str]
    held: str = ""
    """How many of `waiting` are held, and what that means; "" for none."""


async def view(ask: Ask) -> ApprovalsView:
    """Every open question that whoever looks may see."""
    status = await ask.status()
    says = {} if ask.as_of else {one.id: marked(one.says) for one in await ask.ops.questions(ask.who)}
    found = tuple(
        WaitingLine(
            one, short_words(one.digest), ask.who.ident in one.signers, _held(one), says.get(one.id, "")
        )
        for one in sorted(status.questions, key=lambda each: each.index)
    )
    mine = tuple(one for one in found if one.mine)
    waiting = mine if ask.query.get("mine") else found
    return ApprovalsView(
        at=status.at,
        waiting=waiting,
        mine=len(mine),
        deferred=status.deferred,
        me=ask.who.ident,
        pace=await _pace(ask),
        names=status.names,
        held=_stopped(sum(bool(one.held) for one in waiting)),
    )


def _held(one: QuestionLine) -> str:
    if not one.held:
        return ""
    return f"held ({', '.join(f'hold {index}' if index >= 0 else 'not recorded yet' for index in one.held)})"


def _stopped(many: int) -> str:
    return f"{many} held: nothing of that is carried out until it is released." if many else ""


async def _pace(ask: Ask) -> VigilanceLine | None:
    if ask.as_of or ask.who.ident == "anonymous":
        return None
    report = await ask.ops.vigilance(ask.who)
    return next((one for one in report.people if one.person == ask.who.ident), None)


async def pull(ask: Ask, _: Form) -> str:
    """Ask about a deferred act after all."""
    await ask.ops.ask_deferred(ask.who, ask.names["id"])
    return "/approvals"


async def drop(ask: Ask, form: Form) -> str:
    """Take a deferred act out of the queue, with a reason."""
    await ask.ops.drop_deferred(ask.who, ask.names["id"], PullOrder(form.one("reason", "")))
    return "/approvals"


APPROVALS = Page("/approvals", "approvals", "Approvals", view, menu="Approvals", key="a", query=("mine",))
DEFERRED_ACTS = (Act("/deferred/{id}/ask", pull), Act("/deferred/{id}/drop", drop))
