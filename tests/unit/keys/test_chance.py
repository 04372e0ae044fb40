"""Chance hands out every byte once, in any sizes, and never in two processes."""

import os

from hypothesis import given
from hypothesis import strategies as st

from standwatch.keys.chance import Chance


@given(st.lists(st.integers(0, 5000), max_size=40))
def test_as_many_bytes_as_asked_for(sizes: list[int]) -> None:
    chance = Chance()
    assert [len(chance(size)) for size in sizes] == sizes


def test_nothing_is_handed_out_twice() -> None:
    chance = Chance()
    found = [chance(16) for _ in range(10_000)]
    assert len(set(found)) == len(found)


def test_a_forked_child_draws_its_own() -> None:
    chance = Chance()
    chance(1)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, chance(32))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 32) != chance(32)
