"""Callers who send what nobody should, over the real wire: a clear answer, an entry where an action was asked for,
nothing upstream, and a server that serves on."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from standwatch.facts.entries import AskedMany, Denied, Intent
from support.system import (
    META,
    MODERN,
    Agent,
    Answer,
    Living,
    Scripted,
    echo,
    manifest,
    scripted,
    server,
    serving,
    tool,
)

SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "to": {"type": "string"}},
    "required": ["to"],
    "additionalProperties": False,
}
TOOLS = [tool("look"), tool("pay", SCHEMA), tool("hidden"), tool("booked")]
RULES: dict[str, Any] = {
    "up.look": "read",
    "up.pay": {
        "effect": "irreversible",
        "arguments": {"amount": {"max": 500}, "to": {"pattern": "[A-Z]{4}", "otherwise": "deny"}},
        "otherwise": "step_up",
    },
    "up.booked": "write",
}
RED_LINE = 'red_lines: [{name: nobody-books, tools: ["*.booked"], why: The books are sacred here.}]\n'
HEARD: list[bytes] = []


class Loud(Agent):
    """An agent whose every answer is kept: at the end, none of them may have told a reason."""

    def post(self, *args: Any, **more: Any) -> Answer:
        said = super().post(*args, **more)
        HEARD.append(said.body + repr(said.headers).encode())
        return said


@pytest.fixture(scope="module")
def up() -> Iterator[Scripted]:
    with scripted(echo, tools=TOOLS) as running:
        yield running


@pytest.fixture(scope="module")
def watch(up: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    systems = {name: manifest(name, [server("up", url=up.url)], RULES) for name in ("first", "second")}
    with serving(tmp_path_factory.mktemp("callers"), systems, more=RED_LINE) as running:
        yield running


@pytest.fixture(scope="module")
def bot(watch: Living) -> Agent:
    found = watch.agent("bot", "first", starts=True)
    return Loud(found.port, found.token, "first")


@pytest.fixture(autouse=True)
def no_effect_and_still_there(watch: Living, bot: Agent, up: Scripted) -> Iterator[None]:
    """Nothing that a test here sends reaches the upstream (but what it marks as fair), and the server serves on."""
    before = len(up.calls)
    yield
    reached = [one for one in up.calls[before:] if "fair" not in one.get("arguments", {})]
    assert not reached
    assert bot.call("look", still="there").text == '{"still": "there"}'


def request(params: str, method: str = "tools/call", **members: str) -> bytes:
    """A request as text, so that it can be wrong in ways that no encoder is."""
    whole = {"jsonrpc": '"2.0"', "id": "1", "method": json.dumps(method), "params": params, **members}
    return ("{" + ",".join(f'"{name}":{value}' for name, value in whole.items() if value) + "}").encode()


def called(arguments: str, name: str = '"look"') -> bytes:
    return request(f'{{"name":{name},"arguments":{arguments},"_meta":{json.dumps(META)}}}')


NOT_STRICT_JSON = {
    "cut off": called("{}")[:-4],
    "no JSON": b"\x00\x01\x02",
    "empty": b"",
    "duplicate key": called('{"a":1,"a":2}'),
    "duplicate key, escaped": called('{"a":1,"\\u0061":2}'),
    "duplicate method": b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{}}',
    "deep": called("[" * 50_000 + "]" * 50_000),
    "deep object": called('{"a":' * 50_000 + "1" + "}" * 50_000),
    "invalid UTF-8": called('{"a":"X"}').replace(b"X", b"\xff\xfe"),
    "overlong UTF-8": called('{"a":"X"}').replace(b"X", b"\xc0\xaf"),
    "UTF-8 surrogate": called('{"a":"X"}').replace(b"X", b"\xed\xa0\x80"),
    "lone surrogate": called('{"a":"\\ud800"}'),
    "NaN": called('{"a":NaN}'),
    "infinity": called('{"a":1e999}'),
    "beyond 2^53": called('{"a":9007199254740993}'),
    "byte order mark": b"\xef\xbb\xbf" + called("{}"),
    "UTF-16": called("{}").decode().encode("utf-16"),
    "two messages": called("{}") + called("{}"),
}
NOT_A_REQUEST = {
    "array": b"[" + called("{}") + b"]",
    "null": b"null",
    "no version": request("{}", jsonrpc=""),
    "wrong version": request("{}", jsonrpc='"1.0"'),
    "id null": called("{}").replace(b'"id":1', b'"id":null'),
    "id float": called("{}").replace(b'"id":1', b'"id":1.5'),
    "id object": called("{}").replace(b'"id":1', b'"id":{}'),
    "id long": called("{}").replace(b'"id":1', b'"id":"' + b"x" * 5000 + b'"'),
    "method number": request("{}").replace(b'"tools/call"', b"7"),
    "result beside method": called("{}").replace(b'"id":1', b'"id":1,"result":{}'),
}
HEADS: dict[str, str | None] = {
    "mcp-protocol-version": MODERN,
    "mcp-method": "tools/call",
    "mcp-name": "look",
}


@pytest.mark.parametrize("what", NOT_STRICT_JSON)
def test_what_is_no_strict_json_is_a_parse_error(bot: Agent, what: str) -> None:
    said = bot.post("/mcp/first", NOT_STRICT_JSON[what], HEADS)
    assert (said.status, said.error["code"]) == (400, -32700), said


@pytest.mark.parametrize("what", NOT_A_REQUEST)
def test_what_is_no_request_is_invalid(bot: Agent, what: str) -> None:
    said = bot.post("/mcp/first", NOT_A_REQUEST[what], HEADS)
    assert (said.status, said.error["code"]) == (400, -32600), said


@pytest.mark.parametrize(
    "params",
    [
        "7", "[]", "null", '"look"',
        f'{{"_meta":{json.dumps(META)}}}',
        f'{{"name":7,"_meta":{json.dumps(META)}}}',
        f'{{"name":"","_meta":{json.dumps(META)}}}',
        f'{{"name":"{"x" * 600}","_meta":{json.dumps(META)}}}',
        f'{{"name":"look","arguments":[],"_meta":{json.dumps(META)}}}',
        f'{{"name":"look","arguments":"x","_meta":{json.dumps(META)}}}',
        '{"name":"look","arguments":{},"_meta":7}',
    ],
    ids=lambda params: params[:30],
)  # fmt: skip
def test_wrong_types_are_said_to_be_wrong(watch: Living, bot: Agent, params: str) -> None:
    size = watch.size
    said = bot.post("/mcp/first", request(params), HEADS)
    assert said.status == 400, said
    assert said.error["code"] in (-32600, -32602, -32020), said
    assert not watch.of(Intent, size)


def test_a_body_beyond_four_megabytes_is_not_read(bot: Agent) -> None:
    said = bot.post("/mcp/first", called(json.dumps({"a": "x" * (5 << 20)})), HEADS)
    assert said.status == 413, said
    trickled = bot.post("/v1/actions", b"x" * (5 << 20))
    assert trickled.status == 413


def test_a_head_without_end_is_refused(bot: Agent) -> None:
    assert bot.post("/mcp/first", b"{}", {f"x-{n}": "y" * 900 for n in range(60)}).status == 431


@pytest.mark.parametrize(
    ("name", "arguments", "word", "code"),
    [
        ("never_heard_of", {}, "refused", "undeclared"),
        ("hidden", {}, "refused", "undeclared"),
        ("other.look", {}, "refused", "undeclared"),
        ("up.look\u202e", {}, "refused", "undeclared"),
        ("../look", {}, "refused", "undeclared"),
        ("booked", {}, "refused", "red_line:nobody-books"),
        ("pay", {}, "invalid", "invalid"),
        ("pay", {"to": 7}, "invalid", "invalid"),
        ("pay", {"to": "ABCD", "amount": "5"}, "invalid", "invalid"),
        ("pay", {"to": "ABCD", "amount": True}, "invalid", "invalid"),
        ("pay", {"to": "ABCD", "amount": None}, "invalid", "invalid"),
        ("pay", {"to": "ABCD", "extra": {"a": 1}}, "invalid", "invalid"),
        ("pay", {"to": "abcd", "amount": 1}, "refused", "bounds"),
        ("pay", {"to": "ABCD\n", "amount": 1}, "refused", "bounds"),
    ],
)  # fmt: skip
def test_what_may_not_be_is_refused_with_one_word_and_recorded(
    watch: Living, bot: Agent, name: str, arguments: dict[str, Any], word: str, code: str
) -> None:
    encoded = name if name.isascii() else f"=?base64?{base64.b64encode(name.encode()).decode()}?="
    said = bot.mcp("tools/call", {"name": name, "arguments": arguments}, {"mcp-name": encoded})
    assert said.word == word, said
    assert watch.refusal(said.reference).code == code


def test_a_large_amount_is_a_question_and_nothing_goes(watch: Living, bot: Agent) -> None:
    said = bot.call("pay", to="ABCD", amount=501)
    assert said.word == "pending"
    assert [type(entry) for entry in watch.acts(said.reference)] == [AskedMany]
    again = bot.call("pay", to="ABCD", amount=501)
    assert (again.word, again.reference) == ("pending", said.reference), "a retry is the same question"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("resources/read", {"uri": "file:///etc/passwd"}),
        ("prompts/get", {"name": "anything"}),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": ""}},
        ),
    ],
)
def test_what_no_component_declares_is_not_given(
    watch: Living, bot: Agent, method: str, params: dict[str, Any]
) -> None:
    size = watch.size
    said = bot.mcp(method, params)
    assert "error" in said.last, said
    assert said.error["data"]["word"] == "refused", said
    assert [one.code for one in watch.of(Denied, size)] == ["undeclared"]


# --- who is who --------------------------------------------------------------------------------------------------


def forged(watch: Living, bot: Agent) -> Iterator[tuple[str, str | None]]:
    """(what, Authorization) of callers who are nobody."""
    revoked = watch.agent("gone", "first")
    watch.api.post("/agents/gone/revoke")
    short = watch.agent("short", "first", until=time.time_ns() // 1000 + 50_000)
    elsewhere = watch.agent("elsewhere", "second")
    human = watch.api.post("/agents", {"name": "olga", "role": "human"})["token"]
    starter = watch.agent("starter", "second", starts=True)
    run = starter.open_run("Look", "second")
    yield "none", None
    yield "empty", ""
    yield "no scheme", bot.token
    yield "basic", "Basic " + base64.b64encode(b"bot:" + bot.token.encode()).decode()
    yield "forged", "Bearer sw_" + "A" * 43
    yield "one letter off", f"Bearer {bot.token[:-1]}{'A' if bot.token[-1] != 'A' else 'B'}"
    yield "its hash", "Bearer " + watch.of_name("bot").token
    yield "two", f"Bearer {bot.token} {bot.token}"
    yield "revoked", f"Bearer {revoked.token}"
    yield "of another system", f"Bearer {elsewhere.token}"
    yield "a human's", f"Bearer {human}"
    yield "a run's, for another system", f"Bearer {run.token}"
    while time.time_ns() // 1000 < watch.of_name("short").until:
        time.sleep(0.01)
    yield "expired", f"Bearer {short.token}"


def test_forged_expired_and_borrowed_tokens_open_nothing(watch: Living, bot: Agent) -> None:
    for what, authorization in forged(watch, bot):
        size = watch.size
        for path, body in (
            ("/mcp/first", called("{}")),
            ("/v1/actions", json.dumps({"system": "first", "tool": "up.look"}).encode()),
            ("/v1/runs", json.dumps({"system": "first", "task": "Pay all"}).encode()),
        ):
            said = bot.post(path, body, {**HEADS, "authorization": authorization})
            assert said.status == 401, (what, path, said)
        assert not watch.of(Intent, size), what
    assert any(one.code == "unauthenticated" for one in watch.of(Denied)), (
        "who is turned away stands in the record"
    )


def test_a_run_belongs_to_its_principal_and_system(watch: Living, bot: Agent) -> None:
    mine = bot.open_run("Look at it")
    other = watch.agent("thief", "first")
    run = mine.call("look", fair=1)
    ident = watch.of_run(run.reference)
    for headers in (
        {"standwatch-run": ident},
        {"standwatch-run": "01" + "a" * 24},
        {"standwatch-run": "\u00ff"},
    ):
        said = other.mcp("tools/call", {"name": "look", "arguments": {}}, headers)
        assert said.word == "refused", said
        assert watch.refusal(said.reference).code == "wrong_run"
    # A run's token with another run's header is nobody's.
    assert mine.mcp("tools/call", {"name": "look"}, {"standwatch-run": "01" + "a" * 24}).status == 401
    # A token that calls tools never opens runs.
    assert other.post("/v1/runs", {"system": "first", "task": "Pay all"}).word == "refused"
    assert mine.post("/v1/runs", {"system": "first", "task": "Pay all"}).word == "refused"
    # A run that ended has no token any more.
    assert bot.post(f"/v1/runs/{ident}", b"", verb="DELETE").status == 204
    assert mine.mcp("tools/call", {"name": "look"}).status == 401


def test_a_revoked_principals_runs_end_with_it(watch: Living) -> None:
    starter = watch.agent("brief", "first", starts=True)
    run = starter.open_run("Look")
    assert run.call("look", fair=2).word == "done"
    watch.api.post("/agents/brief/revoke")
    assert run.mcp("tools/call", {"name": "look"}).status == 401


# --- headers -----------------------------------------------------------------------------------------------------

MISMATCHED: dict[str, dict[str, str | None]] = {
    "method": {"mcp-method": "tools/list"},
    "no method": {"mcp-method": None},
    "name": {"mcp-name": "pay"},
    "no name": {"mcp-name": None},
    "name, encoded badly": {"mcp-name": "=?base64?!!!?="},
    "version": {"mcp-protocol-version": "2027-01-01"},
}


@pytest.mark.parametrize("what", MISMATCHED)
def test_headers_that_say_other_than_the_body_are_refused(bot: Agent, what: str) -> None:
    said = bot.mcp("tools/call", {"name": "look", "arguments": {}}, MISMATCHED[what])
    assert said.status == 400, said
    assert said.error["code"] in (-32020, -32022), said


@pytest.mark.parametrize("path", ["/mcp/first", "/v1/actions", "/v1/runs"])
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "localhost.evil.example"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.example"},
    ],
    ids=str,
)
def test_foreign_hosts_and_origins_are_refused(bot: Agent, path: str, headers: dict[str, str]) -> None:
    said = bot.post(path, called("{}"), {**HEADS, **headers})
    assert said.status in (400, 403, 421), said


@pytest.mark.parametrize(
    ("path", "verb", "status"),
    [("/", "GET", 404), ("/api/v1/status", "GET", 404), ("/log/checkpoint", "GET", 404), ("/healthz", "GET", 404),
     ("/mcp/", "POST", 401), ("/mcp/none", "POST", 401), ("/mcp/first/../second", "POST", 401),
     ("/mcp/first", "PUT", 405), ("/v1/actions", "GET", 405)],
)  # fmt: skip
def test_the_agents_door_leads_nowhere_else(bot: Agent, path: str, verb: str, status: int) -> None:
    assert bot.post(path, called("{}"), HEADS, verb=verb).status == status


def test_an_agents_token_opens_nothing_at_the_operators_door(watch: Living, bot: Agent) -> None:
    thief = Agent(watch.operators, bot.token, "first")
    for path, body in (
        ("/api/v1/holds", {"scope": "all", "reason": "why not"}),
        ("/api/v1/agents", {"name": "mine", "systems": ["first"]}),
        ("/api/v1/configuration/reload", {}),
    ):
        assert thief.post(path, body).status == 401
    assert thief.post("/api/v1/status", b"", verb="GET", headers={"x": "y"}).status in (200, 401)
    assert not watch.api.get("/status")["holds"]


# --- the seam without a wire -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b'{"system":"first"}', b'{"system":"first","tool":7}', b'{"system":"first","tool":"nodot"}',
        b'{"system":"first","tool":"up.look","arguments":[]}', b'{"system":"first","tool":"up.look","x":1}',
        b'{"system":"first","tool":"up.look","tool":"up.pay"}', b'{"system":"first","tool":"up.look","id":"../../x"}',
        b'{"system":"first","tool":"up.look","seam":"proxy"}',
    ],
)  # fmt: skip
def test_an_action_that_is_not_well_formed_is_invalid(watch: Living, bot: Agent, body: bytes) -> None:
    size = watch.size
    said = bot.post("/v1/actions", body)
    assert (said.status, said.word) == (400, "invalid"), said
    assert not watch.of(Intent, size)


def test_an_outcome_is_told_once_and_by_its_owner(watch: Living, bot: Agent) -> None:
    go = bot.post("/v1/actions", {"system": "first", "tool": "up.look", "arguments": {"a": 3}})
    assert (go.status, go.word) == (200, "go"), go
    ident = go.last["id"]
    path = f"/v1/actions/{ident}/outcome"
    thief = watch.agent("nosy", "first")
    assert thief.post(path, {"status": "ok"}).status == 404
    assert bot.post(path, {"status": "wonderful"}).status == 400
    assert bot.post(path, {"status": "ok", "result": {"a": 1}}).word == "done"
    assert bot.post(path, {"status": "error"}).status in (404, 409)
    assert watch.outcome(ident).status == "ok"
    for status in ("timeout", "unknown", "not_sent", "error"):
        ident = bot.post("/v1/actions", {"system": "first", "tool": "up.look"}).last["id"]
        assert bot.post(f"/v1/actions/{ident}/outcome", {"status": status}).word == "done"
        assert watch.outcome(ident).status == status


# --- what they heard ---------------------------------------------------------------------------------------------


def test_no_agent_ever_heard_a_reason(watch: Living, bot: Agent) -> None:
    """Last in this file: every finding of every refusal and question, against every byte that was answered."""
    refused = [one for one in watch.of(Denied) if one.code != "unauthenticated"]
    assert len(refused) >= 15
    heard = b"\n".join(HEARD)
    reasons: set[str] = set()
    for entry in (*refused, *watch.of(AskedMany)):
        told = watch.api.get(f"/actions/{entry.id}")
        findings = [one for one in told["explanation"]["findings"] if one.get("decision", "allow") != "allow"]
        assert findings, told["explanation"]
        reasons |= {one.get("reason", "") for one in findings} | {one["code"] for one in findings} - {
            "invalid"
        }
    reasons.add("The books are sacred here.")
    assert len(reasons) > 8
    assert not [reason for reason in reasons if reason and reason.encode() in heard]
