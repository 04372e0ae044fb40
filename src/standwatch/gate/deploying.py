"""The evidence that is wanted before a version may serve: it waits for validation by tier. Pure.

What would run is imagined and the grant computed for it, so that there is one rule for what counts as evidence: the
rule that the version will stand under once it serves.
"""

from typing import Final

import msgspec

from standwatch.authority.grant import grant, running_of
from standwatch.authority.tiers import tier
from standwatch.facts.errors import Conflict, NotFound
from standwatch.record.state import State

VALIDATION: Final = frozenset({"unvalidated", "rejected", "conditions", "tier_demands", "lapsed"})
"""Codes of the grant's reasons that speak of validation."""

SERVES: Final = frozenset({"full", "canary"})
"""Modes in which somebody hears what the version says."""


class Candidate(msgspec.Struct, frozen=True):
    """A version that is to serve: of which model and system, and the digest of its artifact ("" for none)."""

    system: str
    model: str
    version: str
    digest: str


def in_front(state: State, candidate: Candidate) -> State:
    """`state` as it would be with the candidate in front. It shares all else with `state`: do not fold it on."""
    return state.in_front(candidate.system, candidate.model, candidate.version, candidate.digest)


def running_with(state: State, candidate: Candidate) -> str:
    """The component digest that a statement about the candidate names, before it serves. Raises `NotFound`."""
    standing = state.systems.get(candidate.system)
    if standing is None:
        raise NotFound(f"no manifest declares {candidate.system}", cure="standwatch status")
    return running_of(in_front(state, candidate), candidate.system, standing.entry.components)


def missing(state: State, candidate: Candidate, now: int) -> tuple[str, str]:
    """(code, sentence) of what the candidate's validation lacks under its tier; both "" where it may serve."""
    would = grant(in_front(state, candidate), candidate.system, now)
    for reason in would.reasons:
        if reason.code in VALIDATION:
            return reason.code, reason.text
    return ("", "") if would.evidence else ("unvalidated", "what runs cannot be judged")


def require_evidence(state: State, candidate: Candidate, mode: str, *, now: int, command: str) -> str:
    """Raise `Conflict` (`unvalidated`, `rejected`) where the candidate may not serve yet; `command` cures that.

    A challenger needs nothing, and in tier 1 a version may serve without evidence, under supervision: the sentence
    returned says so. A rejection counts in every tier. An organisation in development may skip the rest; its grants
    go no higher than supervised above tier 1.
    """
    code, why = missing(state, candidate, now) if mode in SERVES else ("", "")
    if not code:
        return ""
    named = f"{candidate.model}@{candidate.version}"
    if code == "rejected":
        raise Conflict(f"{named} may not serve: {why}", code=code, cure=command)
    stakes = tier(state, candidate.system)
    if stakes <= 1:
        return f"{why}: {candidate.system} is supervised until somebody validates {named}"
    if state.development:
        return f"{why}: tier {stakes} would wait for a validation, were this organisation not in development"
    raise Conflict(
        f"{named} waits for validation, as tier {stakes} demands: {why}", code="unvalidated", cure=command
    )
