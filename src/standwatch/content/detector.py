"""What a detector is: a pattern in the syntax of RE2, what must stand near it, and what confirms a match."""

from collections.abc import Callable
from enum import Enum

import msgspec


class View(Enum):
    """Which reading of the text a pattern runs on."""

    CLEAN = "clean"  # look-alikes as ASCII, invisible characters left out
    RAW = "raw"  # as given: for patterns that look for invisible characters


class Match(msgspec.Struct, frozen=True):
    """One match as a confirmation sees it: UTF-8 of the detector's view."""

    value: bytes  # the group `value` of the pattern, or all of it
    whole: bytes
    before: bytes  # at most CONTEXT bytes
    after: bytes


CONTEXT = 64  # bytes of surroundings a confirmation may read on each side
Confirm = Callable[[Match], bool | None]
"""None: it is not what the detector looks for. True: certain. False: it has the shape."""


def has_the_shape(_: Match) -> bool | None:
    return False


def is_certain(_: Match) -> bool | None:
    return True


class Detector(msgspec.Struct, frozen=True):
    """`pattern` matches bytes and is bounded: no match is longer than `reach` bytes.

    `keywords`: lower-case ASCII literals, one of which stands in every match. `gate`: where no literal does, a short
    pattern (at most GATE bytes long) that does. One of the two is given; they only save work.
    """

    name: str
    kind: str
    pattern: str
    about: str  # one line, for people
    reach: int
    keywords: tuple[str, ...] = ()
    gate: str = ""
    confirm: Confirm = has_the_shape
    view: View = View.CLEAN
    source: str = ""  # where form and checksum are published
    lead: int = 72  # bytes of a value that may stand before the keyword or gate that wakes the search for it
    begins: str = ""  # what every match begins with, for patterns that repeat long: see searching.py
    named: bool = False  # so common that naming its kind does not ask for it


GATE = 48
