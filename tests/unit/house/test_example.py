"""The example organisation is a good one: it is read without a complaint, and each scene of the demo has its rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from standwatch.declare.configuration import declare
from standwatch.facts.configuration import Configuration, Manifest

BANK = Path(__file__).parents[3] / "examples" / "bank"
TASKS = BANK / "tasks"


@pytest.fixture(scope="module")
def organisation() -> Configuration:
    paths = [BANK / "standwatch.yaml", *BANK.glob("systems/*"), *BANK.glob("policies/*")]
    declared = declare({path.relative_to(BANK).as_posix(): path.read_bytes() for path in paths})
    unexpected = [
        each for each in declared.warnings if "standwatch accept" not in each
    ]  # its locks are the demo's
    assert unexpected == []
    return declared.configuration


def manifest(organisation: Configuration, name: str) -> Manifest:
    return organisation.systems[name].manifest


def test_a_payee_out_of_nowhere_is_refused_and_a_large_sum_asked(organisation: Configuration) -> None:
    pay = manifest(organisation, "payments-agent").tools["bank.send_money"]
    assert pay.arguments["recipient"].sources == ("task", "trusted")
    assert pay.arguments["recipient"].otherwise == "deny"
    assert (pay.arguments["amount"].max, pay.otherwise) == (500, "step_up")


def test_what_the_demo_pays_stands_in_the_task(organisation: Configuration) -> None:
    tasks = {path.stem: path.read_text(encoding="utf-8") for path in TASKS.iterdir()}
    agents = {name for name, system in organisation.systems.items() if system.manifest.tools}
    assert set(tasks) == agents
    script = (BANK / "agent.py").read_text(encoding="utf-8")
    payees = re.findall(r'"recipient": "(\w+)"', script)
    assert len(payees) == 2
    assert all(payee in tasks["payments-agent"] for payee in payees)
    planted = re.search(r"GB06[\w ]+", (BANK / "inbox/invoice-4711.txt").read_text(encoding="utf-8"))
    assert planted
    assert planted[0].replace(" ", "").strip() not in tasks["payments-agent"]


def test_deletes_are_frozen(organisation: Configuration) -> None:
    keeper = manifest(organisation, "account-keeper")
    assert keeper.tools["bank.delete_account"].effect in keeper.freeze[0].effects


def test_no_result_that_outsiders_write_is_trusted(organisation: Configuration) -> None:
    tools = manifest(organisation, "payments-agent").tools
    assert {name for name, tool in tools.items() if tool.trusted} == {"bank.get_transactions"}
    assert not any("subject" in path for path in tools["bank.get_transactions"].trusted)
