"""The clock that a process goes by: it follows jumps forwards, and neither goes back nor stands still."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from standwatch.serve.clock import FILE, Clock

T0 = 1_795_000_000_000_000
HOUR = 3_600_000_000


class Host:
    """A wall clock that somebody sets, and a steady one that nobody can."""

    def __init__(self, wall: int = T0, steady: int = 5_000_000) -> None:
        self.wall, self.steady = wall, steady

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady)

    def passes(self, micros: int) -> None:
        self.wall += micros
        self.steady += micros

    def set(self, micros: int) -> None:
        self.wall += micros


steps = st.lists(
    st.tuples(st.integers(0, HOUR), st.one_of(st.just(0), st.integers(-9 * HOUR, 9 * HOUR))), max_size=40
)


@given(steps)
def test_it_never_goes_back_never_stands_still_and_is_never_behind_the_wall(
    history: list[tuple[int, int]],
) -> None:
    host = Host()
    clock = host.clock()
    before = clock()
    for passed, moved in history:
        host.passes(passed)
        host.set(moved)
        now = clock()
        assert now - before >= passed
        assert now >= host.wall
        before = now


@given(steps, st.integers(0, 10))
def test_without_jumps_it_is_the_wall_clock(history: list[tuple[int, int]], jitter: int) -> None:
    host = Host()
    clock = host.clock()
    for passed, _ in history:
        host.passes(passed)
        assert clock() == host.wall
        assert clock.behind == 0
    assert jitter >= 0


def test_a_process_that_starts_anew_goes_on_where_the_last_was(tmp_path: Path) -> None:
    host = Host()
    first = host.clock()
    first.keep(tmp_path, "boot-1")
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    host.passes(20 * 60_000_000)
    host.set(-HOUR)
    second = host.clock()
    assert second() < T0
    second.resume(tmp_path, "boot-1")
    assert second() == T0 + 20 * 60_000_000, "exactly as much later as has passed"
    assert second.behind == HOUR


def test_after_the_machine_started_anew_it_is_at_least_the_last_that_was_kept(tmp_path: Path) -> None:
    host = Host()
    host.clock().keep(tmp_path, "boot-1")
    other = Host(wall=T0 - HOUR, steady=1_000).clock()
    other.resume(tmp_path, "boot-2")
    assert other() == T0
    later = Host(wall=T0 + HOUR, steady=1_000).clock()
    later.resume(tmp_path, "boot-2")
    assert later() == T0 + HOUR


def test_nobody_says_which_start_it_is(tmp_path: Path) -> None:
    """An offset between clocks of two starts of a machine means nothing: it is not taken over."""
    host = Host(steady=50 * HOUR)
    host.clock().keep(tmp_path, "boot-1")
    other = Host(wall=T0 + 1, steady=9).clock()
    other.resume(tmp_path, "boot-2")
    assert other() == T0 + 1


def test_what_cannot_be_read_is_not_known_and_a_full_disk_costs_nothing(tmp_path: Path) -> None:
    clock = Host().clock()
    clock.resume(tmp_path)
    (tmp_path / FILE).write_bytes(b"not json")
    clock.resume(tmp_path)
    clock.keep(tmp_path / "gone")
    assert clock() == T0
