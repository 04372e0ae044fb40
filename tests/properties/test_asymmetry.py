"""Stopping takes one act, starting takes a right and a reason (DESIGN.md §8): over generated people and systems.

The functions asked are those that the API, the CLI and the console all end in, so that none of them can differ.
"""

from __future__ import annotations

import ast
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.entries import Declared, Hold, Principal, Relaxed
from standwatch.facts.errors import Forbidden, Malformed, StandwatchError
from standwatch.record.state import Held, State
from standwatch.respond import orders
from standwatch.respond.orders import Orderer
from standwatch.respond.relaxations import restore
from standwatch.respond.scope import parse

SOURCE = Path(__file__).resolve().parents[2] / "src/standwatch"
NAMES = ("ada", "ben", "cat", "dan")
SYSTEMS = ("pay", "lend")
NOW = 1_795_000_000_000_000
people = st.lists(st.sampled_from(NAMES), max_size=3, unique=True)
scopes = st.sampled_from(("system:pay", "tool:pay/bank.send", "agent:bot", "run:r", "vendor:maker", "all"))
reasons = st.sampled_from(("", "  ", "\t", "a test", "x" * 2_001))
orderers = st.builds(Orderer, st.sampled_from(NAMES), st.booleans(), st.booleans())


@st.composite
def states(draw: st.DrawFn) -> State:
    state = State()
    for index, system in enumerate(SYSTEMS):
        entry = Declared(
            by="s",
            system=system,
            envelope="e",
            components="c",
            owner=draw(people),
            halt=draw(people),
            validators=draw(people),
            tier=draw(st.integers(1, 3)),
            change="first",
        )
        state.fold(index, entry)
    for index, name in enumerate(draw(people)):
        state.fold(10 + index, Principal(by="s", name=name, role="human", revoked=draw(st.booleans())))
    return state


covers = st.lists(st.sampled_from(SYSTEMS), max_size=2, unique=True)


@settings(max_examples=400, deadline=None)
@given(states(), scopes, orderers, covers, reasons)
def test_whoever_may_see_may_stop_with_one_act(
    state: State, scope: str, who: Orderer, covered: list[str], reason: str
) -> None:
    may_see = who.sees_all or any(orders.sees(who, system, state) for system in covered)
    try:
        hold = orders.halt(parse(scope), who, reason, covered, state)
    except Malformed:
        assert not 0 < len(reason.strip()) <= orders.MAX_REASON
        return
    except Forbidden:
        assert not may_see
        return
    # INVARIANT: nothing beside sight and a reason was asked: no role, no second person, no signature, no tier.
    assert may_see
    assert hold == Hold(by=who.ident, scope=scope)


@settings(max_examples=400, deadline=None)
@given(states(), scopes, orderers, covers, reasons, st.sampled_from(NAMES))
def test_nothing_starts_again_without_a_reason_and_a_right(
    state: State, scope: str, who: Orderer, covered: list[str], reason: str, holder: str
) -> None:
    held = Held(7, scope, holder, NOW, 0)
    try:
        orders.release(held, who, reason, covered, state)
    except StandwatchError:
        return
    assert 0 < len(reason.strip()) <= orders.MAX_REASON
    beyond = scope == "all" or scope.startswith("vendor:") or not covered
    with_authority = (
        who.admin if beyond else all(who.ident in state.systems[one].entry.halt for one in covered)
    )
    assert who.ident == holder or with_authority


@settings(max_examples=200, deadline=None)
@given(states(), scopes, orderers, covers)
def test_whoever_stops_may_take_it_back_and_nobody_gains_by_it(
    state: State, scope: str, who: Orderer, covered: list[str]
) -> None:
    """Halting gives no right over anybody else's hold."""
    try:
        orders.halt(parse(scope), who, "a test", covered, state)
    except Forbidden:
        return
    orders.release(Held(7, scope, who.ident, NOW, 0), who, "a test", covered, state)
    stranger = Orderer("nobody")
    try:
        orders.release(Held(8, scope, who.ident, NOW, 0), stranger, "a test", covered, state)
    except Forbidden:
        return
    raise AssertionError("a stranger released it")


@settings(max_examples=200, deadline=None)
@given(states(), orderers, st.sampled_from(SYSTEMS), st.integers(-1, 1))
def test_a_bypass_ends_with_one_act_of_anybody_who_may_see(
    state: State, who: Orderer, system: str, left: int
) -> None:
    until = NOW + left * 1_000_000
    bypass = Relaxed(
        by="ada", system=system, check="policy", scope=f"system:{system}", compensating="content", envelope="e",
        until=until, follows=-1, signatures={}, why="",
    )  # fmt: skip
    state.relaxed[20] = bypass
    try:
        ended = restore("20", who, state, NOW)
    except Forbidden:
        assert not orders.sees(who, system, state)
    except StandwatchError:
        assert until <= NOW
    else:
        assert orders.sees(who, system, state)
        assert ended.relaxed == 20


def test_only_the_core_makes_the_entries_of_starting() -> None:
    """No front, skin or operation writes a release or a bypass that `respond` did not judge."""
    made: dict[str, set[str]] = {"Released": set(), "Restored": set(), "Hold": set()}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in made:
                made[node.func.id].add(path.relative_to(SOURCE).as_posix())
    assert made["Released"] == {"respond/orders.py"}
    assert made["Restored"] == {"respond/relaxations.py"}
    assert "respond/orders.py" in made["Hold"], "and others may only stop"
