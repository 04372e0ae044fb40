"""The upper bound of a generation, what it costs, and what nobody can bound."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standwatch.enforce.spending import AROUND, PER_IMAGE, PER_TOOL, bound, money
from standwatch.facts.llm import Prompt
from standwatch.facts.spending import Price, Usage, Window
from standwatch.fronts.llm.anthropic_read import read_messages
from standwatch.fronts.llm.openai_chat import read_chat
from standwatch.fronts.llm.openai_responses import read_response

NOBODY = Window()


def claude(content: Any = "hello", **more: Any) -> Prompt:
    messages = [{"role": "user", "content": content}]
    return read_messages(json.dumps({"model": "m", "max_tokens": 100, "messages": messages, **more}).encode())


def test_a_token_stands_for_a_byte_at_least() -> None:
    for text in ("hello", "Grüße 👋", "漢字" * 50, "\u0000\u0001", " " * 1000):
        prompt = claude(text)
        most = bound(prompt, NOBODY)
        assert most is not None
        assert most.input >= len(text.encode()) + AROUND
        assert most.output == 100


def test_tools_and_pictures_cost_tokens_without_bytes() -> None:
    plain, tool = bound(claude(), NOBODY), bound(claude(tools=[{"name": "t", "input_schema": {}}]), NOBODY)
    assert plain is not None
    assert tool is not None
    assert tool.input - plain.input > PER_TOOL
    picture = {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}}
    inside = {"type": "tool_result", "tool_use_id": "t", "content": [picture]}
    pictures = bound(claude([picture, picture, inside]), NOBODY)
    assert pictures is not None
    assert pictures.input > 3 * PER_IMAGE


PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
PLAIN = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}


def test_what_the_request_does_not_tell_is_the_window() -> None:
    assert bound(claude([PDF]), NOBODY) is None
    assert bound(claude([PDF]), Window(input=200_000)) == Usage(200_000, 100)
    assert bound(claude([PLAIN]), NOBODY) is not None
    assert bound(claude(thread={"type": "continue", "previous_message_id": "msg_1"}), NOBODY) is None


def test_openai_says_how_much_it_wants_in_three_ways_or_not_at_all() -> None:
    def chat(**more: Any) -> Prompt:
        return read_chat(
            json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], **more}).encode()
        )

    assert bound(chat(), NOBODY) is None
    for name in ("max_tokens", "max_completion_tokens"):
        most = bound(chat(**{name: 7}, n=3), NOBODY)
        assert most is not None
        assert most.output == 21
    assert bound(chat(), Window(output=50)) is not None
    predicted = bound(chat(max_tokens=7, prediction={"type": "content", "content": "y" * 500}), NOBODY)
    assert predicted is not None
    assert predicted.output > 507
    response = json.dumps({"model": "m", "input": "x", "max_output_tokens": 9}).encode()
    most = bound(read_response(response), NOBODY)
    assert most is not None
    assert most.output == 9
    more = json.dumps(
        {"model": "m", "input": "x", "max_output_tokens": 9, "previous_response_id": "r"}
    ).encode()
    assert bound(read_response(more), NOBODY) is None


def test_a_budget_of_thinking_above_the_most_counts_as_well() -> None:
    most = bound(claude(thinking={"type": "enabled", "budget_tokens": 5000}), NOBODY)
    assert most is not None
    assert most.output == 5100


@pytest.mark.parametrize(
    ("usage", "costs"),
    [
        (Usage(input=1_000_000), 3_000_000),
        (Usage(output=1), 15),
        (Usage(cached=10), 3),
        (Usage(written=10), 38),  # 37.5
        (Usage(1, 1, 1, 1), 23),  # 22.05
        (Usage(), 0),
    ],
)
def test_money_is_micro_units_rounded_up(usage: Usage, costs: int) -> None:
    assert money(Price(input=3, output=15, cached=0.3, written=3.75, currency="EUR"), usage) == costs


def test_without_other_prices_everything_that_goes_in_costs_the_same() -> None:
    price = Price(input=2, output=8, currency="USD")
    assert money(price, Usage(1, 1, 1, 1)) == 14
    assert price.dearest_input == 2
    assert Price(input=2, output=8, written=4, cached=1, currency="USD").dearest_input == 4
