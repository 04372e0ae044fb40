"""One system whole, as an operator reads it: what it may, what it is made of, and what that rests on.

Times are integer microseconds UTC (0 for none). Nothing here is computed from the present where a moment of the past is
asked for: the configuration is the one that was in force then.
"""

from __future__ import annotations

import msgspec

from standwatch.fronts.control_models import ModelVersions


class PartLine(msgspec.Struct, frozen=True):
    """One component. `digest` is what was accepted of it; "" where nobody has accepted it."""

    kind: str
    name: str
    vendor: str = ""
    version: str = ""
    place: str = ""
    """Its address, or the program that is started; never what is given to it."""
    digest: str = ""


class ToolLine(msgspec.Struct, frozen=True):
    """One declared tool with its bounds in words. `digest` is of the definition that was accepted; "" for none."""

    name: str
    effect: str
    otherwise: str
    """What becomes of a call out of bounds: `deny` or `step_up`; "" where it has none."""
    bounds: tuple[str, ...] = ()
    digest: str = ""
    approvals: str = ""
    """How many of `approvers` a question about it wants, where that is said of it alone; "" for the system's rule."""
    approvers: tuple[str, ...] = ()


class EvidenceLine(msgspec.Struct, frozen=True):
    """A statement about the system. `counts`: the grant rests on it; `elsewhere`: it is about something that does not
    run now."""

    index: int
    at: int
    by: str
    outcome: str
    until: int
    report: str = ""
    counts: bool = False
    elsewhere: bool = False


class ExposureLine(msgspec.Struct, frozen=True):
    """A count of people that has force."""

    week: str
    people: int
    error: int
    """Of the estimate, in ten-thousandths."""
    index: int


class SystemSheet(msgspec.Struct, frozen=True):
    """One system. What `status` says of it is not said again."""

    system: str
    at: int
    index: int
    past: bool
    known: bool
    """False where the configuration of that moment cannot be read: then only what is folded stands here."""
    parts: tuple[PartLine, ...] = ()
    tools: tuple[ToolLine, ...] = ()
    limits: tuple[str, ...] = ()
    approvers: str = ""
    evidence: tuple[EvidenceLine, ...] = ()
    """The latest first."""
    exposure: tuple[ExposureLine, ...] = ()
    models: tuple[ModelVersions, ...] = ()
    permits: dict[str, str] = {}
    """`read`, `write`, `irreversible`, `generation`, `decision` → `envelope`, `asks`, `no`, `fallback`."""
    holds: tuple[int, ...] = ()
    """Holds that fall on it, on all of it or on a part."""
    bypasses: tuple[str, ...] = ()
    """Paths on this host that go round us; empty for a moment of the past."""
