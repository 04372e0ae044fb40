"""Floor 2: what a system may do alone, computed from live evidence that decays. Pure."""

from typing import Final

READS: Final[tuple[str, ...]] = (
    "ctl.config.1",
    "ctl.coverage.1",
    "ctl.declared.1",
    "ctl.declared.2",
    "ctl.deployed.1",
    "ctl.evidence.1",
    "ctl.exposure.1",
    "ctl.hold.1",
    "ctl.principal.1",
    "ctl.released.1",
)
WRITES: Final[tuple[str, ...]] = ()
"""Kinds of entries: the loop closes through the record, never through imports (DESIGN.md §1)."""
