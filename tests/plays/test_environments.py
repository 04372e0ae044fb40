"""Development, staging and production as a security engineer reads them: one scene for each thing they promise."""

from typing import Any

import msgspec
import pytest

from standwatch.enforce.ports import Act
from standwatch.facts.configuration import Component, Definition, Freeze, Tool
from standwatch.facts.entries import AskedMany, Denied
from standwatch.facts.environments import Environment
from standwatch.facts.rules import ArgumentRule
from standwatch.facts.words import Effect
from support import bank
from support.playbook import Stage

ENVIRONMENTS = {
    "production": Environment(
        hosts=("*.prod.example.com",),
        branches=("main",),
        contexts=("*-prod",),
        effects={"write": "step_up", "irreversible": "deny"},
    ),
    "staging": Environment(
        hosts=("*.stage.example.com",), contexts=("*-stage",), effects={"irreversible": "step_up"}
    ),
}
DIGEST = "box-digest"


def stage(
    environment: dict[str, Environment] = ENVIRONMENTS, freezes: tuple[Freeze, ...] = (), **organisation: Any
) -> Stage:
    """One system with three shells, by what their command lines may do at most."""
    tools = {
        f"box.{effect}": Tool(
            f"box.{effect}", effect, {"command": ArgumentRule(reads_as="shell")}, unruled="any"
        )
        for effect in ("read", "write", "irreversible")
    }
    manifest = msgspec.structs.replace(
        bank.MANIFEST,
        components=(Component(kind="mcp_server", name="box", command=("box",)),),
        tools=tools,
        environments=environment,
        freeze=freezes,
    )
    config = bank.configuration(manifest)
    system = msgspec.structs.replace(
        config.systems["payments-agent"],
        lock=msgspec.structs.replace(
            config.systems["payments-agent"].lock, tools=dict.fromkeys(tools, DIGEST)
        ),
    )
    config = msgspec.structs.replace(
        config,
        systems={"payments-agent": system},
        organisation=msgspec.structs.replace(config.organisation, **organisation),
    )
    return Stage(bank.world(config))


def act(effect: Effect, command: str) -> Act:
    call = bank.call(f"box.{effect}", command=command)
    return msgspec.structs.replace(call, definition=Definition(effect, DIGEST, {}))


def told(effect: Effect, command: str, on: Stage | None = None) -> str:
    return (on or stage()).play(act(effect, command)).word


def reason(played: Stage) -> str:
    """What operators read of the last refusal or question."""
    index, _ = next((i, one) for i, one in reversed(played.log) if isinstance(one, Denied | AskedMany))
    findings = msgspec.json.decode(played.parts[index]["findings"])["findings"]
    return " ".join(one.get("reason", "") for one in findings if one.get("decision") != "allow")


def test_development_is_free() -> None:
    assert told("irreversible", "psql -h localhost app -c 'delete from x where id = 1'") == "done"
    assert told("write", "git push origin feature/x") == "done"


def test_staging_asks_for_what_cannot_be_taken_back() -> None:
    assert told("write", "psql -h db.stage.example.com -d app -f x.sql") == "done"
    assert told("irreversible", "psql -h db.stage.example.com -d app -f x.sql") == "pending"


@pytest.mark.parametrize(
    "command",
    [
        "psql -h db.prod.example.com -d app -f x.sql",
        "kubectl --context shop-prod apply -f x.yaml",
        "git push origin HEAD:main",
        "ssh web.prod.example.com uptime",
    ],
)
def test_production_asks_for_writes_and_never_drops(command: str) -> None:
    assert told("read", command) == "done"
    assert told("write", command) == "pending"
    assert told("irreversible", command) == "refused"


def test_operators_read_which_environment_and_which_word() -> None:
    played = stage()
    assert told("irreversible", "psql -h db.prod.example.com -d app -f x.sql", played) == "refused"
    assert played.last(Denied).code == "environment"
    assert "in production (hosts: -h db.prod.example.com) irreversible effects are not done" in reason(played)


def test_what_cannot_be_told_is_asked_about() -> None:
    played = stage()
    assert told("irreversible", "kubectl apply -f x.yaml", played) == "pending"
    assert "cannot be told whether this reaches production: kubectl goes where" in reason(played)
    assert told("write", "kubectl apply -f x.yaml") == "pending"
    assert told("read", "kubectl get pods") == "done"
    assert told("irreversible", "kubectl --context kind-dev apply -f x.yaml") == "done"


def test_a_freeze_of_production_leaves_the_rest_alone() -> None:
    freeze = (Freeze(bank.NOW - bank.DAY, bank.NOW + bank.DAY, environments=("production",)),)
    free = {name: msgspec.structs.replace(one, effects={}) for name, one in ENVIRONMENTS.items()}
    for command in (
        "psql -h db.prod.example.com -f x.sql",
        "git push origin main",
        "kubectl --context shop-prod apply -f x.yaml",
    ):
        played = stage(free, freeze)
        assert told("write", command, played) == "refused"
        assert played.last(Denied).code == "frozen"
        assert told("read", command, stage(free, freeze)) == "done"
    assert told("write", "psql -h localhost app", stage(free, freeze)) == "done"
    assert told("irreversible", "rm -rf build/x", stage(free, freeze)) == "done"


def test_in_a_freeze_what_cannot_be_told_is_refused_or_asked_about() -> None:
    freeze = (Freeze(bank.NOW - bank.DAY, bank.NOW + bank.DAY, environments=("production",)),)
    free = {name: msgspec.structs.replace(one, effects={}) for name, one in ENVIRONMENTS.items()}
    played = stage(free, freeze)
    assert told("irreversible", "kubectl apply -f x.yaml", played) == "refused"
    assert played.last(Denied).code == "frozen_unknown"
    assert told("write", "kubectl apply -f x.yaml", stage(free, freeze)) == "pending"
    assert told("write", "kubectl --context kind-dev apply -f x.yaml", stage(free, freeze)) == "done"


def test_the_organisation_speaks_for_every_system() -> None:
    freeze = (Freeze(bank.NOW - bank.DAY, bank.NOW + bank.DAY, environments=("production",)),)
    strict = {"production": Environment(hosts=("shop.example.com",), effects={"write": "deny"})}
    assert told("write", "git push origin main", stage({}, environments=ENVIRONMENTS)) == "pending"
    assert (
        told("write", "git push origin main", stage({}, environments=ENVIRONMENTS, freeze=freeze))
        == "refused"
    )
    assert told("write", "git push origin main", stage(environments=strict)) == "refused"
    assert told("write", "ssh shop.example.com uptime", stage(environments=strict)) == "refused"


def test_a_server_with_one_database_behind_it_reaches_it_with_every_call() -> None:
    command = ("pg", "postgresql://db.prod.example.com/app")
    component = Component(kind="mcp_server", name="box", command=command)
    assert told("write", "status", changed(components=(component,))) == "pending"


def test_observation_does_not_suspend_what_holds_in_production() -> None:
    observing = changed(observe_until=bank.NOW + bank.DAY)
    assert told("irreversible", "git push origin main", observing) == "refused"


def changed(**members: Any) -> Stage:
    """The same, with another manifest."""
    config = stage().world.configuration
    system = config.systems["payments-agent"]
    manifest = msgspec.structs.replace(system.manifest, **members)
    systems = {"payments-agent": msgspec.structs.replace(system, manifest=manifest)}
    return Stage(bank.world(msgspec.structs.replace(config, systems=systems)))
