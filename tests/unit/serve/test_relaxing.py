"""Deadlines by the process's own clock: whatever is done to the wall clock, a relaxation is never longer."""

from standwatch.facts.entries import Restored
from standwatch.serve.relaxing import Deadlines, steady
from support import bank
from support.playbook import Stage
from support.relaxing import MINUTE, relax, world


class Clocks:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self) -> None:
        self.wall, self.steady = bank.NOW, 0

    def passes(self, micros: int) -> None:
        self.wall += micros
        self.steady += micros


def standing() -> tuple[Stage, Clocks, Deadlines, int]:
    stage, clocks = Stage(world()), Clocks()
    index = relax(stage)
    assert isinstance(index, int)
    deadlines = Deadlines(lambda: clocks.steady)
    deadlines.learn(stage.state, clocks.wall)
    return stage, clocks, deadlines, index


def in_force(stage: Stage, clocks: Clocks, deadlines: Deadlines) -> list[int]:
    return [index for index, _ in deadlines.in_force(stage.state, clocks.wall)]


def test_it_lasts_until_its_end() -> None:
    stage, clocks, deadlines, index = standing()
    clocks.passes(30 * MINUTE - 1)
    assert in_force(stage, clocks, deadlines) == [index]
    clocks.passes(1)
    assert in_force(stage, clocks, deadlines) == []


def test_a_wall_clock_set_back_does_not_lengthen_it() -> None:
    stage, clocks, deadlines, index = standing()
    clocks.passes(29 * MINUTE)
    clocks.wall = bank.NOW
    assert in_force(stage, clocks, deadlines) == [index]
    clocks.passes(MINUTE)
    assert clocks.wall < bank.NOW + 30 * MINUTE
    assert in_force(stage, clocks, deadlines) == []


def test_one_that_a_wall_clock_ended_does_not_come_back_with_the_clock() -> None:
    stage, clocks, deadlines, _ = standing()
    clocks.wall += 40 * MINUTE
    assert in_force(stage, clocks, deadlines) == []
    clocks.wall -= 40 * MINUTE
    assert in_force(stage, clocks, deadlines) == []


def test_hearing_of_it_again_does_not_lengthen_it() -> None:
    stage, clocks, deadlines, index = standing()
    clocks.passes(29 * MINUTE)
    clocks.wall = bank.NOW
    deadlines.learn(stage.state, clocks.wall)
    assert in_force(stage, clocks, deadlines) == [index]
    clocks.passes(MINUTE)
    assert in_force(stage, clocks, deadlines) == []


def test_a_process_that_starts_late_counts_from_the_last_entry_at_least() -> None:
    stage, clocks, _, _ = standing()
    stage.now += 20 * MINUTE
    stage.hold("tool:bank.other")
    clocks.wall = bank.NOW  # the machine came up with a clock that is twenty minutes behind
    late = Deadlines(lambda: clocks.steady)
    late.learn(stage.state, clocks.wall)
    clocks.passes(10 * MINUTE)
    assert in_force(stage, clocks, late) == []


def test_an_end_in_memory_needs_no_record() -> None:
    stage, clocks, deadlines, index = standing()
    deadlines.end(index)
    assert in_force(stage, clocks, deadlines) == []


def test_an_early_end_in_the_record() -> None:
    stage, clocks, deadlines, index = standing()
    stage.put(Restored(by="p-maria", relaxed=index, system="payments-agent"))
    assert in_force(stage, clocks, deadlines) == []


def test_what_the_state_forgot_is_forgotten_here() -> None:
    stage, clocks, deadlines, _ = standing()
    clocks.passes(2 * bank.DAY)
    stage.now = clocks.wall
    second = relax(stage)
    assert in_force(stage, clocks, deadlines) == [second]
    assert list(stage.state.relaxed) == [second]


def test_the_steady_clock_runs_forwards() -> None:
    first = steady()
    assert steady() >= first > 0
