"""JSONPath (RFC 9535, the part a manifest needs) over structured results."""

import re
from typing import Any, Final, cast


def select(path: str, value: Any) -> list[Any]:
    """The values at a JSONPath of members and wildcards: `$`, `.name`, `[*]`, `[n]`, `..` not included."""
    if not _PATH.fullmatch(path):
        return []  # what is not understood selects nothing: a trusted field is never guessed at
    found = [value]
    for step in _STEP.findall(path.removeprefix("$")):
        name, index = step
        found = [inner for outer in found for inner in _into(outer, name, index)]
    return found


_PATH: Final = re.compile(r"\$(?:\.(?:[A-Za-z_][\w-]*|\*)|\[(?:\*|\d+)\])*", re.ASCII)
_STEP: Final = re.compile(r"\.([A-Za-z_][\w-]*|\*)|\[(\*|\d+)\]")


def _into(value: Any, name: str, index: str) -> list[Any]:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if "*" in (name, index):
            return list(members.values())
        return [members[name]] if name in members else []
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if "*" in (name, index):
            return items
        return [items[int(index)]] if index.isdigit() and int(index) < len(items) else []
    return []
