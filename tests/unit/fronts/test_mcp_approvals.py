"""Approvals shown to MCP clients: who is shown the page, what the state carries, and who hears that it is done with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Act, Forward, Reply, Resumed
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.fronts.http_message import Response, Stream
from standwatch.fronts.mcp import approvals
from standwatch.fronts.mcp.approvals import KEY, MOST_CARRIED
from support.mcp_front import Bench, Writer, legacy, post

pytestmark = pytest.mark.anyio
CALL = {"name": "pay", "arguments": {"amount": 5}}
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
SHOWS = {CAPABILITIES: {"elicitation": {"url": {}, "form": {}}}}
DIGEST = "ab" * 32
UNTIL = 1_800_000_000_000_000 + 60_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def waiting(index: int = 7) -> Reply:
    return Reply("pending", "ref-1", index=index, digest=DIGEST, until=UNTIL)


def asking(tool: str = "one.pay", **more: Any) -> Bench:
    bench = Bench()
    bench.gate.words[tool] = waiting(**more)
    return bench


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ({"elicitation": {"url": {}}}, True),
        ({"elicitation": {"url": {}, "form": {}}}, True),
        ({"elicitation": {}}, False),
        ({"elicitation": {"form": {}}}, False),
        ({"elicitation": None}, False),
        ({"elicitation": "url"}, False),
        ({"elicitation": ["url"]}, False),
        ({"url": {}}, False),
        ({}, False),
    ],
)
async def test_only_who_says_that_it_opens_addresses_is_shown_one(
    declared: dict[str, Any], shown: bool
) -> None:
    said = (await asking().modern("tools/call", CALL, meta={CAPABILITIES: declared}))["result"]
    assert (said["resultType"] == "input_required") is shown
    if shown:
        asked = said["inputRequests"][KEY]
        assert (asked["method"], asked["params"]["mode"]) == ("elicitation/create", "url")
        assert asked["params"]["url"] == "http://localhost/approvals/ref-1"
        assert "elicitationId" not in asked["params"], "this revision has none"
    else:
        assert said["_meta"]["standwatch/reply"]["word"] == "pending"


async def test_a_question_that_is_not_new_is_not_shown_again() -> None:
    said = (await asking(index=-1).modern("tools/call", CALL, meta=SHOWS))["result"]
    assert said["_meta"]["standwatch/reply"]["reference"] == "ref-1"
    assert said["isError"]


async def test_what_waits_and_is_no_question_is_not_shown() -> None:
    bench = Bench()
    bench.gate.words["one.pay"] = Reply("pending", "ref-1", index=7)
    said = (await bench.modern("tools/call", CALL, meta=SHOWS))["result"]
    assert said["resultType"] == "complete"


async def test_reads_and_prompts_are_shown_too_and_completions_are_not() -> None:
    for method, params, tool in (
        ("resources/read", {"uri": "test://a"}, "one.resource_read"),
        ("prompts/get", {"name": "p"}, "one.prompt_get"),
    ):
        bench = asking(tool)
        bench.gate.words["?." + tool.partition(".")[2]] = waiting()
        said = await bench.modern(method, params, meta=SHOWS)
        assert said["result"]["resultType"] == "input_required", said
    bench = asking("one.completion")
    bench.gate.words["?.completion"] = waiting()
    params = {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": ""}}
    said = await bench.modern("completion/complete", params, meta=SHOWS)
    assert said["error"]["data"]["word"] == "pending"


async def test_the_state_brings_back_the_question_and_what_the_server_had_asked() -> None:
    """A server's own round, then an approval: the server gets its state and its answers once somebody has signed."""
    bench = asking()
    asked = {
        "method": "elicitation/create",
        "params": {"message": "?", "requestedSchema": {"type": "object"}},
    }

    async def rounds(call: McpCall) -> McpAnswer:
        if "requestState" not in call.params:
            said = {"resultType": "input_required", "inputRequests": {"who": asked}, "requestState": "s1"}
            return McpAnswer(json.dumps(said).encode())
        return await bench.one.echo(call)

    bench.one.script = rounds
    words, bench.gate.words = bench.gate.words, {}
    first = (await bench.modern("tools/call", CALL, meta=SHOWS))["result"]
    bench.gate.words = words
    answers = {"who": {"action": "accept", "content": {"name": "Ada"}}}
    second = {**CALL, "requestState": first["requestState"], "inputResponses": answers}
    paused = (await bench.modern("tools/call", second, meta=SHOWS))["result"]
    assert list(paused["inputRequests"]) == [KEY]
    bench.gate.words = {}
    third = {**CALL, "requestState": paused["requestState"], "inputResponses": {KEY: {"action": "decline"}}}
    done = (await bench.modern("tools/call", third, meta=SHOWS))["result"]
    sent = json.loads(done["content"][0]["text"])
    assert (sent["requestState"], sent["inputResponses"]) == ("s1", answers)
    assert bench.gate.acts[-1].resumes == Resumed("ref-1", DIGEST, "root")


