"""The upstream servers of every system: opened with the configuration in force, closed when it drops them."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Final

from standwatch.facts.configuration import Component, Configuration, Organisation
from standwatch.facts.mcp import McpServer
from standwatch.facts.sandbox import confinement
from standwatch.serve.ailing import down
from standwatch.serve.llm_servers import LlmServers
from standwatch.serve.minting import Minter
from standwatch.serve.model_servers import ModelServers
from standwatch.upstream.mcp import UpstreamServer, open_server

SETTLE: Final = 5.0
"""Seconds that the agents' door waits for servers that have neither come up nor failed."""
_LOOK: Final = 0.05  # seconds between two looks whether a server has failed


Running = dict[str, dict[str, tuple[Component, UpstreamServer]]]


class Servers:
    """System name → server name → server. `changed(system)` is called when a server's tools are not what they were."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        changed: Callable[[str], None] = lambda _: None,
        minter: Minter | None = None,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._changed = changed
        self._minter = minter
        self._open: Running = {}
        self.models = ModelServers(folder, environment)
        self.llms = LlmServers(folder, environment)

    def of(self, system: str) -> Mapping[str, McpServer]:
        """The servers of `system`, in the manifest's order; none for a system nobody declares."""
        return {name: server for name, (_, server) in self._open.get(system, {}).items()}

    def upstream(self, system: str) -> Mapping[str, UpstreamServer]:
        """The same, with what an operator wants to know of each."""
        return {name: server for name, (_, server) in self._open.get(system, {}).items()}

    def take_up(self, configuration: Configuration) -> Coroutine[None, None, None]:
        """Open what is new or changed, leave alone what stands as it was; awaiting what is returned ends the rest.

        INVARIANT: once this has returned, before anything is awaited, no act finds a server that `configuration`
        does not declare as it runs: whoever swaps the world calls this in the same step.
        """
        wanted = {
            name: {item.name: item for item in system.manifest.components if item.kind == "mcp_server"}
            for name, system in configuration.systems.items()
        }
        before = self._open
        self._open = {
            system: {
                name: self._keep_or_open(system, component, configuration.organisation)
                for name, component in components.items()
            }
            for system, components in wanted.items()
        }
        kept = set(_all(self._open))
        models, llms = self.models.take_up(configuration), self.llms.take_up(configuration)
        return _each(_end([server for server in _all(before) if server not in kept]), models, llms)

    def _keep_or_open(
        self, system: str, component: Component, organisation: Organisation
    ) -> tuple[Component, UpstreamServer]:
        kept = self._open.get(system, {}).get(component.name)
        if kept is not None and kept[0] == component:
            return kept
        server = open_server(
            component,
            organisation_folder=self._folder,
            environment=self._environment,
            on_change=lambda _: self._changed(system),
            sandbox=confinement(component.sandbox, development=organisation.development),
            hidden=((self._folder / organisation.store).resolve(),),
            present=self._minter.catalogue(component) if self._minter is not None else None,
        )
        return component, server

    def ailing(self) -> Iterator[tuple[str, str]]:
        """(system, sentence) for each server and language model that cannot be asked."""
        for system, servers in self._open.items():
            for name, (_, server) in servers.items():
                if said := down(name, server):
                    yield system, said
        yield from self.llms.ailing()

    async def settled(self, within: float = SETTLE) -> None:
        """Wait until every server has told its tools or has failed once, at most `within` seconds.

        To be called before a door opens: a client lists once, and a tool that is not known yet is refused.
        """

        async def settle(server: UpstreamServer) -> None:
            while not server.trouble and not await server.ready(_LOOK):
                pass

        servers = _all(self._open)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.gather(*map(settle, servers))

    async def close(self) -> None:
        """End every server."""
        running, self._open = self._open, {}
        await self.models.close()
        await self.llms.close()
        await _end(_all(running))


def _all(running: Running) -> list[UpstreamServer]:
    return [server for servers in running.values() for _, server in servers.values()]


async def _each(*works: Coroutine[None, None, None]) -> None:
    for work in works:
        await work


async def _end(servers: list[UpstreamServer]) -> None:
    """Close them side by side: one that is slow to end keeps no other alive."""
    await asyncio.gather(*(server.close() for server in servers))
