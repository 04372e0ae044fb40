"""Lists of tools: taken strictly, in order, and within bounds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from standwatch.declare.digest import definition_digest
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream.mcp_catalogue import Catalogue, Unlisted, catalogue, fetch
from standwatch.upstream.mcp_exchange import Bounds

SCHEMA = {"type": "object"}


def raws(*tools: Any) -> list[Raw]:
    return [Raw(json.dumps(tool).encode()) for tool in tools]


def fetched(
    pages: dict[str | None, Any], bounds: Bounds | None = None
) -> tuple[Catalogue, list[dict[str, Any]]]:
    asked: list[dict[str, Any]] = []

    async def ask(call: McpCall) -> McpAnswer:
        asked.append(call.params)
        page = pages[call.params.get("cursor")]
        return page if isinstance(page, McpAnswer) else McpAnswer(json.dumps(page).encode())

    return asyncio.run(fetch(ask, bounds or Bounds())), asked


def test_pages_are_followed_to_the_end() -> None:
    found, asked = fetched(
        {
            None: {"tools": [{"name": "a", "inputSchema": SCHEMA}], "nextCursor": "2"},
            "2": {"tools": [], "nextCursor": "3"},
            "3": {"tools": [{"name": "b", "inputSchema": SCHEMA}]},
        }
    )
    assert list(found.tools) == ["a", "b"]
    assert asked == [{}, {"cursor": "2"}, {"cursor": "3"}]


@pytest.mark.parametrize(
    "page",
    [
        McpAnswer(error=None, result=b"7"),
        McpAnswer(result=b'{"tools":{}}'),
        McpAnswer(result=b'{"tools":[],"nextCursor":7}'),
        {"tools": [], "nextCursor": "again"},
        {"tools": [{"name": "x" * 2000}], "nextCursor": "2"},
        {"tools": [{}] * 20, "nextCursor": "2"},
    ],
)
def test_a_list_that_is_none_or_has_no_end_is_refused(page: Any) -> None:
    bounds = msgspec.structs.replace(Bounds(), message=1500, tools=15, pages=5)
    with pytest.raises(Unlisted):
        fetched({None: page, "again": page, "2": page}, bounds)


def test_a_list_that_always_has_another_page_is_refused() -> None:
    async def ask(call: McpCall) -> McpAnswer:
        number = int(call.params.get("cursor", "0")) + 1
        return McpAnswer(json.dumps({"tools": [], "nextCursor": str(number)}).encode())

    with pytest.raises(Unlisted):
        asyncio.run(fetch(ask, msgspec.structs.replace(Bounds(), pages=5)))


def test_tools_are_kept_as_they_came_and_digested() -> None:
    raw = b'{ "inputSchema":{"type":"object"}, "name" :"t","_meta":{"x":1},"title":"T" }'
    found = catalogue([Raw(raw)])
    assert found.tools == {"t": raw}
    assert found.definitions["t"].schema == SCHEMA
    assert found.definitions["t"].digest == definition_digest(
        {"name": "t", "title": "T", "inputSchema": SCHEMA}
    )


def test_a_name_that_stands_twice_is_nobodys() -> None:
    one, two = {"name": "t", "inputSchema": SCHEMA}, {"name": "t", "inputSchema": SCHEMA, "description": "x"}
    found = catalogue(raws(one, {"name": "u", "inputSchema": SCHEMA}, two, one))
    assert list(found.tools) == list(found.definitions) == ["u"]
    assert found.refused == (("t", "the name stands twice in the list"),)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name":"a","name":"b","inputSchema":{}}',
        b'{"name":"a","inputSchema":{"type":"object","type":"array"}}',
        b'{"name":"a\\u0000","inputSchema":{}}',
        b'{"name":"a\\nb","inputSchema":{}}',
        b'{"name":"","inputSchema":{}}',
        b'{"name":"a"}',
        b'{"name":"a","inputSchema":' + b'{"a":' * 80 + b"1" + b"}" * 81,
        b"[]",
    ],
)
def test_a_tool_that_is_not_certain_is_not_offered(raw: bytes) -> None:
    found = catalogue([Raw(raw), *raws({"name": "good", "inputSchema": SCHEMA})])
    assert list(found.definitions) == ["good"]
    assert len(found.refused) == 1
