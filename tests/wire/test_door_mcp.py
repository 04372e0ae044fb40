"""The door as an MCP server: its own role, its own client, and behind the gateway; and the drop that made headlines."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from standwatch.doors import dbapi
from standwatch.facts.entries import Denied, Intent
from support.doors import governed, role_for, shop, tools
from support.postgres import SHOP, cluster
from support.system import ROOT, Agent, Living, manifest

ALWAYS = {
    "from": "2026-01-01T00:00Z",
    "until": (datetime.now(UTC) + timedelta(days=400)).strftime("%Y-%m-%dT%H:%MZ"),
    "effects": ["irreversible"],
}


class Door:
    """`standwatch door postgres` as a child, spoken to line by line."""

    def __init__(self, watch: Living, database: str, role: str, agent: Agent | None, *more: str) -> None:
        self.process = subprocess.Popen(
            command(watch, *more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(watch, database, role, agent),
        )
        self._next = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._next += 1
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        said = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        self.process.stdin.write(json.dumps(said).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        return json.loads(line)

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return self.ask("tools/call", name=name, arguments=arguments)["result"]

    def close(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode


def command(watch: Living, *more: str) -> list[str]:
    words = ("--system", "shop", "--name", "db", "--dsn", "${SHOP_DSN}")
    return [
        sys.executable,
        "-m",
        "standwatch.cli.main",
        "--org",
        str(watch.folder),
        "door",
        "postgres",
        *more,
        *words,
    ]


def environment(watch: Living, database: str, role: str, agent: Agent | None) -> dict[str, str]:
    token = {"STANDWATCH_TOKEN": agent.token} if agent is not None else {}
    return {**os.environ, **watch.home, **token, "SHOP_DSN": cluster().dsn(database, role)}


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Living, str, Agent, str]]:
    with shop(tmp_path_factory.mktemp("shop"), freeze=[ALWAYS]) as (watch, _, database):
        yield watch, database, watch.agent("clerk", "shop"), role_for(watch, database, "shop_mcp_door")


def test_a_foreign_client_reads_changes_and_is_refused(open_shop: tuple[Living, str, Agent, str]) -> None:
    watch, database, agent, role = open_shop

    async def session() -> None:
        program, *words = command(watch)
        started = StdioServerParameters(
            command=program, args=words, env=environment(watch, database, role, agent)
        )
        async with stdio_client(started) as (reads, writes), ClientSession(reads, writes) as client:
            await client.initialize()
            assert {tool.name for tool in (await client.list_tools()).tools} == {
                "query",
                "execute",
                "tables",
                "describe",
            }
            found = await client.call_tool(
                "query", {"statement": "SELECT name FROM customers WHERE id = $1", "parameters": [3]}
            )
            assert found.structured_content == {"rows": [{"name": "customer 3"}], "count": 1}
            listed = await client.call_tool("tables", {})
            assert {row["table"] for row in listed.structured_content["rows"]} >= {"public.orders"}
            described = await client.call_tool("describe", {"table": "orders"})
            assert described.structured_content["rows"][0]["column"] == "id"
            changed = await client.call_tool(
                "execute", {"statement": "UPDATE orders SET total = 1 WHERE id = 3"}
            )
            assert changed.structured_content == {"count": 1}
            wrong = await client.call_tool("query", {"statement": "UPDATE orders SET total = 2 WHERE id = 3"})
            assert wrong.is_error
            assert "use execute" in wrong.content[0].text

    asyncio.run(session())
    assert cluster().ask(database, "SELECT total FROM orders WHERE id = 3") == 1


def test_the_drop_that_made_headlines_is_refused_during_a_freeze_on_every_way_in(
    open_shop: tuple[Living, str, Agent, str],
) -> None:
    watch, database, agent, role = open_shop
    before = len(watch.of(Denied))
    door = Door(watch, database, role, agent)
    said = door.call("execute", statement="DROP TABLE orders CASCADE", rows=50)
    assert said["isError"], said
    assert door.close() == 0
    connection = governed(watch, database, agent)
    with pytest.raises(dbapi.Refused):
        connection.cursor().execute("DROP TABLE orders CASCADE")
    connection.close()
    denied = watch.of(Denied)[before:]
    assert [(one.tool, one.code) for one in denied] == [("db.execute", "frozen")] * 2
    assert cluster().ask(database, "SELECT count(*) FROM orders") == 500


def test_garbage_is_answered_and_nothing_is_lost(open_shop: tuple[Living, str, Agent, str]) -> None:
    watch, database, agent, role = open_shop
    door = Door(watch, database, role, agent)
    assert door.process.stdin is not None
    assert door.process.stdout is not None
    for garbage in (b"{", b"[]", b"\xff\xfe", b'{"jsonrpc":"2.0","method":"x"}', b"[" * 100_000):
        door.process.stdin.write(garbage + b"\n")
    door.process.stdin.flush()
    codes = [json.loads(door.process.stdout.readline())["error"]["code"] for _ in range(4)]
    assert codes == [-32700, -32600, -32700, -32700]
    assert door.ask("tools/call", name="drop", arguments={})["error"]["code"] == -32602
    for statement in (
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + "array[" * 40 + "1" + "]" * 40,
        "SELECT 1;" * 5_000,
        "SELECT '" + "x" * 3_000_000 + "'",
        "SELECT \udcff",
        "\x00",
    ):
        assert door.call("query", statement=statement)["isError"]
    assert door.call("query", statement="SELECT 1 AS one")["structuredContent"]["rows"] == [{"one": 1}]
    assert door.close() == 0


def test_a_role_that_may_do_more_is_no_door(open_shop: tuple[Living, str, Agent, str]) -> None:
    watch, _, agent, _ = open_shop
    other = cluster().fresh(*SHOP)
    role = role_for(watch, other, f"too_much_{other}")
    cluster().do(other, f"ALTER ROLE {role} BYPASSRLS")
    door = Door(watch, other, role, agent)
    _, complaint = door.process.communicate(timeout=30)
    assert door.process.returncode == 1, complaint
    assert b"goes round row security" in complaint
    assert b"door postgres grant" in complaint


def test_behind_the_gateway_every_call_is_judged_once_and_held_to_its_word(tmp_path: Path) -> None:
    database = cluster().fresh(*SHOP)
    said = tools() | {"db.plan": {"effect": "read", "arguments": {"statement": {"from": "any"}}}}
    door = [
        sys.executable,
        "-m",
        "standwatch.cli.main",
        "--org",
        str(tmp_path),
        "door",
        "postgres",
        "--judged",
    ]
    component = {
        "kind": "mcp_server",
        "name": "db",
        "command": [*door, "--system", "shop", "--name", "db", "--dsn", "${SHOP_DSN}"],
        "env": {"SHOP_DSN": "${SHOP_DSN}"},
        "sandbox": {
            "hosts": [f"localhost:{cluster().port}"],
            "reads": ["standwatch.yaml", "systems", "policies", str(ROOT / "src")],
        },
    }
    living = Living(tmp_path, {"shop": manifest("shop", [component], said)})
    dsn = (
        cluster()
        .dsn(database, role_for(living, database, f"behind_{database}"))
        .replace("127.0.0.1", "localhost")
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SHOP_DSN", dsn)
        living.accept("shop")
    living.start(SHOP_DSN=dsn)
    try:
        living.run("validate", "shop", "--until", "30d", "--key", living.key("chen"), "--yes")
        _held_to_its_word(living, living.agent("clerk", "shop"))
    finally:
        living.stop()
    living.verified()
    assert cluster().ask(database, "SELECT total FROM orders WHERE id = 9") == 0
    assert cluster().ask(database, "SELECT total FROM orders WHERE id = 8") == 8


def _held_to_its_word(watch: Living, agent: Agent) -> None:
    offered = {tool["name"] for tool in agent.mcp("tools/list").result["tools"]}
    assert offered == {"plan", "query", "execute", "tables", "describe"}
    statement = "UPDATE orders SET total = 0 WHERE id = 9"
    plan = agent.call("plan", statement=statement).result["structuredContent"]
    assert (plan["tool"], plan["writes"], plan["rows"]) == ("execute", ["public.orders"], 1)
    before = len(watch.of(Intent))
    done = agent.call("execute", statement=statement, reads=[], writes=["public.orders"], rows=1)
    assert done.result["structuredContent"] == {"count": 1}
    assert [(one.tool, one.seam) for one in watch.of(Intent)[before:]] == [("db.execute", "proxy")]
    statement = "UPDATE orders SET total = 0 WHERE id < 9"
    lied = agent.call("execute", statement=statement, reads=[], writes=["public.orders"], rows=2)
    assert "must say what its statement touches" in lied.text
    beyond = agent.call(
        "execute", statement="DELETE FROM audit WHERE what = 'x'", reads=[], writes=["public.audit"], rows=1
    )
    assert beyond.word == "refused"
