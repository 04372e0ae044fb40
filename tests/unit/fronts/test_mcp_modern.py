"""2026-07-28: the ladder of checks, the four words, what is sent on, and the rounds of questions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Carried, Reply
from standwatch.facts.mcp import McpAnswer, McpCall, McpError
from standwatch.facts.words import SENTENCES
from standwatch.fronts.http_message import Response, Stream
from standwatch.fronts.mcp.turn import Limits
from support.mcp_front import META, Bench, Server, Writer, modern, post, read

pytestmark = pytest.mark.anyio
CALL = {"name": "pay", "arguments": {"amount": 5}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def refused(bench: Bench, request: Any, status: int, code: int | None) -> Any:
    answer = await bench.send(request)
    assert isinstance(answer, Response)
    assert answer.status == status, answer
    assert not bench.one.calls
    if code is None:
        return None
    error = json.loads(answer.body)
    assert error["error"]["code"] == code
    return error


LADDER = [
    pytest.param({"host": "evil.example"}, 421, -32600, id="foreign host"),
    pytest.param({"origin": "http://evil.example"}, 403, -32600, id="foreign origin"),
    pytest.param({"authorization": None}, 401, -32600, id="no token"),
    pytest.param({"authorization": "Bearer sw_other"}, 401, -32600, id="another token"),
    pytest.param({"accept": "application/json"}, 406, None, id="no stream accepted"),
    pytest.param({"content-type": "text/plain"}, 415, -32600, id="not json"),
    pytest.param({"mcp-method": None}, 400, -32020, id="no method header"),
    pytest.param({"mcp-method": "TOOLS/CALL"}, 400, -32020, id="method in capitals"),
    pytest.param({"mcp-name": None}, 400, -32020, id="no name header"),
    pytest.param({"mcp-name": "look"}, 400, -32020, id="another name"),
    pytest.param({"mcp-name": "=?base64?cGF5*?="}, 400, -32020, id="broken base64"),
    pytest.param({"mcp-protocol-version": "v999.0.0"}, 400, -32020, id="version unlike the body's"),
]


@pytest.mark.parametrize(("headers", "status", "code"), LADDER)
async def test_a_header_that_does_not_fit_stops_the_request(
    headers: dict[str, str | None], status: int, code: int | None
) -> None:
    await refused(Bench(), modern("tools/call", CALL, headers=headers), status, code)


async def test_a_foreign_host_hears_nothing_of_its_token() -> None:
    bench = Bench()
    answer = await bench.send(
        modern("tools/call", CALL, headers={"host": "evil.example", "authorization": None})
    )
    assert isinstance(answer, Response)
    assert answer.status == 421


@pytest.mark.parametrize("name", ["=?base64?cGF5?=", " pay\t", "pay"])
async def test_a_name_may_be_spelt_as_the_specification_allows(name: str) -> None:
    bench = Bench()
    answer = await bench.modern("tools/call", CALL, headers={"mcp-name": name})
    assert "result" in answer


BODIES = [
    pytest.param(b"{", -32700, id="half"),
    pytest.param(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}', -32700, id="a member twice"),
    pytest.param(b"\xff", -32700, id="not UTF-8"),
    pytest.param(b"[" * 100 + b"]" * 100, -32700, id="deep"),
    pytest.param(b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]', -32600, id="a batch"),
    pytest.param(b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}', -32600, id="another version"),
    pytest.param(b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', -32600, id="no id to answer"),
    pytest.param(b'{"jsonrpc":"2.0","id":true,"method":"tools/list"}', -32600, id="a boolean id"),
    pytest.param(b'{"jsonrpc":"2.0","id":1,"method":7}', -32600, id="a numeric method"),
    pytest.param(b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600, id="a response"),
    pytest.param(b'"text"', -32600, id="a string"),
]


@pytest.mark.parametrize(("body", "code"), BODIES)
async def test_a_body_that_is_no_request_is_refused_without_an_id(body: bytes, code: int) -> None:
    headers: dict[str, str | None] = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
    error = await refused(Bench(), post(body, headers), 400, code)
    assert error["id"] is None


ENVELOPES = [
    pytest.param({"io.modelcontextprotocol/protocolVersion": "v999.0.0"}, {}, -32020, id="version"),
    pytest.param(
        {"io.modelcontextprotocol/protocolVersion": "v999.0.0"},
        {"mcp-protocol-version": "v999.0.0"},
        -32022,
        id="version, consistently",
    ),
    pytest.param({"io.modelcontextprotocol/clientCapabilities": []}, {}, -32602, id="capabilities"),
    pytest.param({"progressToken": 1.5}, {}, -32602, id="token"),
    pytest.param({"io.modelcontextprotocol/logLevel": "loud"}, {}, -32602, id="level"),
]


@pytest.mark.parametrize(("meta", "headers", "code"), ENVELOPES)
async def test_an_envelope_that_does_not_fit(
    meta: dict[str, Any], headers: dict[str, Any], code: int
) -> None:
    error = await refused(Bench(), modern("tools/list", meta=meta, headers=headers, ident="x"), 400, code)
    assert error["id"] == "x"


async def test_an_unserved_version_names_what_is_served() -> None:
    version = {"io.modelcontextprotocol/protocolVersion": "v9"}
    error = await refused(
        Bench(), modern("tools/list", meta=version, headers={"mcp-protocol-version": "v9"}), 400, -32022
    )
    assert error["error"]["data"] == {"supported": ["2026-07-28"], "requested": "v9"}


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "x/y"])
async def test_methods_of_another_revision_are_unknown(method: str) -> None:
    error = await refused(Bench(), modern(method), 404, -32601)
    assert error["id"] == 1


async def test_only_post_is_served_and_a_notification_is_dropped() -> None:
    bench = Bench()
    heads: dict[str, str | None] = {"mcp-protocol-version": "2026-07-28"}
    for verb in ("GET", "DELETE", "PUT"):
        answer = await bench.send(post(b"", heads, verb))
        assert isinstance(answer, Response)
        assert (answer.status, answer.headers) == (405, (("allow", "POST"),))
    dropped = await bench.send(post(b'{"jsonrpc":"2.0","method":"notifications/x"}', heads))
    assert isinstance(dropped, Response)
    assert (dropped.status, dropped.body) == (202, b"")


BAD_PARAMS = [
    ("tools/call", {}),
    ("tools/call", {"name": ""}),
    ("tools/call", {"name": "x" * 513}),
    ("tools/call", {"name": "pay", "arguments": [1]}),
    ("tools/call", {"name": "pay", "inputResponses": None}),
    ("tools/call", {"name": "pay", "inputResponses": {"k": 12345}}),
    ("tools/call", {"name": "pay", "requestState": 7}),
    ("tools/call", {"name": "pay", "requestState": "forged"}),
    ("resources/read", {}),
    ("prompts/get", {"name": "p", "arguments": {"a": 1}}),
    ("completion/complete", {"ref": {"type": "ref/x"}, "argument": {"name": "a", "value": "b"}}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a"}}),
    ("tools/list", {"cursor": "made up"}),
    ("subscriptions/listen", {}),
    ("subscriptions/listen", {"notifications": {"resourceSubscriptions": "x"}}),
]


@pytest.mark.parametrize(("method", "params"), BAD_PARAMS)
async def test_parameters_that_do_not_fit_reach_nobody(method: str, params: dict[str, Any]) -> None:
    bench = Bench()
    await refused(
        bench, modern(method, params, headers={"mcp-name": str(params.get("name", ""))}), 400, -32602
    )
    assert not bench.gate.acts


# --- the act -----------------------------------------------------------------------------------


async def test_a_call_is_one_act_and_what_was_not_judged_is_not_sent() -> None:
    bench = Bench()
    params = {**CALL, "extra": "smuggled", "task": {"ttl": 1}}
    await bench.modern("tools/call", params, meta={"vendor/secret": "smuggled"})
    (act,) = bench.gate.acts
    assert (act.tool, act.target, act.event, act.arguments) == ("one.pay", "one", "tool_call", {"amount": 5})
    assert act.definition is bench.one.definitions["pay"]
    (call,) = bench.one.calls
    assert call.params == CALL


async def test_changed_arguments_are_the_ones_that_are_sent() -> None:
    bench = Bench()
    bench.gate.change = lambda _: {"amount": 1}
    await bench.modern("tools/call", CALL)
    assert bench.one.calls[0].params == {"name": "pay", "arguments": {"amount": 1}}


async def test_a_call_without_arguments_stays_without() -> None:
    bench = Bench()
    await bench.modern("tools/call", {"name": "pay"})
    assert bench.one.calls[0].params == {"name": "pay"}
    assert bench.gate.acts[0].arguments == {}


@pytest.mark.parametrize("word", ["refused", "pending", "unavailable"])
async def test_a_word_reaches_the_model_as_a_failed_result(word: Any) -> None:
    bench = Bench()
    bench.gate.words["one.pay"] = Reply(word, "ref-1", receipt="cmVjZWlwdA==")
    answer = await bench.send(modern("tools/call", CALL))
    assert isinstance(answer, Response)
    assert answer.status == 200
    assert dict(answer.headers) == {"standwatch-action": "ref-1", "standwatch-receipt": "cmVjZWlwdA=="}
    result = json.loads(answer.body)["result"]
    assert result["isError"] is True
    assert result["content"] == [{"type": "text", "text": f"{SENTENCES[word]} Reference: ref-1"}]
    assert result["_meta"]["standwatch/reply"] == {"word": word, "reference": "ref-1"}
    assert not bench.one.calls


@pytest.mark.parametrize(("word", "code"), [("refused", 4003), ("pending", 4002), ("unavailable", 4503)])
async def test_elsewhere_a_word_is_an_error(word: Any, code: int) -> None:
    bench = Bench()
    bench.gate.words["one.resource_read"] = Reply(word, "ref-1")
    answer = await bench.modern("resources/read", {"uri": "test://x"})
    assert answer["error"] == {
        "code": code,
        "message": SENTENCES[word],
        "data": {"word": word, "reference": "ref-1"},
    }


async def test_invalid_is_an_error_everywhere() -> None:
    bench = Bench()
    bench.gate.words["one.pay"] = Reply("invalid", "ref-1")
    error = await refused(bench, modern("tools/call", CALL), 400, -32602)
    assert error["error"]["data"] == {"word": "invalid", "reference": "ref-1"}


@pytest.mark.parametrize(
    ("name", "tool"), [("nope", "?.nope"), ("one.nope", "one.nope"), ("hidden", "one.hidden")]
)
async def test_an_undeclared_tool_is_asked_for_at_the_gate_so_that_its_refusal_is_recorded(
    name: str, tool: str
) -> None:
    bench = Bench(Server("one", "pay", "hidden"), tools=["one.pay"])
    answer = await bench.modern("tools/call", {"name": name})
    assert answer["result"]["isError"] is True
    (act,) = bench.gate.acts
    assert (act.tool, act.definition) == (tool, None)
    assert not bench.one.calls


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (
            McpAnswer(error=McpError(1, "connection refused at 10.0.0.7"), sent=False),
            SENTENCES["unavailable"],
        ),
        (McpAnswer(error=McpError(1, "too slow"), timed_out=True), "may have taken effect"),
        (McpAnswer(error=McpError(1, "stream ended")), "may have taken effect"),
    ],
)
async def test_a_server_that_does_not_answer(said: McpAnswer, part: str) -> None:
    bench = Bench()

    async def script(_: McpCall) -> McpAnswer:
        return said

    bench.one.script = script
    result = (await bench.modern("tools/call", CALL))["result"]
    assert result["isError"] is True
    assert part in result["content"][0]["text"]
    assert "10.0.0.7" not in json.dumps(result)


async def test_a_servers_own_error_passes_with_its_data_and_status() -> None:
    bench = Bench()

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(error=McpError(-32021, "needs", b'{"requiredCapabilities":{"sampling":{}}}'))

    bench.one.script = script
    answer = await bench.send(modern("tools/call", CALL))
    assert isinstance(answer, Response)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["data"] == {"requiredCapabilities": {"sampling": {}}}


async def test_a_result_passes_bit_for_bit_but_for_the_stamps() -> None:
    bench = Bench()
    odd = b'{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo": {} },"x":[1.0,  1e2,"\\u00e9"]}'

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(odd)

    bench.one.script = script
    answer = await bench.send(modern("tools/call", CALL))
    assert isinstance(answer, Response)
    assert answer.body == b'{"jsonrpc":"2.0","id":1,"result":' + odd + b"}"


@pytest.mark.parametrize("result", [b"[]", b"7", b"{", b"", b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}"])
async def test_a_result_that_is_no_object_is_an_error_and_not_a_500(result: bytes) -> None:
    bench = Bench()

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(result)

    bench.one.script = script
    answer = await bench.modern("tools/call", CALL)
    assert "error" in answer or answer["result"]["isError"]


async def test_a_gate_that_breaks_is_reported_and_denies() -> None:
    bench = Bench()

    async def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    bench.gate.act = broken  # type: ignore[method-assign]
    answer = await bench.modern("tools/call", CALL)
    assert answer["error"]["code"] == -32603
    assert isinstance(bench.errors[0], ZeroDivisionError)
    assert not bench.one.calls


async def test_a_withheld_result_says_so() -> None:
    bench = Bench()
    bench.gate.words["one.pay"] = Reply("done", "ref-1", Carried("withheld"))
    result = (await bench.modern("tools/call", CALL))["result"]
    assert result["isError"] is True
    assert "withheld" in result["content"][0]["text"]


# --- names and lists ---------------------------------------------------------------------------


async def test_a_shared_name_is_qualified_for_all_that_share_it() -> None:
    bench = Bench(Server("one", "pay", "look"), Server("two", "pay"))
    answer = await bench.modern("tools/list")
    assert [tool["name"] for tool in answer["result"]["tools"]] == ["one.pay", "look", "two.pay"]
    await bench.modern("tools/call", {"name": "two.pay"})
    assert bench.servers["two"].calls[0].params == {"name": "pay"}
    bare = await bench.modern("tools/call", {"name": "pay"})
    assert bare["result"]["isError"] is True
    assert bench.gate.acts[-1].definition is None


async def test_a_qualified_name_never_takes_a_bare_one() -> None:
    bench = Bench(Server("x", "pay", "y.pay"), Server("y", "pay"))
    answer = await bench.modern("tools/list")
    assert [tool["name"] for tool in answer["result"]["tools"]] == ["x.pay", "x.y.pay", "y.pay"]


async def test_lists_show_what_is_visible_and_there_in_the_manifests_order() -> None:
    bench = Bench(Server("one", "a", "b", "c"), tools=["one.c", "one.b", "one.a", "one.gone"])
    bench.gate.hidden.add("one.b")
    result = (await bench.modern("tools/list"))["result"]
    assert [tool["name"] for tool in result["tools"]] == ["c", "a"]
    assert (result["ttlMs"], result["cacheScope"], result["resultType"]) == (0, "private", "complete")


async def test_resources_are_cut_down_to_the_declared_and_pages_are_followed() -> None:
    bench = Bench()

    async def script(call: McpCall) -> McpAnswer:
        if "cursor" in call.params:
            return McpAnswer(
                b'{"resources":[{"uri":"b://2"},{"uri":"c://3"}],"ttlMs":9,"cacheScope":"public"}'
            )
        return McpAnswer(b'{"resources":[{"uri":"a://1","x":1}],"nextCursor":"2"}')

    bench.one.script = script
    component = bench.front._offer("fixture").components  # type: ignore[union-attr]
    component["one"] = msgspec.structs.replace(component["one"], resources=("a://*", "b://*"))
    result = (await bench.modern("resources/list"))["result"]
    assert result["resources"] == [{"uri": "a://1", "x": 1}, {"uri": "b://2"}]
    assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


# --- streams -----------------------------------------------------------------------------------


async def chatty(call: McpCall) -> McpAnswer:
    assert call.notify is not None
    await call.notify("notifications/progress", b'{"progressToken":"theirs","progress":1}')
    await call.notify("notifications/message", b'{"level":"info","data":"x"}')
    await call.notify("notifications/tools/list_changed", b"{}")
    return McpAnswer(b"{}")


@pytest.mark.parametrize(
    ("meta", "methods"),
    [
        ({"progressToken": 5}, ["notifications/progress"]),
        ({"io.modelcontextprotocol/logLevel": "info"}, ["notifications/message"]),
        ({"progressToken": "p", "io.modelcontextprotocol/logLevel": "error"}, ["notifications/progress"]),
    ],
)
async def test_notifications_come_as_they_were_asked_for_before_the_result(
    meta: dict[str, Any], methods: list[str]
) -> None:
    bench = Bench()
    bench.one.script = chatty
    answer = await bench.send(modern("tools/call", CALL, meta=meta))
    assert isinstance(answer, Stream)
    messages = await read(answer)
    assert [message.get("method") for message in messages] == [*methods, None]
    for message in messages:
        if message.get("method") == "notifications/progress":
            assert message["params"]["progressToken"] == meta["progressToken"]


async def test_without_being_asked_nothing_is_said_before_the_answer() -> None:
    bench = Bench()

    async def script(call: McpCall) -> McpAnswer:
        assert call.notify is None
        return McpAnswer(b"{}")

    bench.one.script = script
    assert isinstance(await bench.send(modern("tools/call", CALL)), Response)


async def test_a_client_that_leaves_cancels_its_call() -> None:
    bench = Bench()
    began, ended = asyncio.Event(), asyncio.Event()

    async def script(_: McpCall) -> McpAnswer:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    bench.one.script = script
    task = asyncio.ensure_future(bench.send(modern("tools/call", CALL)))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


# --- questions ---------------------------------------------------------------------------------

FORM = (
    b'{"resultType":"input_required","requestState":"up",'
    b'"inputRequests":{"k":{"method":"elicitation/create","params":{"message":"Who?"}}}}'
)
YES = {"action": "accept", "content": {"name": "Ada"}}


async def asking(call: McpCall) -> McpAnswer:
    if call.params.get("requestState") == "up" and "k" in call.params.get("inputResponses", {}):
        return McpAnswer(b'{"content":[]}')
    return McpAnswer(FORM)


async def first_round(bench: Bench) -> str:
    bench.one.script = asking
    result = (await bench.modern("tools/call", CALL))["result"]
    assert result["resultType"] == "input_required"
    assert "ttlMs" not in result
    assert result["inputRequests"]["k"]["params"] == {"message": "Who?"}
    assert result["requestState"] != "up"
    return result["requestState"]


async def test_a_question_and_its_answer_are_judged_and_the_state_is_sealed() -> None:
    bench = Bench()
    state = await first_round(bench)
    assert [(act.event, act.phase) for act in bench.gate.acts] == [
        ("tool_call", "call"),
        ("elicitation", "ask"),
    ]
    again = {**CALL, "requestState": state, "inputResponses": {"k": YES, "other": {"x": 1}}}
    answer = await bench.modern("tools/call", again, ident=2)
    assert answer["result"]["content"] == []
    assert bench.one.calls[-1].params == {**CALL, "requestState": "up", "inputResponses": {"k": YES}}
    assert bench.gate.acts[2].arguments == {"key": "k", "answer": YES}


@pytest.mark.parametrize(
    "change",
    [
        {"requestState": "{state}-TAMPERED"},
        {"requestState": "up"},
        {"arguments": {"amount": 6}},
        {"name": "look"},
    ],
)
async def test_a_state_is_good_for_its_own_request_only(change: dict[str, Any]) -> None:
    bench = Bench()
    state = await first_round(bench)
    calls = len(bench.one.calls)
    params = {**CALL, "requestState": state, "inputResponses": {"k": YES}, **change}
    params["requestState"] = params["requestState"].replace("{state}", state)
    answer = await bench.modern("tools/call", params)
    assert answer["error"]["code"] == -32602
    assert answer["error"]["data"] == {"reason": "invalid_request_state"}
    assert len(bench.one.calls) == calls


async def test_a_state_never_reaches_another_server_though_the_name_now_stands_for_its_tool() -> None:
    bench = Bench(Server("one", "pay"), Server("two", "look"))
    state = await first_round(bench)
    offer = bench.front._offer("fixture")
    assert offer is not None
    offer.tools["pay"] = msgspec.structs.replace(offer.tools["look"], name="pay")
    answer = await bench.modern("tools/call", {**CALL, "requestState": state, "inputResponses": {"k": YES}})
    assert answer["error"]["data"] == {"reason": "invalid_request_state"}
    assert not bench.servers["two"].calls


DISGUISED = [
    pytest.param(FORM.replace(b"input_required", rb"input\u005frequired"), id="value escaped"),
    pytest.param(FORM.replace(b"resultType", rb"result\u0054ype"), id="name escaped"),
    pytest.param(FORM.replace(b"inputRequests", rb"input\u0052equests"), id="questions escaped"),
    pytest.param(
        FORM.replace(b'"resultType"', b' "resultType" ').replace(b':"input', b':\n"input'), id="spaced"
    ),
    pytest.param(b'{"resultType":"complete",' + FORM[1:], id="complete, then asking"),
    pytest.param(rb'{"result\u0054ype":"complete",' + FORM[1:], id="complete in escapes, then asking"),
    pytest.param(b'{"inputRequests":{"k":{"method":"roots/list"}},' + FORM[1:], id="other questions first"),
]


@pytest.mark.parametrize("result", DISGUISED)
@pytest.mark.parametrize("word", ["done", "refused"])
async def test_a_question_is_judged_however_it_is_spelt(result: bytes, word: Any) -> None:
    bench = Bench()

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(result)

    bench.one.script = script
    if word == "refused":
        bench.gate.words["one.elicitation"] = Reply("refused", "ref-9")
    answer = await bench.send(modern("tools/call", CALL))
    assert isinstance(answer, Response)
    assert [act.event for act in bench.gate.acts] == ["tool_call", "elicitation"]
    told = json.loads(answer.body)["result"]
    if word == "refused":
        assert b"Who?" not in answer.body
        assert told["isError"] is True
    else:
        assert told["inputRequests"]["k"]["params"] == {"message": "Who?"}
        assert told["requestState"] != "up"
        assert answer.body.count(b'"inputRequests"') == answer.body.count(b'"resultType"') == 1


@pytest.mark.parametrize(
    "result",
    [
        FORM[:-1] + b',"resultType":"complete"}',
        FORM[:-1] + rb',"result\u0054ype":"complete"}',
        b'{"content":[{"type":"text","text":"Who?"}],"content":[]}',
        rb'{"content":[{"type":"text","text":"Who?"}],"c\u006fntent":[],"_meta":{}}',
        b'{"_meta":{"io.modelcontextprotocol/serverInfo":{}},"resultType":"input_required","resultType":"complete"}',
    ],
)
async def test_a_member_said_twice_reaches_the_client_as_it_was_judged(result: bytes) -> None:
    bench = Bench()

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(result)

    bench.one.script = script
    answer = await bench.send(modern("tools/call", CALL))
    assert isinstance(answer, Response)
    pairs: list[list[str]] = []
    json.loads(answer.body, object_pairs_hook=lambda found: pairs.append([name for name, _ in found]))
    assert all(len(names) == len(set(names)) for names in pairs)
    assert b"input_required" not in answer.body
    assert b'"Who?"' not in answer.body or b"inputRequests" in answer.body


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (rb'{"content":[],"is\u0045rror":true}', "error"),
        (b'{"content":[],"isError":true,"isError":false}', "ok"),
        (b'{"content":[],"isError":false,"isError" : true}', "error"),
    ],
)
async def test_whether_a_tool_failed_is_read_as_the_client_reads_it(result: bytes, status: str) -> None:
    bench = Bench()
    carried: list[Carried] = []

    async def script(_: McpCall) -> McpAnswer:
        return McpAnswer(result)

    act = bench.gate.act

    async def listening(asked: Any, forward: Any, **_: Any) -> Reply:
        reply = await act(asked, forward)
        assert reply.carried is not None
        carried.append(reply.carried)
        return reply

    bench.one.script = script
    bench.gate.act = listening  # type: ignore[method-assign]
    answer = await bench.send(modern("tools/call", CALL))
    assert isinstance(answer, Response)
    assert [one.status for one in carried] == [status]
    assert answer.body.count(b"isError") == 1
    assert json.loads(answer.body)["result"]["isError"] is (status == "error")


async def test_a_state_ends() -> None:
    bench = Bench()
    state = await first_round(bench)
    bench.now += 901_000_000
    answer = await bench.modern("tools/call", {**CALL, "requestState": state, "inputResponses": {"k": YES}})
    assert answer["error"]["code"] == -32602


async def test_a_refused_question_never_reaches_the_client() -> None:
    bench = Bench()
    bench.one.script = asking
    bench.gate.words["one.elicitation"] = Reply("refused", "ref-9")
    result = (await bench.modern("tools/call", CALL))["result"]
    assert result["isError"] is True
    assert "Who?" not in json.dumps(result)
    assert result["_meta"]["standwatch/reply"]["reference"] == "ref-9"


@pytest.mark.parametrize("script", ["asking", "asks_once"])
async def test_a_changed_question_is_the_one_that_is_asked(script: str) -> None:
    bench = Bench()
    bench.one.script = asking if script == "asking" else asks_once
    bench.gate.change = lambda act: {"message": "Changed"} if act.phase == "ask" else act.arguments
    result = (await bench.modern("tools/call", CALL))["result"]
    (asked,) = result["inputRequests"].values()
    assert asked == {"method": "elicitation/create", "params": {"message": "Changed"}}


async def asks_once(call: McpCall) -> McpAnswer:
    assert call.ask is not None
    return await call.ask("elicitation/create", b'{"message":"Who?"}')


async def test_a_refused_answer_never_reaches_the_server() -> None:
    bench = Bench()
    state = await first_round(bench)
    bench.gate.words["one.elicitation"] = Reply("refused", "ref-9")
    await bench.modern("tools/call", {**CALL, "requestState": state, "inputResponses": {"k": YES}})
    assert bench.one.calls[-1].params == {**CALL, "requestState": "up", "inputResponses": {}}


async def test_what_the_client_does_not_offer_is_not_asked() -> None:
    bench = Bench()
    bench.one.script = asking
    meta = {"io.modelcontextprotocol/clientCapabilities": {"sampling": {}}}
    answer = await bench.modern("tools/call", CALL, meta=meta)
    assert "error" in answer
    assert bench.one.calls[0].capabilities == {"sampling": {}}


async def test_what_the_manifest_does_not_let_a_server_ask_is_never_offered_to_it() -> None:
    bench = Bench()
    component = bench.front._offer("fixture").components  # type: ignore[union-attr]
    component["one"] = msgspec.structs.replace(component["one"], may_ask=())
    await bench.modern("tools/call", CALL)
    assert bench.one.calls[0].capabilities == {}
    assert bench.one.calls[0].ask is None


# --- a legacy server's questions: the call waits -----------------------------------------------------


async def asks_twice(call: McpCall) -> McpAnswer:
    assert call.ask is not None
    first = await call.ask("elicitation/create", b'{"message":"one"}')
    second = await call.ask("sampling/createMessage", b'{"messages":[]}')
    return McpAnswer(json.dumps({"said": [json.loads(first.result), json.loads(second.result)]}).encode())


SAID = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}


async def test_a_parked_call_is_taken_up_where_it_waits() -> None:
    bench = Bench()
    bench.one.script = asks_twice
    one = (await bench.modern("tools/call", CALL))["result"]
    (key,) = one["inputRequests"]
    assert one["inputRequests"][key] == {"method": "elicitation/create", "params": {"message": "one"}}
    wrong = await bench.modern(
        "tools/call", {**CALL, "requestState": one["requestState"], "inputResponses": {}}
    )
    assert wrong["result"]["inputRequests"].keys() == {key}
    state = wrong["result"]["requestState"]
    two = (await bench.modern("tools/call", {**CALL, "requestState": state, "inputResponses": {key: YES}}))[
        "result"
    ]
    (key,) = two["inputRequests"]
    params = {**CALL, "requestState": two["requestState"], "inputResponses": {key: SAID}}
    done = await bench.modern("tools/call", params, ident="last")
    assert done["id"] == "last"
    assert done["result"]["said"] == [YES, SAID]
    assert len(bench.one.calls) == 1
    replayed = await bench.modern("tools/call", params)
    assert replayed["error"]["data"] == {"reason": "invalid_request_state"}


async def test_an_answer_of_the_wrong_kind_leaves_the_call_waiting() -> None:
    bench = Bench()
    bench.one.script = asks_twice
    one = (await bench.modern("tools/call", CALL))["result"]
    (key,) = one["inputRequests"]
    params = {**CALL, "requestState": one["requestState"], "inputResponses": {key: SAID}}
    assert (await bench.modern("tools/call", params))["error"]["code"] == -32602
    params["inputResponses"] = {key: YES}
    assert "inputRequests" in (await bench.modern("tools/call", params))["result"]


async def test_a_parked_call_does_not_wait_for_ever() -> None:
    bench = Bench(limits=Limits(state_seconds=0))
    ended = asyncio.Event()

    async def script(call: McpCall) -> McpAnswer:
        assert call.ask is not None
        try:
            return await call.ask("elicitation/create", b"{}")
        finally:
            ended.set()

    bench.one.script = script
    await bench.modern("tools/call", CALL)
    async with asyncio.timeout(60):
        await ended.wait()


async def test_a_cut_ends_the_calls_that_wait() -> None:
    bench = Bench()
    bench.one.script = asks_twice
    one = (await bench.modern("tools/call", CALL))["result"]
    bench.front.cut(lambda system, _: system == "fixture")
    (key,) = one["inputRequests"]
    params = {**CALL, "requestState": one["requestState"], "inputResponses": {key: YES}}
    assert (await bench.modern("tools/call", params))["error"]["code"] == -32602


async def test_a_refused_question_of_a_legacy_server_is_declined() -> None:
    bench = Bench()
    bench.one.script = asks_twice
    bench.gate.words["one.elicitation"] = Reply("refused", "ref-9")
    bench.gate.words["one.sampling"] = Reply("unavailable", "ref-10")

    async def script(call: McpCall) -> McpAnswer:
        assert call.ask is not None
        first = await call.ask("elicitation/create", b"{}")
        second = await call.ask("sampling/createMessage", b"{}")
        third = await call.ask("files/delete", b"{}")
        assert first.result == b'{"action":"decline"}'
        assert second.error is not None
        assert second.error.code == 4503
        assert third.error is not None
        assert third.error.code == -32601
        return McpAnswer(b'{"ok":true}')

    bench.one.script = script
    assert (await bench.modern("tools/call", CALL))["result"]["ok"] is True


# --- subscriptions -----------------------------------------------------------------------------


async def test_a_subscription_is_acknowledged_marked_filtered_and_cut() -> None:
    bench = Bench()
    bench.gate.words["one.resource_read"] = Reply("refused", "ref-1")
    wanted = {"toolsListChanged": True, "resourceSubscriptions": ["a://1"], "promptsListChanged": False}
    answer = await bench.send(modern("subscriptions/listen", {"notifications": wanted}, ident="sub"))
    assert isinstance(answer, Stream)
    writer = Writer()
    task = asyncio.ensure_future(answer.produce(writer))
    acknowledged = await writer.messages.get()
    marks = {"io.modelcontextprotocol/subscriptionId": "sub"}
    assert acknowledged["params"] == {"notifications": {"toolsListChanged": True}, "_meta": marks}
    (heard,) = bench.one.heard.values()
    heard("notifications/prompts/list_changed", b"{}")
    heard("notifications/resources/updated", b'{"uri":"a://1"}')
    heard("notifications/tools/list_changed", b"{}")
    changed = await writer.messages.get()
    assert (changed["method"], changed["params"]["_meta"]) == ("notifications/tools/list_changed", marks)
    bench.front.changed("fixture")
    assert (await writer.messages.get())["method"] == "notifications/tools/list_changed"
    bench.front.cut(lambda system, _: system == "another")
    assert not writer.was_cut
    bench.front.cut(lambda system, _: system == "fixture")
    await task
    assert writer.was_cut
    assert (await writer.messages.get())["result"] == {"resultType": "complete", "_meta": marks}
    await asyncio.sleep(0)
    assert not bench.one.heard
    assert len(bench.one.ended) == 1


async def test_a_granted_resource_is_heard_of() -> None:
    bench = Bench()
    wanted = {"resourceSubscriptions": ["a://1"]}
    answer = await bench.send(modern("subscriptions/listen", {"notifications": wanted}))
    assert isinstance(answer, Stream)
    assert bench.one.calls[0].method == "resources/subscribe"
    assert [(act.event, act.target) for act in bench.gate.acts] == [("resource_read", "a://1")]
    writer = Writer()
    task = asyncio.ensure_future(answer.produce(writer))
    assert (await writer.messages.get())["params"]["notifications"] == wanted
    (heard,) = bench.one.heard.values()
    heard("notifications/resources/updated", b'{"uri":"a://2"}')
    heard("notifications/resources/updated", b'{"uri":"a://1"}')
    assert (await writer.messages.get())["params"]["uri"] == "a://1"
    task.cancel()


# --- headers that repeat arguments ----------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
    },
}


@pytest.mark.parametrize(
    ("arguments", "headers", "fits"),
    [
        ({"region": "eu"}, {"mcp-param-region": "eu"}, True),
        ({"region": "eu"}, {"mcp-param-region": " eu "}, True),
        ({"region": "é"}, {"mcp-param-region": "=?base64?w6k=?="}, True),
        ({"count": 42}, {"mcp-param-count": "42.0"}, True),
        ({"region": None}, {}, True),
        ({"region": "eu"}, {"mcp-param-region": "eu", "mcp-param-other": "x"}, True),
        ({"region": "eu"}, {}, False),
        ({"region": "eu"}, {"mcp-param-region": "us"}, False),
        ({}, {"mcp-param-region": "eu"}, False),
        ({"count": 42}, {"mcp-param-count": "43"}, False),
        ({"region": "é"}, {"mcp-param-region": "é"}, False),
    ],
)
async def test_headers_that_repeat_arguments(arguments: Any, headers: Any, fits: bool) -> None:
    bench = Bench(Server("one", "pay", schema=SCHEMA))
    answer = await bench.modern("tools/call", {"name": "pay", "arguments": arguments}, headers=headers)
    assert ("result" in answer) is fits, answer
    assert fits or answer["error"]["code"] == -32020
    assert bool(bench.one.calls) is fits


async def test_discover_says_what_is_served() -> None:
    bench = Bench()
    result = (await bench.modern("server/discover"))["result"]
    assert result["supportedVersions"] == ["2026-07-28"]
    assert result["capabilities"].keys() == {"tools", "prompts", "resources"}
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "standwatch"
    assert META["io.modelcontextprotocol/protocolVersion"] in result["supportedVersions"]
