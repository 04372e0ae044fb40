"""Text from agents, servers and callers, so that a person sees what it is: nothing hidden, nothing reordered.

Escaping is the template's. Here invisible characters, controls and those that turn the direction of text (Unicode
UAX #9, and the deprecated tag characters) become labelled marks, which the macro `inert` sets apart.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import msgspec

_KEPT = frozenset("\n\t")
_BLANK = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0\ufffc")
"""Assigned as letters or marks, and shown as nothing."""


class Piece(msgspec.Struct, frozen=True):
    """A stretch of text as it is, or one character that cannot be seen, as its label (`U+202E`)."""

    text: str
    mark: bool = False
    name: str = ""


def pieces(text: str) -> tuple[Piece, ...]:
    """`text` as stretches that may be shown as they are, and marks for what a person would not see."""
    found: list[Piece] = []
    begin = 0
    for at, one in enumerate(text):
        if not hidden(one):
            continue
        if begin < at:
            found.append(Piece(text[begin:at]))
        found.append(Piece(f"U+{ord(one):04X}", True, unicodedata.name(one, "no character")))
        begin = at + 1
    if begin < len(text):
        found.append(Piece(text[begin:]))
    return tuple(found)


@cache
def hidden(one: str) -> bool:
    """Whether a person would not see `one`, or would see something else because of it."""
    if one in _KEPT:
        return False
    kind = unicodedata.category(one)
    variation = 0xFE00 <= ord(one) <= 0xFE0F or 0xE0100 <= ord(one) <= 0xE01EF
    spaces = kind == "Zs" and one != " "
    return kind in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or variation or spaces or one in _BLANK
