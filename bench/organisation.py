"""An organisation to be measured: written as anybody would write it, started as anybody would start it.

`write` lays down the folder; `python -m bench.organisation FOLDER` serves it. At its first start it accepts the
upstream's tool definitions, has the validator vouch for the systems, adds an agent and opens a run with a task, so
that an irreversible call passes every check without a human; it then prints one line of JSON (`Door`). Started again
on the same folder it only serves.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standwatch.serve.app import App

PAYEE = "GB29NWBK60161331926819"
TASK = f"Pay the open invoice of {PAYEE} over 1.25 EUR, and transfer nothing else."
RUNS = 160
"""Runs that a bench spreads its calls over, so that each has read what a run reads and no more."""
LIMIT = 9_000_000_000
"""A day's budget that no benchmark uses up: it is charged and compared all the same."""


class Door(msgspec.Struct, frozen=True):
    """Where the server is and how to come in: `run` is the token of a run with a task, `agent` one without."""

    port: int
    agent: str
    run: str
    seconds: float
    """From the start of the process to its first open listener."""
    runs: list[str] = []
    """Tokens of more runs with the same task."""


def opened() -> None:
    """Called in the server's process when its door is open; `soaking.faults` puts something else here."""


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        return trying.getsockname()[1]


def policies(count: int, *, narrow: bool = True) -> str:
    """`count` forbids, none of which applies.

    `narrow`, as in an organisation: of six, one looks at the amount of `up.pay`, one forbids an agent everything, and
    four speak of other tools; so a third of them is in the slice of `up.pay`. Otherwise all look at its amount.
    """
    amount = 'action == Action::"irreversible", resource == Tool::"up.pay"'
    texts: list[str] = []
    for n in range(count):
        if not narrow or n % 6 == 0:
            when = (
                "context has arguments && context.arguments has amount && context.arguments.amount has micros"
            )
            texts.append(
                f'@id("f{n}") forbid (principal, {amount}) '
                f"when {{ {when} && context.arguments.amount.micros > {900_000_000 + n} }};"
            )
        elif n % 6 == 1:
            texts.append(f'@id("f{n}") forbid (principal == Agent::"former-{n}", action, resource);')
        else:
            texts.append(f'@id("f{n}") forbid (principal, action, resource == Tool::"other.tool_{n}");')
    return "\n".join(texts) + "\n"


def write(
    folder: Path,
    components: Sequence[str],
    *,
    policy_text: str = "",
    systems: int = 1,
    key: str = "",
    content: str = "",
    asking: bool = False,
) -> None:
    """The organisation's folder. `components` are YAML flow mappings of MCP servers; the first is called `up`.

    `key`: the validator's public key. `content`: its rules, as YAML; "" for what counts where nobody says anything.
    `asking`: where the subject of a payment comes from counts, so that each call looks it up in what its run has read.
    """
    (folder / "systems").mkdir(parents=True, exist_ok=True)
    (folder / "policies").mkdir(exist_ok=True)
    agents, operators = free_port(), free_port()
    (folder / "standwatch.yaml").write_text(
        f"""organisation: Bench
origin: bench-{os.urandom(6).hex()}.invalid/log
public_url: http://127.0.0.1:{operators}
development: true
listeners: {{agents: "127.0.0.1:{agents}", operators: "127.0.0.1:{operators}"}}
store: {{sqlite: state}}
people:
  - {{id: maria, address: maria@bench.example, roles: [admin]}}
  - {{id: chen, address: chen@bench.example, roles: [auditor], keys: [{key!r}]}}
red_lines:
  - {{name: books, tools: ["books.*"], effects: [write, irreversible], why: Nobody writes to the books.}}
"""
    )
    if policy_text:
        (folder / "policies" / "bench.cedar").write_text(policy_text)
    for n in range(systems):
        (folder / "systems" / f"s{n}.yaml").write_text(_manifest(f"s{n}", components, content, asking))


