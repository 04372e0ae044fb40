"""The door's MCP, both revisions, without a database: what is answered to what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standwatch.doors.errors import Refused, Unknown
from standwatch.doors.server import MOST_LINE, Server, serve

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Desk:
    """Answers `query`, refuses `execute`, and does not know what became of `tables`."""

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "query":
                return {"rows": [arguments]}
            case "tables":
                raise Unknown("nobody knows")
            case "describe":
                raise RuntimeError(
                    {"S": "ERROR", "C": "42P01", "M": "no such table", "F": "parse_relation.c"}
                )
            case _:
                raise Refused("This action is not permitted.")


def asked(method: str, *, judged: bool = False, **params: Any) -> dict[str, Any]:
    line = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
    answer = Server(Desk(), judged=judged).answer(line)
    assert answer is not None
    found: dict[str, Any] = json.loads(answer)
    assert found["id"] == 7
    return found


@pytest.mark.parametrize(
    ("said", "heard"), [("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25"), (None, "2025-11-25")]
)
def test_an_older_client_is_greeted_in_its_revision(said: str | None, heard: str) -> None:
    assert asked("initialize", protocolVersion=said)["result"]["protocolVersion"] == heard


def test_a_modern_client_needs_no_greeting() -> None:
    found = asked("server/discover", _meta=MODERN)["result"]
    assert found["supportedVersions"] == ["2026-07-28"]
    assert (found["resultType"], found["ttlMs"], found["cacheScope"]) == ("complete", 0, "private")
    listed = asked("tools/list", _meta=MODERN)["result"]
    assert {one["name"] for one in listed["tools"]} == {"query", "execute", "tables", "describe"}
    assert "resultType" not in asked("tools/list")["result"]
    error = asked("tools/list", _meta=MODERN | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"})[
        "error"
    ]
    assert error == {
        "code": -32022,
        "message": "Unsupported protocol version",
        "data": {"supported": ["2026-07-28"], "requested": "2099-01-01"},
    }


def test_behind_the_gateway_a_call_says_what_it_touches() -> None:
    needs = {
        one["name"]: one["inputSchema"]["required"]
        for one in asked("tools/list", judged=True)["result"]["tools"]
    }
    assert needs["execute"] == ["statement", "reads", "writes", "rows"]
    assert needs["query"] == ["statement", "reads", "rows"]


def test_calls() -> None:
    done = asked("tools/call", name="query", arguments={"statement": "SELECT 1"})["result"]
    assert (done["structuredContent"], done["isError"]) == ({"rows": [{"statement": "SELECT 1"}]}, False)
    refused = asked("tools/call", name="execute", arguments={"statement": "x"})["result"]
    assert (refused["content"][0]["text"], refused["isError"]) == (
        "Refused: This action is not permitted.",
        True,
    )
    failed = asked("tools/call", name="describe", arguments={"table": "t"})["result"]
    assert failed["content"][0]["text"] == "ERROR 42P01: no such table"
    strange = asked("tools/call", name="query", arguments={"writes": ["t"]})["result"]
    assert strange["content"][0]["text"] == "writes: no such argument"
    assert asked("tools/call", name="plan", arguments={})["error"]["code"] == -32602
    assert asked("tools/call", name="query", arguments=[])["error"]["code"] == -32602
    assert asked("resources/list")["error"]["code"] == -32601
    assert asked("ping")["result"] == {}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        (b"[" * 100_000, -32700),
        (b" " * MOST_LINE + b"{}", -32600),
    ],
)
def test_garbage_is_answered(line: bytes, code: int) -> None:
    answer = Server(Desk(), judged=False).answer(line)
    assert answer is not None
    assert json.loads(answer)["error"]["code"] == code


def test_what_nobody_knows_the_end_of_is_not_answered_and_ends_the_server() -> None:
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":{}}}'
    heard: list[bytes] = []
    lines = [
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        b"",
        call % b"query",
        call % b"tables",
        call % b"query",
    ]
    assert serve(Server(Desk(), judged=False), lines, heard.append) == 3
    assert len(heard) == 1
    assert serve(Server(Desk(), judged=False), lines[:3], heard.append) == 0
