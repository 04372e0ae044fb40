"""No relaxation outlives its end, whatever becomes of wall clock and store; `python -m bench.relaxations` plays 10⁴."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from support.relaxing_histories import History, history


def played(seed: int) -> History:
    return asyncio.run(history(seed))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_no_relaxation_outlives_its_end(seed: int) -> None:
    assert played(seed).late == []


def test_the_histories_say_something() -> None:
    """They let acts pass, refuse them once it is over, and have acts that were recorded in time and not sent."""
    every = [played(seed) for seed in range(150)]
    assert sum(one.passed for one in every) > 20
    assert sum(one.refused for one in every) > 100
    assert sum(one.stalled for one in every) > 0
