"""A whole Standwatch on a temporary organisation: written as text, started as anybody starts it, spoken to by wire.

Nothing of the server runs in the test's own process but what the CLI runs there: `organise` lays down the folder,
`serving` starts `standwatch up`, `Agent` is a caller with a token, `scripted` an upstream whose manners a test decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from standwatch.cli import main as cli
from standwatch.cli.wire import Server as Operators
from standwatch.facts.entries import AnyEntry, Asked, Denied, Intent, Outcome, Principal, RunOpened
from standwatch.keys import ed25519
from standwatch.store.reader import Reader
from support.rude_http import RudeServer, Script, rude_server

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}, "sampling": {}, "roots": {}},
}
PATIENCE = 30.0
"""Seconds in which another process does what it is about to do, on a machine however busy."""
PEOPLE = ("maria", "olga", "chen", "otto")
"""Administrator and owner, halt authority, validator, and an operator with no authority over any system."""
ROLES = {"maria": ["admin"], "olga": ["operator"], "chen": ["auditor"], "otto": ["operator"]}


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        return int(trying.getsockname()[1])


# --- the organisation's text -------------------------------------------------------------------------------------


def server(name: str, *, url: str = "", command: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """One MCP server of a manifest."""
    where: dict[str, Any] = {"url": url} if url else {"command": list(command)}
    return {"kind": "mcp_server", "name": name, **where, **more}


def manifest(
    name: str,
    components: list[dict[str, Any]],
    tools: Mapping[str, dict[str, Any] | str],
    **more: Any,
) -> str:
    """A manifest; a tool that is a word has that effect and no rules. JSON is YAML."""
    rules = {tool: {"effect": rule} if isinstance(rule, str) else rule for tool, rule in tools.items()}
    said: dict[str, Any] = {
        "system": name,
        "purpose": "Is tested",
        "owner": "maria@bank.example",
        "halt_authority": ["olga@bank.example"],
        "validator": "chen@bank.example",
        "reversibility": "costly",
        "exposure": {"people_per_week": 40},
        "components": components,
        "tools": rules,
        **more,
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in said.items())


class Organisation:
    """A folder with `standwatch.yaml` and its systems, and the keys of its people in `keys/`."""

    def __init__(
        self, folder: Path, systems: Mapping[str, str], *, development: bool = True, more: str = ""
    ) -> None:
        self.folder = folder
        self.agents, self.operators = free_port(), free_port()
        self.origin = f"test-{os.urandom(6).hex()}.invalid/log"
        for name in ("systems", "policies", "keys"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        keys = {name: _key(folder / "keys" / f"{name}.pem") for name in PEOPLE}
        people: list[dict[str, Any]] = [
            {"id": name, "address": f"{name}@bank.example", "roles": ROLES[name], "keys": [keys[name]]}
            for name in PEOPLE
        ]
        if (
            not development
        ):  # there the account that owns the socket administers nothing unless somebody says so
            people[0]["os_user"] = pwd.getpwuid(os.geteuid()).pw_name
        said = {
            "organisation": "Test",
            "origin": self.origin,
            "public_url": f"http://127.0.0.1:{self.operators}",
            "development": development,
            "listeners": {"agents": f"127.0.0.1:{self.agents}", "operators": f"127.0.0.1:{self.operators}"},
            "people": people,
        }
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in said.items())
        (folder / "standwatch.yaml").write_text(text + more)
        for name, one in systems.items():
            self.declare(name, one)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def home(self) -> dict[str, str]:
        """The environment in which nothing is kept outside the folder."""
        return {"XDG_STATE_HOME": str(self.folder / "home"), "XDG_CONFIG_HOME": str(self.folder / "home")}

    def key(self, person: str) -> str:
        return str(self.folder / "keys" / f"{person}.pem")

    def manifest(self, name: str) -> Path:
        return self.folder / "systems" / f"{name}.yaml"

    def declare(self, name: str, text: str) -> None:
        """Writes a manifest the way an editor that is careful does: whole."""
        draft = self.folder / f".{name}.new"
        draft.write_text(text)
        draft.replace(self.manifest(name))

    def run(self, *words: str, code: int = 0) -> Any:
        """`standwatch WORDS --json`, in this process; its answer. Fails where it exits otherwise than with `code`."""
        said, complained = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complained),
            patch.dict(os.environ, self.home),
        ):
            ended = cli.main(["--org", str(self.folder), "--json", *words])
        assert ended == code, (
            f"standwatch {' '.join(words)}: {ended}\n{said.getvalue()}{complained.getvalue()}"
        )
        text = said.getvalue() or complained.getvalue()
        return json.loads(text) if text.strip() else None

    def accept(self, *systems: str) -> None:
        """Looks at what the servers offer, and accepts it."""
        for name in systems:
            self.run("accept", name, "--yes")


def _key(path: Path) -> str:
    if not path.exists():
        ed25519.save(ed25519.make(), path, plain=True)
    return ed25519.public(ed25519.load(path))


# --- the server --------------------------------------------------------------------------------------------------


class Living(Organisation):
    """An organisation whose server runs. Made by `serving`."""

    process: subprocess.Popen[str]
    workers: int
    said: list[str]
    program = "standwatch.cli.main"
    """The module that is started."""
    _news = threading.Condition()

    def start(self, workers: int = 0, **environment: str) -> None:
        """Starts `standwatch up` and waits for its agents' door. Its words are kept in `said`."""
        self.workers = workers
        self.said = []
        command = [sys.executable, "-m", self.program, "--org", str(self.folder), "up"]
        if workers:
            command += ["--workers", str(workers)]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **self.home, **environment},
        )
        threading.Thread(target=self._listen, args=(self.process, self.said), daemon=True).start()
        self.heard("agents at")

    def _listen(self, process: subprocess.Popen[str], said: list[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._news:
                said.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            said.append("(ended)")
            self._news.notify_all()

    def heard(self, pattern: str, after: int = 0) -> str:
        """Waits until the server says a line like `pattern` (beyond line `after`); that line."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while True:
                for line in self.said[after:]:
                    if re.search(pattern, line):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or self.said[-1:] == ["(ended)"]:
                    raise AssertionError(f"never said {pattern!r}:\n" + "\n".join(self.said))
                self._news.wait(left)

    def stop(self) -> None:
        """SIGTERM, as an init system stops it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()

    @property
    def api(self) -> Operators:
        """The operators' API over the 0600 socket."""
        return Operators(self.folder)

    def agent(self, name: str, *systems: str, starts: bool = False, until: int = 0) -> Agent:
        """A new agent, and a caller with its token for the first of `systems`."""
        order = {"name": name, "systems": systems, "starts": starts, "until": until}
        token = self.api.post("/agents", order)["token"]
        return Agent(self.agents, token, systems[0])

    def halt(self, scope: str, reason: str = "a test") -> Any:
        return self.api.post("/holds", {"scope": scope, "reason": reason})

    def release(self, hold: int) -> Any:
        return self.api.post(f"/holds/{hold}/release", {"reason": "a test"})

    def children(self) -> list[int]:
        """Process ids of the workers."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found if b"standwatch.serve.worker" in cmdline(int(pid))]

    # --- the record ---------------------------------------------------------------------------------------------

    def entries(self, start: int = 0) -> list[tuple[int, AnyEntry]]:
        """Every entry, read beside the writer."""
        reader = Reader(self.state)
        try:
            return [(index, entry) for index, entry in reader.entries(start, reader.size)]  # type: ignore[misc]
        finally:
            reader.close()

    @property
    def size(self) -> int:
        return len(self.entries())

    def of(self, kind: type[Any], start: int = 0) -> list[Any]:
        """The entries of `kind`, oldest first."""
        return [entry for _, entry in self.entries(start) if isinstance(entry, kind)]

    def acts(self, ident: str) -> list[AnyEntry]:
        """Everything about one action."""
        return [entry for _, entry in self.entries() if getattr(entry, "id", "") == ident]

    def outcome(self, ident: str) -> Outcome:
        """The outcome of an action, once it is written: those of reads follow their replies."""
        return waited(lambda: next((one for one in self.acts(ident) if isinstance(one, Outcome)), None))

    def refusal(self, ident: str) -> Denied:
        """The refusal of an action; it is written before its caller hears of it."""
        found = self.acts(ident)
        assert len(found) == 1, found
        assert isinstance(found[0], Denied), found
        return found[0]

    def of_name(self, name: str) -> Principal:
        """The principal `name`, as the record has it now."""
        return [one for one in self.of(Principal) if one.name == name][-1]

    def of_runs(self) -> list[RunOpened]:
        """Every run that was opened, oldest first."""
        return self.of(RunOpened)

    def of_run(self, ident: str) -> str:
        """The run that an action belongs to."""
        return next(entry.run for entry in self.acts(ident) if isinstance(entry, Intent | Denied))

    def verified(self) -> None:
        """The whole record is what it claims to be, by its own files."""
        found = self.run("verify")
        assert found["status"] == "verified", found


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def waited(found: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """What `found` gives once it gives something: for what another process does in its own time."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def serving(
    folder: Path,
    systems: Mapping[str, str],
    *,
    workers: int = 0,
    accept: bool = True,
    development: bool = True,
    more: str = "",
    **environment: str,
) -> Iterator[Living]:
    """A running server of a fresh organisation, its servers' tools accepted; stopped at the end, and verified."""
    living = Living(folder, systems, development=development, more=more)
    if accept:
        living.accept(*systems)
    living.start(workers, **environment)
    try:
        yield living
    except BaseException:
        living.kill()
        raise
    living.stop()
    living.verified()


# --- callers -----------------------------------------------------------------------------------------------------


class Answer:
    """What came back: HTTP status, headers, and every JSON-RPC message of the body, the answer last."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        if headers.get("content-type", "").startswith("text/event-stream"):
            lines = [line for line in body.split(b"\n") if line.startswith(b"data:")]
            self.messages = [json.loads(line[5:]) for line in lines]
        else:
            self.messages = [json.loads(body)] if body else []

    @property
    def last(self) -> dict[str, Any]:
        return self.messages[-1]

    @property
    def result(self) -> dict[str, Any]:
        assert "result" in self.last, self.last
        return self.last["result"]

    @property
    def error(self) -> dict[str, Any]:
        assert "error" in self.last, self.last
        return self.last["error"]

    @property
    def text(self) -> str:
        return self.result["content"][0]["text"]

    @property
    def word(self) -> str:
        """One of the four words, or `done`; wherever the protocol puts it. A door that is closing or full says
        `{"code", "message"}` with 503 and knows no protocol: `unavailable`."""
        said = self.last
        if said.get("word"):
            return str(said["word"])
        if self.status == 503 and "result" not in said and "error" not in said:
            return "unavailable"
        if "error" in said:
            return str((said["error"].get("data") or {}).get("word", ""))
        told = (said["result"].get("_meta") or {}).get("standwatch/reply")
        return str(told["word"]) if told else "done"

    @property
    def reference(self) -> str:
        """The action's id."""
        return self.headers.get("standwatch-action", "") or str(self.last.get("id", ""))

    def __repr__(self) -> str:
        return f"{self.status} {self.body[:2000]!r}"


class Agent:
    """A caller of one system with one token, speaking 2026-07-28; or raw bytes, if it likes."""

    def __init__(self, port: int, token: str, system: str) -> None:
        self.port = port
        self.token = token
        self.system = system

    def post(
        self,
        path: str,
        body: bytes | dict[str, Any],
        headers: Mapping[str, str | None] | None = None,
        verb: str = "POST",
    ) -> Answer:
        """One request on a connection of its own; a header that is None is left out."""
        heads: dict[str, str | None] = {
            "authorization": f"Bearer {self.token}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **(headers or {}),
        }
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest(verb, path, skip_host="host" in heads, skip_accept_encoding=True)
            heads.setdefault("content-length", str(len(data)))
            for name, value in heads.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(data)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def mcp(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        *,
        meta: dict[str, Any] | None = None,
        ident: Any = 1,
    ) -> Answer:
        """One MCP request, whole in itself."""
        params = {**(params or {}), "_meta": {**META, **(meta or {})}}
        named = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}.get(method, "")
        heads: dict[str, str | None] = {"mcp-protocol-version": MODERN, "mcp-method": method}
        if isinstance(params.get(named), str):
            heads["mcp-name"] = params[named]
        message = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
        return self.post(f"/mcp/{self.system}", message, {**heads, **(headers or {})})

    def call(self, tool: str, **arguments: Any) -> Answer:
        """A tool call."""
        return self.mcp("tools/call", {"name": tool, "arguments": arguments})

    def with_token(self, token: str, system: str = "") -> Agent:
        return Agent(self.port, token, system or self.system)

    def open_run(self, task: str, system: str = "") -> Agent:
        """The caller that a run's token makes."""
        said = self.post("/v1/runs", {"system": system or self.system, "task": task})
        assert said.status == 201, said
        return self.with_token(said.last["token"], system)


