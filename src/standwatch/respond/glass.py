"""Break-glass as people order it: sealed, drilled, opened once, reviewed. The rules stand in `record.glass`."""

from collections.abc import Collection

from standwatch.facts.entries import Glass
from standwatch.facts.errors import Conflict, Forbidden, NotFound
from standwatch.record.glass import Broken, problem
from standwatch.record.state import State
from standwatch.respond.orders import Orderer, require_reason


def seal(
    who: Orderer,
    by: str,
    admins: Collection[str],
    *,
    key: str,
    people: tuple[str, ...],
    may: tuple[str, ...],
    systems: tuple[str, ...],
    until: int,
    sig: str,
    state: State,
    now: int,
) -> Glass:
    """The entry that seals one: an administrator orders and signs it. Raises `Forbidden` or `Conflict`."""
    if not who.admin or by not in admins:
        raise Forbidden(
            "sealing a break-glass gives power away: an administrator orders and signs it",
            cure="ask somebody with the role admin",
        )
    entry = Glass(
        by=by,
        step="sealed",
        key=key,
        people=list(people),
        may=list(may),
        systems=list(systems),
        until=until,
        sig=sig,
    )
    return _allowed(entry, state, now)


def use(number: str, step: str, *, by: str, sig: str, until: int, state: State, now: int) -> Glass:
    """The entry that drills or opens break-glass `number`, with the sealed key's signature."""
    index, _ = known(number, state)
    entry = Glass(by=by, step=step, glass=index, until=until, sig=sig)
    return _allowed(entry, state, now)


def review(number: str, who: Orderer, reason: str, state: State, now: int) -> Glass:
    """The entry that closes the review of an opening: in words, by somebody who sees all and did not open it."""
    index, _ = known(number, state)
    require_reason(reason, f"standwatch break-glass review {index} --reason …")
    if not who.sees_all:
        raise Forbidden(
            f"{who.ident} does not see every system, and so may not review a break-glass",
            cure="ask somebody with the role auditor, operator or admin",
        )
    return _allowed(Glass(by=who.ident, step="reviewed", glass=index), state, now)


def known(number: str, state: State) -> tuple[int, Broken]:
    """Break-glass `number`. Raises `NotFound`."""
    index = int(number) if number.isascii() and number.isdecimal() and len(number) < 17 else -1
    found = state.glasses.get(index)
    if found is None:
        raise NotFound(f"there is no break-glass {number[:40]}", cure="standwatch break-glass list")
    return index, found


def _allowed(entry: Glass, state: State, now: int) -> Glass:
    if wrong := problem(state, entry, now):
        raise Conflict(wrong, code="not_possible", cure="standwatch break-glass list")
    return entry
