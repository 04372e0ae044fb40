"""`environments:` and freezes of them: as they are read, their mistakes, what they weigh, which change is narrower."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.declare.configuration import declare
from standwatch.declare.differences import Differences, direction
from standwatch.declare.digest import envelope_digest
from standwatch.declare.environments import read_environments
from standwatch.declare.order_environments import compare_environments
from standwatch.declare.text import Problems, read_yaml
from standwatch.facts.configuration import Freeze, Manifest
from standwatch.facts.environments import EFFECTS, Environment, conjoined
from standwatch.facts.errors import Misconfigured


def read(text: str) -> tuple[dict[str, Environment] | None, list[str]]:
    problems = Problems()
    node = read_yaml("m.yaml", text.encode(), problems)
    assert node is not None
    return read_environments(node, problems), list(problems.wrong)


def test_what_is_said_is_read() -> None:
    found, problems = read(
        "production: {hosts: ['*.prod.example.com'], branches: main, commands: ['./ship.sh *'],\n"
        "  variables: [SITE=live], effects: {write: step_up, irreversible: deny}}\n"
        "staging: {}\n"
    )
    assert problems == []
    assert found == {
        "production": Environment(
            hosts=("*.prod.example.com",),
            branches=("main",),
            commands=("./ship.sh *",),
            variables=("SITE=live",),
            effects={"write": "step_up", "irreversible": "deny"},
        ),
        "staging": Environment(),
    }


MISTAKES = {
    "production: {host: [a]}": "m.yaml:1:14: unknown key 'host' in the environment 'production', expected 'hosts'",
    "production: {hosts: []}": "m.yaml:1:21: an empty list, expected patterns",
    "production: {hosts: [a, a]}": "m.yaml:1:25: 'a' stands twice, expected each once",
    "production: {effects: {writes: step_up}}": "m.yaml:1:24: 'writes', expected 'write' (did you mean that?)",
    "production: {effects: {write: ask}}": "m.yaml:1:31: 'ask', expected one of",
    "production: {variables: [SITE]}": "m.yaml:1:25: 'SITE' has no value, expected NAME=value",
    "prod uction: {}": "m.yaml:1:1: 'prod uction', expected an environment's name",
    "[production]": "m.yaml:1:1: a list, expected environments as a mapping",
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items())
def test_mistakes_are_told_with_their_place(text: str, expected: str) -> None:
    assert any(one.startswith(expected) for one in read(text)[1]), read(text)[1]


def with_text(files: dict[str, bytes], organisation: str = "", manifest: str = "") -> dict[str, bytes]:
    path = "systems/payments-agent.yaml"
    return {
        **files,
        "standwatch.yaml": files["standwatch.yaml"] + organisation.encode(),
        path: files[path].replace(b"freeze: [", f"{manifest}\nfreeze: [".encode()),
    }


def test_a_freeze_of_an_environment_that_nobody_declares_is_a_mistake(files: dict[str, bytes]) -> None:
    files["systems/payments-agent.yaml"] = files["systems/payments-agent.yaml"].replace(
        b"effects: [write, irreversible]}", b"effects: [write, irreversible], environments: [production]}"
    )
    with pytest.raises(Misconfigured) as told:
        declare(files)
    assert "systems/payments-agent.yaml:32:114: no environment is called 'production'" in str(told.value)
    declare(with_text(files, manifest="environments: {production: {}}"))
    declare(with_text(files, organisation="environments: {production: {}}\n"))
    with pytest.raises(Misconfigured, match="expected one of staging"):
        declare(with_text(files, organisation="environments: {staging: {}}\n"))


def test_the_organisation_freezes_too(files: dict[str, bytes]) -> None:
    span = "freeze: [{from: 2026-12-20T00:00Z, until: 2027-01-02T00:00Z, environments: [live]}]\n"
    with pytest.raises(Misconfigured, match="no environment is called 'live'"):
        declare(with_text(files, organisation=span))
    found = declare(with_text(files, organisation="environments: {live: {}}\n" + span))
    assert found.configuration.organisation.freeze[0].environments == ("live",)


def test_environments_count_in_the_envelope_and_saying_nothing_does_not() -> None:
    manifest = Manifest("x", "", (), (), (), freeze=(Freeze(1, 2),))
    digest = envelope_digest(manifest)
    assert digest == "9ead02959a3457aa8cbfa1a3e81de1fd4b2a56309d1235ac17b96cf5e3c80226", (
        "as before there were environments"
    )
    named = msgspec.structs.replace(manifest, environments={"production": Environment()})
    assert len({digest, envelope_digest(named), envelope_digest(freezing(named, "production"))}) == 3


def freezing(manifest: Manifest, name: str) -> Manifest:
    return msgspec.structs.replace(manifest, freeze=(Freeze(1, 2, environments=(name,)),))


def test_two_that_speak_of_one_are_conjoined() -> None:
    one = Environment(hosts=("a",), effects={"write": "step_up", "irreversible": "deny"})
    other = Environment(hosts=("b", "a"), effects={"write": "deny", "irreversible": "step_up"})
    found = conjoined({"p": one}, {"p": other, "q": other})["p"]
    assert found.hosts == ("a", "b")
    assert [found.answer(effect) for effect in EFFECTS] == [None, "deny", "deny"]


def test_an_answer_holds_for_stronger_effects() -> None:
    assert Environment(effects={"write": "step_up"}).answer("irreversible") == "step_up"
    assert Environment(effects={"read": "deny", "irreversible": "step_up"}).answer("irreversible") == "deny"
    assert Environment().answer("irreversible") is None


ENVIRONMENTS: Any = st.dictionaries(
    st.sampled_from(["p", "q"]),
    st.builds(
        Environment,
        hosts=st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
        branches=st.lists(st.sampled_from(["m", "n"]), unique=True).map(tuple),
        effects=st.dictionaries(st.sampled_from(EFFECTS), st.sampled_from(["step_up", "deny"])),
    ),
)


@given(ENVIRONMENTS, ENVIRONMENTS)
def test_more_is_narrower_and_less_is_wider(old: dict[str, Environment], new: dict[str, Environment]) -> None:
    def way(one: dict[str, Environment], other: dict[str, Environment]) -> str:
        log = Differences()
        compare_environments(log, one, other)
        return direction(log.found)

    assert way(old, conjoined(old, new)) in ("same", "narrower")
    forth, back = way(old, new), way(new, old)
    assert (forth == "same") == (back == "same")
    assert forth != "narrower" or back == "wider"
    if forth != "wider":
        for name, one in old.items():
            assert set(one.hosts) <= set(new[name].hosts)
            for effect in EFFECTS:
                assert conjoined({"p": one}, {"p": new[name]})["p"].answer(effect) == new[name].answer(effect)
