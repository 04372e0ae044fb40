"""What `hook` says where it cannot: nothing is made, and nothing of anybody else's is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from standwatch.cli import hook_hosts as hosts
from standwatch.cli import main as cli
from standwatch.cli.hook import folder_of


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME"):
        monkeypatch.delenv(name, raising=False)


def run(*words: str) -> int:
    return cli.main(["--json", "hook", *words])


@pytest.mark.parametrize("host", sorted(hosts.HOSTS))
def test_a_file_that_cannot_be_read_is_left_alone(host: str, tmp_path: Path) -> None:
    file = hosts.place(host, tmp_path)
    file.parent.mkdir(parents=True)
    for text in ('{"hooks": [1]}', "{", '{"hooks": {"PreToolUse": 1, "preToolUse": 1, "BeforeTool": 1}}'):
        file.write_text(text)
        assert run(host, "install", "--project", str(tmp_path)) == 1
        assert file.read_text() == text
    assert not folder_of(host, tmp_path).exists()


def test_what_is_not_there_is_neither_tested_nor_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("codex", "test", "--project", str(tmp_path)) == 1
    assert run("codex", "remove", "--project", str(tmp_path)) == 1
    assert "standwatch hook codex install" in capsys.readouterr().err


def test_a_server_elsewhere_wants_a_token(tmp_path: Path) -> None:
    assert run("codex", "install", "--project", str(tmp_path), "--url", "https://watch.example") == 1
    token = tmp_path / "token"
    token.write_text("sw_elsewhere\n")
    given = ("--url", "https://watch.example", "--token-file", str(token), "--system", "coding")
    assert run("codex", "install", "--project", str(tmp_path), *given) == 0
    folder = folder_of("codex", tmp_path)
    said = json.loads((folder / "hook.json").read_text())
    assert (said["url"], said["token"], said["system"]) == ("https://watch.example", "sw_elsewhere", "coding")
    assert folder.stat().st_mode & 0o077 == (folder / "hook.json").stat().st_mode & 0o077 == 0
    assert run("codex", "remove", "--project", str(tmp_path)) == 0
    assert not hosts.place("codex", tmp_path).exists()


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text("sw_elsewhere\n")
    given = ("--url", "https://watch.example", "--token-file", str(token))
    assert run("codex", "install", "--project", str(tmp_path / "nowhere"), *given) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_what_is_left_to_do_can_be_typed_as_it_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("sw_elsewhere\n")
    given = ("--project", str(tmp_path), "--url", "https://watch.example", "--token-file", str(token))
    assert cli.main(["--org", "my watch", "hook", "codex", "install", *given]) == 0
    assert "standwatch --org 'my watch' validate codex --until 90d" in capsys.readouterr().out


def test_waiting_ends_before_the_host_s_patience(tmp_path: Path) -> None:
    assert run("codex", "install", "--project", str(tmp_path), "--wait", "541") == 1
    for host, found in hosts.HOSTS.items():
        entry = json.dumps(hosts.entry(host, tmp_path, hosts.BEFORE, 160))
        assert ("160000" if found.millis else "160") in entry


def test_each_host_s_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    assert hosts.place("claude-code", None) == home / ".claude" / "settings.json"
    assert hosts.place("codex", None) == home / ".codex" / "hooks.json"
    assert hosts.place("gemini-cli", None) == home / ".gemini" / "settings.json"
    assert hosts.place("cursor", tmp_path) == tmp_path / ".cursor" / "hooks.json"
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "elsewhere"))
    assert hosts.place("codex", None) == tmp_path / "elsewhere" / "hooks.json"
