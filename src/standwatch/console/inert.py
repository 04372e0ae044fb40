"""Text that others wrote, made inert and visible: pieces that a template wraps, never markup, and nothing left out.

What agents, servers and callers write may be made to deceive: characters that turn the direction of what follows
(Trojan Source, CVE-2021-42574), that nobody sees, that pile up, or that only look like others. Here every code point
that is invisible, a control, of no assigned meaning, or piled onto nothing becomes a `mark` with its number and name.
All the rest stays as it is, in order. Right-to-left words are pieces of their own: isolated, they cannot pull the
digits beside them to another place (UAX #9 §3.3). What merely looks odd is told as a `Notice` (after UTS #39).

INVARIANT: `plain(inert(text).pieces) == text`. The work is linear in the text.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final, Literal, assert_never

import msgspec

from standwatch.console.lookalikes import Notice, notices

Kind = Literal["text", "rtl", "mark", "line", "escaped"]

NAMED: Final = 200
"""Marks of one text that stand with their full name; later ones with their number only: the legend has the names."""
KINDS: Final = 64
"""Different marks that a legend lists."""
MOST: Final = 4_000
"""Pieces of one text. What comes after them stands as escapes (`\\u202e`), whole, in one piece: nobody reads so many
marks, and whoever writes them would have us draw a page that no telephone can show."""
SEARCHED: Final = 200_000
"""Characters of one text that are searched for words that look like others."""


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a text. `text` are its own characters, once; a `mark` or a `line` of several alike says `times`. A
    `line` ends one: LF, or what else is taken for the end of a line. What is `escaped` shows its `name`."""

    kind: Kind
    text: str
    code: str = ""
    """`U+202E`; of a line end that is two characters, both."""
    name: str = ""
    times: int = 1


class Marked(msgspec.Struct, frozen=True):
    """A line of the legend: a code point that is shown as a mark, and how often it stands in the text."""

    code: str
    name: str
    times: int


class Inert(msgspec.Struct, frozen=True):
    """A whole text in pieces, with what somebody should know before believing their eyes."""

    pieces: tuple[Piece, ...]
    characters: int
    lines: int
    marks: int
    """Characters that are shown as marks."""
    legend: tuple[Marked, ...] = ()
    notices: tuple[Notice, ...] = ()


def inert(text: str, *, identifier: bool = False) -> Inert:
    """`text` in pieces. An `identifier` (an argument's name, a recipient) is held to more: see `lookalikes.notices`."""
    found = pieces(text)
    if _PLAIN.fullmatch(text):
        return Inert(found, len(text), 1 if text else 0, 0)
    marks = Counter[tuple[str, str]]()
    for piece in found:
        if piece.kind == "mark":
            marks[piece.code, _name(piece.text)] += piece.times
    return Inert(
        found,
        len(text),
        1 + sum(piece.times for piece in found if piece.kind == "line"),
        marks.total(),
        tuple(Marked(code, name, times) for (code, name), times in marks.most_common(KINDS)),
        (*_told(marks), *_long(text, found), *notices(text[:SEARCHED], identifier=identifier)),
    )


def pieces(text: str) -> tuple[Piece, ...]:
    """`text` in pieces, without what is to be said about it."""
    if _PLAIN.fullmatch(text):
        return (Piece("text", text),) if text else ()
    found = tuple(islice(_named(_joined(_tokens(text))), MOST + 1))
    if len(found) <= MOST:
        return found
    rest = text[sum(len(piece.text) * piece.times for piece in found[:MOST]) :]
    return (*found[:MOST], Piece("escaped", rest, name=json.dumps(rest)[1:-1]))


def plain(found: tuple[Piece, ...]) -> str:
    """The text that was taken apart."""
    return "".join(piece.text * piece.times for piece in found)


def marked(text: str) -> str:
    """`text` where no markup can stand (an option, a title): what nobody sees is told by its number."""
    return "".join(f"⟨{one.code}⟩" if one.kind in ("mark", "line") else one.text for one in pieces(text))


_PLAIN: Final = re.compile(r"(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?")
"""ASCII that one can see, with single spaces inside: nothing in it can deceive about itself."""

