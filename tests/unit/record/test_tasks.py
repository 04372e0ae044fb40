"""When a run may still get a task: once, by whom it belongs to, before it has acted; and what a reader makes of it."""

from __future__ import annotations

from typing import Any

import msgspec

from standwatch.facts.entries import (
    Intent,
    Outcome,
    Principal,
    RunBound,
    RunClosed,
    RunOpened,
    TaskAdded,
    TaskTaken,
)
from standwatch.facts.frames import Append
from standwatch.record.judged import telling
from standwatch.record.sequence import Sequencer
from standwatch.record.state import State, load, save

AT = 1_795_000_000_000_000


class World:
    def __init__(self, **opened: Any) -> None:
        self.sequencer = Sequencer(State())
        self.index = 0
        self.take(Principal(name="bot", role="agent", systems=["s"]))
        self.take(RunOpened(by="bot", run="run-1", system="s", principal="bot", **opened))

    def refused(self, entry: Any, at: int = 0) -> str:
        refusal = self.sequencer.admit(Append(0, entry), at or AT + self.index)
        return "" if refusal is None else refusal.code

    def take(self, entry: Any) -> None:
        assert self.refused(entry) == "", entry
        self.sequencer.take(self.index, msgspec.structs.replace(entry, at=AT + self.index))
        self.index += 1


def said(**changes: Any) -> TaskTaken:
    return TaskTaken(**{"by": "bot", "run": "run-1", "why": "c1" * 32, **changes})


def intent() -> Intent:
    return Intent(by="bot", id="act", run="run-1", system="s", tool="t.x", digest="d", seen=1, why="w")


def test_once() -> None:
    world = World()
    world.take(said())
    assert world.sequencer.state.tasks == {"run-1": 2}
    assert world.refused(said(why="d2" * 32)) == "duplicate"


def test_never_in_a_run_that_was_opened_with_one() -> None:
    assert World(why="c1" * 32).refused(said()) == "duplicate"


def test_never_by_another_in_no_run_or_when_it_is_over() -> None:
    world = World(until=AT + 1_000)
    assert world.refused(said(by="other")) == "run"
    assert world.refused(said(run="run-2")) == "run"
    assert world.refused(said(), at=AT + 1_000) == "run"


def test_never_after_anything_was_let_through() -> None:
    world = World()
    world.take(intent())
    assert world.refused(said()) == "stale"
    world.take(Outcome(by="bot", id="act", of=2, status="ok"))
    assert world.refused(said()) == "stale"


def test_what_was_not_sent_has_read_nothing() -> None:
    world = World()
    world.take(intent())
    world.take(Outcome(by="bot", id="act", of=2, status="not_sent"))
    assert world.refused(said()) == ""


def test_it_survives_a_snapshot_and_ends_with_its_run() -> None:
    world = World()
    world.take(said())
    assert load(save(world.sequencer.state)).tasks == {"run-1": 2}
    world.take(RunClosed(by="bot", run="run-1"))
    assert not world.sequencer.state.tasks


def test_a_reader_takes_the_later_word_for_a_run_that_was_opened_without() -> None:
    opened = RunOpened(by="bot", run="run-1", system="s", principal="bot")
    assert telling([(1, opened)]) == (1, opened)
    assert telling([(1, opened), (2, said())]) == (2, said())
    spoken = msgspec.structs.replace(opened, why="c1" * 32)
    assert telling([(1, spoken), (2, said())]) == (1, spoken)
    assert telling([]) is None


# --- what its user says later ----------------------------------------------------------------------------------------


def more(**changes: Any) -> TaskAdded:
    return TaskAdded(**{"by": "harness", "run": "run-2", "why": "d2" * 32, **changes})


def opened_for_a_task(**changes: Any) -> World:
    """A run that a harness opened with `POST /v1/runs`, in which something was done already."""
    world = World()
    world.take(Principal(name="harness", role="service", systems=["s"], starts=True))
    members = {"by": "harness", "run": "run-2", "system": "s", "principal": "harness", "token": "f0" * 32}
    world.take(RunOpened(**{**members, **changes}))
    world.take(msgspec.structs.replace(intent(), by="harness", run="run-2", seen=world.index))
    return world


def test_its_user_says_more_at_any_time_and_the_last_word_has_all_of_it() -> None:
    world = opened_for_a_task(why="c1" * 32)
    world.take(more())
    world.take(more(why="e3" * 32))
    assert world.sequencer.state.tasks == {"run-2": world.index - 1}
    entries = [(3, RunOpened(by="harness", run="run-2", system="s", principal="harness", why="c1" * 32))]
    assert telling([*entries, (5, more()), (6, more(why="e3" * 32))]) == (6, more(why="e3" * 32))


def test_nobody_says_more_but_who_may_start_runs_and_opened_this_one() -> None:
    world = opened_for_a_task()
    assert world.refused(more(by="bot")) == "run"
    assert world.refused(more(run="run-1", by="bot")) == "run", "its token calls tools, and starts nothing"
    assert world.refused(more(run="run-9")) == "run"
    world.take(Principal(name="harness", role="service", systems=["s"], starts=False))
    assert world.refused(more()) == "run"


def test_a_run_within_another_has_that_ones_task_and_none_of_its_own() -> None:
    world = opened_for_a_task()
    own = {"by": "harness", "run": "run-3", "system": "s", "principal": "harness", "token": "f1" * 32}
    world.take(RunBound(**own, parent="run-2"))
    assert world.refused(more(run="run-3")) == "run"
    assert world.refused(more()) == ""


def test_nobody_says_more_of_a_run_that_is_over() -> None:
    world = opened_for_a_task(until=AT + 10_000)
    assert world.refused(more()) == ""
    assert world.refused(more(), at=AT + 10_000) == "run"
    world.take(RunClosed(by="harness", run="run-2"))
    assert world.refused(more()) == "run"
