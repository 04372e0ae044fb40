"""Texts that a pattern matches, made from the pattern: short ones, and ones at its longest."""

from __future__ import annotations

import random
import re
import warnings
from functools import cache
from typing import Any

_WORD = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_CLASSES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_SPACE": " \n",
    "CATEGORY_NOT_SPACE": _WORD,
    "CATEGORY_WORD": _WORD,
}
_PLAIN = "abcdefghijkmnpqrstuvwxyz0123456789"


@cache
def tree(pattern: str) -> Any:
    """Python's own reading of a pattern of RE2: flags amid it, which Python refuses, are left out."""
    plain = re.sub(r"\(\?-?[is]+\)", "", pattern)
    plain = re.sub(r"\(\?-?[is]+(?:-[is]+)?:", "(?:", plain).replace(r"\z", r"\Z")
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        return re._parser.parse(plain)  # type: ignore[attr-defined]


def longest(pattern: str) -> int:
    """Characters of the longest match; a very large number where there is none."""
    return int(tree(pattern).getwidth()[1])


def made_up(pattern: str, chance: random.Random, *, more: int = 12) -> str:
    """A text of the pattern's form; repeats come up to `more` times beyond the fewest. What surrounds it is up to the
    caller, so an assertion in the pattern may still fail."""
    return "".join(_made(tree(pattern), chance, more))


def _made(items: Any, chance: random.Random, more: int) -> list[str]:
    out: list[str] = []
    for name, value in items:
        kind = str(name)
        if kind == "LITERAL":
            out.append(chr(value))
        elif kind == "ANY":
            out.append(chance.choice(_PLAIN))
        elif kind == "NOT_LITERAL":
            out.append(chance.choice(_PLAIN.replace(chr(value), "")))
        elif kind == "IN":
            out.append(_one_of(value, chance))
        elif kind == "BRANCH":
            out += _made(chance.choice(value[1]), chance, more)
        elif kind == "SUBPATTERN":
            out += _made(value[3], chance, more)
        elif kind in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high = int(value[0]), min(int(value[1]), int(value[0]) + more)
            for _ in range(chance.choice((low, chance.randint(low, high), high))):
                out += _made(value[2], chance, more)
    return out


def _one_of(items: Any, chance: random.Random) -> str:
    allowed: list[str] = []
    negated = False
    for name, value in items:
        kind = str(name)
        if kind == "NEGATE":
            negated = True
        elif kind == "LITERAL":
            allowed.append(chr(value))
        elif kind == "RANGE":
            allowed += map(chr, range(value[0], value[1] + 1))
        elif kind == "CATEGORY":
            allowed += _CLASSES.get(str(value), _WORD)
    if negated:
        allowed = [each for each in _PLAIN if each not in allowed] or [" "]
    return chance.choice(allowed)
