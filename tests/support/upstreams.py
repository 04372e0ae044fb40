"""Servers to talk to, opened as the product opens them, and what they were heard to say."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import uvloop

from standwatch.facts.configuration import Component
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.facts.sandbox import Sandbox
from standwatch.upstream.mcp import UpstreamServer, open_server
from standwatch.upstream.mcp_exchange import Bounds

Era = Literal["", "modern", "legacy"]
FIXTURE = Path(__file__).resolve().parents[1] / "wire" / "fixture_server.py"
QUICK = Bounds(probe=5.0, connect_wait=4.0, stop=0.5)


def run(what: Coroutine[Any, Any, None], loop: str = "uvloop") -> None:
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.wait_for(what, 110))


@asynccontextmanager
async def opened(
    *,
    url: str = "",
    command: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path = Path(),
    bounds: Bounds = QUICK,
    era: Era = "",
    ready: bool = True,
    changes: list[int] | None = None,
    sandbox: Sandbox | None = None,
) -> AsyncIterator[UpstreamServer]:
    """A server; `changes` gathers how many tools it had at each change."""
    server = open_server(
        Component("mcp_server", "upstream", url=url, command=command, env=dict(env or {})),
        organisation_folder=folder,
        environment=os.environ if environment is None else environment,
        on_change=lambda it: None if changes is None else changes.append(len(it.tools)),
        bounds=bounds,
        chance=lambda: 0.0,
        era=era,
        sandbox=sandbox,
    )
    try:
        if ready:
            assert await server.ready(60), server.trouble + server.diagnose()
        yield server
    finally:
        await server.close()


def python(script: str, *arguments: str) -> tuple[str, ...]:
    """A command that runs `script`."""
    return (sys.executable, "-u", "-c", script, *arguments)


def tool(name: str, session: str = "", **more: Any) -> McpCall:
    """A call of a tool; `arguments` and whatever a call has."""
    arguments = more.pop("arguments", None)
    params: dict[str, Any] = {"name": name} if arguments is None else {"name": name, "arguments": arguments}
    return McpCall(method="tools/call", params=params, session=session, **{"timeout": 30.0, **more})


class Heard:
    """What a call's caller was told, in order, its answer last."""

    def __init__(self) -> None:
        self.events: list[tuple[str, bytes]] = []

    async def notify(self, method: str, params: bytes) -> None:
        self.events.append((method, params))

    def answering(self, result: bytes) -> Callable[[str, bytes], Awaitable[McpAnswer]]:
        async def ask(method: str, params: bytes) -> McpAnswer:
            self.events.append((method, params))
            return McpAnswer(result)

        return ask

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.events]


async def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits for `true`; fails if it does not come, on a machine however busy."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)
