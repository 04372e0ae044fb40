"""A world as a real MCP server on the official SDK, and the bench's line to it.

`serve` offers the world's tools by Streamable HTTP on a port of its own and says where, on one line of JSON. After that
every line of JSON on stdin is an order to the world, `{"do": METHOD, …}`, answered by one line on stdout.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from typing import Any, Protocol

import mcp_types as types
import uvicorn
from mcp.server.lowlevel.server import Server

MODERN = "2026-07-28"


class Tools(Protocol):
    """What a world offers to agents; what it offers to the bench are its other methods."""

    name: str

    def tools(self) -> list[dict[str, Any]]:
        """Every definition."""
        ...

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A call's result, as MCP has it."""
        ...


def server(world: Tools) -> Server[Any]:
    """The world on the SDK."""
    made: Server[Any] = Server(f"world-{world.name}", version="1")

    def complete(ctx: Any, result: dict[str, Any]) -> dict[str, Any]:
        return {"resultType": "complete", **result} if ctx.protocol_version == MODERN else result

    async def listing(ctx: Any, _: Any) -> dict[str, Any]:
        return complete(ctx, {"tools": world.tools(), "ttlMs": 0, "cacheScope": "private"})

    async def calling(ctx: Any, params: Any) -> dict[str, Any]:
        return complete(ctx, world.call(params.name, params.arguments or {}))

    made.add_request_handler("tools/list", types.PaginatedRequestParams, listing)
    made.add_request_handler("tools/call", types.CallToolRequestParams, calling)
    return made


def serve(world: Tools) -> None:
    """Serve it until stdin ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(server(world).streamable_http_app(), log_level="error")
    serving = uvicorn.Server(config).serve(sockets=[listener])
    threading.Thread(target=lambda: asyncio.run(serving), daemon=True).start()
    said = {"url": f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"}
    print(json.dumps(said), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(getattr(world, order.pop("do"))(**order)), flush=True)
