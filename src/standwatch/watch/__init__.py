"""Floor 3: windows of the record → findings: what changed, who was touched, what would have changed it. Pure."""

from typing import Final

READS: Final[tuple[str, ...]] = (
    "act.asked.1",
    "act.asked.2",
    "act.decided.1",
    "act.denied.1",
    "act.intent.1",
    "act.outcome.1",
    "act.outcome.2",
    "act.overridden.1",
    "act.shadowed.1",
    "act.word.1",
    "ctl.config.1",
    "ctl.declared.1",
    "ctl.declared.2",
    "ctl.deployed.1",
    "ctl.hold.1",
    "ctl.relaxed.1",
    "ctl.released.1",
    "ctl.restored.1",
)
WRITES: Final[tuple[str, ...]] = (
    "act.contradicted.1",
    "ctl.coverage.1",
    "ctl.exposure.1",
)
"""Kinds of entries: the loop closes through the record, never through imports (DESIGN.md §1)."""
