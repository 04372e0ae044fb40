"""Approvals as MCP clients meet them: unmodified clients of the official SDK, over HTTP and `standwatch connect`.

A person signs with the CLI while the client shows the page's address; the client's own retry brings the result, once.
What a client sends back is the attacker's: every state that is not exactly ours to this caller is refused.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from standwatch.facts.entries import AnsweredTimed, Denied, Intent, Unmasked
from standwatch.facts.short_words import short_words
from support.system import (
    Agent,
    Living,
    Scripted,
    crew,
    echo,
    manifest,
    scripted,
    server,
    serving,
    tool,
    waited,
)

pytestmark = pytest.mark.anyio
WAYS = ("http", "connect")
SHOWS = {"elicitation": {"url": {}}}
PAGE = "standwatch/approval"
RULES: dict[str, Any] = {
    "bank.pay": {"effect": "irreversible", "arguments": {"amount": {"max": 500}}, "otherwise": "step_up"}
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=[0, 2], ids=["one process", "two workers"])
def workers(request: Any) -> int:
    return request.param


@pytest.fixture(scope="module")
def bank(workers: int) -> Iterator[Scripted]:
    del workers  # each its own bank
    with scripted(echo, tools=[tool("pay")]) as running:
        yield running


@pytest.fixture(scope="module")
def watch(workers: int, bank: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    systems = {"pay": manifest("pay", [server("bank", url=bank.url)], RULES)}
    with serving(tmp_path_factory.mktemp("approvals"), systems, workers=workers) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "pay")


Shown = Callable[[Any], Awaitable[None]]


@asynccontextmanager
async def connected(
    watch: Living,
    bot: Agent,
    way: str,
    mode: str,
    shown: Shown | None,
    heard: Any = None,
    action: str = "accept",
) -> AsyncIterator[Client]:
    """The SDK's client; `shown` is its user, who is shown a page."""

    async def asked(_context: Any, params: Any) -> types.ElicitResult:
        assert shown is not None
        await shown(params)
        return types.ElicitResult(action=action)  # pyright: ignore[reportArgumentType]

    more: dict[str, Any] = {"elicitation_callback": asked} if shown else {}
    if heard:
        more["message_handler"] = heard
    if way == "http":
        headers = {"authorization": f"Bearer {bot.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            url = f"http://localhost:{watch.agents}/mcp/{bot.system}"
            async with Client(streamable_http_client(url, http_client=http), mode=mode, **more) as client:
                yield client
        return
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "standwatch.cli.main", "--org", str(watch.folder), "connect", bot.system],
        env={**os.environ, **watch.home, "STANDWATCH_TOKEN": bot.token},
    )
    async with Client(stdio_client(command), mode=mode, **more) as client:
        yield client


def sign(watch: Living, ident: str, verb: str = "approve") -> None:
    watch.run(verb, ident, "--yes", "--key", watch.key("olga"))


def word(result: Any) -> str:
    told = (result.meta or {}).get("standwatch/reply")
    return told["word"] if told else "done"


def paid(bank: Scripted, amount: int) -> int:
    """How often exactly this reached the bank."""
    return sum(1 for one in bank.calls if one["arguments"] == {"amount": amount})


def question(watch: Living, ident: str) -> Any:
    """The entry with which people were asked: the first about the action."""
    return watch.acts(ident)[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["auto", "2026-07-28"])
async def test_the_client_shows_the_page_and_its_own_retry_brings_the_result_once(
    watch: Living, bot: Agent, bank: Scripted, way: str, mode: str
) -> None:
    amount = 600 + WAYS.index(way) * 10 + (mode == "auto")
    shown: list[Any] = []

    async def user(params: Any) -> None:
        shown.append(params)
        await asyncio.to_thread(sign, watch, params.url.rpartition("/")[2])

    async with connected(watch, bot, way, mode, user) as client:
        done = await client.call_tool("pay", {"amount": amount})
        assert word(done) == "done", done
        assert paid(bank, amount) == 1
        (page,) = shown
        ident = page.url.rpartition("/")[2]
        assert page.url == f"http://127.0.0.1:{watch.operators}/approvals/{ident}"
        asked = question(watch, ident)
        assert short_words(asked.digest) in page.message
        intents = [one for one in watch.acts(ident) if isinstance(one, Intent)]
        assert [one.digest for one in intents] == [asked.digest]
        assert intents[0].signed > 0
        again = await client.call_tool("pay", {"amount": amount + 5})
        assert len(shown) == 2, "another amount is another question"
        assert word(again) == "done"


