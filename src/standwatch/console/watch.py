"""Watch: every system in one dense table."""

from __future__ import annotations

import msgspec

from standwatch.console.page import Ask, Page
from standwatch.fronts.control_ports import Status


class WatchView(msgspec.Struct, frozen=True):
    """Everything that an operator asks first."""

    status: Status


async def view(ask: Ask) -> WatchView:
    """The page as of the asked moment."""
    return WatchView(await ask.status())


WATCH = Page("/", "watch", "Watch", view, menu="Watch", key="w")
