"""A served organisation for the console's tests: a little of everything open, and everything that others wrote hostile.

Pages find the names in their paths here (`World.filled`): whoever adds a page with a new name in its path adds a value.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standwatch.console.app import console
from standwatch.console.page import Page
from standwatch.facts.entries import Denied, Deployed
from standwatch.fronts.control_ports import AgentOrder, HaltOrder, ReleaseOrder
from standwatch.serve.control_explaining import Explaining
from standwatch.serve.control_people import names
from standwatch.serve.servers import Servers
from standwatch.upstream.executor import Executors
from support.overriding import decided, write_overridable
from support.relaxing_watch import relax
from support.watch import Watch, done, served

SCRIPT = "<script>window.pwned=1</script>"
IMAGE = "<img src=x onerror=window.pwned=1>"
BIDI = "pay \u202egnp.exe\u2066 to \u200bmallory"
LINK = "javascript:window.pwned=1"
LONG = "long" * 400
QUOTES = "\"' onfocus=window.pwned=1 autofocus x='"
TEMPLATE = "{{ 7 * 7 }} {% raw %} ${7*7}"
HOSTILE = (SCRIPT, IMAGE, BIDI, LINK, LONG, QUOTES, TEMPLATE, "</textarea></script><!--", "\x00\x1b[31m\r\n")


@dataclass
class World:
    """`url` without a slash at its end; `names` are the values for the names in pages' paths."""

    url: str
    watch: Watch
    loop: asyncio.AbstractEventLoop
    basic: str
    names: dict[str, str]

    def there(self, work: Any) -> Any:
        """The result of `work`, done on the organisation's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def filled(self, page: Page) -> str:
        """The path of `page` with its names filled in: by `PAGE.NAME`, else by `NAME`."""

        def value(found: re.Match[str]) -> str:
            name = found[1]
            own = self.names.get(f"{page.name}.{name}") or self.names.get(name)
            assert own, f"tests/support/console.py has no {name} for the page {page.name}"
            return own

        return re.sub(r"\{(\w+)\}", value, page.path)


def write(folder: Path, more: int = 0) -> None:
    """The files: what a manifest may say of itself is hostile too. `more` systems like `ship` beside the usual ones."""
    write_overridable(folder)
    with (folder / "standwatch.yaml").open("a") as file:
        file.write("relaxations: {most: 4h, checks: {policy: 1h}}\n")
        file.write("watch: {money: {people: [otto@watch.example], systems: [pay]}}\n")
    people = folder / "standwatch.yaml"
    people.write_text(people.read_text().replace("name: Nina", f"name: 'Nina {IMAGE}'"))
    pay = folder / "systems" / "pay.yaml"
    purpose = f"purpose: {SCRIPT} and {'long' * 30}".replace("'", "")
    text = pay.read_text().replace("purpose: Pays", purpose)
    text = text.replace(
        "effect: irreversible", "effect: irreversible\n    arguments: {memo: {from: [task], otherwise: deny}}"
    )
    pay.write_text(text)
    manifest, lock = ((folder / "systems" / f"ship.{kind}").read_text() for kind in ("yaml", "lock"))
    for number in range(more):
        name = f"desk-{number:03}"
        (folder / "systems" / f"{name}.yaml").write_text(manifest.replace("system: ship", f"system: {name}"))
        (folder / "systems" / f"{name}.lock").write_text(lock)


@contextmanager
def world(folder: Path, more: int = 0) -> Iterator[World]:
    """The organisation, served, with things open."""
    write(folder, more)
    with served(folder, pages=console) as (watch, loop, port):
        made = World(f"http://localhost:{port}", watch, loop, "", {})
        made.there(_fill(made))
        yield made


async def _fill(made: World) -> None:
    watch, control = made.watch, made.watch.control
    token = (await control.add_agent(watch.who("maria"), AgentOrder("otto", role="human"))).token
    made.basic = "Basic " + base64.b64encode(f"x:{token}".encode()).decode()
    hold = await control.halt(watch.who("otto"), HaltOrder(f"run:{SCRIPT[:60]}", f"{IMAGE} {BIDI}"))
    await control.halt(watch.who("otto"), HaltOrder("tool:bank.send", LONG[:500]))
    await control.release(watch.who("otto"), str(hold.hold + 1), ReleaseOrder(QUOTES))
    servers = Servers(watch.folder, os.environ)
    control.explaining = Explaining(
        watch.reader,
        servers.models,
        Executors(watch.folder, os.environ),
        watch.log.vkey,
        lambda: names(watch.gate.configuration),
        lambda _: False,
    )
    decision = await decided(watch, SCRIPT, BIDI, "ann")
    for text in HOSTILE[:2]:
        refused = await watch.act(done, memo=text)
    await relax(watch)
    asked = await watch.act(done, amount=10**9, note=SCRIPT, to=BIDI, why="\n".join(HOSTILE))
    assert asked.word == "pending", asked
    run = watch.gate.state.questions[asked.id].entry.run
    await _raw(watch)
    await _deployed(watch)
    made.names = {
        "system": "pay",
        "hold": str(hold.hold),
        "run": run,
        "id": asked.id,
        "action.id": refused.id,
        "action_proof.id": refused.id,
        "index": str(decision),
        "row": "0",
        "roster_one.name": "money",
        "diagnosis.system": "loans",
        "overrides.system": "loans",
    }


async def _deployed(watch: Watch) -> None:
    """Two versions in front of one another, whose names nobody would choose."""
    follows = -1
    for version, former in (("1", ""), (SCRIPT, "1"), (f"3{BIDI}", SCRIPT)):
        entry = Deployed(
            by="nina", system="loans", model="scorer", version=version, former=former, follows=follows
        )
        follows = (await watch.gate.append(entry)).index


async def _raw(watch: Watch) -> None:
    """Entries that a hostile caller would like to see on a page; and an hour's traffic."""
    state = watch.gate.state
    common: dict[str, Any] = {"run": "", "system": "pay", "digest": "0" * 64, "why": "0" * 64}
    for number, text in enumerate(HOSTILE):
        await watch.gate.append(
            Denied(by=text[:80], id=f"x{number}", tool=text[:80], seen=state.seen, code=text[:40], **common)
        )
