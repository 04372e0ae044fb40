"""The demo is no picture of itself: what it says happened is compared with the ledger and with the record."""

import json
import re
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from standwatch.serve.demo import Demo, main

ROOT = Path(__file__).resolve().parents[2]
ATTACKER = "GB06ZZZZ99999900004711"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, list[str]]]:
    """The demo with its signature, in a checkout of its own that borrows the installed servers."""
    root = tmp_path_factory.mktemp("a checkout")
    (root / ".demo").mkdir()
    for name in ("venv", "npm", "models"):
        (root / ".demo" / name).symlink_to(ROOT / ".demo" / name)
    (root / "examples").symlink_to(ROOT / "examples")
    said: list[str] = []
    assert main(root, said.append, sign=True) == 0
    yield Demo(root, said.append), said
    assert main(root, said.append, stop=True) == 0


def payments(demo: Demo) -> list[tuple[str, float]]:
    with sqlite3.connect(demo.org / "data" / "ledger.sqlite3") as ledger:
        return list(ledger.execute("select recipient, cents / 100.0 from payment order by id"))


def test_every_scene_came_to_what_it_should(played: tuple[Demo, list[str]]) -> None:
    _, said = played
    words = [
        line.split()[:2]
        for line in "\n".join(said).splitlines()
        if re.match(r"  send_money|  delete_account", line)
    ]
    told = [(tool, "done" if word == "done" else "not done") for tool, word in words]
    assert told == [
        ("send_money", "done"),
        ("send_money", "not done"),
        ("send_money", "not done"),
        ("delete_account", "not done"),
        ("send_money", "not done"),
        ("send_money", "done"),
    ]


def test_the_ledger_agrees(played: tuple[Demo, list[str]]) -> None:
    booked = payments(played[0])
    new = [
        (recipient, amount) for recipient, amount in booked if recipient.startswith(("DE10", "DE49", "GB06"))
    ]
    assert ("DE10999911110004702000", 182.4) in new
    assert ("DE49999911110004698000", 1940.0) in new, "signed, so paid"
    assert sum(recipient == "DE49999911110004698000" for recipient, _ in new) == 1, "once"
    assert not any(recipient == ATTACKER for recipient, _ in booked)


def scene(said: list[str], command: str) -> str:
    """What `$ standwatch COMMAND…` printed."""
    _, _, rest = "\n".join(said).partition(f"\n$ standwatch {command}")
    assert rest, f"the demo does not run {command}"
    return re.split(r"\n(?:\$|──)", rest)[0]


def test_diagnose_named_the_deployment_first(played: tuple[Demo, list[str]]) -> None:
    told = scene(played[1], "diagnose mortgage --since ")
    first = re.search(r"^ *1\. (.*?)(?=^ *2\. |^ *note|\Z)", told, re.MULTILINE | re.DOTALL)
    assert first, told
    assert re.match(r"a version was deployed that scores differently: version 3 ", first[1])
    assert re.search(r"→ standwatch rollback mortgage .*--to 1\b", first[1])
    assert re.search(r"denied \d\d?\.\d% → [3-6]\d\.\d%", told), "how the outcomes changed"


def test_the_rollback_took_force_and_pins(played: tuple[Demo, list[str]]) -> None:
    demo, said = played
    told = scene(said, "rollback mortgage ")
    assert re.search(r"scorer@1 serves; hold \d+ pins 3 off", told)
    days = re.findall(r"\d+ applications: .*denied (\d+).* · version ([\d, ]+)", "\n".join(said))
    assert [version for _, version in days] == ["1", "3", "1"]
    (model,) = demo.run("versions", "mortgage", as_json=True)["models"]
    assert (model["version"], model["shadow"]) == ("1", "2")
    assert [hold["scope"] for hold in model["pinned"]] == ["version:scorer@3"]
    assert model["taken_back"] == ["3"]
    assert model["loaded"].items() <= {"1": True, "2": True}.items()


def test_a_denied_applicant_hears_what_would_have_changed_it(played: tuple[Demo, list[str]]) -> None:
    demo, said = played
    found = re.search(r"^  applicant-1819 denied by version 1: (\d+/0)$", "\n".join(said), re.MULTILINE)
    assert found
    operators = scene(said, f"explain {found[1]}\n")
    assert "grade: exact." in operators, "the scorecard, executed again"
    assert "contributions by terms of the sum" in operators
    assert re.search(r"dir 0\.46 → 0\.36: approved", operators)
    person = scene(said, f"explain {found[1]} --person")
    assert "0.36 ratio instead of 0.46 ratio. The outcome would have been “approved”." in person
    assert "To contest the decision: Maria Alvarez" in person
    assert "scorer" not in person
    reasons = demo.run("explain", found[1], as_json=True)["reasons"]["reasons"]
    assert reasons["grade"]["grade"] == "exact"
    (smallest,) = reasons["changes"]["singles"]
    assert (smallest["changes"][0]["feature"], smallest["outcome"]) == ("dir", "approved")
    assert reasons["changes"]["unconfirmed"] == 0


def test_the_boosted_version_is_executed_again_as_well(played: tuple[Demo, list[str]]) -> None:
    """Through the same executor and adapter: what version 3 decided on the bad day."""
    demo, said = played
    begun = re.search(r"diagnose mortgage --since (\S+)", "\n".join(said))
    assert begun
    (found,) = demo.run("diagnose", "mortgage", "--since", begun[1], as_json=True, ends=1)
    first = found["diagnosis"]["causes"][0]["entries"][0]
    reasons = demo.run("explain", f"{first}/0", as_json=True)["reasons"]
    assert (reasons["version"], reasons["reasons"]["grade"]["grade"]) == ("3", "exact")


def test_it_explained_verified_and_left_the_server_running(played: tuple[Demo, list[str]]) -> None:
    demo, said = played
    text = "\n".join(said)
    assert re.search(r"recipient \"\w+\" comes from untrusted \(inbox.read_text_file,", text)
    assert re.search(r"verified +demo-", text)
    url = re.search(r"The watch stands .*: (http://localhost:\d+)/", text)
    assert url is not None
    with urllib.request.urlopen(f"{url[1]}/readyz", timeout=30) as answer:
        assert answer.read() == b"ready\n"
    status = demo.run("status", as_json=True)
    assert [hold["scope"] for hold in status["holds"]] == ["version:scorer@3"], (
        "pinned until somebody releases it"
    )
    assert {line["system"]: line["level"] for line in status["systems"]} == {
        "account-keeper": "supervised",
        "mortgage": "autonomous",
        "payments-agent": "autonomous",
    }
    assert json.dumps(status)
