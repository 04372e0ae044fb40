"""What names of tools and arguments say, whatever their style: which argument holds prose, and what a tool does.

A name is of a definition, and so of what somebody accepted into the lock: it is no payload.
"""

import re
from functools import lru_cache
from typing import Final

_PROSE: Final = """
abstract agenda answer bio body caption comment comments content contents description details draft
explanation feedback footer greeting heading headline html intro introduction justification letter
markdown memo message messages motivation note notes paragraph preamble reason remark remarks reply
response review signature subject subtitle summary text title transcript
"""
PROSE: Final = frozenset(_PROSE.split())
"""The last word of an argument's name where its value is prose: it informs, and what steers in it is looked for."""

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VAGUE: Final = frozenset(
    ["call", "do", "execute", "invoke", "perform", "process", "request", "run", "trigger"]
)
"""Verbs that say nothing of an act: the next word of the name is taken."""


@lru_cache(maxsize=4_096)
def is_prose(name: str) -> bool:
    """Whether an argument of this name holds prose."""
    said = words(name)
    return bool(said) and said[-1] in PROSE


@lru_cache(maxsize=4_096)
def words(name: str) -> tuple[str, ...]:
    """The words that a name is made of, in lower case: `sendMoney`, `send_money` and `send-money` alike."""
    return tuple(word.lower() for word in _WORDS.findall(name[:200]))


def verb(tool: str) -> tuple[str, ...]:
    """The word of a tool's name that says what is done; none for a name without one."""
    said = words(tool.partition(".")[2].rpartition("/")[2].rpartition(".")[2])
    telling = [word for word in said if word not in _VAGUE and not word.isdigit()]
    return tuple(telling[:1])
