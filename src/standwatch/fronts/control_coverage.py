"""One system's seams, and what goes round them, as an operator reads it. Times are integer microseconds UTC."""

from __future__ import annotations

import msgspec

from standwatch.facts.coverage import Needs, Sighting


class CallsLine(msgspec.Struct, frozen=True):
    """How often a tool was asked for by one seam; when last, in entry `index`."""

    seam: str
    count: int
    index: int
    at: int


class ToolSeams(msgspec.Struct, frozen=True):
    """One declared tool. `seam`: by design `proxy`, or `client` where its host asks (as `hook` does)."""

    name: str
    effect: str
    seam: str
    calls: tuple[CallsLine, ...] = ()
    """None: it was not asked for in what was counted."""
    round: tuple[str, ...] = ()
    """Codes of the ways round that are in the record."""


class LookLine(msgspec.Struct, frozen=True):
    """What is in the record of one host. `caps`: some of it caps the grant."""

    host: str
    index: int
    at: int
    by: str
    ways: dict[str, tuple[str, ...]]
    """Tool → codes."""
    caps: bool
    signed: int
    """Index of the last signed statement; -1 for none."""
    signer: str
    until: int
    said: tuple[Sighting, ...] = ()
    """As the last statement said it; empty where that was erased."""


class CoverageSheet(msgspec.Struct, frozen=True):
    """A system's seams. `lines`: what can be said from here; `hosts`: what somebody said of a host."""

    system: str
    at: int
    index: int
    past: bool
    since: int
    """Index of the first entry that is counted."""
    level: str
    tier: int
    demands: str
    seams: dict[str, int]
    tools: tuple[ToolSeams, ...]
    lines: tuple[Sighting, ...]
    hosts: tuple[LookLine, ...]
    envelope: str
    org: str
    longest: int
    """µs that a signed statement may last in this tier."""
    validators: tuple[str, ...]
    needs: Needs
    """What somebody who looks at another host must know."""
    names: dict[str, str]


class CoverageOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen on `host`. Signed by a validator (over `facts.parts.coverage_bytes`) it stands for all that goes
    round there; without a signature it adds to what is known."""

    host: str
    sightings: tuple[Sighting, ...] = ()
    by: str = ""
    key: str = ""
    sig: str = ""
    until: int = 0
    follows: int = -1
    salt: str = ""
    """32 random bytes, hexadecimal: `why` commits with it to the JSON of `sightings`."""
