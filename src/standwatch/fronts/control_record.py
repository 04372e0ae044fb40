"""The record about itself: how long it is, how far signed and by whom, and whether it is what it claims to be.

Times are integer microseconds UTC, 0 for none; indices are those of the record, -1 for none.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class TileLine(msgspec.Struct, frozen=True):
    """One level of C2SP tiles: how many full ones there are, and how wide the partial one at the edge is."""

    level: int
    full: int
    partial: int


class ProblemLine(msgspec.Struct, frozen=True):
    """One thing that is wrong, with the entry it is about."""

    index: int
    code: str
    text: str


class VerificationLine(msgspec.Struct, frozen=True, kw_only=True):
    """A verification that this server ran over its own record, or runs. `status` is `running`, `verified`, `prefix`,
    `rejected`, or `failed` with the reason in `text`."""

    status: str
    begun: int
    ended: int = 0
    by: str = ""
    done: int = 0
    of: int = 0
    covers: tuple[int, int] = (0, 0)
    """The entries of which every one was read; before them those over which state is folded."""
    size: int = 0
    """Entries under the checkpoint that it was held against."""
    root: str = ""
    problems: tuple[ProblemLine, ...] = ()
    more: int = 0
    counts: dict[str, int] = {}
    limits: tuple[str, ...] = ()
    """What it does not say."""
    text: str = ""


class RecordDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The record. `checkpoint` is the signed note as served; `signed` its entries, `root` its root."""

    origin: str
    vkey: str
    size: int
    alive: bool
    began: int
    """When its first entry was written."""
    latest: int
    """When its last was."""
    checkpoint: str = ""
    signed: int = -1
    signed_at: int = 0
    """When the last entry under the checkpoint was written."""
    root: str = ""
    behind: int = 0
    """How long, in µs, the oldest entry that no checkpoint covers has waited."""
    witnesses: tuple[str, ...] = ()
    """Who else signed the checkpoint; none are configured in this release."""
    predecessor: str = ""
    tiles: tuple[TileLine, ...] = ()
    seams: dict[str, int] = {}
    """Actions among the last thousand entries, by how they reached us."""
    bypasses: tuple[str, ...] = ()
    """Paths that go round us, as far as they are known."""
    verification: VerificationLine | None = None


class VerifyOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to verify: `latest` entries (with all that state is folded over before them), 0 for the whole record."""

    latest: int = 50_000


class CompareOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A checkpoint that somebody kept: the signed note, verbatim."""

    checkpoint: str


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What this record is to a checkpoint that somebody kept: `verified` where it extends it, `prefix` where it is
    shorter, `rejected` where it is another history or the note is none of this log's. `proof` (RFC 6962 §2.1.2,
    hexadecimal) leads from the kept root to the one of `now`, for whoever does not take our word."""

    status: Literal["verified", "prefix", "rejected"]
    text: str
    size: int = 0
    root: str = ""
    now: int = 0
    now_root: str = ""
    proof: tuple[str, ...] = ()
