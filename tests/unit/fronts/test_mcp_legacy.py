"""2024-11-05 to 2025-11-25: sessions that belong to somebody, streams, questions, cancellation."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from standwatch.enforce.ports import Caller, Reply
from standwatch.facts.mcp import McpAnswer, McpCall, McpError
from standwatch.fronts.http_message import ClientGone, Response, Stream
from standwatch.fronts.mcp.turn import Limits
from support.mcp_front import Bench, Writer, legacy, post, read

pytestmark = pytest.mark.anyio
CALL = {"name": "pay", "arguments": {"amount": 5}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def message(answer: Response | Stream, status: int) -> Any:
    assert isinstance(answer, Response)
    assert answer.status == status, answer
    return json.loads(answer.body) if answer.body else None


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2024-11-05"),
        ("2026-07-28", "2025-11-25"),
        ("x", "2025-11-25"),
    ],
)
async def test_initialize_settles_on_a_revision_and_gives_a_session(asked: str, given: str) -> None:
    bench = Bench()
    answer = await bench.send(legacy("initialize", {"protocolVersion": asked, "capabilities": {}}))
    result = message(answer, 200)["result"]
    assert result["protocolVersion"] == given
    assert "instructions" not in result
    assert "resultType" not in result
    (header,) = answer.headers
    assert header[0] == "mcp-session-id"
    assert len(header[1]) >= 43


@pytest.mark.parametrize(
    "params", [None, {}, {"protocolVersion": 1, "capabilities": {}}, [], {"protocolVersion": "x"}]
)
async def test_initialize_without_what_it_needs(params: Any) -> None:
    answer = await Bench().send(legacy("initialize", params))
    assert message(answer, 200)["error"]["code"] == -32602


async def test_a_session_is_needed_and_no_other_is_known() -> None:
    bench = Bench()
    assert message(await bench.send(legacy("ping")), 400)["error"]["code"] == -32600
    assert message(await bench.send(legacy("ping", session="made-up")), 404)["error"]["code"] == -32600


async def test_anothers_session_is_as_unknown_as_none() -> None:
    bench = Bench()
    session = await bench.session()
    theirs = bench.gate.identify
    unknown = await bench.send(legacy("ping", session="made-up"))
    for stranger in (
        Caller("stranger", "agent", ("fixture",)),
        Caller("tester", "agent", ("fixture",), "run-2"),
    ):
        bench.gate.identify = lambda *_, who=stranger: who  # type: ignore[method-assign,misc]
        assert await bench.send(legacy("ping", session=session)) == unknown
        assert await bench.send(post(b"", {"mcp-session-id": session}, "DELETE")) == unknown
        assert await bench.send(post(b"", {"mcp-session-id": session}, "GET")) == unknown
    bench.gate.identify = theirs  # type: ignore[method-assign]
    assert await bench.legacy(session, "ping") == {"jsonrpc": "2.0", "id": 1, "result": {}}


async def test_a_session_ends_by_delete_and_by_idling() -> None:
    bench = Bench()
    session = await bench.session()
    assert message(await bench.send(post(b"", {"mcp-session-id": session}, "DELETE")), 200) is None
    message(await bench.send(legacy("ping", session=session)), 404)
    await asyncio.sleep(0)
    assert bench.one.ended == [session]
    idle = await bench.session()
    bench.now += 1801_000_000
    message(await bench.send(legacy("ping", session=idle)), 404)


async def test_a_session_that_nobody_comes_back_to_is_ended_all_the_same() -> None:
    bench = Bench()
    forgotten = await bench.session()
    bench.now += 1801_000_000
    await bench.session()
    await asyncio.sleep(0)
    assert bench.one.ended == [forgotten]


async def test_the_sessions_of_one_principal_are_bounded() -> None:
    bench = Bench(limits=Limits(sessions=2))
    first = await bench.session()
    bench.now += 1
    second = await bench.session()
    await bench.session()
    message(await bench.send(legacy("ping", session=first)), 404)
    message(await bench.send(legacy("ping", session=second)), 200)


async def test_answers_without_meaning_for_older_clients_are_bare() -> None:
    bench = Bench()
    session = await bench.session()

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(
            b'{"resultType":"complete","content":[],"ttlMs":1,"cacheScope":"public",'
            b'"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"x"}}}'
        )

    bench.one.script = script
    assert (await bench.legacy(session, "tools/call", CALL))["result"] == {"content": []}
    assert (await bench.legacy(session, "logging/setLevel", {"level": "debug"}))["result"] == {}
    assert (await bench.legacy(session, "logging/setLevel", {"level": "loud"}))["error"]["code"] == -32602
    await bench.legacy(session, "tools/call", CALL)
    assert [call.log_level for call in bench.one.calls] == ["", "debug"]
    assert bench.one.calls[0].session == session


@pytest.mark.parametrize("method", ["server/discover", "subscriptions/listen", "x"])
async def test_unknown_methods_are_errors_on_200(method: str) -> None:
    bench = Bench()
    session = await bench.session()
    assert message(await bench.send(legacy(method, session=session)), 200)["error"]["code"] == -32601


async def test_a_refusal_is_a_result_here_too() -> None:
    bench = Bench()
    session = await bench.session()
    bench.gate.words["one.pay"] = Reply("pending", "ref-1")
    result = (await bench.legacy(session, "tools/call", CALL))["result"]
    assert result["isError"] is True
    assert "resultType" not in result
    assert result["_meta"] == {"standwatch/reply": {"word": "pending", "reference": "ref-1"}}


async def test_the_old_code_for_a_missing_resource_stays() -> None:
    bench = Bench()
    session = await bench.session()

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(error=McpError(-32002, "Resource not found", b'{"uri":"a"}'))

    bench.one.script = script
    error = (await bench.legacy(session, "resources/read", {"uri": "a"}))["error"]
    assert error == {"code": -32002, "message": "Resource not found", "data": {"uri": "a"}}


# --- cancellation, disconnection ---------------------------------------------------------------


class Stuck:
    """A call that goes on until it is cancelled."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, _: McpCall) -> McpAnswer:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        raise AssertionError


