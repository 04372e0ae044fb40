"""What a model said, gathered while it passes: for the record, for budgets, and for whoever inspects it."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Protocol

import msgspec

from standwatch.facts.llm import Delta, Prompt
from standwatch.facts.spending import Usage

MOST_KEPT: Final = 1 << 20
"""Bytes of a model's words that are kept beside the outcome; of more, the beginning."""
MOST_TEXT: Final = 4 << 10
"""Characters of an upstream's own error that are kept."""


class Hearer(Protocol):
    """Reads the answer of one API."""

    def event(self, event: bytes, data: bytes) -> list[Delta]:
        """What one event of the stream says. Raises `Malformed` for what cannot be read."""
        ...

    def whole(self, body: bytes) -> list[Delta]:
        """What a whole answer says. Raises `Malformed`."""
        ...

    @property
    def facts(self) -> Facts: ...


class Facts(msgspec.Struct):
    """What an answer says of itself."""

    id: str = ""
    model: str = ""
    finish: list[str] = []
    usage: Usage | None = None
    ended: bool = False
    """Whether the stream said that it is complete."""


class Heard:
    """The account of one answer: what was said, and what of it was sent on."""

    def __init__(self, prompt: Prompt, facts: Facts) -> None:
        self._prompt = prompt
        self._facts = facts
        self._said: dict[tuple[str, str], list[str]] = {}
        self._kept = 0
        self._sha = hashlib.sha256()
        self._bytes = self._events = 0
        self.status = 0
        self.request = ""
        self.error = ""

    def said(self, delta: Delta) -> None:
        """More of what the model says."""
        self._kept += len(delta.text)
        if self._kept <= MOST_KEPT:
            self._said.setdefault((delta.kind, delta.place), []).append(delta.text)

    def sent(self, data: bytes, events: int = 1) -> None:
        """These bytes were sent on."""
        self._sha.update(data)
        self._bytes += len(data)
        self._events += events

    def document(self, ended: str) -> bytes:
        """What is sealed beside the outcome. `ended`: `whole`, or why not.

        It may be asked for while another thread still hears: of what is said then it has some.
        """
        facts = self._facts
        members: dict[str, Any] = {
            "kind": "generation.1",
            "api": self._prompt.api,
            "status": self.status,
            "ended": ended,
            "bytes": self._bytes,
            "sha256": self._sha.hexdigest(),
            "said": [
                {"kind": kind, "place": place, "text": "".join(pieces)}
                for (kind, place), pieces in list(self._said.items())
            ],
        }
        if self._prompt.stream:
            members["events"] = self._events
        if self._kept > MOST_KEPT:
            members["left_out"] = self._kept - MOST_KEPT
        if facts.usage is not None:
            members["usage"] = facts.usage
        for name, value in (
            ("id", facts.id),
            ("model", facts.model),
            ("request", self.request),
            ("error", self.error),
        ):
            if value:
                members[name] = value[:MOST_TEXT]
        if facts.finish:
            members["finish"] = facts.finish
        return msgspec.json.encode(members)
