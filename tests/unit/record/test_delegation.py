"""Runs below runs: within the one above in every respect, whoever asks, and `verify` says where one was not."""

from __future__ import annotations

from typing import Any

import pytest

from standwatch.facts.entries import Hold, Intent, RunBound, RunClosed, RunOpened, SecondPlace, TaskTaken
from standwatch.facts.frames import Append
from standwatch.record.delegation import DEEPEST, MOST, beyond, fits, objection
from standwatch.record.verify import verify
from support.logs import KEY, MINUTE, OLGA, TOOL, Log

HOUR = 60 * MINUTE


def bank() -> Log:
    """A bank with a run `p` that ends in an hour."""
    log = Log()
    log.open()
    log.append(
        RunOpened(
            by="agent-1", run="p", system="pay", principal="agent-1", token="cd" * 32, until=log.now + HOUR
        )
    )
    return log


def below(log: Log, run: str, parent: str, **more: Any) -> RunBound:
    members: dict[str, Any] = {
        "by": "agent-1",
        "system": "pay",
        "principal": "agent-1",
        "until": log.sequencer.state.runs["p"][1].until,
        **more,
    }
    return RunBound(run=run, parent=parent, **members)


def refused(log: Log, entry: Any, **more: Any) -> str:
    refusal = log.sequencer.admit(Append(1, entry, **more), log.now + 1)
    return "" if refusal is None else f"{refusal.code}: {refusal.detail}"


def intent(log: Log, run: str, **changes: Any) -> Intent:
    members, _ = log.judged(log.ident())
    return Intent(**{**members, "run": run, **changes})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parent": "nobody"}, "is not open"),
        ({"principal": "agent-2"}, "another's"),
        ({"system": "other"}, "another's"),
        ({"why": "ab" * 32}, "that one's task"),
        ({"implicit": True}, "that one's task"),
        ({"until": 0}, "outlast"),
        ({"until": 1 << 52}, "outlast"),
        ({"parent": "", "tools": ["bank.*"]}, "nobody it is bounded by"),
        ({"parent": "", "effects": ["read"]}, "nobody it is bounded by"),
    ],
)
def test_a_run_is_opened_within_its_parent_only(changes: dict[str, Any], why: str) -> None:
    log = bank()
    assert refused(log, below(log, "c", "p")) == ""
    assert why in refused(log, below(log, "c", **{"parent": "p", **changes}))


def test_below_a_bound_run_no_token_is_its_bearers() -> None:
    log = bank()
    log.append(below(log, "k", "p", bound="x" * 43))
    assert "bound to none" in refused(log, below(log, "d", "k"))
    assert refused(log, below(log, "d", "k", bound="y" * 43)) == ""


def test_no_run_is_opened_below_one_that_is_over() -> None:
    log = bank()
    entry, until = below(log, "c", "p"), log.sequencer.state.runs["p"][1].until
    assert "is not open" in objection(log.sequencer.state, entry, until)
    log.append(RunClosed(by="agent-1", run="p"))
    assert "is not open" in objection(log.sequencer.state, entry, log.now)


def test_a_line_is_so_deep_and_a_family_so_large() -> None:
    log = bank()
    above = "p"
    for depth in range(1, DEEPEST):
        log.append(below(log, f"d{depth}", above))
        above = f"d{depth}"
    assert "deep" in refused(log, below(log, "deeper", above))
    for number in range(MOST - (DEEPEST - 1)):
        log.append(below(log, f"w{number}", "p"))
        log.append(RunClosed(by="agent-1", run=f"w{number}"))
    assert "has had" in refused(log, below(log, "one more", "p")), "those that are over count"
    assert "has had" in refused(log, below(log, "one more", "d1"))


def test_what_a_pattern_names() -> None:
    assert fits("bank.send", "bank.send")
    assert fits("bank.*", "bank.send")
    assert fits("*", "anything")
    for pattern in ("bank.sen", "bank.send_money", "b*k.send", "*.send", "bank.send?", "BANK.SEND", ""):
        assert not fits(pattern, "bank.send")


