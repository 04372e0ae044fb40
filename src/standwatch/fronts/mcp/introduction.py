"""What we say of ourselves: `initialize` and `server/discover`.

Servers' own `instructions` are not passed on: they are text for the model that nobody accepted and no digest locks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from standwatch.facts.mcp import LEGACY, MODERN, McpServer
from standwatch.fronts.mcp.offer import Offer
from standwatch.fronts.mcp.wire import HANDSHAKE, SERVER_INFO, encode


def capabilities(offer: Offer, servers: Mapping[str, McpServer]) -> dict[str, Any]:
    """The union of what the servers can, as far as the manifest lets it through and we relay it."""
    found: dict[str, Any] = {"tools": {"listChanged": True}}
    offered = {name: server.capabilities for name, server in servers.items() if name in offer.components}
    if any("prompts" in each and offer.components[name].prompts for name, each in offered.items()):
        found["prompts"] = {"listChanged": True}
    giving = [each["resources"] for name, each in offered.items() if _gives(offer, name, each)]
    if giving:
        found["resources"] = {"listChanged": True}
        if any(_subscribes(each) for each in giving):
            found["resources"]["subscribe"] = True
    for name in ("completions", "logging"):
        if any(name in each for each in offered.values()):
            found[name] = {}
    return found


def _gives(offer: Offer, name: str, offered: Mapping[str, Any]) -> bool:
    return "resources" in offered and bool(offer.components[name].resources)


def _subscribes(resources: Any) -> bool:
    return isinstance(resources, dict) and cast("dict[str, Any]", resources).get("subscribe") is True


def discover(offer: Offer, servers: Mapping[str, McpServer]) -> bytes:
    """The result of `server/discover`, without the stamps that every result gets."""
    return encode({"supportedVersions": [MODERN], "capabilities": capabilities(offer, servers)})


def negotiated(requested: str) -> str:
    """The revision `initialize` is answered with: the one asked for if it is served, else our latest of them."""
    return requested if requested in HANDSHAKE else LEGACY


def initialize(offer: Offer, servers: Mapping[str, McpServer], revision: str) -> bytes:
    """The result of `initialize`."""
    return encode(
        {
            "protocolVersion": revision,
            "capabilities": capabilities(offer, servers),
            "serverInfo": SERVER_INFO,
        }
    )
