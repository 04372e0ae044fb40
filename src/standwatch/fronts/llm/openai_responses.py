"""OpenAI's responses: the prompt read, the answer heard."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Delta, Prompt, Role, Speech, Turn
from standwatch.facts.spending import Usage
from standwatch.fronts.llm.heard import Facts
from standwatch.fronts.llm.openai_chat import COMPATIBLE, loosely
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

PATH: Final = "/responses"
_ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}  # fmt: skip
_CALLERS: Final = frozenset(
    {"function", "custom", "local_shell", "computer_use_preview", "computer-preview", "apply_patch"}
)
"""Types of tools that the caller carries out."""
_BEYOND: Final = ("prompt", "background", "previous_response_id", "conversation")
"""Members that let the provider go on from what it kept, or give us nothing to look at: a stored `prompt` brings tools
and words that we never see, an earlier response or conversation may be any of those that share the account, and what
runs in the `background` is fetched later, from a path that is not served here."""
_TEXTS: Final = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_RESULTS: Final = frozenset(
    {"function_call_output", "custom_tool_call_output", "local_shell_call_output", "computer_call_output"}
)


def read_response(body: bytes) -> Prompt:
    """The prompt in a request. Raises `Malformed` saying what was expected."""
    members = members_of(body)
    turns: list[Turn] = []
    calls: dict[str, str] = {}
    if isinstance(members.get("instructions"), str):
        turns.append(Turn("system", "text", members["instructions"], "/instructions"))
    given = members.get("input")
    if isinstance(given, str):
        turns.append(Turn("user", "text", given, "/input"))
    else:
        for index, item in enumerate(listed(given, "input")):
            _item(named(item), f"/input/{index}", calls, turns)
    tools, hosted = _offered(members)
    bounded(turns, tools)
    return Prompt(
        api="responses",
        body=body,
        value=members,
        model=model_of(members),
        stream=flag(members, "stream"),
        turns=tuple(turns),
        tools=tuple(tools),
        hosted=tuple(hosted),
        output=count(members, "max_output_tokens"),
    )


def _offered(members: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The names of the tools that the caller carries out, and the types of what the provider does by itself, with all
    else that it does unseen."""
    tools: list[str] = []
    hosted = [name for name in (*_BEYOND, *COMPATIBLE) if members.get(name)]
    hosted += ["item_reference"] * any(_refers(item) for item in _items(members))
    for tool in map(named, listed(members.get("tools"), "tools")):
        kind = word(tool.get("type"))
        if kind in _CALLERS:
            tools.append(word(tool.get("name")) or kind)
        else:
            hosted.append(kind or "?")
    return tools, hosted


def _items(members: dict[str, Any]) -> list[Any]:
    given = members.get("input")
    return [] if isinstance(given, str) else listed(given, "input")


def _refers(item: Any) -> bool:
    """Whether an item of the input stands for one that the provider kept."""
    return word(named(item).get("type")) == "item_reference"


def _item(item: dict[str, Any], at: str, calls: dict[str, str], turns: list[Turn]) -> None:
    kind, call = word(item.get("type")), word(item.get("call_id"))
    if kind in ("", "message"):
        role = _ROLES.get(word(item.get("role")))
        if role is None:
            raise Malformed(f"{at}: a message with a role was expected")
        _content(item.get("content"), role, f"{at}/content", turns)
    elif kind in ("function_call", "custom_tool_call"):
        name = word(item.get("name"))
        calls[call] = name
        member = "arguments" if kind == "function_call" else "input"
        turns.append(Turn("assistant", "call", word(item.get(member)), f"{at}/{member}", name, call))
    elif kind in _RESULTS:
        output, name = item.get("output"), calls.get(call, "")
        if isinstance(output, str):
            turns.append(Turn("tool", "result", output, f"{at}/output", name, call))
        else:
            _content(output, "tool", f"{at}/output", turns, name, call)
    else:
        inner = {
            key: one for key, one in item.items() if key not in ("type", "id", "status", "encrypted_content")
        }
        strings(inner, "assistant", at, turns)


def _content(value: Any, role: Role, at: str, turns: list[Turn], name: str = "", call: str = "") -> None:  # noqa: PLR0917 - one text's place
    if isinstance(value, str):
        turns.append(Turn(role, "text", value, at, name, call))
        return
    if isinstance(value, dict):
        value = [value]
    for index, given in enumerate(listed(value, at)):
        part, where = named(given), f"{at}/{index}"
        kind = word(part.get("type"))
        if kind in _TEXTS and isinstance(part.get("text"), str):
            turns.append(
                Turn(role, "result" if role == "tool" else "text", part["text"], f"{where}/text", name, call)
            )
        elif kind == "input_image":
            turns.append(Turn(role, "image", word(part.get("image_url")), f"{where}/image_url", name, call))
        elif part:
            strings({key: one for key, one in part.items() if key != "type"}, role, where, turns)
        else:
            strings(given, role, where, turns)


# --- the answer ---------------------------------------------------------------------------------------------------


_NOTHING: Final = msgspec.Raw(b"")
_EMPTY: Final = (b"", b"null", b"[]", b"{}", b'""')


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Cached | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: msgspec.Raw = _NOTHING


class _Item(msgspec.Struct):
    type: str = ""
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    action: msgspec.Raw = _NOTHING
    code: str | None = None
    operation: msgspec.Raw = _NOTHING
    output: msgspec.Raw = _NOTHING
    results: msgspec.Raw = _NOTHING