def test_every_run_above_is_asked() -> None:
    log = bank()
    log.append(below(log, "a", "p", tools=["bank.*"], effects=["read", "irreversible"]))
    log.append(below(log, "b", "a", tools=["*"], effects=["irreversible", "write"]))
    state = log.sequencer.state
    assert beyond(state, "p", "post.send", "external") == ""
    assert beyond(state, "b", "bank.pay", "irreversible") == ""
    assert "run a was not given post.send" in beyond(state, "b", "post.send", "irreversible")
    assert "run b was given no read effects" in beyond(state, "b", "bank.pay", "read")
    assert "run a was given no write effects" in beyond(state, "b", "bank.pay", "write")


def test_the_sequencer_refuses_what_a_wrong_gate_lets_out() -> None:
    log = bank()
    log.append(below(log, "c", "p", tools=["bank.get"]))
    assert refused(log, intent(log, "c")).startswith("run: run c was not given")
    assert refused(log, intent(log, "c", tool="bank.get")) == ""
    assert refused(log, intent(log, "p")) == ""


def test_a_hold_on_the_parent_is_seen_though_the_gate_names_no_scope() -> None:
    log = bank()
    log.append(below(log, "c", "p"))
    early, other = intent(log, "c"), intent(log, "r1")
    log.append(Hold(by=OLGA.name, scope="run:p"))
    assert refused(log, early).startswith("stale")
    assert refused(log, other) == ""


def test_budgets_of_the_family_count_together() -> None:
    log = bank()
    log.append(below(log, "c", "p"))
    log.append(below(log, "g", "c"))
    log.append(intent(log, "c"))
    log.append(intent(log, "g"))
    caps = {"run/calls": 3}
    log.append(intent(log, "p"))
    for run in ("p", "c", "g"):
        assert refused(log, intent(log, run), caps=caps).startswith("budget"), run
    assert refused(log, intent(log, "r1"), caps=caps) == ""


def test_no_run_outlives_the_one_above_it() -> None:
    log = bank()
    for run, parent in (("c", "p"), ("g", "c"), ("s", "p")):
        log.append(below(log, run, parent))
    log.append(RunClosed(by="agent-1", run="c"))
    state = log.sequencer.state
    assert {"p", "s"} <= set(state.runs)
    assert state.runs.keys().isdisjoint(("c", "g"))
    assert refused(log, intent(log, "g")).startswith("run")
    log.append(RunClosed(by="agent-1", run="p"))
    assert set(state.runs) == {"r1"}
    assert not state.children, "nothing is kept of families that are over"


def test_a_sub_agent_s_run_never_gets_a_task_of_its_own() -> None:
    log = bank()
    log.append(below(log, "c", "p"))
    assert refused(log, TaskTaken(by="agent-1", run="c", why="ab" * 32)).startswith("stale")


def test_a_second_place_is_written_down_once() -> None:
    log = bank()
    told = SecondPlace(by="standwatch", run="p", principal="agent-1", code="another_place")
    log.append(told)
    assert refused(log, told).startswith("duplicate")
    log.append(RunClosed(by="agent-1", run="p"))
    assert refused(log, told).startswith("duplicate")
    assert not log.sequencer.state.places


def acted(log: Log, run: str, force: bool = False, **changes: Any) -> None:
    members, parts = log.judged(log.ident())
    entry = Intent(**{**members, "run": run, **changes})
    log.append(entry, *parts, force=force)


def test_verify_follows_the_chain() -> None:
    """The parts are sealed of run r1, so what `verify` says of those is left aside: it is the chain that is told."""
    log = bank()
    log.append(below(log, "c", "p", tools=["bank.get"]))
    log.sign()
    assert verify(log, KEY.vkey).status == "verified"
    acted(log, "c", force=True)
    log.sign()
    assert ("run", f"run c was not given {TOOL}") in told(log)


def test_verify_finds_a_run_that_had_more_than_its_parent() -> None:
    log = bank()
    log.append(below(log, "c", "p", until=log.now + 2 * HOUR), force=True)
    log.sign()
    assert any(code == "run" and "outlast" in detail for code, detail in told(log))


def test_verify_finds_a_child_that_acted_while_its_parent_was_held() -> None:
    log = bank()
    log.append(below(log, "c", "p"))
    log.append(Hold(by=OLGA.name, scope="run:p"))
    acted(log, "c", force=True)
    log.sign()
    assert any(code == "hold" and "run:p" in detail for code, detail in told(log))


def told(log: Log) -> set[tuple[str, str]]:
    return {(problem.code, problem.text) for problem in verify(log, KEY.vkey).problems}
