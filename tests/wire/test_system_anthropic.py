"""Anthropic's own SDK, unmodified but for its base URL: the same objects direct and through us.

The upstream is scripted (`support.scripted_claude`): no model runs. In one process, and with two workers.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from standwatch.facts.entries import Denied, Intent
from support import scripted_claude
from support.scripted_claude import KEY, MODEL, Claude, claude
from support.system import Agent, Living, manifest, serving, waited

PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
).decode()
WEATHER: Any = {
    "name": "weather",
    "description": "Tells the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
HELLO: Any = [{"role": "user", "content": "hello"}]


def llm(url: str, name: str = "claude", **more: Any) -> dict[str, Any]:
    """A component of a manifest."""
    said = {"kind": "llm", "name": name, "vendor": "anthropic", "version": MODEL, "provider": "anthropic"}
    return {**said, "url": url, "key_env": "CLAUDE_KEY", **more}


@pytest.fixture(scope="module")
def up() -> Iterator[Claude]:
    with claude() as running:
        yield running


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "workers"])
def watch(
    up: Claude, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Living]:
    systems = {"s": manifest("s", [llm(up.url)], {})}
    with serving(
        tmp_path_factory.mktemp("anthropic"), systems, workers=request.param, accept=False, CLAUDE_KEY=KEY
    ) as running:
        yield running


@pytest.fixture(scope="module")
def token(watch: Living) -> str:
    return watch.agent("bot", "s", starts=True).token


@pytest.fixture
def direct(up: Claude) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=up.url, api_key=KEY, max_retries=0)


@pytest.fixture
def through(watch: Living, token: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=base(watch), api_key=token, max_retries=0)


def base(watch: Living) -> str:
    return f"http://127.0.0.1:{watch.agents}/anthropic/s"


CASES: dict[str, dict[str, Any]] = {
    "text": {"messages": HELLO},
    "system": {
        "messages": HELLO,
        "system": [{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral"}}],
    },
    "tool": {"messages": [{"role": "user", "content": "tool please"}], "tools": [WEATHER]},
    "tool result": {
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": scripted_claude.TOOL},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}],
            },
        ],
        "tools": [WEATHER],
    },
    "image": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    {"type": "text", "text": "hello"},
                ],
            }
        ]
    },
    "thinking": {
        "messages": [{"role": "user", "content": "think hard"}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    },
    "citations": {"messages": [{"role": "user", "content": "cite it"}]},
}


def asked(case: str) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 4096, **CASES[case]}


@pytest.mark.parametrize("case", CASES)
def test_a_message_is_the_same_object(
    direct: anthropic.Anthropic, through: anthropic.Anthropic, up: Claude, case: str
) -> None:
    one = direct.messages.create(**asked(case))
    sent = up.asked[-1].raw
    other = through.messages.create(**asked(case))
    assert one == other
    assert type(one) is type(other)
    assert one._request_id == other._request_id == "req_scripted"
    assert up.asked[-1].raw == sent, "the body goes on as it came"
    assert up.asked[-1].key == KEY


@pytest.mark.parametrize("case", CASES)
def test_a_stream_is_the_same_events(
    direct: anthropic.Anthropic, through: anthropic.Anthropic, case: str
) -> None:
    events = [list(client.messages.create(stream=True, **asked(case))) for client in (direct, through)]
    assert events[0] == events[1]
    assert len(events[0]) > 3


@pytest.mark.parametrize("case", CASES)
def test_the_streaming_helper_comes_to_the_same_message(
    direct: anthropic.Anthropic, through: anthropic.Anthropic, case: str
) -> None:
    told: list[Any] = []
    for client in (direct, through):
        with client.messages.stream(**asked(case)) as stream:
            told.append(([event.type for event in stream], stream.get_final_message()))
    assert told[0] == told[1]


def test_asynchronously_many_at_once(up: Claude, watch: Living, token: str) -> None:
    async def all_of() -> None:
        async with (
            anthropic.AsyncAnthropic(base_url=up.url, api_key=KEY, max_retries=0) as direct,
            anthropic.AsyncAnthropic(base_url=base(watch), auth_token=token, max_retries=0) as through,
        ):
            one = await direct.messages.create(**asked("tool"))
            others = await asyncio.gather(*(through.messages.create(**asked("tool")) for _ in range(16)))
            assert all(other == one for other in others)
            async with through.messages.stream(**asked("text")) as stream:
                assert (
                    "".join([piece async for piece in stream.text_stream]) == scripted_claude.TEXT[0]["text"]
                )

    asyncio.run(all_of())


def test_versions_and_betas_go_on(through: anthropic.Anthropic, up: Claude) -> None:
    through.beta.messages.create(betas=["interleaved-thinking-2025-05-14"], **asked("text"))
    it = up.asked[-1]
    assert it.path.startswith("/v1/messages")
    assert it.headers["anthropic-version"] == through.default_headers["anthropic-version"]
    assert it.headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"


def test_the_older_way_of_asking_for_betas_and_of_bringing_a_key(
    watch: Living, token: str, up: Claude
) -> None:
    """Earlier SDKs asked with `?beta=true`, and put the key into `x-api-key`: so do we then."""
    bot = Agent(watch.agents, token, "s")
    heads = {"authorization": None, "x-api-key": token, "anthropic-version": "2023-06-01"}
    said = bot.post("/anthropic/s/v1/messages?beta=true", asked("text"), heads)
    assert said.status == 200, said
    it = up.asked[-1]
    assert it.path == "/v1/messages?beta=true"
    assert it.headers["x-api-key"] == KEY
    assert "authorization" not in it.headers


def test_tokens_are_counted_and_models_listed(
    direct: anthropic.Anthropic, through: anthropic.Anthropic
) -> None:
    one, other = (client.messages.count_tokens(model=MODEL, messages=HELLO) for client in (direct, through))
    assert one == other
    assert [model.id for model in through.models.list()] == [MODEL]
    assert through.models.retrieve(MODEL).id == MODEL
    with pytest.raises(anthropic.NotFoundError):
        through.models.retrieve("claude-elsewhere")


@pytest.mark.parametrize("word", ["overload", "bad"])
@pytest.mark.parametrize("streaming", [False, True])
def test_an_error_of_the_upstream_is_the_same_error(
    direct: anthropic.Anthropic, through: anthropic.Anthropic, word: str, streaming: bool
) -> None:
    told: list[anthropic.APIStatusError] = []
    for client in (direct, through):
        with pytest.raises(anthropic.APIStatusError) as raised:
            client.messages.create(
                model=MODEL, max_tokens=9, messages=[{"role": "user", "content": word}], stream=streaming
            )
        told.append(raised.value)
    one, other = told
    assert type(one) is type(other)
    assert (one.status_code, one.body, one.request_id) == (other.status_code, other.body, other.request_id)
    assert one.response.headers.get("retry-after") == other.response.headers.get("retry-after")


def test_a_model_that_the_manifest_does_not_name_is_refused(
    through: anthropic.Anthropic, watch: Living, up: Claude
) -> None:
    before = len(up.asked)
    with pytest.raises(anthropic.PermissionDeniedError) as raised:
        through.messages.create(model="claude-elsewhere", max_tokens=9, messages=HELLO)
    assert raised.value.body["error"]["type"] == "permission_error"  # type: ignore[index]
    assert watch.refusal(raised.value.body["request_id"]).code == "undeclared"  # type: ignore[index]
    assert len(up.asked) == before


def test_nobody_comes_in_without_a_key_of_ours(watch: Living, up: Claude) -> None:
    before = len(up.asked)
    for key in ("sw_none", KEY):
        stranger = anthropic.Anthropic(base_url=base(watch), api_key=key, max_retries=0)
        with pytest.raises(anthropic.AuthenticationError) as raised:
            stranger.messages.create(**asked("text"))
        assert raised.value.body["error"]["type"] == "authentication_error"  # type: ignore[index]
    assert len(up.asked) == before


def test_what_is_no_request_is_told_why(watch: Living, token: str) -> None:
    bot = Agent(watch.agents, token, "s")
    for body in (b"{", b'{"model":"x"}', b'{"model":"x","max_tokens":1,"max_tokens":2,"messages":[]}', b"[]"):
        said = bot.post("/anthropic/s/v1/messages", body)
        assert said.status == 400, said
        assert said.last["error"]["type"] == "invalid_request_error"


def test_a_hold_cuts_a_stream_between_two_events(
    watch: Living, up: Claude, through: anthropic.Anthropic
) -> None:
    up.free.clear()

    def slow(it: scripted_claude.Asked) -> None:
        it.begin()
        it.event({"type": "message_start", "message": scripted_claude.message([], stop_reason=None)})
        it.event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        # The end of what came is held back, lest it begin something: the first goes once enough stands behind it.
        for text in ("One", " and then some other words" * 400):
            said = {"type": "text_delta", "text": text}
            it.event({"type": "content_block_delta", "index": 0, "delta": said})
        up.free.wait(30)
        it.event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Two"}})

    up.script = slow
    heard: list[str] = []
    hold = 0
    try:
        events = iter(through.messages.create(stream=True, **asked("text")))
        heard += [next(events).type for _ in range(3)]
        hold = watch.halt("vendor:anthropic")["hold"]
        with pytest.raises(anthropic.APIStatusError) as raised:
            next(events)
        assert heard == ["message_start", "content_block_start", "content_block_delta"]
        assert raised.value.body["error"]["type"] == "api_error"  # type: ignore[index]
        ident = raised.value.body["request_id"]  # type: ignore[index]
        assert watch.outcome(ident).status == "unknown"
        with pytest.raises(anthropic.PermissionDeniedError):
            through.messages.create(**asked("text"))
    finally:
        up.script, _ = scripted_claude.talk, up.free.set()
        watch.release(hold)
    assert through.messages.create(**asked("text")).content


def test_every_generation_is_an_act_of_the_record(watch: Living, through: anthropic.Anthropic) -> None:
    start = watch.size
    through.messages.create(**asked("text"))
    intents = waited(lambda: watch.of(Intent, start))
    assert [one.tool for one in intents] == ["claude.generation"]
    assert not watch.of(Denied, start)
