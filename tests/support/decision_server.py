"""The decisions' fronts on a real listener in a thread of its own, so that blocking clients can be tried on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager

from standwatch.fronts.decisions import DecisionsFront
from standwatch.fronts.decisions_client import DecisionsClientFront
from standwatch.fronts.http import Request, Response, serve_http
from standwatch.fronts.mlflow import MlflowFront
from support.deciders import BenchDeciders


@contextmanager
def serving(deciders: BenchDeciders) -> Generator[str]:
    """The address of the fronts before `deciders`."""
    plain, oip, mlflow = DecisionsClientFront(deciders), DecisionsFront(deciders), MlflowFront(deciders)
    started, stop = threading.Event(), asyncio.Event()
    found: list[tuple[int, asyncio.AbstractEventLoop]] = []

    async def handle(request: Request) -> Response:
        if request.path.startswith("/v1/"):
            return await plain.handle(request)
        return await (oip if request.path.startswith("/v2") else mlflow).handle(request)

    async def main() -> None:
        listener = await serve_http(handle, name="decisions")
        found.append((listener.port, asyncio.get_running_loop()))
        started.set()
        await stop.wait()
        await listener.close(0)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert started.wait(30)
    port, loop = found[0]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
