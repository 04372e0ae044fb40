"""Runs that have their authority from another run: an agent's sub-agents. Pure.

A sub-agent's run is within its parent's in every respect: principal and system, time, tools and effects; it shares the
budgets, the task and what was read. INVARIANT: whatever the parent may not do, no run below it may.
"""

from __future__ import annotations

from typing import Final

from standwatch.facts.entries import Decided, Judged, RunBound
from standwatch.facts.words import Effect
from standwatch.record.state import State

DEEPEST: Final = 8
"""Runs in one line, the one that a harness opened included."""
MOST: Final = 256
"""Runs that one which a harness opened may have below it, in all its time."""


def objection(state: State, entry: RunBound, now: int) -> str:
    """Why `entry` may not be opened below its parent; "" where it may, and for a run that has none."""
    if not entry.parent:
        return "a run that bounds itself has nobody it is bounded by" if entry.tools or entry.effects else ""
    _, parent = state.runs.get(entry.parent, (0, None))
    if parent is None or parent.implicit or 0 < parent.until <= now:
        return f"run {entry.parent} is not open"
    if (entry.principal, entry.system) != (parent.principal, parent.system):
        return f"run {entry.parent} is another's, or of another system"
    if entry.why or entry.implicit:
        return "a run below another has that one's task"
    if isinstance(parent, RunBound) and parent.bound and not entry.bound:
        return f"run {entry.parent} is bound to a key, and it would be bound to none"
    if entry.until > parent.until > 0 or (parent.until > 0 and not entry.until):
        return f"it would outlast run {entry.parent}"
    if len(state.lineage(entry.parent)) >= DEEPEST:
        return f"run {entry.parent} is {DEEPEST} deep"
    root = state.root_run(entry.parent)
    below = sum(1 for above in state.children.values() if above == root)
    return f"run {root} has had {MOST} runs below it" if below >= MOST else ""


def beyond(state: State, run: str, tool: str, effect: Effect) -> str:
    """Why an act with `tool` is more than `run` was given; "" where it is not. Every run above it is asked too."""
    for given in state.delegated(run):
        if given.tools and not any(fits(one, tool) for one in given.tools):
            return f"run {given.run} was not given {tool}"
        if given.effects and effect not in given.effects:
            return f"run {given.run} was given no {effect} effects"
    return ""


def outside(state: State, entry: Judged | Decided) -> str:
    """The same of an act as it is written."""
    if isinstance(entry, Decided):
        return beyond(state, entry.run, f"{entry.model}.decision", "read")
    return beyond(state, entry.run, entry.tool, entry.effect)


def fits(pattern: str, tool: str) -> bool:
    """Whether `tool` is what `pattern` names: itself, or everything that begins with what stands before a final `*`."""
    return pattern == tool or (pattern.endswith("*") and tool.startswith(pattern[:-1]))
