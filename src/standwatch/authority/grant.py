"""`grant(state, system, now)`: the authority a system holds now, why, until when, and on what evidence (DESIGN.md §8).

The rules are caps, and caps compose by minimum; the grant starts at the highest level and every rule may only
lower it. So no fact that adds a cap can raise authority, and what is unknown caps lowest. Rules have a version
that stands beside every grant, so that a past grant is recomputed under the rules of its time.
"""

from collections.abc import Collection
from typing import Final, Literal, assert_never

import msgspec

from standwatch.authority.coverage import round_of
from standwatch.authority.demands import demand, runs
from standwatch.authority.reasons import Reason
from standwatch.authority.tiers import tier
from standwatch.facts.entries import Declared, Evidence
from standwatch.facts.words import Effect, Level, lower
from standwatch.record.signed import is_human, real
from standwatch.record.state import ALL, Standing, State

RULES: Final = "4"
"""Of a grant computed now. Rules 1 knew the declared tier alone, and no validator who stands apart; rules 1 and 2 took
everybody whom a manifest names for somebody real; up to rules 3 nobody was asked what goes round us."""

KNOWN: Final = ("1", "2", "3", RULES)
_BELIEVING: Final = ("1", "2")
"""Rules under which whoever is named was real."""
"""Rules under which a past grant can be recomputed."""


class Grant(msgspec.Struct, frozen=True):
    """A level with everything it rests on. `until` is when it must be computed anew (µs; 0: never by itself)."""

    level: Level
    reasons: tuple[Reason, ...]
    until: int
    evidence: tuple[int, ...] = ()
    """Indices of the evidence entries it stands on."""
    rules: str = RULES


def grant(state: State, system: str, now: int, rules: str = RULES) -> Grant:
    """The grant of `system` at `now` (µs UTC) in `state`; `halted` for a system that nobody declared.

    Under `rules` of another time it is what it was then, bit for bit; `halted` under rules that nobody knows.
    """
    standing = state.systems.get(system)
    if state.stopped:
        return _lowest(rules, "fold_stopped", state.stopped, "standwatch verify")
    if rules not in KNOWN:
        return _lowest(rules, "unknown_rules", f"nobody here knows rules {rules}", "standwatch verify")
    if standing is None:
        return _lowest(rules, "undeclared", f"no manifest declares {system}", "standwatch check")
    stakes = standing.entry.tier if rules == "1" else tier(state, system)
    held, held_until = _holds(state, system, now)
    validation, basis, until = _validation(state, standing, stakes, now, rules)
    believing = rules in _BELIEVING
    people = _named(state, standing) if believing else _people(state, standing)
    left = () if believing else _left_behind(state, standing)
    passed_by = round_of(state, standing, stakes) if rules == RULES else ()
    reasons = (*held, *people, *_tier(state, stakes), *validation, *left, *passed_by)
    ends = [end for end in (until, held_until) if end]
    caps: list[Level] = [reason.cap for reason in reasons]
    return Grant(lower(*caps), reasons, min(ends, default=0), basis, rules)


def _lowest(rules: str, code: str, text: str, cure: str) -> Grant:
    return Grant("halted", (Reason("halted", code, text, cure),), 0, (), rules)


def _holds(state: State, system: str, now: int) -> tuple[tuple[Reason, ...], int]:
    """A hold on the system as a whole halts it. Holds on one tool, server or run are checked action by action."""
    holds = state.held((ALL, f"system:{system}"), now)
    reasons = tuple(
        Reason(
            "halted",
            "held",
            f"hold {hold.index} on {hold.scope} by {hold.by}",
            f"standwatch release {hold.index} --reason …",
        )
        for hold in holds
    )
    return reasons, min((hold.until for hold in holds if hold.until), default=0)


