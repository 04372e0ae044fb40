"""LangChain agents and LangGraph graphs before a running Standwatch: the packages as published, checkpoints in SQLite,
and a new process for each part of a run. What was done is counted by the tools themselves, in a file of their own.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Intent
from standwatch.facts.words import SENTENCES
from support.frameworks import RUNS, Ended, Ledger, Zygote, approve, desk, doomed, validate, zygote
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

    def __init__(
        self, processes: Zygote, harness: Agent, folder: Path, thread: str, plan: Any, **said: Any
    ) -> None:
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
    def make(plan: Any, thread: str = "", **said: Any) -> Work:
        name = thread or os.urandom(6).hex()  # one name is one run, in the whole system
        return Work(processes, harness, tmp_path, name, plan, **said)

    return make


def results(told: Any) -> list[Any]:
    return [one[1:] for one in told["messages"] if one[0] == "tool"]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_is_done_and_what_may_not_is_said_so(work: Any, kind: str, asynchronous: bool) -> None:
    plan = [
        [NOTE],
        [LOOK],
        [{"name": "wipe", "args": {"what": "all"}}],
        [{"name": "burn", "args": {"what": "all"}}],
    ]
    it = work(plan, kind=kind, asynchronous=asynchronous)
    told = it.go()
    note, look, wipe, burn = results(told)
    assert look == ['{"what": "rates", "found": 3}', "success"]
    assert note == ["noted asked", "success"]
    for said, status in (wipe, burn):
        assert said.startswith(SENTENCES["refused"])
        assert status == "error"
    assert it.done == ["note asked", "look rates"]
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
    it = work([[NOTE, PAY, LOOK, LOOK]], kind=kind, asynchronous=asynchronous)
    (paused,) = it.go()["paused"]
    # Which of the others the framework lets begin before it pauses is its own; what was done is done.
    assert Counter(it.done) <= Counter(["look rates", "look rates", "note asked"])
    approve(watch, paused["standwatch"])
    told = it.go(resume=True)
    looked = '{"what": "rates", "found": 3}'
    said = ["noted asked", "paid 182 to nordlicht", looked, looked]
    assert [one[0] for one in results(told)] == said
    assert sorted(it.done) == ["look rates", "look rates", "note asked", "pay nordlicht 182"]


# --- begun again ---------------------------------------------------------------------------------------------------


def test_a_process_that_ends_between_effect_and_outcome_is_not_believed_to_have_done_nothing(
    watch: Living, work: Any
) -> None:
    it = work([[{"name": "pay", "args": {"to": "nordlicht", "amount": 40}}]])
    it.killed(kill="after")
    assert it.done == ["pay nordlicht 40"]
    told = it.go(resume=True)
    assert told["paused"], told
    (paused,) = told["paused"]  # nobody knows: a person is asked before it is done again
    assert it.done == ["pay nordlicht 40"]
    approve(watch, paused["standwatch"], "refuse")
    ((said, status),) = results(it.go(resume=True))
    assert (said.startswith(SENTENCES["refused"]), status) == (True, "error")
    assert it.done == ["pay nordlicht 40"]
    assert not [one for one in watch.acts(paused["standwatch"]) if isinstance(one, Intent)]


@pytest.mark.parametrize("nothing", [False, True])
def test_what_failed_is_tried_again_by_its_node(work: Any, nothing: bool) -> None:
    it = work([[NOTE, LOOK]], kind="graph", fails=2, nothing=nothing)
    told = it.go()
    assert [one[1] for one in results(told)] == ["success", "success"], told
    assert sorted(it.done) == ["look rates", "note asked"]  # what went well the first time is not done again


def test_attempts_inside_one_leave_are_one_act(watch: Living, work: Any) -> None:
    it = work([[PAY]], kind="retry", fails=2)
    (paused,) = it.go()["paused"]
    approve(watch, paused["standwatch"])
    assert results(it.go(resume=True)) == [["paid 182 to nordlicht", "success"]]
    assert len([one for one in watch.acts(paused["standwatch"]) if isinstance(one, Intent)]) == 1


def test_a_tool_that_asks_its_own_user_gets_that_answer_and_no_other(work: Any) -> None:
    it = work([[{"name": "helper", "args": {"question": "sure?"}}]])
    (paused,) = it.go()["paused"]
    assert paused["asks"] == "sure?"
    assert results(it.go(resume=True, value="quite")) == [["was told quite", "success"]]


def test_what_the_frameworks_own_approval_let_through_or_changed_is_judged(watch: Living, work: Any) -> None:
    it = work([[PAY]], kind="hitl")
    (first,) = it.go()["paused"]
    assert "standwatch" not in first
    other = {"name": "pay", "args": {"to": "nordlicht", "amount": 300.0}}
    (second,) = it.go(resume=True, value={"type": "edit", "edited_action": other})["paused"]
    assert it.done == []
    approve(watch, second["standwatch"])
    ((said, status),) = results(it.go(resume=True))
    assert (said.endswith("paid 300 to nordlicht"), status) == (True, "success")
    assert it.done == ["pay nordlicht 300"]


def test_an_agent_that_is_another_ones_tool_is_paused_through_it(watch: Living, work: Any) -> None:
    it = work([[NOTE, PAY], [PAY]], kind="nested")
    for turn in (1, 2):  # the same call twice is two acts, and each is asked about
        (paused,) = it.go(resume=turn > 1)["paused"]
        assert it.done.count("pay nordlicht 182") == turn - 1
        approve(watch, paused["standwatch"])
    told = it.go(resume=True)
    assert results(told) == [["Done.", "success"]]
    assert it.done.count("pay nordlicht 182") == 2
    assert it.done.count("note asked") == 1


def test_without_a_checkpoint_the_model_hears_that_a_call_waits(work: Any) -> None:
    it = work([[PAY], [PAY]], lasting=False)
    first, second = results(it.go())
    assert first[0].startswith(SENTENCES["pending"])
    assert second[0] == first[0]  # one question, whose reference is the same
    assert it.done == []


def test_nothing_is_done_while_the_gateway_is_away(work: Any) -> None:
    it = work([[NOTE], [LOOK]])
    it.said["watch"] = {**it.said["watch"], "url": "http://127.0.0.1:9"}
    assert {one[1] for one in results(it.go())} == {"error"}
    assert it.done == []


@pytest.mark.timeout(1_200)  # hundreds of processes, on a machine that others use
def test_runs_paused_and_resumed_do_nothing_twice(watch: Living, work: Any) -> None:
    """Each in processes of its own; some are killed before or after the payment, and resumed again."""
    runs = [work([[NOTE, PAY]], f"run-{n}", kind=KINDS[n % 2], asynchronous=n % 4 > 1) for n in range(RUNS)]
    paused = []
    for some in _some(runs):
        paused += [one.result(120).value["paused"][0]["standwatch"] for one in [it.begin() for it in some]]
    for reference in paused:
        approve(watch, reference)
    killed = {runs[n].thread: moment for n, moment in doomed(RUNS).items()}
    unknown = []
    for some in _some(runs):
        ended = [it.begin(resume=True, kill=killed.get(it.thread, "")).result(120) for it in some]
        for it, one in zip(some, ended, strict=True):
            if it.thread in killed:
                assert one.status == -signal.SIGKILL, one
                unknown.append(it)
            else:
                assert results(one.value)[-1] == ["paid 182 to nordlicht", "success"], one
    assert len(unknown) == len(killed)
    for it in unknown:  # begun again: whether the payment was made is not known, and a person is asked
        (asked,) = it.go(resume=True)["paused"]
        made = killed[it.thread] == "after"
        assert it.done.count("pay nordlicht 182") == made
        approve(watch, asked["standwatch"], "refuse" if made else "approve")
        it.go(resume=True)
    for it in runs:
        assert sorted(it.done) == ["note asked", "pay nordlicht 182"], it.thread


def _some(runs: list[Work], size: int = 10) -> list[list[Work]]:
    return [runs[at : at + size] for at in range(0, len(runs), size)]