async def test_a_notification_cancels_a_call() -> None:
    bench = Bench()
    session = await bench.session()
    bench.one.script = stuck = Stuck()
    task = asyncio.ensure_future(bench.send(legacy("tools/call", CALL, session=session, ident="c")))
    await stuck.began.wait()
    other = await bench.session()
    cancel = {"requestId": "c"}
    await bench.send(legacy("notifications/cancelled", cancel, ident=None, session=other))
    await asyncio.sleep(0.01)
    assert not task.done(), "another session cancelled it"
    await bench.send(legacy("notifications/cancelled", cancel, ident=None, session=session))
    assert message(await task, 200)["error"]["code"] == -32800
    assert stuck.ended.is_set()


async def test_a_lost_connection_cancels_nothing() -> None:
    bench = Bench()
    session = await bench.session()
    done = asyncio.Event()

    async def script(_: McpCall) -> McpAnswer:
        await asyncio.sleep(0.02)
        done.set()
        return McpAnswer(b"{}")

    bench.one.script = script
    request = legacy("tools/call", CALL, session=session)
    task = asyncio.ensure_future(bench.send(request))
    await asyncio.sleep(0)
    assert request.lost(), "the core would have cancelled the handler"
    await task
    assert done.is_set()


async def test_two_requests_of_one_id_are_not_under_way_at_once() -> None:
    bench = Bench()
    session = await bench.session()
    bench.one.script = stuck = Stuck()
    task = asyncio.ensure_future(bench.send(legacy("tools/call", CALL, session=session)))
    await stuck.began.wait()
    assert message(await bench.send(legacy("ping", session=session)), 200)["error"]["code"] == -32600
    await bench.send(post(b"", {"mcp-session-id": session}, "DELETE"))
    await task
    assert stuck.ended.is_set()


# --- questions ---------------------------------------------------------------------------------


async def asks(call: McpCall) -> McpAnswer:
    assert call.ask is not None
    said = await call.ask("elicitation/create", b'{"message":"Who?"}')
    return said if said.error is None else McpAnswer(b'{"none":true}')