def _people(state: State, standing: Standing) -> tuple[Reason, ...]:
    """A system whose owner, halt authority or validator is nobody real is restricted.

    Real is who is a person of the record, was not dismissed, and has something to sign with: a key of the configuration
    or a passkey that counts. (Under development, where signatures are waived, who was not dismissed.) What the record
    does not know of somebody counts as if they were nobody.
    """
    entry = standing.entry
    roles = (("owner", entry.owner), ("halt authority", entry.halt), ("validator", entry.validators))
    missing = tuple(_nobody(state, entry, role, people) for role, people in roles if not _real(state, people))
    validators = _real(state, entry.validators)
    if not state.development and validators and validators <= _real(state, entry.owner):
        return (*missing, _own_validator(entry))
    return missing


def _real(state: State, people: Collection[str]) -> frozenset[str]:
    counts = is_human if state.development else real
    return frozenset(one for one in people if counts(state, one))


def _nobody(state: State, entry: Declared, role: str, people: Collection[str]) -> Reason:
    if not people:
        text = f"its {role} is nobody real"
        return Reason("restricted", "nobody", text, _name_somebody(entry))
    named = ", ".join(people)
    if any(is_human(state, one) for one in people):
        text = f"its {role} ({named}) has no key and no passkey: nothing could be signed"
        cure = "put a public key under keys in standwatch.yaml: standwatch key new"
        return Reason("restricted", "nobody", text, cure)
    text = f"its {role} ({named}) is nobody of this organisation any more"
    return Reason("restricted", "nobody", text, _name_somebody(entry))


def _name_somebody(entry: Declared) -> str:
    return f"name a person of standwatch.yaml in systems/{entry.system}.yaml"


def _own_validator(entry: Declared) -> Reason:
    return Reason("restricted", "own_validator", "its owner is its only validator", _name_somebody(entry))


def _named(state: State, standing: Standing) -> tuple[Reason, ...]:
    """As rules 1 and 2 had it: whoever is named is real."""
    entry = standing.entry
    roles = (("owner", entry.owner), ("halt_authority", entry.halt), ("validator", entry.validators))
    missing = tuple(
        Reason("restricted", "nobody", f"its {role} is nobody real", _name_somebody(entry))
        for role, people in roles
        if not people
    )
    if (
        not state.development
        and entry.owner
        and set(entry.validators) <= set(entry.owner)
        and entry.validators
    ):
        return (*missing, _own_validator(entry))
    return missing


def _tier(state: State, stakes: int) -> tuple[Reason, ...]:
    if not state.development or stakes <= 1:
        return ()
    text = f"tier {stakes} is out of reach of a development organisation"
    return (Reason("supervised", "development", text, "set development: false in standwatch.yaml"),)


def _validation(
    state: State, standing: Standing, stakes: int, now: int, rules: str
) -> tuple[tuple[Reason, ...], tuple[int, ...], int]:
    """The last statement that counts about this envelope, or one it was narrowed from, decides.

    A rejection does not lapse: only a later statement supersedes it. A pass lapses at its `until`, and counts only
    while it meets what the system's tier demands now.
    """
    entry = standing.entry
    cure = f"standwatch validate {entry.system} --until DATE"
    index, last = _last_statement(state, standing)
    if last is None:
        return (Reason("supervised", "unvalidated", "nobody has validated what runs now", cure),), (), 0
    if last.outcome == "reject":
        text = f"validation {index} rejected it"
        return (Reason("restricted", "rejected", text, cure),), (index,), 0
    if last.outcome != "pass":
        text = f"validation {index} set conditions"
        return (Reason("supervised", "conditions", text, cure),), (index,), 0
    wanted = demand(stakes)
    near = rules != "1" and wanted.apart and not state.development and runs(entry, last.by)
    if last.until - last.at > wanted.longest or (wanted.report and not last.report) or near:
        text = f"validation {index} is not what tier {stakes} demands: {_wanted(stakes, rules)}"
        return (Reason("supervised", "tier_demands", text, cure),), (), 0
    if last.until <= now:
        return (Reason("supervised", "lapsed", f"validation {index} has lapsed", cure),), (), 0
    return (), (index,), last.until


