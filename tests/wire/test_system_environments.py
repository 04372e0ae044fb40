"""Environments through `/v1/actions`, as an adapter or a hook asks: production by hosts, branches and contexts, a
freeze of it, and an organisation's word that takes force while everything runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.system import Agent, Living, manifest, serving

PRODUCTION = """
environments:
  production:
    hosts: ["*.prod.example.com"]
    branches: [main]
    contexts: ["*-prod"]
    effects: {write: step_up, irreversible: deny}
"""
TOOLS = {
    "box.run": {
        "effect": "irreversible",
        "effect_by": "command",
        "otherwise": "step_up",
        "arguments": {"command": {"reads_as": "shell"}},
    },
    "http.send": {"effect": "irreversible", "otherwise": "step_up"},
}
SERVICES = [{"kind": "service", "name": "box"}, {"kind": "service", "name": "http"}]


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    text = manifest("ops", SERVICES, TOOLS)
    with serving(tmp_path_factory.mktemp("environments") / "org", {"ops": text}, more=PRODUCTION) as one:
        one.run("validate", "ops", "--until", "30d", "--key", one.key("chen"), "--yes")
        yield one


@pytest.fixture(scope="module")
def agent(living: Living) -> Agent:
    return living.agent("operator", "ops")


def asked(agent: Agent, tool: str = "box.run", **arguments: object) -> tuple[str, str]:
    """The word, and the reference. What may go is told not to have been done."""
    answer = agent.post(
        "/v1/actions", {"system": "ops", "tool": tool, "arguments": arguments, "seam": "client"}
    )
    if answer.last.get("word") == "go":
        agent.post(f"/v1/actions/{answer.reference}/outcome", {"status": "not_sent"})
    return str(answer.last["word"]), answer.reference


WORDS = [
    ("psql -h db.prod.example.com -c 'select 1'", "go"),
    ("psql -h db.prod.example.com -c 'update x set a = 1 where id = 2'", "pending"),
    ("psql -h db.prod.example.com -c 'drop table x'", "refused"),
    ("psql -h localhost -c 'update x set a = 1 where id = 2'", "go"),
    ("kubectl --context shop-prod -n shop get pods", "go"),
    ("kubectl --context shop-prod -n shop delete deploy web", "refused"),
    ("kubectl apply -f web.yaml", "pending"),
    ("git push origin feature/x", "go"),
    ("git push origin main", "pending"),
    ("git push --force origin main", "refused"),
]


@pytest.mark.parametrize(("command", "word"), WORDS)
def test_development_is_free_and_production_is_not(agent: Agent, command: str, word: str) -> None:
    assert asked(agent, command=command)[0] == word


def test_any_tool_and_any_argument(agent: Agent) -> None:
    assert asked(agent, "http.send", url="https://api.prod.example.com/v1/orders")[0] == "refused"
    assert asked(agent, "http.send", url="https://api.dev.example.com/v1/orders")[0] == "go"


def test_operators_read_where_it_would_have_reached(living: Living, agent: Agent) -> None:
    word, ident = asked(agent, command="psql -h db.prod.example.com -c 'drop table x'")
    assert word == "refused"
    assert living.refusal(ident).code == "environment"
    told = living.run("explain", ident)
    reason = next(one["reason"] for one in told["findings"] if one["check"] == "limits")
    assert reason == "in production (hosts: -h db.prod.example.com) irreversible effects are not done"


def test_a_freeze_takes_force_while_everything_runs(living: Living, agent: Agent) -> None:
    """More freezes and more patterns are narrower: nobody has to sign them."""
    file = living.folder / "standwatch.yaml"
    before = file.read_text()
    frozen = (
        before + "freeze: [{from: 2020-01-01T00:00Z, until: 2099-01-01T00:00Z, environments: [production]}]\n"
    )
    file.write_text(frozen)
    living.run("check")
    living.api.post("/configuration/reload")
    word, ident = asked(agent, command="git push origin main")
    assert word == "refused"
    assert living.refusal(ident).code == "frozen"
    assert asked(agent, command="git push origin feature/x")[0] == "go"
    file.write_text(before)
