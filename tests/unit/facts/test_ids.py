"""Ids: UUIDv7 in Crockford base32, one spelling, sorting by time."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.facts.ids import ALPHABET, id_mark, id_micros, id_time, new_id, parse_id

times = st.integers(0, 2**48 * 1000 - 1)
chance = st.binary(min_size=10, max_size=10)


def as_uuid(text: str) -> uuid.UUID:
    value = 0
    for letter in text:
        value = value * 32 + ALPHABET.index(letter)
    return uuid.UUID(int=value)


@given(times, chance)
def test_an_id_is_a_uuid_of_version_7_that_holds_its_time(now: int, entropy: bytes) -> None:
    ident = new_id(now, entropy)
    assert len(ident) == 26
    assert parse_id(ident) == ident
    found = as_uuid(ident)
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert id_time(ident) == now // 1000 * 1000
    assert id_micros(ident) == now


@given(times, times, chance, chance)
def test_ids_sort_by_time(first: int, second: int, one: bytes, other: bytes) -> None:
    if first // 1000 != second // 1000:
        assert (new_id(first, one) < new_id(second, other)) == (first < second)


@pytest.mark.parametrize(
    "text", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "0" * 25 + "u", "0" * 25 + "A", "é" * 26]
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_id(text)


@given(times, chance)
def test_the_mark_of_an_id_is_its_second_random_byte(now: int, entropy: bytes) -> None:
    assert id_mark(new_id(now, entropy)) == entropy[1]
