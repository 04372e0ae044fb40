"""What a model said, as people read it."""

from __future__ import annotations

import msgspec
import pytest

from standwatch.facts.llm import Delta
from standwatch.fronts.llm.heard import MOST_KEPT, Heard
from standwatch.fronts.llm.openai_chat import ChatHearer, read_chat
from standwatch.record.heard import read_heard

PROMPT = read_chat(b'{"model":"m","stream":true,"messages":[]}')


def written(*said: Delta) -> bytes:
    heard = Heard(PROMPT, ChatHearer().facts)
    for delta in said:
        heard.said(delta)
    heard.sent(b"data: x\n\n")
    heard.status, heard.error = 200, "it broke off"
    return heard.document("broken")


def test_it_is_told_in_lines() -> None:
    told = read_heard(
        written(Delta("text", "0", "Hello\n"), Delta("call", "0/1", "pay"), Delta("text", "0", "you"))
    )
    assert told is not None
    lines = [" ".join(line.split()) for line in told.lines()]
    assert lines[0] == "answer the upstream broke off; HTTP 200, 9 bytes sent on"
    assert lines[2:] == ["error it broke off", "text [0] Hello", "you", "call [0/1] pay"]


def test_of_too_much_the_beginning_is_kept_and_the_rest_counted() -> None:
    told = read_heard(written(Delta("text", "0", "x" * MOST_KEPT), Delta("text", "0", "more")))
    assert told is not None
    assert (len(told.said[0].text), told.left_out) == (MOST_KEPT, 4)
    assert "4 characters more" in list(told.lines())[-1]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"kind":"generation.2"}', '{"kind":"generation.1","said":7}', "\udcff"]
)
def test_anything_else_is_none(text: str) -> None:
    assert read_heard(text) is None


def test_what_both_sides_know_is_the_same() -> None:
    """The writer's members and the reader's."""
    members = set(msgspec.json.decode(written(Delta("text", "0", "x")), type=dict[str, msgspec.Raw]))
    known = {field.name for field in msgspec.structs.fields(type(read_heard(written())))}
    assert members <= known | {"kind", "api"}
