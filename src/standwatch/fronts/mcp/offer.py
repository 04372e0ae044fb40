"""What a system offers under which names: compiled once for each configuration. Pure.

A tool goes by its bare name, unless two declared tools of the system share it: then all that share it go by
`server.name`, so that no server can take another's name and no order of start decides whose tool is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from standwatch.enforce.patterns import matches
from standwatch.facts.configuration import Component, Configuration, Lock, Manifest
from standwatch.facts.mcp import McpServer

KINDS: Final = ("elicitation", "sampling", "roots")
"""What a server may ask of its client, by the capability that offers it."""


class Exposed(msgspec.Struct, frozen=True):
    """One declared tool: the name clients call it by, its server, its name there, and `server.name`.

    `timeout`: seconds the server may take; 0 for the default. `accepted`: digest of the definition that somebody has
    accepted; "" for none.
    """

    name: str
    server: str
    bare: str
    full: str
    timeout: float
    accepted: str = ""


class Offer(msgspec.Struct, frozen=True):
    """One system as clients may see it. `tools` in the manifest's order, by exposed name."""

    system: str
    tools: dict[str, Exposed]
    components: dict[str, Component]

    def may_ask(self, server: str, capabilities: Mapping[str, Any]) -> dict[str, Any]:
        """The client's capabilities that this server may make use of."""
        component = self.components.get(server)
        if component is None or not component.may_ask or not capabilities:
            return {}
        return {
            kind: given
            for kind in KINDS
            if kind in component.may_ask and isinstance(given := capabilities.get(kind), dict)
        }

    def with_resource(self, uri: str) -> list[str]:
        """The servers that were declared to give `uri`."""
        return [name for name, one in self.components.items() if matches(one.resources, uri)]

    def with_prompt(self, name: str) -> list[tuple[str, str]]:
        """(server, name there) of the prompts that `name` may stand for."""
        server, _, bare = name.partition(".")
        found = [(each, name) for each, one in self.components.items() if matches(one.prompts, name)]
        component = self.components.get(server)
        if bare and component is not None and matches(component.prompts, bare):
            found.append((server, bare))
        return found

    def undeclared(self, name: str, servers: Mapping[str, McpServer]) -> str:
        """`server.name` of a tool that no manifest names, as far as that can be told; else `?.name`."""
        server, _, bare = name.partition(".")
        if bare and server in self.components:
            return name
        owner = next((each for each, one in servers.items() if name in one.definitions), "?")
        return f"{owner}.{name}"


def compile_offer(configuration: Configuration, system: str) -> Offer | None:
    """The offer of `system`; None where no manifest declares it."""
    found = configuration.systems.get(system)
    if found is None:
        return None
    manifest = found.manifest
    components = {one.name: one for one in manifest.components if one.kind == "mcp_server"}
    return Offer(
        system=system,
        tools=_exposed(manifest, found.lock),
        components=components,
    )


def _exposed(manifest: Manifest, lock: Lock) -> dict[str, Exposed]:
    names = {full: full.partition(".")[2] for full in manifest.tools}
    while True:  # a qualified name may be another server's bare one: each round qualifies at least one more
        counts = Counter(names.values())
        shared = [full for full, name in names.items() if counts[name] > 1 and name != full]
        if not shared:
            break
        for full in shared:
            names[full] = full
    return {
        name: Exposed(
            name,
            full.partition(".")[0],
            full.partition(".")[2],
            full,
            float(manifest.tools[full].timeout or 0),
            lock.tools.get(full, ""),
        )
        for full, name in names.items()
    }
