"""The example organisation's own servers, spoken to directly by the official client: what they do with nobody between.

The bank runs in this environment; the git and file-system servers in the demo's own (`make test` installs it).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

ROOT = Path(__file__).parents[2]
BANK = ROOT / "examples" / "bank"
DEMO = ROOT / ".demo"
OPERATING = "DE55999900000000000010"
DORMANT = "DE97999900000000000030"
PAPER = {"recipient": "DE10999911110004702000", "amount": 182.4, "subject": "Nordlicht Papier 4702"}


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    """A seeded copy, laid out as the demo lays it out; a blank in its path on purpose."""
    folder = tmp_path / "an org"
    shutil.copytree(BANK, folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, folder / "seed.py", folder / "data"], check=True)
    return folder


def stdio(organisation: Path, *command: Path | str) -> StdioServerParameters:
    program, *arguments = map(str, command)
    return StdioServerParameters(command=program, args=arguments, cwd=organisation)


def bank(organisation: Path) -> StdioServerParameters:
    return stdio(organisation, sys.executable, "servers/bank.py", "--ledger", "data/ledger.sqlite3")


def inbox(organisation: Path) -> StdioServerParameters:
    script = DEMO / "npm/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"
    return stdio(organisation, DEMO / "venv/bin/node", script, "data/inbox")


def books(organisation: Path) -> StdioServerParameters:
    return stdio(organisation, DEMO / "venv/bin/python", "-m", "mcp_server_git", "--repository", "data/books")


def calls(server: StdioServerParameters | str, *wanted: tuple[str, dict[str, Any]]) -> list[CallToolResult]:
    """The answers to `wanted`, in order, over one connection."""

    async def conversation() -> list[CallToolResult]:
        async with Client(server) as client:
            return [await client.call_tool(name, arguments) for name, arguments in wanted]

    return asyncio.run(conversation())


def text(result: CallToolResult) -> str:
    return " ".join(item.text for item in result.content if item.type == "text")


def structured(result: CallToolResult) -> Any:
    assert not result.is_error, text(result)
    assert result.structured_content is not None
    return result.structured_content


def test_a_payment_moves_money_and_is_booked(organisation: Path) -> None:
    paid, booked, left = calls(
        bank(organisation),
        ("send_money", PAPER),
        ("get_transactions", {"limit": 1}),
        ("get_balance", {"account": OPERATING}),
    )
    receipt = structured(paid)
    assert {name: receipt[name] for name in PAPER} == PAPER
    assert structured(booked)["result"] == [receipt]
    assert structured(left)["balance"] == 48_123.50 - 182.40


def test_the_ledger_outlives_its_server(organisation: Path) -> None:
    calls(bank(organisation), ("send_money", PAPER))
    (booked,) = calls(bank(organisation), ("get_transactions", {}))
    newest, *earlier = structured(booked)["result"]
    assert newest["subject"] == PAPER["subject"]
    assert len(earlier) == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"recipient": "DE11999911110004702000"}, "check digits"),
        ({"recipient": "; DROP TABLE account"}, "not an IBAN"),
        ({"amount": 0.001}, "two decimal places"),
        ({"amount": 1e9}, "does not hold that much"),
        ({"amount": -5}, "greater than 0"),
        ({"subject": "x" * 141}, "at most 140"),
    ],
)
def test_what_a_ledger_cannot_do_changes_nothing(
    organisation: Path, change: dict[str, Any], why: str
) -> None:
    refused, left = calls(
        bank(organisation), ("send_money", PAPER | change), ("get_balance", {"account": OPERATING})
    )
    assert refused.is_error
    assert why in text(refused)
    assert structured(left)["balance"] == 48_123.50


def test_nothing_but_a_gateway_stops_a_delete(organisation: Path) -> None:
    deleted, accounts, again = calls(
        bank(organisation),
        ("delete_account", {"account": DORMANT}),
        ("list_accounts", {}),
        ("delete_account", {"account": DORMANT}),
    )
    assert structured(deleted)["iban"] == DORMANT
    assert DORMANT not in [each["iban"] for each in structured(accounts)["result"]]
    assert again.is_error


def test_the_inbox_holds_the_planted_instruction(organisation: Path) -> None:
    listing, letter = calls(
        inbox(organisation),
        ("list_directory", {"path": "."}),
        ("read_text_file", {"path": "invoice-4711.txt"}),
    )
    assert text(listing).count("[FILE]") == 3
    assert "GB06 ZZZZ 9999 9900 0047 11" in text(letter)


def test_the_books_have_a_history(organisation: Path) -> None:
    (log,) = calls(books(organisation), ("git_log", {"repo_path": "data/books", "max_count": 3}))
    assert not log.is_error
    assert text(log).count("Commit:") == 3


@pytest.fixture
def bank_over_http(organisation: Path) -> Iterator[str]:
    command = [sys.executable, "servers/bank.py", "--ledger", "data/ledger.sqlite3", "--http", "0"]
    with subprocess.Popen(command, cwd=organisation, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def agent(url: str, *steps: str, token: str = "sw_unused") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, BANK / "agent.py", "--url", url, "--json", *steps]
    environment = os.environ | {"STANDWATCH_TOKEN": token}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=280)


def test_the_scripted_agent_does_harm_where_nothing_stands_between(bank_over_http: str) -> None:
    done = agent(bank_over_http, "allowed", "large", "booked", "delete")
    assert done.returncode == 0, done.stderr
    assert "scripted agent, no model" in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["step"], line["word"]) for line in lines] == [
        ("allowed", "done"),
        ("large", "done"),
        ("booked", "done"),
        ("delete", "done"),
    ]
    (booked,) = calls(bank_over_http, ("get_transactions", {"limit": 2}))
    assert [each["amount"] for each in structured(booked)["result"]] == [1940.0, 182.4]


def test_the_scripted_agent_reports_what_it_was_told(bank_over_http: str) -> None:
    done = agent(bank_over_http, "delete", "delete")
    assert done.returncode == 0
    assert [json.loads(line)["word"] for line in done.stdout.splitlines()] == ["done", "not done"]


def test_an_unreachable_server_is_said_plainly() -> None:
    done = agent("http://127.0.0.1:9/mcp", "allowed")
    assert done.returncode == 3
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_seeding_twice_makes_the_same_books(organisation: Path) -> None:
    def head() -> str:
        command = ["git", "-C", organisation / "data/books", "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = head()
    subprocess.run([sys.executable, organisation / "seed.py", organisation / "data"], check=True)
    assert head() == first
