"""OpenAI's agents and Pydantic AI's before a running Standwatch: the packages as published, their state in a file, and
a new process for each part of a run. What was done is counted by the tools themselves, in a file of their own.
"""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Answered, Intent, Outcome
from standwatch.facts.words import SENTENCES
from support.frameworks import RUNS, Work, Zygote, approve, asked, desk, doomed, questions, validate, zygote
from support.system import Agent, Living, serving

MODULES = ("openai_runs", "pydantic_runs")
PAY = {"name": "pay", "args": {"to": "nordlicht", "amount": 182.0}}
SMALL = {"name": "pay", "args": {"to": "nordlicht", "amount": 40.0}}
LOOK = {"name": "look", "args": {"what": "rates"}}
NOTE = {"name": "note", "args": {"text": "asked"}}
WIPE = {"name": "wipe", "args": {"what": "all"}}
BURN = {"name": "burn", "args": {"what": "all"}}
PAID = "paid 182 to nordlicht"
DONE = "pay nordlicht 182"
Make = Callable[..., Work]


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with serving(tmp_path_factory.mktemp("frameworks"), {"desk": desk()}) as running:
        validate(running)
        yield running


@pytest.fixture(scope="module")
def harness(watch: Living) -> Agent:
    return watch.agent("harness", "desk", starts=True)


@pytest.fixture(scope="module", params=MODULES)
def processes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    with zygote(request.param, tmp_path_factory.mktemp("processes")) as running:
        yield running


@pytest.fixture
def work(processes: Zygote, harness: Agent, tmp_path: Path) -> Make:
    def make(plan: Any, thread: str = "", **said: Any) -> Work:
        return Work(processes, harness, tmp_path, thread or uuid.uuid4().hex, plan, **said)

    return make


def texts(told: Any) -> list[str]:
    """What the model got back of each call."""
    return [str(one[0] if isinstance(one, list) else one) for one in told["results"]]


def test_what_may_be_is_done_and_what_may_not_is_said_so(work: Make) -> None:
    it = work([[NOTE], [LOOK], [WIPE], [BURN]])
    told = it.go()
    note, look, wipe, burn = texts(told)
    assert (note, eval(look)) == ("noted asked", {"what": "rates", "found": 3})
    assert [one.partition(" (reference ")[0] for one in (wipe, burn)] == [SENTENCES["refused"]] * 2
    assert it.done == ["note asked", "look rates"]
    assert told["said"] == "Done."


def test_a_run_waits_for_a_person_and_another_process_goes_on(watch: Living, work: Make) -> None:
    it = work([[PAY]])
    assert [one[0] for one in it.go()["paused"]] == ["pay"]
    reference = asked(watch, it)
    assert [one[0] for one in it.go(resume=True)["paused"]] == ["pay"]
    assert asked(watch, it) == reference, "nobody is asked twice"
    approve(watch, reference)
    told = it.go(resume=True)
    assert (texts(told), told["said"], it.done) == ([PAID], "Done.", [DONE])
    assert watch.outcome(reference).status == "ok"
    assert texts(it.go(resume=True)) == [PAID], "resumed once more, from the same state"
    assert it.done == [DONE]


def test_who_is_refused_by_a_person_does_nothing(watch: Living, work: Make) -> None:
    it = work([[PAY]])
    it.go()
    approve(watch, asked(watch, it), "refuse")
    told = it.go(resume=True)
    assert texts(told)[0].startswith(SENTENCES["refused"])
    assert (told["said"], it.done) == ("Done.", [])


def test_of_calls_beside_each_other_each_is_done_once(watch: Living, work: Make) -> None:
    it = work([[NOTE, PAY, LOOK, PAY]])
    assert [one[0] for one in it.go()["paused"]] == ["pay", "pay"]
    assert sorted(it.done) == ["look rates", "note asked"]
    for turn in (1, 2):  # the same call twice is two acts, and each is asked about
        reference = _open(watch, it)[0]
        approve(watch, reference)
        told = it.go(resume=True)
        assert len(told["paused"]) == 2 - turn
        assert it.done.count(DONE) == turn
    assert sorted(texts(told)) == sorted([str({"what": "rates", "found": 3}), "noted asked", PAID, PAID])
    assert len(it.done) == 4


def _open(watch: Living, it: Work) -> list[str]:
    """The questions of the run that nobody has answered."""
    ours = questions(watch, it)
    answered = {one.id for one in watch.of(Answered)}
    return [one for one in ours if one not in answered]


# --- begun again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_ends_before_its_outcome_is_told_is_not_believed(
    watch: Living, work: Make, moment: str
) -> None:
    it = work([[PAY]])
    it.go()
    first = asked(watch, it)
    approve(watch, first)
    it.killed(resume=True, kill=moment)
    assert it.done == [DONE] * (moment == "after")
    assert [one[0] for one in it.go(resume=True)["paused"]] == ["pay"], "nobody knows: a person is asked"
    second = asked(watch, it)
    assert second != first
    approve(watch, second, "refuse" if moment == "after" else "approve")
    told = it.go(resume=True)
    assert it.done == [DONE]
    assert texts(told)[0].startswith(SENTENCES["refused"] if moment == "after" else PAID)
    assert len([one for one in watch.acts(first) if isinstance(one, Intent)]) == 1


