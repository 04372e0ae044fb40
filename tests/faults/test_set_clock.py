"""A real server whose wall clock jumps: what ends by itself ends when it should, and does not come back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.set_clock import HOUR, Clocked, Dial
from support.system import PATIENCE, echo, manifest, scripted, server, tool, waited

MORE = """\
relaxations: {most: 4h}
watch: {night: {people: [olga@bank.example, chen@bank.example]}}
"""


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[Clocked]:
    living = Clocked(tmp_path / "org", {"pay": manifest("pay", [], {})}, more=MORE)
    living.dial = Dial(tmp_path / "dial")
    living.start()
    try:
        yield living
    finally:
        living.kill()


def relax(org: Clocked, span: str) -> None:
    """A relaxation, signed by the validator."""
    about = ("--system", "pay", "--until", span, "--reason", "a test", "--compensating", "step_up")
    found = org.run("relax", "content", *about, "--key", org.key("chen"), "--yes")
    assert found["result"] == "in_force", found


def take(org: Clocked, span: str) -> None:
    org.run("watch", "take", "night", "--until", span, "--key", org.key("olga"), "--yes")


def status(org: Clocked) -> Any:
    return org.api.get("/status")


def counts(org: Clocked) -> tuple[bool, str]:
    """Whether a check is bypassed, and who has the watch."""
    told = status(org)
    return bool(told["relaxations"]), told["watches"][0]["person"]


def at(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def test_set_back_under_way_nothing_lasts_longer(clocked: Clocked) -> None:
    begun = time.monotonic()
    relax(clocked, "10s")
    take(clocked, "10s")
    over = time.monotonic() + 10
    clocked.dial.set(-2 * HOUR)
    assert counts(clocked) == (True, "olga")
    assert any("was set back by 7" in one for one in status(clocked)["warnings"])
    assert time.monotonic() < begun + 10, "this machine is too slow for this test"
    at(over + 0.5)
    assert counts(clocked) == (False, "")
    take(clocked, "1h")
    assert counts(clocked) == (False, "olga")
    times = [entry.at for _, entry in clocked.entries()]
    assert times == sorted(times)


def test_a_question_ends_in_time_under_a_clock_that_was_set_back(tmp_path: Path) -> None:
    with scripted(echo, tools=[tool("pay")]) as upstream:
        asks = {"effect": "irreversible", "arguments": {"amount": {"max": 1}}, "otherwise": "step_up"}
        text = manifest("pay", [server("bank", url=upstream.url)], {"bank.pay": asks})
        org = Clocked(tmp_path / "org", {"pay": text}, more=MORE + "defaults: {approval_expires: 8s}\n")
        org.accept("pay")
        org.dial = Dial(tmp_path / "dial")
        org.start()
        try:
            agent = org.agent("bot", "pay")
            waited(lambda: agent.call("pay", amount=7).word == "pending", PATIENCE)
            began = time.monotonic()
            (question,) = status(org)["questions"]
            org.dial.set(-2 * HOUR)
            assert len(status(org)["questions"]) == 1
            at(began + 9)
            assert status(org)["questions"] == []
            org.run("approve", question["id"], "--key", org.key("olga"), "--yes", code=1)
            assert agent.call("pay", amount=7).word in ("pending", "refused")
            assert upstream.calls == []
        finally:
            org.kill()


def test_started_anew_under_a_clock_that_was_set_back_nothing_lasts_longer(clocked: Clocked) -> None:
    begun = time.monotonic()
    relax(clocked, "15s")
    take(clocked, "15s")
    over = time.monotonic() + 15
    clocked.kill()
    clocked.dial.set(-2 * HOUR)
    clocked.start()
    told = counts(clocked)
    assert time.monotonic() < begun + 15, "this machine is too slow for this test"
    assert told == (True, "olga")
    at(over + 0.5)
    assert counts(clocked) == (False, "")


def test_a_jump_forwards_ends_all_of_it_and_a_correction_brings_nothing_back(clocked: Clocked) -> None:
    relax(clocked, "2h")
    take(clocked, "2h")
    clocked.dial.set(2 * 24 * HOUR)
    waited(lambda: counts(clocked) == (False, ""), PATIENCE)
    kept = clocked.state / "clock"
    waited(
        lambda: json.loads(kept.read_bytes())["latest"] > time.time_ns() // 1_000 + HOUR * 1_000_000, PATIENCE
    )
    clocked.dial.set(0)
    assert counts(clocked) == (False, "")
    clocked.kill()
    clocked.start()
    assert counts(clocked) == (False, "")
    # Time goes on from where it stood: what is ordered now begins, and ends by it.
    clocked.run("watch", "take", "night", "--key", clocked.key("chen"), "--yes")
    assert counts(clocked) == (False, "chen")
    clocked.stop()
    clocked.verified()


def test_a_sub_agent_s_run_ends_in_its_time_and_with_the_one_above(clocked: Clocked) -> None:
    desk = clocked.agent("desk", "pay", starts=True)
    parent = desk.open_run("pay the invoices")
    short, long = (
        parent.with_token(parent.post("/v1/runs", {"system": "pay", **given}).last["token"])
        for given in ({"minutes": 30}, {})
    )

    def taken() -> tuple[int, ...]:
        return tuple(one.mcp("tools/list").status for one in (parent, short, long))

    assert taken() == (200, 200, 200)
    clocked.dial.set(HOUR)
    assert taken() == (200, 401, 200)
    clocked.dial.set(25 * HOUR)
    assert taken() == (401, 401, 401)
    waited(lambda: not clocked.api.get("/status")["runs"])
    clocked.stop()
    clocked.verified()
