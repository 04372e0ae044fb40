"""What the operators' side says of the approval budget: the queue of deferred acts, and how watchful people are.

Times are integer µs UTC.
"""

from __future__ import annotations

import msgspec


class DeferredLine(msgspec.Struct, frozen=True):
    """An act that waits because too much was asked. `room`: whom it could be asked of now, for all they were asked in
    this hour; `code` says what put it off."""

    id: str
    index: int
    system: str
    tool: str
    by: str
    run: str
    at: int
    until: int
    digest: str
    code: str
    room: tuple[str, ...]
    may: tuple[str, ...]
    """Who may pull it."""
    ask: str
    drop: str


class PullOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reason` is needed for a drop, and sealed beside its entry."""

    reason: str = ""


class VigilanceLine(msgspec.Struct, frozen=True):
    """How watchful one person is, as far as the record shows. Counts are since the record began, `latest` is since the
    right to answer was last given. Spans are in ms, shares between 0 and 1."""

    person: str
    may: bool
    """Whether they may answer; False after an approved decoy, until they are revalidated."""
    asked: int
    hour: int
    """Questions they were asked in the last hour;"""
    cap: int
    """the most they may be asked in any: of the systems that name them the least."""
    approved: int
    refused: int
    decoys: int
    caught: int
    fell: int
    latest: tuple[bool, ...]
    """The last decoys that they answered: whether they approved."""
    share: float
    """Of `latest` approved,"""
    low: float
    high: float
    """and the shares that this is compatible with (Wilson, 95 %): a few decoys tell little."""
    times: tuple[int, ...]
    """Answers by how long the question was before them, in spans that end at `edges`; empty where nothing is known."""
    edges: tuple[int, ...]
    median_from: int
    median_to: int
    """The span in which the median lies; 0 and 0 where nothing is known, and an end of 0 for a span without one."""
    together: int
    agreed: int
    finals: int
    with_final: int
    lost: int
    """Index of the entry with which they lost the right to answer; -1 where they have it."""
    restored: int
    validators: tuple[str, ...]
    """Who may give it back."""
    revalidate: str = ""


class VigilanceReport(msgspec.Struct, frozen=True):
    """`one_in`: of the system, or of the organisation where none is named, one real question in so many brings a decoy
    along; 0 for none."""

    org: str
    system: str
    one_in: int
    people: tuple[VigilanceLine, ...]
    names: dict[str, str]


class RevalidationOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give somebody the right to answer back. `salt` (32 bytes, hexadecimal) and `reason` make the commitment that is
    signed; `sig` is that of `by` over `facts.parts.revalidation_bytes`, with `follows` as the report tells `lost`."""

    reason: str
    salt: str
    follows: int
    by: str
    key: str
    sig: str
