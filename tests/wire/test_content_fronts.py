# ruff: noqa: E501 — a row is a line
"""Every configured check leaves a finding on every front, and content is looked at wherever something passes.

One real Standwatch, one row for each way in and out. A front without a row fails the first test: the paths are read
from the listener's own code.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from standwatch.enforce.case import CHECKS
from standwatch.facts.content import PLACES
from standwatch.facts.entries import Denied, Intent, Outcome
from standwatch.serve import listeners
from support import llm_upstream, scripted_claude
from support.llm_upstream import WORDS
from support.system import Agent, Living, manifest, serving, waited
from support.upstreams import FIXTURE
from wire.test_llm_openai import llm

OUT = "harbour-7f3a-lantern"
CANARIES = {
    "out": OUT,
    "tool": "simple text response for testing",
    "error": "intentionally returns an error",
    "resource": "content of the static text resource",
    "prompt": "simple prompt for testing",
    "completion": "testValue2",
    "asked": "What is the capital of France",
    "answer": "".join(WORDS)[3:24],
    "fallback": "referred-41c9-onward",
}
"""One for each thing that says something by itself; the scripted model says its own in several pieces."""

Run = Callable[["World"], object]


class World(msgspec.Struct):
    living: Living
    agent: Agent
    claude: scripted_claude.Claude


class Row(msgspec.Struct, frozen=True):
    """One way: the front's path, the place, what passes there."""

    front: str
    place: Literal["prompts", "arguments", "results", "answers"]
    what: str
    run: Run


def tool(world: World, name: str, **arguments: Any) -> Any:
    return world.agent.call(name, **arguments)


def asked(world: World, name: str, **answers: Any) -> Any:
    first = world.agent.call(name)
    key = next(iter(first.result["inputRequests"]))
    more = {"name": name, "arguments": {}, "inputResponses": {key: answers}}
    if "requestState" in first.result:
        more["requestState"] = first.result["requestState"]
    return world.agent.mcp("tools/call", more)


def action(world: World, arguments: Any, result: Any) -> None:
    begun = world.agent.post(
        "/v1/actions", {"system": "desk", "tool": "fixture.test_simple_text", "arguments": arguments}
    )
    world.agent.post(
        f"/v1/actions/{json.loads(begun.body)['id']}/outcome", {"status": "ok", "result": result}
    )


def openai(world: World, path: str, **body: Any) -> None:
    """Read as bytes: a stream has comments in it."""
    connection = HTTPConnection("127.0.0.1", world.agent.port, timeout=30)
    said = json.dumps({"model": "scripted-text", **body})
    connection.request(
        "POST", f"/openai/desk/v1/{path}", said,
        {"authorization": f"Bearer {world.agent.token}", "content-type": "application/json"},
    )  # fmt: skip
    connection.getresponse().read()
    connection.close()


