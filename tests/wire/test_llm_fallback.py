"""Who stands in for a provider that does not answer: each attempt an act of its own, and never after a byte.

The upstreams are scripted (`support.scripted_claude`), the SDK is the vendor's own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from standwatch.facts.entries import Denied, Intent, Outcome
from support import scripted_claude
from support.scripted_claude import KEY, MODEL, Asked, Claude, claude, error, message
from support.system import Living, free_port, manifest, serving, waited

HELLO: Any = [{"role": "user", "content": "hello"}]
EU = "claude-scripted-eu"


def llm(name: str, url: str, **more: Any) -> dict[str, Any]:
    said = {
        "kind": "llm",
        "name": name,
        "vendor": name,
        "version": MODEL,
        "provider": "anthropic",
        "url": url,
    }
    return {**said, "key_env": "CLAUDE_KEY", "silence": "3s", "timeout": "5s", **more}


class Three:
    """A first provider and two that stand in for it; and one that nobody stands in for."""

    def __init__(self, first: Claude, second: Claude, third: Claude) -> None:
        self.first, self.second, self.third = first, second, third

    @property
    def asked(self) -> list[int]:
        return [len(one.asked) for one in (self.first, self.second, self.third)]


@pytest.fixture(scope="module")
def ups() -> Iterator[Three]:
    with claude() as first, claude() as second, claude() as third:
        yield Three(first, second, third)


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "workers"])
def watch(
    ups: Three, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Living]:
    gone = f"http://127.0.0.1:{free_port()}"
    components = [
        llm("one", ups.first.url, fallback=["two", "three"]),
        llm("two", ups.second.url),
        llm("three", ups.third.url, version=EU),
        llm("dead", gone, version="claude-dead", fallback=["three"]),
        llm("lone", gone, version="claude-lone"),
    ]
    content = {"rules": [{"find": "iban", "in": "prompts", "tools": "one.generation", "action": "deny"}]}
    systems = {"s": manifest("s", components, {}, content=content)}
    folder = tmp_path_factory.mktemp("fallback")
    with serving(folder, systems, workers=request.param, accept=False, CLAUDE_KEY=KEY) as running:
        yield running


@pytest.fixture(scope="module")
def token(watch: Living) -> str:
    return watch.agent("bot", "s").token


@pytest.fixture
def bot(watch: Living, token: str) -> anthropic.Anthropic:
    url = f"http://127.0.0.1:{watch.agents}/anthropic/s"
    return anthropic.Anthropic(base_url=url, api_key=token, max_retries=0, timeout=60)


@pytest.fixture(autouse=True)
def polite(ups: Three) -> Iterator[None]:
    """Each test begins and ends with upstreams that answer."""
    yield
    for one in (ups.first, ups.second, ups.third):
        one.script = scripted_claude.talk


def says(status: int, kind: str) -> Any:
    def script(it: Asked) -> None:
        it.json(error(kind, "Not now"), status, retry_after="7")

    return script


def stalls(it: Asked) -> None:
    time.sleep(9)
    it.json(message([]))


def hangs_up(it: Asked) -> None:
    it.hang_up()


def ask(bot: anthropic.Anthropic, model: str = MODEL, *, streaming: bool) -> anthropic.types.Message:
    said: Any = {"model": model, "max_tokens": 99, "messages": HELLO}
    if not streaming:
        return bot.messages.create(**said)
    with bot.messages.stream(**said) as stream:
        return stream.get_final_message()


TROUBLES = {
    "529": says(529, "overloaded_error"),
    "500": says(500, "api_error"),
    "429": says(429, "rate_limit_error"),
    "silent": stalls,
    "hung up": hangs_up,
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_next_one_answers(
    bot: anthropic.Anthropic, watch: Living, ups: Three, trouble: str, streaming: bool
) -> None:
    ups.first.script = TROUBLES[trouble]
    start, before = watch.size, ups.asked
    said = ask(bot, streaming=streaming)
    assert said.content[0].text == scripted_claude.TEXT[0]["text"]  # type: ignore[union-attr]
    assert [now - then for now, then in zip(ups.asked, before, strict=True)] == [1, 1, 0]
    intents = watch.of(Intent, start)
    assert [one.tool for one in intents] == ["one.generation", "two.generation"]
    story = watch.run("explain", intents[1].id)
    assert intents[0].id in json.dumps(story), "the second says whom it stands in for"
    outcomes = waited(lambda: found if len(found := watch.of(Outcome, start)) == 2 else None)
    assert [one.status for one in outcomes] == ["timeout" if trouble == "silent" else "error", "ok"]


def test_a_stream_that_began_and_said_nothing_is_no_answer_yet(bot: anthropic.Anthropic, ups: Three) -> None:
    def begins(it: Asked) -> None:
        it.begin()
        time.sleep(9)

    ups.first.script = begins
    assert ask(bot, streaming=True).content


def test_after_one_event_nobody_stands_in(bot: anthropic.Anthropic, watch: Living, ups: Three) -> None:
    def breaks(it: Asked) -> None:
        it.begin()
        it.event({"type": "message_start", "message": message([], stop_reason=None)})
        time.sleep(0.2)
        hangs_up(it)

    ups.first.script = breaks
    start, before = watch.size, ups.asked
    with pytest.raises(anthropic.APIStatusError) as raised:
        ask(bot, streaming=True)
    assert raised.value.body["error"]["type"] == "api_error"  # type: ignore[index]
    assert [now - then for now, then in zip(ups.asked, before, strict=True)] == [1, 0, 0]
    assert [one.tool for one in watch.of(Intent, start)] == ["one.generation"]


def test_the_last_one_is_asked_as_what_it_is(bot: anthropic.Anthropic, watch: Living, ups: Three) -> None:
    ups.first.script = ups.second.script = says(503, "api_error")
    start = watch.size
    assert ask(bot, streaming=False).model == EU
    assert ups.third.asked[-1].body == {"model": EU, "max_tokens": 99, "messages": HELLO}
    assert [one.tool for one in watch.of(Intent, start)] == [
        "one.generation",
        "two.generation",
        "three.generation",
    ]


def test_who_cannot_be_reached_was_not_asked(bot: anthropic.Anthropic, watch: Living) -> None:
    start = watch.size
    assert ask(bot, "claude-dead", streaming=True).model == EU
    outcomes = waited(lambda: found if len(found := watch.of(Outcome, start)) == 2 else None)
    assert [one.status for one in outcomes] == ["not_sent", "ok"]
    with pytest.raises(anthropic.InternalServerError):
        ask(bot, "claude-lone", streaming=False)


def test_the_last_error_is_passed_on_as_it_came(bot: anthropic.Anthropic, ups: Three) -> None:
    for one in (ups.first, ups.second, ups.third):
        one.script = says(429, "rate_limit_error")
    with pytest.raises(anthropic.RateLimitError) as raised:
        ask(bot, streaming=False)
    assert raised.value.response.headers["retry-after"] == "7"


def test_what_is_wrong_with_the_request_is_no_trouble_of_the_provider(
    bot: anthropic.Anthropic, ups: Three
) -> None:
    ups.first.script = says(400, "invalid_request_error")
    before = ups.asked
    with pytest.raises(anthropic.BadRequestError):
        ask(bot, streaming=True)
    assert [now - then for now, then in zip(ups.asked, before, strict=True)] == [1, 0, 0]


@pytest.mark.parametrize("scope", ["vendor:one", "component:one"])
def test_a_hold_on_one_lets_the_next_answer(
    bot: anthropic.Anthropic, watch: Living, ups: Three, scope: str
) -> None:
    start, before = watch.size, ups.asked
    hold = watch.halt(scope)["hold"]
    try:
        assert ask(bot, streaming=False).content
        assert ask(bot, streaming=True).content
    finally:
        watch.release(hold)
    assert [now - then for now, then in zip(ups.asked, before, strict=True)] == [0, 2, 0]
    assert [one.code for one in watch.of(Denied, start)] == ["held", "held"]
    assert [one.tool for one in watch.of(Intent, start)] == ["two.generation"] * 2


@pytest.mark.parametrize("streaming", [False, True])
def test_what_is_refused_of_one_is_asked_of_nobody_else(
    bot: anthropic.Anthropic, watch: Living, ups: Three, streaming: bool
) -> None:
    start, before = watch.size, ups.asked
    said: Any = [{"role": "user", "content": "pay GB29NWBK60161331926819"}]
    with pytest.raises(anthropic.PermissionDeniedError):
        bot.messages.create(model=MODEL, max_tokens=99, messages=said, stream=streaming)
    assert ups.asked == before
    assert [one.tool for one in watch.of(Denied, start)] == ["one.generation"]


def test_a_hold_on_everybody_lets_nobody_answer(bot: anthropic.Anthropic, watch: Living, ups: Three) -> None:
    before = ups.asked
    hold = watch.halt("system:s")["hold"]
    try:
        with pytest.raises(anthropic.PermissionDeniedError):
            ask(bot, streaming=False)
    finally:
        watch.release(hold)
    assert ups.asked == before


def test_a_hold_that_falls_on_a_silent_one_lets_the_next_answer(
    bot: anthropic.Anthropic, watch: Living, ups: Three
) -> None:
    held: list[int] = []

    def waits(it: Asked) -> None:
        held.append(watch.halt("vendor:one")["hold"])
        ups.first.free.wait(5)

    ups.first.script = waits
    try:
        assert ask(bot, streaming=False).content
    finally:
        ups.first.free.set()
        watch.release(waited(lambda: held)[0])
