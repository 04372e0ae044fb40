"""Where each host keeps its hooks, and what is written there (formats as of November 2026; proved by tests/hosts)."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any, Final, NamedTuple

BEFORE, AFTER, PROMPT, STOP = "before", "after", "prompt", "stop"


class Host(NamedTuple):
    """One coding agent. `user` and `project`: its file, from the home and from the project's folder."""

    title: str
    user: str
    project: str
    events: dict[str, str]
    """Its names of the events that we are called for → ours."""
    millis: bool = False
    """Whether its timeouts are in milliseconds."""
    flat: bool = False
    """Whether an event has commands, rather than groups of commands with a matcher."""
    home: str = ""
    """The variable that moves the folder of `user`."""
    left: tuple[str, ...] = ()
    """What is left to do for whoever installs."""
    stdout: str = ""
    """What is said on stdout before a call that may go; "" for nothing, so that the host's own questions stay."""


HOSTS: Final = {
    "claude-code": Host(
        "Claude Code",
        ".claude/settings.json",
        ".claude/settings.local.json",
        {
            "PreToolUse": BEFORE,
            "PostToolUse": AFTER,
            "PostToolUseFailure": AFTER,
            "UserPromptSubmit": PROMPT,
            "Stop": STOP,
        },
        home="CLAUDE_CONFIG_DIR",
    ),
    "codex": Host(
        "Codex",
        ".codex/hooks.json",
        ".codex/hooks.json",
        {"PreToolUse": BEFORE, "PostToolUse": AFTER, "UserPromptSubmit": PROMPT, "Stop": STOP},
        home="CODEX_HOME",
        left=("start codex and trust these hooks: it runs none that nobody has looked at (/hooks)",),
    ),
    "cursor": Host(
        "Cursor",
        ".cursor/hooks.json",
        ".cursor/hooks.json",
        {
            "preToolUse": BEFORE,
            "postToolUse": AFTER,
            "postToolUseFailure": AFTER,
            "beforeSubmitPrompt": PROMPT,
            "afterAgentResponse": STOP,
        },
        flat=True,
        left=("start Cursor anew: it reads its hooks at the start",),
        stdout='{"permission":"allow"}',
    ),
    "gemini-cli": Host(
        "Gemini CLI",
        ".gemini/settings.json",
        ".gemini/settings.json",
        {"BeforeTool": BEFORE, "AfterTool": AFTER, "BeforeAgent": PROMPT, "AfterAgent": STOP},
        millis=True,
        home="GEMINI_CLI_HOME",
        left=("trust the folder: in one that is not trusted Gemini CLI runs no hooks of the project",),
    ),
}


def place(host: str, project: Path | None) -> Path:
    """The file in which `host` keeps its hooks, for one project or for the user."""
    found = HOSTS[host]
    if project is not None:
        return project / found.project
    moved = os.environ.get(found.home, "") if found.home else ""
    if moved and host != "gemini-cli":
        return Path(moved) / Path(found.user).name
    return Path(moved or Path.home()) / found.user


def command(host: str, folder: Path, kind: str) -> str:
    """What the host starts. INVARIANT: before a call its ways out are our word said aloud, and exit 2, which blocks.

    `sh` reads what does the work from a file; where that is gone, or its interpreter, or it is killed, says anything
    else or says nothing, the last command is reached. One line, in single quotes: whatever shell the host has takes it.
    """
    script = shlex.quote(str(folder / "hook.sh"))
    if kind != BEFORE:
        return f"/bin/sh -c {shlex.quote(f'(e={kind}; . {script}) >/dev/null 2>&1; exit 0')}"
    said = HOSTS[host].stdout
    aloud = f"printf %s {shlex.quote(said)}; " if said else ""
    text = (
        f'o=$(e={kind}; . {script}); r=$?; [ "$r" = 0 ] && [ "$o" = "standwatch: go" ] && {{ {aloud}exit 0; }}; '
        '[ "$r" = 2 ] || echo "Standwatch did not answer, so nothing may be done." >&2; exit 2'
    )
    return f"/bin/sh -c {shlex.quote(text)}"


def entry(host: str, folder: Path, kind: str, seconds: int) -> dict[str, Any]:
    """One entry of an event's list. `seconds`: after which the host gives up."""
    found = HOSTS[host]
    hook: dict[str, Any] = {
        "type": "command",
        "command": command(host, folder, kind),
        "timeout": seconds * 1000 if found.millis else seconds,
    }
    if found.flat:
        return {**hook, "failClosed": True} if kind == BEFORE else hook
    if host == "gemini-cli":
        hook["name"] = f"standwatch-{kind}"
    return {"matcher": "*", "hooks": [hook]} if kind in (BEFORE, AFTER) else {"hooks": [hook]}


def ours(item: Any, folder: Path) -> bool:
    """Whether an entry of an event's list is the one that was written for `folder`."""
    found: list[Any] = [item]
    while found:
        one = found.pop()
        if isinstance(one, dict):
            if str(folder / "hook.sh") in str(one.get("command", "")):  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
                return True
            found += list(one.values())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        elif isinstance(one, list):
            found += one  # pyright: ignore[reportUnknownArgumentType]
    return False


def script(here: Path, python: str, folder: Path, seconds: int, variable: str) -> str:
    """`hook.sh`: the resident helper where one listens, else a process of our own. Sourced, with `e` the event."""
    quoted = {
        name: shlex.quote(str(value))
        for name, value in {
            "here": here,
            "client": here / "client.pl",
            "program": here / "run.py",
            "python": python,
            "folder": folder,
        }.items()
    }
    return (
        f'perl {quoted["client"]} {quoted["folder"]} "$e" {seconds} {shlex.quote(variable)}\n'
        "r=$?\n"
        'case "$r" in 75 | 126 | 127) ;; *) exit "$r" ;; esac\n'
        f'exec {quoted["python"]} -S -E -s -X frozen_modules=on {quoted["program"]} {quoted["folder"]} "$e"\n'
    )
