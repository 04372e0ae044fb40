"""What an incident is here: what is public about it, and the acts that we scripted after it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Host = Literal["claude-code", "codex", "cursor", "gemini-cli"]


class Act(msgspec.Struct, frozen=True):
    """One thing that the scripted agent does. `harm`: what it would do to somebody; "" where it is part of the work."""

    harm: str = ""
    fails: bool = False
    """Whether it comes to nothing by itself, as it did then."""


class Bash(Act, frozen=True, kw_only=True):
    """A command line, through the host's shell."""

    command: str


class Write(Act, frozen=True, kw_only=True):
    """A file written whole, through the host's own tool."""

    path: str
    text: str


class Says(Act, frozen=True, kw_only=True):
    """What the agent reports at the end, as its host passes it on. Nothing stops it: it is held against the record."""

    text: str


class Call(Act, frozen=True, kw_only=True):
    """A tool of an MCP server, `server.tool`."""

    tool: str
    arguments: dict[str, Any] = {}


class Hooked(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a coding agent, watched by its host's hooks, with the manifest that `hook install` writes."""

    name: str
    when: str
    public: str
    """What is public about it, in our words."""
    task: str
    host: Host
    acts: tuple[Bash | Write | Says, ...]
    freeze: bool = False
    """Whether its organisation has a freeze in production at the time."""
    product: str = ""
    """Which product it was, where that is well known."""


class Wired(msgspec.Struct, frozen=True, kw_only=True):
    """A run of an agent whose tools are MCP servers behind the gateway."""

    name: str
    when: str
    public: str
    task: str
    server: str
    """Which of `servers` stands behind it."""
    effects: dict[str, str]
    """The manifest: each tool's effect, as somebody decides who goes through `suggest`'s draft. All else is default."""
    acts: tuple[Call, ...]
    product: str = ""


Incident = Hooked | Wired
