"""What the operators' side says of break-glass, and takes as orders about it. Times are integer µs UTC."""

from __future__ import annotations

import msgspec


class SealOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seal the key whose public half is `key`; signed by administrator `by` over `facts.parts.glass_bytes`."""

    key: str
    people: tuple[str, ...]
    may: tuple[str, ...]
    systems: tuple[str, ...]
    until: int
    by: str
    sig: str
    reason: str = ""


class OpenOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Signed with the sealed key, for person `by`; `until` ends the session."""

    by: str
    until: int
    sig: str
    reason: str


class DrillOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    by: str
    sig: str


class ReviewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class GlassLine(msgspec.Struct, frozen=True):
    """One break-glass. `state`: `sealed`, `open` (until `session`), `unreviewed`, `reviewed`, or `over`."""

    id: int
    state: str
    key: str
    people: tuple[str, ...]
    may: tuple[str, ...]
    systems: tuple[str, ...]
    until: int
    sealed_by: str
    drilled: int = 0
    opened: int = -1
    opened_by: str = ""
    session: int = 0
    reviewed: int = -1


class GlassReport(msgspec.Struct, frozen=True):
    """Every break-glass that matters now; `org` is signed along."""

    org: str
    glasses: tuple[GlassLine, ...]
    names: dict[str, str]
