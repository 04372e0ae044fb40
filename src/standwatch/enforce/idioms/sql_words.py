"""SQL taken apart into words, in each way in which databases may read the same text.

Dialects differ in what a backslash, a `#`, a nested comment or a dollar quote is; an attacker writes text that one of
them reads otherwise. So a text is read in several ways, and a danger in any of them counts.
"""

import itertools
from collections.abc import Iterator
from typing import Final

import msgspec


class Reading(msgspec.Struct, frozen=True):
    """One way to read."""

    backslash: bool
    nested: bool
    dollars: bool
    hashes: bool
    returns: bool = False
    """Whether a carriage return ends a comment that two dashes begin, as it does for PostgreSQL."""


_TOLD_BY: Final = ("\\", "/*", "$", "#", "\r")
"""What a text must have for each of the five to make a difference."""


def readings(text: str) -> Iterator[Reading]:
    """The ways that differ for `text`."""
    choices = [(False, True) if sign in text else (False,) for sign in _TOLD_BY]
    return (Reading(*ways) for ways in itertools.product(*choices))


_CLOSES: Final = {"'": "'", '"': '"', "`": "`", "[": "]"}


class OpenError(Exception):
    """A literal or a comment is not closed, in this way of reading."""


def words(text: str, way: Reading) -> Iterator[str]:
    """Words in capitals, signs as they are, literals as `'…`, quoted names as `"name`. Raises `OpenError`."""
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
        elif text.startswith("--", at) or (char == "#" and way.hashes):
            at = _line_end(text, at, way)
        elif text.startswith("/*", at):
            at = _comment(text, at, way)
        elif char in _CLOSES and not (char == "[" and not text[at + 1 : at + 2].isalpha()):
            escapes = way.backslash or (char == "'" and text[at - 1 : at].casefold() == "e")
            end = _literal(text, at, _CLOSES[char], escapes)
            inner = text[at + 1 : end - 1]
            yield f"'{inner}" if char == "'" else f'"{inner}'
            at = end
        elif char == "$" and way.dollars and (tag := _tag(text, at)):
            end = text.find(tag, at + len(tag))
            if end < 0:
                raise OpenError
            yield "'" + text[at + len(tag) : end]
            at = end + len(tag)
        elif char.isalnum() or char in "_@":
            end = at
            while end < len(text) and (text[end].isalnum() or text[end] in "_@$"):
                end += 1
            yield text[at:end].upper()
            at = end
        else:
            yield char
            at += 1


def _line_end(text: str, at: int, way: Reading) -> int:
    ends = [text.find(sign, at) for sign in ("\n\r" if way.returns else "\n")]
    return min((end for end in ends if end >= 0), default=len(text))


def _comment(text: str, at: int, way: Reading) -> int:
    depth, at = 1, at + 2
    if text.startswith("!", at):  # MySQL carries this one out
        return at + 1
    while depth:
        close, opens = text.find("*/", at), text.find("/*", at)
        if close < 0:
            raise OpenError
        if way.nested and 0 <= opens < close:
            depth, at = depth + 1, opens + 2
        else:
            depth, at = depth - 1, close + 2
    return at


def _literal(text: str, at: int, closes: str, escapes: bool) -> int:
    at += 1
    while at < len(text):
        if escapes and text[at] == "\\":
            at += 2
        elif text[at] == closes:
            if text[at + 1 : at + 2] != closes:
                return at + 1
            at += 2
        else:
            at += 1
    raise OpenError


def _tag(text: str, at: int) -> str:
    end = text.find("$", at + 1)
    inner = text[at + 1 : end] if end > 0 else " "
    return text[at : end + 1] if not inner or inner.isidentifier() else ""
