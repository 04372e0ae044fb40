"""OpenAI's chat completions: the prompt read, the answer heard."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Delta, Prompt, Role, Turn
from standwatch.facts.spending import Usage
from standwatch.fronts.llm.heard import Facts
from standwatch.fronts.llm.reading import (
    bounded,
    count,
    flag,
    listed,
    members_of,
    model_of,
    named,
    step,
    strings,
    word,
)

PATH: Final = "/chat/completions"
_ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    "function": "tool",
}  # fmt: skip
_CALLERS: Final = ("function", "custom")
"""Types of tools that the caller carries out."""


COMPATIBLE: Final = (
    "models", "fallbacks", "route", "plugins", "search_parameters", "search_settings", "compound_custom",
    "data_sources", "extra_body", "deferred",
)  # fmt: skip
"""Members with which those who speak OpenAI's protocol ask other models than `model`, search, or read stores of theirs:
OpenRouter's, LiteLLM's, xAI's, Groq's and Azure's."""


def read_chat(body: bytes) -> Prompt:
    """The prompt in a request. Raises `Malformed` saying what was expected."""
    members = members_of(body)
    messages = listed(members.get("messages"), "messages")
    turns: list[Turn] = []
    calls: dict[str, str] = {}
    for index, message in enumerate(messages):
        _message(named(message), f"/messages/{index}", calls, turns)
    tools, hosted = offered(members)
    bounded(turns, tools)
    return Prompt(
        api="chat.completions",
        body=body,
        value=members,
        model=model_of(members),
        stream=flag(members, "stream"),
        turns=tuple(turns),
        tools=tuple(tools),
        hosted=tuple(hosted),
        output=count(members, "max_completion_tokens", "max_tokens"),
        choices=count(members, "n") or 1,
    )


