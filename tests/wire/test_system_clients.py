"""Unmodified clients of the official SDK before a whole Standwatch: over HTTP in each of its modes, and over stdio
through `standwatch connect`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from conformance.serving import fixture_server  # noqa: E402
from fixture_tools import tools  # noqa: E402

from standwatch.facts.entries import Intent  # noqa: E402
from support.system import Agent, Living, manifest, scripted, server, serving, tool, waited  # noqa: E402

pytestmark = pytest.mark.anyio
MODES = ("auto", "legacy", "2026-07-28")
WAYS = ("http", "connect")
every = pytest.mark.parametrize(("way", "mode"), [(way, mode) for way in WAYS for mode in MODES])
GIVING: dict[str, Any] = {
    "resources": ["**"],
    "prompts": ["**"],
    "may_ask": ["sampling", "elicitation", "roots"],
}


async def hang_or_answer(it: Any) -> None:
    if it.message["params"]["name"] == "hang":
        await it.free.wait()
    it.json(it.say("from the second"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def second() -> Iterator[Any]:
    with scripted(
        hang_or_answer, tools=[tool("hang"), tool("test_simple_text"), tool("not_ours")]
    ) as running:
        yield running


@pytest.fixture(scope="module")
def watch(second: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with fixture_server() as legacy, fixture_server() as modern:
        rules = {f"one.{name}": "read" for name in tools} | {
            "two.hang": "read",
            "two.test_simple_text": "read",
        }
        systems = {
            era: manifest(
                era, [server("one", url=url, era=era, **GIVING), server("two", url=second.url)], rules
            )
            for era, url in (("legacy", legacy), ("modern", modern))
        }
        with serving(tmp_path_factory.mktemp("clients"), systems) as running:
            yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    return watch.agent("bot", "legacy", "modern")


async def elicited(_context: Any, params: Any) -> types.ElicitResult:
    wanted = params.requested_schema["properties"]
    answers = {"string": "Ada", "boolean": True, "integer": 1, "number": 1.5}
    return types.ElicitResult(action="accept", content={n: answers[p["type"]] for n, p in wanted.items()})


async def sampled(_context: Any, _params: Any) -> types.CreateMessageResult:
    return types.CreateMessageResult(role="assistant", content=types.TextContent(text="Paris"), model="m")


@asynccontextmanager
async def connected(watch: Living, bot: Agent, way: str, mode: str, system: str) -> AsyncIterator[Client]:
    asks = {"elicitation_callback": elicited, "sampling_callback": sampled}
    if way == "http":
        headers = {"authorization": f"Bearer {bot.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            url = f"http://localhost:{watch.agents}/mcp/{system}"
            async with Client(streamable_http_client(url, http_client=http), mode=mode, **asks) as client:
                yield client
        return
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "standwatch.cli.main", "--org", str(watch.folder), "connect", system],
        env={**os.environ, **watch.home, "STANDWATCH_TOKEN": bot.token},
    )
    async with Client(stdio_client(command), mode=mode, **asks) as client:
        yield client


@every
@pytest.mark.parametrize("system", ["legacy", "modern"])
async def test_everything_a_client_does(watch: Living, bot: Agent, way: str, mode: str, system: str) -> None:
    size = watch.size
    async with connected(watch, bot, way, mode, system) as client:
        listed = {one.name for one in (await client.list_tools()).tools}
        shared = {"one.test_simple_text", "two.test_simple_text"}
        assert listed == (set(tools) - {"test_simple_text"}) | {"hang"} | shared, (
            "declared, and no name for two"
        )
        said = await client.call_tool("two.test_simple_text", {})
        assert said.content[0].text == "from the second"
        assert "simple text" in (await client.call_tool("one.test_simple_text", {})).content[0].text
        heard: list[float] = []

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            del total, message
            heard.append(progress)

        await client.call_tool("test_tool_with_progress", {}, progress_callback=progressed)
        assert heard == [0, 50, 100]
        read = await client.read_resource("test://static-text")
        assert "static text" in read.contents[0].text
        assert len((await client.list_resources()).resources) == 3
        prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
        assert "arg1='a'" in prompt.messages[0].content.text
        reference = types.PromptReference(name="test_prompt_with_arguments")
        completed = await client.complete(reference, {"name": "arg1", "value": "test"})
        assert completed.completion.values == ["testValue1", "testValue2"]
        ask = (
            ("test_elicitation", {"message": "Who?"})
            if system == "legacy"
            else ("test_input_required_result_elicitation", {})
        )
        assert "Ada" in (await client.call_tool(*ask)).content[0].text
        ask = (
            ("test_sampling", {"prompt": "Capital?"})
            if system == "legacy"
            else ("test_input_required_result_sampling", {})
        )
        assert "Paris" in (await client.call_tool(*ask)).content[0].text
        refused = await refusal(client)
        assert "not permitted" in refused
    seen = {one.tool for one in watch.of(Intent, size)}
    assert {
        "one.resource_read",
        "one.prompt_get",
        "one.completion",
        "one.elicitation",
        "one.sampling",
    } <= seen


async def test_a_client_hears_that_a_servers_list_has_changed(watch: Living, bot: Agent) -> None:
    heard = asyncio.Event()

    async def handle(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            heard.set()

    headers = {"authorization": f"Bearer {bot.token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
        url = f"http://localhost:{watch.agents}/mcp/modern"
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode="legacy", message_handler=handle) as client, asyncio.timeout(60):
            while (
                not heard.is_set()
            ):  # its GET stream opens beside the handshake: what comes sooner it cannot hear
                await client.call_tool("test_trigger_tool_change", {})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), 0.2)


async def refusal(client: Client) -> str:
    """What a client hears of a tool that is there and that no manifest names."""
    try:
        said = await client.call_tool("not_ours", {})
    except MCPError as error:
        return error.error.message
    assert said.is_error
    return said.content[0].text


@every
async def test_a_call_that_is_cancelled_ends_upstream_too(
    watch: Living, bot: Agent, second: Any, way: str, mode: str
) -> None:
    size, reached = watch.size, len(second.calls)
    async with connected(watch, bot, way, mode, "modern") as client:
        call = asyncio.create_task(client.call_tool("hang", {}))
        while len(second.calls) == reached:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        intent = next(one for one in watch.of(Intent, size) if one.tool == "two.hang")
        outcome = await asyncio.to_thread(watch.outcome, intent.id)
        assert outcome.status == "unknown"
        assert (await client.call_tool("one.test_simple_text", {})).content
    assert waited(lambda: watch.api.get("/status")["flights"] == [])


async def test_the_bridge_opens_another_session_where_the_gateway_was_restarted(
    watch: Living, bot: Agent
) -> None:
    """Its client shook hands once, and hears nothing of it: such a call went nowhere before, so it goes again."""
    async with connected(watch, bot, "connect", "legacy", "legacy") as client:
        assert (await client.call_tool("two.test_simple_text", {})).content[0].text == "from the second"
        watch.kill()
        watch.start()
        size = watch.size
        said = await asyncio.gather(*(client.call_tool("two.test_simple_text", {}) for _ in range(3)))
        assert [one.content[0].text for one in said] == ["from the second"] * 3
        assert len(watch.of(Intent, size)) == 3, "each once"
        await client.list_tools()
