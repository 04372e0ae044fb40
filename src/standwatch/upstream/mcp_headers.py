"""The headers that repeat a modern request's body (SEP-2243), made from the body that is sent. Pure.

`Mcp-Param-*` follow the server's own input schema: a property marked `x-mcp-header`.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final, cast

from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import MODERN

ParamHeaders = tuple[tuple[tuple[str, ...], str], ...]
"""(path of property names, header name) pairs of one tool."""

_NAMED: Final = {
    "tools/call": "name", "prompts/get": "name", "resources/read": "uri",
    "tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId",
}  # fmt: skip
_MARK: Final = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_PLAIN = re.compile(r"[\x20-\x7e]*")
_SENTINEL = re.compile(r"=\?base64\?.*\?=")
_PRIMITIVE: Final = frozenset({"string", "integer", "boolean"})
_ONE: Final = frozenset({
    "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties", "not",
    "if", "then", "else", "contentSchema",
})  # fmt: skip
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS: Final = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})


def modern_headers(
    method: str, params: dict[str, Any], param_headers: ParamHeaders = ()
) -> list[tuple[str, str]]:
    """The three routing headers and the tool's own, for a body with this `method` and these `params`."""
    headers = [("mcp-protocol-version", MODERN), ("mcp-method", method)]
    named = params.get(_NAMED.get(method, ""))
    if isinstance(named, str):
        headers.append(("mcp-name", header_value(named)))
    for path, header in param_headers:
        value = _at(params.get("arguments"), path)
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
    waiting: list[tuple[tuple[str, ...] | None, Any]] = [((), schema)]
    while waiting:  # a stack of our own: depth is the server's choice
        path, node = waiting.pop()
        if not isinstance(node, dict):
            continue
        members = cast("dict[str, Any]", node)
        if _MARK in members:
            header = "mcp-param-" + _token(members, path).lower()
            if header in found:
                raise Malformed(f"two properties claim the header {header!r}")
            found[header] = path or ()
        waiting.extend(_inner(path, members))
    return tuple((path, header) for header, path in sorted(found.items()))


def _token(members: dict[str, Any], path: tuple[str, ...] | None) -> str:
    token, kind = members[_MARK], members.get("type")
    if not path:
        raise Malformed(f"{_MARK} stands where no chain of properties leads")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise Malformed(f"{_MARK} is not a header token")
    if not isinstance(kind, str) or kind not in _PRIMITIVE:
        raise Malformed(f"{_MARK} stands on a property that is no string, integer or boolean")
    return token


def _inner(path: tuple[str, ...] | None, members: dict[str, Any]) -> list[tuple[tuple[str, ...] | None, Any]]:
    """The schemas within a schema (JSON Schema 2020-12 applicators); only `properties` keeps the path."""
    inner: list[tuple[tuple[str, ...] | None, Any]] = []
    for keyword, value in members.items():
        if keyword == "properties" and isinstance(value, dict):
            for name, sub in cast("dict[str, Any]", value).items():
                inner.append((None if path is None else (*path, name), sub))
        elif keyword in _ONE:
            inner.append((None, value))
        elif keyword in _LISTS and isinstance(value, list):
            inner.extend((None, sub) for sub in cast("list[Any]", value))
        elif keyword in _MAPS and isinstance(value, dict):
            inner.extend((None, sub) for sub in cast("dict[str, Any]", value).values())
    return inner


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(name)
    return value
