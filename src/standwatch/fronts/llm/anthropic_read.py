"""Anthropic's messages: the prompt read. Its form is that of `anthropic-version: 2023-06-01`, betas included as far as
they bring new blocks: a block of no kind that is known is read for every text in it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Prompt, Role, Turn
from standwatch.fronts.llm.reading import (
    bounded,
    count,
    flag,
    listed,
    members_of,
    model_of,
    named,
    strings,
    word,
)

PATH: Final = "/v1/messages"
COUNT_PATH: Final = "/v1/messages/count_tokens"

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
_CALLERS: Final = ("bash_", "browser_", "text_editor_", "computer_", "memory_")
"""What the types of tools begin with that the caller carries out, though the provider describes them."""
_BEYOND: Final = ("container", "fallbacks", "mcp_servers", "thread")
"""Members that let the provider do what the request does not show: run things, ask another model, go on from what it
kept."""
_KEPT: Final = frozenset({"type", "cache_control", "signature", "id", "tool_use_id", "is_error"})
"""Members of a block that are no text of anybody's."""


def read_messages(body: bytes, *, counting: bool = False) -> Prompt:
    """The prompt in a request. `counting`: it is only to be counted, and nothing comes back.

    Raises `Malformed` saying what was expected.
    """
    members = members_of(body)
    turns: list[Turn] = []
    _texts(members.get("system"), "system", "/system", turns)
    calls: dict[str, str] = {}
    messages = listed(members.get("messages"), "messages")
    for index, message in enumerate(messages):
        _message(named(message), f"/messages/{index}", calls, turns)
    tools, hosted = _tools(members)
    bounded(turns, tools)
    output = 0 if counting else count(members, "max_tokens")
    if output is None:
        raise Malformed("max_tokens: a whole number above zero was expected")
    return Prompt(
        api="messages",
        body=body,
        value=members,
        model=model_of(members),
        stream=flag(members, "stream") and not counting,
        turns=tuple(turns),
        tools=tuple(tools),
        hosted=tuple(hosted),
        output=output,
    )


def _texts(value: Any, role: Role, at: str, turns: list[Turn]) -> None:
    """A text, or a list of blocks of text."""
    if isinstance(value, str):
        turns.append(Turn(role, "text", value, at))
        return
    for index, block in enumerate(listed(value, at)):
        _block(named(block), role, f"{at}/{index}", {}, turns)


def _message(message: dict[str, Any], at: str, calls: dict[str, str], turns: list[Turn]) -> None:
    role = _ROLES.get(word(message.get("role")))
    if role is None:
        raise Malformed(f"{at}: a message with a role was expected")
    content = message.get("content")
    if isinstance(content, str):
        turns.append(Turn(role, "text", content, f"{at}/content"))
    else:
        for index, block in enumerate(listed(content, f"{at}/content")):
            _block(named(block), role, f"{at}/content/{index}", calls, turns)
    for member, value in message.items():
        if member not in ("role", "content"):
            strings(value, role, f"{at}/{member}", turns)


def _block(block: dict[str, Any], role: Role, at: str, calls: dict[str, str], turns: list[Turn]) -> None:
    kind = word(block.get("type"))
    match kind:
        case "text":
            turns.append(Turn(role, "text", word(block.get("text")), f"{at}/text"))
            strings(block.get("citations"), role, f"{at}/citations", turns)
        case "image":
            _image(named(block.get("source")), role, f"{at}/source", turns)
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            name, ident = word(block.get("name")), word(block.get("id"))
            if ident:
                calls[ident] = name
            said = msgspec.json.encode(block.get("input")).decode()
            turns.append(Turn("assistant", "call", said, f"{at}/input", name, ident))
        case "tool_result":
            _result(block, at, calls, turns)
        case _ if kind.endswith("_tool_result"):
            ident = word(block.get("tool_use_id"))
            name = calls.get(ident, kind.removesuffix("_tool_result"))
            _results(block.get("content"), f"{at}/content", name, ident, turns)
        case _:
            strings({name: one for name, one in block.items() if name not in _KEPT}, role, at, turns)


def _image(source: dict[str, Any], role: Role, at: str, turns: list[Turn]) -> None:
    if word(source.get("type")) == "url":
        turns.append(Turn(role, "image", word(source.get("url")), f"{at}/url"))
    else:
        turns.append(Turn(role, "image", "", at))


def _result(block: dict[str, Any], at: str, calls: dict[str, str], turns: list[Turn]) -> None:
    """What a tool of the caller's returned: a text, or blocks of it."""
    ident = word(block.get("tool_use_id"))
    name, content = calls.get(ident, ""), block.get("content")
    if isinstance(content, str):
        turns.append(Turn("tool", "result", content, f"{at}/content", name, ident))
        return
    for index, inner in enumerate(listed(content, f"{at}/content")):
        piece, where = named(inner), f"{at}/content/{index}"
        if word(piece.get("type")) == "text":
            turns.append(Turn("tool", "result", word(piece.get("text")), f"{where}/text", name, ident))
        elif word(piece.get("type")) == "image":
            _image(named(piece.get("source")), "tool", f"{where}/source", turns)
        else:
            _results(piece, where, name, ident, turns)


def _results(value: Any, at: str, name: str, ident: str, turns: list[Turn]) -> None:
    """Every text of a result in a form of its own."""
    found: list[Turn] = []
    strings(value, "tool", at, found)
    turns += [Turn("tool", "result", one.text, one.at, name, ident) for one in found]


def _tools(members: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The names of the tools that the caller carries out, and the types of those that the provider does, with all
    else that it does unseen."""
    tools: list[str] = []
    hosted = [name for name in _BEYOND if members.get(name)]
    for tool in map(named, listed(members.get("tools"), "tools")):
        kind = word(tool.get("type"))
        if kind in ("", "custom") or kind.startswith(_CALLERS):
            tools.append(word(tool.get("name")) or kind)
        else:
            hosted.append(kind)
    return tools, hosted
