"""A response's prompt read, and a response heard once though its stream says everything twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standwatch.facts.errors import Malformed
from standwatch.facts.llm import Delta
from standwatch.facts.spending import Usage
from standwatch.fronts.llm.openai_responses import ResponsesHearer, read_response
from unit.fronts.test_llm_openai_chat import at

ITEMS: list[Any] = [
    {"role": "user", "content": "look"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "here"},
                                                    {"type": "input_image", "image_url": "u"}]},
    {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "zzz"},
    {"type": "function_call", "call_id": "c1", "name": "pay", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "paid"},
    {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "output_text", "text": "files"}]},
]  # fmt: skip


def test_every_turn_is_told_with_its_place() -> None:
    body = {"model": "small", "instructions": "brief", "input": ITEMS, "max_output_tokens": 5, "stream": True}
    prompt = read_response(json.dumps(body).encode())
    assert [(turn.role, turn.kind, turn.text, turn.name) for turn in prompt.turns] == [
        ("system", "text", "brief", ""),
        ("user", "text", "look", ""),
        ("user", "text", "here", ""),
        ("user", "image", "u", ""),
        ("assistant", "other", "summary_text", ""),
        ("assistant", "other", "hm", ""),
        ("assistant", "call", "{}", "pay"),
        ("tool", "result", "paid", "pay"),
        ("tool", "result", "files", ""),
    ]
    assert [at(prompt.value, turn.at) for turn in prompt.turns] == [turn.text for turn in prompt.turns]
    assert (prompt.stream, prompt.output) == (True, 5)


def test_what_the_provider_does_itself_is_told() -> None:
    body = {"model": "small", "input": "x", "background": True, "prompt": {"id": "p"},
            "tools": [{"type": "mcp", "server_url": "u"}, {"type": "function", "name": "pay"}]}  # fmt: skip
    prompt = read_response(json.dumps(body).encode())
    assert (prompt.tools, prompt.hosted) == (("pay",), ("prompt", "background", "mcp"))


@pytest.mark.parametrize(
    "body", [{}, {"model": "m", "input": 7}, {"model": "m", "input": [{"role": "king"}]}]
)
def test_what_cannot_be_read_says_so(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_response(json.dumps(body).encode())


def heard(*events: dict[str, Any]) -> tuple[list[Delta], ResponsesHearer]:
    hearer = ResponsesHearer()
    return [one for event in events for one in hearer.event(b"", json.dumps(event).encode())], hearer


MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
ENDED = {"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", "output": [MESSAGE],
         "usage": {"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}}}  # fmt: skip


def test_what_came_in_pieces_is_not_heard_again() -> None:
    place = {"output_index": 0, "content_index": 0}
    said, hearer = heard(
        {"type": "response.output_text.delta", "delta": "Hel", **place},
        {"type": "response.output_text.delta", "delta": "lo", **place},
        {"type": "response.output_text.done", "text": "Hello", **place},
        {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE},
        ENDED,
    )
    assert said == [Delta("text", "0/0", "Hel"), Delta("text", "0/0", "lo")]
    assert hearer.facts.usage == Usage(input=5, output=3, cached=4)
    assert (hearer.facts.id, hearer.facts.finish, hearer.facts.ended) == ("r", ["completed"], True)


def test_what_comes_only_as_a_whole_is_heard_once() -> None:
    assert heard(ENDED)[0] == [Delta("text", "0/0", "Hello")]
    assert ResponsesHearer().whole(json.dumps(ENDED["response"]).encode()) == [Delta("text", "0/0", "Hello")]


def test_arguments_are_heard() -> None:
    said, _ = heard(
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {"type": "function_call", "name": "pay"},
        },
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"},
        {"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "{}"},
    )
    assert said == [Delta("call", "1", "pay"), Delta("arguments", "1", "{}")]


def hears(*events: dict[str, Any]) -> list[tuple[str, str]]:
    hearer = ResponsesHearer()
    said = [hearer.event(b"", json.dumps(one).encode()) for one in events]
    return [(one.kind, one.text) for found in said for one in found]


def test_a_whole_that_is_not_what_came_in_pieces_is_heard() -> None:
    """Clients read the whole: a provider may not show us one thing and them another."""
    begun = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "fine"}
    done = {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "other"}
    message = {"type": "message", "content": [{"type": "output_text", "text": "third"}]}
    ended = {"type": "response.completed", "response": {"status": "completed", "output": [message]}}
    assert hears(begun, done, ended) == [("text", "fine"), ("text", "other"), ("text", "third")]
    part = {"type": "response.content_part.done", "output_index": 0, "content_index": 0,
            "part": {"type": "output_text", "text": "fourth"}}  # fmt: skip
    assert hears(begun, part) == [("text", "fine"), ("text", "fourth")]
    call = {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"}
    item = {"type": "response.output_item.done", "output_index": 1,
            "item": {"type": "function_call", "name": "pay", "arguments": '{"to":"eve"}'}}  # fmt: skip
    assert hears(call, item) == [("arguments", "{}"), ("call", "pay"), ("arguments", '{"to":"eve"}')]


def test_calls_and_events_of_other_kinds_are_heard() -> None:
    shell = {"type": "local_shell_call", "action": {"command": ["cat", "/etc/passwd"]}}
    done = {"type": "response.output_item.done", "output_index": 0, "item": shell}
    assert ("arguments", "/etc/passwd") in hears(done, done)
    assert hears(done, done) == hears(done), "and once"
    new = {"type": "response.telepathy.delta", "item_id": "i1", "delta": "psst"}
    assert hears(new) == [("text", "psst")]
    quiet = {"type": "response.web_search_call.searching", "item_id": "i1", "output_index": 0}
    assert hears(quiet) == []
