"""Glob patterns as manifests and red lines write them, compiled to RE2: linear time whatever the text."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import re2


class Pattern(Protocol):
    """A compiled RE2 expression."""

    def fullmatch(self, text: str) -> object | None: ...


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    """A predicate for `pattern`: `**` stands for anything, `*` for anything without a slash, all else for itself."""
    pieces = (
        ".*" if piece == "**" else "[^/]*" if piece == "*" else re2.escape(piece) for piece in _split(pattern)
    )
    found = re2.compile("(?s)" + "".join(pieces)).fullmatch
    return lambda text: found(text) is not None


def _split(pattern: str) -> list[str]:
    pieces: list[str] = []
    rest = pattern
    while rest:
        literal, star, rest = rest.partition("*")
        if literal:
            pieces.append(literal)
        if star and rest.startswith("*"):
            pieces.append("**")
            rest = rest[1:]
        elif star:
            pieces.append("*")
    return pieces


def matches(patterns: tuple[str, ...], text: str) -> bool:
    """Whether any of `patterns` matches the whole of `text`, a URI: `*` stays within a segment."""
    return any(matcher(pattern)(text) for pattern in patterns)


def names(patterns: tuple[str, ...], name: str) -> bool:
    """Whether any of `patterns` matches the whole of `name`: a name has no segments, so `*` stands for anything."""
    return any(matcher(pattern.replace("*", "**"))(name) for pattern in patterns)


def is_plain(uri: str) -> bool:
    """False for a URI that may mean another one than it says: dot segments, backslashes, and both in disguise.

    What a server makes of `/pub/../etc` or `%2e%2e` is its own business; what was declared is a plain name.
    """
    folded = uri.lower()
    if "\\" in uri or any(disguise in folded for disguise in ("%2e", "%2f", "%5c", "%25")):
        return False
    return not any(segment in (".", "..") for segment in re.split(r"[/?#]", uri))
