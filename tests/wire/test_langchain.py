"""LangChain agents and LangGraph graphs before a running Standwatch: the packages as published, a checkpoint in SQLite, and a
new process for each part of a run. What was done is counted by the tools themselves, in a file of their own.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Intent, Outcome
from standwatch.facts.words import SENTENCES
from support.frameworks import Ended, Ledger, Zygote, approve, desk, validate, zygote
from support.system import Agent, Living, serving

KINDS = ("agent", "graph")
PAY = {"name": "pay", "args": {"to": "nordlicht", "amount": 182.0}}
LOOK = {"name": "look", "args": {"what": "rates"}}
NOTE = {"name": "note", "args": {"text": "asked"}}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with serving(tmp_path_factory.mktemp("langchain"), {"desk": desk()}) as running:
        validate(running)
        yield running


@pytest.fixture(scope="module")
def harness(watch: Living) -> Agent:
    return watch.agent("harness", "desk", starts=True)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    with zygote("langchain_runs", tmp_path_factory.mktemp("processes")) as running:
        yield running


class Work:
    """One run: its thread, its run's token, its plan, and what it really did."""

    def __init__(self, processes: Zygote, harness: Agent, folder: Path, thread: str, plan: Any, **said: Any) -> None:
        token = harness.open_run("Pay what is owed.").token
        self.processes, self.ledger = processes, Ledger(folder / "ledger")
        self.thread = thread
        self.said = {
            "watch": {"url": f"http://127.0.0.1:{harness.port}", "token": token},
            "thread": thread, "folder": str(folder), "plan": plan, **said,
        }  # fmt: skip

    def begin(self, **more: Any) -> Any:
        """In a new process."""
        return self.processes.begin("go", **{**self.said, **more})

    def go(self, **more: Any) -> Any:
        """In a new process, to its end."""
        return self.processes.run("go", **{**self.said, **more})

    def killed(self, **more: Any) -> None:
        """In a new process that is killed with signal 9."""
        ended: Ended = self.begin(**more).result(120)
        assert ended.status == -signal.SIGKILL, ended

    @property
    def done(self) -> list[str]:
        return self.ledger.of(self.thread)


@pytest.fixture
def work(processes: Zygote, harness: Agent, tmp_path: Path) -> Any:
    def make(plan: Any, thread: str = "t", **said: Any) -> Work:
        return Work(processes, harness, tmp_path, thread, plan, **said)

    return make


def results(told: Any) -> list[Any]:
    return [one[1:] for one in told["messages"] if one[0] == "tool"]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_is_done_and_what_may_not_is_said_so(work: Any, kind: str, asynchronous: bool) -> None:
    plan = [[LOOK], [{"name": "wipe", "args": {"what": "all"}}], [{"name": "burn", "args": {"what": "all"}}], [NOTE]]
    it = work(plan, kind=kind, asynchronous=asynchronous)
    told = it.go()
    assert len(results(told)) == 4, told
    look, wipe, burn, note = results(told)
    assert look == ['{"what": "rates", "found": 3}', "success"]
    assert note == ["noted asked", "success"]
    for said, status in (wipe, burn):
        assert said.startswith(SENTENCES["refused"])
        assert status == "error"
    assert it.done == ["look rates", "note asked"]
    assert told["messages"][-1][1] == "Done."


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_waits_for_a_person_and_another_process_goes_on(
    watch: Living, work: Any, kind: str, asynchronous: bool
) -> None:
    it = work([[PAY]], kind=kind, asynchronous=asynchronous)
    (paused,) = it.go()["paused"]
    assert paused["tool"] == "pay"
    assert paused["message"] == SENTENCES["pending"]
    assert paused["words"].count(" ") == 5 or paused["words"].count("-") == 5
    assert paused["url"].endswith(f"/approvals/{paused['standwatch']}")
    again = it.go(resume=True, value={"type": "approve"})  # whoever resumes says nothing with it
    assert [one["standwatch"] for one in again["paused"]] == [paused["standwatch"]]
    assert it.done == []
    approve(watch, paused["standwatch"])
    told = it.go(resume=True)
    assert results(told) == [["paid 182 to nordlicht", "success"]]
    assert it.done == ["pay nordlicht 182"]
    assert watch.outcome(paused["standwatch"]).status == "ok"


def test_who_is_refused_by_a_person_does_nothing(watch: Living, work: Any) -> None:
    it = work([[PAY]])
    (paused,) = it.go()["paused"]
    approve(watch, paused["standwatch"], "refuse")
    ((said, status),) = results(it.go(resume=True))
    assert said.startswith(SENTENCES["refused"])
    assert status == "error"
    assert it.done == []


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_of_calls_beside_each_other_the_others_are_done_once(
    watch: Living, work: Any, kind: str, asynchronous: bool
) -> None:
    it = work([[NOTE, PAY, LOOK, NOTE]], kind=kind, asynchronous=asynchronous)
    (paused,) = it.go()["paused"]
    assert sorted(it.done) == ["look rates", "note asked", "note asked"]
    approve(watch, paused["standwatch"])
    told = it.go(resume=True)
    assert [one[0] for one in results(told)] == [
        "noted asked", "paid 182 to nordlicht", '{"what": "rates", "found": 3}', "noted asked",
    ]  # fmt: skip
    assert sorted(it.done) == ["look rates", "note asked", "note asked", "pay nordlicht 182"]
