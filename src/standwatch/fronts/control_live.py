"""What the operators' side says of the record as it grows: its latest entries, what changed, and what passed lately.

Times are integer microseconds UTC.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

TOPICS: Final = ("questions", "holds", "relaxations", "watch", "systems", "people", "runs", "tick")
"""What `changes` tells of. `tick` comes every ten seconds: what is measured may have moved."""


SIFT: Final = ("system", "kind", "by", "verdict")
"""The query parameters that make a `Sift`."""


class Sift(msgspec.Struct, frozen=True):
    """Which entries are wanted; "" for any. `kind` is the beginning of a kind, `verdict` a verdict or an outcome."""

    system: str = ""
    kind: str = ""
    by: str = ""
    verdict: str = ""


class EntryLine(msgspec.Struct, frozen=True):
    """One entry of the record: as it stands there, and in a sentence."""

    index: int
    at: int
    kind: str
    text: str
    entry: Any


class Latest(msgspec.Struct, frozen=True):
    """Entries, the latest first. `next` is the `before` that goes on; -1 at the beginning of the record.

    A sieve that lets little through stops after `seen` entries and says so by a `next` that goes on all the same.
    """

    entries: tuple[EntryLine, ...]
    next: int
    seen: int


class Changed(msgspec.Struct, frozen=True):
    """Something changed up to entry `index`: its topics, none twice."""

    index: int
    topics: tuple[str, ...]


class TrafficLine(msgspec.Struct, frozen=True):
    """What one system asked for and how it went, in the window and by its steps. Empty tuples stand for nothing."""

    system: str
    allow: int = 0
    step_up: int = 0
    defer: int = 0
    deny: int = 0
    errors: int = 0
    """Of `done`: what ended in anything but `ok`, and answers of models with a row that nothing answered, not even the
    fallback."""
    done: int = 0
    """Outcomes, and answers of models."""
    p50: int = 0
    """Of what the far side took, µs, from a histogram of half octaves: right to a fifth."""
    p95: int = 0
    acts: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    slow: tuple[int, ...] = ()
    """The 95th percentile of each step, µs."""


class Traffic(msgspec.Struct, frozen=True):
    """What passed between `since` and `at`, in steps of `step` µs; the last one is under way.

    `whole` is False where the window holds more entries than are looked at: then it begins later than it would.
    """

    since: int
    at: int
    step: int
    whole: bool
    systems: tuple[TrafficLine, ...]


class Summary(msgspec.Struct, frozen=True):
    """What must be in sight wherever one looks: counts of what is open, who has the watch, and which moment it is."""

    organisation: str
    development: bool
    now: int
    at: int
    index: int
    past: bool
    holds: int
    relaxations: int
    questions: int
    watch: tuple[str, ...]
    """Opaque ids of those who have one, once each."""
    names: dict[str, str]
    """Opaque id → how to show a person."""


def sift_of(query: dict[str, str]) -> Sift:
    """Which entries a query asks for."""
    return Sift(**{name: query[name] for name in SIFT if name in query})