def _manifest(name: str, components: Sequence[str], content: str = "", asking: bool = False) -> str:
    sources = ", from: [task, trusted, model]" if asking else ""
    listed = "\n".join(f"  - {one}" for one in components)
    looked = f"content: {content}\n" if content else ""
    return f"""{looked}system: {name}
purpose: Pays invoices, to be measured
owner: maria@bench.example
halt_authority: [maria@bench.example]
validator: chen@bench.example
reversibility: costly
exposure: {{people_per_week: 40}}
data_subjects: [{{argument: recipient}}]
components:
{listed}
tools:
  up.look: {{effect: read}}
  up.pay:
    effect: irreversible
    arguments:
      recipient: {{from: [task, trusted], required: true, otherwise: deny, pattern: "[A-Z]{{2}}[0-9A-Z]{{10,30}}"}}
      amount: {{from: [task, trusted], otherwise: deny, min: 0.01, max: 500, required: true}}
      subject: {{max_length: 140{sources}}}
      note: {{max_length: 100000}}
    only_declared: true
    intent: [pay, send, transfer]
    per_run: 100000000
    otherwise: step_up
limits:
  per_run: {{calls: 100000000}}
  per_day: {{up.pay.amount: {LIMIT}}}
fallback: refer-to-human
"""


# --- the process -------------------------------------------------------------------------------------------------


async def _prepare(app: App, key_file: Path) -> tuple[str, str, list[str]]:
    """Accept, validate, add an agent, open runs: what people do on the first day. (token of agent, run, runs)."""
    from standwatch.declare.digest import component_digest
    from standwatch.declare.lock import lock_text
    from standwatch.facts.configuration import Lock
    from standwatch.facts.entries import Principal
    from standwatch.facts.errors import Conflict
    from standwatch.facts.parts import evidence_bytes
    from standwatch.fronts.control_ports import ValidationOrder
    from standwatch.keys import ed25519
    from standwatch.keys.tokens import new_token, token_hash
    from standwatch.serve.control_evidence import validation
    from standwatch.serve.place import now

    node = app.node
    gate = node.gate
    systems = gate.configuration.systems
    for name, system in systems.items():
        tools: dict[str, str] = {}
        for server in node.servers.upstream(name).values():
            if not await server.ready(20):
                raise SystemExit(f"the upstream is down: {server.trouble}")
            tools |= {f"{server.name}.{tool}": one.digest for tool, one in server.definitions.items()}
        locked = Lock(
            tools={tool: tools[tool] for tool in system.manifest.tools},
            components={one.name: component_digest(one) for one in system.manifest.components},
        )
        (node.folder / "systems" / f"{name}.lock").write_text(lock_text(locked))
    try:
        adopted = await node.adoption.reload()
    except Conflict:  # the server saw the saved files by itself, at the same moment
        await asyncio.sleep(1.0)
        adopted = await node.adoption.reload()
    if adopted.result not in ("in_force", "unchanged"):
        raise SystemExit(f"the locks were not taken up: {adopted}")
    key = ed25519.load(key_file)
    until = now() + 7 * 86_400_000_000
    for name in systems:
        entry = gate.state.systems[name].entry
        message = evidence_bytes(
            by="chen",
            components=entry.components,
            envelope=entry.envelope,
            follows=gate.state.last_statement(name),
            org=gate.state.origin,
            outcome="pass",
            report="",
            system=name,
            until=until,
        )
        order = ValidationOrder(
            by="chen", key=ed25519.public(key), sig=ed25519.sign(key, message), outcome="pass", until=until
        )
        await gate.append(validation(name, order, gate.state, gate.configuration, now()))
    token = new_token()
    await gate.append(
        Principal(
            by="maria",
            name="payer",
            role="service",
            systems=sorted(systems),
            token=token_hash(token) or "",
            starts=True,
        )
    )
    caller = gate.identify(f"Bearer {token}", "s0")
    opened_runs = await asyncio.gather(*(gate.open_run(caller, "s0", TASK, "maria") for _ in range(RUNS + 1)))
    run, *runs = [one[1] for one in opened_runs]
    level = gate.grant("s0", now()).level
    if level != "autonomous":
        raise SystemExit(f"the system is {level}: the benchmark would measure refusals")
    return token, run, runs


