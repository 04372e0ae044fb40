"""How watchful those are who approve, as the record shows it: what they were asked, how they answered, how long they
looked, whether others agreed, and what they did with decoys. Bounded for each person, however long the record.

Whoever approves a decoy may not answer any more until a validator has given the right back.
"""

from collections.abc import Collection
from math import sqrt
from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnsweredTimed,
    Declared,
    DeclaredRules,
    Revalidated,
    Unmasked,
)
from standwatch.facts.parts import revalidation_bytes
from standwatch.record.veils import Veiled

if TYPE_CHECKING:
    from standwatch.record.state import State

EDGES: Final = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 120_000, 300_000, 900_000)
"""ms at which the spans of the histogram of times end; the last one has no end."""
LATEST: Final = 20
"""Decoys, answered since the right was last given, that are remembered one by one."""


class Vigilance(msgspec.Struct):
    """What is known of one person. Counts since the record began, but for `latest`."""

    asked: int = 0
    approved: int = 0
    refused: int = 0
    times: list[int] = []
    """Answers by how long the question was before them, in the spans that `EDGES` end."""
    decoys: int = 0
    """Decoys they were asked about and that were opened."""
    fell: int = 0
    """Of those: approved,"""
    caught: int = 0
    """and refused; what is left nobody answered in time."""
    latest: list[bool] = []
    """The last decoys they answered since the right was last given: whether they approved."""
    together: int = 0
    """Questions that they and somebody else answered,"""
    agreed: int = 0
    """and of those: where all said the same."""
    finals: int = 0
    """Questions they answered that came to an end,"""
    with_final: int = 0
    """and of those: where the end was what they said."""
    lost: int = -1
    """Index of the entry with which they lost the right to answer; -1 where they have it."""
    restored: int = -1
    """Index of the entry that last gave it back; -1 for none."""


Watched = dict[str, Vigilance]
"""By person."""


def may(watched: Watched, person: str) -> bool:
    """Whether `person` has not lost the right to answer."""
    known = watched.get(person)
    return known is None or known.lost < 0


def asked(watched: Watched, people: Collection[str]) -> None:
    """A question was put to `people`."""
    for person in people:
        watched.setdefault(person, Vigilance()).asked += 1


def answered(watched: Watched, entry: Answered) -> None:
    """Somebody answered, and the answer was taken."""
    known = watched.setdefault(entry.by, Vigilance())
    if entry.decision == "approve":
        known.approved += 1
    else:
        known.refused += 1
    took = entry.took if isinstance(entry, AnsweredTimed) else 0
    if took > 0:
        known.times = known.times or [0] * (len(EDGES) + 1)
        known.times[sum(took > edge for edge in EDGES)] += 1


def opened(watched: Watched, index: int, entry: Unmasked, veiled: Veiled) -> bool:
    """Question `veiled` was opened; whether somebody lost the right to answer by it."""
    final = "approve" if veiled.approved else "refuse"
    losses = False
    for person in veiled.entry.people:
        known = watched.setdefault(person, Vigilance())
        said = veiled.answers.get(person)
        if entry.decoy:
            known.decoys += 1
            losses = _tried(known, said, index) or losses
        if said is None:
            continue
        others = [one for who, one in veiled.answers.items() if who != person]
        known.together += bool(others)
        known.agreed += bool(others) and all(one == said for one in others)
        known.finals += 1
        known.with_final += said == final
    return losses


def _tried(known: Vigilance, said: str | None, index: int) -> bool:
    if said is None:
        return False
    fell = said == "approve"
    known.fell += fell
    known.caught += not fell
    known.latest = [*known.latest, fell][-LATEST:]
    # INVARIANT: one approved decoy takes the right to answer, whatever else its person did.
    if fell and known.lost < 0:
        known.lost = index
        return True
    return False


def revalidated(watched: Watched, index: int, entry: Revalidated) -> None:
    """Somebody has the right to answer again, and begins anew."""
    known = watched.get(entry.person)
    if known is not None:
        known.lost, known.restored, known.latest = -1, index, []


def problem(state: "State", entry: Revalidated) -> str:
    """Why `entry` may not be written; "" where it may. Its signature is looked at elsewhere (`record.signed`)."""
    known = state.vigilance.get(entry.person)
    if known is None or known.lost < 0:
        return f"{entry.person} has not lost the right to answer"
    if known.lost != entry.follows:
        return f"{entry.person} lost it in entry {known.lost}, not in {entry.follows}"
    if state.development:
        return ""
    # INVARIANT: nobody gives the right back to themselves.
    if entry.by == entry.person or entry.by not in validators(state, entry.person):
        return f"{entry.by} validates no system that {entry.person} answers for, or is {entry.person}"
    return ""


def validators(state: "State", person: str) -> tuple[str, ...]:
    """Who may give `person` the right back: the validators of the systems whose questions they are named for."""
    found: dict[str, None] = {}
    for standing in state.systems.values():
        if person in named(standing.entry):
            found |= dict.fromkeys(standing.entry.validators)
    found.pop(person, None)
    return tuple(found)


def named(declared: Declared) -> frozenset[str]:
    """Everybody whom a declaration names to answer questions of its system."""
    rules = declared.rules.values() if isinstance(declared, DeclaredRules) else ()
    return frozenset((*(declared.signers or declared.halt), *(one for rule in rules for one in rule.by)))


def message(entry: Revalidated, origin: str) -> bytes:
    """The bytes that `entry` is signed over, in the log `origin`."""
    return revalidation_bytes(
        by=entry.by, follows=entry.follows, org=origin, person=entry.person, why=entry.why
    )


def median(times: list[int]) -> tuple[int, int]:
    """The span (ms) in which the median lies; (0, 0) for no times, and an end of 0 for the last span."""
    wanted, passed = sum(times) / 2, 0
    for place, count in enumerate(times):
        passed += count
        if count and passed >= wanted:
            begin = EDGES[place - 1] if place else 0
            return begin, EDGES[place] if place < len(EDGES) else 0
    return 0, 0


def wilson(count: int, of: int) -> tuple[float, float]:
    """The interval that a share of `count` in `of` stands for, at 95 % (Wilson 1927, score interval)."""
    if not of:
        return 0.0, 1.0
    z = 1.959964
    share, square = count / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
