"""Asking a system's own servers what tools they have: for `init` and `accept`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from standwatch.facts.configuration import Component, Organisation
    from standwatch.facts.credentials import Present
    from standwatch.serve.place import Place

Listed = dict[str, tuple[dict[str, Any], ...]]
"""Server's name → its tools' definitions as it lists them."""

_PATIENCE = 30  # seconds a server has to start and list
_TROUBLED = 4  # seconds after which one that keeps failing is given up


def ask(
    servers: Sequence[Component], folder: Path, organisation: Organisation | None = None
) -> tuple[Listed, dict[str, str]]:
    """What `servers` list, and for those that do not answer, why. Starts them, and ends them again.

    They run in their sandboxes, as `organisation` has them; as long as there is none, it is one in development.
    """
    return asyncio.run(_ask(servers, folder, organisation))


async def _ask(
    servers: Sequence[Component], folder: Path, organisation: Organisation | None
) -> tuple[Listed, dict[str, str]]:
    found = await asyncio.gather(*(_one(server, folder, organisation) for server in servers))
    listed: Listed = {}
    silent: dict[str, str] = {}
    for server, answer in zip(servers, found, strict=True):
        if isinstance(answer, str):
            silent[server.name] = answer
        else:
            listed[server.name] = answer
    return listed, silent


async def _one(
    component: Component, folder: Path, organisation: Organisation | None
) -> tuple[dict[str, Any], ...] | str:
    from standwatch.facts.errors import StandwatchError
    from standwatch.facts.sandbox import confinement
    from standwatch.serve.ailing import last_words
    from standwatch.serve.place import place_of
    from standwatch.upstream.mcp import open_server

    place = place_of(folder, organisation) if organisation is not None else None
    try:
        server = open_server(
            component,
            organisation_folder=folder,
            environment=place.secrets(os.environ) if place is not None else os.environ,
            on_change=lambda _: None,
            sandbox=confinement(
                component.sandbox, development=organisation is None or organisation.development
            ),
            hidden=((folder / (organisation.store if organisation else "state")).resolve(),),
            present=_present(component, place, organisation),
        )
    except StandwatchError as error:
        return str(error)
    try:
        for second in range(_PATIENCE):
            if await server.ready(1.0) or (second >= _TROUBLED and server.trouble):
                break
        if not server.up:
            said = last_words(server.diagnose())
            told = (server.trouble, f"it last said: {said}" if said else "")
            return "; ".join(filter(None, told)) or f"no answer within {_PATIENCE} s"
        return tuple(json.loads(raw) for raw in server.tools.values())
    finally:
        await server.close()


def _present(component: Component, place: Place | None, organisation: Organisation | None) -> Present | None:
    """Shows who asks, as the server does: it has the key, and this is its host."""
    if component.credential is None or place is None or organisation is None:
        return None
    from standwatch.serve.minting import Minter
    from standwatch.serve.place import now

    place.prepare(organisation.origin)
    key, _ = place.credentials()
    secrets = place.secrets(os.environ)
    minter = Minter(key, lambda: organisation.public_url, secrets, clock=now, chance=os.urandom)
    return minter.catalogue(component)
