"""What a policy looks at decides what it is shown and whether its answer is kept: never less than it depends on."""

from typing import Any

import cedarpy
import msgspec
import pytest

from standwatch.enforce.looks import looks, together


def form(conditions: str) -> dict[str, Any]:
    text = f"forbid (principal, action, resource) {conditions};"
    return msgspec.json.decode(cedarpy.policies_to_json_str(text))["staticPolicies"]["policy0"]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ("", set()),
        ('when { principal == Agent::"a" || resource.effect == "read" }', set()),
        ("when { context has arguments }", {""}),
        ("when { context.arguments.amount.micros > 5 }", {"amount"}),
        (
            "when { context.arguments has amount && context.arguments.to.text == resource.name }",
            {"amount", "to"},
        ),
        (
            'when { context["arguments"]["odd name"].flag } unless { context.arguments has "" }',
            {"odd name", ""},
        ),
        (
            'when { if context.arguments.a.flag then true else [context.arguments.b.text].contains("x") }',
            {"a", "b"},
        ),
    ],
)
def test_only_the_arguments_that_are_named(conditions: str, found: set[str]) -> None:
    assert looks(form(conditions)) == found


@pytest.mark.parametrize(
    "conditions",
    [
        'when { context.names.contains("amount") }',
        "when { context == {arguments: {}} }",
        "when { context.arguments == {amount: {micros: 5}} }",
        "when { {a: context}.a.arguments.amount.micros > 5 }",
        "when { (if true then context else context).arguments has amount }",
        "when { context has names }",
        "when { context.arguments.amount.micros > 5 && [context.arguments].contains({}) }",
    ],
)
def test_any_other_use_is_a_look_at_everything(conditions: str) -> None:
    assert looks(form(conditions)) is None


def test_several_look_at_what_any_of_them_looks_at() -> None:
    assert together([frozenset("a"), frozenset(), frozenset("b")]) == {"a", "b"}
    assert together([frozenset("a"), None]) is None
    assert together([]) == frozenset()
