"""The manifest that everybody starts a coding agent with reads back, and says of every tool what it may do."""

from __future__ import annotations

import pytest

from standwatch.declare.coding import HOOK_TELLS, HOSTS, TOOLS, draft_coding, told_by
from standwatch.declare.configuration import declare
from standwatch.declare.discover import Owner, draft_organisation
from standwatch.facts.configuration import Manifest
from standwatch.hook.work import OURS

ORGANISATION = draft_organisation(
    "Test",
    "test.invalid/log",
    Owner("p-1", "a@b.example"),
    agents="127.0.0.1:8400",
    operators="127.0.0.1:8401",
).encode()


def drafted(*hosts: str) -> Manifest:
    """The manifest of these hosts, read back; fails where anything in it is wrong."""
    text = draft_coding(hosts, "coding", "a@b.example").encode()
    found = declare({"standwatch.yaml": ORGANISATION, "systems/coding.yaml": text})
    return found.configuration.systems["coding"].manifest


@pytest.mark.parametrize("host", HOSTS)
def test_it_reads_back_and_wants_no_lock(host: str) -> None:
    manifest = drafted(host)
    named = {f"{host}.{name}" for names in TOOLS[host].values() for name in names.split()}
    assert manifest.tools.keys() == named
    assert manifest.described == frozenset()


def test_it_takes_several_hosts_at_once() -> None:
    assert {tool.server for tool in drafted(*HOSTS).tools.values()} == set(HOSTS)


def test_what_a_command_or_a_file_leads_to_is_looked_at() -> None:
    for tool in drafted(*HOSTS).tools.values():
        kind = next(
            kind for kind, names in TOOLS[tool.server].items() if tool.name.partition(".")[2] in names.split()
        )
        match kind:
            case "shell":
                assert tool.effect == "irreversible"
                assert tool.arguments["command"].reads_as == "shell"
            case "read" | "write":
                assert tool.effect == kind
                assert tool.arguments["paths"].reads_as == "path"
                assert "outside" not in (tool.arguments["where"].one_of or ())
            case "fetch":
                assert tool.arguments["url"].urls == "read"
            case "publish":
                assert tool.effect == "irreversible"
            case "never":
                assert tool.per_run == 0
            case _:
                assert tool.effect == "read"
        assert kind in ("inner", "never") or tool.otherwise == "step_up"


def test_what_only_the_hook_gives_is_told_by_the_hook() -> None:
    assert set(HOOK_TELLS) == set(OURS) - {"paths"}  # in `paths` the agent's own words are left
    assert told_by("model", "hook", "claude-code.Bash", "/around/branch") == "hook"
    for seam, tool, pointer in (
        ("client", "claude-code.Bash", "/cwd"),
        ("hook", "files.read", "/cwd"),
        ("hook", "claude-code.Bash", "/command"),
        ("hook", "claude-code.Bash", ""),
    ):
        assert told_by("model", seam, tool, pointer) == "model"
    assert told_by("untrusted", "hook", "claude-code.Bash", "/cwd") == "untrusted"
