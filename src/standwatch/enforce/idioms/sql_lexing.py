"""A statement's words as PostgreSQL's own lexer has them, beside the parser's: where they differ none is believed.

What a parser takes for a comment or a literal and the database does not is how a statement is hidden. PostgreSQL 15,
"Lexical Structure": comments nest, a backslash escapes in E'…' alone, `--` ends at either line end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from standwatch.enforce.idioms.sql_words import OpenError, Reading, words

POSTGRES: Final = Reading(backslash=False, nested=True, dollars=True, hashes=False, returns=True)
_PLACEHOLDER: Final = re.compile(r"%(?:s|\()")
_PREFIXES: Final = frozenset({"E", "B", "X", "N"})


def differs(text: str, tokens: Iterable[Any]) -> str:
    """Why the parser's `tokens` of `text` are not what PostgreSQL would read; "" where they are."""
    try:
        ours = list(_ours(text))
    except OpenError:
        return "a literal or a comment in it does not end"
    if any(text.upper().find(sign) >= 0 for sign in ("U&'", 'U&"')):
        return "it writes characters by their numbers"
    theirs = list(_theirs(tokens))
    if ours != theirs:
        found = next((a for a, b in zip(ours, theirs, strict=False) if a != b), "its end")
        return f"two readers take it apart differently, at {found[:40]!r}"
    return ""


def pieces(text: str) -> int:
    """How many statements PostgreSQL would see in `text`; a semicolon in a literal or a comment is none.

    Raises `OpenError` where a literal or a comment does not end.
    """
    found, filled = 0, False
    for word in words(text, POSTGRES):
        if word == ";":
            filled = False
        elif not filled:
            found, filled = found + 1, True
    return found


def hides_placeholder(text: str) -> bool:
    """Whether a placeholder of a driver (`%s`, `%(name)s`) stands inside a literal, a quoted name or a comment.

    Raises `OpenError` where one of them does not end.
    """
    seen = inside = 0
    for word in words(text, POSTGRES):
        if word[0] in "'\"":
            seen += word.count("%")
            inside += len(_PLACEHOLDER.findall(word))
        else:
            seen += word == "%"
    return bool(inside) or (seen != text.count("%") and bool(_PLACEHOLDER.search(text)))


def _ours(text: str) -> Iterator[str]:
    held = ""
    for word in words(text, POSTGRES):
        if held and not word.startswith("'"):
            yield held
        held = ""
        if word in _PREFIXES:
            held = word
        elif word == ";" or word[0].isalpha() or word[0] in "_\"'":
            yield "'" if word[0] == "'" else word.upper()
    if held:
        yield held


def _theirs(tokens: Iterable[Any]) -> Iterator[str]:
    for token in tokens:
        kind, text = token.token_type.name, str(token.text)
        if kind in (
            "STRING",
            "BYTE_STRING",
            "BIT_STRING",
            "HEX_STRING",
            "NATIONAL_STRING",
            "HEREDOC_STRING",
            "RAW_STRING",
        ):
            yield "'"
        elif kind == "IDENTIFIER":
            yield '"' + text.upper()
        elif kind == "SEMICOLON":
            yield ";"
        elif text[:1].isalpha() or text[:1] == "_":
            yield from (one.upper() for one in text.split())
