"""The check of where a call comes from: its values, the act in the task, and what the run did before."""

from collections.abc import Sequence
from typing import Final

from standwatch.enforce.case import Case, against, allow
from standwatch.enforce.doubts import OF_VALUES, Doubt, doubts
from standwatch.enforce.endorsed import vouching
from standwatch.facts.configuration import Finding
from standwatch.facts.words import SEVERITY

TOLD: Final = 12
"""Doubts that a finding tells; the others are counted. Whoever signs reads them nowhere else."""


def provenance(case: Case) -> Finding:
    """The task speaks of such an act and as often, each value comes from where its rule allows, nothing secret flows
    on, and nothing comes after what it may not come after.

    One finding for all of it: its decision is the most severe, its code that of the first doubt as severe, and its
    reason tells them all, the most severe first.
    """
    vouched: list[str] = []
    left: list[Doubt] = []
    for doubt in doubts(case):
        # INVARIANT: people vouch for what they are asked about, never for what is refused.
        asked = doubt.decision == "step_up" and doubt.code in OF_VALUES
        found = vouching(case, doubt) if asked else None
        if found is None:
            left.append(doubt)
        else:
            vouched.append(f"{', '.join(found.people)} vouch for {doubt.argument}, asked in entry {found.of}")
    if left:
        left.sort(key=lambda one: -SEVERITY[one.decision])  # of several the first
        return against("provenance", left[0].decision, left[0].code, told_of([one.why for one in left]))
    if vouched:
        return Finding("provenance", "allow", "; ".join(dict.fromkeys(vouched)), "endorsed")
    return allow("provenance")


def told_of(reasons: Sequence[str]) -> str:
    """`reasons` in one text, as many as a person reads, and the number of the rest."""
    more = len(reasons) - TOLD
    return "; ".join(reasons[:TOLD]) + (f"; and {more} more" if more > 0 else "")
