"""The merged lists: what each server offers, cut down to what the caller may use, in the manifest's order.

Resources and prompts are declared by patterns, so their servers are asked for them; pages are followed here, and the
client gets one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Raw

from standwatch.enforce.patterns import matches
from standwatch.facts.mcp import McpCall, McpServer
from standwatch.fronts.mcp.introduction import capabilities
from standwatch.fronts.mcp.outcome import Outcome
from standwatch.fronts.mcp.results import member, renamed
from standwatch.fronts.mcp.turn import Turn
from standwatch.fronts.mcp.wire import INVALID_PARAMS, METHOD_NOT_FOUND, Rejected, fault

MOST_PAGES: Final = 32
MOST_ITEMS: Final = 5000
_TIMEOUT: Final = 10.0

LISTS: Final = {
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("resourceTemplates", "uriTemplate"),
    "prompts/list": ("prompts", "name"),
}
"""Method → the result's member, and the member of each item that patterns are held against."""

_page = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[Raw])

Item = tuple[str, str, bytes]
"""(server, URI or name, raw JSON)."""


async def listing(turn: Turn, method: str, params: dict[str, Any]) -> Outcome:
    """The result of a list method. Raises `Rejected` for a cursor: we give none out."""
    if params.get("cursor") is not None:
        raise Rejected(INVALID_PARAMS, "This cursor was not given out here")
    if method == "tools/list":
        return Outcome(_result("tools", tools(turn)), cached=True)
    if method.partition("/")[0] not in capabilities(turn.offer, turn.servers):
        return Outcome(error=fault(METHOD_NOT_FOUND, "Method not found", method))
    found = await offered(turn, method)
    if method == "prompts/list":
        named = _prompt_names(turn, found)
        return Outcome(
            _result("prompts", (renamed(raw, name) for name, (_, _, raw) in named.items())), cached=True
        )
    first: dict[str, bytes] = {}
    for _, uri, raw in found:
        first.setdefault(uri, raw)
    return Outcome(_result(LISTS[method][0], first.values()), cached=True)


def _result(name: str, items: Iterable[bytes]) -> bytes:
    return b'{"%b":[%b]}' % (name.encode("ascii"), b",".join(items))


def tools(turn: Turn) -> list[bytes]:
    """The tools this caller may see and their servers have, bit for bit but for a qualified name.

    A definition that is not the accepted one is not passed on: its description is text that a model obeys.
    """
    visible = turn.house.gate.visible(turn.caller, turn.offer.system)
    shown: list[bytes] = []
    for name, tool in turn.offer.tools.items():
        server = turn.servers.get(tool.server)
        definition = None if server is None else server.definitions.get(tool.bare)
        if tool.full not in visible or server is None or definition is None:
            continue
        if tool.accepted and definition.digest != tool.accepted:
            continue
        raw = server.tools.get(tool.bare)
        if raw is not None:
            shown.append(raw if name == tool.bare else renamed(raw, name))
    return shown


async def offered(turn: Turn, method: str) -> list[Item]:
    """What the servers offer and the manifest lets through; a server that does not answer offers nothing."""
    prompts = method == "prompts/list"
    asked = [
        (name, server)
        for name, one in turn.offer.components.items()
        if (one.prompts if prompts else one.resources)
        and (server := turn.servers.get(name)) is not None
        and ("prompts" if prompts else "resources") in server.capabilities
    ]
    pages = await asyncio.gather(*(_fetch(turn, server, method) for _, server in asked))
    key = LISTS[method][1]
    found: list[Item] = []
    for (name, _), items in zip(asked, pages, strict=True):
        component = turn.offer.components[name]
        patterns = component.prompts if prompts else component.resources
        for raw in items:
            what = member(raw, key)
            if what and matches(patterns, what):
                found.append((name, what, raw))
    return found


async def _fetch(turn: Turn, server: McpServer, method: str) -> list[bytes]:
    found: list[bytes] = []
    cursor: Any = None
    session = turn.upstream_session({})
    for _ in range(MOST_PAGES):
        params = {} if cursor is None else {"cursor": cursor}
        answer = await server.call(McpCall(method=method, params=params, session=session, timeout=_TIMEOUT))
        if answer.error is not None:
            break
        try:
            page = _page.decode(answer.result)
            found += [bytes(item) for item in _items.decode(page.get(LISTS[method][0], b"[]"))]
            cursor = msgspec.json.decode(page.get("nextCursor", b"null"))
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            break
        if cursor is None or len(found) > MOST_ITEMS:
            break
    return found[:MOST_ITEMS]


def _prompt_names(turn: Turn, found: list[Item]) -> dict[str, Item]:
    """Prompts by exposed name: bare, or `server.name` where two servers share it (`offer`)."""
    counts = Counter(name for _, name, _ in found)
    named: dict[str, Item] = {}
    for item in found:
        server, name, _ = item
        named.setdefault(name if counts[name] == 1 else f"{server}.{name}", item)
    return named


async def prompt_owner(turn: Turn, name: str) -> tuple[str, str]:
    """(server, name there) of the prompt that clients call `name`; ("", name) where none may give it."""
    candidates = turn.offer.with_prompt(name)
    if len(candidates) < 2:
        return candidates[0] if candidates else ("", name)
    named = _prompt_names(turn, await offered(turn, "prompts/list"))
    if name in named:
        return named[name][0], named[name][1]
    return candidates[0]


async def resource_owner(turn: Turn, uri: str) -> str:
    """The server that gives `uri`; "" where none may. Of several that may, the first that lists it."""
    candidates = turn.offer.with_resource(uri)
    if len(candidates) < 2:
        return candidates[0] if candidates else ""
    listed = [server for server, found, _ in await offered(turn, "resources/list") if found == uri]
    return listed[0] if listed else candidates[0]
