"""The grammar of what can be stopped: `KIND:NAME`, or `all` (DESIGN.md §3).

Imports nothing but errors: `standwatch halt` checks its scope here even where the server is down.
"""

import re
from typing import Final, NamedTuple

from standwatch.facts.errors import Malformed

ALL: Final = "all"

KINDS: Final = ("system", "component", "version", "tool", "server", "agent", "run", "vendor")

_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]{1,300}")
_VERSION: Final = re.compile(r"[^@]+@[^@]+")

EXPECTED: Final = "one of all, " + ", ".join(f"{kind}:NAME" for kind in KINDS)


class Scope(NamedTuple):
    """What a hold stops: `kind` is one of `KINDS`, or `all` with an empty `name`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


def parse(text: str) -> Scope:
    """The scope that `text` spells. Raises `Malformed` with what was expected.

    A version is `version:COMPONENT@VERSION`; a tool `tool:SERVER.TOOL`, as manifests name them.
    """
    if text == ALL:
        return Scope(ALL, "")
    kind, _, name = text.partition(":")
    if kind not in KINDS or not _NAME.fullmatch(name):
        raise Malformed(
            f"{text[:80]!r} is not a scope: expected {EXPECTED}",
            code="bad_scope",
            cure="standwatch halt system:NAME --reason …",
        )
    if kind == "version" and not _VERSION.fullmatch(name):
        raise Malformed(
            f"{text[:80]!r} names no version: expected version:COMPONENT@VERSION", code="bad_scope"
        )
    if kind == "tool" and "." not in name:
        raise Malformed(f"{text[:80]!r} names no server: expected tool:SERVER.TOOL", code="bad_scope")
    return Scope(kind, name)
