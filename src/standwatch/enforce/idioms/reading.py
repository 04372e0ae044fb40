"""What a command line does, as data: its effect, what it reaches, and every reason why a person should look at it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from standwatch.facts.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION: Final = 2
"""Raised whenever the same command line may be read otherwise."""
MOST_TOLD: Final = 64
"""Doubts, paths, hosts and values that are kept of each kind."""

Kind = Literal["unread", "harm", "outside", "opens", "runs", "network", "reveals"]
"""Of a doubt: `unread`, it is not understood; `harm`, it destroys, reveals, raises rights or hides, wherever it runs;
`outside`, it leaves the workspace; `opens`, it opens a shell or a screen from which anything can be run; `runs`, it
runs something that is not seen; `network`, it sends, listens, or reaches another machine; `reveals`, it tells a
secret."""

_ORDER: Final[dict[Effect, int]] = {"read": 0, "write": 1, "irreversible": 2}


class Doubt(msgspec.Struct, frozen=True):
    """One reason why a person should look."""

    kind: Kind
    why: str


_GRAVEST: Final[tuple[Kind, ...]] = ("harm", "reveals", "unread", "opens", "runs", "network", "outside")


def gravest_first(doubts: Iterable[Doubt]) -> list[Doubt]:
    """`doubts` as people who decide should read them: what destroys or tells a secret before what is merely odd."""
    return sorted(doubts, key=lambda one: _GRAVEST.index(one.kind))


class Carried(msgspec.Struct, frozen=True):
    """A word that decides where something goes or what comes in: `url`, `host`, `package`."""

    kind: Literal["url", "host", "package"]
    text: str


class Reading(msgspec.Struct, frozen=True):
    """One command line. `understood` is False where the effect is not known either. Paths are as they are written."""

    effect: Effect = "read"
    understood: bool = True
    doubts: tuple[Doubt, ...] = ()
    programs: tuple[str, ...] = ()
    """What runs, those inside others too, in the order in which they stand."""
    network: bool = False
    hosts: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    carried: tuple[Carried, ...] = ()
    version: int = VERSION

    def doubt(self, *kinds: Kind) -> str:
        """The first reason, of `kinds` where any are named; "" for none."""
        return next((one.why for one in self.doubts if not kinds or one.kind in kinds), "")


class SpentError(Exception):
    """A line took more work than is spent on one."""


MOST_WORK: Final = 10_000
"""Words that are looked at in one line, those of what it carries inside over again: work and no time, so that every
machine gives up on the same lines."""


class Notes:
    """What is found while a line is read, the same thing once. Raises `SpentError` where it is too much."""

    def __init__(self) -> None:
        self._left = MOST_WORK
        self.effect: Effect = "read"
        self.network = False
        self.understood = True
        self._kept: dict[str, dict[object, None]] = {}

    def does(self, effect: Effect) -> None:
        """It does at least this."""
        if _ORDER[effect] > _ORDER[self.effect]:
            self.effect = effect

    def spend(self, words: int) -> None:
        """So many words are looked at now."""
        self._left -= words
        if self._left < 0:
            raise SpentError

    def doubt(self, kind: Kind, why: str) -> None:
        if why:
            self.note("doubts", Doubt(kind, why))

    def note(self, where: str, found: object) -> None:
        kept = self._kept.setdefault(where, {})
        if len(kept) < MOST_TOLD:
            kept[found] = None

    def reading(self) -> Reading:
        kept = {name: tuple(found) for name, found in self._kept.items()}
        return Reading(effect=self.effect, understood=self.understood, network=self.network, **kept)  # pyright: ignore[reportArgumentType]


@lru_cache(maxsize=64)
def read(text: str, workspace: str = "", start: str = "") -> Reading:
    """What `text` does where it is run by a shell that starts in the folder `start` of the workspace `workspace` (both
    absolute; "" for a start at its root, wherever that is). Linear in the length of what is read; more than that is
    not understood."""
    from standwatch.enforce.idioms.places import Ground
    from standwatch.enforce.idioms.running import Runner

    notes = Notes()
    try:
        Runner(notes, Ground(workspace, start)).script(text, 0)
    except SpentError:
        notes.understood = False
        notes.doubt("unread", "it takes more work than is spent on reading one command line")
    return notes.reading()
