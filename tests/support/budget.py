"""An organisation that asks little: `support.watch` with a budget, and how its people answer."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.entries import AnyEntry
from standwatch.facts.parts import approval_bytes
from standwatch.fronts.control_ports import AnswerOrder, Done
from standwatch.keys import ed25519
from standwatch.serve.decoys import Decoys
from support.watch import PEOPLE, Watch, done, now, standing, write_organisation


def bounded(folder: Path, asks: str, more: str = "", account: str = "") -> None:
    """The organisation's files, with these limits on what `pay` may ask and at most 500 a payment."""
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys, account=account)
    path = folder / "systems" / "pay.yaml"
    rules = f"{path.read_text()}    arguments: {{amount: {{max: 500}}}}\n"
    path.write_text(f"{rules}limits: {{asks: {asks}}}\n{more}")


@asynccontextmanager
async def sparing(
    folder: Path, asks: str = "{per_person_per_hour: 2}", more: str = "", *, vfs: str = ""
) -> AsyncGenerator[Watch]:
    """`standing` with these limits on what `pay` may ask, and `more` lines in its manifest."""
    if not (folder / "standwatch.yaml").exists():
        bounded(folder, asks, more)
    async with standing(folder, vfs=vfs) as watch:
        yield watch


def decoys_of(watch: Watch) -> Decoys:
    """What asks decoys, as the node makes it."""
    control = watch.control
    found = Decoys(watch.gate, watch.link, watch.reader, control.openings, now, os.urandom)
    before = watch.link.on_told

    def told(index: int, entry: AnyEntry) -> None:
        before(index, entry)
        found.heard(entry)

    watch.link.on_told = told
    return found


async def decoy(watch: Watch, decoys: Decoys, amount: int = 900, system: str = "pay") -> str:
    """An act that is refused, and the decoy that is made of it; its id."""
    reply = await watch.act(done, system, amount=amount)
    assert reply.word == "refused", reply
    ident = await decoys.ask(system)
    assert ident, "no decoy was asked"
    return ident


async def answer(watch: Watch, ident: str, person: str = "olga", decision: str = "approve") -> Done:
    """`person` signs an answer to question `ident`, with the key in their file."""
    question = watch.gate.state.questions[ident]
    entry = question.entry
    message = approval_bytes(
        asked=question.index,
        by=person,
        decision=decision,
        digest=entry.digest,
        flag=getattr(entry, "flag", ""),
        head="",
        org=watch.gate.state.origin,
        until=entry.until,
    )
    key = watch.keys[person]
    order = AnswerOrder(decision, person, ed25519.public(key), ed25519.sign(key, message), "", entry.until)
    return await watch.control.answer(watch.who(person), ident, order)
