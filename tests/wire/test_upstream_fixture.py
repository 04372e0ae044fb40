"""One real server on the official SDK, in both revisions and over both transports, through the same interface."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conformance.serving import fixture_server

from standwatch.declare.digest import definition_digest
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream.mcp import UpstreamServer
from support.upstreams import FIXTURE, Era, Heard, opened, run, tool, until

WAYS: list[tuple[str, Era]] = [
    ("http", "modern"),
    ("http", "legacy"),
    ("stdio", "modern"),
    ("stdio", "legacy"),
]
both = pytest.mark.parametrize(("transport", "era"), WAYS, ids=["-".join(way) for way in WAYS])
legacy = pytest.mark.parametrize("transport", ["http", "stdio"])
SAID = b'{"role":"assistant","model":"m","content":{"type":"text","text":"Paris"}}'


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fixture") / "journal"


@pytest.fixture(scope="module")
def url(journal: Path) -> Iterator[str]:
    with fixture_server(journal) as served:
        yield served


@asynccontextmanager
async def served(transport: str, era: Era, url: str, **more: Any) -> AsyncIterator[UpstreamServer]:
    command = (sys.executable, str(FIXTURE), "--stdio")
    where: dict[str, Any] = {"url": url} if transport == "http" else {"command": command}
    async with opened(**where, era=era, **more) as server:
        yield server


def text_of(said: McpAnswer) -> str:
    assert said.error is None, said.error
    return json.loads(said.result)["content"][0]["text"]


@both
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_is_introduced_listed_and_called(transport: str, era: Era, url: str, loop: str) -> None:
    async def go() -> None:
        changes: list[int] = []
        async with served(transport, era, url, changes=changes) as server:
            assert server.revision == ("2026-07-28" if era == "modern" else "2025-11-25")
            assert set(server.capabilities) >= {"tools", "prompts", "resources", "completions", "logging"}
            assert changes == [len(server.tools)]
            assert changes[0] >= 28
            assert text_of(await server.call(tool("test_simple_text"))).startswith("This is a simple text")

    run(go(), loop)


@both
def test_definitions_are_digested_from_what_is_listed(transport: str, era: Era, url: str) -> None:
    async def go() -> None:
        async with served(transport, era, url) as server:
            listed = await server.call(McpCall(method="tools/list", params={}))
            described = json.loads(listed.result)["tools"]
            assert list(server.tools) == [one["name"] for one in described]
            for one in described:
                found = server.definitions[one["name"]]
                assert found.digest == definition_digest(one)
                assert found.schema == one["inputSchema"]
                assert json.loads(server.tools[one["name"]]) == one

    run(go())


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_a_server_of_both_revisions_is_found_to_be_modern(transport: str, url: str) -> None:
    async def go() -> None:
        async with served(transport, "", url) as server:
            assert server.revision == "2026-07-28"

    run(go())


@both
@pytest.mark.parametrize("token", ["progress-test-1", 5])
def test_progress_comes_in_order_before_the_result_under_the_callers_token(
    transport: str, era: Era, url: str, token: str | int
) -> None:
    async def go() -> None:
        heard = Heard()
        async with served(transport, era, url) as server:
            said = await server.call(
                tool("test_tool_with_progress", progress_token=token, notify=heard.notify)
            )
            assert text_of(said).startswith("Tool with progress")
            assert heard.methods == ["notifications/progress"] * 3  # nothing came after the result
            told = [json.loads(params) for _, params in heard.events]
            assert [one["progress"] for one in told] == [0, 50, 100]
            assert all(one["progressToken"] == token for one in told)

    run(go())


@both
def test_two_callers_progress_is_kept_apart(transport: str, era: Era, url: str) -> None:
    async def go() -> None:
        heard = {name: Heard() for name in ("a", "b")}
        async with served(transport, era, url) as server:
            await asyncio.gather(
                *(
                    server.call(tool("test_tool_with_progress", progress_token=name, notify=it.notify))
                    for name, it in heard.items()
                )
            )
        for name, it in heard.items():
            assert [json.loads(params)["progressToken"] for _, params in it.events] == [name] * 3

    run(go())


@both
def test_log_messages_are_told_where_they_were_asked_for(transport: str, era: Era, url: str) -> None:
    async def go() -> None:
        heard = Heard()
        async with served(transport, era, url) as server:
            await server.call(tool("test_logging_tool", log_level="info", notify=heard.notify))
            assert heard.methods == ["notifications/message"] * 3

    run(go())


@both
def test_errors_come_with_their_data(transport: str, era: Era, url: str) -> None:
    async def go() -> None:
        async with served(transport, era, url) as server:
            said = await server.call(McpCall(method="resources/read", params={"uri": "test://absent"}))
            assert said.error is not None
            assert said.error.code == (-32602 if era == "modern" else -32002)
            assert json.loads(said.error.data) == {"uri": "test://absent"}
            assert said.sent

    run(go())


@pytest.mark.parametrize("value", ["eu-1", "Zürich", " edge ", "=?base64?eA==?="])
def test_arguments_that_a_schema_marks_are_repeated_in_headers(url: str, value: str) -> None:
    async def go() -> None:
        async with served("http", "modern", url) as server:
            said = await server.call(tool("test_x_mcp_header", arguments={"region": value}))
            assert json.loads(text_of(said)) == {"region": value}

    run(go())


def test_a_name_beyond_ascii_reaches_the_server(url: str) -> None:
    async def go() -> None:
        async with served("http", "modern", url) as server:
            said = await server.call(tool("wörk"))
            assert said.error is not None
            assert said.error.message == "Unknown tool: wörk"  # not a header mismatch

    run(go())


def test_interim_results_are_results(url: str) -> None:
    async def go() -> None:
        async with served("http", "modern", url) as server:
            asks = tool("test_input_required_result_elicitation", capabilities={"elicitation": {}})
            said = await server.call(asks)
            result = json.loads(said.result)
            assert result["resultType"] == "input_required"
            assert set(result["inputRequests"]) == {"user_name"}

    run(go())


def test_capabilities_are_the_calls_own(url: str) -> None:
    async def go() -> None:
        async with served("http", "modern", url) as server:
            refused = await server.call(tool("test_missing_capability"))
            assert refused.error is not None
            assert refused.error.code == -32021
            served_it = await server.call(tool("test_missing_capability", capabilities={"sampling": {}}))
            assert text_of(served_it) == "sampling is declared"

    run(go())


def test_the_envelope_cannot_be_forged_by_a_caller(url: str, journal: Path) -> None:
    async def go() -> None:
        async with served("http", "modern", url) as server:
            meta = {
                "io.modelcontextprotocol/clientCapabilities": {"sampling": {}},
                "io.modelcontextprotocol/protocolVersion": "1999-01-01",
                "progressToken": 1,
                "trace": "kept",
            }
            params = {"name": "test_missing_capability", "_meta": meta}
            said = await server.call(McpCall(method="tools/call", params=params))
            assert said.error is not None
            assert said.error.code == -32021

    run(go())
    last = json.loads(journal.read_text().splitlines()[-1])
    assert last["params"]["_meta"]["trace"] == "kept"
    assert "progressToken" not in last["params"]["_meta"]


@legacy
def test_a_legacy_server_asks_during_the_call(transport: str, url: str) -> None:
    async def go() -> None:
        heard = Heard()
        async with served(transport, "legacy", url) as server:
            call = tool(
                "test_sampling",
                session="run-1",
                arguments={"prompt": "The capital?"},
                capabilities={"sampling": {}},
                ask=heard.answering(SAID),
            )
            assert text_of(await server.call(call)) == "LLM response: Paris"
            assert heard.methods == ["sampling/createMessage"]
            assert json.loads(heard.events[0][1])["messages"][0]["content"]["text"] == "The capital?"

    run(go())


@legacy
def test_what_the_caller_does_not_offer_is_not_asked(transport: str, url: str) -> None:
    async def go() -> None:
        heard = Heard()
        async with served(transport, "legacy", url) as server:
            offering = {"capabilities": {"sampling": {}}, "ask": heard.answering(SAID)}
            await server.call(tool("test_simple_text", session="run-1", **offering))
            # The session may be asked; this call of it may not.
            call = tool("test_sampling", session="run-1", arguments={"prompt": "?"})
            said = await server.call(call)
            assert said.error is not None or json.loads(said.result).get("isError")
            assert heard.methods == []

    run(go())


@legacy
def test_the_time_a_client_takes_to_answer_is_not_the_servers(transport: str, url: str) -> None:
    async def go() -> None:
        async def slowly(_method: str, _params: bytes) -> McpAnswer:
            await asyncio.sleep(2.5)
            return McpAnswer(SAID)

        async with served(transport, "legacy", url) as server:
            offering = {"capabilities": {"sampling": {}}, "ask": slowly}
            await server.call(tool("test_simple_text", session="r", **offering))
            call = tool("test_sampling", session="r", arguments={"prompt": "?"}, timeout=2.0, **offering)
            assert text_of(await server.call(call)) == "LLM response: Paris"

    run(go())


@legacy
def test_sessions_are_ended_and_begun_anew(transport: str, url: str) -> None:
    async def go() -> None:
        async with served(transport, "legacy", url) as server:
            call = tool("test_simple_text", session="s", capabilities={"sampling": {}})
            for _ in range(2):
                text_of(await server.call(call))
                await server.end_session("s")
            await server.end_session("never begun")

    run(go())


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_a_change_of_tools_is_heard_and_they_are_fetched_again(
    transport: str, url: str, journal: Path
) -> None:
    async def go() -> None:
        heard: list[tuple[str, bytes]] = []
        async with served(transport, "modern", url) as server:
            stop = server.listen("run-1", lambda method, params: heard.append((method, params)))
            before = journal.read_text().count("tools/list")
            async with asyncio.timeout(60):
                while not heard:  # what changes before the subscription stands is not told
                    text_of(await server.call(tool("test_trigger_tool_change")))
                    await asyncio.sleep(0.2)
            assert heard[0][0] == "notifications/tools/list_changed"
            assert b"subscriptionId" not in heard[0][1]
            if transport == "http":
                await until(lambda: journal.read_text().count("tools/list") > before)
            stop()
            heard.clear()
            text_of(await server.call(tool("test_trigger_prompt_change")))
            await asyncio.sleep(0.2)
            assert heard == []

    run(go())


def test_resources_of_a_modern_server_are_subscribed_to_by_session(url: str, journal: Path) -> None:
    async def go() -> None:
        async with served("http", "modern", url) as server:
            uri = {"uri": "test://watched-resource"}
            said = await server.call(McpCall(method="resources/subscribe", params=uri, session="a"))
            assert said == McpAnswer(b"{}")
            await until(lambda: "resourceSubscriptions" in journal.read_text())

    run(go())


def test_a_stream_that_a_legacy_server_closes_is_resumed(url: str) -> None:
    async def go() -> None:
        heard = Heard()
        async with served("http", "legacy", url) as server:
            call = tool("test_reconnection", log_level="info", notify=heard.notify)
            assert text_of(await server.call(call)) == "Reconnection test completed"
            assert [json.loads(params)["data"] for _, params in heard.events] == [
                "Before disconnect",
                "After reconnect",
            ]

    run(go())


@both
def test_a_call_that_takes_too_long_says_so(transport: str, era: Era, url: str) -> None:
    async def go() -> None:
        async with served(transport, era, url) as server:
            said = await server.call(tool("test_tool_with_progress", timeout=0.05))
            assert said.timed_out
            assert said.sent
            assert text_of(await server.call(tool("test_simple_text")))

    run(go())
