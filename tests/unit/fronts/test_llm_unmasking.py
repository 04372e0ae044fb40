"""Tokens of an answer become values again, wherever the stream was cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standwatch.enforce.masks import Masks
from standwatch.facts.llm import Delta
from standwatch.fronts.llm.unmasking import Unmasking

MASKS = Masks(b"a key")
VALUE = 'anna "the first" meier@supplier.example'
TOKEN = MASKS.token("email", VALUE)
TABLE = dict(MASKS.values)


def event(text: str, kind: str = "content") -> tuple[bytes, bytes]:
    data = json.dumps({"choices": [{"index": 0, "delta": {kind: text, "role": "assistant"}}]}).encode()
    return b"data: " + data + b"\n\n", data


def heard(pieces: list[str], kind: str = "text", member: str = "content") -> str:
    """What a client puts together."""
    unmasking, told = Unmasking(TABLE), list[bytes]()
    for piece in pieces:
        raw, data = event(piece, member)
        told += unmasking.event(raw, data, [Delta(kind, "0", piece)])  # type: ignore[arg-type]
    told += unmasking.end()
    assert len(told) == len(pieces), "no event is lost, and none is made up"
    values: list[Any] = [json.loads(one.removeprefix(b"data: ")) for one in told]
    assert all(one["choices"][0]["delta"]["role"] == "assistant" for one in values)
    return "".join(one["choices"][0]["delta"][member] for one in values)


@given(cuts=st.sets(st.integers(1, 119), max_size=40))
@settings(deadline=None)
def test_wherever_it_is_cut_the_client_reads_the_values(cuts: set[int]) -> None:
    whole = f"Write to {TOKEN}, then to them: {TOKEN}; masked_email_ is none, nor is m".ljust(120, "m")
    places = [0, *sorted(cuts), len(whole)]
    pieces = [whole[begin:end] for begin, end in pairwise(places)]
    assert heard(pieces) == whole.replace(TOKEN, VALUE)


@pytest.mark.parametrize("size", [1, 3, 7, 200])
def test_in_arguments_a_value_is_the_text_of_json(size: int) -> None:
    whole = json.dumps({"to": TOKEN, "n": 1})
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert json.loads(heard(pieces, "arguments", "arguments")) == {"to": VALUE, "n": 1}


def test_what_has_no_token_passes_byte_for_byte() -> None:
    unmasking = Unmasking(TABLE)
    raw = b'data: {"choices":[ {"delta":{"content":"as  it was"}}]}\n\n'
    assert unmasking.event(raw, raw[6:-2], [Delta("text", "0", "as  it was")]) == [raw]
    body = b'{"choices" : []}'
    assert unmasking.whole(body) is body


def test_events_that_repeat_the_whole_say_values_too() -> None:
    raw = b'data: {"type":"response.output_text.done","text":"' + TOKEN.encode() + b'"}\n\n'
    (told,) = Unmasking(TABLE).event(raw, raw[6:-2], [])
    assert json.loads(told[6:])["text"] == VALUE


def test_a_whole_answer_says_values_in_text_and_in_arguments() -> None:
    body = {"content": f"to {TOKEN}", "call": {"arguments": json.dumps({"to": TOKEN})}, "n": 1}
    told = json.loads(Unmasking(TABLE).whole(json.dumps(body).encode()))
    assert told["content"] == f"to {VALUE}"
    assert json.loads(told["call"]["arguments"]) == {"to": VALUE}


def test_a_token_of_somebody_else_stays() -> None:
    other = Masks(b"another").token("email", "x@y.example")
    assert heard([f"see {other}."]) == f"see {other}."
