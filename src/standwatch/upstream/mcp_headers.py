"""The headers that repeat a modern request's body (SEP-2243), made from the body that is sent. Pure.

`Mcp-Param-*` follow the server's own input schema: a property marked `x-mcp-header`.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import MODERN
from standwatch.facts.mcp_marks import MARK, PRIMITIVE, TOKEN, at, marks

ParamHeaders = tuple[tuple[tuple[str, ...], str], ...]
"""(path of property names, header name) pairs of one tool."""

_NAMED: Final = {
    "tools/call": "name", "prompts/get": "name", "resources/read": "uri",
    "tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId",
}  # fmt: skip
_PLAIN = re.compile(r"[\x20-\x7e]*")
_SENTINEL = re.compile(r"=\?base64\?.*\?=")


def modern_headers(
    method: str, params: dict[str, Any], param_headers: ParamHeaders = ()
) -> list[tuple[str, str]]:
    """The three routing headers and the tool's own, for a body with this `method` and these `params`."""
    headers = [("mcp-protocol-version", MODERN), ("mcp-method", method)]
    named = params.get(_NAMED.get(method, ""))
    if isinstance(named, str):
        headers.append(("mcp-name", header_value(named)))
    for path, header in param_headers:
        value = at(params.get("arguments"), path)
        if isinstance(value, bool):
            headers.append((header, "true" if value else "false"))
        elif isinstance(value, str | int | float):
            headers.append((header, header_value(str(value))))
    return headers


def header_value(value: str) -> str:
    """`value` as a header carries it: as it stands if that survives the wire, else its UTF-8 in base64."""
    if _PLAIN.fullmatch(value) and value == value.strip() and not _SENTINEL.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode('utf-8')).decode('ascii')}?="


def param_headers(schema: Any) -> ParamHeaders:
    """What an input schema wants repeated in headers. Raises `Malformed` where its marks break the rules:
    a tool with such a schema cannot be called over HTTP, and is not listed."""
    found: dict[str, tuple[str, ...]] = {}
    for path, members in marks(schema):
        header = "mcp-param-" + _token(members, path).lower()
        if header in found:
            raise Malformed(f"two properties claim the header {header!r}")
        found[header] = path or ()
    return tuple((path, header) for header, path in sorted(found.items()))


def _token(members: dict[str, Any], path: tuple[str, ...] | None) -> str:
    token, kind = members[MARK], members.get("type")
    if not path:
        raise Malformed(f"{MARK} stands where no chain of properties leads")
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise Malformed(f"{MARK} is not a header token")
    if not isinstance(kind, str) or kind not in PRIMITIVE:
        raise Malformed(f"{MARK} stands on a property that is no string, integer or boolean")
    return token
