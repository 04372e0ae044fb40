"""The case before the checks: one act, and everything about the world that judging it may look at."""

from typing import Any, Final

import msgspec

from standwatch.authority.grant import Grant
from standwatch.enforce.envelope import Envelope, ToolEnvelope
from standwatch.enforce.environments.reach import NOWHERE, Reached
from standwatch.enforce.masks import Masks
from standwatch.enforce.policy import Policies
from standwatch.enforce.ports import Act
from standwatch.facts.configuration import Configuration, Finding
from standwatch.facts.entries import Relaxed
from standwatch.facts.words import Decision, Effect
from standwatch.flow.trail import Trail
from standwatch.record.state import State


class World(msgspec.Struct, frozen=True):
    """One configuration, compiled. Replaced as a whole, never changed."""

    configuration: Configuration
    envelopes: dict[str, Envelope]
    policies: Policies


class Case(msgspec.Struct, frozen=True):
    """What a check sees. `envelope` and `tool` are None where the manifest has nothing of that name."""

    act: Act
    run: str
    now: int
    seen: int
    """The last control entry this judgement looks at: the fence."""
    conf: int
    world: World
    state: State
    grant: Grant
    envelope: Envelope | None
    tool: ToolEnvelope | None
    effect: Effect
    scopes: tuple[str, ...]
    trail: Trail
    valid: Any
    """Validates the arguments against the definition's schema: a `jsonschema_rs` validator, or None."""
    others: int | None = None
    """Which outcomes that other processes wrote in this run are known (`Trail.others`); None for whatever."""
    relaxed: tuple[tuple[int, Relaxed], ...] = ()
    """The relaxations that this process's own clock has in force, with the indices of their entries."""
    modified: Finding | None = None
    """What `content` found before it changed the act; None where it changed nothing."""
    masks: Masks | None = None
    """The values that this run has masked."""
    withdrawn: bool = False
    """Whether the tools that a generation offered were taken out."""
    reached: Reached = NOWHERE
    """The environments that the act reaches."""


def allow(check: str) -> Finding:
    """The finding of a check that has nothing against the act."""
    return _ALLOWED[check] if check in _ALLOWED else Finding(check)


def against(check: str, decision: Decision, code: str, reason: str) -> Finding:
    """A finding that restricts."""
    return Finding(check, decision, reason, code)


CHECKS: Final = (
    "identity",
    "resolve",
    "red_lines",
    "holds",
    "freeze",
    "manifest",
    "limits",
    "provenance",
    "policy",
    "grant",
    "content",
)
"""Every configured check, in the order of DESIGN.md §5; a verdict without a finding of each denies."""

_ALLOWED: Final = {name: Finding(name) for name in CHECKS}
