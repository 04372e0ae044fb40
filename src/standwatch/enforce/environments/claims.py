"""What an act says of where it reaches, and what it leaves unsaid."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.facts.environments import Kind

MOST: Final = 1_000
"""Claims of one act that are looked at; with more it cannot be told where it reaches."""
LONGEST: Final = 2_048
"""Characters of a value that is held against patterns."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One word that says where an act reaches. `value` None: everything of its kind (`git push --all`)."""

    kind: Kind
    value: str | None
    said: str
    """The word as it stands, for people."""


class Open(msgspec.Struct, frozen=True, gc=False):
    """A command that goes where something decides that it does not say. `kinds`: what would have told; `told`: those
    of them that were. `only_declared`: counts only for environments that have patterns of one of the kinds."""

    kinds: tuple[Kind, ...]
    told: frozenset[Kind]
    why: str
    only_declared: bool = False


class Claims:
    """What is said so far. `around`: what decides where nothing is said (the branch one is on, a context), by kind:
    given by the host that asks us, then changed by the commands in the order in which they stand."""

    def __init__(self, around: dict[Kind, str] | None = None) -> None:
        self.found: list[Claim] = []
        self.open: list[Open] = []
        self.around: dict[Kind, str] = dict(around or {})
        self.variables: dict[str, str] = {}
        """Exported by an earlier command of the same line."""

    def say(self, kind: Kind, value: str | None, said: str) -> None:
        """`value` is where the act reaches, as `said` shows."""
        if len(self.found) < MOST:
            self.found.append(Claim(kind, None if value is None else value[:LONGEST], said[:200]))
        elif len(self.found) == MOST:
            self.doubt((), f"more than {MOST} places are named")

    def doubt(
        self,
        kinds: tuple[Kind, ...],
        why: str,
        told: frozenset[Kind] = frozenset(),
        *,
        only_declared: bool = False,
    ) -> None:
        """Where it goes is decided by something of `kinds` that it does not say."""
        if len(self.open) < MOST:
            self.open.append(Open(kinds, told, why, only_declared))
