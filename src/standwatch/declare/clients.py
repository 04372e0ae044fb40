"""What MCP clients on this host already use: their configuration files → drafts of components, and what goes round us.

Formats, as of late 2026: Claude Desktop, Claude Code (`.mcp.json`; `~/.claude.json`, also per project), Cursor,
Windsurf and Gemini CLI keep `mcpServers`; VS Code keeps `servers` in `mcp.json` (JSON with comments) and `mcp.servers`
in its settings; Codex keeps `mcp_servers` in TOML.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from standwatch.declare.organisation import WORD
from standwatch.facts.configuration import Component

MAX_BYTES: Final = 32 << 20
"""`~/.claude.json` also keeps a history, so it may be large."""

HOME_PLACES: Final = (
    ("Claude Desktop", "Library/Application Support/Claude/claude_desktop_config.json"),
    ("Claude Desktop", ".config/Claude/claude_desktop_config.json"),
    ("Claude Desktop", "AppData/Roaming/Claude/claude_desktop_config.json"),
    ("Claude Code", ".claude.json"),
    ("Cursor", ".cursor/mcp.json"),
    ("VS Code", "Library/Application Support/Code/User/mcp.json"),
    ("VS Code", ".config/Code/User/mcp.json"),
    ("VS Code", "AppData/Roaming/Code/User/mcp.json"),
    ("VS Code", ".config/Code/User/settings.json"),
    ("Codex", ".codex/config.toml"),
    ("Gemini CLI", ".gemini/settings.json"),
    ("Windsurf", ".codeium/windsurf/mcp_config.json"),
)
"""Client, and where it looks under the user's home."""

PROJECT_PLACES: Final = (
    ("Claude Code", ".mcp.json"),
    ("Cursor", ".cursor/mcp.json"),
    ("VS Code", ".vscode/mcp.json"),
    ("Codex", ".codex/config.toml"),
    ("Gemini CLI", ".gemini/settings.json"),
)
"""Client, and where it looks under a project."""

_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*+")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+")|,(?=\s*[}\]])', re.DOTALL)
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]+")


class Found(msgspec.Struct, frozen=True):
    """One server as one client's file names it, and the component it would be here."""

    client: str
    file: str
    name: str
    component: Component
    project: str = ""
    """The project it is limited to, where the file keeps several."""
    notes: tuple[str, ...] = ()
    """What could not be carried over; a person must look at it."""

    @property
    def ours(self) -> bool:
        """True where the client already comes through Standwatch's own bridge."""
        program = (
            self.component.command[0].replace("\\", "/").rpartition("/")[2] if self.component.command else ""
        )
        return program in ("standwatch", "standwatch.exe") and "connect" in self.component.command


def read_client(client: str, file: str, data: bytes) -> tuple[Found, ...]:
    """The servers that `file` of `client` names; none where the file is unreadable or keeps none."""
    content = _toml(data) if file.endswith(".toml") else _json(data)
    found: list[Found] = []
    for project, servers in _servers(content):
        found += [
            _found(client, file, project, name, cast("dict[str, Any]", entry))
            for name, entry in servers.items()
            if isinstance(entry, dict)
        ]
    return tuple(one for one in found if one.component.command or one.component.url)


def bypasses(found: tuple[Found, ...], agents_url: str) -> tuple[str, ...]:
    """One line for each entry that reaches its server without us. `agents_url`: our agents' listener."""
    ours = agents_url.rstrip("/") + "/mcp/"
    return tuple(
        f"{one.file}{f' ({one.project})' if one.project else ''}: {one.client} starts {one.name!r} itself"
        if one.component.command
        else f"{one.file}{f' ({one.project})' if one.project else ''}: {one.client} calls {one.component.url} itself"
        for one in found
        if not one.ours and not one.component.url.startswith(ours)
    )


def components(found: tuple[Found, ...]) -> tuple[Component, ...]:
    """The servers of all clients as components: each once, ours left out, clashing names numbered."""
    kept: dict[str, Component] = {}
    for one in found:
        if one.ours or any(_same(one.component, other) for other in kept.values()):
            continue
        name, number = one.component.name, 2
        while name in kept:
            name, number = f"{one.component.name[:60]}-{number}", number + 1
        kept[name] = msgspec.structs.replace(one.component, name=name)
    return tuple(kept.values())


def _same(one: Component, other: Component) -> bool:
    return (one.command, one.url, one.cwd, one.env) == (other.command, other.url, other.cwd, other.env)


def _json(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        return {}
    for attempt in (lambda: data, lambda: _without_comments(data)):
        try:
            value: Any = msgspec.json.decode(attempt())
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return {}


def _toml(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        return {}
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError):
        return {}


def _without_comments(data: bytes) -> bytes:
    text = _COMMENT.sub(lambda match: match[1] or " ", data.decode("utf-8-sig"))
    return _TRAILING_COMMA.sub(lambda match: match[1] or "", text).encode()


def _servers(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(Project, servers by name) for every place where a client's file keeps them."""
    yield "", _dict(content.get("mcpServers"))
    yield "", _dict(content.get("mcp_servers"))
    yield "", _dict(content.get("servers"))
    yield "", _dict(_dict(content.get("mcp")).get("servers"))
    for project, kept in _dict(content.get("projects")).items():
        yield project, _dict(_dict(kept).get("mcpServers"))


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _found(client: str, file: str, project: str, name: str, entry: dict[str, Any]) -> Found:
    notes: list[str] = []
    url = entry.get("url") or entry.get("httpUrl") or entry.get("serverUrl")
    command = () if isinstance(url, str) else _command(entry)
    if headers := sorted(_dict(entry.get("headers"))):
        notes.append(f"headers are not carried over: {', '.join(headers)}")
    if "envFile" in entry:
        notes.append("envFile is not carried over")
    if any("${" in word for word in (*command, url if isinstance(url, str) else "")):
        notes.append("the client's own ${…} variables are not known here")
    component = Component(
        kind="mcp_server",
        name=component_name(name),
        command=command,
        url=url if isinstance(url, str) else "",
        env={key: f"${{{key}}}" for key in sorted(_dict(entry.get("env"))) if command and _is_variable(key)},
        cwd=entry["cwd"] if command and isinstance(entry.get("cwd"), str) else "",
    )
    return Found(client, file, name, component, project, tuple(notes))


def _command(entry: dict[str, Any]) -> tuple[str, ...]:
    program, rest = entry.get("command"), entry.get("args")
    if not isinstance(program, str) or not program:
        return ()
    arguments = cast("list[Any]", rest) if isinstance(rest, list) else []
    return (program, *(str(one) for one in arguments))


def _is_variable(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name, re.ASCII) is not None


def component_name(name: str) -> str:
    """`name` as a component may be called: letters, digits, - and _."""
    plain = _NOT_IN_NAME.sub("-", name).strip("-_")[:64]
    return plain if re.fullmatch(WORD, plain, re.ASCII) else "server"
