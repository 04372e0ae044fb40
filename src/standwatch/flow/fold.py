"""Texts as they are compared: strictly, where a match vouches for a value; loosely, where it condemns it.

INVARIANT: what is folded away here can only make a provenance worse. `spoken` folds nothing that a reader could take
for another letter; `loose` folds all that it can.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from standwatch.facts.twins import TWINS

TOKEN: Final = re.compile(r"[^\W_]+")
"""Letters and digits that stand together."""

_QUOTES: Final = {ord(mark): "'" for mark in "’‘‛`´"} | {ord(mark): '"' for mark in "“”„‟«»"}
_TIES: Final = frozenset(".,'@:/\\_+-=&%#?~")
"""What ties the parts of one word together: where one stands between letters, the word goes on."""


def spoken(text: str) -> str:
    """A text as its writer would read it out: whatever the case, the white space and the form of the quotes."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    return " ".join(text.lower().split())


def poses(text: str) -> bool:
    """Whether a character of `text` is another one than normalising or lower case would make of it: the Kelvin sign
    is no K."""
    return not text.isascii() and any(
        not each.isascii()
        and (unicodedata.normalize("NFC", each).isascii() or each.lower()[0].isascii() or each in _HIDDEN)
        for each in text
    )


_HIDDEN: Final = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufeff")


def stands(phrase: str, text: str) -> int:
    """Where `phrase` stands in `text` as whole words, both `spoken`; -1 for nowhere."""
    at = text.find(phrase)
    while at >= 0:
        if _begins(text, at) and _ends(text, at + len(phrase)):
            return at
        at = text.find(phrase, at + 1)
    return -1


def _begins(text: str, at: int) -> bool:
    before = text[at - 1 : at]
    if not before or not (before.isalnum() or before in _TIES):
        return True
    if before.isalnum() or before == "_" or text[at].isspace():
        return False
    return not _tied(text[at - 2 : at - 1], before, text[at])


def _ends(text: str, end: int) -> bool:
    after = text[end : end + 1]
    if not after or not (after.isalnum() or after in _TIES):
        return True
    if after.isalnum() or after == "_":
        return False
    if text[end : end + 2] == "'s" and not text[end + 2 : end + 3].isalnum():
        return True
    return not _tied(text[end - 1], after, text[end + 1 : end + 2])


def _tied(left: str, tie: str, right: str) -> bool:
    """Whether `tie` makes one word of what stands on its two sides. A comma does so between digits alone; a colon
    ends a letter's word."""
    if not (left.isalnum() and right.isalnum()):
        return False
    if tie == ",":
        return left.isdigit() and right.isdigit()
    return tie != ":" or not left.isalpha()


def loose(text: str) -> str:
    """A text as somebody could take it: compatibility forms, look-alikes, accents and invisible characters folded."""
    lowered = text.lower()
    return lowered if lowered.isascii() else _FOREIGN.sub(_plain, text).lower()


_FOREIGN: Final = re.compile(r"[^\x00-\x7f]")


def _plain(found: re.Match[str]) -> str:
    return _plain_letter(found.group())


@lru_cache(maxsize=16_384)
def _plain_letter(letter: str) -> str:
    if letter in "。｡":
        return "."  # between the labels of a host's name (UTS #46 §2.3)
    kept: list[str] = []
    for each in unicodedata.normalize("NFKD", TWINS.get(letter, letter)):
        if unicodedata.category(each) in _INVISIBLE or each in _HIDDEN:
            continue
        low = each.lower()
        kept.append(TWINS.get(each, TWINS.get(low, each)))
    return "".join(kept)


_INVISIBLE: Final = frozenset({"Cf", "Mn", "Me", "Cs", "Co", "Cn", "Cc"})
"""Characters that nobody sees: formats, marks, tags, variation selectors."""
