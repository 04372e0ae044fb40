"""Generations under the passage: holds, refusals, keys, what misbehaves upstream, and what the record says of it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from standwatch.facts.entries import Denied, Intent
from support.llm_upstream import SECRET, WORDS, Upstream, llm_upstream
from support.system import Living, manifest, serving, waited
from wire.test_llm_openai import HELLO, TOOLS, llm

ASKED: dict[str, Any] = {"messages": HELLO}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with llm_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Living]:
    brief = llm(upstream, timeout="10s", silence="3s")
    systems = {"desk": manifest("desk", [brief], {}), "shop": manifest("shop", [brief], {})}
    with serving(tmp_path_factory.mktemp("org"), systems, accept=False, UPSTREAM_KEY=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def client(living: Living) -> Iterator[openai.OpenAI]:
    token = living.agent("writer", "desk").token
    ours = f"http://127.0.0.1:{living.agents}/openai/desk/v1"
    with openai.OpenAI(api_key=token, base_url=ours, max_retries=0, timeout=30) as client:
        yield client


def document(living: Living, ident: str) -> dict[str, Any]:
    """What the record keeps of an answer."""
    living.outcome(ident)
    told = living.run("explain", ident)
    return json.loads(told["back"]["result"]["text"])


def last(living: Living) -> str:
    """The id of the action that was judged last."""
    return [one for _, one in living.entries() if isinstance(one, Intent | Denied)][-1].id


def ask(client: openai.OpenAI, **asked: Any) -> list[Any]:
    """The answer, or every chunk of it."""
    found = client.chat.completions.create(**{**ASKED, **asked})
    return list(found) if asked.get("stream") else [found]


def refusal(client: openai.OpenAI, **asked: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, **asked)
    return raised.value


# --- what is refused -----------------------------------------------------------------------------------------------


def test_a_model_that_no_manifest_names_is_refused(
    living: Living, client: openai.OpenAI, upstream: Upstream
) -> None:
    before = len(upstream.requests)
    error = refusal(client, model="gpt-of-somebody")
    assert (error.status_code, error.code) == (403, "refused")
    ident = error.body["reference"]  # type: ignore[index]
    assert living.refusal(ident).code == "undeclared"
    assert len(upstream.requests) == before


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"model":"scripted-text"', b'{"model":"scripted-text","model":"x","messages":[]}',
             b'{"model":1,"messages":[]}', b'{"model":"scripted-text","messages":[{"role":"king"}]}', b"[" * 5000]
)  # fmt: skip
def test_what_cannot_be_read_is_invalid_and_recorded(
    living: Living, client: openai.OpenAI, body: bytes
) -> None:
    wire = http.client.HTTPConnection("127.0.0.1", living.agents, timeout=30)
    headers = {"authorization": f"Bearer {client.api_key}", "content-type": "application/json"}
    wire.request("POST", "/openai/desk/v1/chat/completions", body, headers)
    answer = wire.getresponse()
    said = json.loads(answer.read())["error"]
    assert (answer.status, said["code"]) == (400, "invalid")
    assert living.refusal(said["reference"]).code == "invalid"


def test_strangers_hear_nothing(living: Living) -> None:
    for key, system in (("sw_nobody", "desk"), ("", "desk")):
        ours = f"http://127.0.0.1:{living.agents}/openai/{system}/v1"
        with openai.OpenAI(api_key=key or "x", base_url=ours, max_retries=0) as stranger:
            with pytest.raises(openai.AuthenticationError):
                stranger.chat.completions.create(model="scripted-text", messages=HELLO)
            with pytest.raises(openai.AuthenticationError):
                stranger.models.list()


def test_tools_of_the_provider_itself_are_refused_unless_declared(
    living: Living, client: openai.OpenAI
) -> None:
    with pytest.raises(openai.PermissionDeniedError) as raised:
        client.responses.create(model="scripted-text", input="Hello", tools=[{"type": "web_search"}])
    assert living.refusal(raised.value.body["reference"]).code == "hosted_tool"  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("responses", {"previous_response_id": "resp_of_somebody_else"}),
        ("responses", {"conversation": "conv_1"}),
        ("responses", {"conversation": {"id": "conv_1"}}),
        ("responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}),
        ("responses", {"models": ["gpt-of-somebody"]}),
        ("chat/completions", {"models": ["gpt-of-somebody"]}),
        ("chat/completions", {"plugins": [{"id": "web"}]}),
        ("chat/completions", {"data_sources": [{"type": "azure_search"}]}),
    ],
)
def test_what_the_provider_kept_or_does_by_other_means_is_refused(
    living: Living, client: openai.OpenAI, upstream: Upstream, path: str, more: dict[str, Any]
) -> None:
    before = len(upstream.requests)
    asked: dict[str, Any] = {"input": "Hello"} if path == "responses" else {"messages": HELLO}
    with pytest.raises(openai.PermissionDeniedError) as raised:
        client.post(f"/{path}", body={"model": "scripted-text", **asked, **more}, cast_to=object)
    assert living.refusal(raised.value.body["reference"]).code == "hosted_tool"  # type: ignore[index]
    assert len(upstream.requests) == before


# --- keys ----------------------------------------------------------------------------------------------------------


def test_the_agents_key_stays_here_and_ours_goes_there(client: openai.OpenAI, upstream: Upstream) -> None:
    client.chat.completions.create(model="scripted-text", messages=HELLO)
    _, headers, body = upstream.requests[-1]
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert client.api_key not in json.dumps(headers) + body.decode()


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_that_an_upstream_repeats_is_not_passed_on(
    living: Living, client: openai.OpenAI, stream: bool
) -> None:
    error = refusal(client, model="scripted-leak", stream=stream)
    assert SECRET not in str(error.body)
    assert SECRET not in json.dumps(document(living, last(living)))
    assert SECRET not in "\n".join(living.said)


@pytest.mark.parametrize("stream", [False, True])
def test_nor_is_one_that_a_model_says(living: Living, client: openai.OpenAI, stream: bool) -> None:
    found = ask(client, model="scripted-parrot", stream=stream)
    assert SECRET not in "".join(one.to_json() for one in found)
    assert "the key is ****" in "".join(one.to_json() for one in found)
    assert SECRET not in json.dumps(document(living, last(living)))


# --- holds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope",
    [
        "system:desk",
        "vendor:nobody",
        "component:scripted",
        "version:scripted@scripted-text",
        "agent:writer",
        "all",
    ],
)
def test_a_hold_refuses(living: Living, client: openai.OpenAI, scope: str) -> None:
    hold = living.halt(scope)["hold"]
    try:
        error = refusal(client, model="scripted-text")
        assert error.code == "refused"
    finally:
        living.release(hold)
    client.chat.completions.create(model="scripted-text", messages=HELLO)


def test_a_hold_on_one_model_leaves_the_others(living: Living, client: openai.OpenAI) -> None:
    hold = living.halt("version:scripted@scripted-tools")["hold"]
    client.chat.completions.create(model="scripted-text", messages=HELLO)
    assert refusal(client, model="scripted-tools").code == "refused"
    living.release(hold)


def test_a_hold_cuts_a_stream_between_two_chunks(
    living: Living, client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.gone.clear()
    stream = client.chat.completions.create(model="scripted-trickle", messages=HELLO, stream=True)
    heard = [next(stream) for _ in range(3)]
    begun = time.monotonic()
    hold = living.halt("system:desk")["hold"]
    with pytest.raises(openai.APIError) as raised:
        heard += list(stream)
    took = time.monotonic() - begun
    living.release(hold)
    assert raised.value.code == "unavailable"
    assert took < 20
    ident = raised.value.body["reference"]  # type: ignore[index]
    assert living.outcome(ident).status == "unknown"
    kept = document(living, ident)
    assert kept["ended"] == "cut"
    assert kept["said"][0]["text"].startswith("drop" * len(heard))
    assert kept["events"] == len(heard)
    assert upstream.gone.wait(30)


def test_a_client_that_leaves_ends_the_generation(
    living: Living, client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.gone.clear()
    stream = client.chat.completions.create(model="scripted-trickle", messages=HELLO, stream=True)
    next(stream)
    ident = last(living)
    stream.close()
    assert upstream.gone.wait(30)
    assert living.outcome(ident).status == "unknown"
    assert document(living, ident)["ended"] in ("cut", "client_gone")


def test_a_client_that_leaves_before_the_answer(living: Living, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=1.5).chat.completions.create(model="scripted-silent", messages=HELLO)
    assert living.outcome(last(living)).status == "unknown"


# --- what misbehaves -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "ended", "status"),
    [
        ("scripted-broken", "broken", "error"),
        ("scripted-half-event", "malformed", "error"),
        ("scripted-half-json", "malformed", "error"),
        ("scripted-no-sse", "malformed", "error"),
        ("scripted-long-event", "malformed", "error"),
        ("scripted-stalled", "timeout", "timeout"),
    ],
)
def test_a_stream_that_goes_wrong_ends_with_an_error(
    living: Living, client: openai.OpenAI, model: str, ended: str, status: str
) -> None:
    with pytest.raises(openai.APIError) as raised:
        list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    assert raised.value.code == "unavailable"
    ident = raised.value.body["reference"]  # type: ignore[index]
    assert living.outcome(ident).status == status
    assert document(living, ident)["ended"] == ended


def test_a_stream_without_end_ends(living: Living, client: openai.OpenAI, upstream: Upstream) -> None:
    """At so many bytes, after so long, or where no more is looked through: whichever comes first."""
    upstream.gone.clear()
    with pytest.raises(openai.APIError) as raised:
        ask(client, model="scripted-endless", stream=True)
    ident = raised.value.body["reference"]  # type: ignore[index]
    assert living.outcome(ident).status in ("error", "timeout", "withheld")
    assert document(living, ident)["ended"] in ("too_large", "timeout", "withheld")
    assert upstream.gone.wait(30)


@pytest.mark.parametrize(
    ("model", "ended", "status"),
    [
        ("scripted-half-json", "malformed", "error"),
        ("scripted-too-large", "too_large", "error"),
        ("scripted-endless-head", "too_large", "error"),
        ("scripted-silent", "timeout", "timeout"),
    ],
)
def test_an_answer_that_goes_wrong_is_unavailable(
    living: Living, client: openai.OpenAI, model: str, ended: str, status: str
) -> None:
    error = refusal(client, model=model)
    assert (error.status_code, error.code) == (503, "unavailable")
    ident = error.body["reference"]  # type: ignore[index]
    assert living.outcome(ident).status == status
    assert document(living, ident)["ended"] == ended


def test_fifty_megabytes_pass(living: Living, client: openai.OpenAI) -> None:
    found = client.chat.completions.create(model="scripted-large", messages=HELLO)
    assert len(found.choices[0].message.content or "") == 50 << 20
    kept = document(living, last(living))
    assert kept["bytes"] > 50 << 20
    assert len(json.dumps(kept)) < 2 << 20


def test_every_way_to_end_a_line_is_heard(living: Living, client: openai.OpenAI) -> None:
    found = list(client.chat.completions.create(model="scripted-carriage", messages=HELLO, stream=True))
    assert "".join(one.choices[0].delta.content or "" for one in found) == "".join(WORDS)
    assert document(living, last(living))["said"][0]["text"] == "".join(WORDS)


# --- the record ----------------------------------------------------------------------------------------------------


def test_the_record_tells_what_was_asked_and_said(living: Living, client: openai.OpenAI) -> None:
    answer = client.chat.completions.with_raw_response.create(
        model="scripted-tools", messages=HELLO, tools=TOOLS
    )
    ident = answer.headers["standwatch-action"]
    assert answer.headers["standwatch-receipt"]
    kept = document(living, ident)
    assert [one["kind"] for one in kept["said"]] == ["call", "arguments"]
    assert kept["usage"] == {"input": 32, "output": 10, "cached": 8, "written": 0}
    told = living.run("explain", ident)
    action = json.loads(told["sent"]["action"]["text"])
    assert action["event"] == "generation"
    assert action["arguments"]["tools"] == ["weather"]
    assert json.loads(told["sent"]["body"]["text"])["messages"] == HELLO


def test_the_body_is_what_came_to_the_byte(living: Living, client: openai.OpenAI, upstream: Upstream) -> None:
    body = b'{ "model" : "scripted-text", "messages":[{"role":"user","content":"\\u00e9\\/"}], "n" : 1.0e0 }'
    wire = http.client.HTTPConnection("127.0.0.1", living.agents, timeout=30)
    wire.request(
        "POST", "/openai/desk/v1/chat/completions", body, {"authorization": f"Bearer {client.api_key}"}
    )
    answer = wire.getresponse()
    answer.read()
    assert answer.status == 400  # 1.0e0 is no count of choices
    body = body.replace(b"1.0e0", b"1")
    wire.request(
        "POST", "/openai/desk/v1/chat/completions", body, {"authorization": f"Bearer {client.api_key}"}
    )
    answer = wire.getresponse()
    answer.read()
    assert answer.status == 200
    assert upstream.requests[-1][2] == body
    told = living.run("explain", str(answer.headers["standwatch-action"]))
    assert told["sent"]["body"]["text"].encode() == body


def test_a_restricted_system_is_offered_no_tools(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> None:
    systems = {"desk": manifest("desk", [llm(upstream)], {}, validator="nobody@bank.example")}
    folder = tmp_path_factory.mktemp("org")
    with serving(folder, systems, accept=False, development=False, UPSTREAM_KEY=SECRET) as running:
        token = running.agent("writer", "desk").token
        with openai.OpenAI(
            api_key=token, base_url=f"http://127.0.0.1:{running.agents}/openai/desk/v1"
        ) as client:
            answer = client.chat.completions.create(
                model="scripted-tools", messages=HELLO, tools=TOOLS, tool_choice="auto", temperature=0.5
            )
        assert answer.choices[0].message.tool_calls is None
        assert upstream.last == {"model": "scripted-tools", "messages": HELLO, "temperature": 0.5}
        intent = running.of(Intent)[-1]
        assert (intent.grant, intent.verdict, intent.disposition) == ("restricted", "modify", "modify")
        assert intent.sent
        told = running.run("explain", intent.id)
        assert json.loads(told["sent"]["body"]["text"]) == upstream.last
        assert [one["code"] for one in told["findings"] if one["check"] == "grant"] == ["no_tools"]


def test_two_workers_serve_streams_and_cut_them(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> None:
    systems = {"desk": manifest("desk", [llm(upstream)], {})}
    folder = tmp_path_factory.mktemp("org")
    with serving(folder, systems, accept=False, workers=2, UPSTREAM_KEY=SECRET) as running:
        token = running.agent("writer", "desk").token
        ours = f"http://127.0.0.1:{running.agents}/openai/desk/v1"
        with openai.OpenAI(api_key=token, base_url=ours, max_retries=0) as client:
            for _ in range(4):
                found = ask(client, model="scripted-text", stream=True)
                assert "".join(one.choices[0].delta.content or "" for one in found) == "".join(WORDS)
            stream = client.chat.completions.create(model="scripted-trickle", messages=HELLO, stream=True)
            next(stream)
            hold = running.halt("vendor:nobody")["hold"]
            with pytest.raises(openai.APIError):
                list(stream)
            running.release(hold)


def test_a_generation_belongs_to_the_run_that_is_named(living: Living, upstream: Upstream) -> None:
    starter = living.agent("harness", "desk", starts=True)
    wire = http.client.HTTPConnection("127.0.0.1", living.agents, timeout=30)
    order = json.dumps({"system": "desk", "task": "Write a letter"})
    wire.request("POST", "/v1/runs", order, {"authorization": f"Bearer {starter.token}"})
    run = json.loads(wire.getresponse().read())
    ours = f"http://127.0.0.1:{living.agents}/openai/desk/v1"
    for key, headers in ((run["token"], {}), (starter.token, {"Standwatch-Run": run["run"]})):
        with openai.OpenAI(api_key=key, base_url=ours, default_headers=headers, max_retries=0) as client:
            ask(client, model="scripted-text")
        assert living.of_run(last(living)) == run["run"]
    with (
        openai.OpenAI(api_key=run["token"], base_url=ours.replace("desk", "shop"), max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        ask(client, model="scripted-text")


def test_an_export_alone_tells_it_and_a_proof_holds(
    living: Living, client: openai.OpenAI, tmp_path: Path
) -> None:
    ask(client, model="scripted-text")
    ident = last(living)
    living.outcome(ident)
    waited(lambda: all(one["proved"] for one in living.run("explain", ident)["proofs"]))
    living.run("export", str(tmp_path / "export"), "--with-payloads")
    told = living.run("explain", ident, "--export", str(tmp_path / "export"))
    assert json.loads(told["sent"]["body"]["text"])["messages"] == HELLO
    assert told["problems"] == []
    assert living.run("verify", str(tmp_path / "export"))["status"] == "verified"
    living.run("explain", ident, "--proof", str(tmp_path / "proof.json"))
    shown = json.loads((tmp_path / "proof.json").read_bytes())
    names = [part["name"] for entry in shown["entries"] for part in entry["parts"]]
    assert "body" in names
    assert living.run("verify", str(tmp_path / "proof.json"))["status"] == "verified"
    body = next(part for entry in shown["entries"] for part in entry["parts"] if part["name"] == "body")
    body["data"] = body["data"][:-8] + "AAAAAAA="
    (tmp_path / "forged.json").write_text(json.dumps(shown))
    assert living.run("verify", str(tmp_path / "forged.json"), code=1)["status"] == "rejected"
