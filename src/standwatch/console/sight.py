"""Sight: what must be in sight on every page, as a page of its own, so that it can reload itself alone."""

from __future__ import annotations

import msgspec

from standwatch.console.page import Ask, Page


class SightView(msgspec.Struct, frozen=True):
    """Counts of what is open, and who has the watch (opaque ids, once each)."""

    holds: int
    relaxations: int
    questions: int
    watch: tuple[str, ...]


async def view(ask: Ask) -> SightView:
    """As of the asked moment."""
    status = await ask.status()
    people = dict.fromkeys(one.person for one in status.watches if one.person)
    return SightView(len(status.holds), len(status.relaxations), len(status.questions), tuple(people))


SIGHT = Page("/sight", "sight", "In sight", view, template="sight_page.html")