@contextmanager
def crew(size: int = 16) -> Iterator[Callable[..., Future[Any]]]:
    """Runs calls beside each other: `submit(function, *arguments)`."""
    with ThreadPoolExecutor(size) as pool:
        yield pool.submit


# --- upstreams ---------------------------------------------------------------------------------------------------


class Scripted:
    """A `RudeServer` on a loop of its own, so that a test may block. `calls` is what reached it."""

    def __init__(self, script: Script, era: str, tools: list[Any] | None) -> None:
        self._script = script
        self.era = era
        self.free: asyncio.Event
        self.rude: RudeServer
        self._tools = tools
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()

    @property
    def url(self) -> str:
        return self.rude.url

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The parameters of every tool call that reached it."""
        return [one.message["params"] for one in self.rude.of("tools/call")]

    async def _served(self) -> None:
        self.free, self._over = asyncio.Event(), asyncio.Event()

        async def script(it: Any) -> None:
            it.free = self.free
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await self._script(it)

        async with rude_server(self.era, script) as self.rude:
            if self._tools is not None:
                self.rude.tools = self._tools
            self._ready.set()
            await self._over.wait()

    @contextmanager
    def reached(self, calls: int = 1) -> Iterator[None]:
        """Leaves its block only when that many more calls have arrived."""
        before = len(self.calls)
        yield
        waited(lambda: len(self.calls) >= before + calls)

    def release(self) -> None:
        """Lets every call go that waits for `free`."""
        self._loop.call_soon_threadsafe(self.free.set)

    def seize(self) -> None:
        """Holds again the calls that wait for `free`."""
        self._loop.call_soon_threadsafe(self.free.clear)

    @contextmanager
    def running(self) -> Iterator[Scripted]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        assert self._ready.wait(PATIENCE)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._over.set)
            thread.join(PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._served())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)


def scripted(script: Script, *, era: str = "modern", tools: list[Any] | None = None) -> Any:
    """A server that answers `tools/call` with `script`; a context manager that gives a `Scripted`."""
    return Scripted(script, era, tools).running()


async def echo(it: Any) -> None:
    """A script: says what it was told."""
    it.json(it.say(json.dumps(it.message["params"].get("arguments") or {}, sort_keys=True)))


def tool(name: str, schema: dict[str, Any] | None = None, about: str = "A tool") -> dict[str, Any]:
    """A tool's definition."""
    return {"name": name, "description": about, "inputSchema": schema or {"type": "object"}}


__all__ = [
    "Agent", "Answer", "Asked", "Denied", "Intent", "Living", "Organisation", "Outcome", "Scripted", "crew", "echo",
    "free_port", "manifest", "scripted", "server", "serving", "tool", "waited",
]  # fmt: skip