_TOKEN: Final = re.compile(
    r"(?P<plain>[\x21-\x7e]+(?: [\x21-\x7e]+)*)"
    r"|(?P<line>\r\n|[\n\r\x0b\x0c\x85\u2028\u2029])"
    r"|(?P<spaces> +)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_INDENT: Final = 8
"""Spaces at the beginning of a line that are believed to be an indentation; more may push what follows out of sight."""


def _tokens(text: str) -> Iterator[Piece]:
    """One piece for each token; neighbours are joined later."""
    before, piled = "", 0
    for token in _TOKEN.finditer(text):
        found = token.group()
        match token.lastgroup:
            case "plain":
                yield Piece("text", found)
            case "line":
                yield Piece("line", found, _codes(found))
            case "spaces":
                yield _spaces(text, token.start(), found)
            case _:
                kind = _class(found)
                piled = piled + 1 if kind == "combining" else 0
                yield _letter(found, kind, before, piled)
        before = found[-1]


def _letter(letter: str, kind: "_Class", before: str, piled: int) -> Piece:
    match kind:
        case "text" | "rtl":
            return Piece(kind, letter)
        case "combining":
            # Two on a letter are how people write (Vietnamese, vocalised Arabic); more, or on nothing, are not.
            rests = piled <= 2 and (unicodedata.category(before)[0] in "LNM" if before else False)
            if rests:
                return Piece("rtl" if _class(before) == "rtl" else "text", letter)
            return Piece("mark", letter, _codes(letter))
        case "mark":
            return Piece("mark", letter, _codes(letter))
        case _:
            assert_never(kind)


def _spaces(text: str, start: int, found: str) -> Piece:
    """Spaces that one can see or expects; else a mark that counts them: padding hides what comes after it."""
    end = start + len(found)
    ends = end == len(text) or text[end] in "\n\r"
    indents = start > 0 and text[start - 1] in "\n\r" and len(found) <= _INDENT
    if not ends and ((start > 0 and len(found) == 1) or indents):
        return Piece("text", found)
    return Piece("mark", " ", "U+0020", times=len(found))


def _joined(found: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbours of one kind as one piece; equal marks and line ends counted."""
    held: list[str] = []
    last: Piece | None = None
    for piece in found:
        if last is not None and piece.kind == last.kind:
            if piece.kind in ("text", "rtl"):
                held.append(piece.text)
                continue
            if piece.text == last.text:
                last = msgspec.structs.replace(last, times=last.times + piece.times)
                continue
        if last is not None:
            yield msgspec.structs.replace(last, text="".join(held)) if held else last
        held = [piece.text] if piece.kind in ("text", "rtl") else []
        last = piece
    if last is not None:
        yield msgspec.structs.replace(last, text="".join(held)) if held else last


def _named(found: Iterator[Piece]) -> Iterator[Piece]:
    seen = 0
    for piece in found:
        if piece.kind == "mark" and seen < NAMED:
            seen += 1
            yield msgspec.structs.replace(piece, name=_name(piece.text))
        elif piece.kind == "line" and piece.text != "\n":
            yield msgspec.structs.replace(piece, name=" ".join(map(_name, piece.text)))
        else:
            yield piece


# --- code points ---------------------------------------------------------------------------------------------

_Class = Literal["text", "rtl", "combining", "mark"]

_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u2800\ufffc\ufffd\U0001d159]"
)
"""Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties), and what else fonts draw as nothing or as a stand-in:
the blank Braille pattern, the null notehead, object replacement and replacement characters."""


@lru_cache(maxsize=8192)
def _class(letter: str) -> _Class:
    category = unicodedata.category(letter)
    if category[0] in "CZ" or category == "Me" or _UNSEEN.match(letter):
        return "mark"
    if category in ("Mn", "Mc"):
        return "combining"
    return "rtl" if unicodedata.bidirectional(letter) in ("R", "AL", "AN") else "text"


def _codes(text: str) -> str:
    return " ".join(f"U+{ord(letter):04X}" for letter in text)


_C0: Final = (
    "NULL,START OF HEADING,START OF TEXT,END OF TEXT,END OF TRANSMISSION,ENQUIRY,ACKNOWLEDGE,BELL,BACKSPACE,"
    "TAB,LINE FEED,LINE TABULATION,FORM FEED,CARRIAGE RETURN,SHIFT OUT,SHIFT IN,DATA LINK ESCAPE,"
    "DEVICE CONTROL ONE,DEVICE CONTROL TWO,DEVICE CONTROL THREE,DEVICE CONTROL FOUR,NEGATIVE ACKNOWLEDGE,"
    "SYNCHRONOUS IDLE,END OF TRANSMISSION BLOCK,CANCEL,END OF MEDIUM,SUBSTITUTE,ESCAPE,FILE SEPARATOR,"
    "GROUP SEPARATOR,RECORD SEPARATOR,UNIT SEPARATOR"
)
_CONTROLS: Final = _C0.split(",")
_OTHERS: Final = {"Cc": "CONTROL", "Co": "PRIVATE USE", "Cs": "LONE SURROGATE", "Cn": "UNASSIGNED"}


@lru_cache(maxsize=8192)
def _name(letter: str) -> str:
    """The name of a code point, in the words of Unicode where it gives one."""
    point = ord(letter)
    if point < len(_CONTROLS):
        return _CONTROLS[point]
    found = unicodedata.name(letter, "")
    if found:
        return found
    if point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF:
        return "NONCHARACTER"
    return {0x7F: "DELETE", 0x85: "NEXT LINE"}.get(point) or _OTHERS.get(
        unicodedata.category(letter), "UNNAMED"
    )


_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""The explicit directional characters of UAX #9 §2."""


def _told(marks: Counter[tuple[str, str]]) -> Iterator[Notice]:
    """What the marks come to, in sentences."""
    turning = hidden = 0
    for (code, _), times in marks.items():
        letter = chr(int(code[2:], 16))
        if letter in _TURNING:
            turning += times
        elif letter not in " \t":
            hidden += times
    if turning:
        yield Notice("direction", f"{_counted(turning)} would turn the direction of the text: shown as marks")
    if hidden:
        yield Notice("invisible", f"{_counted(hidden)} that nobody would see as they are: shown as marks")
    padding = marks[("U+0020", "SPACE")]
    if padding > _INDENT:
        yield Notice("padding", f"{padding} spaces where nobody expects any: shown as marks")


def _long(text: str, found: tuple[Piece, ...]) -> Iterator[Notice]:
    if found[-1:] and found[-1].kind == "escaped":
        yield Notice(
            "escaped", f"So many marks that the last {_counted(len(found[-1].text))} stand as escapes"
        )
    if len(text) > SEARCHED and not text.isascii():
        yield Notice("unsearched", f"Only its first {SEARCHED} characters were searched for look-alike words")


def _counted(number: int) -> str:
    return "1 character" if number == 1 else f"{number} characters"
