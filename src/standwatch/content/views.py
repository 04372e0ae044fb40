"""The clean reading of a text: look-alikes as ASCII, invisible characters left out; with the way back.

It maps character by character, so that a text cut anywhere reads the same as the whole.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

from standwatch.facts.twins import TWINS

_COMPATIBLE = ((0x2000, 0x200B), (0x2024, 0x2030), (0x2070, 0x209D), (0x2100, 0x2150), (0x2460, 0x2500),
               (0x3000, 0x3001), (0xFE50, 0xFE70), (0xFF01, 0xFFE7), (0x1D400, 0x1D800), (0x1F100, 0x1F190),
               (0xA0, 0xA1), (0x202F, 0x2030), (0x205F, 0x2060))  # fmt: skip
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
INVISIBLE = (
    (0xAD, 0xAE), (0x34F, 0x350), (0x61C, 0x61D), (0x115F, 0x1161), (0x17B4, 0x17B6), (0x180B, 0x1810),
    (0x200B, 0x2010), (0x202A, 0x202F), (0x2060, 0x2070), (0x3164, 0x3165), (0xFE00, 0xFE10), (0xFEFF, 0xFF00),
    (0xFFA0, 0xFFA1), (0xE0000, 0xE0080), (0xE0100, 0xE01F0),
)  # fmt: skip


def _table() -> dict[int, str]:
    table: dict[int, str] = {}
    for low, high in _COMPATIBLE:
        for point in range(low, high):
            plain = unicodedata.normalize("NFKC", chr(point))
            if len(plain) == 1 and plain.isascii():
                table[point] = plain
    table |= {ord(alike): plain for alike, plain in TWINS.items()}
    table |= {ord(dash): "-" for dash in DASHES}
    return table | {point: "" for low, high in INVISIBLE for point in range(low, high)}


_CLEAN = _table()
_FOREIGN = re.compile("[^\x00-\x7f]+")  # a class and nothing else: linear


def clean(text: str) -> str:
    return text if text.isascii() else _FOREIGN.sub(_plainly, text)


def _plainly(run: "re.Match[str]") -> str:
    return run[0].translate(_CLEAN)


def utf8(text: str) -> bytes:
    """Lone surrogates, which JSON can carry, are kept as three bytes."""
    return text.encode("utf-8", "surrogatepass")


def _clean_length(character: str) -> int:
    return len(utf8(_CLEAN.get(ord(character), character)))


def _raw_length(character: str) -> int:
    return len(utf8(character))


class Place:
    """Leads from bytes of a reading back to characters of the text, over a sliding window of it.

    Pieces of ASCII need no memory; others are kept, and counted out when something is found in them."""

    def __init__(self, *, raw: bool = False) -> None:
        self._length: Callable[[str], int] = _raw_length if raw else _clean_length
        self._pieces: list[
            tuple[int, int, int, str]
        ] = []  # bytes from, bytes to, characters from, text or ""
        self._counted: dict[int, list[int]] = {}
        self.bytes = 0
        self.characters = 0

    def add(self, text: str, size: int) -> None:
        """`size`: bytes that `text` has in this reading."""
        plain = size == len(text) and text.isascii()
        piece = (self.bytes, self.bytes + size, self.characters, "" if plain else text)
        last = self._pieces[-1] if self._pieces else None
        if plain and last and not last[3]:
            self._pieces[-1] = (last[0], piece[1], last[2], "")
        else:
            self._pieces.append(piece)
        self.bytes += size
        self.characters += len(text)

    def forget(self, before: int) -> None:
        """Pieces that end at or before this byte are no longer asked for."""
        while len(self._pieces) > 1 and self._pieces[0][1] <= before:
            self._counted.pop(self._pieces.pop(0)[0], None)

    def not_after(self, at: int) -> int:
        """A character that begins at this byte or before it: found without counting."""
        for low, high, first, text in self._pieces:
            if at < high:
                return first if text else first + max(0, at - low)
        return self.characters

    def start(self, at: int) -> int:
        """The character whose first byte is at `at`, or that holds it."""
        for low, high, first, text in self._pieces:
            if at < high:
                return first + (at - low if not text else self._index(low, text, at - low))
        return self.characters

    def end(self, at: int) -> int:
        """One past the character that holds the byte before `at`."""
        return self.start(at - 1) + 1 if at else 0

    def _index(self, key: int, text: str, offset: int) -> int:
        if key not in self._counted:
            self._counted[key] = [index for index, size in self._sizes(text) for _ in range(size)]
        return self._counted[key][offset]

    def _sizes(self, text: str) -> Iterator[tuple[int, int]]:
        return ((index, self._length(character)) for index, character in enumerate(text))
