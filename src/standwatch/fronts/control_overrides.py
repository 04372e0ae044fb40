"""What the operators' side says of overrides, and takes as an order to make one. Times are integer µs UTC."""

from __future__ import annotations

import msgspec


class OverrideOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: str
    reason: str


class OverrideDone(msgspec.Struct, frozen=True):
    """An override has force: its entry, the row `index/row` it is about, the outcome given and the one before."""

    index: int
    at: int
    decision: str
    outcome: str
    former: str
    follows: int
    text: str


class OverrideLine(msgspec.Struct, frozen=True):
    """One override. `stands`: whether it is the last of its row; `outcome` and `why` are "" where they were erased."""

    index: int
    at: int
    by: str
    decision: str
    model: str
    follows: int
    stands: bool
    outcome: str = ""
    former: str = ""
    why: str = ""


class PersonRate(msgspec.Struct, frozen=True):
    """One person's overrides; `undone` of them another person overrode in turn."""

    by: str
    overrides: int
    rows: int
    undone: int
    days: int


class ChainLine(msgspec.Struct, frozen=True):
    """A row that was overridden more than once."""

    decision: str
    model: str
    overrides: tuple[int, ...]
    people: tuple[str, ...]


class OverridesReport(msgspec.Struct, frozen=True):
    """Overrides of a system since a moment. `decided`: rows decided meanwhile, -1 where they were too many to count."""

    system: str
    since: int
    at: int
    total: int
    rows: int
    decided: int
    per_cent: float
    """Overridden rows among the decided ones; 0 where these were not counted."""
    people: tuple[PersonRate, ...]
    models: dict[str, int]
    days: dict[str, int]
    chains: tuple[ChainLine, ...]
    latest: tuple[OverrideLine, ...]
    names: dict[str, str]
