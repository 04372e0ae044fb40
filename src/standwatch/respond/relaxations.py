"""A relaxation as people order it, and its end: the entries, or why not. Beginning takes signatures, ending one act."""

import msgspec

from standwatch.facts.entries import Relaxed, Restored
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.facts.relaxations import (
    CRITICALITY,
    STANDING_IN,
    Compensation,
    Relaxations,
    compensates,
    compensation,
    longest,
)
from standwatch.record.relaxed import WORDS, problem, renewed, signed_for
from standwatch.record.state import State
from standwatch.respond.orders import Orderer, sees
from standwatch.respond.scope import parse


class Wanted(msgspec.Struct, frozen=True):
    """What is asked for: bypass `check` on `scope` of `system` until `until` (µs), while `compensating` stands in.

    `why` commits to the reason (`facts.parts.commitment`)."""

    system: str
    check: str
    scope: str
    until: int
    compensating: str
    why: str


def relax(
    wanted: Wanted,
    by: str,
    signatures: dict[str, str],
    state: State,
    *,
    now: int,
    said: tuple[Relaxations | None, ...],
) -> Relaxed:
    """The entry that begins it, once all signatures are there. `said` is what organisation and manifest let last.

    Raises `NotFound`, `Malformed` or `Forbidden`; with `unsigned` where only signatures are missing.
    """
    entry = draft(wanted, by, signatures, state, now=now, said=said)
    declared = state.systems[wanted.system].entry
    approval = CRITICALITY[wanted.check]
    if not signed_for(state, declared, wanted.check, signatures.keys(), now):
        raise Forbidden(
            f"relaxing {wanted.check} of {wanted.system} takes the signature of {WORDS[approval]}",
            code="unsigned",
        )
    if wrong := problem(state, entry, now):
        raise Conflict(wrong, code="not_relaxed")
    return entry


def draft(
    wanted: Wanted,
    by: str,
    signatures: dict[str, str],
    state: State,
    *,
    now: int,
    said: tuple[Relaxations | None, ...],
) -> Relaxed:
    """The entry as it would stand, whoever still has to sign it. Raises as `relax` does but for the signatures."""
    standing = state.systems.get(wanted.system)
    if standing is None:
        raise NotFound(f"no manifest declares {wanted.system}", cure="standwatch status")
    _require_check(wanted, said)
    parse(wanted.scope)
    _require_compensation(wanted)
    _require_span(wanted, now, said)
    former = renewed(state, wanted.system, wanted.check, wanted.scope, now)
    if len(former) > 1:
        raise Conflict(
            f"{wanted.check} was relaxed and renewed already ({', '.join(map(str, former))}): what is needed for "
            f"longer is a change of systems/{wanted.system}.yaml, signed as such",
            code="becomes_a_change",
            cure="standwatch sign-config",
        )
    return Relaxed(
        by=by,
        system=wanted.system,
        check=wanted.check,
        scope=wanted.scope,
        compensating=wanted.compensating,
        envelope=standing.entry.envelope,
        until=wanted.until,
        follows=state.last_relaxed.get(wanted.system, -1),
        signatures=signatures,
        why=wanted.why,
    )


def _require_check(wanted: Wanted, said: tuple[Relaxations | None, ...]) -> None:
    if wanted.check not in CRITICALITY:
        raise Malformed(
            f"{wanted.check[:40]!r} may not be relaxed: of the checks only {', '.join(CRITICALITY)} may",
            code="bad_check",
        )
    if not longest(wanted.check, *said):
        raise Forbidden(
            f"nobody lets {wanted.check} of {wanted.system} be relaxed",
            code="no_relaxations",
            cure=f"say relaxations: {{most: 1h}} in systems/{wanted.system}.yaml, then standwatch sign-config",
        )


def _require_compensation(wanted: Wanted) -> None:
    found: Compensation | None = compensation(wanted.compensating)
    if found is None:
        expected = ", ".join(f"{one}:N" if one.startswith("per_") else one for one in STANDING_IN)
        raise Malformed(
            f"{wanted.compensating[:40]!r} compensates for nothing: expected one of {expected}",
            code="bad_compensation",
        )
    if not compensates(wanted.check, found):
        raise Malformed(
            f"{wanted.compensating} cannot stand in for {wanted.check}: it is the same question",
            code="bad_compensation",
        )


def _require_span(wanted: Wanted, now: int, said: tuple[Relaxations | None, ...]) -> None:
    most = longest(wanted.check, *said)
    if not now < wanted.until <= now + most * 1_000_000:
        raise Malformed(
            f"a relaxation of {wanted.check} ends in the future and lasts at most {most // 60} min here",
            code="bad_until",
        )


def restore(number: str, who: Orderer, state: State, now: int) -> Restored:
    """The entry that ends relaxation `number` early: anybody who may see its system may, without a reason."""
    index = int(number) if number.isascii() and number.isdecimal() and len(number) < 17 else -1
    entry = state.relaxed.get(index)
    if entry is None or now >= entry.until:
        raise NotFound(f"no relaxation {number[:40]} is in force", cure="standwatch relaxations")
    if not sees(who, entry.system, state):
        raise Forbidden(f"{who.ident} may not see {entry.system}")
    return Restored(by=who.ident, relaxed=index, system=entry.system)
