"""Where bars and marks stand: nothing that is there is drawn as nothing, and nothing beyond the drawing."""

import pytest

from standwatch.console.charts import WIDE, axis, bars


def test_something_is_never_drawn_as_nothing() -> None:
    (one, other) = bars([("denied", 0.0001, 0.0), ("approved", 1.0, 2.0)])
    assert (one.wide_before, one.wide_after) == (1, 0)
    assert (other.wide_before, other.wide_after) == (WIDE, WIDE)


def test_an_axis_has_what_happened_in_its_order_and_within_it() -> None:
    found = axis(
        100, 200, 120, 150, 130, [(100, 1, "first"), (200, 2, "last"), (90, 3, "before"), (999, 4, "after")]
    )
    assert [mark.x for mark in found.marks] == [0, WIDE, 0, WIDE]
    assert (found.first, found.wide, found.likeliest) == (60, 90, 90)


def test_where_nothing_began_nothing_is_shaded() -> None:
    found = axis(100, 100, 0, 0, 0, [])
    assert (found.wide, found.likeliest) == (0, -1)


@pytest.mark.parametrize("early", [120, 121])
def test_a_moment_is_still_seen(early: int) -> None:
    assert axis(100, 200, early, early, early, []).wide == 2
