"""Hooks as the four hosts start them: their events as they were seen on the wire, and what each makes of an answer."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from standwatch.cli import hook_hosts as hosts
from standwatch.cli.hook import folder_of
from support.system import Living

HOSTS: Final = tuple(sorted(hosts.HOSTS))
SHELLS: Final = {"claude-code": "Bash", "codex": "Bash", "cursor": "Shell", "gemini-cli": "run_shell_command"}
NAMES: Final = {
    host: {kind: name for name, kind in reversed(found.events.items())} for host, found in hosts.HOSTS.items()
}
VARIABLES: Final = {"claude-code": "CLAUDE_PROJECT_DIR", "gemini-cli": "GEMINI_PROJECT_DIR"}


class Hooked:
    """One host with our hooks in one project."""

    def __init__(self, living: Living, host: str, project: Path, *more: str) -> None:
        project.mkdir(parents=True, exist_ok=True)
        self.living, self.host, self.project = living, host, project.resolve()
        self.said = living.run("hook", host, "install", "--project", str(project), *more)
        self.folder, self.file = Path(self.said["folder"]), Path(self.said["file"])
        self.session = "session-1"
        self._calls = 0

    def command(self, kind: str) -> str:
        """What the host's own file has for our kind of event."""
        entries = json.loads(self.file.read_text())["hooks"][NAMES[self.host][kind]]
        (mine,) = [one for one in entries if hosts.ours(one, self.folder)]
        return (mine if hosts.HOSTS[self.host].flat else mine["hooks"][0])["command"]

    def event(self, kind: str, **said: Any) -> dict[str, Any]:
        """As the host says it."""
        base = {"cwd": str(self.project), "hook_event_name": NAMES[self.host][kind]}
        if self.host == "cursor":
            return {"conversation_id": self.session, "workspace_roots": [str(self.project)], **base, **said}
        return {"session_id": self.session, **base, **said}

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A call; with an id of its own where the host gives one."""
        self._calls += 1
        ident = {} if self.host == "gemini-cli" else {"tool_use_id": f"{self.session}-{self._calls}"}
        return {"tool_name": tool, "tool_input": arguments, **ident}

    def shell(self, command: str) -> dict[str, Any]:
        return self.call(SHELLS[self.host], command=command)

    def run(self, kind: str, event: dict[str, Any] | bytes) -> subprocess.CompletedProcess[bytes]:
        """Starts what is installed, the way the host does."""
        data = event if isinstance(event, bytes) else json.dumps(self.event(kind, **event)).encode()
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_PROJECT_DIR")}
        if self.host in VARIABLES:
            environment[VARIABLES[self.host]] = str(self.project)
        return subprocess.run(
            ["/bin/sh", "-c", self.command(kind)],
            input=data,
            capture_output=True,
            cwd=self.project,
            env=environment,
            timeout=120,
            check=False,
        )

    def goes(self, event: dict[str, Any] | bytes) -> bool:
        """Whether the host would carry the call out."""
        self.answer = self.run("before", event)
        return lets_go(self.host, self.answer.returncode, self.answer.stdout)

    def tell(self, call: dict[str, Any], result: Any) -> None:
        self.run("after", {**call, "tool_response": result})

    def prompt(self, words: str) -> None:
        assert self.run("prompt", {"prompt": words}).returncode == 0

    def speak(self, words: str) -> None:
        """The end of a turn, with what the agent said."""
        names = {"cursor": "text", "gemini-cli": "prompt_response"}
        done = self.run("stop", {names.get(self.host, "last_assistant_message"): words})
        assert (done.returncode, done.stdout) == (0, b"")

    @property
    def reference(self) -> str:
        """The act that the host's agent was told of."""
        return self.answer.stderr.decode().split("Reference: ")[1].split(".")[0]

    def settings(self, **changed: Any) -> None:
        """The hook's own settings, changed."""
        path = self.folder / "hook.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    def interpreter(self, text: str) -> None:
        """Another program in the place of the hook's interpreter: a script of `sh`."""
        false = self.folder / "python"
        false.write_text(f"#!/bin/sh\n{text}\n")
        false.chmod(0o755)
        script = self.folder / "hook.sh"
        lines = script.read_text().splitlines()
        script.write_text("\n".join([*lines[:-1], f"exec '{false}'"]) + "\n")


def lets_go(host: str, code: int, stdout: bytes) -> bool:
    """What the host makes of a hook that ended so, as its documentation has it: all but 2 goes."""
    if code == 2:
        return False
    if host == "cursor":  # with `failClosed` whatever is no answer is a no
        try:
            return code == 0 and json.loads(stdout)["permission"] == "allow"
        except (ValueError, KeyError, TypeError):
            return False
    return True


__all__ = ["HOSTS", "Hooked", "folder_of", "lets_go"]
