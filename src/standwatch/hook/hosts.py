"""What each host's events say, in one shape. Formats as of November 2026; the pages of the documentation name them."""

from __future__ import annotations

from standwatch.hook.files import items, members
from standwatch.hook.quick import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BEFORE, AFTER, FAILED, PROMPT, STOP, OTHER = "before", "after", "failed", "prompt", "stop", "other"

EVENTS = {
    "claude-code": {
        "PreToolUse": BEFORE, "PostToolUse": AFTER, "PostToolUseFailure": FAILED, "UserPromptSubmit": PROMPT,
        "Stop": STOP,
    },
    "codex": {"PreToolUse": BEFORE, "PostToolUse": AFTER, "UserPromptSubmit": PROMPT, "Stop": STOP},
    "cursor": {
        "preToolUse": BEFORE, "postToolUse": AFTER, "postToolUseFailure": FAILED, "beforeSubmitPrompt": PROMPT,
        "afterAgentResponse": STOP,
    },
    "gemini-cli": {"BeforeTool": BEFORE, "AfterTool": AFTER, "BeforeAgent": PROMPT, "AfterAgent": STOP},
}  # fmt: skip
"""Host → its name of an event → ours."""
WORDS = ("last_assistant_message", "prompt_response", "text")
"""Where hosts say what their agent said last."""
MACHINE = (
    "<task-notification", "<teammate-message", "<agent-message", "<agent-notification", "<cross-session-message",
    "<channel source", "<system-reminder", "<monitor-", "<scheduled-task", "<local-command-", "<bash-std",
    "<subagent_notification",
)  # fmt: skip
"""What hosts put around words that they hand to an agent as if its user had typed them: results of sub-agents and of
what runs in the background, messages of others. Claude Code is reported to say its event of a prompt for these too (its
issue 16952), and an outsider may have written them."""
PROJECT = {
    "claude-code": "CLAUDE_PROJECT_DIR",
    "gemini-cli": "GEMINI_PROJECT_DIR",
    "cursor": "CURSOR_PROJECT_DIR",
}
"""Host → the variable in which it says where its workspace is: what its agent cannot change by `cd`."""


class BadEvent(Exception):
    """What the host wrote cannot be understood, so what it asks for is refused."""


class Event:
    """One event of a host. `tool` is `server.name`; `own`: of the host itself, not of an MCP server."""

    __slots__ = (
        "answer",
        "arguments",
        "call",
        "cwd",
        "kind",
        "own",
        "prompt",
        "roots",
        "session",
        "tool",
        "word",
    )

    def __init__(self, host: str, said: dict[str, Any], project: str = "") -> None:
        """`project`: what the host's environment says. Raises `BadEvent`."""
        self.kind = EVENTS[host].get(_text(said, "hook_event_name"), OTHER)
        self.session = _text(said, "session_id") or _text(said, "conversation_id")
        self.cwd = _text(said, "cwd")
        self.roots = [project] if project else _listed(said.get("workspace_roots"))
        self.call = _text(said, "tool_use_id")
        self.prompt = _text(said, "prompt")
        self.word = ""
        if self.kind == STOP:
            self.word = next((text for name in WORDS if isinstance(text := said.get(name), str) and text), "")
        self.tool, self.own = "", True
        self.arguments: dict[str, Any] = {}
        self.answer: Any = None
        if self.kind in (BEFORE, AFTER, FAILED):
            self.tool, self.own = _tool(host, said)
            self.arguments = _arguments(said.get("tool_input"))
            self.answer = _answer(said)
            if self.kind == AFTER and (members(self.answer) or {}).get("error"):
                self.kind = FAILED  # Gemini CLI has one event for both
        if self.kind != OTHER and not self.session:
            raise BadEvent("the event names no session")


def read_event(host: str, data: bytes, project: str = "") -> Event:
    """The event in `data`. Raises `BadEvent`, whatever stands there."""
    try:
        said = loads(data.decode("utf-8"), _once)
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"the event is no JSON: {type(error).__name__}") from None
    event = members(said)
    if event is None:
        raise BadEvent("the event is no object")
    return Event(host, event, project)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What stands twice is read one way by us and another by somebody else (RFC 8259 §4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _text(said: dict[str, Any], name: str) -> str:
    found = said.get(name)
    if found is not None and not isinstance(found, str):
        raise BadEvent(f"{name} is no text")
    return found or ""


def typed(prompt: str) -> bool:
    """Whether a user typed this, as far as it shows. Of a prompt with such an envelope in it nothing is the task."""
    folded = prompt.casefold()
    return not any(mark in folded for mark in MACHINE)


def _listed(found: Any) -> list[str]:
    return [one for one in items(found) if isinstance(one, str)]


def _tool(host: str, said: dict[str, Any]) -> tuple[str, bool]:
    name = _text(said, "tool_name")
    if not name:
        raise BadEvent("the event names no tool")
    server, tool = "", ""
    context = members(said.get("mcp_context"))
    if host == "gemini-cli" and context is not None:
        server, tool = _text(context, "server_name"), _text(context, "tool_name")
    elif name.startswith("mcp__"):
        server, _, tool = name[5:].partition("__")
    elif name.startswith(("MCP:", "mcp_")):
        server, _, tool = name[4:].partition(":" if name[3] == ":" else "_")
        server, tool = (server, tool) if tool else ("mcp", server)
    if not server:
        return f"{host}.{name}", True
    # INVARIANT: no MCP server speaks for a host's own tools, whatever it is called.
    return f"{'mcp-' if server in EVENTS else ''}{server}.{tool}", False


def _arguments(found: Any) -> dict[str, Any]:
    if isinstance(found, str):  # Cursor gives the arguments of MCP calls as text
        try:
            found = loads(found, _once)
        except (ValueError, RecursionError):
            raise BadEvent("the arguments are no JSON") from None
    if found is None:
        return {}
    known = members(found)
    if known is None:
        raise BadEvent("the arguments are no object")
    return known


def _answer(said: dict[str, Any]) -> Any:
    for name in ("tool_response", "tool_output", "error", "error_message"):
        if said.get(name) is not None:
            return said[name]
    return None
