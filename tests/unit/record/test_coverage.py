"""Statements about ways round us, as the record takes them: whoever reports adds, and only a validator takes away."""

from __future__ import annotations

import msgspec
import pytest

from standwatch.facts.entries import Coverage, Declared, Way
from standwatch.record.coverage import LONGEST, MOST_HOSTS, MOST_WAYS, problem
from standwatch.record.state import State

NOW = 1_795_000_000_000_000
DAY = 86_400_000_000
SEEN = Coverage(
    by="otto", system="pay", host="laptop", envelope="e", ways=[Way(tool="bank.send", code="direct")]
)
SIGNED = msgspec.structs.replace(SEEN, by="chen", ways=[], sig="s", until=NOW + DAY)


def state(**changes: list[str]) -> State:
    found = State()
    given = {"owner": ["maria"], "halt": ["olga"], "validators": ["chen"]} | changes
    found.fold(0, Declared(by="standwatch", system="pay", envelope="e", components="c", tier=3, **given))
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"system": "ship"},
        {"by": "otto"},
        {"by": "maria"},
        {"envelope": "older"},
        {"until": NOW},
        {"until": NOW + LONGEST + 1},
        {"ways": [Way(tool="bank.send", code="magic")]},
    ],
)
def test_what_may_not_be_signed(changes: dict[str, object]) -> None:
    assert problem(state(), SIGNED, NOW) == ""
    assert problem(state(), msgspec.structs.replace(SIGNED, **changes), NOW)


def test_no_owner_vouches_for_their_own_system() -> None:
    both = state(owner=["chen"])
    assert problem(both, SIGNED, NOW)
    both.development = True
    assert problem(both, SIGNED, NOW) == ""


def test_whoever_reports_adds_so_much_and_no_more() -> None:
    found = state()
    many = [Way(tool=f"bank.{n}", code="direct") for n in range(MOST_WAYS)]
    assert problem(found, msgspec.structs.replace(SEEN, envelope="older"), NOW) == ""
    assert problem(found, msgspec.structs.replace(SEEN, ways=[*many, many[0]]), NOW)
    found.fold(1, msgspec.structs.replace(SEEN, ways=many))
    assert problem(found, SEEN, NOW)
    assert problem(found, msgspec.structs.replace(SEEN, ways=many[:1]), NOW) == "", "it is known already"
    for n in range(MOST_HOSTS - 1):
        found.fold(2 + n, msgspec.structs.replace(SEEN, host=f"host-{n}"))
    assert problem(found, msgspec.structs.replace(SEEN, host="one more"), NOW)
    assert problem(found, msgspec.structs.replace(SIGNED, host="host-1"), NOW) == ""
