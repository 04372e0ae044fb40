"""A small organisation on a real recorder and gate, with people who hold keys: what the operators' side is tested on.

No upstream server runs: an act is carried out by a function the test gives.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.declare.configuration import declare
from standwatch.declare.digest import component_digest
from standwatch.declare.lock import lock_text
from standwatch.enforce.ports import Act, Caller, Carried, Reply
from standwatch.facts.configuration import Definition, Lock
from standwatch.facts.errors import NotFound
from standwatch.fronts.control import Pages, handler
from standwatch.fronts.control_ports import Actor, AgentOrder
from standwatch.fronts.http import serve_http
from standwatch.keys import ed25519
from standwatch.keys.log import LogKey
from standwatch.keys.markers import reserve
from standwatch.serve.adopt import Adoption
from standwatch.serve.control import Control
from standwatch.serve.gate import LiveGate
from standwatch.serve.world import compile_world
from standwatch.store.folder import read_folder
from standwatch.store.link import LocalLink
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder, Setup
from standwatch.store.sealing import Kek

ORIGIN = "watch.invalid/log"
DEFINITION = Definition("send", "5" * 64, {"type": "object"})
PEOPLE = ("maria", "olga", "chen", "otto", "nina")
"""Maria owns and administers; Olga is on call; Chen validates; Otto operates; Nina owns the other system."""

ORGANISATION = """\
organisation: Watch
origin: watch.invalid/log
public_url: https://watch.example
approvals: {{irreversible: enrolled}}
people:
{people}
groups:
  oncall: [olga@watch.example]
"""

MANIFEST = """\
system: {name}
purpose: Pays
owner: {owner}@watch.example
halt_authority: [oncall]
validator: chen@watch.example
reversibility: costly
exposure: {{people_per_week: 40}}
components:
  - {{kind: llm, name: model-{name}, vendor: maker, version: "7"}}
  - {{kind: mcp_server, name: bank, url: "http://127.0.0.1:9/mcp"}}
tools:
  bank.send:
    unruled: any
    effect: irreversible
