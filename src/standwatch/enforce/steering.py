"""Which values of a call steer it, by what they are and what their argument is called. Nothing here reads payloads.

Whatever is not known to be prose, by the name of its argument, steers.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import msgspec

from standwatch.facts.naming import is_prose

_TIME: Final = re.compile(
    r"\d{4}-\d{2}(-\d{2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}|[ap]\.?m\.?))?)?)?|"
    r"T?\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}|[ap]\.?m\.?))?|"
    r"P(\d+[YMWD])*(T(\d+[HMS])+)?",
    re.ASCII | re.IGNORECASE,
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """One value of a call that is no object or list: where it stands (RFC 6901), and under what name. `key`: it is
    itself the name of a member."""

    pointer: str
    name: str
    value: Any
    key: bool = False


def leaves(argument: str, value: Any, pointer: str = "") -> Iterable[Leaf]:
    """The values in one argument, and those names of members that may say more than their value: `{"bob": true}`."""
    where = pointer or f"/{escaped(argument)}"
    return (
        _inner(where, argument, value) if isinstance(value, dict | list) else (Leaf(where, argument, value),)
    )


def _inner(pointer: str, argument: str, value: Any) -> Iterator[Leaf]:
    waiting: list[tuple[str, str, Any]] = [(pointer, argument, value)]
    while waiting:
        where, name, found = waiting.pop()
        if isinstance(found, dict):
            for key, member in cast("dict[str, Any]", found).items():
                if _telling(key, member):
                    yield Leaf(where, "", key, key=True)
                waiting.append((f"{where}/{escaped(key)}", key, member))
        elif isinstance(found, list):
            waiting += [(f"{where}/{at}", name, each) for at, each in enumerate(cast("list[Any]", found))]
        else:
            yield Leaf(where, name, found)


def names(argument: str, value: Any) -> Iterator[Leaf]:
    """The names of members that `leaves` takes for mere names: where a map has whom or what as its keys, they steer."""
    waiting: list[tuple[str, Any]] = [(f"/{escaped(argument)}", value)]
    while waiting:
        where, found = waiting.pop()
        if isinstance(found, dict):
            for key, member in cast("dict[str, Any]", found).items():
                if not _telling(key, member):
                    yield Leaf(where, "", key, key=True)
                waiting.append((f"{where}/{escaped(key)}", member))
        elif isinstance(found, list):
            waiting += [(f"{where}/{at}", each) for at, each in enumerate(cast("list[Any]", found))]


def _telling(key: str, member: Any) -> bool:
    """Whether the name of a member says more than what it is the name of."""
    empty = not (member or type(member) in (int, float))
    return _IDENTIFIER.fullmatch(key) is None or empty or member is True


def escaped(name: str) -> str:
    """`name` as a step of a JSON pointer."""
    return name if name.isalnum() else name.replace("~", "~0").replace("/", "~1")


def steers(leaf: Leaf) -> bool:
    """Whether the value as a whole decides what an effect reaches, or how much of it: every number and every text but
    times and prose. Yes, no and nothing say how."""
    value = leaf.value
    if value is None or isinstance(value, bool):
        return False
    if not isinstance(value, str):
        return True
    text = value.strip()
    return bool(text) and not is_prose(leaf.name) and not is_time(text)


def is_time(text: str) -> bool:
    """A date, a time of day, both, or a duration, as ISO 8601 spells them."""
    return len(text) <= 40 and any(map(str.isdigit, text)) and _TIME.fullmatch(text) is not None


def members(schema: dict[str, Any]) -> frozenset[str]:
    """The names of members that a JSON Schema declares, anywhere in it."""
    found: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            each = cast("dict[str, Any]", node)
            declared = each.get("properties")
            found |= cast("dict[str, Any]", declared).keys() if isinstance(declared, dict) else set()
            waiting += each.values()
        elif isinstance(node, list):
            waiting += cast("list[Any]", node)
    return frozenset(found)


def mapping(schema: dict[str, Any]) -> bool:
    """Whether a JSON Schema has, anywhere in it, a map: an object whose members' names are values of the caller's."""
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            each = cast("dict[str, Any]", node)
            if isinstance(each.get("additionalProperties"), dict) or each.get("patternProperties"):
                return True
            waiting += each.values()
        elif isinstance(node, list):
            waiting += cast("list[Any]", node)
    return False