_TIER_3_OF_RULES_1: Final = (
    "a validation with a report, by a validator who is not its owner, for at most three months"
)


def _wanted(stakes: int, rules: str) -> str:
    """What the tier demands, in the words of its time."""
    return _TIER_3_OF_RULES_1 if rules == "1" and stakes == 3 else demand(stakes).text


def running_of(state: State, system: str, components: str) -> str:
    """The digest that evidence about `system` must name: its components, with the versions deployed now."""
    return state.running(system, components)


def _last_statement(state: State, standing: Standing) -> tuple[int, Evidence | None]:
    """The last statement about exactly what runs; else the last about what it was narrowed from."""
    entry = standing.entry
    carried = {(envelope, running_of(state, entry.system, parts)) for envelope, parts in standing.lineage}
    here = (entry.envelope, running_of(state, entry.system, entry.components))
    older: tuple[int, Evidence | None] = (-1, None)
    for index, evidence in reversed(state.evidence.get(entry.system, ())):
        about = (evidence.envelope, evidence.components)
        if about not in carried or not _counts(state, standing, evidence):
            continue
        if about == here:
            return index, evidence
        older = older if older[1] is not None else (index, evidence)
    return older


def _left_behind(state: State, standing: Standing) -> tuple[Reason, ...]:
    """Conditions that somebody set who is gone since: with their author nothing is lifted. Only a statement about the
    same envelope and components, by somebody who counts, takes their place."""
    entry = standing.entry
    carried = {(envelope, running_of(state, entry.system, parts)) for envelope, parts in standing.lineage}
    return tuple(
        Reason(
            "supervised",
            "conditions",
            f"validation {index} set conditions, and its author is no validator any more",
            f"standwatch validate {entry.system} --until DATE",
        )
        for index, evidence in state.evidence.get(entry.system, ())
        if evidence.outcome == "conditions"
        and (evidence.envelope, evidence.components) in carried
        and not _counts(state, standing, evidence)
    )


def _counts(state: State, standing: Standing, evidence: Evidence) -> bool:
    """A rejection counts whoever said it; anything better only while its author is still a validator, and no owner."""
    if evidence.outcome == "reject":
        return True
    author, entry = state.principals.get(evidence.by), standing.entry
    if evidence.by not in entry.validators or (author is not None and author.revoked):
        return False
    return state.development or evidence.by not in entry.owner


Permission = Literal["envelope", "asks", "no", "fallback"]

_TABLE: Final[dict[Level, dict[str, Permission]]] = {
    "autonomous": {
        "read": "envelope",
        "write": "envelope",
        "irreversible": "envelope",
        "generation": "envelope",
        "decision": "envelope",
    },
    "supervised": {
        "read": "envelope",
        "write": "asks",
        "irreversible": "asks",
        "generation": "envelope",
        "decision": "envelope",
    },
    "restricted": {
        "read": "envelope",
        "write": "no",
        "irreversible": "no",
        "generation": "envelope",
        "decision": "fallback",
    },
    "halted": {"read": "no", "write": "no", "irreversible": "no", "generation": "no", "decision": "fallback"},
}


def permits(level: Level, act: Effect | Literal["generation", "decision"]) -> Permission:
    """What a grant of `level` says to `act` (DESIGN.md §4): within the envelope, asks first, or no; for a decision,
    whether the model may answer it or the fallback must. A supervised tier 3 falls back too (`enforce.deciding`)."""
    return _TABLE[level][act]


def decision_permission(level: Level, stakes: int) -> Literal["envelope", "marked", "fallback"]:
    """Who answers a decision (DESIGN.md §4): the model inside its envelope; the model inside the validated range, and
    the answer says so; or the fallback. `stakes` is the system's tier (`authority.tiers.tier`)."""
    match level:
        case "autonomous":
            return "envelope"
        case "supervised":
            return "marked" if stakes < 3 else "fallback"
        case "restricted" | "halted":
            return "fallback"
        case _:
            assert_never(level)
