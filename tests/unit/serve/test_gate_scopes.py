"""Which acts and systems a scope touches: the same whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.fronts.control_ports import HaltOrder
from standwatch.respond.scope import parse
from standwatch.serve.control_scopes import covered, touches
from support.gates import ASK, READ, flying, reading
from support.recorders import intent
from support.watch import never


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


READING = msgspec.structs.replace(
    READ,
    event="resource_read",
    tool="bank.resource_read",
    target="doc://1",
    arguments={"uri": "doc://1"},
    definition=None,
)


@pytest.mark.parametrize("act", [READ, ASK, READING])
def test_what_touches_an_act_in_flight_touches_its_intent(tmp_path: Path, act: Any) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            world, state = watch.gate.world, watch.gate.state
            task = asyncio.create_task(watch.gate.act(act, never))
            (ident,) = await flying(watch)
            flight = watch.gate.flights[ident]
            entry = intent(state.implicit["agent/pay"], state.seen, tool=act.tool)
            assert [scope for scope in flight.scopes if not touches(scope, entry, world)] == []
            assert "component:bank" in flight.scopes
            assert not touches("system:ship", entry, world)
            halted = await watch.control.halt(watch.who("otto"), HaltOrder("component:bank", "odd"))
            assert [one.id for one in halted.in_flight] == [ident]
            await task

    run(work())


def test_a_server_without_tools_is_covered(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(tmp_path) as watch:
            world, state = watch.gate.world, watch.gate.state
            bare = {
                name: msgspec.structs.replace(envelope, tools={})
                for name, envelope in world.envelopes.items()
            }
            world = msgspec.structs.replace(world, envelopes=bare)
            for scope in ("server:bank", "component:bank"):
                assert covered(parse(scope), world, state) == ("pay", "ship")
            assert covered(parse("server:other"), world, state) == ()

    run(work())
