"""Who may pull a deferred act out of its queue: people of its system, one at a time, and nobody else."""

from standwatch.facts.entries import Pulled
from standwatch.facts.errors import Forbidden, NotFound
from standwatch.record.deferrals import DROP, Deferral, stands
from standwatch.record.questions import answering
from standwatch.record.state import State
from standwatch.respond.orders import Orderer, require_reason


def pulled(ident: str, who: Orderer, into: str, reason: str, state: State, *, now: int) -> Pulled:
    """The entry with which `who` pulls deferred act `ident` out, into a question or into nothing.

    Its system's owner and whoever may approve may. Raises `NotFound`, `Forbidden`, or `Malformed` for a drop that
    says no reason.
    """
    known = waiting(ident, state, now)
    may = may_pull(known, state)
    if who.ident not in may and not (state.development and who.admin):
        raise Forbidden(
            f"{who.ident} may not pull {ident}: {', '.join(may) or 'nobody'} may, its owner or an approver",
            reference=ident,
        )
    if into == DROP:
        require_reason(reason, f"standwatch deferred drop {ident} --reason …")
    return Pulled(by=who.ident, id=ident, of=known.index, system=known.entry.system, into=into)


def waiting(ident: str, state: State, now: int) -> Deferral:
    """The deferred act `ident`, which still waits. Raises `NotFound`."""
    known = state.deferred.get(ident)
    if known is None or known.dropped or not stands(known, now):
        raise NotFound(
            f"no deferred act {ident[:60]} waits", cure="standwatch deferred list", reference=ident[:60]
        )
    return known


def may_pull(known: Deferral, state: State) -> tuple[str, ...]:
    """The owner of its system, and who answers for it."""
    standing = state.systems.get(known.entry.system)
    owner = standing.entry.owner if standing is not None else []
    return tuple(dict.fromkeys((*owner, *answering(state, known.entry.system))))
