"""Started servers that hang, die, flood, lie and leave: each call gets a clear answer, and nothing outlives us."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.mcp import UpstreamServer
from support.upstreams import QUICK, Heard, opened, python, run, tool, until

RUDE = Path(__file__).resolve().parents[1] / "support" / "rude_stdio.py"
SMALL = msgspec.structs.replace(QUICK, message=1 << 20)
OFFERS = {"capabilities": {"sampling": {}}}


@asynccontextmanager
async def rude(tmp_path: Path, **more: Any) -> AsyncIterator[UpstreamServer]:
    command = (sys.executable, str(RUDE), str(tmp_path / "notes"))
    async with opened(command=command, **{"bounds": SMALL, **more}) as server:
        yield server


def notes(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]


def pids(tmp_path: Path) -> list[int]:
    return [one["pid"] for one in notes(tmp_path) if "pid" in one]


def told(tmp_path: Path, method: str) -> list[dict[str, Any]]:
    return [one for one in notes(tmp_path) if one.get("method") == method]


def text_of(said: McpAnswer) -> str:
    assert said.error is None, said.error
    return json.loads(said.result)["content"][0]["text"]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("manners", ["junk", "wrong_id", "twice", "batch", "deep", "not_utf8"])
def test_what_is_no_answer_of_this_call_is_passed_over(tmp_path: Path, manners: str, loop: str) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            said = await server.call(tool(manners))
            assert text_of(said) == ("first" if manners == "twice" else manners)
            assert text_of(await server.call(tool("echo"))) == "echo"
            assert len(pids(tmp_path)) == 1

    run(go(), loop)


def test_results_are_the_bytes_that_came(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            said = await server.call(tool("echo", arguments={"text": "ü"}))
            assert said.result == rb'{"content": [{"type": "text", "text": "\u00fc"}]}'

    run(go())


def test_an_answer_that_says_nothing_is_a_fault(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            said = await server.call(tool("neither"))
            assert said.error is not None
            assert (said.error.code, said.sent) == (wire.FAULT, True)

    run(go())


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_server_that_dies_under_a_call_leaves_it_unknown_and_comes_back(tmp_path: Path, loop: str) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            hanging = asyncio.ensure_future(server.call(tool("hang")))
            await until(lambda: told(tmp_path, "tools/call"))
            died = await server.call(tool("die"))
            for said in (died, await hanging):
                assert said.error is not None
                assert (said.error.code, said.sent, said.timed_out) == (wire.FAULT, True, False)
            assert text_of(await server.call(tool("echo"))) == "echo"
            first, second = pids(tmp_path)
            assert first != second
            assert told(tmp_path, "server/discover") == [told(tmp_path, "server/discover")[0]]  # asked once

    run(go(), loop)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_last_answer_is_heard(tmp_path: Path, loop: str) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            assert text_of(await server.call(tool("answer_and_die"))) == "done"

    run(go(), loop)


def test_last_words_are_kept_and_bounded(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            await server.call(tool("noise"))
            await until(lambda: server.diagnose().endswith("the end\n"))
            assert len(server.diagnose()) == 64 << 10

    run(go())


@pytest.mark.parametrize("manners", ["flood", "huge", "close_stdin"])
def test_a_server_beyond_bounds_is_ended(tmp_path: Path, manners: str) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            said = await server.call(tool(manners))
            assert said.error is not None
            assert (said.error.code, said.sent) == (wire.FAULT, True)
            await until(lambda: not alive(pids(tmp_path)[0]))
            assert text_of(await server.call(tool("echo"))) == "echo"

    run(go())


def test_a_long_line_within_bounds_is_whole(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            said = await server.call(tool("huge", arguments={"size": 1_000_000}))
            assert len(text_of(said)) == 1_000_000

    run(go())


def test_a_call_in_time_is_cancelled_when_it_is_late(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            said = await server.call(tool("hang", timeout=0.2))
            assert said.timed_out
            assert said.sent
            await until(lambda: told(tmp_path, "notifications/cancelled"))
            asked, cancelled = told(tmp_path, "tools/call"), told(tmp_path, "notifications/cancelled")
            assert cancelled[0]["params"]["requestId"] == asked[0]["id"]

    run(go())


def test_cancelling_the_task_cancels_the_call(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            call = asyncio.ensure_future(server.call(tool("hang")))
            await until(lambda: told(tmp_path, "tools/call"))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(lambda: told(tmp_path, "notifications/cancelled"))
            assert text_of(await server.call(tool("echo"))) == "echo"

    run(go())


def test_a_slow_listener_holds_up_nobody_and_floods_are_cut(tmp_path: Path) -> None:
    async def go() -> None:
        held = asyncio.Event()
        heard: list[bytes] = []

        async def slowly(_method: str, params: bytes) -> None:
            heard.append(params)
            await held.wait()

        async with rude(tmp_path) as server:
            spam = asyncio.ensure_future(server.call(tool("spam", progress_token="t", notify=slowly)))
            await until(lambda: heard)
            assert text_of(await server.call(tool("echo"))) == "echo"
            held.set()
            assert text_of(await spam) == "spam"
            assert len(heard) < 20_000
            told_of = [json.loads(one)["progress"] for one in heard]
            assert told_of == sorted(told_of)

    run(go())


def test_what_nobody_offers_is_declined_and_pings_are_answered(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            await server.call(tool("asks_roots"))

            def answers() -> dict[str, Any]:
                return {one["id"]: one for one in notes(tmp_path) if "method" not in one and "id" in one}

            await until(lambda: len(answers()) == 3)
            assert answers()["r1"]["error"]["code"] == -32601
            assert answers()["x1"]["error"]["code"] == -32601
            assert answers()["p1"]["result"] == {}

    run(go())


def test_an_answer_of_our_own_making_reaches_the_server(tmp_path: Path) -> None:
    async def go() -> None:
        heard = Heard()
        async with rude(tmp_path) as server:
            offering = {"capabilities": {"roots": {}}, "ask": heard.answering(b'{"roots":[]}')}
            call = tool("asks_roots", session="s", **offering)
            await server.call(call)
            assert heard.methods in ([], ["roots/list"])  # it may have answered before it was answered
            assert "evil/thing" not in heard.methods

    run(go())


def test_a_list_that_is_never_the_same_is_fetched_seldom(tmp_path: Path) -> None:
    async def go() -> None:
        changes: list[int] = []
        async with rude(tmp_path, changes=changes) as server:
            await server.call(tool("changes"))
            await until(lambda: len(changes) >= 2)
            assert len(changes) <= 4
            assert f"new_{len(changes)}" in server.tools
            assert "new_1" not in server.definitions

    run(go())


def test_a_session_that_may_be_asked_has_a_process_of_its_own(tmp_path: Path) -> None:
    async def go() -> None:
        bounds = msgspec.structs.replace(SMALL, children=2)
        async with rude(tmp_path, bounds=bounds) as server:
            for session in ("a", "b", "a", "b"):
                assert text_of(await server.call(tool("echo", session=session, **OFFERS))) == "echo"
            assert len(pids(tmp_path)) == 3
            # A third takes the place of the one used least lately.
            assert text_of(await server.call(tool("echo", session="c", **OFFERS))) == "echo"
            await until(lambda: not alive(pids(tmp_path)[1]))
            assert alive(pids(tmp_path)[2])
            await server.end_session("b")
            assert not alive(pids(tmp_path)[2])
            assert [one["params"]["capabilities"] for one in told(tmp_path, "initialize")] == [
                {}, *[OFFERS["capabilities"]] * 3
            ]  # fmt: skip

    run(go())


def test_too_many_busy_sessions_are_refused_unsent(tmp_path: Path) -> None:
    async def go() -> None:
        bounds = msgspec.structs.replace(SMALL, children=1)
        async with rude(tmp_path, bounds=bounds) as server:
            busy = asyncio.ensure_future(server.call(tool("hang", session="a", **OFFERS)))
            await until(lambda: told(tmp_path, "tools/call"))
            said = await server.call(tool("echo", session="b", **OFFERS))
            assert not said.sent
            busy.cancel()

    run(go())


def test_a_server_gets_no_more_environment_than_declared(tmp_path: Path) -> None:
    async def go() -> None:
        ours = {"PATH": os.environ["PATH"], "HOME": "/h", "TZ": "UTC", "SECRET": "s3", "OTHER": "not yours"}
        declared = {"TOKEN": "x-${SECRET}", "PLAIN": "$SECRET $$"}
        async with rude(tmp_path, env=declared, environment=ours) as server:
            seen = json.loads(text_of(await server.call(tool("env"))))
            given = {"PATH": ours["PATH"], "HOME": "/h", "TZ": "UTC", "TOKEN": "x-s3", "PLAIN": "$SECRET $$"}
            seen.pop("LC_CTYPE", None)  # the server's own interpreter adds it (PEP 538)
            assert seen == given

    run(go())


@pytest.mark.parametrize("declared", [{}, {"LC_CTYPE": "C"}])
def test_the_starter_leaves_no_trace_in_the_environment(tmp_path: Path, declared: dict[str, str]) -> None:
    async def go() -> None:
        command = ("/bin/sh", "-c", f"env > '{tmp_path}/env'")
        ours = {"PATH": os.environ["PATH"], "LANG": "C"}
        async with opened(command=command, env=declared, environment=ours, ready=False):
            await until(lambda: (tmp_path / "env").exists() and (tmp_path / "env").read_text())
        names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
        assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "LANG", *declared}

    run(go())


def test_a_secret_that_is_not_there_keeps_the_server_down(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path, env={"TOKEN": "${ABSENT}"}, environment={}, ready=False) as server:
            said = await server.call(tool("echo", timeout=0.3))
            assert not said.sent
            assert "ABSENT" in server.trouble
            assert not (tmp_path / "notes").exists()

    run(go())


def test_a_command_that_is_not_there_is_said_and_calls_are_unsent(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(command=("/no/such/program",), ready=False) as server:
            said = await server.call(tool("echo", timeout=1.5))
            assert not said.sent
            # It is started again and again; the one of this moment may have said nothing yet.
            await until(lambda: "/no/such/program" in server.trouble + server.diagnose())

    run(go())


def test_a_call_waits_for_a_restart(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            await server.call(tool("die"))
            await until(lambda: not server.up)
            assert text_of(await server.call(tool("echo"))) == "echo"

    run(go())


def test_a_server_that_dies_of_the_first_question_is_asked_otherwise_next_time(tmp_path: Path) -> None:
    script = RUDE.read_text().replace('send(b\'{"jsonrpc":"2.0","id":%d,"error"', 'die(); send(b\'{"error"')
    script = script.replace(" % ident)\n            case _:", ")\n            case _:")
    program = tmp_path / "brittle.py"
    program.write_text(script)

    async def go() -> None:
        async with opened(command=(sys.executable, str(program), str(tmp_path / "notes"))) as server:
            assert server.revision == "2025-06-18"
            assert len(pids(tmp_path)) == 2
            assert len(told(tmp_path, "server/discover")) == 1

    run(go())


def test_a_server_that_never_answers_the_first_question_is_greeted(tmp_path: Path) -> None:
    program = tmp_path / "deaf.py"
    program.write_text(RUDE.read_text().replace('case "server/discover":', 'case "server/discoverx":'))
    bounds = msgspec.structs.replace(QUICK, probe=0.3)

    async def go() -> None:
        command = (sys.executable, str(program), str(tmp_path / "notes"))
        async with opened(command=command, bounds=bounds) as server:
            assert server.revision == "2025-06-18"
            assert len(pids(tmp_path)) == 1

    run(go())


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_server_that_will_not_end_is_ended_with_all_it_started(tmp_path: Path, loop: str) -> None:
    program = tmp_path / "stubborn.py"
    stay = "\n\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nmain()\ntime.sleep(60)\n"
    program.write_text(RUDE.read_text().removesuffix("\n\nmain()\n") + stay)

    async def go() -> None:
        async with opened(command=(sys.executable, str(program), str(tmp_path / "notes"))) as server:
            orphan = int(text_of(await server.call(tool("orphan"))))
            begun = time.monotonic()
        assert QUICK.stop < time.monotonic() - begun < 30
        assert not alive(pids(tmp_path)[0])
        await until(lambda: not alive(orphan))

    run(go(), loop)


def test_closing_stdin_is_all_that_an_honest_server_needs(tmp_path: Path) -> None:
    async def go() -> None:
        bounds = msgspec.structs.replace(SMALL, stop=60.0)
        async with rude(tmp_path, bounds=bounds):
            begun = time.monotonic()
        assert time.monotonic() - begun < 30
        assert not alive(pids(tmp_path)[0])

    run(go())


GATEWAY = """
import asyncio, os, sys
from pathlib import Path
import uvloop
from standwatch.facts.configuration import Component
from standwatch.upstream.mcp import open_server
async def main():
    server = open_server(Component("mcp_server", "u", command=tuple(sys.argv[1:])), organisation_folder=Path(),
        environment=os.environ, on_change=lambda s: print("ready", flush=True))
    await asyncio.sleep(60)
