"""How hooks stand is read off the hosts' own files: as installed, missing, edited, or turned off."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from standwatch import hook as package
from standwatch.cli import hook_hosts as hosts
from standwatch.cli.hook import folder_of
from standwatch.cli.hook_states import states
from standwatch.hook.cold import SLACK
from standwatch.hook.hosts import PROJECT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def installed(home: Path, host: str) -> tuple[Path, Path]:
    """Our hook of `host`, written as `install` writes it; the host's file and our folder."""
    folder, file = folder_of(host, None), home / hosts.HOSTS[host].user
    entries = {
        event: [hosts.entry(host, folder, kind, 130)] for event, kind in hosts.HOSTS[host].events.items()
    }
    write(file, {"hooks": entries})
    settings = {"seconds": 60, "wait": 60, "host": host}
    write(folder / "hook.json", settings)
    here = Path(str(package.__file__)).resolve().parent
    text = hosts.script(here, sys.executable, folder, int(120 + SLACK), PROJECT.get(host, ""))
    (folder / "hook.sh").write_text(text)
    return file, folder


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def stands(home: Path, host: str) -> str:
    return next((state for name, state, _, _ in states(home, None) if name == host), "")


@pytest.mark.parametrize("host", hosts.HOSTS)
def test_an_installed_hook_is_installed_and_any_edit_is_seen(home: Path, host: str) -> None:
    assert stands(home, host) == "", "a host that nobody uses has none to miss"
    write(home / hosts.HOSTS[host].user, {})
    assert stands(home, host) == "missing"
    file, folder = installed(home, host)
    assert stands(home, host) == "installed"

    said = json.loads(file.read_text())
    before = next(event for event, kind in hosts.HOSTS[host].events.items() if kind == hosts.BEFORE)
    for edit in (
        file.read_text().replace("exit 2'", "exit 0'"),
        file.read_text()
        .replace('"matcher": "*"', '"matcher": "Read"')
        .replace('"failClosed": true', '"failClosed": false'),
        json.dumps({"hooks": {event: one for event, one in said["hooks"].items() if event != before}}),
    ):
        assert edit != json.dumps(said)
        file.write_text(edit)
        assert stands(home, host) == "changed"
    file.write_text(json.dumps(said))
    assert stands(home, host) == "installed"
    (folder / "hook.sh").write_text("echo 'standwatch: go'; exit 0\n")
    assert stands(home, host) == "changed", "what the hook reads is part of it"


def test_hooks_that_are_turned_off_are_off_however_well_installed(home: Path) -> None:
    for host, setting in (
        ("claude-code", {"disableAllHooks": True}),
        ("gemini-cli", {"hooksConfig": {"enabled": False}}),
        ("gemini-cli", {"hooksConfig": {"disabled": ["standwatch-before"]}}),
    ):
        file, _ = installed(home, host)
        file.write_text(json.dumps({**json.loads(file.read_text()), **setting}))
        assert stands(home, host) == "off"
    installed(home, "codex")
    (home / ".codex" / "config.toml").write_text("[features]\nhooks = false\n")
    assert stands(home, "codex") == "off"


def test_a_host_that_asks_its_own_user_nothing_is_told_beside_its_hook(home: Path) -> None:
    file, _ = installed(home, "claude-code")
    file.write_text(
        json.dumps({**json.loads(file.read_text()), "permissions": {"defaultMode": "bypassPermissions"}})
    )
    write(home / ".codex" / "hooks.json", {})
    text = 'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n'
    (home / ".codex" / "config.toml").write_text(text)
    found = [(host, state) for host, state, _, _ in states(home, None)]
    assert found == [
        ("claude-code", "installed"),
        ("codex", "missing"),
        ("claude-code", "open"),
        ("codex", "open"),
    ]


def test_files_that_are_none_are_no_reason_to_fail(home: Path) -> None:
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_bytes(b"\xff{")
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_bytes(b"\xff=")
    (home / ".codex" / "hooks.json").write_text('{"hooks": [1]}')
    assert {state for _, state, _, _ in states(home, home)} == {"missing"}
