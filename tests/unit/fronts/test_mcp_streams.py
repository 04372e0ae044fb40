"""Streams under stress: slow calls, clients that leave in the middle, holds that fall on a call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from standwatch.enforce.ports import Act, Carried, Forward, Reply
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.facts.sse import SseParser
from standwatch.fronts.http_message import ClientGone, Stream
from standwatch.fronts.mcp import exchange, streams
from support.mcp_front import Bench, Writer, legacy, modern

pytestmark = pytest.mark.anyio
CALL = {"name": "pay", "arguments": {"amount": 5}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Slow:
    """Says that it has begun, and goes on until it is let go or cancelled."""

    def __init__(self) -> None:
        self.began, self.go, self.cancelled = asyncio.Event(), asyncio.Event(), False

    async def __call__(self, call: McpCall) -> McpAnswer:
        if call.notify is not None:
            await call.notify("notifications/progress", b'{"progressToken":"p","progress":1}')
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return McpAnswer(b'{"done":true}')


async def streamed(bench: Bench, request: Any) -> tuple[Writer, asyncio.Task[None]]:
    answer = await bench.send(request)
    assert isinstance(answer, Stream)
    writer = Writer()
    return writer, asyncio.ensure_future(answer.produce(writer))


async def test_a_slow_call_becomes_a_stream_that_is_kept_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE", 0.01)
    bench = Bench()
    bench.one.script = slow = Slow()
    writer, task = await streamed(bench, modern("tools/call", CALL))
    while writer.pings < 3:
        await asyncio.sleep(0.01)
    slow.go.set()
    await task
    assert [message["result"]["done"] for message in writer.seen] == [True]


async def test_a_quiet_standing_stream_is_kept_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PATIENCE", 0.01)
    bench = Bench()
    writer, task = await streamed(bench, modern("subscriptions/listen", {"notifications": {}}))
    while writer.pings < 3:
        await asyncio.sleep(0.01)
    bench.front.cut(lambda system, _: system == "fixture")
    await task


@pytest.mark.parametrize("how", ["cancelled", "gone"])
async def test_a_client_that_leaves_a_stream_cancels_its_call(how: str) -> None:
    bench = Bench()
    bench.one.script = slow = Slow()
    writer, task = await streamed(bench, modern("tools/call", CALL, meta={"progressToken": "p"}))
    await writer.messages.get()
    if how == "cancelled":
        task.cancel()
    else:
        writer.gone = True
        await bench.one.calls[0].notify("notifications/progress", b'{"progress":2}')  # type: ignore[misc]
    with pytest.raises((asyncio.CancelledError, ClientGone)):
        await task
    assert slow.cancelled


async def test_an_older_client_that_leaves_a_stream_cancels_nothing() -> None:
    bench = Bench()
    session = await bench.session()
    bench.one.script = slow = Slow()
    request = legacy("tools/call", {**CALL, "_meta": {"progressToken": "p"}}, session=session)
    writer, task = await streamed(bench, request)
    await writer.messages.get()
    request.lost()
    writer.gone = True
    slow.go.set()
    with pytest.raises(ClientGone):
        await task
    await asyncio.sleep(0.01)
    assert not slow.cancelled
    assert (await bench.legacy(session, "ping"))["result"] == {}, "the id is free again"


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_hold_ends_the_stream_with_a_word(era: str) -> None:
    bench = Bench()
    bench.one.script = slow = Slow()
    held = asyncio.Event()

    async def act(asked: Act, forward: Forward, **_: Any) -> Reply:
        del asked
        carrying = asyncio.ensure_future(forward({"amount": 5}))
        await held.wait()
        carrying.cancel()
        await asyncio.wait((carrying,))
        return Reply("refused", "ref-1", Carried("unknown"))

    bench.gate.act = act  # type: ignore[method-assign]
    if era == "modern":
        request = modern("tools/call", CALL, meta={"progressToken": "p"})
    else:
        params = {**CALL, "_meta": {"progressToken": "p"}}
        request = legacy("tools/call", params, session=await bench.session())
    writer, task = await streamed(bench, request)
    assert (await writer.messages.get())["method"] == "notifications/progress"
    held.set()
    await task
    assert slow.cancelled
    result = writer.seen[-1]["result"]
    assert result["isError"] is True
    assert result["_meta"]["standwatch/reply"] == {"word": "refused", "reference": "ref-1"}


async def test_a_hold_on_a_call_that_waits_is_heard_when_the_client_comes_back() -> None:
    bench = Bench()
    held = asyncio.Event()

    async def asks(call: McpCall) -> McpAnswer:
        assert call.ask is not None
        return await call.ask("elicitation/create", b"{}")

    async def act(asked: Act, forward: Forward, **_: Any) -> Reply:
        carrying = asyncio.ensure_future(forward(asked.arguments))
        if asked.phase == "ask":
            return Reply("done", "ask", await carrying)
        await held.wait()
        carrying.cancel()
        await asyncio.wait((carrying,))
        return Reply("refused", "ref-1")

    bench.one.script = asks
    bench.gate.act = act  # type: ignore[method-assign]
    one = (await bench.modern("tools/call", CALL))["result"]
    held.set()
    await asyncio.sleep(0.01)
    (key,) = one["inputRequests"]
    answers = {key: {"action": "accept", "content": {}}}
    again = await bench.modern(
        "tools/call", {**CALL, "requestState": one["requestState"], "inputResponses": answers}
    )
    assert again["result"]["isError"] is True


async def test_a_flood_of_notifications_is_bounded() -> None:
    bench = Bench()

    async def floods(call: McpCall) -> McpAnswer:
        assert call.notify is not None
        for _ in range(20):
            await call.notify("notifications/progress", b'{"progress":1,"message":"%b"}' % (b"x" * (1 << 20)))
        return McpAnswer(b"{}")

    bench.one.script = floods
    answer = await bench.send(modern("tools/call", CALL, meta={"progressToken": "p"}))
    assert isinstance(answer, Stream)
    await asyncio.sleep(0.05)  # the client does not read yet
    writer = Writer()
    writer.parser = SseParser(max_event_bytes=16 << 20)
    await answer.produce(writer)
    assert 1 <= len(writer.seen) - 1 <= 4
    assert "result" in writer.seen[-1]