async def test_a_question_goes_out_on_the_calls_stream_and_its_answer_comes_by_post() -> None:
    bench = Bench()
    session = await bench.session(elicitation={})
    bench.one.script = asks
    answer = await bench.send(legacy("tools/call", CALL, session=session, ident="c"))
    assert isinstance(answer, Stream)
    writer = Writer()
    task = asyncio.ensure_future(answer.produce(writer))
    asked = await writer.messages.get()
    assert (asked["method"], asked["params"]) == ("elicitation/create", {"message": "Who?"})
    said = {"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}}
    other = await bench.session(elicitation={})
    for whose in (other, session):
        assert not task.done(), "another session answered"
        accepted = await bench.send(post(json.dumps(said).encode(), {"mcp-session-id": whose}))
        assert (accepted.status, isinstance(accepted, Response)) == (202, True)
        await asyncio.sleep(0.01)
    await task
    assert writer.seen[-1] == {"jsonrpc": "2.0", "id": "c", "result": {"action": "accept"}}
    assert [(act.event, act.phase) for act in bench.gate.acts] == [
        ("tool_call", "call"),
        ("elicitation", "ask"),
    ]


async def test_a_question_to_a_client_that_left_is_answered_for_it() -> None:
    bench = Bench()
    session = await bench.session(elicitation={})
    bench.one.script = asks
    request = legacy("tools/call", CALL, session=session)
    answer = await bench.send(request)
    assert isinstance(answer, Stream)
    request.lost()
    writer = Writer()
    writer.gone = True
    with pytest.raises(ClientGone):
        await answer.produce(writer)
    async with asyncio.timeout(60):
        while bench.gate.acts and bench.one.calls and (await bench.legacy(session, "ping", ident=9)) is None:
            await asyncio.sleep(0.01)
    again = await bench.legacy(session, "ping")
    assert again["result"] == {}, "the first call still holds its id"


@pytest.mark.parametrize("offered", [{}, {"sampling": {}}])
@pytest.mark.parametrize("kind", [b"input_required", rb"input\u005frequired"])
async def test_a_client_that_offers_nothing_is_asked_nothing(offered: dict[str, Any], kind: bytes) -> None:
    bench = Bench()
    session = await bench.session(**offered)

    async def script(call: McpCall) -> McpAnswer:
        assert "elicitation" not in call.capabilities
        if call.ask is not None:
            assert (await call.ask("elicitation/create", b"{}")).error is not None
        return McpAnswer(b'{"resultType":"%b","inputRequests":{"k":{"method":"elicitation/create"}}}' % kind)

    bench.one.script = script
    answer = await bench.send(legacy("tools/call", CALL, session=session))
    assert message(answer, 200)["error"]["code"] == -32601


# --- the standing stream -----------------------------------------------------------------------


async def test_the_stream_carries_what_belongs_to_no_call_and_is_cut() -> None:
    bench = Bench()
    session = await bench.session()
    get = {"mcp-session-id": session, "accept": "text/event-stream"}
    answer = await bench.send(post(b"", get, "GET"))
    assert isinstance(answer, Stream)
    writer = Writer()
    task = asyncio.ensure_future(answer.produce(writer))
    await asyncio.sleep(0)
    message(await bench.send(post(b"", get, "GET")), 409)
    heard = bench.one.heard[session]
    heard("notifications/message", b"{}")
    heard("notifications/resources/updated", b'{"uri":"a://1"}')
    assert (await bench.legacy(session, "resources/subscribe", {"uri": "a://1"}))["result"] == {}
    heard("notifications/resources/updated", b'{"uri":"a://1"}')
    assert (await writer.messages.get())["method"] == "notifications/resources/updated"
    assert (await bench.legacy(session, "resources/unsubscribe", {"uri": "a://1"}))["result"] == {}
    heard("notifications/resources/updated", b'{"uri":"a://1"}')
    heard("notifications/prompts/list_changed", b"{}")
    assert (await writer.messages.get())["method"] == "notifications/prompts/list_changed"
    bench.front.cut(lambda system, _: system == "fixture")
    await task
    assert writer.was_cut
    assert not bench.one.heard
    assert isinstance(await bench.send(post(b"", get, "GET")), Stream), "it may come back"


async def test_a_resource_that_is_refused_is_not_subscribed_to() -> None:
    bench = Bench()
    session = await bench.session()
    bench.gate.words["one.resource_read"] = Reply("refused", "ref-1")
    answer = await bench.legacy(session, "resources/subscribe", {"uri": "a://1"})
    assert answer["error"]["code"] == 4003
    assert not bench.one.calls


async def test_a_list_is_one_message_of_json() -> None:
    bench = Bench()
    session = await bench.session()
    answer = await bench.send(legacy("tools/list", session=session))
    (listed,) = await read(answer)
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["pay", "look"]
    assert listed["result"].keys() == {"tools"}
