"""Masks through a running Standwatch: the model works on tokens, tools and callers get values; in every worker, and
after a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from standwatch.enforce.masks import TOKEN
from standwatch.facts.entries import Intent, OutcomeChecked
from support import llm_upstream
from support.llm_upstream import SECRET as UPSTREAM
from support.llm_upstream import Handler, Upstream
from support.system import Agent, Living, Scripted, manifest, scripted, server, serving, tool
from wire.test_llm_openai import llm

ADDRESS = "anna.meier@supplier.example"
SECRET = "xoxb-123456789012-1234567890123-4mt0t4lyR4nd0mS3cr3tT0k3"  # gitleaks:allow
RULES = [
    {"find": ["email"], "in": ["results"], "action": "mask"},
    {"find": ["email"], "in": ["prompts"], "action": "mask"},
    {"find": ["secrets"], "in": ["results", "arguments", "answers"], "action": "deny"},
]


async def says(it: Any) -> None:
    """Looks somebody up, tells a secret, or says back what it was given."""
    given = it.message["params"].get("arguments") or {}
    told = {"who": f"it is {ADDRESS}", "secret": f"the token is {SECRET}"}.get(given.get("ask", ""))
    it.json(it.say(told or json.dumps(given, sort_keys=True)))


@pytest.fixture(scope="module")
def up() -> Iterator[Scripted]:
    with scripted(says, tools=[tool("look"), tool("send")]) as running:
        yield running


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with llm_upstream.llm_upstream() as running:
        yield running


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "workers"])
def watch(
    up: Scripted, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Living]:
    components = [server("tools", url=up.url), llm(upstream)]
    tools = {"tools.look": "read", "tools.send": "read"}
    inbox = {"rules": [{"find": ["email"], "in": ["results"], "tools": ["tools.look"], "action": "mask"}]}
    systems = {
        "desk": manifest("desk", components, tools, content={"rules": RULES}),
        "inbox": manifest("inbox", components, tools, content=inbox),
    }
    folder = tmp_path_factory.mktemp("org")
    with serving(folder, systems, workers=request.param, UPSTREAM_KEY=UPSTREAM) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "desk", starts=True)


def masked(said: str) -> str:
    found = TOKEN.search(said)
    assert found is not None, said
    assert ADDRESS not in said
    return found[0]


def test_the_model_gets_a_token_and_the_tool_the_value_whichever_worker_has_it(
    watch: Living, bot: Agent, up: Scripted
) -> None:
    run = bot.open_run("Write to whom it is")
    token = masked(run.call("look", ask="who").text)
    for number in range(8):
        said = run.call("send", to=token, number=number)
        assert up.calls[-1]["arguments"]["to"] == ADDRESS
        assert masked(said.text) == token, "it comes back as it went in"
    assert bot.open_run("Another").call("send", to=token).word == "refused", "in its own run only"


def test_a_tool_that_repeats_what_it_was_given_tells_its_caller_nothing(watch: Living, up: Scripted) -> None:
    """Only what `look` returns is masked; what it masked is not to be had by way of another tool."""
    bot = watch.agent("clerk", "inbox", starts=True).open_run("Look up who it is")
    token = masked(bot.call("look", ask="who").text)
    for given in (token, f"<{token}>", f"{token} {token}"):
        said = bot.call("send", q=given, more={given: [given]})
        assert up.calls[-1]["arguments"]["q"] == given.replace(token, ADDRESS), "the tool has the value"
        assert ADDRESS.casefold() not in said.text.casefold(), said.text
        assert token in said.text


def test_after_a_restart_a_token_stands_for_what_it_stood_for(
    watch: Living, bot: Agent, up: Scripted
) -> None:
    run = bot.open_run("Write to whom it is")
    token = masked(run.call("look", ask="who").text)
    workers = 2 if watch.children() and len(watch.children()) > 1 else 0
    watch.stop()
    watch.start(workers, UPSTREAM_KEY=UPSTREAM)
    assert run.call("send", to=token).word == "done"
    assert up.calls[-1]["arguments"]["to"] == ADDRESS


def test_a_result_with_a_secret_is_withheld_and_operators_read_why(watch: Living, bot: Agent) -> None:
    said = bot.call("look", ask="secret")
    assert SECRET not in said.text
    assert "withheld" in said.text
    outcome = watch.outcome(said.reference)
    assert isinstance(outcome, OutcomeChecked)
    assert (outcome.status, outcome.withheld, outcome.code) == ("ok", True, "secrets")
    told = watch.run("explain", said.reference)
    assert told["back"]["withheld"] is True
    assert [one["code"] for one in told["back"]["findings"]] == ["secrets"]
    assert SECRET in told["back"]["result"]["text"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_vendor_gets_tokens_and_the_caller_reads_values(
    watch: Living, bot: Agent, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    def parrot(handler: Handler, asked: dict[str, Any]) -> None:
        words = f"I write to {asked['messages'][0]['content'].split()[-1]} now"
        handler.begin()
        for start in range(0, len(words), 4):
            choice = {"index": 0, "delta": {"content": words[start : start + 4]}, "finish_reason": None}
            handler.event(
                {
                    "id": "c",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [choice],
                }
            )
        handler.event(b"[DONE]")
        handler.end()

    def whole(handler: Handler, asked: dict[str, Any]) -> None:
        words = f"I write to {asked['messages'][0]['content'].split()[-1]} now"
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}
        body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [message]}
        handler.whole(200, json.dumps(body).encode())

    monkeypatch.setitem(llm_upstream.MISBEHAVING, "scripted-parrot", parrot if stream else whole)
    with openai.OpenAI(
        api_key=bot.token, base_url=f"http://127.0.0.1:{watch.agents}/openai/desk/v1", max_retries=0
    ) as client:
        asked: Any = [{"role": "user", "content": f"write to {ADDRESS}"}]
        answer: Any = client.chat.completions.create(model="scripted-parrot", messages=asked, stream=stream)
        if stream:
            said = "".join(one.choices[0].delta.content or "" for one in answer)
        else:
            said = answer.choices[0].message.content
    assert said == f"I write to {ADDRESS} now"
    assert ADDRESS not in json.dumps(upstream.last)
    masked(json.dumps(upstream.last))
    intent = watch.of(Intent)[-1]
    assert (intent.verdict, intent.disposition) == ("modify", "modify")
    assert intent.sent


@pytest.mark.parametrize("size", [3, 400])
def test_a_stream_ends_before_a_secret_is_half_out(
    watch: Living, bot: Agent, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def tells(handler: Handler, _: dict[str, Any]) -> None:
        words = f"Here you are, the token is {SECRET}, and much more " + "to say " * 400
        handler.begin()
        for start in range(0, len(words), size):
            choice = {"index": 0, "delta": {"content": words[start : start + size]}, "finish_reason": None}
            handler.event(
                {
                    "id": "c",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [choice],
                }
            )
        handler.event(b"[DONE]")
        handler.end()

    monkeypatch.setitem(llm_upstream.MISBEHAVING, "scripted-tells", tells)
    heard: list[str] = []

    def listen(client: openai.OpenAI) -> None:
        asked: Any = [{"role": "user", "content": "tell me"}]
        for one in client.chat.completions.create(model="scripted-tells", messages=asked, stream=True):
            heard.extend(each.delta.content or "" for each in one.choices)

    ours = f"http://127.0.0.1:{watch.agents}/openai/desk/v1"
    with (
        openai.OpenAI(api_key=bot.token, base_url=ours, max_retries=0) as client,
        pytest.raises(openai.APIError),
    ):
        listen(client)
    assert "xoxb" not in "".join(heard)
    assert watch.of(OutcomeChecked)[-1].code == "secrets"
