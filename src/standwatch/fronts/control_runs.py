"""A run as operators read it: what it was asked for, what it did in which order, and where values came from.

Times are integer microseconds UTC, 0 for none; indices are those of the record, -1 for none.
"""

from __future__ import annotations

import msgspec

from standwatch.record.spoken import Doubt


class Flow(msgspec.Struct, frozen=True):
    """Where one value of an action's arguments came from.

    `pointer` (RFC 6901) is its place, `value` its text, cut after 500 characters. `source` is `task`, `trusted`,
    `untrusted` or `model`, `hook` where the hook added it; `of` is the outcome in whose result it stands, with its
    `tool`.
    """

    pointer: str
    value: str
    source: str
    of: int = -1
    tool: str = ""
    judged: bool = False
    """Whether the gateway labelled it when it judged; else it was found again, by the manifest of today."""


class RunAnswer(msgspec.Struct, frozen=True):
    """One person's answer to the question about an act."""

    index: int
    at: int
    by: str
    decision: str


class RunAct(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the run asked to do. `word` says what became of it: `done`, `failed`, `unknown`, `denied`,
    `waiting`, `approved`, `endorsed`, `refused`, `expired`, `deferred`, `decided`, `decoy` (it was never to be carried
    out)."""

    id: str
    index: int
    at: int
    tool: str
    word: str
    effect: str = "read"
    code: str = ""
    """Of the finding that refused it or put it off."""
    status: str = ""
    """Of its outcome."""
    outcome: int = -1
    micros: int = 0
    """From intent to outcome."""
    arguments: str = ""
    arguments_fate: str = "none"
    """`present`, `erased`, `absent`, `false` or `none`, as `explain` says it of a sealed part."""
    result: str = ""
    """What came back: the texts of an MCP result, else its bytes."""
    result_fate: str = "none"
    cut: bool = False
    """Whether arguments or result are longer than shown here: the action's own page has them whole."""
    flows: tuple[Flow, ...] = ()
    flows_more: int = 0
    asked: int = -1
    until: int = 0
    answers: tuple[RunAnswer, ...] = ()
    decision: str = ""
    """`INDEX/0` of a model's decision."""


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run, and a page of its acts, in their order. `next` is the `from` of the next page; -1 for none."""

    run: str
    system: str
    principal: str
    opened: int
    """Index of the entry that opened it; -1 where that is not among those that may be read."""
    at: int
    by: str
    until: int = 0
    implicit: bool = False
    closed: int = -1
    closed_at: int = 0
    task: str = ""
    task_fate: str = "none"
    on_behalf_of: str = ""
    counts: dict[str, int] = {}
    """Acts by what became of them, over the whole run."""
    total: int = 0
    begin: int = 0
    next: int = -1
    left_off: int = 0
    """Entries at the run's beginning that were not looked at: it is longer than this reads."""
    acts: tuple[RunAct, ...] = ()
    names: dict[str, str] = {}
    bound: str = ""
    """Thumbprint of the key that its token is bound to; "" for none."""
    tools: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    """What it was given of what the run above it has; empty for all of it."""
    above: tuple[str, ...] = ()
    """The runs that its authority comes from, the nearest first; it has the task of the last."""
    below: tuple[str, ...] = ()
    """The runs that were opened from it, the first first."""
    second_place: int = -1
    """The entry that says its token was used from a second place, or without its key."""
    doubts: tuple[Doubt, ...] = ()
    """What its agent said that its record contradicts, the first first."""
    second_code: str = ""
    """`another_place` or `without_key`."""


class RunHead(msgspec.Struct, frozen=True):
    """One run in a list."""

    run: str
    system: str
    principal: str
    index: int
    at: int
    implicit: bool
    open: bool
    task: str = ""
    """The beginning of what it was asked for."""
    acts: int = -1
    """Acts that it asked for: those `denied` by a check, `asked` of people and `refused` by them are among them. -1
    where it is too long to be counted for a list."""
    denied: int = -1
    asked: int = -1
    refused: int = -1


class RunList(msgspec.Struct, frozen=True):
    """Runs, the latest first. `before` is the `before` of the next page; -1 for none."""

    runs: tuple[RunHead, ...]
    before: int = -1
