"""An organisation whose agent may read without asking anybody, and whose server may ask: what the gate is tested on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.declare.configuration import declare
from standwatch.declare.digest import component_digest
from standwatch.declare.lock import lock_text
from standwatch.enforce.ports import Act, Caller
from standwatch.facts.configuration import Lock
from standwatch.facts.entries import Intent, Outcome
from standwatch.store.folder import read_folder
from support.watch import DEFINITION, PEOPLE, Watch, standing, write_organisation

AGENT = Caller("agent", "agent", ("pay", "ship"))
READ = Act(
    caller=AGENT,
    system="pay",
    event="tool_call",
    tool="bank.send",
    target="bank",
    arguments={"amount": 1},
    definition=DEFINITION,
)
ASK = msgspec.structs.replace(
    READ,
    event="elicitation",
    tool="bank.elicitation",
    arguments={"message": "sure?"},
    definition=None,
    phase="ask",
)


def _readable(folder: Path, rules: str) -> None:
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys)
    for file in (folder / "systems").glob("*.yaml"):
        text = file.read_text().replace("effect: irreversible", "effect: read").replace("unruled: any", rules)
        file.write_text(text.replace('/mcp"}', "/mcp\", may_ask: [elicitation], resources: ['doc://*']}"))
    for name in ("pay", "ship"):
        manifest = declare(read_folder(folder)).configuration.systems[name].manifest
        digests = {one.name: component_digest(one) for one in manifest.components}
        lock = Lock({"bank.send": DEFINITION.digest}, digests)
        (folder / "systems" / f"{name}.lock").write_text(lock_text(lock))


@asynccontextmanager
async def reading(folder: Path, *, vfs: str = "", rules: str = "unruled: any") -> AsyncGenerator[Watch]:
    """`standing`, with `bank.send` a read under `rules`."""
    if not (folder / "standwatch.yaml").exists():
        _readable(folder, rules)
    async with standing(folder, vfs=vfs) as watch:
        yield watch


async def flying(watch: Watch, count: int = 1) -> list[str]:
    """Wait until so many acts are in flight: their ids, the outermost first."""
    async with asyncio.timeout(60):
        while len(watch.gate.flights) < count:
            await asyncio.sleep(0.005)
    return list(watch.gate.flights)


async def outcomes(watch: Watch, ident: str, count: int = 1) -> list[str]:
    """How the act `ident` ended according to the record, once `count` outcomes have had time to be written."""
    found: list[str] = []
    for _ in range(4_000):
        entries = [watch.reader.entry(index) for index in watch.reader.of_action(ident)]
        found = [entry.status for entry in entries if isinstance(entry, Outcome)]
        if len(found) >= count:
            break
        await asyncio.sleep(0.005)
    return found


def intents(watch: Watch) -> list[str]:
    """The ids of the intents in the record."""
    entries = [watch.reader.entry(index) for index in range(watch.reader.size)]
    return [entry.id for entry in entries if isinstance(entry, Intent)]


async def recorded(watch: Watch, count: int = 1) -> list[str]:
    """`intents`, once there are so many."""
    async with asyncio.timeout(60):
        while len(found := intents(watch)) < count:
            await asyncio.sleep(0.005)
    return found
