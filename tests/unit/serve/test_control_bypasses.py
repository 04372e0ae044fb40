"""Paths that go round us are found in the clients' own files, and looked for once a minute."""

from __future__ import annotations

import json
from pathlib import Path

from standwatch.serve.control_bypasses import Bypasses

URL = "http://127.0.0.1:8400"


def write(home: Path, servers: dict[str, object]) -> None:
    (home / ".cursor").mkdir(exist_ok=True)
    (home / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": servers}))


def test_what_starts_its_server_itself_is_named_until_it_comes_through_us(tmp_path: Path) -> None:
    now = [0]
    look = Bypasses(tmp_path, lambda: now[0])
    assert look(URL) == ()
    write(tmp_path, {"files": {"command": "npx", "args": ["files"]}, "ours": {"url": URL + "/mcp/pay"}})
    assert look(URL) == (), "it looks once a minute"
    now[0] += 60_000_000
    (line,) = look(URL)
    assert line == "~/.cursor/mcp.json: Cursor starts 'files' itself"
    write(tmp_path, {"files": {"command": "standwatch", "args": ["connect", "pay"]}})
    now[0] += 60_000_000
    assert look(URL) == ()


def test_a_file_that_is_not_one_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / ".cursor" / "mcp.json").mkdir(parents=True)
    (tmp_path / ".claude.json").write_bytes(b"\xff{")
    assert Bypasses(tmp_path, lambda: 0)(URL) == ()
