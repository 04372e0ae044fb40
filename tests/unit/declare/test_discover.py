"""Drafts read back through `declare` without a problem, whatever the servers say of themselves."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.declare.configuration import declare
from standwatch.declare.discover import (
    Owner,
    comment,
    draft_lock,
    draft_manifest,
    draft_organisation,
    drafted_effect,
)
from standwatch.declare.lock import lock_text
from standwatch.facts.configuration import Component, Configuration

OWNER = Owner("p-1", "me@host.example", "Me", ("ed25519:" + "A" * 43 + "=",), "me")
SERVERS = (
    Component(
        "mcp_server", "files", command=("npx", "-y", "it's: #1", "a\nb"), env={"KEY": "${KEY}"}, cwd="/srv/x"
    ),
    Component("mcp_server", "web", url="https://web.example/mcp"),
)
TOOLS: dict[str, tuple[dict[str, Any], ...]] = {
    "files": (
        {
            "name": "read_file",
            "description": "Reads\n  tools: {}\u2028x: y",
            "annotations": {"readOnlyHint": True},
        },
        {"name": "delete", "annotations": {"destructiveHint": True}},
        {"name": "two words"},
        {"name": "delete"},
    ),
    "web": ({"name": "post", "inputSchema": {"type": "object"}},),
}


def read_back(
    servers: tuple[Component, ...], tools: dict[str, tuple[dict[str, Any], ...]]
) -> tuple[Configuration, tuple[str, ...]]:
    files = {
        "standwatch.yaml": draft_organisation(
            "Me & co: 'x'", "me.example/log", OWNER, agents="127.0.0.1:1", operators="127.0.0.1:2"
        ),
        "systems/all.yaml": draft_manifest(
            "all", OWNER, servers, tools, observe_until=1_800_000_000_000_000, notes={"web": ("headers\nx",)}
        ),
        "systems/all.lock": lock_text(draft_lock(servers, tools)),
    }
    declared = declare({name: text.encode() for name, text in files.items()})
    return declared.configuration, declared.warnings


def test_a_draft_is_a_configuration_that_observes_and_is_locked() -> None:
    configuration, warnings = read_back(SERVERS, TOOLS)
    manifest = configuration.systems["all"].manifest
    assert warnings == ()
    assert configuration.organisation.development
    assert configuration.organisation.public_url == "http://localhost:2"  # an address gets no passkeys
    assert manifest.observe_until == 1_800_000_000_000_000
    assert manifest.components == SERVERS
    assert {name: tool.effect for name, tool in manifest.tools.items()} == {
        "files.read_file": "read",
        "files.delete": "irreversible",
        "web.post": "irreversible",
    }
    assert configuration.systems["all"].lock.tools.keys() == manifest.tools.keys()


def test_nothing_found_is_still_a_configuration() -> None:
    configuration, _ = read_back((), {})
    assert configuration.systems["all"].manifest.tools == {}


@pytest.mark.parametrize(
    ("hints", "effect"),
    [
        ({"readOnlyHint": True}, "read"),
        ({"readOnlyHint": True, "destructiveHint": True}, "irreversible"),
        ({"destructiveHint": False}, "write"),
        ({"destructiveHint": True}, "irreversible"),
        ({"readOnlyHint": "true"}, "irreversible"),
        ({}, "irreversible"),
        (None, "irreversible"),
        ([], "irreversible"),
    ],
)
def test_silence_and_contradiction_are_irreversible(hints: object, effect: str) -> None:
    assert drafted_effect({"annotations": hints})[0] == effect


@settings(max_examples=150)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"name": st.text(max_size=6) | st.integers()}, optional={"description": st.text(max_size=40)}
        ),
        max_size=4,
    ),
    st.text(max_size=12),
)
def test_what_a_server_says_never_becomes_yaml(tools: list[dict[str, Any]], word: str) -> None:
    servers = (Component("mcp_server", "s", command=("run", word)),)
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in word):
        servers = (Component("mcp_server", "s", command=("run",)),)
    configuration, _ = read_back(servers, {"s": tuple(tools)})
    manifest = configuration.systems["all"].manifest
    assert manifest.components == servers
    assert set(manifest.tools) <= {f"s.{tool['name']}" for tool in tools}


@given(st.text())
def test_a_comment_is_one_line(text: str) -> None:
    line = comment(text)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 100
