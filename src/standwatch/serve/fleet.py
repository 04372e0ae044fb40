"""The workers of `up --workers N`: started, watched, started again with back-off; none outlives this process."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE

from standwatch.serve.place import Place
from standwatch.store.recorder import Recorder
from standwatch.store.socket import RecorderServer

POLL = 0.05
SOONEST, LATEST = 0.2, 10.0
"""Seconds before a worker that ended is started again: doubled each time, reset once one has lived a minute."""


class Fleet:
    """N workers and the socket they reach the recorder by."""

    def __init__(self, place: Place, recorder: Recorder, workers: int) -> None:
        self._place = place
        self._count = workers
        self._server = RecorderServer(recorder, place.state / "recorder.sock")
        self._keepers: list[asyncio.Task[None]] = []
        self._serving: set[int] = set()
        self.running: dict[int, asyncio.subprocess.Process] = {}

    @property
    def connected(self) -> int:
        """How many workers have a live connection to the recorder."""
        return self._server.connected

    @property
    def serving(self) -> int:
        """How many workers have their doors open."""
        return len(self._serving)

    async def start(self, within: float = 15.0) -> None:
        """Start the workers and wait until all serve, or `within` seconds have passed."""
        await self._server.start()
        loop = asyncio.get_running_loop()
        self._keepers = [loop.create_task(self._keep(number)) for number in range(self._count)]
        for _ in range(int(within / POLL)):
            if self.serving >= self._count:
                break
            await asyncio.sleep(POLL)

    async def _keep(self, number: int) -> None:
        loop, wait = asyncio.get_running_loop(), SOONEST
        while True:
            begun = loop.time()
            words = (str(self._place.organisation), str(self._place.state), str(number), str(self._count))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "standwatch.serve.worker", *words, stdin=PIPE, stdout=PIPE
            )
            self.running[number] = process
            assert process.stdout is not None
            if await process.stdout.readline():
                self._serving.add(number)
            await process.wait()
            self._serving.discard(number)
            wait = SOONEST if loop.time() - begun > 60 else min(wait * 2, LATEST)
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """End every worker (its standard input ends), then the socket."""
        for keeper in self._keepers:
            keeper.cancel()
        for process in self.running.values():
            if process.stdin is not None:
                process.stdin.close()
        for process in self.running.values():
            try:
                await asyncio.wait_for(process.wait(), 8)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        await self._server.close()
