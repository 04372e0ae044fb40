"""The texts of a JSON value as one text that is searched at once, and back: what was found stands at which pointer.

Names of members stand before their values, as `name: value`: so a pattern that looks for `password` near a value finds
it, as it would in a file.
"""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import msgspec

MOST_TEXT: Final = 4_000_000
"""Characters of one act's texts, or of one result's, that are searched."""
MOST_BYTES: Final = 16 << 20
"""Bytes of a result that is read at all."""
MOST_VALUES: Final = 200_000
"""Values of one act or result that are looked at."""
_HEAD: Final = 100
"""Characters that the head of a `data:` URL may have."""
_SMALL: Final = 512
"""Characters up to which base64 is looked at as it stands, whatever it decodes to: a key or a card may look so."""
_LONG_NUMBER: Final = 7
"""Digits from which a number may be an account or a card."""
_BINARY: Final = ("data", "blob")


class TooMuch(Exception):
    """More than is searched: what was not read may hold anything."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """The value at `pointer` (RFC 6901) stands at [`start`, `end`) of the text; its member's name from `name` on."""

    pointer: str
    name: int
    start: int
    end: int


class Texts(msgspec.Struct, frozen=True):
    """Everything in a value that is text, or a long number."""

    text: str
    pieces: tuple[Piece, ...]

    def at(self, start: int) -> Piece | None:
        """The piece that the character `start` belongs to."""
        place = self._place(start)
        return self.pieces[place] if place < len(self.pieces) and start >= self.pieces[place].name else None

    def over(self, start: int, end: int) -> Iterator[Piece]:
        """The pieces that have something of [`start`, `end`)."""
        for place in range(self._place(start), len(self.pieces)):
            if self.pieces[place].name >= end:
                return
            yield self.pieces[place]

    def _place(self, start: int) -> int:
        return bisect_right(self.pieces, start, key=lambda one: one.end)


def text_in(value: Any) -> str:
    """The text of `texts_of`, without telling what stands where, for in most nothing is found. Raises `TooMuch`."""
    parts: list[str] = []
    seen = 0
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        name, one = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise TooMuch(f"more than {MOST_VALUES} values")
        if type(one) is str and one and one[:5] != "data:":
            told = one
        elif isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            skipped = _pictures(members) if "data" in members or "blob" in members else ()
            waiting += [each for each in reversed(members.items()) if each[0] not in skipped]
            continue
        elif isinstance(one, list):
            waiting += [("", each) for each in reversed(cast("list[Any]", one))]
            continue
        elif (told := _told(one)) is None:
            if not name:
                continue
            told = ""
        parts.append(f"{name}: {told}" if name else told)
    parts.append("")
    text = "\n".join(parts)
    if len(text) > MOST_TEXT:
        raise TooMuch(f"more than {MOST_TEXT} characters")
    return text


def texts_of(value: Any) -> Texts:
    """The texts of a parsed JSON value, in its order. Raises `TooMuch`."""
    parts: list[str] = []
    pieces: list[Piece] = []
    size = seen = 0
    waiting: list[tuple[str, str, Any]] = [("", "", value)]
    while waiting:
        pointer, name, one = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise TooMuch(f"more than {MOST_VALUES} values")
        if isinstance(one, dict):
            members = cast("dict[str, Any]", one)
            skipped = _pictures(members) if "data" in members or "blob" in members else ()
            for key, member in reversed(members.items()):
                if key not in skipped:
                    waiting.append((f"{pointer}/{escaped(key)}", key, member))
            continue
        if isinstance(one, list):
            items = cast("list[Any]", one)
            waiting += [(f"{pointer}/{place}", "", each) for place, each in _backwards(items)]
            continue
        told = _told(one)
        if told is None:
            if not name:
                continue
            told = ""
        label = f"{name}: " if name else ""
        start = size + len(label)
        pieces.append(Piece(pointer, size, start, start + len(told)))
        parts.append(f"{label}{told}\n")
        size += len(label) + len(told) + 1
        if size > MOST_TEXT:
            raise TooMuch(f"more than {MOST_TEXT} characters")
    return Texts("".join(parts), tuple(pieces))


def _backwards(items: list[Any]) -> list[tuple[int, Any]]:
    return list(enumerate(items))[::-1]


def _told(value: Any) -> str | None:
    """A value as text; None for what says nothing."""
    if isinstance(value, str):
        return None if not value or _is_picture(value) else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    written = str(value)
    return written if len(written) >= _LONG_NUMBER else None


def _pictures(members: dict[str, Any]) -> tuple[str, ...]:
    """The members that hold bytes which are no text: pictures, sound. Whoever sends one cannot choose: what decodes to
    text after all is looked at, and so is what is too short to be a picture."""
    return tuple(
        name for name in _BINARY if isinstance(given := members.get(name), str) and not _is_text(given)
    )


def _is_text(given: str) -> bool:
    """Whether base64 `given` is short, no base64, or the base64 of text: then it is looked at."""
    if len(given) <= _SMALL:
        return True
    try:
        base64.b64decode(given, validate=True).decode("utf-8")
    except UnicodeDecodeError:
        return False
    except (binascii.Error, ValueError):
        return True
    return True


def _is_picture(value: str) -> bool:
    """Whether it is a `data:` URL of bytes that are no text."""
    head, mark, given = value.partition(";base64,") if value.startswith("data:") else ("", "", "")
    return bool(mark) and len(head) < _HEAD and not _is_text(given)


def escaped(name: str) -> str:
    """`name` as a step of a pointer (RFC 6901 §3)."""
    return name if name.isalnum() else name.replace("~", "~0").replace("/", "~1")


def replaced(value: Any, change: Callable[[str, Any], Any], pointer: str = "") -> Any:
    """`value` with every text and number as `change(pointer, it)` makes it. Objects and lists are made anew.

    Depth is bounded by whoever parsed the value (`facts.canonical`)."""
    if isinstance(value, dict):
        return {
            name: replaced(one, change, f"{pointer}/{escaped(name)}")
            for name, one in cast("dict[str, Any]", value).items()
        }
    if isinstance(value, list):
        return [
            replaced(one, change, f"{pointer}/{place}") for place, one in enumerate(cast("list[Any]", value))
        ]
    return change(pointer, value)