def offered(members: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The names of the tools that the caller carries out, and the types of those that the provider does."""
    tools: list[str] = []
    hosted = ["web_search"] if members.get("web_search_options") is not None else []
    hosted += [name for name in COMPATIBLE if members.get(name)]
    for tool in map(named, listed(members.get("tools"), "tools")):
        kind = word(tool.get("type"))
        if kind in _CALLERS:
            tools.append(word(named(tool.get(kind)).get("name")))
        else:
            hosted.append(kind or "?")
    tools += [word(named(one).get("name")) for one in listed(members.get("functions"), "functions")]
    return tools, hosted


def _message(message: dict[str, Any], at: str, calls: dict[str, str], turns: list[Turn]) -> None:
    role = _ROLES.get(word(message.get("role")))
    if role is None:
        raise Malformed(f"{at}: a message with a role was expected")
    call, name = word(message.get("tool_call_id")), word(message.get("name"))
    name = calls.get(call, name)
    for member, value in message.items():
        where = f"{at}/{step(member)}"
        match member:
            case "role" | "name" | "tool_call_id":
                pass
            case "content" if isinstance(value, str):
                turns.append(Turn(role, "result" if role == "tool" else "text", value, where, name, call))
            case "content" if isinstance(value, list):
                for index, part in enumerate(value):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                    _part(part, role, f"{where}/{index}", turns, name, call)
            case "tool_calls":
                for index, one in enumerate(listed(value, where)):
                    _called(named(one), f"{where}/{index}", calls, turns)
            case "function_call":
                _called({"type": "function", "function": value}, where, calls, turns)
            case _:
                strings(value, role, where, turns)


def _part(given: Any, role: Role, at: str, turns: list[Turn], name: str, call: str) -> None:  # noqa: PLR0917 - one part's place
    if not isinstance(given, dict):
        strings(given, role, at, turns)
        return
    part = named(cast("object", given))
    match word(part.get("type")):
        case "text" if isinstance(part.get("text"), str):
            turns.append(
                Turn(role, "result" if role == "tool" else "text", part["text"], f"{at}/text", name, call)
            )
        case "image_url":
            image = part.get("image_url")
            inside = isinstance(image, dict)
            url = word(named(image).get("url")) if inside else word(image)
            turns.append(
                Turn(role, "image", url, f"{at}/image_url/url" if inside else f"{at}/image_url", name, call)
            )
        case _:
            strings({key: one for key, one in part.items() if key != "type"}, role, at, turns)


def _called(one: dict[str, Any], at: str, calls: dict[str, str], turns: list[Turn]) -> None:
    kind = "custom" if "custom" in one else "function"
    inner = named(one.get(kind))
    name, ident = word(inner.get("name")), word(one.get("id"))
    if ident:
        calls[ident] = name
    member = "input" if kind == "custom" else "arguments"
    inside = at if at.endswith("function_call") else f"{at}/{kind}"
    turns.append(Turn("assistant", "call", word(inner.get(member)), f"{inside}/{member}", name, ident))


# --- the answer ---------------------------------------------------------------------------------------------------


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    function: _Function | None = None
    custom: _Function | None = None


class _Audio(msgspec.Struct):
    transcript: str | None = None


class _Said(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    audio: _Audio | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None


class _Chunk(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None


_decode: Final = msgspec.json.Decoder(_Chunk).decode
DONE: Final = b"[DONE]"


class ChatHearer:
    """Reads a chat completion, whole or streamed."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._known = False
        self.last: _Chunk | None = None

    def event(self, event: bytes, data: bytes) -> list[Delta]:
        """What one event says."""
        del event
        if data == DONE:
            self.facts.ended = True
            return []
        if not data:
            return []
        return self._read(data)

    def whole(self, body: bytes) -> list[Delta]:
        """What the answer says."""
        found = self._read(body)
        self.facts.ended = True
        return found

    def _read(self, data: bytes) -> list[Delta]:
        try:
            chunk = _decode(data)
        except msgspec.ValidationError:
            return loosely(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("what came is no JSON of a chat completion") from None
        found: list[Delta] = []
        if not self._known:
            self._known = True
            self.facts.id, self.facts.model = chunk.id or "", chunk.model or ""
        if chunk.usage is not None:
            self.facts.usage = _usage(chunk.usage)
        for choice in chunk.choices or ():
            for said in (choice.delta, choice.message):  # whichever of them its client reads
                if said is not None:
                    _deltas(said, str(choice.index), found)
            if choice.finish_reason is not None and len(self.facts.finish) < 128:
                self.facts.finish.append(choice.finish_reason)
        return found


def loosely(data: bytes) -> list[Delta]:
    """Every text in an answer of no form that is known: none of it goes by unseen."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("what came is no JSON") from None
    turns: list[Turn] = []
    try:
        strings(value, "assistant", "", turns)
    except RecursionError:
        raise Malformed("what came is nested too deep") from None
    return [Delta("text", turn.at, turn.text) for turn in turns]


def _usage(said: _Usage) -> Usage:
    cached = (said.prompt_tokens_details.cached_tokens or 0) if said.prompt_tokens_details else 0
    return Usage(
        input=max((said.prompt_tokens or 0) - cached, 0), output=said.completion_tokens or 0, cached=cached
    )


def _deltas(said: _Said, place: str, found: list[Delta]) -> None:
    if said.content:
        found.append(Delta("text", place, said.content))
    if said.refusal:
        found.append(Delta("refusal", place, said.refusal))
    if said.reasoning_content:
        found.append(Delta("reasoning", place, said.reasoning_content))
    if said.reasoning:
        found.append(Delta("reasoning", place, said.reasoning))
    if said.audio is not None and said.audio.transcript:
        found.append(Delta("text", f"{place}/audio", said.audio.transcript))
    for at, call in enumerate(said.tool_calls or ()):
        where = f"{place}/{at if call.index is None else call.index}"
        _function(call.function, where, found)
        _function(call.custom, where, found)
    _function(said.function_call, f"{place}/function_call", found)


def _function(said: _Function | None, place: str, found: list[Delta]) -> None:
    if said is None:
        return
    if said.name:
        found.append(Delta("call", place, said.name))
    if said.arguments:
        found.append(Delta("arguments", place, said.arguments))
    if said.input:
        found.append(Delta("arguments", place, said.input))
