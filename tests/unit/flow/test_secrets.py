"""Confidential values of a run: found in whatever dress, bounded, and never forgotten for being too many."""

from base64 import b64encode

import pytest

from standwatch.flow import secrets as module
from standwatch.flow.origin import Place
from standwatch.flow.secrets import MANY, MOST_LOOKED, Secrets

PLACE = Place("crm", "crm.get", "c1", "/note")
VALUE = "Tristan-4711"


def one() -> Secrets:
    found = Secrets()
    found.add(VALUE, PLACE)
    return found


@pytest.mark.parametrize(
    "dress",
    [
        VALUE.upper(), "tristan 47 11", "1174-natsirT", f"so {VALUE} it is", b64encode(VALUE.encode()).decode(),
        {"a": [VALUE]}, {VALUE: 1}, "T\u200bristan-4711", "Тristan-4711",
    ],
)  # fmt: skip
def test_a_secret_is_found_in_whatever_dress(dress: object) -> None:
    assert one().within(dress) == (PLACE,)


@pytest.mark.parametrize("other", ["Tristan", "4711", "", None, True, 12, "Isolde-4712"])
def test_another_value_carries_none(other: object) -> None:
    assert one().within(other) == ()


def test_a_run_with_more_secrets_than_are_kept_says_so_of_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    found = Secrets()
    for place in range(2):
        found.add(f"secret-{place}", PLACE)
    assert found.within("anything at all") == ()
    beyond = Place("crm", "crm.get", "c2", "/note")
    found.add("the-one-too-many", beyond)
    assert beyond in found.within("anything at all")


def test_more_than_is_looked_through_counts_as_carrying_one() -> None:
    assert one().within("x" * (MOST_LOOKED + 1)) == (PLACE,)


def test_many_secrets_that_begin_alike_are_not_looked_for_one_by_one() -> None:
    found = Secrets()
    for size in range(MANY + 1):
        found.add("begin" + "x" * size, PLACE)
    assert found.within("beginning of something else") == (PLACE,)
