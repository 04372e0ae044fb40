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
