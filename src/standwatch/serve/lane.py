"""Blocking work of one kind, in a thread of its own: who waits for it waits no longer than it has patience."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Lane:
    """One job at a time. A disk that hangs holds this thread, and nobody else."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, name)
        self._job: asyncio.Future[Any] | None = None

    async def do(self, act: Callable[[], T], patience: float) -> T:
        """What `act` returns, or raises. `TimeoutError` where it takes longer than `patience` seconds (it goes on,
        and its result is lost), or where an earlier one is still under way."""
        if self._job is not None and not self._job.done():
            await asyncio.wait((self._job,), timeout=patience)
            if not self._job.done():
                raise TimeoutError
        job = asyncio.get_running_loop().run_in_executor(self._pool, act)
        self._job = job
        await asyncio.wait((job,), timeout=patience)
        if not job.done():
            job.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody else will ask
            raise TimeoutError
        return job.result()

    def close(self) -> None:
        """No more work; what is under way is left to end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
