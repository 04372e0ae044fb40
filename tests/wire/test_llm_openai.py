"""The official `openai` SDK, direct and through us: the same objects, the same errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from support.llm_upstream import SECRET, Upstream, llm_upstream
from support.system import Living, manifest, serving

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "maxLength": 9223372036854775807}},
            },
        },
    }
]
RESPONSE_TOOLS: Any = [{"type": "function", **TOOLS[0]["function"], "strict": False}]
PIXEL = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HELLO: Any = [
    {"role": "developer", "content": "Be brief; größer \U0001f600"},
    {"role": "user", "content": "Hello", "name": "maria"},
]
SEEN: Any = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        ],
    }
]
ROUND: Any = [
    {"role": "user", "content": "The weather in Zürich?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city":"Zürich"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
]


def llm(upstream: Upstream, **more: Any) -> dict[str, Any]:
    return {
        "kind": "llm",
        "name": "scripted",
        "vendor": "nobody",
        "provider": "openai",
        "url": upstream.url,
        "models": ["scripted-text", "scripted-*"],
        "key_env": "UPSTREAM_KEY",
        **more,
    }


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with llm_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Living]:
    systems = {"desk": manifest("desk", [llm(upstream)], {})}
    with serving(tmp_path_factory.mktemp("org"), systems, accept=False, UPSTREAM_KEY=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def both(living: Living, upstream: Upstream) -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    agent = living.agent("writer", "desk")
    ours = f"http://127.0.0.1:{living.agents}/openai/desk/v1"
    with (
        openai.OpenAI(api_key=SECRET, base_url=upstream.url, max_retries=0) as direct,
        openai.OpenAI(api_key=agent.token, base_url=ours, max_retries=0) as through,
    ):
        yield direct, through


Both = tuple[openai.OpenAI, openai.OpenAI]

ASKED: dict[str, dict[str, Any]] = {
    "text": {"model": "scripted-text", "messages": HELLO},
    "logprobs": {
        "model": "scripted-text",
        "messages": HELLO,
        "logprobs": True,
        "top_logprobs": 3,
        "seed": 2**62,
    },
    "unknown fields": {
        "model": "scripted-text",
        "messages": HELLO,
        "extra_body": {"not_yet": {"known": [1.50, None]}},
    },
    "tools": {"model": "scripted-tools", "messages": HELLO, "tools": TOOLS},
    "tool results": {"model": "scripted-text", "messages": ROUND, "tools": TOOLS},
    "vision": {"model": "scripted-text", "messages": SEEN},
}


@pytest.mark.parametrize("case", ASKED)
def test_completions_are_the_same(both: Both, upstream: Upstream, case: str) -> None:
    found = [client.chat.completions.create(**ASKED[case]) for client in both]
    assert found[0].model_dump() == found[1].model_dump()
    assert found[0].to_json() == found[1].to_json()
    assert upstream.requests[-1][2] == upstream.requests[-2][2]
    assert found[1]._request_id == "req_scripted"


@pytest.mark.parametrize("case", ASKED)
@pytest.mark.parametrize("counted", [False, True])
def test_streamed_completions_are_the_same(both: Both, case: str, counted: bool) -> None:
    more: Any = {"stream_options": {"include_usage": True}} if counted else {}
    found = [list(client.chat.completions.create(stream=True, **ASKED[case], **more)) for client in both]
    assert [one.to_json() for one in found[0]] == [one.to_json() for one in found[1]]
    assert len(found[0]) > 3


def test_streamed_bytes_are_the_same(both: Both) -> None:
    found: list[bytes] = []
    for client in both:
        with client.chat.completions.with_streaming_response.create(
            model="scripted-text", messages=HELLO, stream=True, stream_options={"include_usage": True}
        ) as answer:
            found.append(b"".join(answer.iter_bytes()))
    assert found[1].startswith(found[0])
    assert found[1][len(found[0]) :].startswith(b": standwatch-receipt ")


RESPONSES: dict[str, dict[str, Any]] = {
    "text": {"model": "scripted-text", "input": "Hello", "instructions": "Be brief"},
    "items": {
        "model": "scripted-text",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "image_url": PIXEL, "detail": "low"},
                ],
            },
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "Rain"},
        ],
    },
    "tools": {"model": "scripted-tools", "input": "Hello", "tools": RESPONSE_TOOLS},
}


@pytest.mark.parametrize("case", RESPONSES)
def test_responses_are_the_same(both: Both, case: str) -> None:
    found = [client.responses.create(**RESPONSES[case]) for client in both]
    assert found[0].model_dump() == found[1].model_dump()
    streamed = [list(client.responses.create(stream=True, **RESPONSES[case])) for client in both]
    assert [one.to_json() for one in streamed[0]] == [one.to_json() for one in streamed[1]]


def test_asynchronous_clients_hear_the_same(living: Living, upstream: Upstream, both: Both) -> None:
    async def ask(client: openai.AsyncOpenAI) -> list[str]:
        async with client:
            whole = await client.chat.completions.create(**ASKED["tools"])
            stream = await client.chat.completions.create(stream=True, **ASKED["tools"])
            return [whole.to_json(), *[one.to_json() async for one in stream]]

    async def main() -> None:
        direct = openai.AsyncOpenAI(api_key=SECRET, base_url=upstream.url)
        through = openai.AsyncOpenAI(api_key=both[1].api_key, base_url=both[1].base_url)
        assert await ask(direct) == await ask(through)

    asyncio.run(main())


@pytest.mark.parametrize(
    "model", ["scripted-400", "scripted-401", "scripted-404", "scripted-429", "scripted-500"]
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_same(both: Both, model: str, stream: bool) -> None:
    found: list[openai.APIStatusError] = []
    for client in both:
        with pytest.raises(openai.APIStatusError) as raised:
            client.chat.completions.create(model=model, messages=HELLO, stream=stream)
        found.append(raised.value)
    direct, through = found
    assert type(direct) is type(through)
    assert direct.body == through.body
    assert direct.request_id == through.request_id == "req_scripted"
    for name in ("retry-after", "x-should-retry", "x-ratelimit-remaining-requests"):
        assert direct.response.headers.get(name) == through.response.headers.get(name)
    assert "set-cookie" not in through.response.headers


def test_models_are_those_of_the_manifest(both: Both) -> None:
    assert [one.id for one in both[1].models.list()] == ["scripted-text"]
    assert both[1].models.retrieve("scripted-text").owned_by == "nobody"
