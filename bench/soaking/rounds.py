"""Rounds of a soak on one log: load, a blow at a random moment, recovery, audit."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench import organisation
from bench.organisation import Served, free_port, start
from bench.soaking import ledger
from bench.soaking.audit import Auditor, Tally
from bench.soaking.callers import Callers, Note, pay_once

ROOT: Final = Path(__file__).resolve().parents[2]
DISKS: Final = ("write", "sync", "full")
BLOWS: Final = ("server", "recorder", "worker", "upstream", "disk")
"""What a round strikes. `recorder` and `worker` run with `--workers 2`: there the recorder is a process of its own."""


class Log:
    """One organisation with its record, its upstream and their processes."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.port = free_port()
        self.book = folder / "ledger.txt"
        folder.mkdir(parents=True)
        self.upstream = self._upstream()
        component = f"{{kind: mcp_server, name: up, url: 'http://127.0.0.1:{self.port}/mcp'}}"
        organisation.write(folder, [component], key=organisation.key_for(folder))
        try:
            self.served: Served | None = start(folder)  # prepares it: locks, evidence, an agent, a run
        except BaseException:
            self.upstream.kill()
            raise
        self.workers = 0
        self.auditor = Auditor(folder)
        self.rounds = 0
        self.notes: list[Note] = []

    def _upstream(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bench.soaking.ledger", str(self.port), str(self.book)]
        return subprocess.Popen(command, cwd=ROOT)

    def round(self, blow: str) -> Tally:
        """Strike once. Raises `AssertionError` where something that must hold does not."""
        self.rounds += 1
        self.notes = asyncio.run(self._round(blow))
        return self.auditor.audit(self.notes, ledger.done(self.book))

    @property
    def notes_of_the_sdk(self) -> int:
        """How many payments of the last round the official client was told are done."""
        return of_the_sdk(self.notes)

    async def _round(self, blow: str) -> list[Note]:
        await self._stand(blow)
        assert self.served is not None
        door = self.served.door
        callers = Callers(door.port, door.run, f"r{self.rounds}")
        if blow != "disk":  # which fails from the first call on
            await until(lambda: busy(callers.notes), "there is no load", 60.0)
        await asyncio.sleep(self.chance.uniform(0.3, 1.0))
        self._strike(blow)
        await asyncio.sleep(self.chance.uniform(0.0, 0.4))
        await self._recover(blow)
        await asyncio.sleep(0.2)
        await until(lambda: of_the_sdk(callers.notes) > 0, "the official client gets nothing done", 60.0)
        notes = await callers.stop()
        notes.append(await pay_once(self.served.door.port, door.run, f"r{self.rounds}-after"))
        await until(lambda: self.auditor.open_intents() == 0, "an intent stays open")
        await until(self.auditor.signed, "no checkpoint came over everything")
        return notes

    async def _stand(self, blow: str) -> None:
        """The servers as this blow wants them."""
        workers = 2 if blow in ("recorder", "worker") else 0
        if self.served is not None and (self.workers != workers or blow == "disk"):
            await self._stop()
        self.workers = workers
        if self.served is None and blow == "disk":
            fault = f"{self.chance.choice(DISKS)}:{self.chance.randint(2, 120)}"
            self.served = start(
                self.folder, module="bench.soaking.faults", environment={"STANDWATCH_SOAK_DISK": fault}
            )
        elif self.served is None:
            self.served = start(self.folder, workers=workers)

    def _strike(self, blow: str) -> None:
        assert self.served is not None
        match blow:
            case "server" | "recorder":
                self.served.kill()
            case "worker":
                os.kill(self.chance.choice(children(self.served.process.pid)), signal.SIGKILL)
            case "upstream":
                self.upstream.kill()
                self.upstream.wait()
            case _:
                pass  # the disk fails all the time

    async def _recover(self, blow: str) -> None:
        match blow:
            case "server" | "recorder":
                self.served = await asyncio.to_thread(start, self.folder, workers=self.workers)
            case "upstream":
                self.upstream = self._upstream()
            case "disk":
                await self._stop()
                self.served = await asyncio.to_thread(start, self.folder)
            case _:
                pass

    async def _stop(self) -> None:
        assert self.served is not None
        process = self.served.process
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, 20)
        process.kill()
        process.wait()
        self.served = None

    def close(self) -> None:
        """End the processes."""
        if self.served is not None:
            asyncio.run(self._stop())
        self.upstream.kill()
        self.upstream.wait()


def of_the_sdk(notes: Sequence[Note]) -> int:
    """How many payments the official client was told are done."""
    return sum(note.heard == "done" and not note.receipt for note in notes)


def busy(notes: Sequence[Note]) -> bool:
    """Whether there is something to strike: payments went through, some of them of the official client."""
    return of_the_sdk(notes) > 0 and sum(note.heard == "done" for note in notes) > 50


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that still run."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


async def until(true: Callable[[], bool], what: str, patience: float = 30.0) -> None:
    """Wait for `true`; raises `AssertionError` with `what` after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)
