"""The MCP server that the conformance suite asks for, on the official SDK, for both revisions.

    python fixture_server.py --port 0            Streamable HTTP at /mcp, prints its URL on one line
    python fixture_server.py --stdio             the same server on stdin and stdout
    python fixture_server.py --journal FILE ...  also appends one JSON line for each request it handled

Names and behaviour are those that `@modelcontextprotocol/conformance` calls for in each scenario's
description; results are written as wire dictionaries so that a reader sees what crosses the wire. The
lists are declared `public` for a minute on purpose: a proxy that filters them per caller must say
`private`. The journal lets a test prove that a refused call never reached its upstream.
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
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

Wire = dict[str, Any]
Context = ServerRequestContext[Any, Any]
Tool = Callable[[Context, Wire], Awaitable[Wire]]
Handler = Callable[[Context, Any], Awaitable[HandlerResult]]

NAME = "standwatch-conformance-fixture"
MODERN = "2026-07-28"
STEP = 0.05  # seconds between notifications of one call: the suite wants them apart
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
NO_ARGUMENTS: Wire = {"type": "object", "properties": {}}

bus = InMemorySubscriptionBus()
tools: dict[str, tuple[Wire, Tool]] = {}


def text(value: str) -> Wire:
    return {"type": "text", "text": value}


def resource(uri: str, mime: str, body: str) -> Wire:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": body}}


IMAGE: Wire = {"type": "image", "data": PNG, "mimeType": "image/png"}


def tool(name: str, about: str, schema: Wire | None = None) -> Callable[[Tool], Tool]:
    """Register a tool; the order of registration is the order of `tools/list`."""

    def register(call: Tool) -> Tool:
        tools[name] = ({"name": name, "description": about, "inputSchema": schema or NO_ARGUMENTS}, call)
        return call

    return register


def fixed(name: str, about: str, *content: Wire, error: bool = False) -> None:
    """Register a tool whose result is always the same."""

    async def call(_ctx: Context, _params: Wire) -> Wire:
        return {"content": list(content), **({"isError": True} if error else {})}

    tool(name, about)(call)


def string_field(name: str) -> Wire:
    return {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}


# --- plain content -----------------------------------------------------------------------------

fixed("test_simple_text", "Returns text", text("This is a simple text response for testing."))
fixed("test_image_content", "Returns an image", IMAGE)
fixed("test_audio_content", "Returns audio", {"type": "audio", "data": WAV, "mimeType": "audio/wav"})
fixed(
    "test_embedded_resource",
    "Returns an embedded resource",
    resource("test://embedded-resource", "text/plain", "This is an embedded resource content."),
)
fixed(
    "test_multiple_content_types",
    "Returns text, image and resource",
    text("Multiple content types test:"),
    IMAGE,
    resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
)
fixed(
    "test_error_handling",
    "Always fails",
    text("This tool intentionally returns an error for testing"),
    error=True,
)

SCHEMA_2020_12: Wire = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
HEADER_SCHEMA: Wire = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "count": {"type": "integer"}},
    "required": ["region"],
}


@tool("json_schema_2020_12_tool", "Has an input schema with JSON Schema 2020-12 keywords", SCHEMA_2020_12)
@tool("test_x_mcp_header", "Mirrors one argument into an HTTP header", HEADER_SCHEMA)
async def echo_arguments(_ctx: Context, params: Wire) -> Wire:
    return {"content": [text(json.dumps(params.get("arguments") or {}, sort_keys=True))]}


# --- notifications and resumption --------------------------------------------------------------


async def log(ctx: Context, message: str) -> None:
    await ctx.session.send_log_message("info", message, related_request_id=ctx.request_id)


@tool("test_tool_with_logging", "Logs three lines while it runs")
@tool("test_logging_tool", "Logs three lines, if the request asked for them")
async def with_logging(ctx: Context, _params: Wire) -> Wire:
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await log(ctx, line)
        await asyncio.sleep(STEP)
    return {"content": [text("Tool with logging executed successfully")]}


@tool("test_tool_with_progress", "Reports progress three times")
async def with_progress(ctx: Context, _params: Wire) -> Wire:
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(STEP)
    return {"content": [text("Tool with progress executed successfully")]}


@tool("test_reconnection", "Closes its own stream half way; the client comes back for the rest")
async def reconnection(ctx: Context, _params: Wire) -> Wire:
    await log(ctx, "Before disconnect")
    if ctx.close_sse_stream is not None:
        await ctx.close_sse_stream()
    await asyncio.sleep(4 * STEP)
    await log(ctx, "After reconnect")
    return {"content": [text("Reconnection test completed")]}


@tool("test_trigger_tool_change", "Announces a change of the tool list")
async def tool_change(_ctx: Context, _params: Wire) -> Wire:
    await bus.publish(ToolsListChanged())
    return {"content": [text("announced")]}


@tool("test_trigger_prompt_change", "Announces a change of the prompt list")
async def prompt_change(_ctx: Context, _params: Wire) -> Wire:
    await bus.publish(PromptsListChanged())
    return {"content": [text("announced")]}


# --- asking the client, 2025-11-25: a request of ours on the call's own stream -------------------


@tool("test_sampling", "Asks the client's model", string_field("prompt"))
async def sampling(ctx: Context, params: Wire) -> Wire:
    asked = types.SamplingMessage(role="user", content=types.TextContent(text=params["arguments"]["prompt"]))
    answer = await ctx.session.create_message([asked], max_tokens=100, related_request_id=ctx.request_id)
    content = answer.content
    return {"content": [text(f"LLM response: {getattr(content, 'text', 'not text')}")]}


async def elicit(ctx: Context, message: str, properties: Wire) -> Wire:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    done = f"action={answer.action}, content={json.dumps(answer.content or {})}"
    return {"content": [text(f"Elicitation completed: {done}")]}


@tool("test_elicitation", "Asks the user", string_field("message"))
async def elicitation(ctx: Context, params: Wire) -> Wire:
    fields = {"username": {"type": "string"}, "email": {"type": "string", "format": "email"}}
    return await elicit(ctx, params["arguments"]["message"], fields)


@tool("test_elicitation_sep1034_defaults", "Asks the user with a default for every primitive type")
async def elicitation_defaults(ctx: Context, _params: Wire) -> Wire:
    states = ["active", "inactive", "pending"]
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": states, "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return await elicit(ctx, "Please confirm your details", fields)


@tool("test_elicitation_sep1330_enums", "Asks the user with all five kinds of enumeration")
async def elicitation_enums(ctx: Context, _params: Wire) -> Wire:
    plain = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
    fields = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["One", "Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return await elicit(ctx, "Please choose", fields)


# --- asking the client, 2026-07-28: an interim result, and the same call again -------------------


def form(message: str, field: str, kind: str = "string") -> Wire:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sample(prompt: str) -> Wire:
    messages = [{"role": "user", "content": text(prompt)}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": 100}}


ROOTS: Wire = {"method": "roots/list", "params": {}}


def ask(requests: Wire, state: str | None = None) -> Wire:
    interim: Wire = {"resultType": "input_required", "inputRequests": requests}
    return interim if state is None else {**interim, "requestState": state}


def needs_input(name: str, requests: Wire, state: str | None = None) -> None:
    """Register a tool that asks until every key is answered (and its state comes back)."""

    async def call(_ctx: Context, params: Wire) -> Wire:
        answers: Wire = params.get("inputResponses") or {}
        if not requests.keys() <= answers.keys() or params.get("requestState") != state:
            return ask(requests, state)
        given = {key: answers[key] for key in requests}
        suffix = "" if state is None else " state-ok"
        return {"content": [text(json.dumps(given, sort_keys=True) + suffix)]}

    tool(name, "Needs input before it answers")(call)


NAME_FORM = form("What is your name?", "name")
CONFIRM_FORM = form("Please confirm", "ok", "boolean")
needs_input("test_input_required_result_elicitation", {"user_name": NAME_FORM})
needs_input("test_streaming_elicitation", {"user_name": NAME_FORM})
needs_input(
    "test_input_required_result_sampling", {"capital_question": sample("What is the capital of France?")}
)
needs_input("test_input_required_result_list_roots", {"client_roots": ROOTS})
needs_input("test_input_required_result_request_state", {"confirm": CONFIRM_FORM}, "awaiting-confirm")
needs_input("test_input_required_result_tampered_state", {"confirm": CONFIRM_FORM}, "awaiting-confirm")
needs_input(
    "test_input_required_result_multiple_inputs",
    {"user_name": NAME_FORM, "greeting": sample("Generate a greeting"), "client_roots": ROOTS},
    "awaiting-three",
)


@tool("test_input_required_result_multi_round", "Asks twice, its state moving on each time")
async def multi_round(_ctx: Context, params: Wire) -> Wire:
    answers: Wire = params.get("inputResponses") or {}
    match params.get("requestState"):
        case "round-1" if "step1" in answers:
            return ask({"step2": form("Step 2: What is your favourite colour?", "color")}, "round-2")
        case "round-2" if "step2" in answers:
            return {"content": [text("both steps answered")]}
        case _:
            return ask({"step1": form("Step 1: What is your name?", "name")}, "round-1")


def declared(ctx: Context, capability: str) -> bool:
    have = ctx.session.client_capabilities
    return have is not None and getattr(have, capability) is not None


@tool("test_input_required_result_capabilities", "Asks only what the client can answer")
async def by_capability(ctx: Context, _params: Wire) -> Wire:
    offers = {
        "elicitation": ("user_name", NAME_FORM),
        "sampling": ("greeting", sample("Generate a greeting")),
    }
    requests = {key: request for name, (key, request) in offers.items() if declared(ctx, name)}
    return ask(requests) if requests else {"content": [text("nothing to ask")]}


@tool("test_missing_capability", "Requires sampling")
async def missing_capability(ctx: Context, _params: Wire) -> Wire:
    if not declared(ctx, "sampling"):
        code = types.MISSING_REQUIRED_CLIENT_CAPABILITY
        raise MCPError(code, "This tool needs sampling", {"requiredCapabilities": {"sampling": {}}})
    return {"content": [text("sampling is declared")]}


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
