"""Sight: what must be in sight on every page, as a page of its own, so that it can reload itself alone."""

from __future__ import annotations

from standwatch.console.page import Ask, Page
from standwatch.fronts.control_live import Summary


async def view(ask: Ask) -> Summary:
    """As of the asked moment."""
    return await ask.summary()


SIGHT = Page("/sight", "sight", "In sight", view, template="sight_page.html")
