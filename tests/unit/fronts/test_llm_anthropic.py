"""Anthropic's messages read and heard: every text has its place, and nothing is too odd to be decided."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.facts.spending import Usage
from standwatch.fronts.llm.anthropic_heard import MessagesHearer, error_event
from standwatch.fronts.llm.anthropic_read import read_messages


def body(*messages: Any, **more: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 9, "messages": list(messages), **more}).encode()


def at(value: Any, pointer: str) -> Any:
    """What a pointer (RFC 6901) leads to."""
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "a text", "cache_control": {"type": "ephemeral"}},
    {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "a document"},
        "title": "t",
    },
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]},
    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a result"},
    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "in blocks"}]},
    {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": [{"type": "document", "source": {"data": "in it"}}],
    },
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srv",
        "content": [{"url": "https://a", "title": "page"}],
    },
    {"type": "of_next_year", "words": ["never", {"seen": "before"}]},
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda one: str(one["type"]))
def test_every_text_has_its_place(block: dict[str, Any]) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "x"}}
    raw = body(
        {"role": "assistant", "content": [call]}, {"role": "user", "content": [block]}, system="be brief"
    )
    prompt = read_messages(raw)
    assert prompt.body == raw
    texts = [turn for turn in prompt.turns if turn.kind not in ("call", "image")]
    assert len(texts) >= 2
    for turn in texts:
        assert at(prompt.value, turn.at) == turn.text
    results = [turn for turn in texts if turn.kind == "result"]
    if block["type"] == "tool_result":
        assert {(turn.role, turn.name, turn.call) for turn in results} == {("tool", "read", "toolu_1")}


def test_tools_of_the_caller_and_of_the_provider() -> None:
    tools = [
        {"name": "mine", "input_schema": {}},
        {"type": "custom", "name": "mine too", "input_schema": {}},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "computer_toolset_20260801"},
        {"type": "web_search_20260318", "name": "web_search"},
        {"type": "code_execution_20260521", "name": "code_execution"},
    ]
    prompt = read_messages(
        body({"role": "user", "content": "x"}, tools=tools, mcp_servers=[{"url": "https://a"}])
    )
    assert prompt.tools == ("mine", "mine too", "bash", "computer_toolset_20260801")
    assert prompt.hosted == ("mcp_servers", "web_search_20260318", "code_execution_20260521")
    for name, value in (("fallbacks", "default"), ("thread", {"type": "create"}), ("container", "c")):
        assert read_messages(body({"role": "user", "content": "x"}, **{name: value})).hosted == (name,)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"model":"m","messages":[],"max_tokens":1,"max_tokens":2}',
        body({"role": "user", "content": "x"}, max_tokens=0),
        body({"role": "user", "content": "x"}, max_tokens="9"),
        body({"role": "nobody", "content": "x"}),
        body("x"),
        body({"role": "user", "content": 5}),
        body({"role": "user", "content": "x"}, stream="yes"),
        body({"role": "user", "content": "x"}, model=""),
        b'{"model":"m","messages":[{"role":"user","content":"x"}]}',
    ],
)
def test_what_is_no_request_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_messages(raw)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-100, 100)
    | st.text(max_size=8)
    | st.sampled_from(["text", "tool_result", "image", "document", "user", "type", "content"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "source", "role", "id", "x"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(_json, _json)
def test_whatever_comes_is_read_or_malformed(messages: Any, tools: Any) -> None:
    raw = json.dumps({"model": "m", "max_tokens": 9, "messages": messages, "tools": tools}).encode()
    try:
        prompt = read_messages(raw)
    except Malformed:
        return
    for turn in prompt.turns:
        if turn.kind in ("text", "result", "other"):
            found = at(prompt.value, turn.at) if not turn.at.endswith("/text") or turn.text else turn.text
            assert found == turn.text


@settings(max_examples=300, deadline=None)
@given(_json)
def test_whatever_is_answered_is_heard_or_malformed(said: Any) -> None:
    for hear in (MessagesHearer().whole, lambda data: MessagesHearer().event(b"", data)):
        with contextlib.suppress(Malformed):
            hear(json.dumps(said).encode())


def event(hearer: MessagesHearer, **said: Any) -> list[tuple[str, str, str]]:
    return [(one.kind, one.place, one.text) for one in hearer.event(b"", json.dumps(said).encode())]


def test_a_stream_is_heard_piece_by_piece_and_its_usage_adds_up() -> None:
    hearer = MessagesHearer()
    started = {"id": "msg", "model": "m", "content": [], "usage": {"input_tokens": 7, "output_tokens": 1}}
    assert event(hearer, type="message_start", message=started) == []
    block = {"type": "tool_use", "id": "t", "name": "pay", "input": {}}
    assert event(hearer, type="content_block_start", index=1, content_block=block) == [("call", "1", "pay")]
    assert hearer.blocks == {1}
    delta = {"type": "input_json_delta", "partial_json": '{"a"'}
    assert event(hearer, type="content_block_delta", index=1, delta=delta) == [("arguments", "1", '{"a"')]
    assert event(hearer, type="content_block_stop", index=1) == []
    assert not hearer.blocks
    counted = {"output_tokens": 12, "cache_read_input_tokens": 3}
    assert event(hearer, type="message_delta", delta={"stop_reason": "tool_use"}, usage=counted) == []
    assert not hearer.facts.ended
    assert event(hearer, type="message_stop") == []
    assert hearer.facts.ended
    assert hearer.facts.usage == Usage(input=7, output=12, cached=3)
    assert (hearer.facts.id, hearer.facts.model, hearer.facts.finish) == ("msg", "m", ["tool_use"])


def test_what_no_form_knows_is_heard_all_the_same() -> None:
    """A block or an event of next year: its words do not go by unseen."""
    hearer = MessagesHearer()
    block = {"type": "of_next_year", "content": {"words": "hidden"}}
    assert [
        text for _, _, text in event(hearer, type="content_block_start", index=0, content_block=block)
    ] == ["hidden"]
    delta = {"type": "next_delta", "words": "hidden too"}
    said = [text for _, _, text in event(hearer, type="content_block_delta", index=0, delta=delta)]
    assert "hidden too" in said
    assert "and this" in [text for _, _, text in event(hearer, type="next_event", words="and this")]


def test_a_whole_answer_says_the_same_as_its_stream() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hello", "citations": [{"type": "char_location", "cited_text": "quoted"}]},
        {"type": "tool_use", "id": "t", "name": "pay", "input": {"to": "x"}},
    ]
    said = MessagesHearer().whole(json.dumps({"type": "message", "content": content}).encode())
    told = [(one.kind, one.place, one.text) for one in said]
    assert ("reasoning", "0", "hm") in told
    assert ("text", "1", "hello") in told
    assert "quoted" in [text for _, _, text in told]
    assert ("call", "2", "pay") in told
    assert json.loads(next(text for kind, _, text in told if kind == "arguments")) == {"to": "x"}


def test_the_event_that_ends_a_stream_is_one() -> None:
    raw = error_event("api_error", "Broken", "01m")
    assert raw.startswith(b"event: error\ndata: {")
    assert raw.endswith(b"\n\n")
    assert msgspec.json.decode(raw.split(b"data: ")[1])["request_id"] == "01m"
