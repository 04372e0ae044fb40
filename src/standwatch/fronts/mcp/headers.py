"""Headers that repeat a request's body, held against it (MCP 2026-07-28, SEP-2243). Pure.

What routes by a header and what acts by the body must not be told two different things.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

import msgspec

from standwatch.facts.mcp_marks import MARK, PRIMITIVE, TOKEN, at, marks

NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Method → the parameter that `Mcp-Name` repeats."""

_SENTINEL = re.compile(r"=\?base64\?(.*)\?=")
_DECIMAL = re.compile(r"(-?[0-9]{1,40})(?:\.0+)?")


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
    for path, members in marks(schema):
        one = _marked(path, members)
        if one is None or one.header in found:
            return ()
        found[one.header] = one
    return tuple(found.values())


def _marked(path: tuple[str, ...] | None, members: dict[str, Any]) -> Mirrored | None:
    token, kind = members[MARK], members.get("type")
    if not path or not isinstance(token, str) or not TOKEN.fullmatch(token):
        return None
    if not isinstance(kind, str) or kind not in PRIMITIVE:
        return None
    return Mirrored(b"mcp-param-" + token.lower().encode("ascii"), path, kind)


def disagreement(rules: tuple[Mirrored, ...], arguments: dict[str, Any], headers: dict[bytes, bytes]) -> str:
    """The first header that does not say what the arguments say, in words; "" if all agree."""
    for rule in rules:
        raw = headers.get(rule.header)
        value = at(arguments, rule.path)
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


def _rendered(value: Any) -> str | None:
    """`value` as a client writes it into a header; None where no header is owed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _same(kind: str, value: Any, rendered: str, said: str) -> bool:
    if kind == "integer" and type(value) in (int, float) and (number := _DECIMAL.fullmatch(said)):
        return int(number[1]) == value
    return said == rendered
