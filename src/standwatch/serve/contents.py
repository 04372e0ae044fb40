"""Where engines and canaries come from: the detectors that a configuration's words mean, and texts kept outside it."""

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from standwatch.content import detectors
from standwatch.enforce.contents import Contents, Scanner, contents_of, word_of
from standwatch.facts.configuration import Configuration, System

MOST_CANARY: Final = 4_096
"""Characters of a canary."""
LEAST_CANARY: Final = 6
"""Shorter ones would turn up by themselves."""


def contents(configuration: Configuration) -> Callable[[System], Contents | None]:
    """What makes ready the content rules of a system of `configuration`."""

    def made(system: System) -> Contents | None:
        found = contents_of(configuration, system, build, read)
        if found is not None:
            found.warm(tuple(system.manifest.tools))
        return found

    return made


def build(words: frozenset[str], canaries: Mapping[str, str]) -> Scanner:
    """The engine that finds `words`, and these canaries. Raises `LookupError` where there is no detector for a word."""
    return _build(words, tuple(sorted(canaries.items())))


@lru_cache(maxsize=64)
def _build(words: frozenset[str], canaries: tuple[tuple[str, str], ...]) -> Scanner:
    known = {one.name: word_of(one.kind, one.name) for one in detectors.known().values() if not one.named}
    wanted = [name for name, word in known.items() if word in words]
    if missing := sorted(words - {*known.values(), "canaries"}):
        raise LookupError(f"there is no detector of {', '.join(missing)}")
    return detectors.build(wanted, dict(canaries))


def read(where: str) -> str | None:
    """The text of a canary, from `${NAME}` of the environment or from a file; None where none of its length is."""
    if where.startswith("${"):
        text = os.environ.get(where[2:-1])
    else:
        try:
            text = Path(where).read_bytes()[: 4 * MOST_CANARY + 1].decode()
        except (OSError, UnicodeError):
            text = None
    text = None if text is None else text.strip()
    return text if text is not None and LEAST_CANARY <= len(text) <= MOST_CANARY else None