async def test_answers_too_large_to_carry_leave_the_plain_word() -> None:
    bench = asking()
    large = {"who": {"action": "accept", "content": {"name": "x" * MOST_CARRIED}}}
    said = await bench.modern("tools/call", {**CALL, "inputResponses": large}, meta=SHOWS)
    assert said["result"]["_meta"]["standwatch/reply"]["word"] == "pending"


async def test_a_state_is_over_with_its_question_and_with_its_configuration() -> None:
    for late in (True, False):
        bench = asking()
        said = (await bench.modern("tools/call", CALL, meta=SHOWS))["result"]
        bench.gate.words = {}
        if late:
            bench.now = UNTIL
        else:
            bench.gate.configuration = msgspec.structs.replace(bench.gate.configuration, root="another")
        again = await bench.modern("tools/call", {**CALL, "requestState": said["requestState"]}, meta=SHOWS)
        assert again["error"]["data"] == {"reason": "invalid_request_state"}
        assert not bench.one.calls


async def test_no_state_with_one_character_changed_opens() -> None:
    bench = asking()
    state: str = (await bench.modern("tools/call", CALL, meta=SHOWS))["result"]["requestState"]
    bench.gate.words = {}
    acts = len(bench.gate.acts)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    for at in range(len(state)):
        other = letters[(letters.index(state[at]) + 1 + at % 63) % 64]
        forged = state[:at] + other + state[at + 1 :]
        said = await bench.modern("tools/call", {**CALL, "requestState": forged}, meta=SHOWS)
        assert said["error"]["data"] == {"reason": "invalid_request_state"}, at
    assert len(bench.gate.acts) == acts


async def test_an_act_that_says_no_question_resumes_none() -> None:
    bench = Bench()
    heard: list[Act] = []

    async def act(one: Act, forward: Forward, **_: Any) -> Reply:
        del forward
        heard.append(one)
        return Reply("refused", "ref-9")

    bench.gate.act = act  # type: ignore[method-assign]
    answers = {KEY: {"action": "accept"}}
    await bench.modern("tools/call", {**CALL, "inputResponses": answers}, meta=SHOWS)
    assert [one.resumes for one in heard if one.event == "tool_call"] == [None], (
        "an answer alone means nothing"
    )


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18"])
async def test_revisions_without_addresses_hear_the_word(revision: str) -> None:
    bench = asking()
    session = await bench.session(revision, elicitation={"url": {}})
    said = await bench.legacy(session, "tools/call", CALL)
    assert said["result"]["isError"]


async def listening(bench: Bench, session: str) -> tuple[Writer, Any]:
    request = legacy("x", session=session)
    request.method = "GET"
    answer = await bench.send(request)
    assert isinstance(answer, Stream), answer
    writer = Writer()
    task = asyncio.get_running_loop().create_task(answer.produce(writer))
    await asyncio.sleep(0)
    return writer, task


