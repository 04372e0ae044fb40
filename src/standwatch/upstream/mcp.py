"""An upstream MCP server as the front sees it (`facts.mcp.McpServer`): kept up, listed, listened to, called."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from standwatch.facts.configuration import Component, Definition
from standwatch.facts.credentials import Present
from standwatch.facts.errors import Misconfigured, StandwatchError
from standwatch.facts.mcp import McpAnswer, McpCall, McpServer
from standwatch.facts.sandbox import Sandbox
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.http_errors import UpstreamError
from standwatch.upstream.mcp_catalogue import Catalogue, fetch
from standwatch.upstream.mcp_exchange import Bounds, Surroundings
from standwatch.upstream.mcp_headers import ParamHeaders
from standwatch.upstream.mcp_link import HttpLink, Link, StdioLink
from standwatch.upstream.mcp_session import Introduced
from standwatch.upstream.mcp_subscriptions import Subscriptions
from standwatch.upstream.supervise import Backoff

OnChange = Callable[[McpServer], None]
"""Called when the server's tools are not what they were, and when they are known for the first time."""

_DEBOUNCE: Final = 0.5
"""Seconds between two fetches of the tools, however many changes are announced."""


class UpstreamServer:
    """Belongs to one event loop; it begins to connect when made, and goes on trying until `close`."""

    def __init__(self, component: Component, on_change: OnChange, around: Surroundings) -> None:
        self._name = component.name
        self._on_change = on_change
        self._bounds = around.bounds
        self._backoff = Backoff(around.chance)
        self._catalogue = Catalogue()
        self._introduced = Introduced("")
        self._up = asyncio.Event()
        self._listed = asyncio.Event()
        self._stale = asyncio.Event()
        self._subscriptions = Subscriptions(self._call_now, self._stale.set)
        self.trouble = ""
        """Why it is down; "" while it is up."""
        self._link: Link
        if component.command:
            self._link = StdioLink(component, self._subscriptions.hear, around)
        else:
            self._link = HttpLink(component, self._marked, self._subscriptions.hear, around)
        self._tasks = [asyncio.ensure_future(self._keep_up()), asyncio.ensure_future(self._keep_listed())]

    @property
    def name(self) -> str:
        return self._name

    @property
    def revision(self) -> str:
        return self._introduced.revision

    @property
    def capabilities(self) -> dict[str, Any]:
        return self._introduced.capabilities

    @property
    def definitions(self) -> dict[str, Definition]:
        return self._catalogue.definitions

    @property
    def tools(self) -> dict[str, bytes]:
        return self._catalogue.tools

    @property
    def refused(self) -> tuple[tuple[str, str], ...]:
        """Tools that it lists and that nobody is offered, each with the reason."""
        return self._catalogue.refused

    @property
    def up(self) -> bool:
        return self._up.is_set()

    def diagnose(self) -> str:
        """What its process last said on stderr (at most 64 KiB), for operators."""
        return self._link.diagnose()

    async def ready(self, seconds: float) -> bool:
        """Waits until its tools are known for the first time; False if they are not in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._listed.wait()
        except TimeoutError:
            return False
        return True

    async def call(self, call: McpCall) -> McpAnswer:
        """Send a request and wait; never raises for a fault of the server. Cancelling cancels upstream too."""
        if not self._link.running:
            self._up.clear()  # sooner than whoever keeps it up hears of it
        if not self._up.is_set() and not await self._wait_until_up(call.timeout):
            return wire.fault(f"the server is down: {self.trouble}", sent=False)
        if call.method in ("resources/subscribe", "resources/unsubscribe") and self.revision == wire.MODERN:
            return self._subscriptions.subscribe(call)
        said = await self._link.call(call)
        if said.error is not None and said.error.code == wire.HEADER_MISMATCH:
            self._stale.set()  # its schema asks for other headers by now
        elif said.error is not None and said.error.code == wire.UNSUPPORTED_VERSION:
            self._link.doubt()
        return said

    async def _wait_until_up(self, patience: float) -> bool:
        try:
            async with asyncio.timeout(min(patience, self._bounds.connect_wait)):
                await self._up.wait()
        except TimeoutError:
            return False
        return True

    def listen(self, session: str, heard: Callable[[str, bytes], None]) -> Callable[[], None]:
        """Hear notifications not tied to a call; returns what ends it."""
        end = self._subscriptions.listen(session, heard)
        self._link.want(session, wanted=True)

        def stop() -> None:
            end()
            self._link.want(session, wanted=self._subscriptions.wanted(session))

        return stop

    async def end_session(self, session: str) -> None:
        """The session's caller is gone: what the server kept for it may go."""
        if session:
            self._subscriptions.end_session(session)
            await self._link.end_session(session)

    async def close(self) -> None:
        """Ends all of it; a started server is stopped in good order."""
        self._up.clear()
        self.trouble = "it was stopped"
        await self._subscriptions.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.close()

    def _marked(self, tool: str) -> ParamHeaders:
        return self._catalogue.headers.get(tool, ())

    async def _call_now(self, call: McpCall) -> McpAnswer:
        return await self._link.call(call)

    async def _keep_up(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            lived = 0.0
            try:
                self._introduced = await self._link.begin()
                began, self.trouble = loop.time(), ""
                self._up.set()
                self._stale.set()
                self._subscriptions.begin(self._introduced)
                await self._link.ended()
                self.trouble, lived = "it ended", loop.time() - began
            except (StandwatchError, OSError) as error:
                self.trouble = str(error)
            self._up.clear()
            await asyncio.sleep(self._backoff.after(lived))

    async def _keep_listed(self) -> None:
        """Fetches the tools when they may have changed; a burst of changes is one, and failures are tried again."""
        backoff = Backoff(lambda: 0.0)
        while True:
            await self._until_stale()
            await self._up.wait()
            self._stale.clear()
            try:
                if "tools" in self.capabilities:
                    self._take(await fetch(self._call_now, self._bounds))
                else:
                    self._take(Catalogue())
                backoff, self.trouble = Backoff(lambda: 0.0), ""
                await asyncio.sleep(_DEBOUNCE)
            except UpstreamError as error:
                self.trouble = str(error)
                self._stale.set()
                await asyncio.sleep(backoff.after(0.0))

    async def _until_stale(self) -> None:
        try:
            async with asyncio.timeout(self._bounds.relist):
                await self._stale.wait()
        except TimeoutError:
            self._link.sweep()

    def _take(self, found: Catalogue) -> None:
        changed = found != self._catalogue or not self._listed.is_set()
        self._catalogue = found
        loop = asyncio.get_running_loop()
        if changed:
            # Not from here: what whoever is told may raise is none of this task's business.
            loop.call_soon(self._on_change, self)
        loop.call_soon(self._listed.set)


def open_server(
    component: Component,
    *,
    organisation_folder: Path,
    environment: Mapping[str, str],
    on_change: OnChange,
    bounds: Bounds | None = None,
    chance: Callable[[], float] = random.random,
    era: Literal["", "modern", "legacy"] = "",
    sandbox: Sandbox | None = None,
    hidden: tuple[Path, ...] = (),
    present: Present | None = None,
) -> UpstreamServer:
    """The server that `component` declares: `command` starts a child, `url` is Streamable HTTP.

    It connects in the background; `ready` waits for it, `close` ends it. `environment` is what `${NAME}` and the
    child's PATH, HOME, LANG and TZ are read from. `era` spares the question which one it speaks. A child runs in
    `sandbox`, where the folders `hidden` are empty. `present` shows a credential with requests of our own.
    Raises `Misconfigured` for neither or both of command and url.
    """
    if bool(component.command) == bool(component.url):
        raise Misconfigured((f"component {component.name}: an MCP server has either a command or a url",))
    around = Surroundings(
        organisation_folder,
        environment,
        bounds or Bounds(),
        chance,
        era or component.era,
        sandbox=sandbox,
        present=present,
        hidden=hidden,
    )
    return UpstreamServer(component, on_change, around)
