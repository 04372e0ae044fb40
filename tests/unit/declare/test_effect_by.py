"""`effect_by` in a manifest: what it may name, and that to write it is a widening."""

from __future__ import annotations

import pytest

from standwatch.declare.cedar import cedar_action, cedar_policies
from standwatch.declare.differences import Differences
from standwatch.declare.order import compare_tool
from standwatch.facts.configuration import Tool
from standwatch.facts.errors import Misconfigured
from standwatch.facts.rules import ArgumentRule
from support import bank
from support.coding import TOOL, manifest

BY = "    effect_by: command              # each call has the effect of what it runs\n"


@pytest.mark.parametrize("written", ["    effect_by: other\n", "    effect_by: where\n"])
def test_it_names_a_command_line(written: str) -> None:
    with pytest.raises(Misconfigured, match="effect_by is no command line or statement"):
        manifest("claude-code", (BY, written))


def test_to_write_it_or_to_take_it_away_is_wider() -> None:
    rule = {"command": ArgumentRule(reads_as="shell")}
    without = Tool("box.run", "irreversible", rule)
    having = Tool("box.run", "irreversible", rule, effect_by="command")
    for old, new in ((without, having), (having, without)):
        log = Differences()
        compare_tool(log, old, new)
        assert [one.direction for one in log.found] == ["wider"], (old, new)


def test_policies_see_the_effect_of_the_call() -> None:
    configuration = bank.configuration(manifest())
    tool = configuration.systems["payments-agent"].manifest.tools[TOOL]
    assert cedar_action(tool, "read") == 'Action::"read"'
    assert 'Action::"read"' in cedar_policies(configuration, "payments-agent", TOOL, "read")
    assert 'Action::"irreversible"' in cedar_policies(configuration, "payments-agent", TOOL)
