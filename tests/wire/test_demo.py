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


def test_it_explained_verified_and_left_the_server_running(played: tuple[Demo, list[str]]) -> None:
    demo, said = played
    text = "\n".join(said)
    assert "recipient comes from model" in text
    assert re.search(r"verified +demo-", text)
    url = re.search(r"The watch stands .*: (http://127\.0\.0\.1:\d+)/", text)
    assert url is not None
    with urllib.request.urlopen(f"{url[1]}/readyz", timeout=5) as answer:
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
