"""Budgets of tokens and money over the wire: reserved before anything leaves, settled by what the upstream says.

The upstream is scripted, the SDK the vendor's own. In one process and with two workers, over a restart and a kill.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from standwatch.facts.entries import Intent, OutcomeChecked, RunClosed
from support import scripted_claude
from support.scripted_claude import KEY, MODEL, Asked, Claude, claude, message, usage
from support.system import Agent, Living, crew, manifest, serving, waited

HELLO: Any = [{"role": "user", "content": "hello"}]
PER_RUN = 20_000
PRICE = {"input": 3, "output": 15, "cached": 0.3, "written": 3.75, "currency": "EUR"}


@pytest.fixture(scope="module")
def up() -> Iterator[Claude]:
    with claude() as running:
        yield running


@pytest.fixture(autouse=True)
def polite(up: Claude) -> Iterator[None]:
    yield
    up.script = scripted_claude.talk


def organised(url: str) -> dict[str, str]:
    llm = {
        "kind": "llm",
        "name": "claude",
        "provider": "anthropic",
        "version": MODEL,
        "url": url,
        "price": PRICE,
    }
    component = {**llm, "key_env": "CLAUDE_KEY"}
    limits = {"per_run": {"tokens": PER_RUN}, "per_day": {"money": 1_000}}
    return {
        "s": manifest("s", [component], {}, limits=limits),
        "poor": manifest("poor", [component], {}, limits={"per_day": {"money": 0.02}}),
    }


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "workers"])
def watch(
    up: Claude, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Living]:
    folder = tmp_path_factory.mktemp("budgets")
    with serving(folder, organised(up.url), workers=request.param, accept=False, CLAUDE_KEY=KEY) as running:
        yield running


@pytest.fixture
def bot(watch: Living) -> Agent:
    """With a run of its own."""
    return watch.agent(f"bot-{watch.size}", "s", "poor", starts=True).open_run("x", "s")


def ask(agent: Agent, most: int = 1_000, *, system: str = "s", **more: Any) -> Any:
    url = f"http://127.0.0.1:{agent.port}/anthropic/{system}"
    with anthropic.Anthropic(base_url=url, api_key=agent.token, max_retries=0) as client:
        return client.messages.create(model=MODEL, max_tokens=most, messages=HELLO, **more)


def refused(agent: Agent, most: int = 1_000, **more: Any) -> str:
    """The reference of the refusal."""
    with pytest.raises(anthropic.PermissionDeniedError) as raised:
        ask(agent, most, **more)
    return raised.value.body["request_id"]  # type: ignore[index]


def says(**counts: int) -> Any:
    def script(it: Asked) -> None:
        it.json(message(scripted_claude.TEXT, usage=usage(**counts)))

    return script


def test_what_was_reserved_is_settled_by_what_was_used(bot: Agent, watch: Living, up: Claude) -> None:
    up.script = says(
        input_tokens=1_000, output_tokens=200, cache_read_input_tokens=10, cache_creation_input_tokens=4
    )
    start = watch.size
    ask(bot, most=15_000)
    intent = watch.of(Intent, start)[0]
    assert intent.spend["tokens"] > 15_000
    outcome = waited(lambda: next(iter(watch.of(OutcomeChecked, start)), None))
    assert outcome.spent == {"tokens": 1_214, "money": 3_000 + 3_000 + 3 + 15}
    ask(bot, most=15_000)  # there is room again


def test_no_number_of_generations_at_once_spends_more(bot: Agent, watch: Living, up: Claude) -> None:
    """Each may come to 5,000 and more: of twenty at once at most three are under way."""
    together, most, lock = [0], [0], threading.Lock()

    def slow(it: Asked) -> None:
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        up.free.wait(0.3)
        with lock:
            together[0] -= 1
        it.json(message(scripted_claude.TEXT, usage=usage(input_tokens=0, output_tokens=10)))

    up.free.clear()
    up.script = slow
    with crew(20) as submit:
        calls = [submit(ask, bot, 5_000) for _ in range(20)]
        failed = [one.exception() for one in calls]
    assert 1 <= most[0] <= 3
    assert any(isinstance(one, anthropic.PermissionDeniedError) for one in failed)
    up.script = says(input_tokens=5, output_tokens=5)
    assert ask(bot, 5_000).content


def test_beyond_the_budget_nothing_leaves(bot: Agent, watch: Living, up: Claude) -> None:
    before = len(up.asked)
    assert watch.refusal(refused(bot, PER_RUN)).code == "budget"
    assert len(up.asked) == before


def test_an_error_of_the_upstream_costs_nothing_and_a_silence_all(
    bot: Agent, watch: Living, up: Claude
) -> None:
    def says_so(it: Asked) -> None:
        it.json(scripted_claude.error("overloaded_error", "Overloaded"), 529)

    up.script = says_so
    for _ in range(5):
        with pytest.raises(anthropic.APIStatusError):
            ask(bot, 15_000)

    def breaks(it: Asked) -> None:
        it.begin()
        it.event({"type": "ping"})
        it.hang_up()

    up.script = breaks
    url = f"http://127.0.0.1:{bot.port}/anthropic/s"
    with anthropic.Anthropic(base_url=url, api_key=bot.token, max_retries=0) as client:
        stream = client.messages.create(model=MODEL, max_tokens=15_000, messages=HELLO, stream=True)
        with pytest.raises(anthropic.APIStatusError):
            list(stream)
    assert watch.refusal(refused(bot, 15_000)).code == "budget", "who knows what that came to"


def test_what_has_no_bound_is_refused(bot: Agent, watch: Living, up: Claude) -> None:
    before = len(up.asked)
    pdf = {"type": "document", "source": {"type": "url", "url": "https://a.example/long.pdf"}}
    url = f"http://127.0.0.1:{bot.port}/anthropic/s"
    with (
        anthropic.Anthropic(base_url=url, api_key=bot.token, max_retries=0) as client,
        pytest.raises(anthropic.PermissionDeniedError) as raised,
    ):
        client.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": [pdf]}])  # type: ignore[list-item]
    assert watch.refusal(raised.value.body["request_id"]).code == "unbounded"  # type: ignore[index]
    assert len(up.asked) == before


def test_money_of_a_day_is_all_runs(watch: Living, up: Claude) -> None:
    agents = [watch.agent(f"poor-{watch.size}", "poor") for _ in range(2)]
    up.script = says(input_tokens=100, output_tokens=1_000)
    ask(agents[0], 1_000, system="poor")  # 15,300 of 20,000 µEUR
    assert watch.refusal(refused(agents[1], 1_000, system="poor")).code == "budget"


def test_counting_costs_nothing(bot: Agent) -> None:
    url = f"http://127.0.0.1:{bot.port}/anthropic/s"
    with anthropic.Anthropic(base_url=url, api_key=bot.token, max_retries=0) as client:
        for _ in range(30):
            assert client.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens
    assert ask(bot, 15_000).content


def test_a_generation_that_was_killed_stays_spent(bot: Agent, watch: Living, up: Claude) -> None:
    """Nobody knows what it came to; and what was settled before stays settled."""
    ask(bot, 1_000)
    up.free.clear()
    up.script = lambda it: (up.free.wait(20), it.json(message(scripted_claude.TEXT)))[1]
    with crew(1) as submit:
        hanging = submit(ask, bot, 12_000)
        waited(lambda: watch.of(Intent)[-1].spend.get("tokens", 0) > 12_000)
        watch.kill()
        up.free.set()
        hanging.exception()  # a worker that outlives the recorder for a moment may still have passed it on
    up.script = scripted_claude.talk
    watch.start(watch.workers, CLAUDE_KEY=KEY)
    assert watch.refusal(refused(bot, 12_000)).code == "budget"
    assert ask(bot, 1_000).content


def test_a_run_that_ends_says_what_it_used(bot: Agent, watch: Living, up: Claude) -> None:
    up.script = says(input_tokens=1_000, output_tokens=200)
    start = watch.size
    ask(bot)
    waited(lambda: watch.of(OutcomeChecked, start))
    run = watch.of(Intent, start)[0].run
    assert bot.post(f"/v1/runs/{run}", b"", verb="DELETE").status in (200, 204)
    assert watch.of(RunClosed, start)[-1].counts["tokens"] == 1_200


def test_status_and_the_page_of_the_system_say_what_is_spent(bot: Agent, watch: Living, up: Claude) -> None:
    up.script = says(input_tokens=1_000, output_tokens=200)
    start = watch.size
    ask(bot)
    waited(lambda: watch.of(OutcomeChecked, start))
    line = next(one for one in watch.api.get("/status")["systems"] if one["system"] == "s")
    spent = {one["name"]: one for one in line["spent"]}
    assert spent["tokens"]["spent"] >= 1_200
    assert spent["tokens"]["text"].endswith(f"tokens today, at most {PER_RUN:,} in a run")
    assert " of 1,000 EUR today" in spent["money"]["text"]
    connection = http.client.HTTPConnection("127.0.0.1", watch.operators, timeout=20)
    connection.request("GET", "/systems/s")
    page = connection.getresponse().read().decode()
    connection.close()
    assert "Language models" in page
    assert spent["money"]["text"] in page
