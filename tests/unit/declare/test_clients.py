"""What the clients' own files say, in the formats they use."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.declare.clients import bypasses, component_name, components, read_client
from standwatch.facts.configuration import Component

DESKTOP = {
    "mcpServers": {
        "filesystem": {
            "command": "npx",
            "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv/my docs"],
            "env": {"API_KEY": "hunter2", "not a name": "x"},
        }
    }
}
CLAUDE_CODE = {
    "numStartups": 3,
    "mcpServers": {
        "sentry": {"type": "http", "url": "https://mcp.sentry.example/mcp", "headers": {"X-Key": "hunter2"}}
    },
    "projects": {
        "/w/shop": {"mcpServers": {"git": {"type": "stdio", "command": "uvx", "args": ["mcp-server-git"]}}},
        "/w/empty": {},
    },
}
VS_CODE = b"""{
  // the team's servers
  "inputs": [{"type": "promptString", "id": "key", "password": true}],
  "servers": {
    "db // not a comment": {
      "type": "stdio", "command": "${workspaceFolder}/db", /* ours */
      "args": ["--key", "${input:key}"], "envFile": ".env",
    },
  },
}"""


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def test_claude_desktop() -> None:
    (found,) = read_client("Claude Desktop", "claude_desktop_config.json", encoded(DESKTOP))
    assert found.component == Component(
        "mcp_server",
        "filesystem",
        command=("npx", "-y", "@modelcontextprotocol/server-filesystem", "/srv/my docs"),
        env={"API_KEY": "${API_KEY}"},
    )


def test_claude_code_of_the_user_and_of_each_project() -> None:
    remote, local = read_client("Claude Code", "~/.claude.json", encoded(CLAUDE_CODE))
    assert remote.component.url == "https://mcp.sentry.example/mcp"
    assert remote.notes == ("headers are not carried over: X-Key",)
    assert (local.project, local.component.command) == ("/w/shop", ("uvx", "mcp-server-git"))


def test_vs_code_with_comments_and_trailing_commas() -> None:
    (found,) = read_client("VS Code", ".vscode/mcp.json", VS_CODE)
    assert found.name == "db // not a comment"
    assert found.component.name == "db-not-a-comment"
    assert found.notes == (
        "envFile is not carried over",
        "the client's own ${…} variables are not known here",
    )


def test_vs_code_settings() -> None:
    data = encoded({"mcp": {"servers": {"a": {"command": "a"}}}, "editor.fontSize": 12})
    assert [one.name for one in read_client("VS Code", "settings.json", data)] == ["a"]


def test_secrets_never_leave_the_clients_file() -> None:
    found = read_client("a", "a", encoded(DESKTOP)) + read_client("b", "b", encoded(CLAUDE_CODE))
    assert "hunter2" not in repr(found)


def test_what_goes_round_us_is_listed_and_what_comes_through_is_not() -> None:
    servers = {
        "bank": {"command": "bank-server"},
        "ours": {"command": "/usr/bin/standwatch", "args": ["connect", "payments"]},
        "ours too": {"url": "http://127.0.0.1:8400/mcp/payments"},
        "elsewhere": {"url": "http://127.0.0.1:8400.evil.example/mcp/payments"},
    }
    found = read_client("Cursor", "~/.cursor/mcp.json", encoded({"mcpServers": servers}))
    assert bypasses(found, "http://127.0.0.1:8400/") == (
        "~/.cursor/mcp.json: Cursor starts 'bank' itself",
        "~/.cursor/mcp.json: Cursor calls http://127.0.0.1:8400.evil.example/mcp/payments itself",
    )


def test_each_server_becomes_one_component() -> None:
    one = read_client(
        "a",
        "a",
        encoded(
            {"mcpServers": {"x": {"command": "x"}, "s": {"command": "standwatch", "args": ["connect", "p"]}}}
        ),
    )
    same = read_client("b", "b", encoded({"mcpServers": {"x": {"command": "x"}}}))
    other = read_client("c", "c", encoded({"mcpServers": {"x": {"command": "y"}}}))
    assert [(c.name, c.command) for c in components(one + same + other)] == [("x", ("x",)), ("x-2", ("y",))]


@pytest.mark.parametrize(
    ("name", "plain"), [("a.b/c", "a-b-c"), ("", "server"), ("…", "server"), ("-x-", "x")]
)
def test_names_fit(name: str, plain: str) -> None:
    assert component_name(name) == plain


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"\xff", b'{"mcpServers": [1]}', b'{"mcpServers": {"a": {}}}', b"[" * 100_000]
)
def test_a_file_that_says_nothing_gives_nothing(data: bytes) -> None:
    assert read_client("a", "a", data) == ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "mcpServers",
                        "servers",
                        "command",
                        "args",
                        "env",
                        "url",
                        "projects",
                        "mcp",
                        "cwd",
                        "headers",
                    ]
                ),
                x,
            )
        ),
        max_leaves=12,
    )
)
def test_no_shape_of_json_upsets_it(value: object) -> None:
    assert isinstance(read_client("a", "a", encoded(value)), tuple)
