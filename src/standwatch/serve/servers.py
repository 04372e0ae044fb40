"""The upstream servers of every system: opened with the configuration in force, closed when it drops them."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from standwatch.facts.configuration import Component, Configuration
from standwatch.facts.mcp import McpServer
from standwatch.upstream.mcp import UpstreamServer, open_server

SETTLE: Final = 5.0
"""Seconds that the agents' door waits for servers that have neither come up nor failed."""
_LOOK: Final = 0.05  # seconds between two looks whether a server has failed


class Servers:
    """System name → server name → server. `changed(system)` is called when a server's tools are not what they were."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], changed: Callable[[str], None] = lambda _: None
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._changed = changed
        self._open: dict[str, dict[str, tuple[Component, UpstreamServer]]] = {}
        self._one_at_a_time = asyncio.Lock()

    def of(self, system: str) -> Mapping[str, McpServer]:
        """The servers of `system`, in the manifest's order; none for a system nobody declares."""
        return {name: server for name, (_, server) in self._open.get(system, {}).items()}

    def upstream(self, system: str) -> Mapping[str, UpstreamServer]:
        """The same, with what an operator wants to know of each."""
        return {name: server for name, (_, server) in self._open.get(system, {}).items()}

    async def take_up(self, configuration: Configuration) -> None:
        """Open what is new or changed, close what is gone; leave alone what stands as it was."""
        async with self._one_at_a_time:
            await self._take_up(configuration)

    async def _take_up(self, configuration: Configuration) -> None:
        wanted = {
            name: {item.name: item for item in system.manifest.components if item.kind == "mcp_server"}
            for name, system in configuration.systems.items()
        }
        for system, running in list(self._open.items()):
            for name, (component, server) in list(running.items()):
                if wanted.get(system, {}).get(name) != component:
                    del running[name]
                    await server.close()
        self._open = {
            system: {name: self._keep_or_open(system, component) for name, component in components.items()}
            for system, components in wanted.items()
        }

    def _keep_or_open(self, system: str, component: Component) -> tuple[Component, UpstreamServer]:
        kept = self._open.get(system, {}).get(component.name)
        if kept is not None:
            return kept
        server = open_server(
            component,
            organisation_folder=self._folder,
            environment=self._environment,
            on_change=lambda _: self._changed(system),
        )
        return component, server

    async def settled(self, within: float = SETTLE) -> None:
        """Wait until every server has told its tools or has failed once, at most `within` seconds.

        To be called before a door opens: a client lists once, and a tool that is not known yet is refused.
        """

        async def settle(server: UpstreamServer) -> None:
            while not server.trouble and not await server.ready(_LOOK):
                pass

        servers = [server for running in self._open.values() for _, server in running.values()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.gather(*map(settle, servers))

    async def close(self) -> None:
        """End every server."""
        for running in self._open.values():
            for _, server in running.values():
                await server.close()
        self._open = {}
