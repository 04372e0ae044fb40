"""Relaxations on the small bank: one that lets a hijacked recipient pass, signed by whom it takes, or not."""

from typing import Any

import msgspec

from standwatch.enforce.case import World
from standwatch.facts.configuration import Limits, Manifest, Policy
from standwatch.facts.entries import Relaxed
from standwatch.facts.frames import Append, Refusal
from standwatch.facts.relaxations import Relaxations
from support import bank
from support.playbook import Stage

MINUTE = 60_000_000
MANIFEST: Manifest = msgspec.structs.replace(
    bank.MANIFEST,
    limits=Limits(calls_per_run=200, asks_per_run=20),
    relaxations=Relaxations(4 * 3600, {"policy": 3600}),
)
BAD = {"recipient": "DE99ATTACKER0000000000", "amount": 5}


def world(forbids: str = "", manifest: Manifest = MANIFEST) -> World:
    """The bank, whose checks may be relaxed for four hours."""
    config = bank.configuration(manifest)
    if forbids:
        config = msgspec.structs.replace(config, policies=(Policy("forbids", forbids),))
    return bank.world(config, forbids)


def relaxed(stage: Stage, **changes: Any) -> Relaxed:
    """A relaxation of provenance on payments for half an hour, in which a person signs each; with `changes`."""
    last = stage.state.last_relaxed.get("payments-agent", -1)
    said: dict[str, Any] = {
        "by": "p-chen",
        "system": "payments-agent",
        "check": "provenance",
        "scope": "tool:bank.send_money",
        "compensating": "step_up",
        "envelope": "envelope-1",
        "until": stage.now + 30 * MINUTE,
        "follows": last,
        "signatures": {"p-chen": "s", "p-omar": "s"},
    }
    return Relaxed(**(said | changes))


def relax(stage: Stage, **changes: Any) -> Refusal | int:
    """Ask the sequencer: the entry's index, or its refusal."""
    index, refusal = stage.write(Append(0, relaxed(stage, **changes)))
    return index if refusal is None else refusal
