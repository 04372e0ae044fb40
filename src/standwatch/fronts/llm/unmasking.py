"""Tokens in a model's answer become values again on the way back, also where a token is split over several events.

Only for a prompt in which something was masked: every other answer passes byte for byte.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Final

import msgspec

from standwatch.enforce.masks import MARK, TOKEN, held_back
from standwatch.enforce.texts import replaced
from standwatch.facts.llm import Delta

MOST_UNSETTLED: Final = 4_096
"""Characters of one voice that wait for the rest of a token."""
_SAYING: Final = frozenset(
    {"content", "text", "delta", "arguments", "partial_json", "thinking", "refusal", "reasoning_content"}
)
"""Members in which deltas say something, whatever the provider."""


class _Event(msgspec.Struct):
    """One event that waits. `told`: what its delta is to say; None for what it says."""

    raw: bytes
    data: bytes
    said: str = ""
    told: str | None = None
    settled: bool = True


class Unmasking:
    """`table`: the tokens that the prompt of this answer was given, and their values."""

    def __init__(self, table: dict[str, str]) -> None:
        self._table = table
        self._waiting: deque[_Event] = deque()
        self._voices: dict[tuple[str, str], list[_Event]] = {}

    def whole(self, body: bytes) -> bytes:
        """A whole answer with its values; as it is where nothing was masked."""
        if MARK.encode() not in body:
            return body
        try:
            value: Any = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return body
        return msgspec.json.encode(replaced(value, lambda _, one: self._restored(one)))

    def event(self, raw: bytes, data: bytes, deltas: list[Delta]) -> list[bytes]:
        """The events that may go now, in their order."""
        event = _Event(raw, data)
        self._waiting.append(event)
        if len(deltas) == 1:
            event.said, event.settled = deltas[0].text, False
            voice = self._voices.setdefault((deltas[0].kind, deltas[0].place), [])
            voice.append(event)
            full = "".join(one.said for one in voice)
            if held_back(full) == len(full) or len(full) > MOST_UNSETTLED:
                self._settle(voice, nested=deltas[0].kind == "arguments")
        return self._ready()

    def end(self) -> list[bytes]:
        """What still waits: what looked like the beginning of a token was none."""
        for (kind, _), voice in self._voices.items():
            self._settle(voice, nested=kind == "arguments")
        return self._ready()

    def _settle(self, voice: list[_Event], *, nested: bool) -> None:
        full = "".join(one.said for one in voice)
        told = self._values(full, nested=nested)
        if told != full:
            for one in voice:
                one.told = ""
            voice[0].told = told
        for one in voice:
            one.settled = True
        voice.clear()

    def _ready(self) -> list[bytes]:
        ready: list[bytes] = []
        while self._waiting and self._waiting[0].settled:
            ready.append(self._written(self._waiting.popleft()))
        return ready

    def _written(self, event: _Event) -> bytes:
        if event.told is None and MARK.encode() not in event.data:
            return event.raw
        try:
            value: Any = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return event.raw

        def change(pointer: str, one: Any) -> Any:
            if event.told is not None and one == event.said and pointer.rpartition("/")[2] in _SAYING:
                return event.told
            return self._restored(one)

        return event.raw.replace(event.data, msgspec.json.encode(replaced(value, change)))

    def _restored(self, one: Any) -> Any:
        if not isinstance(one, str) or MARK not in one:
            return one
        return self._values(one, nested=_is_json(one))

    def _values(self, text: str, *, nested: bool) -> str:
        """`text` with its values; `nested` where it is itself the text of JSON."""
        if MARK not in text:
            return text

        def value(token: str) -> str:
            found = self._table.get(token, token)
            return json.dumps(found, ensure_ascii=False)[1:-1] if nested else found

        return TOKEN.sub(lambda found: value(found[0]), text)


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