uvloop.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
@pytest.mark.parametrize("deaf", [False, True], ids=["hears the end of stdin", "does not"])
def test_no_server_outlives_a_gateway_that_is_killed(tmp_path: Path, deaf: bool) -> None:
    program = tmp_path / "server.py"
    script = RUDE.read_text()
    program.write_text(script + "time.sleep(60)\n" if deaf else script)
    command = [*python(GATEWAY), sys.executable, str(program), str(tmp_path / "notes")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout is not None
        assert gateway.stdout.readline() == b"ready\n"
        (server,) = pids(tmp_path)
        assert alive(server)
        gateway.send_signal(signal.SIGKILL)
        gateway.wait()
    deadline = time.monotonic() + 30
    while alive(server) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(server)


def test_a_call_after_the_end_is_unsent(tmp_path: Path) -> None:
    async def go() -> None:
        async with rude(tmp_path) as server:
            pass
        said = await server.call(McpCall(method="tools/list", params={}, timeout=0.2))
        assert not said.sent
        assert said.error is not None

    run(go())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_server_inherits_no_open_file_of_ours(tmp_path: Path, loop: str) -> None:
    async def go() -> None:
        kept = os.open(tmp_path, os.O_RDONLY)
        os.set_inheritable(kept, True)
        try:
            async with rude(tmp_path):
                opened_by = {int(one.name) for one in Path(f"/proc/{pids(tmp_path)[0]}/fd").iterdir()}
                assert opened_by == {0, 1, 2}
        finally:
            os.close(kept)

    run(go(), loop)


def test_a_slow_start_is_finished_though_its_first_caller_left(tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text(RUDE.read_text().replace("\n\nmain()\n", "\n\ntime.sleep(1.0)\nmain()\n"))

    async def go() -> None:
        async with opened(command=(sys.executable, str(program), str(tmp_path / "notes"))) as server:
            hasty = await server.call(tool("echo", session="s", timeout=0.2, **OFFERS))
            assert not hasty.sent
            assert text_of(await server.call(tool("echo", session="s", **OFFERS))) == "echo"
            assert len(pids(tmp_path)) == 2

    run(go())


def test_a_child_that_is_starting_does_not_outlive_the_end(tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text(RUDE.read_text().replace('    note({"pid"', '    time.sleep(0.5)\n    note({"pid"'))

    async def go() -> None:
        async with opened(command=(sys.executable, str(program), str(tmp_path / "notes"))) as server:
            starting = asyncio.ensure_future(server.call(tool("echo", session="s", **OFFERS)))
            await asyncio.sleep(0.1)
        said = await starting
        assert said.error is not None
        await asyncio.sleep(1.0)
        assert not any(alive(pid) for pid in pids(tmp_path))

    run(go())


def test_what_a_listener_raises_costs_no_connection(tmp_path: Path) -> None:
    def fails(_method: str, _params: bytes) -> None:
        raise ZeroDivisionError

    async def go() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: seen.append(told["exception"]))
        async with rude(tmp_path) as server:
            server.listen("", fails)
            assert text_of(await server.call(tool("changes"))) == "changes"
            assert text_of(await server.call(tool("echo"))) == "echo"
            assert len(pids(tmp_path)) == 1

    seen: list[Exception] = []
    run(go())
    assert any(isinstance(one, ZeroDivisionError) for one in seen)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_shell_may_write_to_its_streams_by_name(loop: str) -> None:
    async def go() -> None:
        command = ("/bin/sh", "-c", "echo to stderr > /dev/stderr; sleep 5")
        async with opened(command=command, ready=False) as server:
            await until(lambda: server.diagnose() == "to stderr\n")

    run(go(), loop)
