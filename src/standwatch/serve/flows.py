"""Where values of a run come from, found again from what its tools returned: for people who read it afterwards.

The gateway's own labels, where it sealed them, are shown instead. Nothing here decides anything.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from standwatch.enforce.origins import origins
from standwatch.enforce.provenance import Trail, normal, trail
from standwatch.fronts.control_runs import Flow

SHORTEST: Final = 4
"""Characters that a value must have to be looked for in text: a shorter one is found anywhere, which says nothing."""
RESULTS: Final = 60
"""Results, the latest, in which values are looked for,"""
BYTES: Final = 2 << 20
"""and how much of them in all."""
VALUES: Final = 100
"""Values of one action that are told."""
_VALUE: Final = 500
"""Characters of a value that are told."""


class _Result(msgspec.Struct, frozen=True):
    index: int
    tool: str
    text: str
    trusted: frozenset[str]


class Flows:
    """Reads a run in its order: `learn` from each result, and `of` each action's arguments before it."""

    def __init__(self, task: str) -> None:
        self._trail: Trail = trail(task)
        self._results: list[_Result] = []
        self._bytes = 0

    def learn(self, index: int, tool: str, paths: tuple[str, ...], data: bytes) -> None:
        """Outcome `index` of `tool` returned `data`, in which `paths` are trusted."""
        own = trail("")
        own.learn_from(paths, data)
        self._trail.trusted |= own.trusted
        text = _folded(data.decode("utf-8", "replace"))
        self._results.append(_Result(index, tool, text, frozenset(own.trusted)))
        self._bytes += len(text)
        while len(self._results) > RESULTS or (self._bytes > BYTES and len(self._results) > 1):
            self._bytes -= len(self._results.pop(0).text)

    def of(self, arguments: dict[str, Any], labels: dict[str, str]) -> tuple[tuple[Flow, ...], int]:
        """The flows into `arguments`, and how many values are left out. `labels` are the gateway's own."""
        places = origins(self._trail, arguments)
        found = [self._flow(pointer, _at(arguments, pointer), labels, places[pointer]) for pointer in places]
        found.sort(key=lambda one: one.pointer)
        return tuple(found[:VALUES]), max(0, len(found) - VALUES)

    def _flow(self, pointer: str, value: Any, labels: dict[str, str], found: str) -> Flow:
        label = labels.get(pointer, found)
        told = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        seen, trusted = self._seen(value)
        if label == "model" and seen is not None and not trusted:
            label = "untrusted"
        source = seen if label in ("trusted", "untrusted") else None
        return Flow(
            pointer,
            told[:_VALUE],
            label,
            source.index if source is not None else -1,
            source.tool if source is not None else "",
            pointer in labels,
        )

    def _seen(self, value: Any) -> tuple[_Result | None, bool]:
        """The latest result where `value` stands in a trusted field, else the latest where it stands at all."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None, False
        form, text = normal(value), _folded(str(value))
        latest = self._results[::-1]
        for one in latest:
            if form in one.trusted:
                return one, True
        if len(text) < SHORTEST:
            return None, False
        return next((one for one in latest if text in one.text), None), False


def _folded(text: str) -> str:
    """As one compares by eye: without spaces, whatever the case."""
    return "".join(text.casefold().split())


def _at(value: Any, pointer: str) -> Any:
    """The value at an RFC 6901 pointer that is known to be there."""
    found = value
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        members, items = cast("dict[str, Any]", found), cast("list[Any]", found)
        found = items[int(name)] if isinstance(found, list) else members[name]
    return found
