"""Stopping takes one act; starting again takes a right."""

from __future__ import annotations

import pytest

from standwatch.facts.entries import Declared, Hold
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.record.state import State
from standwatch.respond import orders
from standwatch.respond.orders import Orderer
from standwatch.respond.scope import parse

ADMIN = Orderer("maria", admin=True, sees_all=True)
OPERATOR = Orderer("otto", sees_all=True)
OWNER = Orderer("nina")
ONCALL = Orderer("olga")
STRANGER = Orderer("eve")


def state(*holds: tuple[str, str]) -> State:
    """Two systems with one on-call each in common, and holds (scope, holder) from index 10 on."""
    found = State()
    for index, (name, owner, halt) in enumerate(
        (("pay", "maria", ["olga"]), ("ship", "nina", ["olga", "ivan"]))
    ):
        entry = Declared(
            by="standwatch",
            system=name,
            envelope="e",
            components="c",
            owner=[owner],
            halt=halt,
            validators=["chen"],
        )
        found.fold(index, entry)
    for index, (scope, by) in enumerate(holds, 10):
        found.fold(index, Hold(by=by, scope=scope))
    return found


@pytest.mark.parametrize("who", [ADMIN, OPERATOR, ONCALL, OWNER])
def test_whoever_sees_a_system_may_halt_it(who: Orderer) -> None:
    hold = orders.halt(parse("system:ship"), who, "odd", ("ship",), state())
    assert (hold.by, hold.scope) == (who.ident, "system:ship")


def test_whoever_sees_none_of_it_may_not() -> None:
    with pytest.raises(Forbidden):
        orders.halt(parse("system:ship"), STRANGER, "odd", ("ship",), state())
    with pytest.raises(Forbidden):
        orders.halt(parse("system:pay"), OWNER, "odd", ("pay",), state())
    with pytest.raises(Forbidden):
        orders.halt(parse("vendor:unheard"), OWNER, "odd", (), state())


def test_seeing_one_system_under_a_scope_is_enough() -> None:
    assert orders.halt(parse("all"), OWNER, "odd", ("pay", "ship"), state()).scope == "all"


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001])
def test_a_reason_is_wanted_for_both(reason: str) -> None:
    found = state(("system:pay", "otto"))
    with pytest.raises(Malformed) as refused:
        orders.halt(parse("system:pay"), OPERATOR, reason, ("pay",), found)
    assert refused.value.code == "no_reason"
    with pytest.raises(Malformed):
        orders.release(found.holds[10], OPERATOR, reason, ("pay",), found)


def test_the_holder_releases_whatever_the_scope() -> None:
    found = state(("all", "otto"), ("vendor:maker", "nina"))
    assert orders.release(found.holds[10], OPERATOR, "ok", ("pay", "ship"), found).hold == 10
    assert orders.release(found.holds[11], OWNER, "ok", ("pay",), found).by == "nina"


def test_halt_authority_releases_and_ownership_or_seeing_does_not() -> None:
    found = state(("system:pay", "otto"))
    assert orders.release(found.holds[10], ONCALL, "ok", ("pay",), found).by == "olga"
    for who in (OWNER, STRANGER, ADMIN, Orderer("chen", sees_all=True)):
        with pytest.raises(Forbidden) as refused:
            orders.release(found.holds[10], who, "ok", ("pay",), found)
        assert "olga" in refused.value.cure


def test_a_hold_over_two_systems_wants_authority_over_both() -> None:
    found = state(("server:bank", "otto"))
    both = ("pay", "ship")
    assert orders.release(found.holds[10], ONCALL, "ok", both, found)
    with pytest.raises(Forbidden):
        orders.release(found.holds[10], Orderer("ivan"), "ok", both, found)


@pytest.mark.parametrize("scope", ["all", "vendor:maker", "system:gone"])
def test_beyond_any_halt_authority_an_administrator_releases(scope: str) -> None:
    found = state((scope, "otto"))
    touched = () if scope == "system:gone" else ("pay", "ship")
    assert orders.release(found.holds[10], ADMIN, "ok", touched, found).by == "maria"
    with pytest.raises(Forbidden):
        orders.release(found.holds[10], ONCALL, "ok", touched, found)
