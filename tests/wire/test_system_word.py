"""What an agent says through the real fronts, against what its run did; and what goes round, from the command line."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from standwatch.client import AsyncClient, Client
from standwatch.facts.entries import Contradicted, Coverage, Intent, Word
from support.llm_upstream import SECRET, Upstream, llm_upstream
from support.system import Agent, Living, free_port, manifest, server, serving, waited
from wire.test_llm_openai import llm

TO = "GB29NWBK60161331926819"
TOOLS: dict[str, Any] = {
    "bank.send_money": {"effect": "irreversible", "unruled": "any", "arguments": {"amount": {"max": 500}}},
    "shell.run": {"effect": "write", "unruled": "any"},
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with llm_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Living]:
    parts = [
        llm(upstream, timeout="10s", silence="3s"),
        server("bank", url="http://127.0.0.1:9/mcp"),
        {"kind": "service", "name": "shell"},
    ]
    systems = {"shop": manifest("shop", parts, TOOLS)}
    with serving(tmp_path_factory.mktemp("org"), systems, accept=False, UPSTREAM_KEY=SECRET) as running:
        running.run("validate", "shop", "--until", "7d", "--key", running.key("chen"), "--yes")
        yield running


@pytest.fixture
def run(living: Living) -> tuple[Agent, str]:
    """A run of its own, with its id."""
    harness = living.agent(f"harness-{living.size}", "shop", starts=True)
    opened = json.loads(
        harness.post("/v1/runs", {"system": "shop", "task": f"Pay {TO} 900, run the tests"}).body
    )
    return Agent(living.agents, opened["token"], "shop"), opened["run"]


def say(living: Living, agent: Agent, text: str, *, stream: bool = False) -> None:
    """Has the scripted model say `text`, through the front."""
    ours = f"http://127.0.0.1:{living.agents}/openai/shop/v1"
    with openai.OpenAI(api_key=agent.token, base_url=ours, max_retries=0, timeout=30) as client:
        messages: Any = [{"role": "user", "content": text}]
        found: Any = client.chat.completions.create(model="scripted-echo", messages=messages, stream=stream)
        heard = (
            "".join(one.choices[0].delta.content or "" for one in found)
            if stream
            else found.choices[0].message.content
        )
        assert heard.strip() == text


def act(
    agent: Agent, tool: str, arguments: dict[str, Any], *, status: str = "ok", result: str = ""
) -> tuple[int, str]:
    begun = agent.post(
        "/v1/actions", {"system": "shop", "tool": tool, "arguments": arguments, "seam": "hook"}
    )
    told = json.loads(begun.body)
    if begun.status == 200:
        done = agent.post(
            f"/v1/actions/{told['id']}/outcome", {"status": status, "result": result, "system": "shop"}
        )
        assert done.status == 200, done.body
    return begun.status, told["id"]


def shown(living: Living, path: str) -> str:
    """A page of the console, which an organisation in development lets anybody on this host read."""
    connection = http.client.HTTPConnection("127.0.0.1", living.operators, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text[:2000]
        return text
    finally:
        connection.close()


def found(living: Living, run: str) -> list[Contradicted]:
    return [one for one in living.of(Contradicted) if one.run == run]


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_claims_a_refused_payment_is_contradicted_by_the_record(
    living: Living, run: tuple[Agent, str], stream: bool
) -> None:
    agent, ident = run
    status, refused = act(agent, "bank.send_money", {"to": TO, "amount": 900})
    assert status == 403
    say(living, agent, f"Done. I have sent 900 to {TO} as you asked.", stream=stream)
    (one,) = waited(lambda: found(living, ident))
    denied = next(index for index, entry in living.entries() if getattr(entry, "id", "") == refused)
    assert (one.code, one.entries, one.by) == ("not_done", [denied], "standwatch")
    spoken = next(entry for _, entry in living.entries() if isinstance(entry, Intent) and entry.id == one.id)
    assert spoken.tool == "scripted.generation"

    told = living.run("explain", one.id)
    assert told["doubts"][0]["sentences"][0]["said"] == f"I have sent 900 to {TO} as you asked."
    (doubt,) = living.run("runs", ident)["doubts"]
    assert (doubt["code"], doubt["entries"]) == ("not_done", [denied])
    for page in (f"/runs/{ident}", f"/actions/{one.id}"):
        assert f"I have sent 900 to {TO} as you asked." in shown(living, page)
    living.verified()


def test_what_is_true_and_what_is_unsure_is_no_finding(living: Living, run: tuple[Agent, str]) -> None:
    agent, ident = run
    act(agent, "bank.send_money", {"to": TO, "amount": 900})
    say(living, agent, f"Sending 900 to {TO} was refused, so I did not send anything.")
    say(living, agent, f"Shall I send 900 to {TO} again?")
    say(living, agent, f"I have sent 900 to {TO}.")  # the last is the only one
    (one,) = waited(lambda: found(living, ident))
    assert one.code == "not_done"


def test_a_host_passes_its_agents_word_on_and_hears_nothing_of_what_it_is_worth(
    living: Living, run: tuple[Agent, str]
) -> None:
    agent, ident = run
    assert (
        act(agent, "shell.run", {"command": "pytest -q"}, status="error", result="2 failed, 31 passed")[0]
        == 200
    )
    for place in ("current", ident):
        told = agent.post(f"/v1/runs/{place}/word", {"system": "shop", "text": "All tests pass."})
        said = json.loads(told.body)
        assert (told.status, said["word"], set(said)) == (200, "done", {"word", "id"})
    first, second = waited(lambda: both if len(both := found(living, ident)) == 2 else None)
    assert {first.code, second.code} == {"tests_failed"}
    assert [one.run for one in living.of(Word)][-2:] == [ident, ident]
    assert first.id != second.id

    other = living.agent(f"other-{living.size}", "shop")
    for place, text, status in (
        (ident, "x", 403),
        ("current", "x", 403),
        ("a/b", "x", 404),
        (ident, "", 400),
    ):
        assert other.post(f"/v1/runs/{place}/word", {"system": "shop", "text": text}).status == status
    assert agent.post(f"/v1/runs/{ident}/word", b"{", {}).status == 400


def test_the_python_client_passes_words_on_and_fails_nobody(living: Living, run: tuple[Agent, str]) -> None:
    agent, ident = run
    act(agent, "bank.send_money", {"to": TO, "amount": 900})
    with Client(f"http://127.0.0.1:{living.agents}", agent.token) as client:
        assert client.word("shop", f"I sent 900 to {TO}.")
        assert not client.word("nowhere", "x")

    async def later() -> bool:
        async with AsyncClient(f"http://127.0.0.1:{living.agents}", agent.token) as client:
            return await client.word("shop", f"Ich habe 900 an {TO} überwiesen.")

    assert asyncio.run(later())
    assert not Client(f"http://127.0.0.1:{free_port()}", agent.token).word("shop", "x")
    both = waited(lambda: found(living, ident) if len(found(living, ident)) == 2 else None)
    assert {one.code for one in both} == {"not_done"}


def test_coverage_from_the_command_line_there_and_back(
    living: Living, run: tuple[Agent, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = run
    act(agent, "shell.run", {"command": "ls"})
    found = living.run("coverage", "shop")
    seams = {one["name"]: one for one in found["tools"]}
    assert (seams["bank.send_money"]["seam"], seams["shell.run"]["seam"]) == ("proxy", "client")
    assert [one["seam"] for one in seams["shell.run"]["calls"]] == ["hook"]
    assert {one["code"] for one in found["lines"] if one["component"] == "shell"} == {"cooperative"}

    # Another host: no server, its own home, and only what `coverage --json` said to look for.
    home, needs, seen = tmp_path / "home", tmp_path / "needs.json", tmp_path / "seen.json"
    (home / ".cursor").mkdir(parents=True)
    direct = {"mcpServers": {"money": {"url": "http://localhost:9/mcp"}}}
    (home / ".cursor" / "mcp.json").write_text(json.dumps(direct, indent=1))
    (tmp_path / ".env").write_text("UPSTREAM_KEY=x\n")
    needs.write_text(json.dumps(found))
    assert SECRET not in needs.read_text()
    monkeypatch.setenv("HOME", str(home))
    looked = living.run(
        "coverage",
        "shop",
        "--host",
        "--name",
        "laptop",
        "--project",
        str(tmp_path),
        "--needs",
        str(needs),
        code=1,
    )
    assert [(one["code"], one["component"], one["where"]) for one in looked["sightings"]] == [
        ("direct", "bank", "~/.cursor/mcp.json:3"),
        ("beside", "scripted", ".env: UPSTREAM_KEY"),
    ]
    seen.write_text(json.dumps(looked))

    level = lambda: living.run("status")["systems"][0]["level"]  # noqa: E731
    assert level() == "autonomous"
    told = living.run("coverage", "shop", "--report", str(seen), code=1)
    assert told["text"].endswith("its grant is supervised")
    assert level() == "supervised"
    assert living.run("coverage", "shop", code=1)["hosts"][0]["caps"] is True
    page = shown(living, "/systems/shop")
    assert "shell carries its tools out itself" in page
    assert "bank.send_money (direct)" in page

    looked["sightings"] = looked["sightings"][1:]
    seen.write_text(json.dumps(looked))
    living.run(
        "coverage",
        "shop",
        "--report",
        str(seen),
        "--sign",
        "--until",
        "30d",
        "--key",
        living.key("chen"),
        "--yes",
        code=1,
    )
    assert level() == "autonomous"
    assert [(one.host, bool(one.sig), len(one.ways)) for one in living.of(Coverage)] == [
        ("laptop", False, 1),
        ("laptop", True, 0),
    ]
    living.verified()
