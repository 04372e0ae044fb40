"""When a server is tried again."""

from __future__ import annotations

from standwatch.upstream.supervise import MOST, Backoff


def test_delays_double_up_to_half_a_minute() -> None:
    backoff = Backoff(lambda: 0.0)
    delays = [backoff.after(0.0) for _ in range(10)]
    assert delays == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_chance_cuts_a_delay_by_up_to_half() -> None:
    delays = [Backoff(lambda drawn=drawn: drawn).after(0.0) for drawn in (0.0, 0.5, 0.999)]
    assert delays[0] == 0.25
    assert delays[1] == 0.1875
    assert 0.125 < delays[2] < 0.126


def test_a_steady_life_is_a_new_beginning() -> None:
    backoff = Backoff(lambda: 0.0)
    for _ in range(10):
        backoff.after(59.0)
    assert backoff.after(59.0) == MOST
    assert backoff.after(60.0) == 0.25
    assert backoff.after(0.0) == 0.5


def test_failures_without_end_stay_bounded() -> None:
    backoff = Backoff(lambda: 0.0)
    assert max(backoff.after(0.0) for _ in range(5000)) == MOST
