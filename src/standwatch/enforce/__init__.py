"""Floor 3: the one passage every action goes through, and the checks it runs. Pure."""

from typing import Final

READS: Final[tuple[str, ...]] = (
    "act.answered.1",
    "act.answered.2",
    "act.asked.2",
    "act.endorsed.1",
    "act.pulled.1",
    "act.unmasked.1",
    "ctl.config.1",
    "ctl.declared.1",
    "ctl.declared.2",
    "ctl.deployed.1",
    "ctl.hold.1",
    "ctl.principal.1",
    "ctl.relaxed.1",
    "ctl.released.1",
    "ctl.restored.1",
    "ctl.revalidated.1",
    "ctl.run_opened.1",
    "ctl.run_opened.2",
    "ctl.task.1",
    "ctl.task_added.1",
)
WRITES: Final[tuple[str, ...]] = (
    "act.asked.1",
    "act.asked.2",
    "act.decided.1",
    "act.deferred.1",
    "act.denied.1",
    "act.intent.1",
    "act.outcome.1",
    "act.outcome.2",
    "act.shadowed.1",
    "act.unmasked.1",
    "act.word.1",
    "ctl.run_closed.1",
    "ctl.run_opened.1",
    "ctl.run_opened.2",
    "ctl.second_place.1",
    "ctl.task.1",
    "ctl.task_added.1",
)
"""Kinds of entries: the loop closes through the record, never through imports (DESIGN.md §1)."""
