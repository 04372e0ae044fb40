"""Headers that repeat a request's body, held against it (MCP 2026-07-28, SEP-2243). Pure.

What routes by a header and what acts by the body must not be told two different things.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final, cast

import msgspec

NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Method → the parameter that `Mcp-Name` repeats."""

_MARK: Final = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_SENTINEL = re.compile(r"=\?base64\?(.*)\?=")
_DECIMAL = re.compile(r"(-?[0-9]{1,40})(?:\.0+)?")
_PRIMITIVE: Final = frozenset({"string", "integer", "boolean"})
_ONE: Final = frozenset({
    "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties", "not",
    "if", "then", "else", "contentSchema",
})  # fmt: skip
_MANY: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED_SCHEMAS: Final = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})


class Mirrored(msgspec.Struct, frozen=True):
    """One argument that a header repeats: the header's lower-case name, the path of properties, the JSON type."""

    header: bytes
    path: tuple[str, ...]
    kind: str


def decode_value(raw: bytes | None) -> str | None:
    """What a header's value stands for; None where there is none or it is malformed.

    `=?base64?…?=` around the whole value is taken apart; base64 that is not canonical is malformed, for two
    spellings of one value are two values to somebody.
    """
    if raw is None or not raw.isascii():
        return None
    value = raw.strip(b" \t").decode("ascii")
    found = _SENTINEL.fullmatch(value)
    if found is None:
        return value
    try:
        decoded = base64.b64decode(found[1], validate=True)
        if base64.b64encode(decoded).decode("ascii") != found[1]:
            return None
        return decoded.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None


def mirrored(schema: Any) -> tuple[Mirrored, ...]:
    """The arguments that a tool's input schema wants repeated; none where its marks break the rules, since a
    client that follows them does not use such a tool and sends no such header."""
    found: dict[bytes, Mirrored] = {}
    waiting: list[tuple[tuple[str, ...] | None, Any]] = [((), schema)]
    while waiting:  # a stack of our own: the schema's depth is the server's choice
        path, node = waiting.pop()
        if not isinstance(node, dict):
            continue
        members = cast("dict[str, Any]", node)
        if _MARK in members:
            one = _marked(path, members)
            if one is None or one.header in found:
                return ()
            found[one.header] = one
        waiting.extend(_inner(path, members))
    return tuple(found.values())


def _marked(path: tuple[str, ...] | None, members: dict[str, Any]) -> Mirrored | None:
    token, kind = members[_MARK], members.get("type")
    if not path or not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    if not isinstance(kind, str) or kind not in _PRIMITIVE:
        return None
    return Mirrored(b"mcp-param-" + token.lower().encode("ascii"), path, kind)


def _inner(path: tuple[str, ...] | None, members: dict[str, Any]) -> list[tuple[tuple[str, ...] | None, Any]]:
    """The schemas inside a schema (JSON Schema 2020-12 applicators); only `properties` keeps a path."""
    inner: list[tuple[tuple[str, ...] | None, Any]] = []
    for keyword, value in members.items():
        if keyword == "properties" and isinstance(value, dict):
            for name, sub in cast("dict[str, Any]", value).items():
                inner.append((None if path is None else (*path, name), sub))
        elif keyword in _ONE:
            inner.append((None, value))
        elif keyword in _MANY and isinstance(value, list):
            inner.extend((None, sub) for sub in cast("list[Any]", value))
        elif keyword in _NAMED_SCHEMAS and isinstance(value, dict):
            inner.extend((None, sub) for sub in cast("dict[str, Any]", value).values())
    return inner


def disagreement(rules: tuple[Mirrored, ...], arguments: dict[str, Any], headers: dict[bytes, bytes]) -> str:
    """The first header that does not say what the arguments say, in words; "" if all agree."""
    for rule in rules:
        raw = headers.get(rule.header)
        value = _at(arguments, rule.path)
        rendered = _rendered(value)
        name = rule.header.decode("ascii")
        if rendered is None:
            if raw is not None:
                return f"the header {name} repeats an argument that the body does not have"
        elif raw is None:
            return f"the header {name} is missing"
        elif (said := decode_value(raw)) is None or not _same(rule.kind, value, rendered, said):
            return f"the header {name} does not match the body"
    return ""


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(name)
    return value


def _rendered(value: Any) -> str | None:
    """`value` as a client writes it into a header; None where no header is owed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _same(kind: str, value: Any, rendered: str, said: str) -> bool:
    if kind == "integer" and type(value) in (int, float) and (number := _DECIMAL.fullmatch(said)):
        return int(number[1]) == value
    return said == rendered
