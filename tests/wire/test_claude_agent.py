"""Anthropic's agent SDK before a running Standwatch: the package as published with the Claude Code that it brings,
headless, and a scripted model on the loopback in place of the vendor's. A new process for each part of a session.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Denied, Intent, Outcome
from standwatch.facts.words import SENTENCES
from support.frameworks import RUNS, Ended, Ledger, Zygote, approve, desk, doomed, validate, zygote
from support.system import Agent, Living, serving
from support.talking_claude import Plan, Planned

PAY = {"name": "mcp__desk__pay", "input": {"to": "nordlicht", "amount": 182}}
SMALL = {"name": "mcp__desk__pay", "input": {"to": "nordlicht", "amount": 40}}
NOTE = {"name": "mcp__desk__note", "input": {"text": "asked"}}
BURN = {"name": "mcp__desk__burn", "input": {"what": "all"}}


def bash(command: str) -> dict[str, Any]:
    return {"name": "Bash", "input": {"command": command, "description": "does it"}}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with serving(tmp_path_factory.mktemp("claude"), {"desk": desk()}) as running:
        validate(running)
        yield running


@pytest.fixture(scope="module")
def harness(watch: Living) -> Agent:
    return watch.agent("harness", "desk", starts=True)


@pytest.fixture(scope="module")
def model() -> Iterator[Planned]:
    planned = Planned()
    with planned.claude.running():
        yield planned


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    with zygote("claude_runs", tmp_path_factory.mktemp("processes")) as running:
        yield running


class Work:
    """One session: its run's token, what its model will do, and what was really done."""

    def __init__(
        self, processes: Zygote, harness: Agent, model: Planned, folder: Path, plan: Plan, **said: Any
    ) -> None:
        self.processes, self.model = processes, model
        self.who = os.urandom(6).hex()
        self.folder, self.ledger = folder, Ledger(folder / "ledger")
        self.said = {
            "watch": {"url": f"http://127.0.0.1:{harness.port}", "token": harness.open_run("Pay what is owed.").token},
            "model": model.claude.url, "folder": str(folder), "who": self.who, **said,
        }  # fmt: skip
        self.next(plan)

    def next(self, plan: Plan) -> None:
        """What its model does from the next prompt on."""
        name = f"{self.who}-{len(self.model.plans)}"
        self.model.plans[name] = plan
        self.said["prompt"] = f"Pay what is owed. plan={name}"

    def begin(self, **more: Any) -> Any:
        return self.processes.begin("go", **{**self.said, **more})

    def go(self, **more: Any) -> Any:
        """In a new process, to its end; what comes next goes on with the session."""
        told = self.processes.run("go", **{**self.said, **more})
        self.said["session"] = told["session"]
        return told

    def killed(self, **more: Any) -> None:
        """In new processes that are all killed with signal 9. What was not written down yet cannot be resumed."""
        ended: Ended = self.begin(**more).result(120)
        assert ended.status == -signal.SIGKILL, ended
        kept = [*(self.folder / self.who / "home").glob(".claude/projects/*/*.jsonl")]
        self.said["session"] = kept[0].stem if kept else ""

    @property
    def done(self) -> list[str]:
        return self.ledger.of(self.who)


@pytest.fixture
def work(processes: Zygote, harness: Agent, model: Planned, tmp_path: Path) -> Any:
    def make(plan: Plan, **said: Any) -> Work:
        return Work(processes, harness, model, tmp_path, plan, **said)

    return make


def test_what_may_be_is_done_and_what_may_not_is_said_so(watch: Living, work: Any) -> None:
    write = {"name": "Write", "input": {"file_path": "", "content": "one\ntwo\n"}}
    it = work([[NOTE], [bash("echo hello > hello.txt")], [write], [BURN]])
    path = str(it.folder / it.who / "work/list.txt")
    write["input"]["file_path"] = path
    edit = {"name": "Edit", "input": {"file_path": path, "old_string": "two", "new_string": "three"}}
    it.model.plans[it.said["prompt"].partition("plan=")[2]][3:3] = [
        [edit],
        [{"name": "Read", "input": {"file_path": path}}],
    ]
    told = it.go()
    assert told["why"] == "completed", told
    *good, burnt = told["heard"]
    assert [one[1] for one in good] == [False] * 5, told
    assert SENTENCES["refused"] in burnt[0]
    assert burnt[1]
    assert it.done == ["note asked"]
    assert told["files"] == {"hello.txt": "hello\n", "list.txt": "one\nthree\n"}


@pytest.mark.parametrize("pauses", [True, False])
def test_a_session_waits_for_a_person_and_another_process_goes_on(
    watch: Living, work: Any, pauses: bool
) -> None:
    it = work([[NOTE, PAY, bash("echo beside >> beside.txt")]], pauses=pauses)
    told = it.go()
    assert told["why"] == ("hook_stopped" if pauses else "completed")
    (paused,) = told["waiting"]
    assert any(SENTENCES["pending"] in one[0] for one in told["heard"])
    assert paused["url"].endswith(f"/approvals/{paused['reference']}")
    assert it.done == ["note asked"]
    assert told["files"] == {"beside.txt": "beside\n"}
    it.next([[PAY]])
    assert [one["reference"] for one in it.go()["waiting"]] == [paused["reference"]]
    approve(watch, paused["reference"])
    it.next([[PAY]])
    told = it.go()
    assert ["paid 182 to nordlicht", False] in told["heard"], told
    assert it.done == ["note asked", "pay nordlicht 182"]
    assert watch.outcome(paused["reference"]).status == "ok"


