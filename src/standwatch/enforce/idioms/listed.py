"""Sets of words, written as they are read; and patterns that are searched for in linear time."""

from collections.abc import Callable
from typing import Any

import re2

_re2: Any = re2
"""Its stub knows neither options nor errors."""


def listed(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


def linear(pattern: str) -> Callable[[str], bool]:
    """Whether `pattern` (RE2 syntax) stands anywhere in a text: arguments are written by attackers too."""
    found: Any = _re2.compile(pattern)
    return lambda text: found.search(text) is not None