def claude(world: World, text: str, said: str, *, stream: bool = False) -> None:
    world.claude.script = _saying(said)
    body = {"model": scripted_claude.MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
    world.agent.post(
        "/anthropic/desk/v1/messages", {**body, "stream": stream}, {"anthropic-version": "2023-06-01"}
    )


def _saying(said: str) -> scripted_claude.Script:
    usage = {"input_tokens": 5, "output_tokens": 5}
    whole: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": scripted_claude.MODEL,
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip

    def script(it: scripted_claude.Asked) -> None:
        if not it.body.get("stream"):
            it.json({**whole, "content": [{"type": "text", "text": said}], "stop_reason": "end_turn"})
            return
        it.begin()
        it.event({"type": "message_start", "message": {**whole, "content": []}})
        it.event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        for start in range(0, len(said), 5):
            delta = {"type": "text_delta", "text": said[start : start + 5]}
            it.event({"type": "content_block_delta", "index": 0, "delta": delta})
        it.event({"type": "content_block_stop", "index": 0})
        it.event(
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
        )
        it.event({"type": "message_stop"})
        it.end()

    return script


def failing(world: World) -> None:
    """A provider's error, which a client reads like an answer."""

    def script(it: scripted_claude.Asked) -> None:
        it.json({"type": "error", "error": {"type": "api_error", "message": f"it is {OUT}."}}, 400)

    world.claude.script = script
    body = {"model": scripted_claude.MODEL, "max_tokens": 50, "messages": said("hello")}
    world.agent.post("/anthropic/desk/v1/messages", body, {"anthropic-version": "2023-06-01"})


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def inference(who: str) -> dict[str, Any]:
    return {"inputs": [{"name": "who", "datatype": "BYTES", "shape": [1, 1], "data": [who]}]}


ROWS = [
    Row("/mcp/", "arguments", "a tool's arguments", lambda it: tool(it, "test_simple_text", note=OUT)),
    Row("/mcp/", "results", "a tool's result", lambda it: tool(it, "test_simple_text")),
    Row("/mcp/", "results", "a tool's failure", lambda it: tool(it, "test_error_handling")),
    Row("/mcp/", "results", "a resource", lambda it: it.agent.mcp("resources/read", {"uri": "test://static-text"})),
    Row("/mcp/", "arguments", "a resource's address", lambda it: it.agent.mcp("resources/read", {"uri": f"test://{OUT}"})),
    Row("/mcp/", "results", "a prompt", lambda it: it.agent.mcp("prompts/get", {"name": "test_simple_prompt"})),
    Row(
        "/mcp/", "arguments", "a prompt's arguments",
        lambda it: it.agent.mcp("prompts/get", {"name": "test_prompt_with_arguments", "arguments": {"arg1": OUT, "arg2": "x"}}),
    ),
    Row(
        "/mcp/", "results", "a completion",
        lambda it: it.agent.mcp("completion/complete", {
            "ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"}, "argument": {"name": "arg1", "value": "testValue2"},
        }),
    ),
    Row(
        "/mcp/", "arguments", "what is to be completed",
        lambda it: it.agent.mcp("completion/complete", {
            "ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"}, "argument": {"name": "arg1", "value": OUT},
        }),
    ),
    Row("/mcp/", "results", "what a server asks", lambda it: tool(it, "test_input_required_result_sampling")),
    Row(
        "/mcp/", "arguments", "a client's answer to a form",
        lambda it: asked(it, "test_input_required_result_elicitation", action="accept", content={"name": OUT}),
    ),
    Row(
        "/mcp/", "arguments", "what a client's model said to a server",
        lambda it: asked(
            it, "test_input_required_result_sampling",
            role="assistant", content={"type": "text", "text": OUT}, model="m", stopReason="endTurn",
        ),
    ),
    Row("/v1/actions", "arguments", "an action's arguments", lambda it: action(it, {"note": OUT}, None)),
    Row("/v1/actions", "results", "what became of an action", lambda it: action(it, {}, {"note": OUT})),
    Row("/openai/", "prompts", "chat", lambda it: openai(it, "chat/completions", messages=said(OUT))),
    Row("/openai/", "answers", "chat", lambda it: openai(it, "chat/completions", messages=said("hello"))),
    Row("/openai/", "answers", "chat, streamed", lambda it: openai(it, "chat/completions", messages=said("hello"), stream=True)),
    Row("/openai/", "prompts", "responses", lambda it: openai(it, "responses", input=OUT)),
    Row("/openai/", "answers", "responses", lambda it: openai(it, "responses", input="hello")),
    Row("/openai/", "answers", "responses, streamed", lambda it: openai(it, "responses", input="hello", stream=True)),
    Row("/anthropic/", "prompts", "messages", lambda it: claude(it, OUT, "fine")),
    Row("/anthropic/", "answers", "messages", lambda it: claude(it, "hello", f"it is {OUT}.")),
    Row("/anthropic/", "answers", "messages, streamed", lambda it: claude(it, "hello", f"it is {OUT}.", stream=True)),
    Row("/anthropic/", "answers", "an error", failing),
    Row("/v2", "arguments", "rows", lambda it: it.agent.post("/v2/models/desk.scorer/infer", inference(OUT))),
    Row("/v2", "results", "outputs", lambda it: it.agent.post("/v2/models/desk.scorer/infer", inference("anna"))),
    Row("/invocations/", "arguments", "rows", lambda it: it.agent.post("/invocations/desk.scorer", {"dataframe_records": [{"who": OUT}]})),
    Row("/invocations/", "results", "outputs", lambda it: it.agent.post("/invocations/desk.scorer", {"dataframe_records": [{"who": "anna"}]})),
    Row("/v1/decisions", "arguments", "rows", lambda it: it.agent.post("/v1/decisions", {"system": "desk", "model": "scorer", "rows": [{"who": OUT}]})),
    Row("/v1/decisions", "results", "outputs", lambda it: it.agent.post("/v1/decisions", {"system": "desk", "model": "scorer", "rows": [{"who": "anna"}]})),
]  # fmt: skip

