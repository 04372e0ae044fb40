"""The sessions of Anthropic's agent SDK: which calls stand in them, so that each has one name however often it is made.

A session that is resumed after its processes ended goes on from a transcript. A call whose result stands there was
made; one without a result may have been, and the model is told so and often makes it again, under another id. Here both
are one call: it is named by how often the same call came to a result before.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from standwatch.client.acts import Go


@dataclass(slots=True)
class Open:
    """A call that was let go and has not ended. `asked`: whether the host asked its own user about it."""

    go: Go
    what: str
    input: dict[str, Any]
    marks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    asked: bool = False


class Session:
    """The calls of one session, or of one sub-agent in it."""

    def __init__(self, name: str, transcript: str) -> None:
        self.name = name
        self._ended = Counter(finished(transcript))
        self.open: dict[str, Open] = {}
        self.barred = ""
        """Why no more calls are made in it."""

    def key(self, what: str) -> str:
        """The name of the next call `what`: after those that have ended, and those that are under way."""
        beside = sum(one.what == what for one in self.open.values())
        return f"{self.name}/{self._ended[what] + beside}"

    def end(self, what: str) -> None:
        """One more has come to a result that the model hears."""
        self._ended[what] += 1


def what_of(tool: str, arguments: dict[str, Any]) -> str:
    """A short name for a call."""
    return hashlib.sha256(json.dumps([tool, arguments], sort_keys=True).encode()).hexdigest()[:24]


def finished(transcript: str) -> Iterator[str]:
    """The calls in a transcript that came to a result, errors left out: what failed, or was interrupted, the record
    tells apart. Nothing where there is no such file."""
    asked: dict[str, str] = {}
    try:
        with Path(transcript).open(encoding="utf-8") as lines:
            for line in lines:
                for block in _blocks(line):
                    ident, kind = block.get("id"), block.get("type")
                    if kind == "tool_use" and isinstance(ident, str):
                        asked[ident] = what_of(str(block.get("name")), block.get("input") or {})
                    elif kind == "tool_result" and not block.get("is_error"):
                        what = asked.pop(str(block.get("tool_use_id")), "")
                        if what:
                            yield what
    except OSError:
        return


def _blocks(line: str) -> list[dict[str, Any]]:
    try:
        said: Any = json.loads(line)
    except ValueError:  # the last line of what was killed
        return []
    message: Any = cast("dict[str, Any]", said).get("message") if isinstance(said, dict) else None
    content: Any = cast("dict[str, Any]", message).get("content") if isinstance(message, dict) else None
    found = cast("list[Any]", content) if isinstance(content, list) else []
    return [cast("dict[str, Any]", one) for one in found if isinstance(one, dict)]
