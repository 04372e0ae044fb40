"""What the operators' side says of relaxations, and takes as orders about them. Times are integer µs UTC."""

from __future__ import annotations

import msgspec


class RelaxOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bypass `check` on `scope` until `until`. `salt` (32 bytes, hexadecimal) and `reason` make the commitment that is
    signed; `signature` is that of `by` over `facts.parts.relaxation_bytes`, with `follows` as the report tells it."""

    check: str
    scope: str
    until: int
    reason: str
    salt: str
    compensating: str
    follows: int
    by: str
    signature: str


class RelaxSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One more person's signature over a relaxation that waits."""

    by: str
    signature: str


class RestoreOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str = ""


class AcknowledgedLine(msgspec.Struct, frozen=True):
    """That `person` saw a relaxation when they took `watch`, by entry `index` at `at`."""

    index: int
    watch: str
    person: str
    at: int


class RelaxationLine(msgspec.Struct, frozen=True):
    """One relaxation. `end` is when it ended or will; `counts` whether it is in force now, `left` for how long (µs) by
    the enforcing process's own clock; `restored` who ended it early."""

    id: int
    system: str
    check: str
    scope: str
    compensating: str
    at: int
    until: int
    end: int
    by: str
    signed: tuple[str, ...]
    counts: bool
    left: int = 0
    reason: str = ""
    restored: str = ""
    restore: str = ""
    """The command that ends it."""
    acknowledged: tuple[AcknowledgedLine, ...] = ()
    """At which hand-overs it was seen while it was open, the latest last; empty where no watch was taken since."""


class WaitingRelaxation(msgspec.Struct, frozen=True):
    """A relaxation that waits for another signature: what is signed, byte for byte but for `by`. Kept in memory, until
    `expires`."""

    id: str
    system: str
    check: str
    scope: str
    compensating: str
    envelope: str
    follows: int
    org: str
    until: int
    why: str
    reason: str
    salt: str
    """Hexadecimal; with the reason it makes `why`."""
    signed: tuple[str, ...]
    wanted: str
    expires: int
    sign: str


class RelaxableLine(msgspec.Struct, frozen=True):
    """A check that may be relaxed here: for at most `longest` seconds, by whose signatures."""

    check: str
    longest: int
    wanted: str


class RelaxationsReport(msgspec.Struct, frozen=True):
    """Relaxations of a system since a moment, and µs in bypass meanwhile by check; overlapping ones count once."""

    system: str
    org: str
    envelope: str
    follows: int
    """Index of the system's last relaxation; signed along."""
    since: int
    at: int
    bypass: dict[str, int]
    relaxations: tuple[RelaxationLine, ...]
    waiting: tuple[WaitingRelaxation, ...]
    checks: tuple[RelaxableLine, ...]
    compensations: tuple[str, ...]
    names: dict[str, str]


class RelaxationDone(msgspec.Struct, frozen=True):
    """`in_force` with its entry's index, or `waits` under an id for another signature."""

    result: str
    id: str
    text: str
    index: int = -1
    at: int = 0
    until: int = 0
