"""An unmodified SDK client of either revision, through the front, before a server of either revision.

The server is the conformance fixture; the gate lets everything pass (`bare_gateway`), so that what fails here is the
crossing of the revisions and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bare_gateway import TOKEN, PassThrough, start
from conformance.serving import fixture_server

pytestmark = pytest.mark.anyio
ERAS = ("modern", "legacy")
MODES = {"modern": "2026-07-28", "legacy": "legacy"}
crossed = pytest.mark.parametrize(("client", "server"), [(c, s) for c in ERAS for s in ERAS])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with fixture_server() as served:
        yield served


@asynccontextmanager
async def gateway(upstream: str, era: str) -> AsyncIterator[tuple[str, PassThrough]]:
    url, gate, (listener, server, _) = await start(upstream, era)
    gate.keep = True
    try:
        yield url, gate
    finally:
        await listener.close(0)
        await server.close()


async def elicited(_context: Any, params: Any) -> types.ElicitResult:
    wanted = params.requested_schema["properties"]
    answers = {"string": "Ada", "boolean": True, "integer": 1, "number": 1.5}
    return types.ElicitResult(action="accept", content={n: answers[p["type"]] for n, p in wanted.items()})


async def sampled(_context: Any, _params: Any) -> types.CreateMessageResult:
    return types.CreateMessageResult(role="assistant", content=types.TextContent(text="Paris"), model="m")


async def roots(_context: Any) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri="file:///work")])


@asynccontextmanager
async def connected(url: str, era: str, **more: Any) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}, timeout=20) as http:
        callbacks = {
            "elicitation_callback": elicited,
            "sampling_callback": sampled,
            "list_roots_callback": roots,
        }
        async with Client(
            streamable_http_client(url, http_client=http), mode=MODES[era], **{**callbacks, **more}
        ) as client:
            yield client


def text_of(result: Any) -> str:
    assert not result.is_error, result
    return result.content[0].text


@crossed
async def test_lists_calls_reads_and_completes(upstream: str, client: str, server: str) -> None:
    async with gateway(upstream, server) as (url, gate), connected(url, client) as session:
        tools = (await session.list_tools()).tools
        assert len(tools) == 28
        assert tools[0].name == "test_simple_text"
        assert "simple text" in text_of(await session.call_tool("test_simple_text", {}))
        failed = await session.call_tool("test_error_handling", {})
        assert failed.is_error
        read = await session.read_resource("test://static-text")
        assert read.contents[0].text == "This is the content of the static text resource."  # type: ignore[union-attr]
        listed = {str(one.uri) for one in (await session.list_resources()).resources}
        assert "test://static-binary" in listed
        prompt = await session.get_prompt("test_prompt_with_arguments", {"arg1": "x", "arg2": "y"})
        assert "arg1='x'" in prompt.messages[0].content.text  # type: ignore[union-attr]
        ref = types.PromptReference(name="test_prompt_with_arguments")
        done = await session.complete(ref, {"name": "arg1", "value": "test"})
        assert done.completion.values == ["testValue1", "testValue2"]
        events = [act.event for act in gate.acts]
        assert events == ["tool_call", "tool_call", "resource_read", "prompt_get", "completion"]


@crossed
async def test_a_resource_that_is_not_there(upstream: str, client: str, server: str) -> None:
    async with gateway(upstream, server) as (url, _), connected(url, client) as session:
        with pytest.raises(MCPError) as caught:
            await session.read_resource("test://nowhere")
        expected = -32602 if "modern" in (client, server) else -32002
        assert caught.value.error.code == expected
        assert caught.value.error.data == {"uri": "test://nowhere"}


@crossed
async def test_progress_comes_before_the_result_under_the_clients_token(
    upstream: str, client: str, server: str
) -> None:
    heard: list[float] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        assert total == 100
        assert message
        heard.append(progress)

    async with gateway(upstream, server) as (url, _), connected(url, client) as session:
        result = await session.call_tool("test_tool_with_progress", {}, progress_callback=progressed)
        assert "successfully" in text_of(result)
        assert heard == [0, 50, 100]


LEGACY_ASKS = [
    ("test_elicitation", {"message": "Who?"}, "action=accept", ["elicitation"]),
    ("test_sampling", {"prompt": "Capital of France?"}, "LLM response: Paris", ["sampling"]),
]
MODERN_ASKS = [
    ("test_input_required_result_elicitation", "Ada", ["elicitation"]),
    ("test_input_required_result_sampling", "Paris", ["sampling"]),
    ("test_input_required_result_list_roots", "file:///work", ["roots"]),
    ("test_input_required_result_request_state", "state-ok", ["elicitation"]),
    ("test_input_required_result_multiple_inputs", "state-ok", ["elicitation", "roots", "sampling"]),
    ("test_input_required_result_multi_round", "both steps answered", ["elicitation", "elicitation"]),
]


@pytest.mark.parametrize("client", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments", "said", "events"), LEGACY_ASKS, ids=[a[0] for a in LEGACY_ASKS]
)
async def test_a_legacy_server_asks_its_client(
    upstream: str, client: str, tool: str, arguments: dict[str, Any], said: str, events: list[str]
) -> None:
    async with gateway(upstream, "legacy") as (url, gate), connected(url, client) as session:
        assert said in text_of(await session.call_tool(tool, arguments))
        asked = [act for act in gate.acts if act.phase == "ask"]
        assert [act.event for act in asked] == events
        assert [act.tool for act in asked] == [f"fixture.{event}" for event in events]
        # The call waited: it went through the gate once, however many requests the client made of it.
        assert sum(act.event == "tool_call" for act in gate.acts) == 1


@pytest.mark.parametrize("client", ERAS)
@pytest.mark.parametrize(("tool", "said", "events"), MODERN_ASKS, ids=[a[0] for a in MODERN_ASKS])
async def test_a_modern_server_asks_its_client(
    upstream: str, client: str, tool: str, said: str, events: list[str]
) -> None:
    async with gateway(upstream, "modern") as (url, gate), connected(url, client) as session:
        assert said in text_of(await session.call_tool(tool, {}))
        asked = [act for act in gate.acts if act.phase == "ask" and "answer" not in act.arguments]
        assert sorted(act.event for act in asked) == events


@crossed
async def test_a_client_that_offers_nothing_is_asked_nothing(upstream: str, client: str, server: str) -> None:
    nothing = {"elicitation_callback": None, "sampling_callback": None, "list_roots_callback": None}
    tool, arguments = (
        ("test_elicitation", {"message": "Who?"})
        if server == "legacy"
        else ("test_input_required_result_elicitation", {})
    )
    async with gateway(upstream, server) as (url, gate), connected(url, client, **nothing) as session:
        try:
            result = await session.call_tool(tool, arguments)
        except MCPError:
            result = None
        assert result is None or result.is_error or "accept" not in json.dumps(result.model_dump(mode="json"))
        assert not [act for act in gate.acts if act.phase == "ask"]


async def test_a_legacy_client_hears_of_changed_lists(upstream: str) -> None:
    heard = asyncio.Event()

    async def handle(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            heard.set()

    async with (
        gateway(upstream, "modern") as (url, _),
        connected(url, "legacy", message_handler=handle) as session,
    ):
        async with asyncio.timeout(60):
            while (
                not heard.is_set()
            ):  # its GET stream opens beside the handshake: what comes sooner it cannot hear
                await session.call_tool("test_trigger_tool_change", {})
                await asyncio.sleep(0.1)
