"""Floor 1: the record. What an entry is, how entries hash, prove and fold into state. Pure."""

from typing import Final

READS: Final[tuple[str, ...]] = ()
WRITES: Final[tuple[str, ...]] = ("log.gap.1", "log.opened.1")
"""Kinds of entries: the loop closes through the record, never through imports (DESIGN.md §1)."""
