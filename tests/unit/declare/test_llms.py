# ruff: noqa: E501 — a message is one line, here as on the terminal
"""What a manifest may say of a language model that agents reach through us."""

from __future__ import annotations

import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.differences import Differences, direction
from standwatch.declare.llms import URLS
from standwatch.declare.order import compare_manifest
from standwatch.facts.configuration import Component, Configuration
from standwatch.facts.errors import Misconfigured

MANIFEST = "systems/payments-agent.yaml"
LINE = "{kind: llm, name: claude, vendor: anthropic, version: claude-sonnet-5}"


def declared(files: dict[str, bytes], line: str) -> Configuration:
    text = files[MANIFEST].decode()
    assert LINE in text
    return declare({**files, MANIFEST: text.replace(LINE, line).encode()}).configuration


def component(files: dict[str, bytes], line: str) -> Component:
    return declared(files, line).systems["payments-agent"].manifest.components[0]


def test_a_line_of_the_bill_of_materials_is_as_it_was(files: dict[str, bytes]) -> None:
    assert component(files, LINE).provider == ""


def test_what_is_said_is_read(files: dict[str, bytes]) -> None:
    told = component(
        files,
        "{kind: llm, name: w, provider: openai, models: [a-1, 'b-*'], key_env: KEY, hosted_tools: ['web_*'], timeout: 3m, silence: 30s}",
    )
    assert told == Component(
        "llm", "w", provider="openai", url=URLS["openai"], models=("a-1", "b-*"), key_env="KEY",
        hosted_tools=("web_*",), timeout=180, silence=30,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{kind: llm, name: w, provider: openai}", "w names no model, expected models: [NAME] or version: NAME"),
        ("{kind: llm, name: w, provider: openai-compatible, models: [a]}", "w has no url, expected one for openai-compatible"),
        ("{kind: llm, name: w, models: [a]}", "models on an llm without a provider, expected provider: …"),
        ("{kind: llm, name: w, url: 'https://x/v1'}", "url on an llm without a provider, expected provider: …"),
        ("{kind: llm, name: w, provider: other, models: [a]}", "'other', expected one of anthropic, openai, openai-compatible"),
        ("{kind: llm, name: w, provider: openai, models: [a], key_env: K, key_file: f}", "w has key_env and key_file, expected one key"),
        ("{kind: llm, name: w, provider: openai, models: [a], key_env: K, headers: {Authorization: x}}", "w has key_env and headers Authorization, expected one key"),
        ("{kind: llm, name: w, provider: openai, models: []}", "an empty list, expected models"),
        ("{kind: service, name: w, provider: openai}", "provider on a component of kind service, expected it on an llm only"),
        ("{kind: mcp_server, name: w, url: 'https://x', key_env: K}", "key_env on a component of kind mcp_server, expected it on an llm only"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(files: dict[str, bytes], line: str, problem: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        declared(files, line)
    assert problem in str(raised.value)


BASE = "{kind: llm, name: w, provider: openai, models: [a, b], key_env: K, hosted_tools: [web], timeout: 3m, silence: 30s}"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("[a, b]", "[a]", "narrower"),
        ("[a, b]", "[a, b, c]", "wider"),
        ("[web]", "[web, code]", "wider"),
        ("hosted_tools: [web], ", "", "narrower"),
        ("3m", "2m", "narrower"),
        ("3m", "4m", "wider"),
        ("30s", "20s", "narrower"),
        ("key_env: K", "key_env: L", "wider"),
        ("key_env: K", "key_file: f", "wider"),
        ("provider: openai,", "provider: openai-compatible, url: 'https://other/v1',", "wider"),
        ("provider: openai,", "provider: openai, url: 'https://other/v1',", "wider"),
    ],
)
def test_what_is_narrower_and_what_is_wider(files: dict[str, bytes], old: str, new: str, wanted: str) -> None:
    assert old in BASE
    before, after = declared(files, BASE), declared(files, BASE.replace(old, new))
    log = Differences("payments-agent")
    one, other = (each.systems["payments-agent"].manifest for each in (before, after))
    compare_manifest(log, one, other, (before.organisation, after.organisation))
    assert direction(log.found) == wanted
    assert before.systems["payments-agent"].envelope != after.systems["payments-agent"].envelope


def test_the_version_alone_is_as_its_name(files: dict[str, bytes]) -> None:
    """To list the version that may be asked for anyhow is no change of what may be."""
    plain = "{kind: llm, name: w, provider: openai, version: a}"
    before, after = declared(files, plain), declared(files, plain.replace("}", ", models: [a]}"))
    log = Differences("payments-agent")
    one, other = (each.systems["payments-agent"].manifest for each in (before, after))
    compare_manifest(log, one, other, (before.organisation, after.organisation))
    assert direction(log.found) == "same"
