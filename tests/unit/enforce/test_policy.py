"""Parted policies answer as the whole slice would: differential against Cedar asked with everything at once."""

from typing import Any

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.enforce.policy import Answer, Policies, Slice

PERMIT = '@id("permit") permit (principal is Agent, action == Action::"read", resource == Tool::"t");'
FORBIDS = (
    '@id("former") forbid (principal == Agent::"former", action, resource);',
    '@id("ask-former") @otherwise("step_up") forbid (principal == Agent::"asker", action, resource);',
    '@id("a") forbid (principal, action, resource) when { context.arguments has a && context.arguments.a.micros > 5 };',
    '@id("ask-b") @otherwise("step_up") forbid (principal, action, resource) '
    "when { context.arguments has b && context.arguments.b.micros > 5 };",
    '@id("names") forbid (principal, action, resource) when { context.names.contains("c") };',
    '@id("exact") forbid (principal, action, resource) when { context.arguments == {a: {micros: 1}} };',
    '@id("err") forbid (principal, action, resource) when { context.arguments.d.micros == 1 };',
    '@id("odd") forbid (principal == Agent::"\\u{1}\\"é", action, resource);',
    '@id("both") forbid (principal == Agent::"former", action, resource) '
    "when { context.arguments has b && context.arguments.b.micros < 3 };",
)


def context(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "arguments": {name: {"micros": value} for name, value in arguments.items()},
        "names": sorted(arguments),
    }


def policies(text: str) -> Policies:
    return Policies("", {("s", "t"): Slice(text, "[]", 'Action::"read"', 'Tool::"t"')}, context)


def oracle(text: str, principal: str, arguments: dict[str, Any]) -> str:
    """All policies at once, whole context; the rules of `Answer` said in another way."""
    request = {
        "principal": {"type": "Agent", "id": principal},
        "action": 'Action::"read"',
        "resource": 'Tool::"t"',
        "context": context(arguments),
    }
    result = cedarpy.is_authorized(request, text, "[]")
    if result.diagnostics.errors:
        return "deny"
    if result.allowed:
        return "allow"
    lines = text.splitlines()
    said = [lines[int(reason.removeprefix("policy"))] for reason in result.diagnostics.reasons]
    return "step_up" if said and all("@otherwise" in line for line in said) else "deny"


@given(
    forbids=st.lists(st.sampled_from(FORBIDS), unique=True),
    principal=st.sampled_from(["payer", "former", "asker", '\x01"é', "a\nb"]),
    arguments=st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 9)),
)
def test_the_parts_answer_as_the_whole(forbids: list[str], principal: str, arguments: dict[str, Any]) -> None:
    text = "\n".join([PERMIT, *forbids])
    judged = policies(text)
    expected = oracle(text, principal, arguments)
    assert judged.judge(principal, "s", "t", arguments).decision == expected
    assert judged.judge(principal, "s", "t", arguments).decision == expected, (
        "the kept part changed the answer"
    )
    # A list leaves a tool out only where no arguments could have got it through.
    assert judged.may(principal, "s", "t") or expected == "deny"


def test_a_permit_that_looks_at_the_context_is_asked_anew_each_time() -> None:
    text = '@id("p") permit (principal, action, resource) when { context.arguments.a.micros == 1 };'
    judged = policies(text)
    assert judged.may("payer", "s", "t")
    assert judged.judge("payer", "s", "t", {"a": 1}).decision == "allow"
    assert judged.judge("payer", "s", "t", {"a": 2}).decision == "deny"
    assert judged.judge("payer", "s", "t", {}).decision == "deny", "an evaluation error denies"


def test_an_answer_names_the_policies_as_their_authors_did() -> None:
    judged = policies("\n".join([PERMIT, *FORBIDS[:3]]))
    assert judged.judge("former", "s", "t", {}) == Answer("deny", "forbidden by former")
    assert judged.judge("payer", "s", "t", {"a": 9}) == Answer("deny", "forbidden by a")
    assert judged.judge("asker", "s", "t", {}) == Answer("step_up", "forbidden unless signed by ask-former")


def test_no_slice_no_permission() -> None:
    judged = policies(PERMIT)
    assert judged.judge("payer", "s", "other", {}).decision == "deny"
    assert not judged.may("payer", "s", "other")


def test_a_slice_that_cannot_be_parsed_is_not_taken_up() -> None:
    with pytest.raises(ValueError, match=r"."):
        policies("permit (principal")


@given(
    forbids=st.lists(st.sampled_from(FORBIDS), unique=True),
    calls=st.lists(
        st.tuples(
            st.sampled_from(["payer", "former"]),
            st.dictionaries(st.sampled_from(["a", "b", "d"]), st.integers(0, 9)),
        ),
        max_size=6,
    ),
)
def test_an_answer_that_is_kept_is_that_of_the_same_question(
    forbids: list[str], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    text = "\n".join([PERMIT, *forbids])
    kept = policies(text)
    for principal, arguments in (*calls, *calls):
        fresh = policies(text).judge(principal, "s", "t", arguments)
        assert kept.judge(principal, "s", "t", arguments) == fresh
        assert kept.judge(principal, "s", "t", arguments) == fresh


def test_what_policies_do_not_look_at_does_not_make_another_question() -> None:
    asked: list[dict[str, Any]] = []

    def seen(arguments: dict[str, Any]) -> dict[str, Any]:
        asked.append(arguments)
        return context(arguments)

    slice_ = Slice("\n".join([PERMIT, FORBIDS[2]]), "[]", 'Action::"read"', 'Tool::"t"')
    found = Policies("", {("s", "t"): slice_}, seen)
    assert found.judge("payer", "s", "t", {"a": 1, "note": 7}).decision == "allow"
    assert found.judge("payer", "s", "t", {"a": 6, "note": 7}).decision == "deny"
    assert found.judge("payer", "s", "t", {"a": 1}).decision == "allow"
    assert asked == [{"a": 1}, {"a": 6}, {"a": 1}]


def test_an_answer_is_kept_for_whom_it_was_given_to() -> None:
    found = policies("\n".join([PERMIT, FORBIDS[-1]]))
    for _ in range(2):
        assert found.judge("payer", "s", "t", {"b": 1}).decision == "allow"
        assert found.judge("former", "s", "t", {"b": 1}).decision == "deny"
