"""Who may stop what, and who may start it again (DESIGN.md §8): stopping takes one act, starting takes a right.

Both answer with the entry to append, or raise a `StandwatchError` that says which command helps.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from standwatch.facts.entries import DeclaredRules, Hold, Released
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.record.state import Held, State
from standwatch.record.watches import keeping
from standwatch.respond.scope import ALL, Scope, parse

MAX_REASON: Final = 2_000  # characters


class Orderer(msgspec.Struct, frozen=True):
    """Who gives an order: an opaque id, whether an administrator, and whether every system is theirs to see."""

    ident: str
    admin: bool = False
    sees_all: bool = False


def halt(
    scope: Scope,
    who: Orderer,
    reason: str,
    covered: Collection[str],
    state: State,
    *,
    until: int = 0,
    glass: Collection[str] = (),
) -> Hold:
    """The hold that stops `scope`. `covered` are the systems it touches; `until` 0 for until released (µs).

    Anyone who may see one of them may; for what touches no declared system, anyone who sees all. `glass` are the
    systems on which a break-glass lets them.
    """
    require_reason(reason, f"standwatch halt {scope} --reason …")
    if not who.sees_all and not any(system in glass or sees(who, system, state) for system in covered):
        raise Forbidden(
            f"{who.ident} may see nothing of {scope}, and so may not halt it",
            cure="ask somebody with the role operator",
        )
    return Hold(by=who.ident, scope=str(scope), until=until)


def release(
    held: Held,
    who: Orderer,
    reason: str,
    covered: Collection[str],
    state: State,
    *,
    glass: Collection[str] = (),
) -> Released:
    """The entry that lifts `held`: its holder may, or whoever has halt authority over all it touches.

    `all` and `vendor:` go beyond any one system's halt authority, and what touches no declared system has none:
    there an administrator may. `glass` are the systems on which a break-glass lets them: it reaches no further.
    """
    scope = parse(held.scope)
    require_reason(reason, f"standwatch release {held.index} --reason …")
    broken = scope.kind not in (ALL, "vendor") and bool(covered) and set(covered) <= set(glass)
    if who.ident != held.by and not broken and not _has_authority(scope, who, covered, state):
        raise Forbidden(
            f"hold {held.index} on {held.scope} belongs to {held.by}; {who.ident} has no halt authority over it",
            reference=str(held.index),
            cure=f"ask {held.by}, or {authority(scope, covered, state)}",
        )
    return Released(by=who.ident, hold=held.index)


def _has_authority(scope: Scope, who: Orderer, covered: Collection[str], state: State) -> bool:
    if scope.kind in (ALL, "vendor") or not covered:
        return who.admin
    standings = [state.systems[system].entry for system in covered if system in state.systems]
    return bool(standings) and all(who.ident in entry.halt for entry in standings)


def authority(scope: Scope, covered: Collection[str], state: State) -> str:
    """Who, beside its holder, may release a hold on `scope`, in words."""
    if scope.kind in (ALL, "vendor") or not covered:
        return "an administrator"
    people = [set(state.systems[system].entry.halt) for system in covered if system in state.systems]
    both = sorted(one for one in set[str]().union(*people) if all(one in each for each in people))
    return ", ".join(both) if both else "nobody else: the systems it touches share no halt authority"


def sees(who: Orderer, system: str, state: State) -> bool:
    """Whether `who` may see `system`: everybody its manifest names, who has a watch over it, and those who see all."""
    if who.sees_all:
        return True
    standing = state.systems.get(system)
    if standing is None:
        return False
    entry = standing.entry
    named = (
        {one for rule in entry.rules.values() for one in rule.by} if isinstance(entry, DeclaredRules) else ()
    )
    if who.ident in {*entry.owner, *entry.halt, *entry.validators, *entry.signers, *named}:
        return True
    return bool(state.watches) and who.ident in keeping(state, system, state.at)


def require_reason(reason: str, cure: str) -> str:
    """`reason`, stripped; raises `Malformed` for none, or one too long to be read."""
    stripped = reason.strip()
    if not stripped:
        raise Malformed(
            "a reason is required: the next person on call will read it", code="no_reason", cure=cure
        )
    if len(stripped) > MAX_REASON:
        raise Malformed(
            f"a reason has at most {MAX_REASON} characters; this has {len(stripped)}", code="no_reason"
        )
    return stripped
