"""Relaxations as the record knows them: which are in force, and why one may not begin. The rules stand here once, and
are asked by whoever orders one, by the sequencer, and by whoever verifies the record."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from standwatch.facts.entries import Declared, Relaxed
from standwatch.facts.parts import relaxation_bytes
from standwatch.facts.relaxations import (
    APART,
    CRITICALITY,
    LONGEST,
    SCOPES,
    Approval,
    compensates,
    compensation,
)
from standwatch.record.glass import gives

if TYPE_CHECKING:
    from standwatch.record.state import State

MOST_OPEN: Final = 64
"""Relaxations of one system in force at a time."""

WORDS: Final[dict[Approval, str]] = {
    "owner": "its owner, its halt authority or a validator",
    "halt": "its halt authority",
    "validator": "a validator who does not own it",
    "two": "its halt authority and a validator who does not own it, two persons",
}
"""Who must sign, in words."""


def in_force(state: "State", now: int) -> dict[int, Relaxed]:
    """The relaxations that the record has in force at `now` (µs), by index: not over, and for the envelope declared."""
    return {index: one for index, one in state.relaxed.items() if stands(state, one, now)}


def stands(state: "State", entry: Relaxed, now: int) -> bool:
    """Whether `entry` of `state` is in force at `now`."""
    standing = state.systems.get(entry.system)
    return (
        entry.at <= now < entry.until and standing is not None and standing.entry.envelope == entry.envelope
    )


def problem(state: "State", entry: Relaxed, now: int) -> str:
    """Why `entry` may not be written at `now`; "" where it may. Signatures are looked at elsewhere (`signers`)."""
    return next(_problems(state, entry, now), "")


def _problems(state: "State", entry: Relaxed, now: int) -> Iterator[str]:
    standing = state.systems.get(entry.system)
    if standing is None:
        yield f"no manifest declares {entry.system}"
        return
    if entry.check not in CRITICALITY:
        yield f"{entry.check[:40]!r} may not be relaxed: of the checks only {', '.join(CRITICALITY)} may"
        return
    kind, _, name = entry.scope.partition(":")
    if kind not in SCOPES or not name or (kind == "system" and name != entry.system):
        yield f"{entry.scope[:80]!r} is no scope of {entry.system}: expected {_scopes(entry.system)}"
    standing_in = compensation(entry.compensating)
    if standing_in is None or not compensates(entry.check, standing_in):
        yield f"{entry.compensating[:40]!r} cannot stand in for {entry.check}"
    if entry.envelope != standing.entry.envelope:
        yield f"it was signed for another envelope than the one {entry.system} has now"
    if not now < entry.until <= now + LONGEST * 1_000_000:
        yield f"a relaxation ends within {LONGEST // 3600} h of its beginning, and not before it"
    if sum(one.system == entry.system for one in in_force(state, now).values()) >= MOST_OPEN:
        yield f"{MOST_OPEN} relaxations of {entry.system} are in force"
    yield from _approvals(state, standing.entry, entry, now)


def _scopes(system: str) -> str:
    return f"system:{system}, tool:SERVER.TOOL, agent:NAME or run:ID"


def _approvals(state: "State", declared: Declared, entry: Relaxed, now: int) -> Iterator[str]:
    people = entry.signatures.keys()
    if not signed_for(state, declared, entry.check, people, now):
        yield f"relaxing {entry.check} of {entry.system} takes the signature of {WORDS[CRITICALITY[entry.check]]}"
    former = renewed(state, entry.system, entry.check, entry.scope, now)
    if len(former) > 1:
        yield (
            f"{entry.check} was relaxed and renewed already ({', '.join(map(str, former))}): what is needed for longer "
            f"is a change. Change systems/{entry.system}.yaml, and have it signed: standwatch sign-config"
        )
    elif former and not people - _signed(state, former):
        yield f"a renewal of relaxation {min(former)} takes a signature of somebody who did not sign it"


def signed_for(state: "State", declared: Declared, check: str, people: Collection[str], now: int) -> bool:
    """Whether those who signed may relax `check`: by their part in the system, or one of them by a break-glass."""
    if any(declared.system in gives(state, person, "relax", now) for person in people):
        return True
    return approves(CRITICALITY[check], declared, people, development=state.development)


def approves(wanted: Approval, declared: Declared, people: Collection[str], *, development: bool) -> bool:
    """Whether `people`, all of whom signed, are who `wanted` asks for. Under development any one with a right is."""
    halt = set(people) & set(declared.halt)
    owners = set(people) & set(declared.owner)
    validators = set(people) & set(declared.validators)
    if development:
        return bool(halt | owners | validators)
    validators -= set(declared.owner)
    match wanted:
        case "owner":
            return bool(halt | owners | validators)
        case "halt":
            return bool(halt)
        case "validator":
            return bool(validators)
        case "two":
            return bool(halt and validators) and len(halt | validators) > 1


def renewed(state: "State", system: str, check: str, scope: str, now: int) -> tuple[int, ...]:
    """The relaxations that another of `check` over `scope` would prolong: in force, or ended less than `APART` ago."""
    return tuple(
        index
        for index, one in state.relaxed.items()
        if (one.system, one.check) == (system, check)
        and overlaps(one.scope, scope)
        and now < one.until + APART
    )


def overlaps(one: str, other: str) -> bool:
    """Whether an act may lie under both scopes: two tools, two agents or two runs share none."""
    kind, _, _ = one.partition(":")
    return one == other or kind != other.partition(":")[0]


def _signed(state: "State", indices: Collection[int]) -> set[str]:
    return {person for index in indices for person in state.relaxed[index].signatures}


def message(entry: Relaxed, person: str, origin: str) -> bytes:
    """What `person` signs for `entry` in the log `origin`."""
    return relaxation_bytes(
        by=person,
        check=entry.check,
        compensating=entry.compensating,
        envelope=entry.envelope,
        follows=entry.follows,
        org=origin,
        scope=entry.scope,
        system=entry.system,
        until=entry.until,
        why=entry.why,
    )


def covering(state: "State", system: str, scopes: Collection[str], now: int) -> dict[int, Relaxed]:
    """The relaxations in force at `now` on an action of `system` under `scopes`."""
    if not state.relaxed:
        return {}
    found = in_force(state, now)
    return {i: one for i, one in found.items() if one.system == system and one.scope in scopes}
