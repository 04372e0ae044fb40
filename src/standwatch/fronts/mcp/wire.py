"""JSON-RPC as bytes: ids, answers, errors and their HTTP status, frames of a stream. Pure.

Sources: JSON-RPC 2.0; MCP 2026-07-28 "Streamable HTTP" and "Error codes"; MCP 2025-11-25 "Transports".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from standwatch import __version__
from standwatch.facts.mcp import LEGACY, McpAnswer, McpError
from standwatch.facts.sse import encode_comment, encode_event
from standwatch.facts.words import Word
from standwatch.fronts.http_message import Headers, Response

Id = str | int

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022
REQUEST_CANCELLED: Final = -32800
"""Legacy only: how the official SDK's server ends a request that its client cancelled."""

STATUS: Final = {
    PARSE_ERROR: 400, INVALID_REQUEST: 400, INVALID_PARAMS: 400, METHOD_NOT_FOUND: 404,
    HEADER_MISMATCH: 400, MISSING_CAPABILITY: 400, UNSUPPORTED_VERSION: 400,
}  # fmt: skip
"""HTTP status of a 2026-07-28 error; 200 for every other code, and for every error of the older revisions."""

PENDING: Final = 4002
REFUSED: Final = 4003
UNAVAILABLE: Final = 4503
NO_ANSWER: Final = 4504
"""Our own codes, outside the range that JSON-RPC reserves: the words an agent may hear, and "sent, not answered".
`data` is `{"word", "reference"}`. On `tools/call` the same stands in a result that `isError`: a model reads it."""

CODE: Final[dict[Word, int]] = {
    "refused": REFUSED, "pending": PENDING, "unavailable": UNAVAILABLE, "invalid": INVALID_PARAMS,
}  # fmt: skip

HANDSHAKE: Final = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", LEGACY})
"""Revisions that begin with `initialize`."""

UNANSWERED: Final = (
    "The action was sent, but no answer came. It may have taken effect: do not repeat it blindly."
)
WITHHELD: Final = "The action was carried out. Its result is withheld."

SERVER_INFO: Final = {"name": "standwatch", "version": __version__}
SERVER_INFO_KEY: Final = "io.modelcontextprotocol/serverInfo"
SUBSCRIPTION_KEY: Final = "io.modelcontextprotocol/subscriptionId"
REPLY_KEY: Final = "standwatch/reply"
"""The `_meta` key of a tool result that carries one of our words."""

PING: Final = encode_comment(b"ping")
SSE_HEADERS: Final[Headers] = (("x-accel-buffering", "no"),)

encode: Final = msgspec.json.Encoder().encode


def write_id(ident: Id | None) -> bytes:
    """The id as JSON; `null` where the request had none that could be read."""
    return b"%d" % ident if type(ident) is int else encode(ident)


def write_result(ident: Id | None, result: bytes) -> bytes:
    """A response whose `result` is passed on bit for bit."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (write_id(ident), result)


def write_error(ident: Id | None, error: McpError) -> bytes:
    """A response that bears an error."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (write_id(ident), error_object(error))


def error_object(error: McpError) -> bytes:
    """The error's own JSON."""
    data = b',"data":%b' % error.data if error.data else b""
    return b'{"code":%d,"message":%b%b}' % (error.code, encode(error.message), data)


def write_request(ident: int, method: str, params: bytes) -> bytes:
    """A request of ours to a legacy client."""
    return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (ident, encode(method), params)


def write_notification(method: str, params: bytes) -> bytes:
    """A notification."""
    return b'{"jsonrpc":"2.0","method":%b,"params":%b}' % (encode(method), params or b"{}")


def frame(message: bytes) -> bytes:
    """One message as a server-sent event. No id: a stream cannot be resumed, and says so by having none."""
    return encode_event(message, event=b"message")


def fault(code: int, message: str, data: Any = None) -> McpError:
    """An error of ours."""
    return McpError(code, message, b"" if data is None else encode(data))


class Rejected(Exception):
    """A request that goes no further: its error, and the status where it is not the code's own."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = fault(code, message, data)


def error_response(ident: Id | None, error: McpError, *, modern: bool, headers: Headers = ()) -> Response:
    """The HTTP answer to a well-formed request that ends in `error`."""
    return Response(STATUS.get(error.code, 200) if modern else 200, write_error(ident, error), headers)


def transport_fault(status: int, code: int, message: str, headers: Headers = ()) -> Response:
    """The HTTP answer to what is no well-formed request: no id can be echoed."""
    return Response(status, write_error(None, fault(code, message)), headers)


def is_id(value: Any) -> bool:
    """Whether `value` may be a request's id (MCP: a string or an integer, never null)."""
    return type(value) is int or (type(value) is str and len(value) <= 1024)


def accepts(accept: str | None, wanted: Collection[str]) -> bool:
    """Whether an Accept header takes each of `wanted` (RFC 9110 §12.5.1; weights are not looked at)."""
    given = {part.partition(";")[0].strip().lower() for part in (accept or "").split(",")}
    return "*/*" in given or all(kind in given or kind.partition("/")[0] + "/*" in given for kind in wanted)


def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type says JSON."""
    return (content_type or "").partition(";")[0].strip().lower() == "application/json"


def answered(result: Any = None, error: Any = None) -> McpAnswer:
    """A client's answer to a server's request, from the values of its JSON."""
    if not isinstance(error, dict):
        return McpAnswer(encode(result))
    code, message = error.get("code"), error.get("message")  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    data = error.get("data")  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    code = code if type(code) is int else INTERNAL_ERROR  # pyright: ignore[reportUnknownArgumentType]
    return McpAnswer(error=fault(code, str(message)[:1000], data))  # pyright: ignore[reportUnknownArgumentType]
