"""Whatever a client sends: never a 500, never an act or an upstream call for a request that is not whole.

Half of the inputs are a proper request with something about it changed, since noise alone never gets past JSON.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from standwatch.fronts.http_message import Request, Response
from support.mcp_front import BOTH, META, Bench, Server, Writer, post

STATUSES = {200, 202, 400, 401, 403, 404, 405, 406, 409, 415, 421}
SCHEMA = {"type": "object", "properties": {"r": {"type": "string", "x-mcp-header": "R"}}}
METHODS = [
    "tools/call", "resources/read", "prompts/get", "completion/complete", "tools/list", "resources/list",
    "resources/templates/list", "prompts/list", "server/discover", "initialize", "ping", "logging/setLevel",
    "resources/subscribe", "resources/unsubscribe", "subscriptions/listen", "notifications/cancelled", "nope",
]  # fmt: skip

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("pay"))
values = st.recursive(
    scalars,
    lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(st.text(max_size=8), v, max_size=3)),
    max_leaves=8,
)
members = st.sampled_from(
    ["name", "uri", "arguments", "ref", "argument", "context", "cursor", "level", "notifications", "inputResponses",
     "requestState", "protocolVersion", "capabilities", "requestId", "_meta", "r"]
)  # fmt: skip
seeds: list[tuple[str, dict[str, Any]]] = [
    ("tools/call", {"name": "pay"}),
    ("tools/call", {"name": "pay", "arguments": {"a": 1}}),
    ("tools/call", {"name": "nope", "arguments": {}}),
    ("resources/read", {"uri": "a://1"}),
    ("prompts/get", {"name": "pay", "arguments": {}}),
    (
        "completion/complete",
        {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "b"}},
    ),
    (
        "subscriptions/listen",
        {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["a://1"]}},
    ),
    ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}),
    *((method, {}) for method in METHODS),
]
NAMES = ["host", "origin", "authorization", "accept", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name",
         "mcp-session-id", "mcp-param-r", "last-event-id"]  # fmt: skip
header_values = st.one_of(
    st.sampled_from(
        [None, "", "*/*", BOTH, "2026-07-28", "2025-11-25", "pay", "look", "=?base64?cGF5?=", "tools/call"]
    ),
    st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=12),
)
KINDS = ["header", "message", "drop", "params", "meta", "bytes", "verb"]
TOP = ["jsonrpc", "id", "method", "params", "result", "error"]
ENVELOPE = [*META, "progressToken", "io.modelcontextprotocol/logLevel"]


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, dict[str, str | None], str]:
    """A proper request with at most two things changed: (body, headers, verb). The test fills in the session."""
    method, given_params = draw(st.sampled_from(seeds))
    params: dict[str, Any] = dict(given_params)
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    heads: dict[str, str | None] = {"mcp-session-id": "SESSION"}
    if draw(st.booleans()):
        heads = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
        heads["mcp-name"] = params.get("name", params.get("uri"))
        params["_meta"] = dict(META)
    verb, cut = "POST", b""
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=2)):
        match kind:
            case "header":
                heads[draw(st.sampled_from(NAMES))] = draw(header_values)
            case "message":
                message[draw(st.sampled_from(TOP))] = draw(values)
            case "drop":
                message.pop(draw(st.sampled_from(TOP)), None)
            case "params":
                params[draw(members)] = draw(values)
            case "meta" if isinstance(params.get("_meta"), dict):
                params["_meta"][draw(st.sampled_from(ENVELOPE))] = draw(values)
            case "bytes":
                cut = draw(st.binary(min_size=1, max_size=3))
            case _:
                verb = draw(st.sampled_from(["GET", "DELETE", "PUT", "HEAD"]))
    body = json.dumps(message).encode()
    if cut:
        place = draw(st.integers(0, len(body)))
        body = body[:place] + cut + body[place + draw(st.integers(0, 3)) :]
    return (
        body,
        {name: one and one.encode("latin-1", "replace").decode("latin-1") for name, one in heads.items()},
        verb,
    )


def whole(request: Request) -> bool:
    """Whether the request may lead to an act or a call: written again here, by the specification's words."""
    try:
        message = json.loads(request.body)
    except ValueError:
        return False
    head = {name.decode(): value.decode("latin-1").strip(" \t") for name, value in request.headers.items()}
    if request.method != "POST" or not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return False
    if type(message.get("id")) not in (int, str) or not isinstance(message.get("method"), str):
        return False
    if "mcp-protocol-version" not in head or head["mcp-protocol-version"].startswith("2025-"):
        return True
    asked = message.get("params")
    meta = asked.get("_meta") if isinstance(asked, dict) else None
    version = meta.get("io.modelcontextprotocol/protocolVersion") if isinstance(meta, dict) else None
    agrees = (
        head.get("mcp-method") == message["method"]
        and version == head["mcp-protocol-version"] == "2026-07-28"
    )
    if message["method"] in ("tools/call", "prompts/get"):
        said = head.get("mcp-name")
        return agrees and asked["name"] == ("pay" if said == "=?base64?cGF5?=" else said)
    return agrees


async def exchange(bench: Bench, body: bytes, heads: dict[str, str | None], verb: str) -> tuple[Request, Any]:
    if heads.get("mcp-session-id") == "SESSION":
        heads = {**heads, "mcp-session-id": await bench.session()}
    request = post(body, heads, verb)
    answer = await bench.send(request)
    if isinstance(answer, Response):
        return request, answer
    writer = Writer()
    task = asyncio.ensure_future(answer.produce(writer))
    await asyncio.sleep(0)
    bench.front.cut(lambda system, _: system == "fixture")
    await task
    return request, answer


@settings(max_examples=600, deadline=None)
@given(requests())
@example((b"[" * 70 + b"]" * 70, {}, "POST"))
@example((b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","name":"pay"}}', {}, "POST"))
def test_no_input_makes_a_500_or_an_act_that_was_not_asked_for(
    sent: tuple[bytes, dict[str, str | None], str],
) -> None:
    bench = Bench(Server("one", "pay", schema=SCHEMA))
    request, answer = asyncio.run(exchange(bench, *sent))
    assert not bench.errors, bench.errors
    assert answer.status in STATUSES, answer
    if isinstance(answer, Response) and answer.body:
        said = json.loads(answer.body)
        assert said["jsonrpc"] == "2.0"
        assert ("error" in said) != ("result" in said)
        if "error" in said:
            assert said["error"]["code"] != -32603, said
    if bench.gate.acts or bench.one.calls:
        assert whole(request)
        assert answer.status in {200, 400}, answer


def test_the_fuzz_reaches_the_server() -> None:
    """The property above would hold of a front that refuses everything."""
    reached: set[str] = set()

    @settings(max_examples=400, deadline=None, database=None)
    @given(requests())
    def look(sent: tuple[bytes, dict[str, str | None], str]) -> None:
        bench = Bench(Server("one", "pay", schema=SCHEMA))
        asyncio.run(exchange(bench, *sent))
        reached.update(call.method for call in bench.one.calls)

    look()
    assert reached >= {"tools/call", "resources/read", "prompts/get", "completion/complete"}, reached
