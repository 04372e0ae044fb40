"""Servers confined for real: bubblewrap, Landlock and seccomp around programs that try to get out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from standwatch.facts.configuration import Component
from standwatch.facts.sandbox import Layer, Sandbox
from standwatch.upstream import sandbox as confining
from standwatch.upstream.egress import Egress
from standwatch.upstream.mcp import UpstreamServer, open_server
from standwatch.upstream.stdio import CannotStart, Launch, launch
from support.system import manifest, server, serving, waited
from support.upstreams import QUICK, run, tool

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not here")

PROBE = r"""
import ctypes, json, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(what):
    try:
        return repr(eval(what))
    except OSError as error:
        return type(error).__name__ + " " + str(error.errno)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    match asked["method"]:
        case "initialize":
            said = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                    "serverInfo": {"name": "probe", "version": "1"}}
        case "tools/list":
            said = {"tools": [{"name": "try", "inputSchema": {"type": "object"}}]}
        case "tools/call":
            told = tried(asked["params"]["arguments"]["what"])
            said = {"content": [{"type": "text", "text": told}]}
        case _:
            error = {"code": -32601, "message": "no"}
            print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}), flush=True)
            continue
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": said}), flush=True)
"""
COMMAND = (sys.executable, "-u", "-c", PROBE)


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    folder = tmp_path / "an organisation"
    for name in ("state", "data", "work", "data/deep"):
        (folder / name).mkdir(parents=True)
    (folder / "state" / "log.pem").write_text("a key")
    (folder / "data" / "rates.csv").write_text("1,2\n")
    (folder / "standwatch.yaml").write_text("rules: ours\n")
    return folder


@asynccontextmanager
async def probing(
    folder: Path, confined: Sandbox | None, command: tuple[str, ...] = COMMAND, **more: Any
) -> AsyncIterator[UpstreamServer]:
    one = open_server(
        Component("mcp_server", "probe", command=command, **more),
        organisation_folder=folder,
        environment=os.environ,
        on_change=lambda _: None,
        bounds=QUICK,
        sandbox=confined,
        hidden=((folder / "state").resolve(),),
        era="legacy",
    )
    try:
        assert await one.ready(20), one.trouble + one.diagnose()
        yield one
    finally:
        await one.close()


async def tried(one: UpstreamServer, what: str) -> str:
    said = await one.call(tool("try", arguments={"what": what}))
    return str(json.loads(said.result)["content"][0]["text"])


ATTEMPTS = {
    "another's home": f"os.listdir({str(Path.home())!r})",
    "the keys": "open({folder!r} + '/state/log.pem').read()",
    "the rules": "open({folder!r} + '/standwatch.yaml').read()",
    "what is declared for reading, written": "open({folder!r} + '/data/new', 'w')",
    "passwords": "open('/etc/shadow').read()",
    "another's temporary files": "open({outside!r}).read()",
    "the host's run": "os.listdir('/run/user') or os.listdir('/run/dbus')",
    "a socket of the host": "socket.socket(socket.AF_UNIX)",
    "raw packets": "socket.socket(17, socket.SOCK_RAW)",
    "the network": "socket.create_connection(('192.0.2.1', 80), 3)",
    "a server on this host": "socket.create_connection(('127.0.0.1', {port}), 3)",
    "programs, changed": "open('/usr/bin/probe', 'w')",
    "its own init's memory": "open('/proc/1/mem', 'rb').read(1)",
}


def test_nothing_of_the_host_is_in_reach(organisation: Path, tmp_path: Path) -> None:
    outside = tmp_path / "somebody's"
    outside.write_text("theirs")

    async def go() -> None:
        listening = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        known = {"folder": str(organisation), "outside": str(outside), "port": port}
        async with probing(organisation, Sandbox(reads=("data", "."), writes=("work",))) as one:
            for name, attempt in ATTEMPTS.items():
                if name == "the rules":
                    continue  # this sandbox was told to show the folder
                said = await tried(one, attempt.format(**known))
                assert "Error " in said, (name, said)
            assert await tried(one, f"open({str(organisation)!r} + '/data/rates.csv').read()") == r"'1,2\n'"
            assert await tried(one, f"open({str(organisation)!r} + '/work' '/new', 'w').write('x')") == "1"
            assert await tried(one, "open('/tmp/own', 'w').write('xy')") == "2"
            assert await tried(one, "os.environ['HOME']") == "'/tmp/home'"
            mounted = await tried(one, "(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None), ctypes.get_errno())")
            assert mounted == "(-1, 1)"
            assert await tried(one, "(libc.unshare(0x10000000), ctypes.get_errno())") == "(-1, 1)"
            assert await tried(one, "libc.prctl(39, 0, 0, 0, 0)") == "1", "no new privileges"
            status = await tried(one, "open('/proc/self/status').read()")
            assert r"CapEff:\t0000000000000000" in status
            assert r"Seccomp:\t2" in status
            seen = await tried(one, "[one for one in os.listdir('/proc') if one.isdigit()]")
            assert len(json.loads(seen.replace("'", '"'))) <= 2, "its own processes only"
        async with probing(organisation, Sandbox()) as one:
            assert "Error " in await tried(one, ATTEMPTS["the rules"].format(**known))
            assert "Error " in await tried(one, f"open({str(organisation)!r} + '/data/rates.csv').read()")
        assert (organisation / "work" / "new").read_text() == "x"
        assert not Path("/tmp/own").exists()
        # Each of these goes through where nothing confines: the attempts are real ones.
        async with probing(organisation, None) as one:
            for name in (
                "another's home",
                "the keys",
                "another's temporary files",
                "a socket of the host",
                "the rules",
            ):
                assert "Error " not in await tried(one, ATTEMPTS[name].format(**known)), name
            assert "Error " not in await tried(one, ATTEMPTS["a server on this host"].format(**known))
        listening.close()

    run(go())


@pytest.mark.parametrize("layers", [("landlock", "seccomp"), ("seccomp",), ("landlock",), ("namespaces",)])
def test_each_layer_holds_on_its_own(organisation: Path, tmp_path: Path, layers: tuple[Layer, ...]) -> None:
    outside = tmp_path / "somebody's"
    outside.write_text("theirs")

    async def go() -> None:
        async with probing(organisation, Sandbox(layers=layers)) as one:
            if layers != ("seccomp",):
                for name in ("another's temporary files", "the keys"):
                    known = {"folder": str(organisation), "outside": str(outside)}
                    said = await tried(one, ATTEMPTS[name].format(**known))
                    assert "Error " in said, (name, said)
            if "seccomp" in layers:
                assert "97" in await tried(one, ATTEMPTS["a socket of the host"])
            assert "Error " in await tried(one, ATTEMPTS["the network"])

    run(go())


def test_declared_hosts_are_reached_by_name_and_no_other(organisation: Path) -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.read(100))
        await writer.drain()
        writer.close()

    async def go() -> None:
        declared = await asyncio.start_server(hello, "127.0.0.1", 0)
        other = await asyncio.start_server(hello, "127.0.0.1", 0)
        port, closed = (one.sockets[0].getsockname()[1] for one in (declared, other))
        hosts = (f"localhost:{port}", "nowhere.invalid:443")
        speak = "(s := socket.create_connection(({host!r}, {port}), 5), s.sendall(b'you'), s.recv(50))[2]"
        async with probing(organisation, Sandbox(hosts=hosts)) as one:
            assert await tried(one, speak.format(host="localhost", port=port)) == "b'hello you'"
            assert await tried(one, "socket.gethostbyname('nowhere.invalid')") == "'127.0.1.2'"
            assert await tried(one, speak.format(host="nowhere.invalid", port=443)) == "b''", (
                "connects to nothing"
            )
            assert "Error " in await tried(one, speak.format(host="localhost", port=closed))
            assert "error " in await tried(one, "socket.gethostbyname('elsewhere.invalid')")
            status = await tried(one, "open('/proc/self/status').read()")
            assert r"CapEff:\t0000000000000000" in status
            many = f"[socket.create_connection(('localhost', {port}), 5).close() for _ in range(300)] and 1"
            assert await tried(one, many) == "1"
            assert await tried(one, speak.format(host="localhost", port=port)) == "b'hello you'"
        declared.close(), other.close()

    run(go())


def test_the_way_out_takes_only_numbers_of_declared_hosts(organisation: Path) -> None:
    async def go() -> None:
        heard: list[bytes] = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read(10))
            writer.close()

        target = await asyncio.start_server(note, "127.0.0.1", 0)
        egress = await Egress.begin((f"localhost:{target.sockets[0].getsockname()[1]}",))
        for first in (b"1\n", b"-1\n", b"x\n", b"\n", b"9" * 100_000, b"0", b"0 \0\n\n", b"1e0\n"):
            reader, writer = await asyncio.open_unix_connection(str(egress.way.folder / "socket"))
            writer.write(first + b"data")
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 15) == b""
            writer.close()
        assert heard == []
        reader, writer = await asyncio.open_unix_connection(str(egress.way.folder / "socket"))
        writer.write(b"0\ndata")
        await reader.read()
        assert heard == [b"data"]
        assert egress.way.folder.stat().st_mode & 0o777 == 0o700
        await egress.close()
        assert not egress.way.folder.exists()
        target.close()

    run(go())


def test_a_promised_layer_that_is_missing_refuses_to_start(
    organisation: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    what = launch(Component("mcp_server", "probe", command=COMMAND), organisation, os.environ)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStart, match="bubblewrap is not installed"):
        confining.confine(what, Sandbox(), organisation)
    assert confining.confine(what, Sandbox(layers=("landlock", "seccomp")), organisation).command
    monkeypatch.setattr("standwatch.confined.landlock_version", lambda: 0)
    with pytest.raises(CannotStart, match="no Landlock"):
        confining.confine(what, Sandbox(layers=("landlock", "seccomp")), organisation)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(CannotStart, match="no seccomp filter is made for riscv64"):
        confining.confine(what, Sandbox(layers=("seccomp",)), organisation)
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(CannotStart, match="no sandbox on darwin"):
        confining.confine(what, Sandbox(), organisation)


def test_what_the_kernel_refuses_inside_runs_nothing(organisation: Path, tmp_path: Path) -> None:
    """Under a kernel that has no Landlock although it was found: acted out by a filter that says so."""
    plan = {
        "reads": ["/usr"],
        "writes": [],
        "landlock": True,
        "seccomp": True,
        "network": True,
        "relay": None,
    }
    wrapped = (
        "import standwatch.confined as c, sys, json\n"
        "c.landlock_version = lambda: 0\n"
        "c.main(json.loads(sys.argv[1]), ['/usr/bin/touch', sys.argv[2]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", wrapped, json.dumps(plan), str(tmp_path / "ran")],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (126, b"sandbox: this kernel has no Landlock\n")
    assert not (tmp_path / "ran").exists()


def test_a_path_that_is_not_there_and_one_that_shows_the_keys_refuse_to_start(organisation: Path) -> None:
    what = launch(Component("mcp_server", "probe", command=COMMAND), organisation, os.environ)
    with pytest.raises(CannotStart, match="which is not there"):
        confining.confine(what, Sandbox(reads=("missing",)), organisation)
    hidden = ((organisation / "state").resolve(),)
    with pytest.raises(CannotStart, match="which only namespaces can hide"):
        confining.confine(what, Sandbox(reads=(".",), layers=("landlock",)), organisation, hidden=hidden)


def test_outside_development_servers_are_confined_unless_the_manifest_says_otherwise(tmp_path: Path) -> None:
    rules = {"probe.try": {"effect": "read"}}
    systems = {
        "shut": manifest("shut", [server("probe", command=COMMAND)], rules),
        "open": manifest("open", [server("probe", command=COMMAND, sandbox="none")], rules),
    }
    with serving(tmp_path / "org", systems, development=False) as watch:
        told = {
            name: watch.agent(f"bot-{name}", name).call("try", what="os.listdir('/home')") for name in systems
        }
        assert "Error" in told["shut"].text, told
        assert "Error" not in told["open"].text, told
        gaps = watch.run("check")["before_production"]
        assert [one for one in gaps if "sandbox" in one] == ["open: probe is started without a sandbox"]


def test_a_killed_gateway_leaves_nothing_behind(tmp_path: Path) -> None:
    rules = {"probe.try": {"effect": "read"}}
    systems = {"shut": manifest("shut", [server("probe", command=COMMAND)], rules)}
    with serving(tmp_path / "org", systems, development=False) as watch:
        mark = f"mark-{os.urandom(4).hex()}"
        said = watch.agent("bot", "shut").call(
            "try", what=f"__import__('subprocess').Popen(['sleep', '300'], env={{'M': '{mark}'}}).pid and 1"
        )
        assert said.text == "1"
        assert waited(lambda: marked(mark))
        watch.kill()
        assert waited(lambda: not marked(mark))
        watch.start()


def marked(mark: str) -> list[str]:
    """Processes of this machine that have the mark in their environment."""
    found: list[str] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                if mark.encode() in (place / "environ").read_bytes():
                    found.append(place.name)
            except OSError:
                continue
    return found


@pytest.mark.parametrize("named", [{"reads": ("work/data",)}, {"writes": ("work", "work/data")}, {}])
def test_nothing_is_let_in_that_the_server_could_exchange(organisation: Path, named: dict[str, Any]) -> None:
    """Where it writes it may put a link to our keys, and would be let in to them when it is started anew."""
    (organisation / "work" / "data").symlink_to(organisation / "state")
    command = ("/bin/cat", "x") if named else (str(organisation / "work" / "run"),)
    given = Sandbox(**{"writes": ("work",), **named})
    with pytest.raises(CannotStart, match="could exchange"):
        confining.confine(Launch(command, dict(os.environ), organisation), given, organisation)
