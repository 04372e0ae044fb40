"""JSON-RPC as MCP speaks it: what is read of a server's message, and how ours are written. Pure.

Results, errors' data and parameters stay the bytes they came as; only what routes them is looked at.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from standwatch import __version__
from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import LEGACY, MODERN, McpAnswer, McpCall, McpError, Revision

__all__ = ["LEGACY", "MODERN", "Revision"]

FAULT: Final = 1
"""The code of an error that no server sent: the way to it failed. Outside JSON-RPC's reserved range."""

METHOD_NOT_FOUND: Final = -32601
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

HANDSHAKE: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that begin with `initialize`, oldest first."""

CLIENT_INFO: Final = {"name": "standwatch", "version": __version__}
_RESERVED: Final = "io.modelcontextprotocol/"
_VERSION: Final = _RESERVED + "protocolVersion"
_CAPABILITIES: Final = _RESERVED + "clientCapabilities"
_INFO: Final = _RESERVED + "clientInfo"
_LOG_LEVEL: Final = _RESERVED + "logLevel"

Id = int | str


class Message(msgspec.Struct, frozen=True, gc=False):
    """One JSON-RPC message. Raw members are empty where absent; `id` UNSET where absent, None where null."""

    jsonrpc: Literal["2.0"]
    id: int | str | UnsetType | None = UNSET
    method: str = ""
    params: Raw = Raw()
    result: Raw = Raw()
    error: Raw = Raw()

    @property
    def is_response(self) -> bool:
        return not self.method

    @property
    def is_notification(self) -> bool:
        return bool(self.method) and self.id is UNSET


class _Error(msgspec.Struct, frozen=True, gc=False):
    code: int
    message: str = ""
    data: Raw = Raw()


class _Progress(msgspec.Struct, frozen=True, gc=False):
    token: Id = msgspec.field(name="progressToken")


class _Cancelled(msgspec.Struct, frozen=True, gc=False):
    request: Id = msgspec.field(name="requestId")


_message = msgspec.json.Decoder(Message)
_error = msgspec.json.Decoder(_Error)
_progress = msgspec.json.Decoder(_Progress)
_cancelled = msgspec.json.Decoder(_Cancelled)
_members = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode
_UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeError)


def read(raw: bytes) -> Message:
    """The message in `raw` (a batch is none). Raises `Malformed`."""
    try:
        message = _message.decode(raw)
        if not raw.isascii():
            raw.decode("utf-8")  # msgspec skips over raw members without looking at their bytes
    except _UNREADABLE as error:
        raise Malformed(f"not a JSON-RPC message: {str(error)[:200]}") from None
    return message


def answer(message: Message) -> McpAnswer:
    """What a response says; an answer that is neither result nor error, or both, is a fault."""
    result, error = bytes(message.result), bytes(message.error)
    if result and not error:
        return McpAnswer(result)
    if error and not result:
        try:
            told = _error.decode(error)
        except _UNREADABLE:
            return fault("the server's error is not a JSON-RPC error")
        return McpAnswer(error=McpError(told.code, told.message, bytes(told.data)))
    return fault("the server's answer holds neither a result nor an error")


def fault(why: str, *, sent: bool = True, timed_out: bool = False) -> McpAnswer:
    """The answer where the server gave none."""
    return McpAnswer(error=McpError(FAULT, why), sent=sent, timed_out=timed_out)


def write_request(ident: int, method: str, params: dict[str, Any]) -> bytes:
    return _encode({"jsonrpc": "2.0", "id": ident, "method": method, "params": params})


def write_notification(method: str, params: dict[str, Any] | None = None) -> bytes:
    body: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    return _encode(body if params is None else {**body, "params": params})


def write_reply(ident: Id, said: McpAnswer) -> bytes:
    """Our answer to a request of the server's."""
    if said.error is None:
        return _encode({"jsonrpc": "2.0", "id": ident, "result": Raw(said.result or b"{}")})
    error: dict[str, Any] = {"code": said.error.code, "message": said.error.message}
    if said.error.data:
        error["data"] = Raw(said.error.data)
    return _encode({"jsonrpc": "2.0", "id": ident, "error": error})


def modern_params(call: McpCall, ident: int) -> dict[str, Any]:
    """`call`'s parameters in this request's own envelope (2026-07-28); the caller's other `_meta` stays."""
    meta = _foreign_meta(call.params)
    meta[_VERSION] = MODERN
    meta[_CAPABILITIES] = call.capabilities
    meta[_INFO] = CLIENT_INFO
    if call.log_level:
        meta[_LOG_LEVEL] = call.log_level
    if call.progress_token is not None:
        meta["progressToken"] = ident
    return {**call.params, "_meta": meta}


def legacy_params(call: McpCall, ident: int) -> dict[str, Any]:
    """`call`'s parameters without an envelope; the progress token is the request's id."""
    params = call.params
    if call.progress_token is None and "_meta" not in params:
        return params
    meta = _foreign_meta(params)
    if call.progress_token is not None:
        meta["progressToken"] = ident
    params = {name: value for name, value in params.items() if name != "_meta"}
    return {**params, "_meta": meta} if meta else params


def _foreign_meta(params: dict[str, Any]) -> dict[str, Any]:
    given = params.get("_meta")
    if not given:
        return {}
    # INVARIANT: what the specification reserves is ours to say; a caller cannot claim a version or a capability.
    return {k: v for k, v in given.items() if k != "progressToken" and not k.startswith(_RESERVED)}


def progress_token(params: Raw) -> Id | None:
    """The token that progress parameters bear; None where there is none."""
    try:
        return _progress.decode(params).token
    except _UNREADABLE:
        return None


def with_progress_token(params: Raw, token: Id) -> bytes:
    """Progress parameters under the caller's own token, all else as it came."""
    return _encode({**_members.decode(params), "progressToken": Raw(_encode(token))})


def cancelled_request(params: Raw) -> Id | None:
    """Which request `notifications/cancelled` names."""
    try:
        return _cancelled.decode(params).request
    except _UNREADABLE:
        return None
