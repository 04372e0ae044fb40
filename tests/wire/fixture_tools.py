"""The tools that the conformance scenarios call for, by the names and behaviour their descriptions give.

Results are written as wire dictionaries, so that a reader sees what crosses the wire.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError

Wire = dict[str, Any]
Context = ServerRequestContext[Any, Any]
Tool = Callable[[Context, Wire], Awaitable[Wire]]

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
