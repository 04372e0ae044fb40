"""`x-mcp-header` marks in a tool's input schema (MCP 2026-07-28, SEP-2243): which arguments a header repeats. Pure."""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

MARK: Final = "x-mcp-header"
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
PRIMITIVE: Final = frozenset({"string", "integer", "boolean"})
"""What a marked property may be."""

Path = tuple[str, ...]

_ONE: Final = frozenset({
    "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties", "not",
    "if", "then", "else", "contentSchema",
})  # fmt: skip
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS: Final = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})


def marks(schema: Any) -> Iterator[tuple[Path | None, dict[str, Any]]]:
    """Every schema inside `schema` that carries a mark, with the chain of properties that leads to it.

    The path is None where no such chain does (below an array, a condition, a definition): such a mark breaks the rules.
    """
    waiting: list[tuple[Path | None, Any]] = [((), schema)]
    while waiting:  # a stack of our own: the schema's depth is the server's choice
        path, node = waiting.pop()
        if not isinstance(node, dict):
            continue
        members = cast("dict[str, Any]", node)
        if MARK in members:
            yield path, members
        waiting.extend(_inner(path, members))


def _inner(path: Path | None, members: dict[str, Any]) -> list[tuple[Path | None, Any]]:
    """The schemas within a schema (JSON Schema 2020-12 applicators); only `properties` keeps the path."""
    inner: list[tuple[Path | None, Any]] = []
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


def at(value: Any, path: Path) -> Any:
    """What lies at the end of `path` in nested objects; None where it leads nowhere."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(name)
    return value
