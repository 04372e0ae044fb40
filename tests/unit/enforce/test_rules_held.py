"""Rules at their edges: what must not excuse a call, and what must not pass because its origin is good."""

from __future__ import annotations

import pytest

from standwatch.enforce.contents import Look
from standwatch.enforce.doubts import doubts
from standwatch.facts.configuration import ArgumentRule, Tool
from standwatch.facts.content import ContentRule
from standwatch.facts.rules import Sequence
from standwatch.flow.trail import Trail
from support.doubting import TASK, case

MAIL = Tool("mail.send", "write", intent=("send",))


def after_customers(unless: dict[str, str], to: str) -> list[str]:
    rule = Sequence(("crm.*",), ("mail.send",), unless, "step_up", "inside")
    trail = Trail(TASK)
    trail.past.add("crm.read_customers")
    return [one.code for one in doubts(case(MAIL, trail, (rule,), to=to))]


def test_a_sequence_without_an_exception_excuses_nothing() -> None:
    assert after_customers({}, "anna@bank.example") == ["sequence"]


@pytest.mark.parametrize("to", ["a@bank.example.evil.example", "mallory@evil.example,a@bank.example"])
def test_an_exception_is_for_the_whole_value(to: str) -> None:
    assert after_customers({"to": r"[a-z]+@bank\.example"}, to) == ["sequence"]
    assert after_customers({"to": r"[a-z]+@bank\.example"}, "anna@bank.example") == []


def test_where_no_url_may_be_the_tasks_own_may_not_either() -> None:
    none = Tool("mail.send", "write", intent=("send",), arguments={"body": ArgumentRule(urls="none")})
    found = doubts(case(none, Trail(TASK), body="https://bank.example/help"))
    assert [one.code for one in found] == ["urls"]
    assert doubts(case(none, Trail(TASK), body="no link at all")) == ()


def test_a_rule_of_what_is_certain_leaves_the_rest_to_the_others() -> None:
    rules = (
        ContentRule(("secrets",), ("arguments",), action="deny", certain=True),
        ContentRule(("secrets",), ("arguments",)),
    )
    look = Look(None, rules)
    assert look.action("secrets", certain=True) == "deny"
    assert look.action("secrets", certain=False) == "observe"
    assert look.action("email", certain=True) is None
