"""Floor 3: an organisation's text → facts; refuses with file, line and column, tells narrowing from widening. Pure."""

from typing import Final

READS: Final[tuple[str, ...]] = ()
WRITES: Final[tuple[str, ...]] = ("ctl.config.1", "ctl.declared.1", "ctl.declared.2", "ctl.principal.1")
"""Kinds of entries: the loop closes through the record, never through imports (DESIGN.md §1)."""
