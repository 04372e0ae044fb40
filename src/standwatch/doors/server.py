"""The door as an MCP server over stdio, in both revisions (2026-07-28, 2025-11-25): one line in, one line out.

Calls are done one after the other: there is one connection. A COMMIT that nobody knows the end of is answered by
nothing: the server ends, so that whoever waits hears that its call was cut off rather than that it failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, Protocol, cast

from standwatch import __version__
from standwatch.doors.errors import Error, Unknown
from standwatch.doors.offer import tools
from standwatch.facts.mcp import LEGACY, MODERN

MOST_LINE: Final = 4 << 20
"""Bytes of one message."""
_HANDSHAKE: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
_INFO: Final = {"name": "standwatch-door-postgres", "version": __version__}
_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_PARSE, _REQUEST, _METHOD, _PARAMS, _REVISION = -32700, -32600, -32601, -32602, -32022


class Calls(Protocol):
    """Who does a call."""

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]: ...


class RpcError(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.data = code, data


class Server:
    """`judged`: behind the gateway, which has judged every call."""

    def __init__(self, desk: Calls, *, judged: bool) -> None:
        self._desk = desk
        self._tools = tools(judged=judged)

    def answer(self, line: bytes) -> bytes | None:
        """The answer to one message; None for what wants none. Raises `Unknown`."""
        ident: Any = None
        try:
            message = _read(line)
            ident = message.get("id")
            if "id" not in message or "method" not in message:
                return None  # a notification, or an answer to what we never asked
            said: dict[str, Any] = {"result": self._result(message)}
        except RpcError as error:
            about = {"code": error.code, "message": str(error)}
            said = {"error": about | ({"data": error.data} if error.data is not None else {})}
        return json.dumps({"jsonrpc": "2.0", "id": ident, **said}, default=str).encode()

    def _result(self, message: dict[str, Any]) -> dict[str, Any]:
        params = message.get("params")
        members = cast("dict[str, Any]", params) if isinstance(params, dict) else {}
        meta = members.get("_meta")
        revision = cast("dict[str, Any]", meta).get(_VERSION) if isinstance(meta, dict) else None
        if revision not in (None, MODERN):
            supported = {"supported": [MODERN], "requested": revision}
            raise RpcError(_REVISION, "Unsupported protocol version", supported)
        found = self._method(message["method"], members)
        if revision is None:
            return found
        stamped = {"resultType": "complete", **found}
        stamped["_meta"] = {"io.modelcontextprotocol/serverInfo": _INFO}
        if message["method"] in ("server/discover", "tools/list"):
            stamped |= {"ttlMs": 0, "cacheScope": "private"}
        return stamped

    def _method(self, method: Any, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "initialize":
                asked = params.get("protocolVersion")
                version = asked if asked in _HANDSHAKE else LEGACY
                return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": _INFO}
            case "server/discover":
                return {"supportedVersions": [MODERN], "capabilities": {"tools": {}}}
            case "ping":
                return {}
            case "tools/list":
                return {"tools": self._tools}
            case "tools/call":
                return self._call(params)
            case _:
                raise RpcError(_METHOD, "Method not found")

    def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        name, given = params.get("name"), params.get("arguments", {})
        known = next((tool for tool in self._tools if tool["name"] == name), None)
        if known is None or not isinstance(given, dict):
            raise RpcError(_PARAMS, "Unknown tool")
        arguments = cast("dict[str, Any]", given)
        if strange := arguments.keys() - known["inputSchema"]["properties"].keys():
            return _failed(f"{', '.join(sorted(strange))[:200]}: no such argument")
        try:
            found = self._desk.call(str(name), arguments)
        except Unknown:
            raise
        except Exception as error:
            return _failed(worded(error))
        plain = json.loads(json.dumps(found, default=str))
        return {
            "content": [{"type": "text", "text": json.dumps(plain)}],
            "structuredContent": plain,
            "isError": False,
        }


def serve(server: Server, lines: Iterable[bytes], write: Any) -> int:
    """Answer every line until there are none; the exit code: 3 where a call was cut off."""
    for line in lines:
        if not line.strip():
            continue
        try:
            answer = server.answer(line)
        except Unknown:
            return 3
        if answer is not None:
            write(answer + b"\n")
    return 0


def worded(error: Exception) -> str:
    """What went wrong, for whoever called: the driver's own words, without where in its source they were written."""
    first = error.args[0] if error.args else None
    if isinstance(error, Error) or not isinstance(first, dict):
        return f"{type(error).__name__}: {error}"[:2_000]
    said = cast("dict[str, Any]", first)
    return f"{said.get('S', 'ERROR')} {said.get('C', '')}: {said.get('M', '')}"[:2_000]


def _read(line: bytes) -> dict[str, Any]:
    if len(line) > MOST_LINE:
        raise RpcError(_REQUEST, f"a message is at most {MOST_LINE} bytes")
    try:
        message: Any = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise RpcError(_PARSE, "Parse error") from None
    if not isinstance(message, dict):
        raise RpcError(_REQUEST, "Invalid Request")
    return cast("dict[str, Any]", message)


def _failed(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": True}