Prepare = Callable[["App", Path], Awaitable[tuple[str, str] | tuple[str, str, list[str]]]]
"""(running server, the validator's key file) → the tokens of its `Door`: an agent's or service's, a run's, and those of
more runs."""


def serve(folder: Path, workers: int = 0) -> int:
    """Serve `folder` until SIGTERM; the first time, prepare it (without workers) and print its `Door`."""
    return prepared(folder, workers, _prepare)


def prepared(folder: Path, workers: int, prepare: Prepare) -> int:
    """As `serve`, prepared by `prepare`."""
    from standwatch.console.app import console, warm
    from standwatch.serve import app

    begun = _started()
    kept: list[asyncio.Task[None]] = []

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    async def announce(running: App) -> None:
        seconds = time.time() - begun
        file = folder / "door.json"
        if file.exists():
            door = msgspec.json.decode(file.read_bytes(), type=Door)
            door = msgspec.structs.replace(door, seconds=seconds)
        else:
            agent, run, *more = await prepare(running, folder / "chen.pem")
            port = running.node.gate.configuration.organisation.agents.port
            door = Door(port, agent, run, seconds, *more)
            file.write_bytes(msgspec.json.encode(door))
        opened()
        print(msgspec.json.encode(door).decode(), flush=True)

    def ready(running: App) -> None:
        kept.append(asyncio.get_running_loop().create_task(_or_die(announce(running))))
        running.node.spawn(asyncio.to_thread(warm))  # as `standwatch up` does

    return app.main(folder, say, ready, workers=workers, pages=console)


async def _or_die(work: object) -> None:
    """A bench that cannot prepare ends at once, and says why."""
    try:
        await work  # type: ignore[misc]
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(3)


def _started() -> float:
    """When this process began (s since 1970), imports and interpreter included."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    up = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


# --- for those who measure ---------------------------------------------------------------------------------------


class Served(msgspec.Struct):
    """A running server: its process and its door."""

    process: subprocess.Popen[bytes]
    door: Door

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()


def start(
    folder: Path,
    *,
    workers: int = 0,
    module: str = "bench.organisation",
    environment: dict[str, str] | None = None,
    patience: float = 60.0,
) -> Served:
    """Start the server of `folder` and wait for its door. Its words go to `server.log` there."""
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder), str(workers)],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
            cwd=Path(__file__).resolve().parents[1],
        )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    deadline, line = time.monotonic() + patience, b""
    while not line.endswith(b"\n"):
        line += process.stdout.read() or b""
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            tail = (folder / "server.log").read_text(errors="replace")[-2000:]
            raise SystemExit(f"the server of {folder} did not start:\n{tail}")
        time.sleep(0.005)
    return Served(process, msgspec.json.decode(line, type=Door))


def key_for(folder: Path) -> str:
    """Make the validator's key in `folder`; its public half."""
    from standwatch.keys import ed25519

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "chen.pem"
    if not path.exists():
        ed25519.save(ed25519.make(), path, plain=True)
    return ed25519.public(ed25519.load(path))


@contextmanager
def serving(folder: Path, components: Sequence[str], **how: object) -> Iterator[Served]:
    """Write the organisation where it is not there yet, serve it, and stop it at the end."""
    if not (folder / "standwatch.yaml").exists():
        write(folder, components, key=key_for(folder), **how)  # type: ignore[arg-type]
    served = start(folder)
    try:
        yield served
    finally:
        served.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            served.process.wait(15)
        served.process.kill()
        served.process.wait()


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2])))
