"""Cedar made to fail closed."""

from typing import Any

import pytest

from standwatch.enforce.policy import Policies, Slice

PERMIT = 'permit(principal is Agent, action == Action::"call", resource == Tool::"s.t");'


def policies(*forbids: str, schema: str = "") -> Policies:
    text = "\n".join([PERMIT, *forbids])
    return Policies(schema, {("sys", "s.t"): Slice(text, "[]", 'Action::"call"', 'Tool::"s.t"')})


def ask(found: Policies, arguments: dict[str, Any] | None = None, principal: str = "a") -> str:
    return found.judge(principal, "sys", "s.t", arguments or {}).decision


def test_a_permit_permits_and_a_forbid_wins() -> None:
    assert ask(policies()) == "allow"
    assert ask(policies('forbid(principal == Agent::"a", action, resource);')) == "deny"
    assert ask(policies('forbid(principal == Agent::"b", action, resource);')) == "allow"


def test_what_no_policy_speaks_of_is_denied() -> None:
    assert policies().judge("a", "sys", "s.other", {}).decision == "deny"
    assert policies().judge("a", "other", "s.t", {}).decision == "deny"
    assert not policies().may("a", "sys", "s.other")


def test_a_forbid_may_ask_only_if_all_that_decide_do() -> None:
    asks = '@otherwise("step_up") forbid(principal, action, resource);'
    assert ask(policies(asks)) == "step_up"
    assert ask(policies(asks, "forbid(principal, action, resource);")) == "deny"
    assert ask(policies('@otherwise("allow") forbid(principal, action, resource);')) == "deny"


@pytest.mark.parametrize(
    "condition",
    ["context.n > 1", "context.missing == 1", "context.n.m == 1", "context.n + 9223372036854775807 > 0"],
)
def test_an_erring_forbid_denies(condition: str) -> None:
    assert (
        ask(policies(f"forbid(principal, action, resource) when {{ {condition} }};"), {"n": "text"}) == "deny"
    )


def test_context_is_looked_at_every_time_and_the_rest_is_kept() -> None:
    found = policies("forbid(principal, action, resource) when { context.n > 5 };")
    assert [ask(found, {"n": n}) for n in (1, 9, 1)] == ["allow", "deny", "allow"]
    assert found.may("a", "sys", "s.t"), "it depends on the arguments, so lists show it"


def test_what_cedar_cannot_hold_denies_when_a_policy_looks() -> None:
    found = policies("forbid(principal, action, resource) when { context.n > 5 };")
    assert ask(found, {"n": 1.5}) == "deny"
    assert ask(found, {"n": None}) == "deny"


def test_a_name_is_data() -> None:
    assert ask(policies('forbid(principal == Agent::"b", action, resource);'), principal='a"b') == "allow"
    assert ask(policies(), principal="\u202e\n\x00") in ("allow", "deny")


def test_a_slice_that_does_not_parse_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"\S"):
        policies("forbid(principal")
