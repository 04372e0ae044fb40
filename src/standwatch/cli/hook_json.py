"""A JSON file of somebody else's, changed without touching anything but what is ours: comments, order, layout and
numbers stay as they are. Reads comments and trailing commas too, for some hosts do.

`Text` is what stands there; each change gives a new one. What cannot be read is not changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from standwatch.facts.errors import StandwatchError

_SPACE: Final = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BESIDE: Final = re.compile(r"[ \t]*(?://[^\n]*|/\*[^\n]*?\*/[ \t]*(?=\n))")
_PLAIN: Final = re.compile(r"[-+.\w]+")
_DEEPEST: Final = 64


class Node(NamedTuple):
    """A value between `start` and `end` of the text. `members` of an object by name, `items` of a list."""

    start: int
    end: int
    value: Any
    members: dict[str, Node]
    items: tuple[Node, ...]
    kind: str
    """`object`, `list` or `plain`."""
    first: int = 0
    """Of a member: where its name starts."""


class Unreadable(StandwatchError):
    """The file is not what its host could read, so it is left alone."""

    code = "unreadable"


def read(text: str) -> Node:
    """The value in `text`, an object where there is none at all. Raises `Unreadable`."""
    start = _skip(text, 0)
    if start == len(text):
        return Node(0, 0, {}, {}, (), "object")
    node = _value(text, start, 0)
    if _skip(text, node.end) != len(text):
        raise Unreadable("something stands behind the end of the JSON")
    return node


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> Node:
    if depth > _DEEPEST:
        raise Unreadable("the JSON is nested too deeply")
    match text[at : at + 1]:
        case "{":
            return _object(text, at, depth)
        case "[":
            return _list(text, at, depth)
        case '"':
            value, end = _string(text, at)
            return Node(at, end, value, {}, (), "plain")
        case _:
            found = _PLAIN.match(text, at)
            if found is None:
                raise Unreadable(f"no JSON at character {at}")
            try:
                return Node(at, found.end(), json.loads(found[0]), {}, (), "plain")
            except ValueError:
                raise Unreadable(f"no JSON at character {at}") from None


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    try:
        return json.loads(found[0] if found else "", strict=False), found.end() if found else at
    except ValueError:
        raise Unreadable(f"no JSON text at character {at}") from None


def _object(text: str, start: int, depth: int) -> Node:
    members: dict[str, Node] = {}
    at = _skip(text, start + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise Unreadable(f"no name at character {at}")
        name, end = _string(text, at)
        colon = _skip(text, end)
        if text[colon : colon + 1] != ":" or name in members:
            raise Unreadable(f"{name!r} stands twice, or has no value")
        node = _value(text, _skip(text, colon + 1), depth + 1)
        members[name] = node._replace(first=at)
        at = _next(text, node.end, "}")
    value = {name: node.value for name, node in members.items()}
    return Node(start, at + 1, value, members, (), "object")


def _list(text: str, start: int, depth: int) -> Node:
    items: list[Node] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        node = _value(text, at, depth + 1)
        items.append(node._replace(first=at))
        at = _next(text, node.end, "]")
    return Node(start, at + 1, [node.value for node in items], {}, tuple(items), "list")


def _next(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise Unreadable(f"neither a comma nor {closing} at character {at}")
    return at


# --- changes -------------------------------------------------------------------------------------------------------


def added(text: str, path: tuple[str, ...], entry: Any) -> str:
    """`text` with `entry` at the end of the list at `path`; objects and the list are made where they are missing.

    Raises `Unreadable` where something else stands there.
    """
    node = read(text)
    if node.end == 0:
        return _rendered(_wrapped(path, [entry]), "", _unit(text)) + "\n"
    for depth, name in enumerate(path):
        if node.kind != "object":
            raise Unreadable(f"{'.'.join(path[:depth]) or 'the file'} is no object")
        found = node.members.get(name)
        if found is None:
            return _member(text, node, name, _wrapped(path[depth + 1 :], [entry]))
        node = found
    if node.kind != "list":
        raise Unreadable(f"{'.'.join(path)} is no list")
    return _inserted(text, node, _rendered(entry, _indent(text, node) + _unit(text), _unit(text)))


def put(text: str, name: str, value: Any) -> str:
    """`text` with the member `name` at its top, where it has none."""
    node = read(text)
    if node.end == 0:
        return _rendered({name: value}, "", _unit(text)) + "\n"
    return text if name in node.members else _member(text, node, name, value)


def without(text: str, path: tuple[str, ...], ours: Callable[[Any], bool]) -> str:
    """`text` without the items of the list at `path` that are `ours`; a list or an object left empty goes as well."""
    node = read(text)
    way: list[Node] = [node]
    for name in path:
        if name not in way[-1].members:
            return text
        way.append(way[-1].members[name])
    struck = [item for item in way[-1].items if ours(item.value)]
    if not struck:
        return text
    if len(struck) < len(way[-1].items):
        for item in reversed(struck):
            text = _cut(text, item)
        return text
    for above, here in zip(reversed(way[:-1]), reversed(way[1:]), strict=True):
        if len(above.members) > 1 or above is way[0]:
            return _cut(text, here)
    return text


def _wrapped(path: tuple[str, ...], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _member(text: str, node: Node, name: str, value: Any) -> str:
    shown = _rendered(value, _indent(text, node) + _unit(text), _unit(text))
    return _inserted(text, node, f"{json.dumps(name)}: {shown}")


def _inserted(text: str, node: Node, shown: str) -> str:
    """`shown` behind the last thing in the object or list `node`."""
    inside = [*node.members.values(), *node.items]
    outer = _indent(text, node)
    inner = outer + _unit(text)
    if not inside:
        return f"{text[: node.start + 1]}\n{inner}{shown}\n{outer}{text[node.end - 1 :]}"
    last = max(one.end for one in inside)
    follows = _skip(text, last)
    comma = text[follows : follows + 1] == ","
    head = text[: follows + 1] if comma else f"{text[:last]},"
    rest = text[follows + 1 if comma else last :]
    if beside := _BESIDE.match(rest):  # what is said of the last one stays beside it
        head, rest = head + beside[0], rest[beside.end() :]
    flat = "\n" not in text[node.start : node.end]
    return f"{head}{' ' if flat else chr(10) + inner}{shown}{rest}"


def _cut(text: str, item: Node) -> str:
    """`text` without an item or a member, and without the comma that it needed."""
    start, end = item.first, item.end
    follows = _skip(text, end)
    if text[follows : follows + 1] == ",":
        return text[:start] + text[_skip(text, follows + 1) :]
    before = text[:start].rstrip()
    if before.endswith(","):
        start = len(before) - 1
    elif before.endswith(("{", "[")):
        start, end = len(before), follows
    return text[:start] + text[end:]


def _indent(text: str, node: Node) -> str:
    """What stands before the first letter of the line in which `node` begins."""
    line = text[text.rfind("\n", 0, node.start) + 1 : node.start]
    return line[: len(line) - len(line.lstrip())]


def _unit(text: str) -> str:
    found = re.search(r"\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _rendered(value: Any, indent: str, unit: str) -> str:
    return json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", "\n" + indent)
