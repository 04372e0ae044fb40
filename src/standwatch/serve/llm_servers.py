"""The upstreams of all language models: opened with the configuration in force, closed when it drops them."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path

from standwatch.facts.configuration import Component, Configuration
from standwatch.facts.llm import LlmServer
from standwatch.serve.ailing import unanswering
from standwatch.upstream.llm import Unaskable, Upstream, open_llm


class LlmServers:
    """(system, component) → its upstream."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._open: dict[tuple[str, str], tuple[Component, Upstream | Unaskable]] = {}

    def of(self, system: str, component: str) -> LlmServer | None:
        """The upstream of a component; None for one that nobody declares."""
        found = self._open.get((system, component))
        return found[1] if found else None

    def take_up(self, configuration: Configuration) -> Coroutine[None, None, None]:
        """As `Servers.take_up`: at once, and what is returned ends those that are wanted no more."""
        before = self._open
        self._open = {
            (name, component.name): self._keep_or_open(name, component)
            for name, system in configuration.systems.items()
            for component in system.manifest.components
            if component.kind == "llm" and component.provider
        }
        kept = {id(server) for _, server in self._open.values()}
        return _end([server for _, server in before.values() if id(server) not in kept])

    def _keep_or_open(self, system: str, component: Component) -> tuple[Component, Upstream | Unaskable]:
        kept = self._open.get((system, component.name))
        if kept is not None and kept[0] == component:
            return kept
        return component, open_llm(component, folder=self._folder, environment=self._environment)

    def ailing(self) -> Iterator[tuple[str, str]]:
        """(system, sentence) for each that could not be asked when it was last asked."""
        for (system, name), (_, server) in self._open.items():
            if said := unanswering(name, server.why):
                yield system, said

    async def close(self) -> None:
        """End every connection."""
        running, self._open = self._open, {}
        await _end([server for _, server in running.values()])


async def _end(servers: list[LlmServer]) -> None:
    await asyncio.gather(*(server.close() for server in servers))
