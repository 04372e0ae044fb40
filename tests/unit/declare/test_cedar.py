"""Generated Cedar, asked through the real engine."""

from typing import Any

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.declare.cedar import (
    LONG,
    argument_names,
    cedar_action,
    cedar_context,
    cedar_entities,
    cedar_policies,
    cedar_principal,
    cedar_resource,
    cedar_schema,
    may_concern,
)
from standwatch.declare.configuration import declare
from standwatch.declare.policies import statements
from standwatch.declare.text import Problems
from standwatch.facts.configuration import Configuration

SYSTEM = "payments-agent"


def ask(
    configuration: Configuration, tool: str, arguments: dict[str, Any], principal: str = "bot"
) -> cedarpy.AuthzResult:
    """Cedar's answer to `principal` calling `tool`, evaluated on the generated slice."""
    schema = cedarpy.Schema.from_str(cedar_schema(configuration))
    declared = configuration.systems[SYSTEM].manifest.tools[tool]
    request = {
        "principal": cedar_principal(principal),
        "action": cedar_action(declared),
        "resource": cedar_resource(declared),
        "context": cedar_context(arguments, argument_names(configuration)),
    }
    entities = cedarpy.Entities.from_json_str(cedar_entities(configuration, SYSTEM, tool), schema)
    policies = cedarpy.PolicySet.from_str(cedar_policies(configuration, SYSTEM, tool))
    result = cedarpy.is_authorized(request, policies, entities, schema=schema)
    assert not result.diagnostics.errors
    return result


@pytest.fixture
def configuration(files: dict[str, bytes]) -> Configuration:
    return declare(files).configuration


def test_any_agent_may_call_a_declared_tool(configuration: Configuration) -> None:
    assert ask(configuration, "bank.get_transactions", {}).allowed


@pytest.mark.parametrize(
    ("amount", "allowed"),
    [
        (300, True),
        (300.0, True),
        (300.0000001, False),
        (301, False),
        (10**30, False),
        (1e308, False),
        (-301, True),
        ("301", True),
    ],
)
def test_a_forbid_on_an_amount_sees_every_number(
    configuration: Configuration, amount: Any, allowed: bool
) -> None:
    assert ask(configuration, "bank.send_money", {"amount": amount}).allowed is allowed


@pytest.mark.parametrize("name", ['a"b', "a\\b", "né", "x y"])
def test_odd_names_of_principals_are_quoted(configuration: Configuration, name: str) -> None:
    assert ask(configuration, "bank.get_transactions", {}, name).allowed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
SCHEMA_FILES: dict[str, Any] = {}


@given(
    st.dictionaries(st.sampled_from(["amount", "recipient", "currency", "else", "\u2028"]), JSON, max_size=4)
)
def test_any_arguments_fit_the_schema(arguments: dict[str, Any]) -> None:
    assert isinstance(ask(_sample(), "bank.send_money", arguments).allowed, bool)


def _sample() -> Configuration:
    """The sample organisation, read once: Hypothesis has no use for a fixture's freshness here."""
    if not SCHEMA_FILES:
        from pathlib import Path
        from runpy import run_path

        sample = run_path(str(Path(__file__).with_name("conftest.py")))
        files = {
            "standwatch.yaml": sample["ORGANISATION"].encode(),
            f"systems/{SYSTEM}.yaml": sample["MANIFEST"].encode(),
        }
        SCHEMA_FILES["configuration"] = declare(files).configuration
    return SCHEMA_FILES["configuration"]


def test_views_of_values() -> None:
    known = frozenset({"a", "b", "c", "d", "e", "f"})
    arguments = {
        "a": "x",
        "b": 0.1,
        "c": True,
        "d": [1, "x", {"k": None}],
        "e": None,
        "f": -(10**40),
        "unknown": 1,
    }
    assert cedar_context(arguments, known) == {
        "arguments": {
            "a": {"text": "x"},
            "b": {
                "micros": 100001
            },  # 0.1 is a little more than a tenth, and numbers are rounded away from zero
            "c": {"flag": True},
            "d": {"items": ["1", "x", '{"k":null}'], "json": '[1,"x",{"k":null}]'},
            "e": {"json": "null"},
            "f": {"micros": -LONG},
        },
        "names": ["a", "b", "c", "d", "e", "f", "unknown"],
    }


@pytest.mark.parametrize(
    ("scope", "concerns"),
    [
        ("principal, action, resource", True),
        ('principal, action == Action::"read", resource', False),
        ('principal, action in [Action::"read", Action::"irreversible"], resource', True),
        ('principal, action, resource == Tool::"bank.send_money"', True),
        ('principal, action, resource == Tool::"bank.other"', False),
        ('principal, action, resource in Server::"bank"', True),
        ('principal, action, resource in Server::"files"', False),
        (f'principal, action, resource in System::"{SYSTEM}"', True),
        ('principal, action, resource in System::"other"', False),
        ('principal, action, resource is Tool in Server::"files"', False),
        ("principal, action, resource is Tool", True),
    ],
)
def test_slices_keep_whatever_could_speak_of_the_tool(
    configuration: Configuration, scope: str, concerns: bool
) -> None:
    manifest = configuration.systems[SYSTEM].manifest
    (statement,) = statements("p", f"forbid ({scope});", Problems())
    assert may_concern(statement.form, manifest, manifest.tools["bank.send_money"]) is concerns


def test_what_is_not_declared_has_no_slice(configuration: Configuration) -> None:
    with pytest.raises(KeyError):
        cedar_policies(configuration, SYSTEM, "bank.close_account")
