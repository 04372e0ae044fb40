"""Floor 3: a human's order or a finding → the entry that stops something, starts it again, or answers. Pure."""

from typing import Final

READS: Final[tuple[str, ...]] = (
    "act.asked.1",
    "act.asked.2",
    "act.decided.1",
    "act.deferred.1",
    "act.unmasked.1",
    "ctl.declared.1",
    "ctl.declared.2",
    "ctl.deployed.1",
    "ctl.evidence.1",
    "ctl.glass.1",
    "ctl.hold.1",
    "ctl.relaxed.1",
    "ctl.restored.1",
    "ctl.watch.1",
)
WRITES: Final[tuple[str, ...]] = (
    "act.answered.1",
    "act.answered.2",
    "act.endorsed.1",
    "act.overridden.1",
    "act.pulled.1",
    "ctl.deployed.1",
    "ctl.enrolled.1",
    "ctl.glass.1",
    "ctl.hold.1",
    "ctl.passkey_doubted.1",
    "ctl.passkey_ended.1",
    "ctl.passkey_refused.1",
    "ctl.relaxed.1",
    "ctl.released.1",
    "ctl.restored.1",
    "ctl.revalidated.1",
    "ctl.signed_in.1",
    "ctl.signed_out.1",
    "ctl.watch.1",
)
"""Kinds of entries: the loop closes through the record, never through imports (DESIGN.md §1)."""
