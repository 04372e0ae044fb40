"""Where in a run's results a value was seen before: for the people who read a run, or are asked about an action of it.

The gateway's own labels, where it sealed them, are shown; nothing here decides anything. Pure.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from standwatch.flow.forms import normal
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail

SHORTEST: Final = 4
"""Characters that a value must have to be looked for in text: a shorter one is found anywhere, which says nothing."""
RESULTS: Final = 60
"""Results, the latest, in which values are looked for,"""
BYTES: Final = 2 << 20
"""and how much of them in all."""


class Sighting(msgspec.Struct, frozen=True):
    """Outcome `index`, of action `id` with `tool`, has the value: in a field that no outside party can write, or
    anywhere else."""

    index: int
    id: str
    tool: str
    trusted: bool


class Results:
    """What tools of one run returned: `learn` each in the run's order, and ask for values in between."""

    def __init__(self) -> None:
        self._kept: list[_Result] = []
        self._bytes = 0

    def learn(self, index: int, read: Read) -> frozenset[str]:
        """Outcome `index` returned this. The spellings of the trusted values in it."""
        trusted = Trail().learn(read)
        one = _Result(index, read.call, read.tool, _folded(read.data.decode("utf-8", "replace")), trusted)
        self._kept.append(one)
        self._bytes += len(one.text)
        while len(self._kept) > RESULTS or (self._bytes > BYTES and len(self._kept) > 1):
            self._bytes -= len(self._kept.pop(0).text)
        return one.trusted

    def seen(self, value: Any) -> tuple[Sighting, ...]:
        """The latest result in which `value` stands in a trusted field, and the latest in which it stands elsewhere;
        the later one first."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ()
        form, text = normal(value), _folded(str(value))
        found: dict[bool, Sighting] = {}
        for one in reversed(self._kept):
            trusted = form in one.trusted
            if trusted not in found and (trusted or (len(text) >= SHORTEST and text in one.text)):
                found[trusted] = Sighting(one.index, one.id, one.tool, trusted)
            if len(found) == 2:
                break
        return tuple(found.values())


class _Result(msgspec.Struct, frozen=True):
    index: int
    id: str
    tool: str
    text: str
    trusted: frozenset[str]


def label(judged: str, seen: tuple[Sighting, ...]) -> str:
    """What a person is told of a value that was judged so: a model's own that an outside party wrote before it did is
    `untrusted`."""
    return "untrusted" if judged == "model" and any(not one.trusted for one in seen) else judged


def value_at(value: Any, pointer: str) -> Any:
    """The value at an RFC 6901 pointer; None where there is none."""
    found = value
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(name)
        elif isinstance(found, list):
            items = cast("list[Any]", found)
            found = items[int(name)] if name.isdecimal() and int(name) < len(items) else None
        else:
            return None
    return found


def _folded(text: str) -> str:
    """As one compares by eye: without spaces, whatever the case."""
    return "".join(text.casefold().split())