async def shown_on(bench: Bench, session: str) -> tuple[Writer, Any, Any]:
    """A call that waits for its client, its stream, and what the client was asked."""
    answer = await bench.send(legacy("tools/call", CALL, session=session))
    assert isinstance(answer, Stream), answer
    writer = Writer()
    task = asyncio.get_running_loop().create_task(answer.produce(writer))
    return writer, task, await asyncio.wait_for(writer.messages.get(), 60)


async def answered(bench: Bench, session: str, number: Any, **said: Any) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": number, **said}).encode()
    answer = await bench.send(post(body, {"mcp-session-id": session}))
    assert isinstance(answer, Response)
    assert answer.status == 202


def word(message: Any) -> str:
    told = message["result"].get("_meta", {}).get("standwatch/reply")
    return told["word"] if told else "done"


async def test_the_older_revision_is_asked_on_the_call_and_judged_again() -> None:
    bench = asking()
    session = await bench.session(elicitation={"url": {}})
    writer, task, asked = await shown_on(bench, session)
    assert asked["method"] == "elicitation/create"
    assert asked["params"]["elicitationId"] == "ref-1"
    assert asked["params"]["url"] == "http://localhost/approvals/ref-1"
    bench.gate.words = {}
    await answered(bench, session, asked["id"], result={"action": "accept"})
    await asyncio.wait_for(task, 60)
    assert word(writer.seen[-1]) == "done"
    assert [one.resumes for one in bench.gate.acts] == [None, Resumed("ref-1", DIGEST, "root")]


@pytest.mark.parametrize(
    "said",
    [
        {"result": {"action": "decline"}},
        {"result": {"action": "cancel"}},
        {"result": {"action": 7}},
        {"result": {}},
        {"result": None},
        {"result": ["accept"]},
        {"error": {"code": -32603, "message": "no such mode"}},
    ],
)
async def test_a_client_that_says_anything_else_leaves_the_call_pending(said: dict[str, Any]) -> None:
    bench = asking()
    session = await bench.session(elicitation={"url": {}})
    writer, task, asked = await shown_on(bench, session)
    bench.gate.words = {"one.pay": Reply("refused", "never asked again")}
    await answered(bench, session, asked["id"], **said)
    await asyncio.wait_for(task, 60)
    assert word(writer.seen[-1]) == "pending"
    assert len(bench.gate.acts) == 1


async def test_a_client_that_says_nothing_is_waited_for_a_minute_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(approvals, "PATIENCE", 0.02)
    bench = asking()
    writer, task, _ = await shown_on(bench, await bench.session(elicitation={"url": {}}))
    await asyncio.wait_for(task, 60)
    assert word(writer.seen[-1]) == "pending"


async def test_still_pending_keeps_the_receipt_of_the_question() -> None:
    bench = asking()
    session = await bench.session(elicitation={"url": {}})
    writer, task, asked = await shown_on(bench, session)
    bench.gate.words["one.pay"] = waiting(index=-1)
    await answered(bench, session, asked["id"], result={"action": "accept"})
    await asyncio.wait_for(task, 60)
    assert word(writer.seen[-1]) == "pending"
    assert len(bench.gate.acts) == 2


async def test_the_session_that_was_shown_the_page_hears_when_it_is_done_with() -> None:
    bench = asking()
    shown = await bench.session(elicitation={"url": {}})
    other = await bench.session(elicitation={"url": {}})
    _, call, asked = await shown_on(bench, shown)
    await answered(bench, shown, asked["id"], result={"action": "cancel"})
    await asyncio.wait_for(call, 60)
    theirs, their_task = await listening(bench, other)
    bench.front.answered("ref-unknown")
    bench.front.answered("ref-1")  # before the client listens: kept until it does
    writer, task = await listening(bench, shown)
    message = await asyncio.wait_for(writer.messages.get(), 60)
    assert message["method"] == "notifications/elicitation/complete"
    assert message["params"] == {"elicitationId": "ref-1"}
    bench.front.answered("ref-1")
    await asyncio.sleep(0.01)
    assert writer.messages.empty(), "once"
    assert theirs.seen == []
    for one in (task, their_task):
        one.cancel()
