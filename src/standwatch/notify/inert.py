"""Text that others wrote, made inert: quoted, visible, short, and nothing that any reader would turn into a link.

What agents, servers and callers name themselves reaches people who read it on a telephone at night. Mail programs and
chats make links of bare domains and markup of punctuation, each in its own way; so the strictest of them decides.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Final

MOST: Final = 120
"""Characters of a stranger's text that are shown."""

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,;=+-_/%$")
_DEFANGED: Final = {".": "[.]", ":": "[:]", "@": "[at]"}
_LEFT_TO_RIGHT: Final = frozenset(("L", "EN", "NSM"))


def quoted(text: str, most: int = MOST) -> str:
    """`text` in quotation marks: letters and digits as they are; points, colons and at-signs in brackets; every other
    character, whatever could be markup, invisible or change the direction, as its escape. Cut visibly."""
    shown = "".join(_escape(letter) for letter in text[:most])
    rest = len(text) - most
    return f'"{shown}"' + (f" and {rest} characters more" if rest > 0 else "")


def _escape(letter: str) -> str:
    if letter in _PLAIN:
        return letter
    if letter in _DEFANGED:
        return _DEFANGED[letter]
    kept = ord(letter) > 0x7F and letter.isalnum() and unicodedata.bidirectional(letter) in _LEFT_TO_RIGHT
    if kept and unicodedata.normalize("NFKC", letter) == letter:  # no full-width stop may become one later
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def clock(at: int) -> str:
    """µs as `2026-11-21 12:14 UTC`."""
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"


def stamp(at: int) -> str:
    """µs as RFC 3339, with them."""
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{at % 1_000_000:06d}Z"
