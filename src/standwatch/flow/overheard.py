"""What passed through a model's front as somebody's words, told apart by digest: a conversation repeats itself whole
with every request, and of what is repeated nothing is learned twice."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final, cast

import msgspec

MOST: Final = 20_000
"""Digests kept for one run; what comes beyond is learned as often as it comes."""
PENDING: Final = 1 << 18
"""Bytes of results that wait,"""
MOST_WAITING: Final = 1_000
"""and how many of them."""


class Overheard:
    """The texts that a run's trail has."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._waiting: list[bytes] = []
        self._pending = 0

    def new(self, text: bytes) -> bool:
        """Whether `text` comes for the first time; it is known from then on."""
        self._settle()
        return self._new(text)

    def _new(self, text: bytes) -> bool:
        digest = _digest(text)
        if digest in self._known:
            return False
        if len(self._known) < MOST:
            self._known.add(digest)
        return True

    def carried(self, result: bytes) -> None:
        """An MCP result that we carried ourselves, with its fields labelled: as its harness may hand it to a model,
        it is the same, and nothing new. It waits until something is overheard, which in most runs never is."""
        self._waiting.append(result)
        self._pending += len(result)
        if self._pending > PENDING or len(self._waiting) > MOST_WAITING:
            self._settle()

    def _settle(self) -> None:
        waiting, self._waiting, self._pending = self._waiting, [], 0
        for result in waiting:
            for text in _handed_on(result):
                self._new(text.encode("utf-8", "surrogatepass"))


def _handed_on(result: bytes) -> Iterator[str]:
    """The forms in which harnesses put a tool's result into a conversation."""
    try:
        said = msgspec.json.decode(result, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return
    content: Any = said.get("content")
    items = cast("list[Any]", content) if isinstance(content, list) else []
    texts = [text for one in items if (text := _text(one)) is not None]
    yield from texts
    if len(texts) > 1:
        yield from (join.join(texts) for join in ("\n", "\n\n", " ", ""))
    yield from (
        msgspec.json.encode(one).decode()
        for one in (said.get("structuredContent"), said.get("content"))
        if one
    )


def _text(item: Any) -> str | None:
    text: Any = cast("dict[str, Any]", item).get("text") if isinstance(item, dict) else None
    return text if isinstance(text, str) else None


def _digest(text: bytes) -> bytes:
    return blake2b(text.strip(), digest_size=16).digest()
