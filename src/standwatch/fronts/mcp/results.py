"""Results on their way from a server of one revision to a client of another. Pure.

What is not ours to say passes bit for bit. `plain` is what every server's result goes through first; the others
take plain results only, in which a byte search finds whatever a decoder would.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw

from standwatch.facts.mcp import McpAnswer, McpError
from standwatch.fronts.mcp.wire import INTERNAL_ERROR, INVALID_PARAMS, SERVER_INFO, SERVER_INFO_KEY, encode

RESOURCE_NOT_FOUND: Final = -32002
URL_ELICITATION_REQUIRED: Final = -32042

_COMPLETE: Final = Raw(b'"complete"')
_ZERO: Final = Raw(b"0")
_PRIVATE: Final = Raw(b'"private"')
_META: Final = encode({SERVER_INFO_KEY: SERVER_INFO})
_STAMP: Final = b'"resultType":"complete","_meta":' + _META
_INFO: Final = Raw(encode(SERVER_INFO))
_KEY: Final = SERVER_INFO_KEY.encode("ascii")

_members = msgspec.json.Decoder(dict[str, Raw])


class Interim(msgspec.Struct, frozen=True):
    """The half-way result of 2026-07-28. `requests`: what the server asks, by its keys."""

    kind: str = msgspec.field(name="resultType", default="complete")
    requests: dict[str, Asked] = msgspec.field(name="inputRequests", default_factory=dict[str, "Asked"])
    state: str | None = msgspec.field(name="requestState", default=None)


class Asked(msgspec.Struct, frozen=True):
    """One thing a server asks of its client."""

    method: str
    params: Raw = Raw(b"{}")


_interim = msgspec.json.Decoder(Interim)


def plain(answer: McpAnswer) -> McpAnswer:
    """`answer` with the members of its result spelt in one way, each once; a result that is no object is an error.

    INVARIANT: what was judged is what the client reads. JSON spells one name in many ways (RFC 8259 §8.3) and
    leaves open which of two equal names counts (§4), so neither may be left to the client's decoder.
    """
    if answer.error is not None:
        return answer
    try:
        members = _members.decode(answer.result)
        kind = members.get("resultType")
        if kind is not None and kind != _COMPLETE and b"\\" in bytes(kind):
            members["resultType"] = Raw(encode(msgspec.json.decode(kind)))
        result = encode(members)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        error = McpError(INTERNAL_ERROR, "The server's result is not an object.")
        return msgspec.structs.replace(answer, result=b"", error=error)
    return answer if result == answer.result else msgspec.structs.replace(answer, result=result)


def interim(result: bytes) -> Interim | None:
    """The result if it asks for input, else None. Raises `msgspec.DecodeError` where it asks in a wrong form."""
    if b'"input_required"' not in result:
        return None
    found = _interim.decode(result)
    return found if found.kind == "input_required" else None


def is_error(result: bytes) -> bool:
    """Whether a tool result says of itself that the tool failed."""
    if b'"isError"' not in result:
        return False
    try:
        return _members.decode(result).get("isError") == Raw(b"true")
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return True


def for_modern(result: bytes, *, cached: bool = False) -> bytes:
    """`result` with what 2026-07-28 requires. `cached`: lists and reads, which were filtered for one caller and
    must be neither shared nor kept (`ttlMs` 0, `cacheScope` private), whatever the server said."""
    if not cached:
        has_type, has_meta = b'"resultType"' in result, b'"_meta"' in result
        if not has_type and not has_meta:
            return b"{" + _STAMP + (b"}" if _empty(result) else b"," + result[1:])
        if has_type and _KEY in result and result.startswith(b"{"):
            members = _members.decode(result)
            if "resultType" in members and _KEY in bytes(members.get("_meta", b"")):
                return result
    members = _members.decode(result)
    members.setdefault("resultType", _COMPLETE)
    if cached and members["resultType"] == _COMPLETE:
        members["ttlMs"] = _ZERO
        members["cacheScope"] = _PRIVATE
    meta = _members.decode(members.get("_meta", b"{}"))
    meta.setdefault(SERVER_INFO_KEY, _INFO)
    members["_meta"] = Raw(encode(meta))
    return encode(members)


def _empty(result: bytes) -> bool:
    return len(result) < 16 and not _members.decode(result)


def for_legacy(result: bytes) -> bytes:
    """`result` without what only 2026-07-28 knows."""
    if not (b'"resultType"' in result or b'"ttlMs"' in result or b'"cacheScope"' in result or _KEY in result):
        return result
    members = _members.decode(result)
    for name in ("resultType", "ttlMs", "cacheScope"):
        members.pop(name, None)
    if "_meta" in members and _KEY in bytes(members["_meta"]):
        meta = _members.decode(members["_meta"])
        meta.pop(SERVER_INFO_KEY, None)
        if meta:
            members["_meta"] = Raw(encode(meta))
        else:
            del members["_meta"]
    return encode(members)


def error_for_modern(error: McpError) -> McpError:
    """`error` without the codes that 2026-07-28 forbids."""
    if error.code == RESOURCE_NOT_FOUND:
        return McpError(INVALID_PARAMS, error.message, error.data)
    if error.code == URL_ELICITATION_REQUIRED:
        return McpError(INTERNAL_ERROR, error.message)
    return error


def renamed(tool: bytes, name: str) -> bytes:
    """A tool's or prompt's JSON under another name; all else bit for bit."""
    members = _members.decode(tool)
    members["name"] = Raw(encode(name))
    return encode(members)


def member(item: bytes, name: str) -> str:
    """The string member `name` of a JSON object; "" where there is none."""
    try:
        value: Any = msgspec.json.decode(_members.decode(item).get(name, b"null"))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ""
    return value if isinstance(value, str) else ""
