"""What each tier wants of a validation, and that saying no is never made harder."""

from __future__ import annotations

import msgspec
import pytest

from standwatch.authority.demands import DEMANDS, demand
from standwatch.facts.entries import Coverage, Declared, Principal
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.gate.demands import require_looked, require_statement, require_validator
from standwatch.record.state import State

DAY = 86_400_000_000
NOW = 1_795_000_000_000_000


def declared(tier: int = 1, **changes: list[str]) -> Declared:
    given = {"owner": ["maria"], "halt": ["olga"], "validators": ["chen"]} | changes
    return Declared(by="standwatch", system="pay", envelope="e", components="c", tier=tier, **given)


def test_higher_tiers_want_more_and_an_unknown_one_the_most() -> None:
    assert [each.tier for each in DEMANDS] == [1, 2, 3]
    assert DEMANDS[0].longest > DEMANDS[1].longest > DEMANDS[2].longest
    assert demand(9) == DEMANDS[2]


@pytest.mark.parametrize("tier", [1, 2, 3])
def test_a_validation_lasts_as_long_as_its_tier_lets_it(tier: int) -> None:
    longest = demand(tier).longest
    require_statement(declared(tier), "pass", "a" * 64, NOW + longest, NOW)
    for until in (NOW + longest + 1, NOW, NOW - DAY):
        with pytest.raises(Malformed) as refused:
            require_statement(declared(tier), "pass", "a" * 64, until, NOW)
        assert refused.value.code == "bad_until"


def test_tier_three_wants_a_report() -> None:
    with pytest.raises(Malformed) as refused:
        require_statement(declared(3), "conditions", "", NOW + DAY, NOW)
    assert refused.value.code == "no_report"
    require_statement(declared(2), "pass", "", NOW + DAY, NOW)


def test_a_rejection_needs_nothing_but_the_word() -> None:
    require_statement(declared(3), "reject", "", 0, NOW)


def test_other_words_say_nothing() -> None:
    with pytest.raises(Malformed):
        require_statement(declared(), "fine", "", NOW + DAY, NOW)


def test_only_the_validator_and_never_the_owner() -> None:
    require_validator(declared(), "chen", development=False)
    with pytest.raises(Forbidden):
        require_validator(declared(), "olga", development=False)
    own = declared(owner=["chen"])
    with pytest.raises(Forbidden) as refused:
        require_validator(own, "chen", development=False)
    assert refused.value.code == "own_validator"
    require_validator(own, "chen", development=True)


def test_tier_three_wants_a_validator_who_does_not_run_the_system() -> None:
    runs = declared(3, validators=["olga", "sven"], signers=["sven"])
    for person in ("olga", "sven"):
        with pytest.raises(Forbidden) as refused:
            require_validator(runs, person, development=False)
        assert refused.value.code == "own_validator"
        require_validator(runs, person, development=False, tier=2)
        require_validator(runs, person, development=True)


def test_the_measured_tier_demands_as_the_declared_does() -> None:
    with pytest.raises(Malformed) as refused:
        require_statement(declared(1), "pass", "", NOW + DAY, NOW, tier=3)
    assert refused.value.code == "no_report"


def test_tier_three_wants_a_signed_look_at_what_goes_round_first() -> None:
    state = State(principals={"chen": Principal(name="chen", role="human", keys=["k"])})
    here = declared(3)
    state.fold(0, here)
    said = Coverage(by="chen", system="pay", host="laptop", envelope="e", until=NOW + DAY, sig="s")
    for outcome in ("pass", "conditions"):
        with pytest.raises(Malformed) as refused:
            require_looked(state, here, outcome, NOW, 3)
        assert refused.value.code == "no_coverage"
        require_looked(state, here, outcome, NOW, 2)
    require_looked(state, here, "reject", NOW, 3)
    for wrong in ({"sig": ""}, {"envelope": "other"}, {"by": "maria"}, {"until": NOW}):
        state.coverage = {}
        state.fold(1, msgspec.structs.replace(said, **wrong))
        with pytest.raises(Malformed):
            require_looked(state, here, "pass", NOW, 3)
    state.fold(2, said)
    require_looked(state, here, "pass", NOW, 3)
    state.fold(3, Principal(name="chen", role="human", revoked=True))
    with pytest.raises(Malformed):
        require_looked(state, here, "pass", NOW, 3)
