"""Servers over HTTP that hang, lie, flood and forget: each call gets a clear answer, and says whether it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from standwatch.facts.mcp import McpAnswer
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.mcp import UpstreamServer
from support.rude_http import Exchange, RudeServer, Script, rude_server
from support.upstreams import QUICK, Heard, opened, run, tool, until

SMALL = msgspec.structs.replace(QUICK, message=1 << 20)
both = pytest.mark.parametrize("era", ["modern", "legacy"])
OFFERS = {"capabilities": {"sampling": {}}}


@asynccontextmanager
async def between(era: str, script: Script, **more: Any) -> AsyncIterator[tuple[RudeServer, UpstreamServer]]:
    async with rude_server(era, script) as rude, opened(url=rude.url, **{"bounds": SMALL, **more}) as server:
        assert server.revision == ("2026-07-28" if era == "modern" else "2025-11-25")
        yield rude, server


def text_of(said: McpAnswer) -> str:
    assert said.error is None, said.error
    return json.loads(said.result)["content"][0]["text"]


def is_fault(said: McpAnswer) -> bool:
    return said.error is not None and said.error.code == wire.FAULT


async def json_answer(it: Exchange) -> None:
    it.json(it.say("json"))


async def event_answer(it: Exchange) -> None:
    it.begin()
    it.event(it.say("events"))
    it.end()


async def primed(it: Exchange) -> None:
    it.begin()
    it.piece(b"id: 1\ndata: \nretry: 100\n\n: a comment\n\n")
    it.event({"jsonrpc": "2.0", "id": "other", "result": {}})
    it.event(b"\xff not json")
    it.event({"jsonrpc": "2.0", "id": it.id + 7, "result": {"content": "not yours"}})
    it.event(
        {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": 99999, "progress": 1},
        }
    )
    it.event(it.say("last"))
    it.event(it.say("twice"))
    it.end()


@both
@pytest.mark.parametrize("script", [json_answer, event_answer, primed])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_answers_in_either_form_are_heard(era: str, script: Script, loop: str) -> None:
    async def go() -> None:
        heard = Heard()
        async with between(era, script) as (rude, server):
            for _ in range(3):
                call = tool("t", progress_token="x", notify=heard.notify)
                assert text_of(await server.call(call)) in ("json", "events", "last")
            assert heard.events == []  # progress under a token that is not ours is nobody's
            assert len(rude.of("tools/call")) == 3

    run(go(), loop)


def test_a_modern_request_repeats_its_body_in_headers_and_names_no_session() -> None:
    async def go() -> None:
        relisting = msgspec.structs.replace(SMALL, relist=0.05)
        async with between("modern", json_answer, bounds=relisting) as (rude, server):
            rude.tools[0]["inputSchema"]["properties"] = {
                "region": {"type": "string", "x-mcp-header": "Region"},
                "at": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "Count"}}},
                "sure": {"type": "boolean", "x-mcp-header": "Sure"},
            }
            server._stale.set()
            await until(lambda: "properties" in server.definitions["t"].schema)
            await server.call(tool("t", arguments={"region": "é", "at": {"n": 7}, "sure": None}))
            headers = rude.of("tools/call")[0].headers
            assert headers["mcp-method"] == "tools/call"
            assert headers["mcp-name"] == "t"
            assert headers["mcp-protocol-version"] == "2026-07-28"
            assert headers["mcp-param-region"] == "=?base64?w6k=?="
            assert headers["mcp-param-count"] == "7"
            assert not {"mcp-param-sure", "mcp-session-id", "authorization", "cookie"} & headers.keys()

    run(go())


def test_results_are_the_bytes_that_came() -> None:
    raw = b'{"b": 1,  "a":"\\u00fc", "n": 1.50, "_meta":{"x":null}}'

    async def spaced(it: Exchange) -> None:
        it.json(b'{"jsonrpc":"2.0" , "id":%d, "result": %s}' % (it.id, raw))

    async def go() -> None:
        async with between("modern", spaced) as (_, server):
            assert (await server.call(tool("t"))).result == raw

    run(go())


def lies() -> list[Any]:
    async def wrong_id(it: Exchange) -> None:
        it.json({"jsonrpc": "2.0", "id": it.id + 1, "result": {}})

    async def null_id(it: Exchange) -> None:
        it.json({"jsonrpc": "2.0", "id": None, "result": {}})

    async def not_json(it: Exchange) -> None:
        it.json(b"<html>")

    async def not_utf8(it: Exchange) -> None:
        it.json(b'{"jsonrpc":"2.0","id":%d,"result":{"a":"\xff"}}' % it.id)

    async def accepted(it: Exchange) -> None:
        it.empty("202 Accepted")

    async def moved(it: Exchange) -> None:
        it.writer.write(b"HTTP/1.1 307 T\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")

    async def page(it: Exchange) -> None:
        it.writer.write(b"HTTP/1.1 502 Bad\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi")

    async def huge(it: Exchange) -> None:
        it.json(it.say("x" * (2 << 20)))

    async def huge_event(it: Exchange) -> None:
        it.begin()
        it.event(it.say("x" * (2 << 20)))

    async def ended(it: Exchange) -> None:
        it.begin()
        it.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        it.end()

    async def broken(it: Exchange) -> None:
        it.begin()
        it.writer.close()

    async def closed(it: Exchange) -> None:
        it.writer.close()

    async def garbage(it: Exchange) -> None:
        it.writer.write(b"SSH-2.0-OpenSSH\r\n")

    async def batch(it: Exchange) -> None:
        it.json([it.say("in a batch")])

    async def asked_back(it: Exchange) -> None:
        it.json({"jsonrpc": "2.0", "id": it.id, "method": "sampling/createMessage", "params": {}})

    async def both_things(it: Exchange) -> None:
        it.json({**it.say("x"), "error": {"code": 1, "message": "y"}})

    async def odd_error(it: Exchange) -> None:
        it.json({"jsonrpc": "2.0", "id": it.id, "error": "no"})

    every = (
        wrong_id, null_id, not_json, not_utf8, accepted, moved, page, huge, huge_event, ended, broken, closed,
        garbage, batch, asked_back, both_things, odd_error,
    )  # fmt: skip
    return [pytest.param(one, id=one.__name__) for one in every]


@both
@pytest.mark.parametrize("lie", lies())
def test_what_is_no_answer_is_a_fault_of_unknown_outcome(era: str, lie: Script) -> None:
    async def go() -> None:
        async with between(era, lie) as (rude, server):
            said = await server.call(tool("t"))
            assert is_fault(said)
            assert said.sent
            assert len(rude.of("tools/call")) == 1  # never sent twice
            rude.script = json_answer
            assert text_of(await server.call(tool("t"))) == "json"

    run(go())


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "200 OK"])
def test_an_error_is_the_servers_whatever_the_status(status: str) -> None:
    async def refuses(it: Exchange) -> None:
        it.error(-32602, "No such tool", status)

    async def go() -> None:
        async with between("modern", refuses) as (_, server):
            said = await server.call(tool("t"))
            assert said.error is not None
            assert (said.error.code, said.error.message) == (-32602, "No such tool")

    run(go())


async def hang(it: Exchange) -> None:
    pass


async def hang_in_events(it: Exchange) -> None:
    it.begin()
    it.piece(b": ping\n\n")


async def never_ending(it: Exchange) -> None:
    it.begin()
    while True:
        it.event(
            {
                "jsonrpc": "2.0",
                "method": "notifications/message",
                "params": {"level": "info", "data": "x" * 100},
            }
        )
        await it.writer.drain()
        await asyncio.sleep(0)


async def trickle(it: Exchange) -> None:
    it.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
    while True:
        it.writer.write(b" ")
        await it.writer.drain()
        await asyncio.sleep(0.02)


@both
@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("script", [hang, hang_in_events, never_ending, trickle])
def test_a_call_never_outlasts_its_time(era: str, script: Script, asks: bool) -> None:
    async def go() -> None:
        async with between(era, script) as (rude, server):
            more: dict[str, Any] = {"ask": Heard().answering(b"{}"), **OFFERS, "session": "s"} if asks else {}
            begun = asyncio.get_running_loop().time()
            said = await server.call(tool("t", timeout=0.4, **more))
            assert said.timed_out
            assert said.sent
            assert asyncio.get_running_loop().time() - begun < 20
            if era == "legacy":
                await until(lambda: rude.of("notifications/cancelled"))

    run(go())


@both
def test_cancelling_the_task_cancels_the_call(era: str) -> None:
    async def go() -> None:
        async with between(era, hang_in_events) as (rude, server):
            hung_up = rude.hung_up
            call = asyncio.ensure_future(server.call(tool("t")))
            await until(lambda: rude.of("tools/call"))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(lambda: rude.hung_up > hung_up)
            if era == "legacy":
                await until(lambda: rude.of("notifications/cancelled"))
                (cancelled,) = rude.of("notifications/cancelled")
                assert cancelled.message["params"]["requestId"] == rude.of("tools/call")[0].id
                assert cancelled.headers["mcp-session-id"] == "session-1"
            else:
                assert rude.of("notifications/cancelled") == []

    run(go())


@both
def test_a_listener_that_fails_gives_the_call_up(era: str) -> None:
    async def told(it: Exchange) -> None:
        it.begin()
        it.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})

    async def fails(_method: str, _params: bytes) -> None:
        raise ConnectionResetError

    async def go() -> None:
        async with between(era, told) as (rude, server):
            with pytest.raises(ConnectionResetError):
                await server.call(tool("t", notify=fails))
            await until(lambda: rude.hung_up or rude.of("notifications/cancelled"))

    run(go())


def test_a_forgotten_session_is_opened_anew_and_the_call_sent_once_more() -> None:
    async def go() -> None:
        async with between("legacy", json_answer) as (rude, server):
            assert text_of(await server.call(tool("t"))) == "json"
            rude.sessions.clear()  # as after a restart
            said = await asyncio.gather(*(server.call(tool("t")) for _ in range(5)))
            assert {text_of(one) for one in said} == {"json"}
            assert len(rude.of("initialize")) == 2

    run(go())


def test_a_session_that_is_never_known_is_not_tried_for_ever() -> None:
    async def forgets(it: Exchange) -> None:
        it.json({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Gone"}}, "404 Not Found")

    async def go() -> None:
        async with between("legacy", forgets) as (rude, server):
            said = await server.call(tool("t"))
            assert said.error is not None
            assert len(rude.of("tools/call")) == 2

    run(go())


def test_sessions_are_kept_apart_and_ended() -> None:
    async def go() -> None:
        async with between("legacy", json_answer) as (rude, server):
            for session in ("a", "b", "a"):
                await server.call(tool("t", session=session, **OFFERS))
            ids = [one.headers["mcp-session-id"] for one in rude.of("tools/call")]
            assert ids[0] == ids[2] != ids[1]
            offered = [one.message["params"]["capabilities"] for one in rude.of("initialize")]
            assert offered == [{}, OFFERS["capabilities"], OFFERS["capabilities"]]
            await server.end_session("a")
            (ended,) = [one for one in rude.asked if one.verb == "DELETE"]
            assert ended.headers["mcp-session-id"] == ids[0]

    run(go())


def test_announcements_come_on_the_get_stream() -> None:
    async def go() -> None:
        heard: list[str] = []
        changes: list[int] = []
        async with between("legacy", json_answer, changes=changes) as (rude, server):
            server.listen("", lambda method, _: heard.append(method))
            await until(lambda: rude.stream)
            rude.tools.append({"name": "u", "inputSchema": {"type": "object"}})
            assert rude.stream is not None
            rude.stream.event({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            await until(lambda: "u" in server.tools)
            assert heard == ["notifications/tools/list_changed"]
            assert changes == [1, 2]

    run(go())


def test_a_question_on_the_calls_stream_is_answered_while_the_call_waits() -> None:
    answered = asyncio.Event()

    async def asks(it: Exchange) -> None:
        it.begin()
        it.event({"jsonrpc": "2.0", "id": "q-1", "method": "sampling/createMessage", "params": {"n": 1}})
        await answered.wait()
        it.event(it.say("thanks"))
        it.end()

    async def go() -> None:
        heard = Heard()
        async with between("legacy", asks) as (rude, server):
            call = asyncio.ensure_future(
                server.call(tool("t", session="s", ask=heard.answering(b'{"model": "m"}'), **OFFERS))
            )
            await until(lambda: any(one.message.get("result") for one in rude.asked))
            answered.set()
            assert text_of(await call) == "thanks"
            (reply,) = [one for one in rude.asked if "result" in one.message]
            assert reply.message == {"jsonrpc": "2.0", "id": "q-1", "result": {"model": "m"}}
            assert heard.events == [("sampling/createMessage", b'{"n": 1}')]

    run(go())


def test_a_modern_server_may_ask_nothing_by_request() -> None:
    async def asks(it: Exchange) -> None:
        it.begin()
        it.event({"jsonrpc": "2.0", "id": "q-1", "method": "sampling/createMessage", "params": {}})
        it.event(it.say("anyway"))
        it.end()

    async def go() -> None:
        heard = Heard()
        async with between("modern", asks) as (rude, server):
            call = tool("t", session="s", ask=heard.answering(b"{}"), **OFFERS)
            assert text_of(await server.call(call)) == "anyway"
            assert heard.events == []
            assert [one for one in rude.asked if "result" in one.message] == []

    run(go())


def test_a_server_that_is_not_there_is_reached_when_it_comes() -> None:
    async def go() -> None:
        async with rude_server("modern", json_answer) as rude:
            listener = await asyncio.start_server(rude.serve, "127.0.0.1", 0)
            port = listener.sockets[0].getsockname()[1]
            listener.close()
            await listener.wait_closed()
            async with opened(url=f"http://127.0.0.1:{port}/mcp", ready=False) as server:
                said = await server.call(tool("t", timeout=0.2))
                assert is_fault(said)
                assert not said.sent
                listener = await asyncio.start_server(rude.serve, "127.0.0.1", port)
                assert await server.ready(60), server.trouble
                assert text_of(await server.call(tool("t"))) == "json"
                listener.close()

    run(go())


def test_a_server_that_goes_away_leaves_calls_unsent() -> None:
    async def go() -> None:
        async with between("modern", json_answer) as (rude, server):
            assert text_of(await server.call(tool("t"))) == "json"
            rude.vanish()
            await asyncio.sleep(0.1)
            said = await server.call(tool("t"))
            assert is_fault(said)
            assert not said.sent

    run(go())


@pytest.mark.parametrize(("first", "then"), [("modern", "legacy"), ("legacy", "modern")])
def test_a_server_that_changes_its_revision_is_found_out(first: str, then: str) -> None:
    async def go() -> None:
        async with between(first, json_answer) as (rude, server):
            rude.era = then
            said = await server.call(tool("t"))
            assert said.error is not None
            assert said.error.code == wire.UNSUPPORTED_VERSION
            await until(lambda: server.revision == ("2025-11-25" if then == "legacy" else "2026-07-28"))
            assert text_of(await server.call(tool("t"))) == "json"

    run(go())


@pytest.mark.parametrize(
    "tools",
    [
        "no list",
        [7],
        [{"inputSchema": {}}],
        [{"name": "t"}],
        [{"name": "t", "inputSchema": []}],
        [{"name": "t", "inputSchema": {}}, {"name": "t", "inputSchema": {"type": "object"}}],
        [{"name": "x" * 300, "inputSchema": {}}],
        [{"name": "t", "inputSchema": {"properties": {"a": {"type": "array", "x-mcp-header": "A"}}}}],
        [{"name": "t", "inputSchema": {"maximum": 1 << 60}}],
    ],
)
def test_a_server_that_lies_about_its_tools_offers_none(tools: Any) -> None:
    async def go() -> None:
        async with rude_server("modern", json_answer) as rude:
            rude.tools = tools
            async with opened(url=rude.url, bounds=SMALL, ready=False) as server:
                await until(lambda: server.refused or "tools" in server.trouble)
                assert server.definitions == {}
                assert server.tools == {}
                assert (
                    text_of(await server.call(tool("t"))) == "json"
                )  # whether it may be called, the gate says

    run(go())
