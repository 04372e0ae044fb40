"""Short relaxations on a real recorder whose disk fails, while an agent calls as fast as it can."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any, NamedTuple

from standwatch.enforce.ports import Act, Caller, Carried
from standwatch.facts.errors import StandwatchError
from standwatch.fronts.control_ports import AgentOrder
from support.disk import Fault, FaultyDisk, faulty
from support.relaxing_watch import relax, relaxable
from support.watch import DEFINITION, Watch, now

VFS = "failing-under-relaxations"
FAULTS: tuple[Fault, ...] = ("write", "sync", "full")


class Real(NamedTuple):
    """Acts that left on a relaxation, and of each relaxation that was outlived by how many seconds."""

    relaxations: int
    passed: int
    over: list[float]


async def real(folder: Path, count: int, chance: random.Random) -> Real:
    """`count` relaxations on a recorder whose disk fails while they last."""
    with faulty(VFS) as disk:
        async with relaxable(folder, vfs=VFS) as watch:
            maria = watch.who("maria")
            await watch.control.add_agent(maria, AgentOrder("starter", ("pay",), starts=True))
            found = [await _one(watch, disk, chance) for _ in range(count)]
    return Real(len(found), sum(passed for passed, _ in found), [late for _, late in found if late > 0])


async def _one(watch: Watch, disk: FaultyDisk, chance: random.Random) -> tuple[int, float]:
    """One relaxation of a run of its own on a disk that fails now and then: acts that left, and how late the last."""
    disk.disarm()
    starter = Caller("starter", "agent", ("pay",), starts=True)
    run, _, _ = await _patiently(lambda: watch.gate.open_run(starter, "pay", "look at the notes"))
    lasts = chance.uniform(0.1, 0.5)
    begun = await _patiently(
        lambda: relax(watch, scope=f"run:{run}", compensating="per_run:10000", seconds=lasts)
    )
    left: list[int] = []
    weather = asyncio.create_task(_weather(disk, chance))
    while now() < begun.until + 300_000:
        await watch.gate.act(_act(run), _forward(left))
    weather.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await weather
    return len(left), (max(left, default=begun.until) - begun.until) / 1e6


def _act(run: str) -> Act:
    return Act(
        caller=Caller("starter", "agent", ("pay",), run),
        system="pay",
        event="tool_call",
        tool="bank.send",
        target="bank",
        arguments={"memo": "not from the task"},
        definition=DEFINITION,
    )


def _forward(left: list[int]) -> Any:
    async def forward(_: dict[str, Any]) -> Carried:
        left.append(now())
        return Carried("ok", b"{}")

    return forward


async def _weather(disk: FaultyDisk, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(chance.uniform(0, 0.2))
        disk.arm(chance.choice(FAULTS), chance.randint(0, 20), chance.randint(1, 40))
        await asyncio.sleep(chance.uniform(0, 0.3))
        disk.disarm()


async def _patiently(ask: Any) -> Any:
    """The disk may still be failing: ask until it does not."""
    for _ in range(200):
        try:
            return await ask()
        except StandwatchError as error:
            if error.code not in ("unrecorded", "stale"):
                raise
            await asyncio.sleep(0.05)
    raise TimeoutError("the disk did not come back")
