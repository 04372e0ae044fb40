"""Between an answer and its opening anything may fail: nothing is carried out meanwhile; the next start opens it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.enforce.ports import Act, Caller
from standwatch.facts.entries import AskedMany, Unmasked
from standwatch.facts.parts import approval_bytes
from standwatch.fronts.control_ports import Actor, AgentOrder, AnswerOrder
from standwatch.keys import ed25519
from standwatch.record.verify import verify
from standwatch.serve.node import Node, heed, start
from support.budget import answer as answer_on_watch
from support.budget import sparing
from support.disk import FaultyDisk
from support.watch import DEFINITION, PEOPLE, done, write_organisation

MARIA = Actor("maria", "Maria", admin=True, sees_all=True)
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


@asynccontextmanager
async def started(folder: Path) -> AsyncGenerator[Node]:
    """The organisation as `up` starts it, without its listeners."""
    if not (folder / "standwatch.yaml").exists():
        write_organisation(folder, KEYS)
        path = folder / "systems" / "pay.yaml"
        path.write_text(f"{path.read_text()}    arguments: {{amount: {{max: 500}}}}\n")
    node = await start(folder)
    tending = asyncio.create_task(heed(node))
    try:
        yield node
    finally:
        tending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await tending
        await node.stop()


async def asks(node: Node, amount: int) -> Any:
    act = Act(
        caller=Caller("agent", "agent", ("pay", "ship")),
        system="pay",
        event="tool_call",
        tool="bank.send",
        target="bank",
        arguments={"amount": amount},
        definition=DEFINITION,
    )
    return await node.gate.act(act, done)


def signed(node: Node, ident: str) -> AnswerOrder:
    question = node.gate.state.questions[ident]
    assert isinstance(question.entry, AskedMany)
    message = approval_bytes(
        asked=question.index,
        by="olga",
        decision="approve",
        digest=question.entry.digest,
        flag=question.entry.flag,
        head="",
        org=node.gate.state.origin,
        until=question.entry.until,
    )
    key = KEYS["olga"]
    until = question.entry.until
    return AnswerOrder("approve", "olga", ed25519.public(key), ed25519.sign(key, message), "", until)


async def never(ident: str, *, early: bool = False) -> None:
    """Stands where openings are written: the process ends before it comes to that."""


def test_what_was_answered_before_a_crash_is_opened_by_the_next_start(tmp_path: Path) -> None:
    async def scene() -> None:
        async with started(tmp_path) as node:
            await node.control.add_agent(MARIA, AgentOrder("agent", ("pay", "ship")))
            assert (await asks(node, 900)).word == "refused"
            real = (await asks(node, 1)).id
            fake = await node.decoys.ask("pay")
            assert fake
            node.control.openings.open = never  # type: ignore[method-assign, assignment]
            for ident in (real, fake):
                await node.control.answer(Actor("olga", "Olga"), ident, signed(node, ident))
            assert (await asks(node, 1)).word == "pending", "nobody said yet that it is real"
        async with started(tmp_path) as node:
            while node.gate.state.veiled:
                await asyncio.sleep(0.05)
            opened = [one for _, one in node.reader.entries(0, node.reader.size) if isinstance(one, Unmasked)]
            assert {one.id: one.decoy for one in opened} == {real: False, fake: True}
            assert not node.gate.state.may_answer("olga", "pay"), "the decoy cost her the right"
            assert (await asks(node, 1)).word == "refused", "and voided what she had approved"
            while int(node.reader.checkpoint().split(b"\n", 2)[1]) < node.reader.size:
                await asyncio.sleep(0.05)
            assert verify(node.reader, node.log_key.vkey).status == "verified"

    run(scene())


def test_what_expires_unanswered_is_opened_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with started(tmp_path) as node:
            await node.control.add_agent(MARIA, AgentOrder("agent", ("pay", "ship")))
            envelope = node.gate.world.envelopes["pay"]
            node.gate.world.envelopes["pay"] = type(envelope)(
                **{
                    name: getattr(envelope, name)
                    for name in envelope.__struct_fields__
                    if name != "approval_seconds"
                },
                approval_seconds=1,
            )
            real = (await asks(node, 1)).id
            while real in node.gate.state.veiled:
                await asyncio.sleep(0.05)
            last = node.reader.entry(node.reader.size - 1)
            assert isinstance(last, Unmasked)
            assert (last.id, last.decoy) == (real, False)

    run(scene())


def test_with_the_disk_gone_after_the_answer_nothing_is_carried_out_on_it(tmp_path: Path) -> None:
    async def scene() -> None:
        disk = FaultyDisk("openings")
        async with sparing(tmp_path, vfs=disk.name) as watch:
            real = (await watch.act(done, amount=1)).id
            opening = watch.control.openings.open

            async def fails(ident: str, *, early: bool = False) -> Unmasked | None:
                disk.arm("write", 0, 1_000_000)
                return await opening(ident, early=early)

            watch.control.openings.open = fails  # type: ignore[method-assign]
            await answer_on_watch(watch, real)
            assert real in watch.gate.state.veiled
            assert (await watch.act(done, amount=1)).word in ("pending", "unavailable")
            disk.disarm()
            watch.control.openings.open = opening  # type: ignore[method-assign]
            while real in watch.gate.state.veiled:
                await watch.control.openings.sweep()
                await asyncio.sleep(0.05)
            assert (await watch.act(done, amount=1)).word == "done"

    run(scene())
