"""A known way round caps; which counts depends on the tool's effect, the envelope that was looked at, and the tier."""

from __future__ import annotations

import msgspec
import pytest

from standwatch.authority.coverage import looked_after
from standwatch.authority.grant import grant
from standwatch.facts.entries import Coverage, Declared, Evidence, Principal, Way
from standwatch.record.state import State, load, save

NOW = 1_795_000_000_000_000
DAY = 86_400_000_000
SEEN = Coverage(
    by="otto", system="pay", host="laptop", envelope="e", ways=[Way(tool="bank.send", code="direct")]
)


def validated(tier: int = 1) -> State:
    people = {name: Principal(name=name, role="human", keys=["k"]) for name in ("maria", "olga", "chen")}
    state = State(principals=people)
    declared = Declared(
        system="pay",
        envelope="e",
        components="c",
        owner=["maria"],
        halt=["olga"],
        validators=["chen"],
        tier=tier,
    )
    state.fold(0, declared)
    said = {"until": NOW + 30 * DAY, "report": "a" * 64, "outcome": "pass"}
    state.fold(1, Evidence(at=NOW, by="chen", system="pay", envelope="e", components="c", **said))
    return state


def level(state: State, rules: str = "4") -> str:
    return grant(state, "pay", NOW, rules).level


def test_rules_of_another_time_knew_nothing_of_it() -> None:
    state = validated()
    state.fold(2, SEEN)
    assert [level(state, rules) for rules in ("1", "2", "3", "4")] == [*["autonomous"] * 3, "supervised"]
    assert load(save(state)).coverage == state.coverage


@pytest.mark.parametrize(
    ("tier", "code", "effect", "envelope", "capped"),
    [
        (1, "direct", "irreversible", "e", True),
        (1, "direct", "write", "e", False),
        (1, "direct", "write", "older", True),
        (1, "cooperative", "irreversible", "e", False),
        (2, "cooperative", "irreversible", "e", False),
        (3, "cooperative", "irreversible", "e", True),
        (3, "cooperative", "write", "e", False),
        (2, "hook_off", "irreversible", "e", True),
    ],
)
def test_what_counts(tier: int, code: str, effect: str, envelope: str, capped: bool) -> None:
    state = validated(tier)
    assert level(state) == "autonomous"
    way = msgspec.convert({"tool": "bank.send", "code": code, "effect": effect}, Way)
    state.fold(2, msgspec.structs.replace(SEEN, ways=[way], envelope=envelope))
    assert level(state) == ("supervised" if capped else "autonomous")


def test_without_a_signature_ways_are_only_added_and_the_graver_effect_stays() -> None:
    state = validated()
    state.fold(2, SEEN)
    state.fold(3, msgspec.structs.replace(SEEN, ways=[]))
    state.fold(4, msgspec.structs.replace(SEEN, ways=[Way(tool="bank.send", code="direct", effect="write")]))
    (known,) = state.coverage["pay"]
    assert (known.index, known.signed, known.ways) == (4, -1, (Way(tool="bank.send", code="direct"),))
    state.fold(5, msgspec.structs.replace(SEEN, host="desk", ways=[], sig="s", by="chen"))
    assert level(state) == "supervised", "what is signed of one host says nothing of another"
    state.fold(6, msgspec.structs.replace(SEEN, ways=[], sig="s", by="chen"))
    assert level(state) == "autonomous"


def test_a_graver_effect_of_a_known_way_counts_whoever_tells_it() -> None:
    state = validated()
    state.fold(2, msgspec.structs.replace(SEEN, ways=[Way(tool="bank.send", code="direct", effect="write")]))
    assert level(state) == "autonomous"
    state.fold(3, SEEN)
    assert level(state) == "supervised"


def test_what_an_owner_looked_at_was_not_looked_at() -> None:
    state = validated()
    state.fold(2, msgspec.structs.replace(SEEN, ways=[], sig="s", by="chen", until=NOW + DAY))
    assert looked_after(state, "pay", NOW)
    declared = state.systems["pay"].entry
    state.fold(3, msgspec.structs.replace(declared, owner=["maria", "chen"]))
    assert not looked_after(state, "pay", NOW)