def test_nothing_is_done_while_the_gateway_is_away(work: Make) -> None:
    it = work([[NOTE], [LOOK]])
    it.said["watch"] = {**it.said["watch"], "url": "http://127.0.0.1:9"}
    assert len(texts(it.go())) == 2
    assert it.done == []


@pytest.mark.timeout(900)
def test_runs_paused_and_resumed_do_nothing_twice(watch: Living, work: Make) -> None:
    """Each in processes of its own; some are killed before or after the payment, and resumed again."""
    runs = [work([[NOTE, PAY]], f"run-{n}") for n in range(RUNS)]
    for some in _some(runs):
        for one in [it.begin() for it in some]:
            assert one.result(120).value["paused"], one
    for it in runs:
        approve(watch, asked(watch, it))
    killed = {runs[n].thread: moment for n, moment in doomed(RUNS).items()}
    for some in _some(runs):
        ended = [it.begin(resume=True, kill=killed.get(it.thread, "")) for it in some]
        for it, one in zip(some, ended, strict=True):
            if it.thread in killed:
                assert one.result(120).status == -signal.SIGKILL, one
            else:
                assert texts(one.result(120).value)[-1] == PAID, one
    for it in [it for it in runs if it.thread in killed]:
        assert it.go(resume=True)["paused"]
        made = it.done.count(DONE)
        assert made == (killed[it.thread] == "after")
        approve(watch, asked(watch, it), "refuse" if made else "approve")
        it.go(resume=True)
    for it in runs:
        assert sorted(it.done) == ["note asked", DONE], it.thread


def _some(runs: list[Work], size: int = 10) -> list[list[Work]]:
    return [runs[at : at + size] for at in range(0, len(runs), size)]


# --- of one of them -----------------------------------------------------------------------------------------

openai = pytest.mark.parametrize("processes", ["openai_runs"], indirect=True)
pydantic = pytest.mark.parametrize("processes", ["pydantic_runs"], indirect=True)


@openai
def test_what_is_approved_in_the_state_alone_is_not_done(watch: Living, work: Make) -> None:
    it = work([[PAY]])
    it.go()
    told = it.go(resume=True, settles=False, approves=True)
    assert texts(told)[0].startswith(SENTENCES["pending"])
    assert it.done == []


@openai
def test_work_begun_again_from_nothing_does_nothing_twice(watch: Living, work: Make) -> None:
    it = work([[NOTE, SMALL, NOTE]], scope=uuid.uuid4().hex)
    first = it.go()
    assert sorted(it.done) == ["note asked", "note asked", "pay nordlicht 40"]
    assert texts(it.go()) == texts(first), "what came back the first time"
    assert len(it.done) == 3


@openai
def test_of_work_begun_again_what_nobody_knows_is_asked_about(watch: Living, work: Make) -> None:
    it = work([[SMALL]], scope=uuid.uuid4().hex)
    it.killed(kill="after")
    assert [one[0] for one in it.go()["paused"]] == ["pay"]
    approve(watch, asked(watch, it))
    assert texts(it.go(resume=True)) == ["paid 40 to nordlicht"]
    assert it.done == ["pay nordlicht 40"] * 2, "a person said so"


@openai
def test_what_a_guardrail_rejects_after_it_was_let_go_is_told(watch: Living, work: Make) -> None:
    it = work([[NOTE]], guarded=True)
    assert texts(it.go()) == ["not here"]
    assert watch.of(Outcome)[-1].status == "not_sent"
    assert it.done == []


@openai
def test_an_agent_that_is_another_ones_tool_is_paused_through_it(watch: Living, work: Make) -> None:
    it = work([[NOTE, PAY]], nested=True)
    assert [one[0] for one in it.go()["paused"]] == ["pay"]
    approve(watch, asked(watch, it))
    assert it.go(resume=True)["said"] == "Done."
    assert sorted(it.done) == ["note asked", DONE]


@openai
def test_what_a_tool_raises_is_what_became_of_its_act(watch: Living, work: Make) -> None:
    it = work([[SMALL]], fails=1)
    assert texts(it.go())[0].startswith("An error occurred"), "the SDK's own words for it"
    assert watch.of(Outcome)[-1].status == "error"


@pydantic
def test_a_retry_that_a_tool_asks_for_is_another_act(watch: Living, work: Make) -> None:
    it = work([[SMALL], [SMALL]], retries=True)
    assert it.go(fails=1)["paused"], "after words of a tool's own a payment is asked about"
    assert watch.of(Outcome)[-1].status == "error"
    approve(watch, asked(watch, it))
    assert texts(it.go(resume=True)) == ["not yet", "paid 40 to nordlicht"]
    assert it.done == ["pay nordlicht 40"]


@pydantic
def test_an_agent_that_cannot_be_paused_hears_that_a_call_waits(watch: Living, work: Make) -> None:
    it = work([[PAY]], lasting=False)
    assert texts(it.go())[0].startswith(SENTENCES["pending"])
    assert it.done == []
    approve(watch, asked(watch, it))
    assert texts(it.go()) == [PAID], "the same work, begun again in another process"


@pydantic
def test_work_begun_again_from_nothing_does_nothing_twice_either(watch: Living, work: Make) -> None:
    it = work([[NOTE, SMALL, NOTE]])
    first = it.go()
    assert sorted(it.done) == ["note asked", "note asked", "pay nordlicht 40"]
    assert texts(it.go()) == texts(first), "what came back the first time"
    assert len(it.done) == 3
