"""The model servers of every system: opened with the configuration in force, closed when it drops them."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Final

from standwatch.enforce.decision_ports import ModelServer
from standwatch.facts.configuration import Component, Configuration
from standwatch.facts.models import Model
from standwatch.record.state import State
from standwatch.upstream.models import open_models

WARM: Final = 10.0
"""Seconds between two questions whether the versions that may be wanted are loaded: being asked keeps them warm."""
_LOOK: Final = 0.5  # seconds between two looks whether other versions are wanted

Key = tuple[str, str]
Running = dict[Key, tuple[Component, Model, ModelServer]]


class ModelServers:
    """(system, model) → its server. `ready` is what each version said last."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._open: Running = {}
        self.ready: dict[tuple[str, str, str], bool] = {}

    def of(self, system: str, model: str) -> ModelServer | None:
        """The server of a model; None for one that nobody declares, or that runs in its callers."""
        found = self._open.get((system, model))
        return found[2] if found else None

    def take_up(self, configuration: Configuration) -> Coroutine[None, None, None]:
        """As `Servers.take_up`: at once, and what is returned ends those that are wanted no more."""
        before, wanted = self._open, dict[Key, tuple[Component, Model]]()
        for system in configuration.systems.values():
            named = {component.name: component for component in system.manifest.components}
            for model in system.manifest.models.values():
                if model.protocol != "client":
                    wanted[system.manifest.system, model.component] = (named[model.component], model)
        self._open = {key: self._keep_or_open(key, *each) for key, each in wanted.items()}
        kept = {id(server) for _, _, server in self._open.values()}
        return _end([server for _, _, server in before.values() if id(server) not in kept])

    def _keep_or_open(
        self, key: Key, component: Component, model: Model
    ) -> tuple[Component, Model, ModelServer]:
        kept = self._open.get(key)
        if kept is not None and kept[0] == component and _served(kept[1]) == _served(model):
            return component, model, kept[2]
        server = open_models(component, model, folder=self._folder, environment=self._environment)
        return component, model, server

    def wanted(self, state: State) -> tuple[tuple[str, str, str], ...]:
        """(system, model, version) of every version on a route, and of the one before it."""
        return tuple(
            (system, name, version)
            for (system, name), (_, model, _) in self._open.items()
            for version in _wanted(state, system, name, model)
        )

    async def warm(self, state: State) -> None:
        """Ask every version on a route, and the one before it, whether it is ready."""
        asked = [
            (system, name, version, server)
            for (system, name), (_, model, server) in self._open.items()
            for version in _wanted(state, system, name, model)
        ]
        said = await asyncio.gather(*(self._ask(server, version) for _, _, version, server in asked))
        self.ready.clear()  # the same mapping: others look at it
        self.ready |= {(s, m, v): ready for (s, m, v, _), ready in zip(asked, said, strict=True)}

    async def _ask(self, server: ModelServer, version: str) -> bool:
        try:
            async with asyncio.timeout(2.0):
                return await server.ready(version)
        except Exception:
            return False

    async def close(self) -> None:
        """End every connection."""
        running, self._open = self._open, {}
        await _end([server for _, _, server in running.values()])


def _served(model: Model) -> tuple[object, ...]:
    """What a connection depends on: the other members change how answers are judged."""
    return (model.protocol, model.layout, model.tensor, model.versions, model.inputs, model.outputs)


def _wanted(state: State, system: str, name: str, model: Model) -> list[str]:
    route = state.routes.get(f"{system}/{name}")
    if route is None:
        return []
    names = [route.version, route.canary, route.shadow, route.previous if model.warm else ""]
    return [version for version in dict.fromkeys(names) if version in model.versions]


async def _end(servers: list[ModelServer]) -> None:
    with contextlib.suppress(Exception):
        await asyncio.gather(*(server.close() for server in servers))


async def keep_warm(servers: ModelServers, state: Callable[[], State], every: float = WARM) -> None:
    """Until cancelled: every `every` seconds, and at once when other versions are wanted than were asked."""
    last, due = (), 0.0
    loop = asyncio.get_running_loop()
    while True:
        wanted = servers.wanted(state())
        if wanted != last or loop.time() >= due:
            last, due = wanted, loop.time() + every
            with contextlib.suppress(Exception):
                await servers.warm(state())
        await asyncio.sleep(_LOOK)