@pytest.mark.parametrize("way", WAYS)
async def test_the_older_revision_shows_the_page_on_the_call_itself(
    watch: Living, bot: Agent, bank: Scripted, way: str
) -> None:
    amount, shown = 690 + WAYS.index(way), []

    async def user(params: Any) -> None:
        shown.append(params)
        await asyncio.to_thread(sign, watch, params.elicitation_id)

    async with connected(watch, bot, way, "legacy", user) as client:
        assert word(await client.call_tool("pay", {"amount": amount})) == "done"
        assert [one.url.rpartition("/")[2] for one in shown] == [one.elicitation_id for one in shown]
        assert len(shown) == paid(bank, amount) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_the_older_revision_tells_when_somebody_has_signed_later(
    watch: Living, bot: Agent, bank: Scripted, way: str
) -> None:
    amount = 700 + WAYS.index(way)
    shown: list[str] = []
    told: asyncio.Queue[str] = asyncio.Queue()

    async def heard(message: Any) -> None:
        if isinstance(message, types.ElicitCompleteNotification):
            told.put_nowait(message.params.elicitation_id)

    async def user(params: Any) -> None:
        shown.append(params.elicitation_id)

    async with connected(watch, bot, way, "legacy", user, heard) as client:
        for _ in range(2):
            said = await client.call_tool("pay", {"amount": amount})
            assert (word(said), (said.meta or {})["standwatch/reply"]["reference"]) == ("pending", shown[0])
        assert len(shown) == 1, "one question, one page"
        assert paid(bank, amount) == 0
        assert told.empty()
        await asyncio.to_thread(sign, watch, shown[0])
        assert await asyncio.wait_for(told.get(), 60) == shown[0]
        assert word(await client.call_tool("pay", {"amount": amount})) == "done"
        assert paid(bank, amount) == 1


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_that_cannot_show_pages_hears_the_word(
    watch: Living, bot: Agent, bank: Scripted, mode: str
) -> None:
    amount = 720 + (mode == "auto")
    async with connected(watch, bot, "http", mode, None) as client:
        first = await client.call_tool("pay", {"amount": amount})
        assert (first.is_error, word(first)) == (True, "pending")
        assert "http" not in first.content[0].text  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType]
        await asyncio.to_thread(sign, watch, (first.meta or {})["standwatch/reply"]["reference"])
        assert word(await client.call_tool("pay", {"amount": amount})) == "done"
        assert paid(bank, amount) == 1


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
async def test_what_the_client_answers_means_nothing(
    watch: Living, bot: Agent, bank: Scripted, action: str, mode: str
) -> None:
    amount = 730 + ["accept", "decline", "cancel"].index(action) + 10 * (mode == "auto")
    shown: list[str] = []

    async def user(params: Any) -> None:
        shown.append(params.url.rpartition("/")[2])

    async with connected(watch, bot, "http", mode, user, action=action) as client:
        said = await client.call_tool("pay", {"amount": amount})
        assert word(said) == "pending", "nobody signed"
        assert word(await client.call_tool("pay", {"amount": amount})) == "pending"
        assert len(shown) == 1, "one question, one page"
        assert paid(bank, amount) == 0
        await asyncio.to_thread(sign, watch, shown[0])
        assert word(await client.call_tool("pay", {"amount": amount})) == "done"
        assert paid(bank, amount) == 1


# --- what comes back, as an attacker sends it ----------------------------------------------------------------------


class Asking:
    """One call that was asked about, by hand: what came back, and how to come back with it."""

    def __init__(self, bot: Agent, amount: int) -> None:
        self.bot, self.amount = bot, amount
        self.said = self._call(bot, {})
        assert self.said.result["resultType"] == "input_required", self.said
        self.state: str = self.said.result["requestState"]
        self.ident = self.said.reference

    def _call(self, bot: Agent, more: dict[str, Any], amount: int = 0, **meta: Any) -> Any:
        params = {"name": "pay", "arguments": {"amount": amount or self.amount}, **more}
        shows = {"io.modelcontextprotocol/clientCapabilities": SHOWS}
        return bot.mcp("tools/call", params, meta={**shows, **meta})

    def back(self, bot: Agent | None = None, state: str | None = None, amount: int = 0) -> Any:
        answers = {PAGE: {"action": "accept"}}
        return self._call(
            bot or self.bot, {"requestState": state or self.state, "inputResponses": answers}, amount
        )


