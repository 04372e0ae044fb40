"""Looking at one host for ways round: files, names of variables, sockets. Reads, and changes nothing."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from standwatch.declare.clients import HOME_PLACES, MAX_BYTES, PROJECT_PLACES, Found, read_client
from standwatch.declare.hosts import SOCKETS, HookState, credentials, direct, hooks, sockets, variables
from standwatch.facts.coverage import Needs, Sighting

ENV_FILES: Final = (".env", ".env.local", ".envrc")
"""Files of a project in which credentials are kept."""

HookStates = Callable[[Path, Path | None], tuple[HookState, ...]]
"""(Home, project) → how the hooks of the hosts that we know stand."""


def no_hooks(_home: Path, _project: Path | None) -> tuple[HookState, ...]:
    """Where nothing is known of hooks."""
    return ()


class Host(msgspec.Struct, frozen=True):
    """What was read of one host. Texts by file, so that an entry can be named by its line."""

    found: tuple[Found, ...] = ()
    texts: dict[str, str] = {}
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(Where, names of variables that can be read there.)"""
    sockets: tuple[str, ...] = ()
    hooks: tuple[HookState, ...] = ()

    def sightings(self, needs: Needs) -> tuple[Sighting, ...]:
        """What of it concerns the system of `needs`."""
        return (
            *direct(self.found, needs, self.texts),
            *hooks(self.hooks, needs),
            *(one for where, names in self.names for one in credentials(names, where, needs)),
            *sockets(self.sockets, needs),
        )


def look(
    home: Path,
    project: Path | None = None,
    environment: Mapping[str, str] | None = None,
    states: HookStates = no_hooks,
    writable: Callable[[str], bool] = lambda path: os.path.exists(path) and os.access(path, os.W_OK),
) -> Host:
    """Look at `home`, `project` and the names in `environment`. What cannot be read is left out."""
    found: list[Found] = []
    texts: dict[str, str] = {}
    names: list[tuple[str, tuple[str, ...]]] = []
    for client, shown, path in _files(home, project):
        data = _read(path)
        entries = read_client(client, shown, data)
        found += entries
        if entries:
            texts[shown] = data.decode("utf-8", "replace")
    if environment is not None:
        names.append(("environment", tuple(name for name, value in environment.items() if value)))
    if project is not None:
        for name in ENV_FILES:
            if data := _read(project / name):
                names.append((name, variables(data.decode("utf-8", "replace"))))
    return Host(
        found=tuple(found),
        texts=texts,
        names=tuple(names),
        sockets=tuple(path for path in SOCKETS if writable(path)) if environment is not None else (),
        hooks=states(home, project),
    )


def _files(home: Path, project: Path | None) -> Iterator[tuple[str, str, Path]]:
    for client, place in HOME_PLACES:
        yield client, f"~/{place}", home / place
    if project is not None:
        for client, place in PROJECT_PLACES:
            yield client, place, project / place


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        return b""
    return data if len(data) <= MAX_BYTES else b""
