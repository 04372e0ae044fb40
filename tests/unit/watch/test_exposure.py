"""People are counted once a week, within the stated error, under a key, in a room that does not grow."""

from __future__ import annotations

import random
import sys

import pytest

from standwatch.facts.errors import Malformed
from standwatch.watch.exposure import BYTES, DAYS, ERROR, REGISTERS, Week, hasher

KEY = bytes(range(32))


def counted(*people: tuple[int, int, int], key: bytes = KEY) -> Week:
    """A week that counted persons [start, stop) on `day`, for each (day, start, stop)."""
    week, hashed = Week(), hasher(key)
    for day, start, stop in people:
        for person in range(start, stop):
            week.add(day, hashed(f"p{person}"))
    return week


def off(week: Week, day: int, truth: int) -> float:
    return abs(week.people(day) / truth - 1)


@pytest.mark.parametrize("people", [0, 1, 2, 10])
def test_a_handful_is_counted_exactly(people: int) -> None:
    assert counted((9, 0, people)).people(9) == people


@pytest.mark.parametrize("people", [100, 1_000, 20_000, 100_000])
def test_the_estimate_is_within_three_standard_errors(people: int) -> None:
    assert off(counted((9, 0, people)), 9, people) < 3 * ERROR / 10_000


def test_the_error_is_the_stated_one() -> None:
    """Root mean square over forty keys: its own standard error is a ninth of it."""
    chance = random.Random(11)
    errors = [off(counted((1, 0, 10_000), key=chance.randbytes(32)), 1, 10_000) for _ in range(40)]
    spread = (sum(error * error for error in errors) / len(errors)) ** 0.5
    assert 0.5 < spread / (ERROR / 10_000) < 1.45


def test_who_comes_again_is_counted_once() -> None:
    week = counted((1, 0, 5_000), (1, 0, 5_000), (3, 0, 5_000), (7, 2_500, 7_500))
    assert off(week, 7, 7_500) < 0.03


def test_a_day_leaves_after_seven() -> None:
    week = counted((1, 0, 3_000), (7, 3_000, 4_000))
    assert off(week, 7, 4_000) < 0.03
    assert off(week, 8, 1_000) < 0.03
    assert week.people(14) == 0
    week.add(8, hasher(KEY)("late"))
    assert week.days == (7, 8)
    week.add(1, hasher(KEY)("too late"))
    assert week.days == (7, 8)


def test_the_room_is_at_most_64_kib() -> None:
    week = Week()
    for day in range(30):
        week.add(day, day)
    held = week._days  # pyright: ignore[reportPrivateUsage]
    assert len(held) == DAYS
    assert sum(map(sys.getsizeof, held.values())) + sys.getsizeof(held) + sys.getsizeof(week) <= 65_536
    assert sum(len(week.encoded(day)) for day in week.days) <= 65_536


def test_merging_is_union_in_any_order() -> None:
    one, other = counted((1, 0, 800), (4, 0, 900)), counted((2, 500, 1_500), (4, 700, 2_000))
    left, right, both = Week(), Week(), counted((1, 0, 800), (2, 500, 1_500), (4, 0, 2_000))
    for week in (one, other, one):
        left.merge(week)
    for week in (other, one):
        right.merge(week)
    for day in both.days:
        assert left.encoded(day) == right.encoded(day) == both.encoded(day)


def test_what_was_written_down_is_read_back() -> None:
    week, again = counted((3, 0, 4_000), (5, 3_000, 6_000)), Week()
    for day in week.days:
        data = week.encoded(day)
        assert (len(data), data[0]) == (BYTES, 1)
        again.take(data)
    assert [again.encoded(day) for day in again.days] == [week.encoded(day) for day in week.days]
    assert again.people(5) == week.people(5)
    assert again.newest == 5


def test_the_bytes_are_these_on_every_machine() -> None:
    data = counted((20_000, 0, 3)).encoded(20_000)
    places = {
        n: data[5 + 4 * n : 9 + 4 * n].hex() for n in range(REGISTERS) if any(data[5 + 4 * n : 9 + 4 * n])
    }
    assert data[:5].hex() == "0100004e20"
    assert places == VECTOR


@pytest.mark.parametrize("spoilt", ["short", "format", "high"])
def test_what_nobody_wrote_is_refused(spoilt: str) -> None:
    data = bytearray(counted((3, 0, 10)).encoded(3))
    match spoilt:
        case "short":
            del data[-1]
        case "format":
            data[0] = 2
        case _:
            data[-1] = 255
    with pytest.raises(Malformed):
        Week().take(bytes(data))


def test_only_what_changed_is_fresh() -> None:
    week = counted((3, 0, 10))
    week.fresh.clear()
    week.add(3, hasher(KEY)("p0"))
    assert not week.fresh
    week.add(4, hasher(KEY)("p0"))
    assert week.fresh == {4}


def test_another_key_hashes_otherwise() -> None:
    assert hasher(KEY)("p1") != hasher(bytes(32))("p1")
    assert hasher(KEY)("\ud800") == hasher(KEY)("\ud800")


VECTOR = {62: "00000001", 1770: "00000002", 1845: "00000010"}
