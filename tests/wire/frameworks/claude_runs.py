"""Sessions of Anthropic's agent SDK, each in processes of its own: the SDK and the Claude Code that it brings.

The model behind it is scripted (`ANTHROPIC_BASE_URL`, on the loopback). Tools: the host's own, and a server in this
process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from pathlib import Path
from typing import Any

from claude_agent_sdk import (
    ClaudeAgentOptions,
    HookMatcher,
    ResultMessage,
    ToolResultBlock,
    UserMessage,
    create_sdk_mcp_server,
    query,
    tool,
)

from standwatch.client import Client
from standwatch.client.claude_agent import Standwatch


def server(ledger: str, who: str, kill: str) -> Any:
    """Tools whose effects are lines in a file. `kill`: everything ends `before` or `after` the effect of a payment."""

    def write(line: str) -> None:
        with Path(ledger).open("a", encoding="utf-8") as file:
            file.write(f"{who} {line}\n")

    def said(text: str) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": text}]}

    @tool("pay", "Pays", {"to": str, "amount": float})
    async def pay(arguments: dict[str, Any]) -> dict[str, Any]:
        if kill == "before":
            os.killpg(0, signal.SIGKILL)
        write(f"pay {arguments['to']} {arguments['amount']:g}")
        if kill == "after":
            os.killpg(0, signal.SIGKILL)
        return said(f"paid {arguments['amount']:g} to {arguments['to']}")

    @tool("note", "Writes something down", {"text": str})
    async def note(arguments: dict[str, Any]) -> dict[str, Any]:
        write(f"note {arguments['text']}")
        return said(f"noted {arguments['text']}")

    @tool("burn", "Is in no manifest", {"what": str})
    async def burn(arguments: dict[str, Any]) -> dict[str, Any]:
        write(f"burn {arguments['what']}")
        return said("burnt")

    return create_sdk_mcp_server("desk", tools=[pay, note, burn])


async def _raises(*_: Any) -> Any:
    raise RuntimeError("a hook that fails")


async def _stays(*_: Any) -> Any:
    await asyncio.Event().wait()


async def _changes(said: Any, *_: Any) -> Any:
    more = {"command": "echo other >> other.txt"}
    return {
        "hookSpecificOutput": {"hookEventName": "PreToolUse", "updatedInput": {**said["tool_input"], **more}}
    }


async def _defers(*_: Any) -> Any:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "defer"}}


BESIDE: dict[str, Any] = {"changes": _changes, "defers": _defers}
BROKEN: dict[str, Any] = {"raises": _raises, "stays": _stays}


def go(
    watch: dict[str, str],
    model: str,
    folder: str,
    who: str,
    prompt: str,
    *,
    session: str = "",
    kill: str = "",
    wait: float = 0.0,
    pauses: bool = True,
    beside: str = "",
    broken: str = "",
    bare: bool = False,
    allowed: tuple[str, ...] = ("Bash", "Write", "Edit", "Read", "mcp__desk"),
) -> dict[str, Any]:
    """One process's part of a session; a `session` is resumed."""
    os.setsid()
    home, cwd = Path(folder, who, "home"), Path(folder, who, "work")
    for one in (home, cwd):
        one.mkdir(parents=True, exist_ok=True)
    standwatch = Standwatch(
        Client(watch["url"], watch["token"]), "desk", workspace=str(cwd), wait=wait, pauses=pauses
    )
    if broken:
        standwatch._before = BROKEN[broken]  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
        if broken == "stays":
            hooks = standwatch.hooks()
            hooks["PreToolUse"][0].timeout = 1.0
            standwatch.hooks = lambda: hooks  # pyright: ignore[reportAttributeAccessIssue]
    theirs: dict[Any, Any] = {"PreToolUse": [HookMatcher(hooks=[BESIDE[beside]])]} if beside else {}
    options = ClaudeAgentOptions(
        cwd=cwd,
        env={
            "HOME": str(home), "ANTHROPIC_BASE_URL": model, "ANTHROPIC_API_KEY": "scripted", "ANTHROPIC_AUTH_TOKEN": "",
            "CLAUDE_CONFIG_DIR": str(home / ".claude"), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
        model="claude-scripted-1",
        mcp_servers={} if bare else {"desk": server(f"{folder}/ledger", who, kill)},
        setting_sources=[],
        allowed_tools=list(allowed),
        hooks=theirs,
        session_id=None if session else str(uuid.uuid5(uuid.NAMESPACE_OID, who)),
        resume=session or None,
        stderr=lambda _: None,
    )  # fmt: skip
    return asyncio.run(_run(prompt, standwatch.options(options), standwatch, cwd))


async def _run(prompt: str, options: ClaudeAgentOptions, standwatch: Standwatch, cwd: Path) -> dict[str, Any]:
    heard: list[list[Any]] = []
    end: ResultMessage | None = None
    async for message in query(prompt=prompt, options=options):
        if isinstance(message, ResultMessage):
            end = message
        elif isinstance(message, UserMessage) and isinstance(message.content, list):
            blocks = [one for one in message.content if isinstance(one, ToolResultBlock)]
            heard += [[_text(one.content), bool(one.is_error)] for one in blocks]
    assert end is not None
    waiting = [
        {"reference": ref, "url": one.url, "words": one.words} for ref, one in standwatch.waiting.items()
    ]
    files = {one.name: one.read_text() for one in cwd.iterdir() if one.is_file()}
    return {
        "session": end.session_id, "why": end.terminal_reason, "result": end.result,
        "heard": heard, "waiting": waiting, "files": files,
    }  # fmt: skip


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(one.get("text", "") for one in content or ())
