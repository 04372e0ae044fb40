"""Anthropic's messages: the answer heard, whole or streamed (`message_start` … `message_stop`)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Delta
from standwatch.facts.spending import Usage
from standwatch.fronts.llm.heard import Facts
from standwatch.fronts.llm.openai_chat import loosely


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()
    content: msgspec.Raw = msgspec.Raw()
    citations: msgspec.Raw = msgspec.Raw()


class _Message(msgspec.Struct):
    type: str = ""
    id: str = ""
    model: str = ""
    content: list[_Block] = []
    stop_reason: str | None = None
    usage: _Usage | None = None
    input_tokens: int | None = None
    """Of what was only counted."""


class _Step(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    citation: msgspec.Raw = msgspec.Raw()


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Step | None = None
    usage: _Usage | None = None


_event: Final = msgspec.json.Decoder(_Event).decode
_message: Final = msgspec.json.Decoder(_Message).decode
_NOTHING: Final = (b"", b"{}", b"null", b'""', b"[]")
_STEPS: Final = frozenset(
    {"text_delta", "thinking_delta", "input_json_delta", "signature_delta", "citations_delta"}
)
_BLOCKS: Final = frozenset(
    {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use"}
)
_EVENTS: Final = frozenset(
    {"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
     "message_stop", "ping", "error"}
)  # fmt: skip


class MessagesHearer:
    """Reads an answer of the messages API."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._usage = Usage()
        self.blocks: set[int] = set()
        """The blocks that were begun and not ended: whoever cuts a stream knows what is open."""

    def event(self, event: bytes, data: bytes) -> list[Delta]:
        """What one event of the stream says."""
        del event  # the same word stands in the data
        if not data:
            return []
        try:
            said = _event(data)
        except msgspec.ValidationError:
            return loosely(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("what came is no JSON of an answer") from None
        if said.type not in _EVENTS:
            return loosely(data)
        return self._event(said, data)

    def whole(self, body: bytes) -> list[Delta]:
        """What a whole answer says."""
        try:
            said = _message(body)
        except msgspec.ValidationError:
            return loosely(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("what came is no JSON of an answer") from None
        if said.input_tokens is not None and not said.type:  # it was only counted: that costs nothing
            self.facts.usage, self.facts.ended = Usage(), True
            return []
        self._head(said)
        self._finish(said.stop_reason)
        self.facts.ended = True
        found: list[Delta] = []
        for index, block in enumerate(said.content):
            _block(block, index, found)
        return found

    def _event(self, said: _Event, data: bytes) -> list[Delta]:
        found: list[Delta] = []
        if said.message is not None:
            self._head(said.message)
            for index, block in enumerate(said.message.content):
                _block(block, index, found)
        if said.content_block is not None:
            self.blocks.add(said.index)
            _block(said.content_block, said.index, found)
        if said.delta is not None:
            self._finish(said.delta.stop_reason)
            if not _step(said.delta, said.index, found) and said.type == "content_block_delta":
                return loosely(data)
        if said.type == "content_block_stop":
            self.blocks.discard(said.index)
        if said.usage is not None:
            self._spend(said.usage)
        self.facts.ended = self.facts.ended or said.type == "message_stop"
        return found

    def _head(self, said: _Message) -> None:
        self.facts.id, self.facts.model = said.id, said.model
        if said.usage is not None:
            self._spend(said.usage)

    def _finish(self, reason: str | None) -> None:
        if reason is not None and len(self.facts.finish) < 128:
            self.facts.finish.append(reason)

    def _spend(self, said: _Usage) -> None:
        """The counts are cumulative; what an event leaves out is as the one before said."""
        before = self._usage
        self._usage = self.facts.usage = Usage(
            input=_first(said.input_tokens, before.input),
            output=_first(said.output_tokens, before.output),
            cached=_first(said.cache_read_input_tokens, before.cached),
            written=_first(said.cache_creation_input_tokens, before.written),
        )


def _first(said: int | None, before: int) -> int:
    return before if said is None else max(said, 0)


def _step(said: _Step, index: int, found: list[Delta]) -> bool:
    """Reads one delta; False where it is of no kind that is known."""
    place = str(index)
    if said.text:
        found.append(Delta("text", place, said.text))
    if said.thinking:
        found.append(Delta("reasoning", place, said.thinking))
    if said.partial_json:
        found.append(Delta("arguments", place, said.partial_json))
    _raw(said.citation, f"{place}/citations", found)
    return said.type in _STEPS


def _block(block: _Block, index: int, found: list[Delta]) -> None:
    place = str(index)
    if block.text:
        found.append(Delta("text", place, block.text))
    if block.thinking:
        found.append(Delta("reasoning", place, block.thinking))
    if block.name:
        found.append(Delta("call", place, block.name))
    if bytes(block.input) not in _NOTHING:
        found.append(Delta("arguments", place, bytes(block.input).decode()))
    if block.type not in _BLOCKS:
        _raw(block.content, f"{place}/content", found)
    _raw(block.citations, f"{place}/citations", found)


def _raw(value: msgspec.Raw, place: str, found: list[Delta]) -> None:
    if bytes(value) not in _NOTHING:
        found += [Delta(one.kind, f"{place}{one.place}", one.text) for one in loosely(bytes(value))]


def error(kind: str, message: str, request: str = "") -> dict[str, Any]:
    """An error in Anthropic's shape."""
    body: dict[str, Any] = {"type": "error", "error": {"type": kind, "message": message}}
    return {**body, "request_id": request} if request else body


def error_event(kind: str, message: str, request: str = "") -> bytes:
    """The event that ends a stream which is not whole."""
    return b"event: error\ndata: " + msgspec.json.encode(error(kind, message, request)) + b"\n\n"