WITHOUT = {"/v1/runs": "opens and closes runs; whatever is done in them comes by the others"}
"""Paths by which nothing passes that a check judges."""


def test_every_front_has_a_row() -> None:
    """Whoever adds a front adds rows: every path that the listener tells apart is here."""
    source = ast.parse(Path(listeners.__file__).read_text(encoding="utf-8"))
    (handle,) = [one for one in ast.walk(source) if getattr(one, "name", "") == "handle"]
    starts = {
        node.args[0].value
        for node in ast.walk(handle)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "startswith"
        if isinstance(node.args[0], ast.Constant)
    }
    fronts = {one.front for one in ROWS}
    assert starts == fronts | WITHOUT.keys()
    assert {one.place for one in ROWS} == set(PLACES)


RULES = [
    {"find": ["canaries"], "in": list(PLACES), "action": "observe"},
    {"find": ["canaries"], "in": ["arguments", "results"], "tools": ["*.decision"], "action": "deny"},
]
MODEL: dict[str, Any] = {
    "layout": "columns",
    "versions": {"1": {}},
    "deadline": "300ms",
    "inputs": {"who": {"type": "text"}},
    "outputs": {"y": {"type": "label", "labels": [CANARIES["fallback"], "no"]}},
    "fallback": {"constant": {"y": CANARIES["fallback"]}},
}
TOOLS = (
    "test_simple_text", "test_error_handling", "test_input_required_result_sampling",
    "test_input_required_result_elicitation",
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    canaries = {name: f"${{CANARY_{name.upper()}}}" for name in CANARIES}
    fixture = {
        "kind": "mcp_server", "name": "fixture", "command": [sys.executable, str(FIXTURE), "--stdio"],
        "resources": ["test://**"], "prompts": ["**"], "may_ask": ["elicitation", "sampling"], "sandbox": "none",
    }  # fmt: skip
    with llm_upstream.llm_upstream() as openai_up, scripted_claude.claude() as claude_up:
        components = [
            fixture,
            llm(openai_up),
            {
                "kind": "llm", "name": "claude", "version": scripted_claude.MODEL, "provider": "anthropic",
                "url": claude_up.url, "key_env": "CLAUDE_KEY",
            },
            {"kind": "model", "name": "scorer", "url": "http://127.0.0.1:9"},
        ]  # fmt: skip
        tools: dict[str, Any] = {f"fixture.{name}": "read" for name in TOOLS}
        content = {"rules": RULES, "canaries": canaries}
        text = manifest("desk", components, tools, decisions={"scorer": MODEL}, content=content)
        environment: dict[str, Any] = {f"CANARY_{name.upper()}": one for name, one in CANARIES.items()}
        environment |= {"UPSTREAM_KEY": llm_upstream.SECRET, "CLAUDE_KEY": scripted_claude.KEY}
        folder = tmp_path_factory.mktemp("org")
        with serving(folder, {"desk": text}, **environment) as living:
            living.run("deploy", "desk", "1", "--model", "scorer", "--reason", "a test")
            yield World(living, living.agent("bot", "desk"), claude_up)


@pytest.mark.parametrize("row", ROWS, ids=lambda one: f"{one.front} {one.place}: {one.what}")
def test_every_check_leaves_a_finding_and_content_sees_what_passes(world: World, row: Row) -> None:
    begin = world.living.size
    row.run(world)
    acts = waited(lambda: _judged(world.living, begin))
    found: list[dict[str, Any]] = []
    for ident in acts:
        told = world.living.run("explain", ident)
        told = told.get("explanation", told)
        assert [one["check"] for one in told["findings"]][: len(CHECKS)] == list(CHECKS), (
            "one finding of each check"
        )
        if row.place in ("results", "answers") and not row.what.startswith("what a server asks"):
            found += told["back"].get("findings", []) + told["findings"][len(CHECKS) :]
        else:
            found += [one for one in told["findings"] if one["check"] == "content"]
    assert "canaries" in {one.get("code", "") for one in found}, found


def _judged(living: Living, begin: int) -> list[str]:
    """The acts since entry `begin`, once every intent among them has its outcome; none yet while one has not."""
    entries = [one for _, one in living.entries(begin)]
    acts = [one.id for one in entries if isinstance(one, Intent | Denied)]
    done = {one.id for one in entries if isinstance(one, Outcome | Denied)}
    return acts if acts and set(acts) <= done else []
