"""A stream that was asked for its usage on the client's behalf reads as if nobody had asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.fronts.llm.openai_chat import read_chat
from standwatch.fronts.llm.usage import counted, uncounted


def test_the_rest_of_the_body_keeps_its_bytes() -> None:
    body = b'{ "model":"m","messages" : [], "x":1.50 }'
    asked = counted(read_chat(body)).body
    assert asked == b'{"stream_options":{"include_usage":true}, "model":"m","messages" : [], "x":1.50 }'


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (None, {"include_usage": True}),
        ({}, {"include_usage": True}),
        ({"include_usage": False, "x": [1]}, {"include_usage": True, "x": [1]}),
    ],
)
def test_other_options_stay(options: Any, wanted: Any) -> None:
    body = b'{"model":"m","messages":[],"seed":1.50,"stream_options":' + json.dumps(options).encode() + b"}"
    asked = counted(read_chat(body)).body
    assert json.loads(asked)["stream_options"] == wanted
    assert b'"seed":1.50' in asked


def test_who_asks_is_left_alone() -> None:
    prompt = read_chat(b'{"model":"m","messages":[],"stream_options":{"include_usage":true}}')
    assert counted(prompt) is prompt


def said(data: bytes) -> bytes:
    return uncounted(b"data: " + data + b"\n\n", data)


def test_the_chunk_that_is_nothing_else_goes() -> None:
    assert said(b'{"id":"c","choices":[],"usage":{"prompt_tokens":1}}') == b""
    last = b'{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}'
    assert said(last) == b"data: " + last + b"\n\n"


@given(st.text())
def test_nothing_that_is_said_is_touched(text: str) -> None:
    chunk = {"choices": [{"delta": {"content": text + ',"usage":null' + text}}]}
    bare = json.dumps(chunk, separators=(",", ":")).encode()
    asked = json.dumps({**chunk, "usage": None}, separators=(",", ":")).encode()
    assert said(asked) == b"data: " + bare + b"\n\n"
    assert said(bare) == b"data: " + bare + b"\n\n"
