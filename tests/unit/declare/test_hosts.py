"""What files and names on a host say of ways round: the same server, one like it, or one that nobody declares."""

from __future__ import annotations

import json

from standwatch.declare.clients import read_client
from standwatch.declare.hosts import credentials, direct, hooks, needs_of, sockets, variables
from standwatch.facts.configuration import Component, Manifest
from standwatch.facts.coverage import Sighting

OURS = "http://127.0.0.1:8400"
BANK = Component(kind="mcp_server", name="bank", command=("/opt/bin/python3", "-m", "bank", "--key", "s3cret"),
                 env={"BANK_TOKEN": "${BANK_TOKEN}", "LEVEL": "info"})  # fmt: skip
MAIL = Component(
    kind="mcp_server", name="mail", url="https://mail.example/mcp?x=1", headers={"a": "Bearer ${MAIL_KEY}"}
)
DOOR = Component(kind="mcp_server", name="db", command=("standwatch", "door", "postgres"))
CLAUDE = Component(kind="llm", name="claude", vendor="anthropic", provider="anthropic", key_env="OUR_KEY")
AGENT = Component(kind="service", name="claude-code")
NEEDS = needs_of(
    Manifest(
        system="desk",
        purpose="x",
        owner=("maria",),
        halt_authority=(),
        validator=(),
        components=(BANK, MAIL, DOOR, CLAUDE, AGENT),
        tools={},
    ),
    OURS,
)


def found(servers: dict[str, object], *, file: str = "~/.cursor/mcp.json") -> list[Sighting]:
    text = json.dumps({"mcpServers": servers}, indent=1)
    return list(direct(read_client("Cursor", file, text.encode()), NEEDS, {file: text}))


def test_what_somebody_must_know_holds_no_secret() -> None:
    import msgspec

    told = msgspec.json.encode(NEEDS)
    assert b"s3cret" not in told
    assert b"Bearer" not in told
    assert b"x=1" not in told
    assert [place.variables for place in NEEDS.places] == [
        ("BANK_TOKEN",),
        ("MAIL_KEY",),
        (),
        ("OUR_KEY",),
        (),
    ]
    assert [place.door for place in NEEDS.places] == [False, False, True, False, False]


def test_the_same_server_is_certain_one_like_it_likely_and_another_a_note() -> None:
    (same,) = found({"other": {"command": "python3", "args": ["-m", "bank", "--key", "s3cret"]}})
    assert (same.code, same.component, same.sure, same.where) == (
        "direct",
        "bank",
        "certain",
        "~/.cursor/mcp.json:3",
    )
    (like,) = found({"bank": {"command": "uvx", "args": ["bank"]}})
    assert (like.component, like.sure) == ("bank", "likely")
    (other,) = found({"files": {"command": "npx", "args": ["files"]}})
    assert (other.code, other.component) == ("note", "")
    (url,) = found({"x": {"url": "https://MAIL.example:443/mcp/"}})
    assert (url.component, url.sure) == ("mail", "certain")
    assert found({"y": {"url": "https://mail.example/other"}})[0].code == "note"
    assert (
        found({"z": {"url": OURS + "/mcp/desk"}, "c": {"command": "standwatch", "args": ["connect", "desk"]}})
        == []
    )


def test_codex_keeps_its_servers_in_toml() -> None:
    text = b'[mcp_servers.money]\ncommand = "python3"\nargs = ["-m", "bank", "--key", "s3cret"]\n'
    (one,) = direct(read_client("Codex", "~/.codex/config.toml", text), NEEDS)
    assert (one.component, one.sure) == ("bank", "certain")
    assert read_client("Codex", "config.toml", b"\xff[") == ()


def test_names_of_variables_are_enough() -> None:
    text = "# x\nexport BANK_TOKEN=abc\nEMPTY=\nANTHROPIC_API_KEY = 'k'\nDATABASE_URL=postgres://\n"
    names = variables(text)
    assert names == ("BANK_TOKEN", "ANTHROPIC_API_KEY", "DATABASE_URL")
    seen = [(one.code, one.component, one.where) for one in credentials(names, ".env", NEEDS)]
    assert seen == [
        ("credential", "bank", ".env: BANK_TOKEN"),
        ("role", "db", ".env: DATABASE_URL"),
        ("beside", "claude", ".env: ANTHROPIC_API_KEY"),
    ]


def test_hooks_count_for_hosts_that_are_declared_and_sockets_are_possible() -> None:
    states = [
        ("claude-code", "off", "~/.claude/settings.json: disableAllHooks", ""),
        ("codex", "missing", "", ""),
        ("claude-code", "installed", "", ""),
    ]
    (one,) = hooks(states, NEEDS)
    assert (one.code, one.component, one.sure) == ("hook_off", "claude-code", "certain")
    (socket,) = sockets(["/var/run/docker.sock"], NEEDS)
    assert (socket.code, socket.sure) == ("note", "possible")
