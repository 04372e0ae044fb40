"""Each host's events in one shape; what cannot be understood is no call."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.hook.hosts import EVENTS, BadEvent, Event, read_event
from standwatch.hook.work import judged

SESSION = {"session_id": "s-1", "cwd": "/srv"}
BEFORE = {
    host: next(name for name, kind in events.items() if kind == "before") for host, events in EVENTS.items()
}


def event(host: str, **said: Any) -> Event:
    return read_event(host, json.dumps({**SESSION, "hook_event_name": BEFORE[host], **said}).encode())


@pytest.mark.parametrize(
    ("host", "said", "tool", "own"),
    [
        ("claude-code", {"tool_name": "Bash"}, "claude-code.Bash", True),
        ("claude-code", {"tool_name": "mcp__github__create_issue"}, "github.create_issue", False),
        ("claude-code", {"tool_name": "mcp__a__b__c"}, "a.b__c", False),
        ("claude-code", {"tool_name": "mcp__claude-code__Bash"}, "mcp-claude-code.Bash", False),
        ("codex", {"tool_name": "mcp__codex__Bash"}, "mcp-codex.Bash", False),
        ("codex", {"tool_name": "apply_patch"}, "codex.apply_patch", True),
        (
            "gemini-cli",
            {"tool_name": "mcp_x_y_z", "mcp_context": {"server_name": "x_y", "tool_name": "z"}},
            "x_y.z",
            False,
        ),
        ("gemini-cli", {"tool_name": "mcp_x_y"}, "x.y", False),
        ("cursor", {"tool_name": "MCP:create_issue"}, "mcp.create_issue", False),
        ("cursor", {"tool_name": "MCP:github:create_issue"}, "github.create_issue", False),
    ],
)
def test_a_tool_is_named_by_whose_it_is(host: str, said: dict[str, Any], tool: str, own: bool) -> None:
    found = event(host, **said)
    assert (found.tool, found.own) == (tool, own)


def test_cursor_gives_arguments_as_text_too() -> None:
    assert event("cursor", tool_name="MCP:x", tool_input='{"a": 1}').arguments == {"a": 1}
    with pytest.raises(BadEvent):
        event("cursor", tool_name="MCP:x", tool_input='{"a": 1, "a": 2}')


def test_an_error_is_an_error_where_the_host_has_one_event_for_both() -> None:
    said = {**SESSION, "hook_event_name": "AfterTool", "tool_name": "read_file"}
    assert (
        read_event(
            "gemini-cli", json.dumps({**said, "tool_response": {"error": {"type": "x"}}}).encode()
        ).kind
        == "failed"
    )
    assert (
        read_event("gemini-cli", json.dumps({**said, "tool_response": {"llmContent": "x"}}).encode()).kind
        == "after"
    )


BAD = [
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe{}",
    b"{" * 100_000,
    b"[" * 100_000,
    b'{"a": 1, "a": 2}',
    json.dumps({"hook_event_name": "PreToolUse", "session_id": "s"}).encode(),
    json.dumps({"hook_event_name": "PreToolUse", "tool_name": "Bash"}).encode(),
    json.dumps({**SESSION, "hook_event_name": "PreToolUse", "tool_name": 7}).encode(),
    json.dumps({**SESSION, "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": [1]}).encode(),
]


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_what_cannot_be_understood_is_no_call(data: bytes) -> None:
    with pytest.raises(BadEvent):
        read_event("claude-code", data)


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode), st.sampled_from(sorted(EVENTS)))
def test_nothing_else_is_ever_raised(data: bytes, host: str) -> None:
    with contextlib.suppress(BadEvent):
        read_event(host, data)


def test_what_the_hook_says_of_a_call_is_not_the_model_s_to_say() -> None:
    for name in ("where", "workspace", "cwd"):
        with pytest.raises(BadEvent):
            judged(event("claude-code", tool_name="Bash", tool_input={"command": "ls", name: "workspace"}))
    said = judged(
        event("gemini-cli", tool_name="read_many_files", tool_input={"paths": ["/etc/passwd"]}), "/srv/x"
    )[0]
    assert (said["paths"], said["where"]) == (["/etc/passwd"], "outside")


def test_the_workspace_is_not_where_the_agent_has_gone() -> None:
    moved = {"session_id": "s", "cwd": "/etc", "hook_event_name": "PreToolUse", "tool_name": "Bash"}
    data = json.dumps({**moved, "tool_input": {"command": "ls"}}).encode()
    arguments, _ = judged(read_event("claude-code", data, "/srv/project"))
    assert (arguments["where"], arguments["cwd"], arguments["workspace"]) == (
        "outside",
        "/etc",
        "/srv/project",
    )
