"""Real coding agents with our hooks: Claude Code, Codex and Gemini CLI as published, driven by a scripted model server.

Only the model is ours: the host, its loop, its hooks and its tools are the vendor's own.
Cursor cannot be run here: its hooks are started as it documents them (`test_hooks`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.entries import Asked, Intent, RunOpened
from support.hooking import Hooked
from support.scripted_model import Call, Model
from support.system import ROOT, Living, free_port, serving
from wire.test_hooks import vouched

MODULES = ROOT / "build" / "npm" / "hosts" / "node_modules"
NODE = Path(sys.prefix) / "bin" / "node"
PROMPT = "Write hello into a file"


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with serving(tmp_path_factory.mktemp("org"), {}, accept=False) as running:
        yield running


class Host:
    """One real host in a home of its own."""

    name = ""
    shell = ""
    write = ""

    def __init__(self, living: Living, home: Path) -> None:
        self.home = home
        home.mkdir()
        self.hooked = Hooked(living, self.name, home / "work", *self.more())
        vouched(living, self.name)

    def more(self) -> tuple[str, ...]:
        return ()

    def words(self, model: Model) -> tuple[list[str], dict[str, str]]:
        """The command, and its environment."""
        raise NotImplementedError

    def calls(self, command: str) -> Call:
        return self.shell, {"command": command}

    def run(self, script: list[Call]) -> tuple[list[str], str]:
        """What the host told its model of each call, and what it said itself."""
        with Model(script).running() as model:
            words, environment = self.words(model)
            base = {
                "HOME": str(self.home),
                "PATH": f"{NODE.parent}:/usr/bin:/bin",
                "SHELL": "/bin/bash",
                "TERM": "dumb",
            }
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=self.hooked.project,
                env={**base, **environment},
                timeout=240,
                check=False,
            )
            return model.heard, done.stdout + done.stderr


class ClaudeCode(Host):
    name, shell = "claude-code", "Bash"

    def words(self, model: Model) -> tuple[list[str], dict[str, str]]:
        (binary,) = MODULES.glob("@anthropic-ai/claude-code-*/claude")
        words = [str(binary), "-p", PROMPT, "--allowedTools", "Bash", "Write", "Read"]
        quiet = dict.fromkeys(
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY"), "1"
        )
        return words, {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "sk-scripted", **quiet}

    def calls(self, command: str) -> Call:
        return self.shell, {"command": command, "description": "a test"}


class Codex(Host):
    name, shell = "codex", "exec_command"

    def words(self, model: Model) -> tuple[list[str], dict[str, str]]:
        (binary,) = MODULES.glob("@openai/codex-*/vendor/*/bin/codex")
        folder = self.home / "codex"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(
            'model = "scripted"\nmodel_provider = "scripted"\n[model_providers.scripted]\nname = "scripted"\n'
            f'base_url = "{model.url}/v1"\nwire_api = "responses"\nenv_key = "SCRIPTED_KEY"\n'
            f'[projects."{self.hooked.project}"]\ntrust_level = "trusted"\n'
        )
        words = [
            str(binary),
            "exec",
            "--skip-git-repo-check",
            *self.trust,
            "--dangerously-bypass-approvals-and-sandbox",
        ]
        return [*words, PROMPT], {"CODEX_HOME": str(folder), "SCRIPTED_KEY": "x"}

    trust: tuple[str, ...] = ("--dangerously-bypass-hook-trust",)

    def calls(self, command: str) -> Call:
        return self.shell, {"cmd": command}


class GeminiCli(Host):
    name, shell = "gemini-cli", "run_shell_command"

    def words(self, model: Model) -> tuple[list[str], dict[str, str]]:
        settings = self.home / ".gemini" / "settings.json"
        settings.parent.mkdir(exist_ok=True)
        said = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
        }
        settings.write_text(
            json.dumps({**said, "general": {"enableAutoUpdate": False}, "telemetry": {"enabled": False}})
        )
        words = [
            str(NODE),
            str(MODULES / "@google" / "gemini-cli" / "bundle" / "gemini.js"),
            "-p",
            PROMPT,
            "--yolo",
        ]
        given = {
            "GEMINI_API_KEY": "x",
            "GOOGLE_GEMINI_BASE_URL": model.url,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        }
        return [*words, "-m", "gemini-2.5-pro"], {**given, "NO_PROXY": "*"}


HOSTS: tuple[type[Host], ...] = (ClaudeCode, Codex, GeminiCli)
by_name = pytest.mark.parametrize("kind", HOSTS, ids=lambda kind: kind.name)


@by_name
def test_a_real_host_asks_before_it_acts(living: Living, kind: type[Host], tmp_path: Path) -> None:
    host = kind(living, tmp_path / "home")
    precious = host.home / "precious"
    precious.write_text("kept")
    start = living.size
    script = [
        host.calls("echo hello > hello.txt"),
        host.calls("shred -u ~/precious"),
        host.calls("cat hello.txt"),
    ]
    heard, said = host.run(script)
    assert len(heard) == 3, said
    assert (host.hooked.project / "hello.txt").read_text() == "hello\n"
    assert precious.read_text() == "kept"
    assert "Reference: " in heard[1]
    assert "hello" in heard[2]
    assert [one.seam for one in living.of(Intent, start)] == ["hook", "hook"]
    assert len(living.of(Asked, start)) == 1
    (opened,) = living.of(RunOpened, start)
    assert living.run("runs", opened.run)["task"] == PROMPT
    for one in living.of(Intent, start):
        assert living.outcome(one.id).status == "ok"


@by_name
def test_a_real_host_does_nothing_where_its_hook_cannot_answer(
    living: Living, kind: type[Host], tmp_path: Path
) -> None:
    host = kind(living, tmp_path / "home")
    marks = [host.hooked.project / f"{number}.txt" for number in range(4)]
    for mark, broken in zip(marks, ("nobody listens", "killed", "garbage", "gone"), strict=True):
        match broken:
            case "nobody listens":
                host.hooked.settings(url=f"http://127.0.0.1:{free_port()}", resident=False)
            case "killed":
                host.hooked.interpreter("kill -9 $$")
            case "garbage":
                host.hooked.interpreter('echo \'{"decision":"allow","permission":"allow"}\'')
            case _:
                (host.hooked.folder / "hook.sh").unlink()
        heard, said = host.run([host.calls(f"echo x > {mark}")])
        assert len(heard) == 1, (broken, said)
        assert not mark.exists(), (broken, heard, said)


def test_codex_runs_no_hook_that_nobody_trusted_and_the_test_says_so(living: Living, tmp_path: Path) -> None:
    host = Codex(living, tmp_path / "home")
    host.trust = ()
    start = living.size
    host.run([host.calls("echo hello > hello.txt")])
    assert (host.hooked.project / "hello.txt").exists(), "it went round us: nobody has trusted the hooks yet"
    assert not living.of(Intent, start)
    (binary,) = MODULES.glob("@openai/codex-*/vendor/*/bin/codex")
    found: dict[str, Any] = trust_of(living, host, binary)
    assert found["trust"] == "untrusted"
    assert not found["good"]


def trust_of(living: Living, host: Host, binary: Path) -> dict[str, Any]:
    """What `hook codex test` says, with this Codex on the path."""
    environment = {"PATH": f"{binary.parent}:{os.environ['PATH']}", "CODEX_HOME": str(host.home / "codex")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return living.run("hook", "codex", "test", "--project", str(host.hooked.project), code=1)
