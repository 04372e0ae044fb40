"""Floor 3: the evidence that is wanted before a version may serve. Pure."""

from typing import Final

READS: Final[tuple[str, ...]] = ("ctl.coverage.1", "ctl.declared.1", "ctl.declared.2", "ctl.deployed.1")
WRITES: Final[tuple[str, ...]] = ("ctl.evidence.1",)
"""Kinds of entries: the loop closes through the record, never through imports (DESIGN.md §1)."""