"""

ROLES = {"maria": "[admin]", "olga": "[]", "chen": "[auditor]", "otto": "[operator]", "nina": "[]"}


def write_organisation(folder: Path, keys: dict[str, Ed25519PrivateKey], *, account: str = "") -> None:
    """The files of the organisation; `account` is the host account that acts as Otto."""
    people = "\n".join(
        f"  - {{id: {name}, address: {name}@watch.example, name: {name.title()}, roles: {ROLES[name]}, "
        f"keys: ['{ed25519.public(key)}']{f', os_user: {account}' if account and name == 'otto' else ''}}}"
        for name, key in keys.items()
    )
    (folder / "systems").mkdir(parents=True)
    (folder / "standwatch.yaml").write_text(ORGANISATION.format(people=people))
    for name, owner in (("pay", "maria"), ("ship", "nina")):
        (folder / "systems" / f"{name}.yaml").write_text(MANIFEST.format(name=name, owner=owner))
    for name in ("pay", "ship"):
        manifest = declare(read_folder(folder)).configuration.systems[name].manifest
        lock = Lock(
            {"bank.send": DEFINITION.digest}, {one.name: component_digest(one) for one in manifest.components}
        )
        (folder / "systems" / f"{name}.lock").write_text(lock_text(lock))


@dataclass
class Watch:
    """Everything of one running organisation, by name."""

    folder: Path
    keys: dict[str, Ed25519PrivateKey]
    recorder: Recorder
    link: LocalLink
    gate: LiveGate
    reader: Reader
    control: Control
    log: LogKey

    def who(self, name: str) -> Actor:
        """The person `name`, as their roles make them."""
        roles = ROLES[name]
        return Actor(
            name, name.title(), admin="admin" in roles, sees_all=roles != "[]", auditor=roles != "[]"
        )

    async def act(
        self, forward: Callable[[dict[str, Any]], Awaitable[Carried]], system: str = "pay", **arguments: Any
    ) -> Reply:
        """`agent` asks `system` to send."""
        act = Act(
            caller=Caller("agent", "agent", ("pay", "ship")),
            system=system,
            event="tool_call",
            tool="bank.send",
            target="bank",
            arguments=arguments or {"amount": 1},
            definition=DEFINITION,
        )
        return await self.gate.act(act, forward)

    async def signed_up_to_now(self) -> None:
        """Wait for a checkpoint over every entry: at most a moment."""
        for _ in range(6_000):
            try:
                if int(self.reader.checkpoint().split(b"\n", 2)[1]) == self.reader.size:
                    return
            except NotFound:
                pass
            await asyncio.sleep(0.01)
        raise AssertionError("no checkpoint came")


async def never(_: dict[str, Any]) -> Carried:
    """Carries out nothing, for longer than any test."""
    await asyncio.sleep(600)
    return Carried("ok")


async def done(_: dict[str, Any]) -> Carried:
    """Carries out at once."""
    return Carried("ok", b"{}")


@asynccontextmanager
async def standing(
    folder: Path, *, account: str = "", agent: bool = True, vfs: str = ""
) -> AsyncGenerator[Watch]:
    """The organisation in `folder`, made where it is not there yet, with its configuration in force."""
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    if not (folder / "standwatch.yaml").exists():
        write_organisation(folder, keys, account=account)
    state = folder / "state"
    state.mkdir(exist_ok=True)
    reserve(state)
    log = LogKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"the log's key in these tests....".ljust(32)))
    recorder = await asyncio.to_thread(Recorder.open, _setup(state, log, vfs))
    try:
        yield await _put_together(folder, keys, recorder, log, agent=agent)
    finally:
        await asyncio.to_thread(recorder.close)


def now() -> int:
    return time.time_ns() // 1000


def _setup(state: Path, log: LogKey, vfs: str) -> Setup:
    return Setup(
        folder=state, key=log.key, sign=log.sign, kek=_KEK, clock=now, entropy=os.urandom, pause=0.01, vfs=vfs
    )


_KEK = Kek(1, b"the key above the keys, in tests")


async def _put_together(
    folder: Path, keys: dict[str, Ed25519PrivateKey], recorder: Recorder, log: LogKey, *, agent: bool
) -> Watch:
    link = recorder.link()
    found = declare(read_folder(folder)).configuration
    gate = LiveGate(link, compile_world(found), clock=now, chance=os.urandom, receipt=lambda _ident, _ack: "")
    link.on_told = gate.told
    adoption = Adoption(folder, gate, os.urandom)
    adopted = await adoption.reload()
    assert adopted.result in ("in_force", "unchanged"), adopted
    reader = Reader(folder / "state", kek=_KEK)
    control = Control(
        gate,
        link,
        reader,
        vkey=log.vkey,
        folder=folder / "state",
        clock=now,
        chance=os.urandom,
        adoption=adoption,
    )
    recorder.on_growth = control.growth.grew
    watch = Watch(folder, keys, recorder, link, gate, reader, control, log)
    if agent and "agent" not in gate.state.principals:
        await control.add_agent(watch.who("maria"), AgentOrder("agent", ("pay", "ship")))
    return watch


@contextmanager
def served(
    folder: Path, *, account: str = "", pages: Pages | None = None
) -> Generator[tuple[Watch, asyncio.AbstractEventLoop, int]]:
    """The organisation served on its Unix socket and a TCP port, from a thread of its own, as the CLI meets it.

    `pages` is the console, for the tests that look at it."""
    ready: list[tuple[Watch, asyncio.AbstractEventLoop, int]] = []
    up, failed = threading.Event(), list[BaseException]()
    stop: list[asyncio.Event] = []

    async def serve() -> None:
        async with standing(folder, account=account) as watch:
            answer = handler(watch.control, pages=pages)
            await watch.control.take_markers()
            unix = await serve_http(answer, name="control", unix_path=folder / "state" / "control.sock")
            tcp = await serve_http(answer, name="operators")
            stop.append(asyncio.Event())
            ready.append((watch, asyncio.get_running_loop(), tcp.port))
            up.set()
            await stop[0].wait()
            await asyncio.gather(unix.close(1), tcp.close(1))

    def main() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            up.set()

    thread = threading.Thread(target=main)
    thread.start()
    up.wait(20)
    if failed or not ready:
        raise RuntimeError("the organisation did not come up") from (failed[0] if failed else None)
    try:
        yield ready[0]
    finally:
        ready[0][1].call_soon_threadsafe(stop[0].set)
        thread.join(20)
    if failed:
        raise failed[0]
