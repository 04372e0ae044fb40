"""Watch-keeping as an organisation writes it: named watches, who may take them, over what, and when they are wanted."""

from typing import Final

import msgspec

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

LONGEST: Final = 14 * 86_400
"""Seconds. No configuration lets a watch be kept for longer without being taken anew."""

USUAL: Final = 86_400
"""Seconds that a watch may be kept where nothing is written."""


class Hours(msgspec.Struct, frozen=True):
    """When a watch is wanted: minutes of the day in `zone`, over midnight where `begin` > `end`, the whole day where
    they are equal. `days` are those on which the hours begin; empty for every day."""

    begin: int
    end: int
    zone: str = "UTC"
    days: tuple[str, ...] = ()


class WatchRule(msgspec.Struct, frozen=True):
    """One watch. `people` may take it; `systems` are names and patterns; `longest` is in seconds."""

    people: tuple[str, ...]
    systems: tuple[str, ...] = ("*",)
    hours: Hours | None = None
    longest: int = USUAL
