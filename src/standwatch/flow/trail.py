"""The memory of one run: what it has read, and where a value comes from therefore.

A value is never guessed into a better provenance than what can be shown.
"""

from typing import Any, Final, cast

import msgspec

from standwatch.facts.configuration import Source
from standwatch.flow.forms import WORD, normal
from standwatch.flow.origin import Embedded, Origin, Place, Read
from standwatch.flow.past import Past
from standwatch.flow.path import select

MAX_VALUES: Final = 20_000
"""Trusted values remembered in one run; beyond it new ones are not learned, so later values count as `model`."""


class Trail:
    """What one run has read so far: its task, and what its tools returned."""

    def __init__(self, task: str = "", behalf: str = "") -> None:
        self.task = task
        self.known = True
        """False where the task could not be read back: then nothing has the provenance `task`, nor is it known whom
        it serves."""
        self.behalf = behalf
        """Whom the run serves, as the principal that opened it said."""
        self.vouched: dict[tuple[int, str], bytes] = {}
        """(question, argument) → canonical bytes of the value that people vouched for, as this process read it
        back."""
        self.past = Past()
        """What was let through in this run."""
        self.read_untrusted = False
        """Whether anything was read that an outside party could have written."""
        self.secrets: dict[str, Place] = {}
        """The values that fields declared `secret` returned, in their one spelling, and where."""
        self._words = frozenset(
            form for word in WORD.findall(task) for form in (normal(word), normal(word.strip(".,:")))
        )
        self._trusted: dict[str, Place] = {}

    def learn(self, read: Read) -> frozenset[str]:
        """Take into account what was read. Returns the spellings of the trusted values in it."""
        self.read_untrusted = True
        if not read.told_by_us:
            return frozenset()
        place = Place(read.server, read.tool, read.call)
        structured = _structured(read.data)
        for value in _selected(read.returns.secret, structured):
            self.secrets[normal(value)] = place
        found = {normal(value) for value in _selected(read.returns.trusted, structured)}
        for form in found:
            if len(self._trusted) < MAX_VALUES:
                self._trusted[form] = place
        return frozenset(found)

    def source(self, value: Any) -> Source:
        """The provenance of an argument's value."""
        return self.origin(value).source

    def origin(self, value: Any) -> Origin:
        """Where an argument's value comes from. A container has the worst that is in it, its members' names too;
        an empty one came from nowhere."""
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return self._worst([*members, *members.values()])
        if isinstance(value, list):
            return self._worst(cast("list[Any]", value))
        form = normal(value)
        if form in self._words:
            return Origin("task")
        found = self._trusted.get(form)
        return Origin("model") if found is None else Origin("trusted", (found,))

    def _worst(self, values: list[Any]) -> Origin:
        found = [self.origin(value) for value in values]
        return max(found, key=lambda one: _WORST.index(one.source), default=Origin("model"))

    def embedded(self, text: str) -> tuple[Embedded, ...]:
        """What could steer inside the free text `text`, each with its own origin."""
        return ()

    def secret_in(self, value: Any) -> tuple[Place, ...]:
        """Where the secrets were read that `value` carries."""
        found = self.secrets.get(normal(value)) if isinstance(value, str | int | float) else None
        return () if found is None else (found,)


_WORST: Final[tuple[Source, ...]] = ("task", "trusted", "untrusted", "model")


def _selected(paths: tuple[str, ...], structured: Any) -> list[Any]:
    found = [value for path in paths for value in select(path, structured)]
    return [value for value in found if isinstance(value, str | int | float)]


def _structured(data: bytes) -> Any:
    """The value of a raw MCP tool result: its `structuredContent`, or JSON in its text; None for neither."""
    try:
        members = msgspec.json.decode(data, type=dict[str, Any])
        structured = members.get("structuredContent")
        if structured is None:
            structured = _json_text(members.get("content"))
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return None
    wrapped = cast("dict[str, Any]", structured) if isinstance(structured, dict) else {}
    # SDKs wrap a result that is no object.
    return wrapped["result"] if set(wrapped) == {"result"} else structured


def _json_text(content: Any) -> Any:
    """The value of a result whose only content is one text that is JSON; None otherwise."""
    items = cast("list[Any]", content) if isinstance(content, list) else []
    text: Any = (
        cast("dict[str, Any]", items[0]).get("text")
        if len(items) == 1 and isinstance(items[0], dict)
        else None
    )
    return msgspec.json.decode(text.encode()) if isinstance(text, str) else None