@pytest.mark.parametrize("broken", ["raises", "stays"])
def test_a_hook_that_fails_or_never_answers_blocks_the_call(work: Any, broken: str) -> None:
    it = work([[NOTE], [bash("echo hello > hello.txt")]], broken=broken)
    told = it.go()
    assert [one[1] for one in told["heard"]] == [True, True], told
    assert (it.done, told["files"]) == ([], {})


def test_nothing_is_done_while_the_gateway_is_away(work: Any) -> None:
    it = work([[NOTE], [bash("echo hello > hello.txt")]])
    it.said["watch"] = {**it.said["watch"], "url": "http://127.0.0.1:9"}
    told = it.go()
    assert [one[1] for one in told["heard"]] == [True, True], told
    assert (it.done, told["files"]) == ([], {})


def test_a_hook_of_somebody_elses_that_changes_a_judged_call_stops_the_session(
    watch: Living, work: Any
) -> None:
    before = len(watch.entries())
    it = work([[bash("echo one >> one.txt")], [bash("echo two >> two.txt")]], beside="changes")
    told = it.go()
    assert told["why"] == "hook_stopped", told
    (outcome,) = watch.of(Outcome, before)
    assert outcome.status == "unknown"


def test_what_another_hook_deferred_is_judged_again_or_found_out(watch: Living, work: Any) -> None:
    """The host makes it while it begins, most often before it knows a hook: so ours never defer; another one did."""
    it = work([[bash("echo one >> one.txt")]], beside="defers", bare=True)
    told = it.go()
    assert (told["why"], told["files"]) == ("tool_deferred", {})
    before = len(watch.entries())
    it.next([[bash("echo two >> two.txt")]])
    told = it.go(beside="")
    if any(isinstance(one, Intent) for _, one in watch.entries(before)):
        return  # this time the hook was there in time
    assert told["why"] == "hook_stopped", told
    assert [one[1] for one in told["heard"]] == [False, True]  # nothing is made after it
    assert len(watch.of(Denied, before)) == 1  # what nobody judged is in the record
    assert told["files"] == {"one.txt": "one\n"}  # by the host, whatever we would have said


def test_what_the_host_does_not_permit_is_told_as_not_done(watch: Living, work: Any) -> None:
    before = len(watch.entries())
    it = work([[bash("echo one >> one.txt")]], allowed=())
    told = it.go()
    assert told["heard"][0][1]
    assert told["files"] == {}
    (outcome,) = watch.of(Outcome, before)
    assert outcome.status == "not_sent"


def test_a_session_that_is_killed_between_effect_and_outcome_asks_before_it_does_it_again(
    watch: Living, work: Any
) -> None:
    it = work([[SMALL]])
    it.killed(kill="after")
    assert it.done == ["pay nordlicht 40"]
    it.next([[SMALL]])  # a model that makes the same call again, under another id
    told = it.go()
    (asked,) = told["waiting"]
    assert it.done == ["pay nordlicht 40"]
    approve(watch, asked["reference"], "refuse")
    it.next([[SMALL]])
    assert SENTENCES["refused"] in it.go()["heard"][0][0]
    assert it.done == ["pay nordlicht 40"]
    assert not [one for one in watch.acts(asked["reference"]) if isinstance(one, Intent)]


SESSIONS = RUNS if RUNS > 16 else 8
"""Each part of one costs half a second of CPU: half a sample."""


@pytest.mark.timeout(1_200)  # hundreds of processes, on a machine that others use
def test_sessions_paused_and_resumed_do_nothing_twice(watch: Living, work: Any) -> None:
    """Each in processes of its own; some are killed, all of them, before or after the payment, and resumed again."""
    sessions = [work([[PAY]]) for _ in range(SESSIONS)]
    paused = []
    for some in _some(sessions):
        for it, running in [(it, it.begin()) for it in some]:
            told = running.result(120).value
            it.said["session"] = told["session"]
            paused.append(told["waiting"][0]["reference"])
            it.next([[PAY]])
    for reference in paused:
        approve(watch, reference)
    killed = {sessions[n].who: moment for n, moment in doomed(SESSIONS).items()}
    for some in _some(sessions):
        running = [(it, it.begin(kill=killed.get(it.who, ""))) for it in some]
        for it, one in running:
            ended = one.result(120)
            if it.who in killed:
                assert ended.status == -signal.SIGKILL, ended
            else:
                assert ["paid 182 to nordlicht", False] in ended.value["heard"], ended
    for it in [one for one in sessions if one.who in killed]:
        made = killed[it.who] == "after"
        assert it.done.count("pay nordlicht 182") == made
        it.next([[PAY]])
        (asked,) = it.go()["waiting"]
        approve(watch, asked["reference"], "refuse" if made else "approve")
        it.next([[PAY]])
        it.go()
    for it in sessions:
        assert it.done == ["pay nordlicht 182"], it.who


def _some(sessions: list[Work], size: int = 5) -> list[list[Work]]:
    return [sessions[at : at + size] for at in range(0, len(sessions), size)]
