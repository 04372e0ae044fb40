"""What waits for people: the oldest first, and nothing moves while one looks at it."""

from __future__ import annotations

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.facts.short_words import short_words
from standwatch.fronts.control_ports import QuestionLine


class WaitingLine(msgspec.Struct, frozen=True):
    """One open question. `mine`: it was asked of whoever looks."""

    question: QuestionLine
    words: str
    mine: bool


class ApprovalsView(msgspec.Struct, frozen=True):
    """Open questions, in the order in which they were asked; `at` is the moment shown, µs."""

    at: int
    waiting: tuple[WaitingLine, ...]
    mine: int
    names: dict[str, str]


async def view(ask: Ask) -> ApprovalsView:
    """Every open question that whoever looks may see."""
    status = await ask.status()
    waiting = tuple(
        WaitingLine(one, short_words(one.digest), ask.who.ident in one.signers)
        for one in sorted(status.questions, key=lambda each: each.index)
    )
    return ApprovalsView(status.at, waiting, sum(one.mine for one in waiting), status.names)


APPROVALS = Page("/approvals", "approvals", "Approvals", view, menu="Approvals", key="a")
