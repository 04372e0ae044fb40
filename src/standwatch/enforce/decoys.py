"""A refused act as a question, to see who looks: only what is refused today, for reasons that may ask. Pure."""

from typing import Final

import msgspec

from standwatch.enforce.case import Case
from standwatch.enforce.judge import every, judge
from standwatch.facts.configuration import Finding

ASKING: Final = frozenset({"limits", "provenance", "policy"})
"""Checks whose refusal another manifest would have made a question; what any other refuses is put to nobody."""
BROKEN: Final = frozenset({"check_failed", "missing_finding", "policy_failed", "invalid"})
"""Codes of refusals that say nothing of the act."""


def masked(case: Case) -> tuple[Finding, ...] | None:
    """The findings as they would stand if what refuses had asked; None where the act is not refused today, or is for
    a reason that never asks."""
    # INVARIANT: nothing that policy would let through, or would ask about, is ever asked about as a decoy.
    if judge(case).disposition != "deny":
        return None
    found = every(case)
    against = [one for one in found if one.decision == "deny"]
    if not against or any(one.check not in ASKING or one.code in BROKEN for one in against):
        return None
    return tuple(
        msgspec.structs.replace(one, decision="step_up") if one.decision == "deny" else one for one in found
    )
