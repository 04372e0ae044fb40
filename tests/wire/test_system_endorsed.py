"""An endorsement in a whole Standwatch: two people vouch with the CLI, whichever worker is called, and after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import AskedMany, Endorsed
from support.system import Agent, echo, manifest, scripted, server, serving, tool

RULES: dict[str, Any] = {
    "bank.pay": {
        "effect": "irreversible",
        "otherwise": "step_up",
        "arguments": {"recipient": {"from": ["task"]}},
        "approvals": {"by": ["olga@bank.example", "maria@bank.example"], "quorum": 2, "ordered": True},
    }
}
CALLS = 24
"""Enough that every worker is reached: connections are handed round."""


def told(agent: Agent, recipient: str) -> set[str]:
    return {agent.call("pay", recipient=recipient).word for _ in range(CALLS)}


@pytest.mark.parametrize("workers", [0, 2], ids=["one process", "two workers"])
def test_a_value_is_good_wherever_its_run_goes(workers: int, tmp_path: Path) -> None:
    with scripted(echo, tools=[tool("pay")]) as bank:
        systems = {"pay": manifest("pay", [server("bank", url=bank.url)], RULES)}
        with serving(tmp_path / "org", systems, workers=workers) as watch:
            watch.run("validate", "pay", "--until", "90d", "--key", watch.key("chen"), "--yes")
            desk = watch.agent("desk", "pay", starts=True)
            run, other = desk.open_run("Pay the invoice"), desk.open_run("Pay another invoice")
            asked = run.call("pay", recipient="DE02")
            assert asked.word == "pending"
            ident = asked.reference
            sheet = watch.run("approve", ident, "--endorse", "recipient", "--yes", "--key", watch.key("olga"))
            assert "more people must vouch" in sheet["text"]
            assert told(run, "DE02") == {"pending"}
            watch.run("approve", ident, "--endorse", "recipient", "--yes", "--key", watch.key("maria"))
            assert [one.by for one in watch.of(Endorsed)] == ["olga", "maria"]
            assert told(run, "DE02") == {"done"}
            assert len(bank.calls) == CALLS
            assert told(other, "DE02") == {"pending"}, "another run"
            assert run.call("pay", recipient="DE03").word == "pending", "another value"
            assert {one.quorum for one in watch.of(AskedMany)} == {2}
            watch.kill()
            watch.start(workers)
            assert told(run, "DE02") == {"done"}, "read back after a kill"
            watch.run("refuse", ident, "--yes", "--key", watch.key("olga"))
            assert "done" not in told(run, "DE02"), "and withdrawn everywhere"
