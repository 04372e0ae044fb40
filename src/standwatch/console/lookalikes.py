"""Words that are not what they look like: letters of several scripts in one word, and of another script altogether.

After UTS #39 (§4 mixed scripts, §5 confusables), with what Python's own Unicode tables say: a letter's script is the
first word of its name, and the look-alikes listed are those of Latin, for which nearly all such fraud is made.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec

from standwatch.facts.twins import TWINS

SHOWN: Final = 8
"""Words of a kind that are quoted; the others are counted."""
LONGEST: Final = 80
"""Characters of one word that are quoted."""


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something odd about a text: a stable code, a sentence of ours, and the words it is about."""

    code: str
    text: str
    words: tuple[str, ...] = ()
    """Letters and digits of the text itself: a page isolates them as it does the text."""


def notices(text: str, *, identifier: bool = False) -> tuple[Notice, ...]:
    """What is odd about the words of `text`. Of an `identifier`, that it leaves ASCII is worth saying in itself."""
    if text.isascii():
        return ()
    mixed: list[str] = []
    posing: list[str] = []
    styled: list[str] = []
    digits: list[str] = []
    own = _own_letters(text)
    for word in _foreign_words(text):
        scripts = frozenset(script for script in map(_script, word) if script)
        if unicodedata.normalize("NFKC", word) != unicodedata.normalize("NFC", word):
            styled.append(word)
        if not any(scripts <= together for together in _TOGETHER) and len(scripts) > 1:
            mixed.append(word)
        elif looks_like(word) and (identifier or not scripts & own):
            posing.append(word)
        if any(not each.isascii() and each.isdecimal() for each in word):
            digits.append(word)
    return tuple(_told(mixed, posing, styled, digits, right_to_left=identifier and _turns(text)))


def looks_like(word: str) -> str:
    """The ASCII word that `word` can be taken for; "" where one sees that it is another."""
    spelled = "".join(TWINS.get(letter, letter) for letter in unicodedata.normalize("NFKC", word))
    return spelled if spelled.isascii() and spelled != word else ""


_WORD: Final = re.compile(r"[^\W_]+")


def _foreign_words(text: str) -> Iterator[str]:
    return (word for word in _WORD.findall(text) if not word.isascii())


def _told(
    mixed: list[str], posing: list[str], styled: list[str], digits: list[str], *, right_to_left: bool
) -> Iterator[Notice]:
    if mixed:
        yield _notice("mixed_scripts", "letters of several scripts in one word", mixed)
    if posing:
        yield _notice("lookalike", "looks like Latin letters and is written in others", posing)
    if styled:
        yield _notice("compatibility", "written in letters that only look like the plain ones", styled)
    if digits:
        yield _notice("digits", "digits of another script", digits)
    if right_to_left:
        yield Notice(
            "right_to_left", "has letters that run from right to left: shown one word after the other"
        )


def _notice(code: str, text: str, words: list[str]) -> Notice:
    distinct = tuple(dict.fromkeys(words))
    more = f" ({len(distinct)} words, {SHOWN} of them here)" if len(distinct) > SHOWN else ""
    return Notice(code, text + more, tuple(word[:LONGEST] for word in distinct[:SHOWN]))


def _turns(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in text)


def _own_letters(text: str) -> frozenset[str]:
    """The scripts of which the text has letters that look like no Latin one: there they are at home."""
    return frozenset(
        script
        for letter in set(text)
        if not letter.isascii() and letter not in TWINS and (script := _script(letter)) not in ("", "LATIN")
    )


@lru_cache(maxsize=8192)
def _script(letter: str) -> str:
    """The script of a letter; "" for digits, marks and what belongs to none."""
    if not letter.isalpha():
        return ""
    if letter.isascii():
        return "LATIN"
    name = unicodedata.name(letter, "").replace("-", " ").split()
    first = name[0] if name else ""
    return "LATIN" if first in _LATIN_TOO else "" if first in ("MODIFIER", "MICRO") else first


_LATIN_TOO: Final = frozenset(
    {"FEMININE", "MASCULINE", "FULLWIDTH", "MATHEMATICAL", "SCRIPT", "DOUBLE", "BLACK"}
)
_TOGETHER: Final = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that people do write in one word (UTS #39 §5.2, highly restrictive)."""
