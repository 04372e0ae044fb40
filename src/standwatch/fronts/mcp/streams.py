"""Streams that belong to no call: GET of the older revisions, `subscriptions/listen` of 2026-07-28."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from standwatch.enforce.ports import Caller
from standwatch.fronts.http_message import Stream, Writer
from standwatch.fronts.mcp.wire import (
    PING,
    SSE_HEADERS,
    SUBSCRIPTION_KEY,
    Id,
    encode,
    frame,
    write_notification,
    write_result,
)

PATIENCE: Final = 15.0
MOST_FRAMES: Final = 256

COMPLETE: Final = "notifications/elicitation/complete"
UPDATED: Final = "notifications/resources/updated"
CHANGED: Final = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}
"""Notification → the member of a subscription that asks for it."""

_members = msgspec.json.Decoder(dict[str, Raw])


class Standing:
    """One open stream. `kinds`: what it wants of `CHANGED`; `uris`: the resources it wants to hear of, by name."""

    def __init__(self, system: str, caller: Caller, kinds: Iterable[str], uris: set[str]) -> None:
        self.system = system
        self.caller = caller
        self._kinds = frozenset(kinds)
        self._uris = uris
        self._frames: list[bytes] = []
        self._news = asyncio.Event()
        self._writer: Writer | None = None
        self._over = False
        self._marked: dict[str, Any] | None = None
        self._last = PING
        self._begin: Callable[[], Iterable[Callable[[], None]]] = tuple

    def mark(self, ident: Id, honoured: dict[str, Any]) -> None:
        """Makes it a 2026-07-28 subscription: acknowledged first, every notification marked with `ident`."""
        self._marked = {SUBSCRIPTION_KEY: ident}
        acknowledged = encode({"notifications": honoured, "_meta": self._marked})
        self.say("notifications/subscriptions/acknowledged", acknowledged)
        done = encode({"resultType": "complete", "_meta": self._marked})
        self._last = frame(write_result(ident, done))

    def on_open(self, begin: Callable[[], Iterable[Callable[[], None]]]) -> None:
        """Says what begins when the stream really opens; it returns what ends it."""
        self._begin = begin

    def hear(self, method: str, params: bytes) -> None:
        """A notification of a server; what was not asked for goes by."""
        if method == UPDATED:
            if _uri(params) in self._uris:
                self.say(method, params)
        elif CHANGED.get(method) in self._kinds:
            # A burst of changes is one change: nothing in the notification tells them apart.
            self.say(method, b"{}", once=True)

    def say(self, method: str, params: bytes, *, once: bool = False) -> None:
        """A notification for whoever listens. `once`: not while the same one waits to be read."""
        if self._over or len(self._frames) >= MOST_FRAMES:
            return
        if self._marked is not None:
            params = _with_meta(params, self._marked)
        said = frame(write_notification(method, params))
        if once and said in self._frames:
            return
        self._frames.append(said)
        self._news.set()

    def cut(self) -> None:
        """Ends it now, whatever the client has not read; a subscription that can still be told is told."""
        if self._over:
            return
        self._over = True
        self._news.set()
        if self._writer is not None:
            self._writer.cut(self._last)

    def stream(self) -> Stream:
        """The HTTP answer."""
        return Stream(self._produce, headers=SSE_HEADERS, ends_early=True)

    async def _produce(self, writer: Writer) -> None:
        self._writer = writer
        ends = tuple(self._begin())
        try:
            if not self._frames:
                await writer.send(PING)  # the head alone would leave some clients waiting
            while not self._over:
                await self._once(writer)
        finally:
            self._over = True
            for end in ends:
                end()

    async def _once(self, writer: Writer) -> None:
        waiting, self._frames = self._frames, []
        self._news.clear()
        if waiting:
            await writer.send(b"".join(waiting))
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._news.wait()
        except TimeoutError:
            if not self._over:  # cut in the very moment of the timeout
                await writer.send(PING)


def _uri(params: bytes) -> str:
    try:
        value: Any = msgspec.json.decode(_members.decode(params).get("uri", b"null"))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ""
    return value if isinstance(value, str) else ""


def _with_meta(params: bytes, marks: dict[str, Any]) -> bytes:
    members = _members.decode(params or b"{}")
    meta = cast("dict[str, Any]", dict(_members.decode(members.get("_meta", b"{}"))))
    members["_meta"] = Raw(encode({**meta, **marks}))
    return encode(members)
