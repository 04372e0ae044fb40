"""What counts in a digest, and what does not. The literal digests pin the bytes: they are read for ever."""

import hashlib

import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.digest import component_digest, definition_digest, envelope_digest
from standwatch.facts.configuration import Component, Manifest
from standwatch.facts.errors import Malformed

NAME = "systems/payments-agent.yaml"


def envelope(files: dict[str, bytes], old: str = "", new: str = "") -> str:
    changed = {**files, NAME: files[NAME].decode().replace(old, new, 1).encode()} if old else files
    assert not old or changed[NAME] != files[NAME]
    return declare(changed).configuration.systems["payments-agent"].envelope


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("purpose: Pays", "purpose: Also pays"),
        ("effect: read\n", "effect:   read  # a comment\n"),
        ("min: 0.5, max: 500", "max: 500.0, min: 0.5"),
        ("per_run: 3\n    otherwise: step_up\n", "otherwise: step_up\n    per_run: 3\n"),
        ("owner: maria@bank.example", "owner: oncall"),
        ("observe: {until: 2026-11-30T00:00:00Z}", ""),
        ("halt_authority: [oncall]", "halt_authority: [oncall, chen@bank.example]"),
    ],
)
def test_prose_layout_people_and_observation_do_not_count(
    files: dict[str, bytes], old: str, new: str
) -> None:
    assert envelope(files, old, new) == envelope(files)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max: 500", "max: 501"),
        ("[EUR, no, 1, true]", "[EUR, no, 1, '1']"),
        ("effect: read", "effect: write"),
        ("-m, bank_server", "-m, other_server"),
        ("claude-sonnet-5", "claude-sonnet-6"),
        ("people_per_week: 40000", "people_per_week: 40001"),
        ("environment: production", "environment: staging"),
        ("otherwise: step_up", "otherwise: deny"),
        ("$[*].id", "$[*].ids"),
    ],
)
def test_what_is_permitted_counts(files: dict[str, bytes], old: str, new: str) -> None:
    assert envelope(files, old, new) != envelope(files)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (NAME, "owner: maria@bank.example", "owner: chen@bank.example\nx"),
        (NAME, "observe: {until: 2026-11-30", "observe: {until: 2026-11-29"),
        ("standwatch.yaml", "roles: [auditor]", "roles: [operator]"),
        ("standwatch.yaml", "environments: [production]", "environments: [staging]"),
        ("systems/payments-agent.lock", "abab", "abac"),
        ("policies/payments.cedar", "300000000", "300000001"),
    ],
)
def test_everything_with_force_counts_in_the_root(
    files: dict[str, bytes], file: str, old: str, new: str
) -> None:
    before = declare(files).configuration.root
    new = new.removesuffix("\nx")
    if "owner: chen" in new:
        files[NAME] = files[NAME].replace(b"validator: chen@", b"validator: maria@")
    files[file] = files[file].decode().replace(old, new, 1).encode()
    assert declare(files).configuration.root != before


def test_comments_do_not_count_in_the_root_but_in_policies(files: dict[str, bytes]) -> None:
    before = declare(files).configuration.root
    files["standwatch.yaml"] += b"# a comment\n"
    assert declare(files).configuration.root == before


def test_a_members_default_is_as_if_it_were_not_there() -> None:
    bare = Manifest("x", "", (), (), ())
    preimage = b'{"kind":"envelope.1","of":{"system":"x"}}'
    assert envelope_digest(bare) == hashlib.sha256(preimage).hexdigest()
    component = Component("llm", "m", version="1")
    preimage = b'{"kind":"component.1","of":{"kind":"llm","name":"m","version":"1"}}'
    assert component_digest(component) == hashlib.sha256(preimage).hexdigest()


def test_a_definitions_digest_is_plain_jcs_of_what_a_person_accepts() -> None:
    definition = {
        "name": "pay",
        "inputSchema": {"type": "object"},
        "_meta": {"x": 1},
        "icons": [],
        "title": None,
    }
    preimage = b'{"inputSchema":{"type":"object"},"name":"pay"}'
    assert definition_digest(definition) == hashlib.sha256(preimage).hexdigest()
    for member in ("title", "description", "outputSchema", "annotations"):
        assert definition_digest({**definition, member: "x"}) != definition_digest(definition)


@pytest.mark.parametrize(
    "definition", [{}, {"name": 3}, {"name": "x", "description": float("nan")}, {"name": "\ud800"}]
)
def test_a_definition_without_canonical_form_is_malformed(definition: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        definition_digest(definition)