def invalid(said: Any) -> bool:
    return said.status == 400 and said.error["code"] == -32602


def test_a_state_opens_for_nobody_else_and_for_nothing_else(
    watch: Living, bot: Agent, bank: Scripted
) -> None:
    asking, other = Asking(bot, 800), watch.agent("other", "pay")
    size = watch.size
    sign(watch, asking.ident)
    flipped = ("A" if asking.state[40] != "A" else "B").join((asking.state[:40], asking.state[41:]))
    assert invalid(asking.back(state=flipped)), "forged"
    assert invalid(asking.back(state=asking.state[:-4])), "cut"
    assert invalid(asking.back(state=asking.state + "-TAMPERED"))
    assert invalid(asking.back(other)), "another principal"
    assert invalid(asking.back(amount=801)), "another amount"
    new = [type(entry) for _, entry in watch.entries(size)]
    assert set(new) <= {AnsweredTimed, Unmasked}, (
        "nothing but the answer was written, and no question was put"
    )
    assert paid(bank, 800) == paid(bank, 801) == 0
    assert asking.back().word == "done"
    assert paid(bank, 800) == 1


def test_a_state_is_good_once(watch: Living, bot: Agent, bank: Scripted) -> None:
    asking = Asking(bot, 810)
    assert asking.back().word == "pending"
    sign(watch, asking.ident)
    with crew(50) as submit:
        said = [call.result() for call in [submit(asking.back) for _ in range(50)]]
    assert sorted(one.word for one in said) == ["done", *["refused"] * 49]
    assert paid(bank, 810) == 1
    late = asking.back()
    assert late.word == "refused", "replayed: it neither goes nor asks anew"
    assert [type(one) for one in watch.acts(late.reference)] == [Denied]
    assert watch.refusal(late.reference).code == "void"


def test_a_refusal_is_final_for_its_state(watch: Living, bot: Agent, bank: Scripted) -> None:
    asking = Asking(bot, 820)
    sign(watch, asking.ident, "refuse")
    assert asking.back().word == "refused"
    assert paid(bank, 820) == 0


def test_a_run_is_part_of_what_a_state_belongs_to(watch: Living, bank: Scripted) -> None:
    starter = watch.agent("starter", "pay", starts=True)
    run = starter.open_run("Pay the bill of 830")
    asking = Asking(run, 830)
    sign(watch, asking.ident)
    assert invalid(asking.back(starter)), "the same principal outside the run"
    assert invalid(asking.back(starter.open_run("Pay the bill of 830"))), "another run of the same principal"
    assert asking.back().word == "done"
    assert paid(bank, 830) == 1


def test_a_state_belongs_to_the_configuration_it_was_made_under(
    watch: Living, bot: Agent, bank: Scripted
) -> None:
    asking = Asking(bot, 840)
    sign(watch, asking.ident)
    before, lines = watch.manifest("pay").read_text(), len(watch.said)
    watch.declare("pay", before.replace('"max": 500', '"max": 400'))
    watch.heard("is in force .narrower", lines)
    # A worker that has not taken up the configuration in force yet does nothing at all.
    said = waited(lambda: None if (one := asking.back()).status == 200 and one.word == "unavailable" else one)
    assert invalid(said) or said.word == "refused", "another policy than the one that asked"
    assert paid(bank, 840) == 0
    assert bot.call("pay", amount=840).word == "done", "the approval stands: the verdict is the same"
    assert paid(bank, 840) == 1
    assert invalid(asking.back())


def test_a_state_ends_with_its_question(bank: Scripted, tmp_path: Path) -> None:
    text = manifest("pay", [server("bank", url=bank.url)], RULES, approvals={"expires": "5s"})
    with serving(tmp_path / "org", {"pay": text}) as watch:
        asking = Asking(watch.agent("bot", "pay"), 850)
        sign(watch, asking.ident)
        until = question(watch, asking.ident).until
        time.sleep(max(until / 1e6 - time.time(), 0) + 0.05)
        assert invalid(asking.back())
        assert paid(bank, 850) == 0


def test_a_state_outlives_the_server(bank: Scripted, tmp_path: Path) -> None:
    with serving(tmp_path / "org", {"pay": manifest("pay", [server("bank", url=bank.url)], RULES)}) as watch:
        asking = Asking(watch.agent("bot", "pay"), 860)
        watch.kill()
        watch.start()
        sign(watch, asking.ident)
        watch.kill()
        watch.start()
        assert asking.back().word == "done"
        assert paid(bank, 860) == 1
