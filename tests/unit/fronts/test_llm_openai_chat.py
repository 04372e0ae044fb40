"""A chat prompt read, and a completion heard: every text stands where its pointer says, and none goes by unseen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Delta, Prompt
from standwatch.facts.spending import Usage
from standwatch.fronts.llm.openai_chat import ChatHearer, read_chat


def read(**members: Any) -> Prompt:
    return read_chat(json.dumps({"model": "small", "messages": [], **members}).encode())


def at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


TURNS: list[Any] = [
    {"role": "developer", "content": "brief"},
    {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "u"}},
                                 {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]},
    {"role": "assistant", "content": None, "refusal": "no", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": "{}"}},
        {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "ls"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "paid"},
    {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "files"}]},
    {"role": "assistant", "function_call": {"name": "old", "arguments": "{1}"}},
]  # fmt: skip


def test_every_turn_is_told_with_its_place() -> None:
    prompt = read(messages=TURNS)
    told = [(turn.role, turn.kind, turn.text, turn.name, turn.call) for turn in prompt.turns]
    assert told == [
        ("system", "text", "brief", "", ""),
        ("user", "text", "look", "", ""),
        ("user", "image", "u", "", ""),
        ("user", "other", "AAAA", "", ""),
        ("user", "other", "wav", "", ""),
        ("assistant", "other", "no", "", ""),
        ("assistant", "call", "{}", "pay", "c1"),
        ("assistant", "call", "ls", "run", "c2"),
        ("tool", "result", "paid", "pay", "c1"),
        ("tool", "result", "files", "run", "c2"),
        ("assistant", "call", "{1}", "old", ""),
    ]
    assert [at(prompt.value, turn.at) for turn in prompt.turns] == [turn.text for turn in prompt.turns]


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in texts(one)]


_value = st.recursive(
    st.one_of(st.text(max_size=5), st.booleans(), st.none(), st.integers(-5, 5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["content", "refusal", "audio", "x/~y"]), _value), max_size=4)
)
def test_no_text_of_a_message_goes_by(messages: list[dict[str, Any]]) -> None:
    messages = [{"role": "user", **one} for one in messages]
    prompt = read(messages=messages)
    assert all(at(prompt.value, turn.at) == turn.text for turn in prompt.turns)
    seen = {turn.text for turn in prompt.turns}
    said = {text for one in messages for value in one.values() for text in texts(value)}
    assert said <= seen | {"user", ""}


def test_what_it_asks_for() -> None:
    tools = [{"type": "function", "function": {"name": "pay"}}, {"type": "custom", "custom": {"name": "run"}},
             {"type": "code_interpreter"}]  # fmt: skip
    prompt = read(
        stream=True, tools=tools, functions=[{"name": "old"}], web_search_options={}, max_tokens=7, n=2
    )
    assert (prompt.stream, prompt.tools, prompt.hosted) == (
        True,
        ("pay", "run", "old"),
        ("web_search", "code_interpreter"),
    )
    assert (prompt.output, prompt.choices) == (7, 2)
    assert read(max_tokens=7, max_completion_tokens=9).output == 9


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'{"messages":[]}', b'{"model":"","messages":[]}',
        b'{"model":"m","model":"n","messages":[]}',
        b'{"model":"m","messages":{}}', b'{"model":"m","messages":[{}]}', b'{"model":"m","messages":["x"]}',
        b'{"model":"m","messages":[{"role":"user","role":"tool"}]}', b'{"model":"m","stream":1}',
        b'{"model":"m","max_tokens":-1}', b'{"model":"m","n":1.5}', b'{"model":"m","tools":{}}',
        b'{"model":"m\\u0000","messages":[]}', b'\xff', b'{"model":"m","messages":[' + b"[" * 100 + b"]" * 100 + b"]}",
        b'{"model":"m","x":NaN}', b'{"model":"m","x":"\\ud800"}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_so(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_chat(body)


def test_numbers_of_any_size_may_come() -> None:
    assert read(
        seed=2**63, tools=[{"type": "function", "function": {"name": "f", "parameters": {"maximum": 2**64}}}]
    )


def chunk(**delta: Any) -> bytes:
    return json.dumps({"id": "c", "model": "m", "choices": [{"index": 1, "delta": delta}]}).encode()


def test_a_stream_is_heard() -> None:
    hearer = ChatHearer()
    call = {"index": 2, "id": "c1", "function": {"name": "pay", "arguments": '{"a'}}
    assert hearer.event(b"", chunk(role="assistant", content="")) == []
    assert hearer.event(b"", chunk(content="Hello", reasoning_content="hm")) == [
        Delta("text", "1", "Hello"),
        Delta("reasoning", "1", "hm"),
    ]
    assert hearer.event(b"", chunk(tool_calls=[call])) == [
        Delta("call", "1/2", "pay"),
        Delta("arguments", "1/2", '{"a'),
    ]
    assert hearer.event(b"", chunk(refusal="no")) == [Delta("refusal", "1", "no")]
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    assert hearer.event(b"", json.dumps({"choices": [], "usage": usage}).encode()) == []
    assert hearer.event(b"", b"[DONE]") == []
    assert hearer.facts.usage == Usage(input=5, output=3, cached=4)
    assert (hearer.facts.id, hearer.facts.model, hearer.facts.ended) == ("c", "m", True)


def test_a_form_that_nobody_knows_is_heard_all_the_same() -> None:
    said = ChatHearer().event(b"", chunk(content=[{"type": "text", "text": "Hello"}]))
    assert "Hello" in [one.text for one in said]


@pytest.mark.parametrize("data", [b"{", b"hello", b'{"choices":[{"delta":{"content":"\xff"}}]}'])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        ChatHearer().event(b"", data)


def test_both_a_delta_and_a_message_are_heard() -> None:
    """Which of them a client reads hangs on how it asked; an answer may have both."""
    body = {"choices": [{"delta": {}, "message": {"content": "psst"}}]}
    assert [one.text for one in ChatHearer().whole(json.dumps(body).encode())] == ["psst"]
