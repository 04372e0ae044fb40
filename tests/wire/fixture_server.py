"""The MCP server that the conformance suite asks for, on the official SDK, for both revisions.

    python fixture_server.py --port 0            Streamable HTTP at /mcp, prints its URL on one line
    python fixture_server.py --stdio             the same server on stdin and stdout
    python fixture_server.py --journal FILE ...  also appends one JSON line for each request it handled

Names and behaviour are those that `@modelcontextprotocol/conformance` calls for in each scenario's
description; the tools are in `fixture_tools.py`. The lists are declared `public` for a minute on purpose:
a proxy that filters them per caller must say `private`. The journal lets a test prove that a refused
call never reached its upstream.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import warnings
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import mcp_types as types
import uvicorn
from fixture_tools import IMAGE, PNG, Context, Wire, ask, bus, form, resource, text, tools
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

Handler = Callable[[Context, Any], Awaitable[HandlerResult]]

NAME = "standwatch-conformance-fixture"
MODERN = "2026-07-28"

# --- resources, prompts, completion ------------------------------------------------------------

RESOURCES: dict[str, Wire] = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": PNG},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Watched resource content"},
}
TEMPLATE_START, TEMPLATE_END = "test://template/", "/data"


async def list_resources(_ctx: Context, _params: types.PaginatedRequestParams) -> Wire:
    listed = [
        {
            "uri": uri,
            "name": uri.removeprefix("test://"),
            "description": "A fixture",
            "mimeType": body["mimeType"],
        }
        for uri, body in RESOURCES.items()
    ]
    return {"resources": listed}


async def list_templates(_ctx: Context, _params: types.PaginatedRequestParams) -> Wire:
    uri = TEMPLATE_START + "{id}" + TEMPLATE_END
    return {"resourceTemplates": [{"uriTemplate": uri, "name": "template", "mimeType": "application/json"}]}


async def read_resource(ctx: Context, params: types.ReadResourceRequestParams) -> Wire:
    uri = params.uri
    if uri.startswith(TEMPLATE_START) and uri.endswith(TEMPLATE_END):
        key = uri[len(TEMPLATE_START) : -len(TEMPLATE_END)]
        body = json.dumps({"id": key, "templateTest": True, "data": f"Data for ID: {key}"})
        return {"contents": [{"uri": uri, "mimeType": "application/json", "text": body}]}
    if uri not in RESOURCES:
        # SEP-2164 moved this from -32002 to invalid params.
        code = types.INVALID_PARAMS if ctx.protocol_version == MODERN else -32002
        raise MCPError(code, "Resource not found", {"uri": uri})
    return {"contents": [{"uri": uri, **RESOURCES[uri]}]}


def user(content: Wire) -> Wire:
    return {"role": "user", "content": content}


PROMPT_ARGUMENTS: dict[str, list[str]] = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": ["arg1", "arg2"],
    "test_prompt_with_embedded_resource": ["resourceUri"],
    "test_prompt_with_image": [],
    "test_input_required_result_prompt": [],
}


async def list_prompts(_ctx: Context, _params: types.PaginatedRequestParams) -> Wire:
    listed = [
        {
            "name": name,
            "description": "A fixture",
            "arguments": [{"name": a, "required": True} for a in arguments],
        }
        for name, arguments in PROMPT_ARGUMENTS.items()
    ]
    return {"prompts": listed}


async def get_prompt(ctx: Context, params: types.GetPromptRequestParams) -> Wire:
    given = params.arguments or {}
    if missing := [a for a in PROMPT_ARGUMENTS.get(params.name, []) if a not in given]:
        raise MCPError(types.INVALID_PARAMS, f"Missing arguments: {', '.join(missing)}")
    match params.name:
        case "test_simple_prompt":
            messages = [text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            messages = [text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")]
        case "test_prompt_with_embedded_resource":
            embedded = resource(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
            messages = [embedded, text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            messages = [IMAGE, text("Please analyze the image above.")]
        case "test_input_required_result_prompt":
            answers: Wire = (ctx.params or {}).get("inputResponses") or {}
            if "user_context" not in answers:
                return ask({"user_context": form("What context should the prompt use?", "context")})
            messages = [text(json.dumps(answers["user_context"], sort_keys=True))]
        case _:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    return {"messages": [user(m) for m in messages]}


async def complete(_ctx: Context, params: types.CompleteRequestParams) -> Wire:
    values = [v for v in ("testValue1", "testValue2", "other") if v.startswith(params.argument.value)]
    return {"completion": {"values": values, "total": len(values), "hasMore": False}}


# --- the server --------------------------------------------------------------------------------


async def list_tools(_ctx: Context, _params: types.PaginatedRequestParams) -> Wire:
    return {"tools": [definition for definition, _ in tools.values()]}


async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> Wire:
    if params.name not in tools:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    return await tools[params.name][1](ctx, dict(ctx.params or {}))


async def accept(_ctx: Context, _params: Any) -> Wire:
    return {}


def answering(handler: Handler) -> Handler:
    """`handler`, its results marked complete unless they ask: 2026-07-28 wants `resultType` on each."""

    async def answer(ctx: Context, params: Any) -> HandlerResult:
        result = await handler(ctx, params)
        if ctx.protocol_version != MODERN or not isinstance(result, dict):
            return result
        return {"resultType": "complete", **result}

    return answer


class RecentEvents(EventStore):
    """What the last streams sent, so that a client may resume with `Last-Event-ID`."""

    def __init__(self, kept: int = 1000) -> None:
        self._events: deque[tuple[int, str, types.JSONRPCMessage | None]] = deque(maxlen=kept)
        self._last = 0

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self._last += 1
        self._events.append((self._last, stream_id, message))
        return str(self._last)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        events = list(self._events)
        stream = next((s for number, s, _ in events if str(number) == last_event_id), None)
        for number, owner, message in events:
            if owner == stream and number > int(last_event_id) and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def journal_to(path: Path) -> ServerMiddleware[Any]:
    """A middleware that writes down each request before it is handled."""

    async def write_down(ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.request_id is not None:
            line = {"version": ctx.protocol_version, "method": ctx.method, "params": dict(ctx.params or {})}
            with path.open("a") as out:
                out.write(json.dumps(line) + "\n")
        return await call_next(ctx)

    return write_down


def build_server(journal: Path | None = None) -> Server[Any]:
    """The fixture, ready to be served on any transport of the SDK."""
    public = CacheHint(ttl_ms=60_000, scope="public")
    hints = dict.fromkeys(get_args(CacheableMethod), public)
    server: Server[Any] = Server(NAME, version="1.0.0", cache_hints=hints)
    handlers: list[tuple[str, type[Any], Handler]] = [
        ("tools/list", types.PaginatedRequestParams, list_tools),
        ("tools/call", types.CallToolRequestParams, call_tool),
        ("resources/list", types.PaginatedRequestParams, list_resources),
        ("resources/templates/list", types.PaginatedRequestParams, list_templates),
        ("resources/read", types.ReadResourceRequestParams, read_resource),
        ("resources/subscribe", types.SubscribeRequestParams, accept),
        ("resources/unsubscribe", types.UnsubscribeRequestParams, accept),
        ("prompts/list", types.PaginatedRequestParams, list_prompts),
        ("prompts/get", types.GetPromptRequestParams, get_prompt),
        ("completion/complete", types.CompleteRequestParams, complete),
        ("logging/setLevel", types.SetLevelRequestParams, accept),
        ("subscriptions/listen", types.SubscriptionsListenRequestParams, ListenHandler(bus)),
    ]
    for method, params_type, handler in handlers:
        server.add_request_handler(method, params_type, answering(handler))
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME))
    if journal is not None:
        server.middleware.append(journal_to(journal))
    return server


async def serve_http(server: Server[Any], port: int) -> None:
    app = server.streamable_http_app(event_store=RecentEvents(), retry_interval=100)
    listener = socket.create_server(("127.0.0.1", port))
    print(f"http://localhost:{listener.getsockname()[1]}/mcp", flush=True)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    await uvicorn.Server(config).serve(sockets=[listener])


async def serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


def main() -> None:
    parser = argparse.ArgumentParser(description="The MCP conformance fixture")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--stdio", action="store_true", help="serve stdin and stdout instead")
    parser.add_argument("--journal", type=Path, help="append each handled request to this file")
    options = parser.parse_args()
    # Logging is deprecated from 2026-07-28 on, and is what 2025-11-25 scenarios test.
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    server = build_server(options.journal)
    asyncio.run(serve_stdio(server) if options.stdio else serve_http(server, options.port))


if __name__ == "__main__":
    main()