class _Whole(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str = ""
    delta: str | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    code: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item: _Item | None = None
    part: _Part | None = None
    response: _Whole | None = None


_event: Final = msgspec.json.Decoder(_Event).decode
_whole: Final = msgspec.json.Decoder(_Whole).decode

_DELTAS: Final[dict[str, Speech]] = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.reasoning_text": "reasoning",
    "response.reasoning_summary_text": "reasoning",
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "arguments",
    "response.mcp_call_arguments": "arguments",
    "response.code_interpreter_call_code": "arguments",
    "response.audio.transcript": "text",
}
_NO_WORDS: Final = frozenset({"type", "item_id", "obfuscation", "partial_image_b64", "status"})
"""Members of an event of no kind that is known that say nothing."""
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesHearer:
    """Reads a response, whole or streamed.

    A stream says everything twice, in pieces and then as a whole: what was heard in pieces is not heard again.
    INVARIANT: only where it is the same; clients read the whole.
    """

    def __init__(self) -> None:
        self.facts = Facts()
        self._heard: dict[tuple[Speech, str], Any] = {}
        """By voice: the digest of what was heard of it."""

    def event(self, event: bytes, data: bytes) -> list[Delta]:
        """What one event says."""
        del event
        if not data:
            return []
        try:
            said = _event(data)
        except msgspec.ValidationError:
            return loosely(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("what came is no JSON of a response") from None
        found: list[Delta] = []
        stem, _, last = said.type.rpartition(".")
        kind = _DELTAS.get(stem)
        if kind is not None:
            place = _place(said)
            if last == "delta":
                self._so_far(kind, place).update(_bytes(said.delta or ""))
                found.append(Delta(kind, place, said.delta or ""))
            else:
                text = said.text or said.refusal or said.arguments or said.input or said.code or ""
                self._once(Delta(kind, place, text), found)
            return found
        if said.item is not None:
            self._item(said.item, str(said.output_index or 0), found)
        if said.part is not None:
            speech: Speech = "text" if said.part.type in ("output_text", "refusal") else "reasoning"
            self._part(said.part, speech, _place(said), found)
        if said.response is not None:
            self._answer(said.response, found, ended=said.type in _ENDS)
        if said.item is None and said.part is None and said.response is None:
            turns: list[Turn] = []
            told: dict[str, Any] = msgspec.json.decode(data)
            strings({key: one for key, one in told.items() if key not in _NO_WORDS}, "assistant", "", turns)
            found += [Delta("text", f"{_place(said)}{one.at}", one.text) for one in turns]
        return found

    def whole(self, body: bytes) -> list[Delta]:
        """What the answer says."""
        try:
            said = _whole(body)
        except msgspec.ValidationError:
            return loosely(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("what came is no JSON of a response") from None
        found: list[Delta] = []
        self._answer(said, found, ended=True)
        return found

    def _answer(self, said: _Whole, found: list[Delta], *, ended: bool) -> None:
        facts = self.facts
        facts.id, facts.model = said.id or facts.id, said.model or facts.model
        if said.usage is not None:
            facts.usage = _usage(said.usage)
        for index, item in enumerate(said.output or ()):
            self._item(item, str(index), found)
        if ended:
            facts.ended = True
            facts.finish.append(said.status or "")

    def _item(self, item: _Item, place: str, found: list[Delta]) -> None:
        if item.name:
            self._once(Delta("call", place, item.name), found)
        if item.arguments:
            self._once(Delta("arguments", place, item.arguments), found)
        if item.input:
            self._once(Delta("arguments", place, item.input), found)
        if item.code:
            self._once(Delta("arguments", place, item.code), found)
        speech: Speech = "reasoning" if item.type == "reasoning" else "text"
        for index, part in enumerate(item.content or ()):
            self._part(part, speech, f"{place}/{index}", found)
        for index, part in enumerate(item.summary or ()):
            self._part(part, "reasoning", f"{place}/s{index}", found)
        for name in ("action", "operation", "output", "results"):
            self._raw(getattr(item, name), "arguments", f"{place}/{name}", found)

    def _part(self, part: _Part, speech: Speech, place: str, found: list[Delta]) -> None:
        self._once(Delta(speech, place, part.text or ""), found)
        self._once(Delta("refusal", place, part.refusal or ""), found)
        self._raw(part.annotations, "text", f"{place}/annotations", found)

    def _raw(self, value: msgspec.Raw, kind: Speech, place: str, found: list[Delta]) -> None:
        if bytes(value) not in _EMPTY:
            for one in loosely(bytes(value)):
                self._once(Delta(kind, f"{place}{one.place}", one.text), found)

    def _once(self, delta: Delta, found: list[Delta]) -> None:
        if not delta.text:
            return
        heard, whole = self._heard.get((delta.kind, delta.place)), blake2b(_bytes(delta.text))
        if heard is None or heard.digest() != whole.digest():
            self._heard[delta.kind, delta.place] = whole
            found.append(delta)

    def _so_far(self, kind: Speech, place: str) -> Any:
        return self._heard.setdefault((kind, place), blake2b())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _place(said: _Event) -> str:
    place = str(said.output_index or 0)
    if said.summary_index is not None:
        return f"{place}/s{said.summary_index}"
    return place if said.content_index is None else f"{place}/{said.content_index}"


def _usage(said: _Usage) -> Usage:
    cached = (said.input_tokens_details.cached_tokens or 0) if said.input_tokens_details else 0
    return Usage(
        input=max((said.input_tokens or 0) - cached, 0), output=said.output_tokens or 0, cached=cached
    )
