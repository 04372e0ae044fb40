"""A server's tools as it describes them now: all pages, bounded, strict, and digested."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from standwatch.declare.digest import definition_digest
from standwatch.facts.canonical import parse
from standwatch.facts.configuration import Definition
from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream.http_errors import UpstreamError
from standwatch.upstream.mcp_exchange import Bounds
from standwatch.upstream.mcp_headers import ParamHeaders, param_headers
from standwatch.upstream.mcp_http import internal

_NAME_LENGTH: Final = 256


class Unlisted(UpstreamError):
    """The server's list of tools cannot be had."""

    code = "upstream_unlisted"


class Catalogue(msgspec.Struct, frozen=True):
    """Tools by bare name, in the server's order. `refused`: what it listed and we do not take, with the reason."""

    definitions: dict[str, Definition] = {}
    tools: dict[str, bytes] = {}
    headers: dict[str, ParamHeaders] = {}
    refused: tuple[tuple[str, str], ...] = ()


class _Page(msgspec.Struct, frozen=True):
    tools: list[Raw]
    next: str | None = msgspec.field(default=None, name="nextCursor")


_page = msgspec.json.Decoder(_Page)


async def fetch(ask: Callable[[McpCall], Awaitable[McpAnswer]], bounds: Bounds) -> Catalogue:
    """All pages of `tools/list`. Raises `Unlisted` where the server fails, or its list has no end."""
    listed: list[Raw] = []
    cursor: str | None = None
    seen: set[str] = set()
    size = 0
    for _ in range(bounds.pages):
        params = {} if cursor is None else {"cursor": cursor}
        page = _read(await ask(internal("tools/list", bounds.listing, **params)))
        listed += page.tools
        size += sum(len(memoryview(tool)) for tool in page.tools)
        cursor = page.next
        if cursor is None:
            return catalogue(listed)
        if cursor in seen or len(listed) > bounds.tools or size > bounds.message:
            break
        seen.add(cursor)
    raise Unlisted("the server's list of tools has no end", sent=True)


def _read(said: McpAnswer) -> _Page:
    if said.error is not None:
        raise Unlisted(f"the server does not list its tools: {said.error.message[:200]}", sent=said.sent)
    try:
        return _page.decode(said.result)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Unlisted("the server's list of tools is not one", sent=True) from None


def catalogue(listed: list[Raw]) -> Catalogue:
    """What to make of a list. A name that stands twice means nothing: neither is taken."""
    definitions: dict[str, Definition] = {}
    tools: dict[str, bytes] = {}
    headers: dict[str, ParamHeaders] = {}
    refused: list[tuple[str, str]] = []
    twice: set[str] = set()
    for raw in map(bytes, listed):
        try:
            definition, marked = _define(raw)
        except Malformed as error:
            refused.append((_name(raw), str(error)))
            continue
        if definition.name in definitions:
            twice.add(definition.name)
        definitions[definition.name], tools[definition.name] = definition, raw
        if marked:
            headers[definition.name] = marked
    for name in twice:
        del definitions[name], tools[name]
        headers.pop(name, None)
        refused.append((name, "the name stands twice in the list"))
    return Catalogue(definitions, tools, headers, tuple(refused))


def _define(raw: bytes) -> tuple[Definition, ParamHeaders]:
    tool = parse(raw)
    if not isinstance(tool, dict):
        raise Malformed("a tool is an object")
    members = cast("dict[str, Any]", tool)
    name, schema = members.get("name"), members.get("inputSchema")
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH or not name.isprintable():
        raise Malformed("a tool's name is 1 to 256 printable characters")
    if not isinstance(schema, dict):
        raise Malformed("a tool has an input schema")
    given = cast("dict[str, Any]", schema)
    return Definition(name, definition_digest(members), given), param_headers(given)


def _name(raw: bytes) -> str:
    try:
        return str(msgspec.json.decode(raw, type=dict[str, Any]).get("name", ""))[:_NAME_LENGTH]
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ""
