"""Who hears what a server says beside its calls: list changes and updated resources, in either revision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.upstream import mcp_wire as wire
from standwatch.upstream.mcp_http import internal
from standwatch.upstream.mcp_session import Introduced

Listener = Callable[[str, bytes], None]

_LISTS: Final = (
    ("tools", "toolsListChanged"),
    ("prompts", "promptsListChanged"),
    ("resources", "resourcesListChanged"),
)
_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
_DAY: Final = 86_400.0
_AGAIN: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
MOST_SUBSCRIBED: Final = 1000
MOST_PER_SECOND: Final = 1000
"""Notifications that belong to no call; a server that floods is heard no further in that second."""

_members = msgspec.json.Decoder(dict[str, Raw])
_updated = msgspec.json.Decoder(dict[str, Any])


class Subscriptions:
    """Routes notifications, and keeps a modern server's `subscriptions/listen` open for all sessions together."""

    def __init__(
        self, call: Callable[[McpCall], Awaitable[McpAnswer]], tools_changed: Callable[[], None]
    ) -> None:
        self._call = call
        self._tools_changed = tools_changed
        self._listeners: dict[str, list[Listener]] = {}
        self._uris: dict[str, set[str]] = {}
        self._introduced = Introduced("")
        self._open: asyncio.Task[None] | None = None
        self._second = 0.0
        self._heard = 0

    def listen(self, session: str, heard: Listener) -> Callable[[], None]:
        self._listeners.setdefault(session, []).append(heard)

        def end() -> None:
            listeners = self._listeners.get(session, [])
            if heard in listeners:
                listeners.remove(heard)
            if not listeners:
                self._listeners.pop(session, None)

        return end

    def wanted(self, session: str) -> bool:
        return session in self._listeners

    def hear(self, session: str, method: str, params: bytes) -> None:
        """A notification from `session`'s own channel, or with "" from the one that all share."""
        now = asyncio.get_running_loop().time()
        if now - self._second >= 1.0:
            self._second, self._heard = now, 0
        self._heard += 1
        if self._heard > MOST_PER_SECOND:
            return
        match method:
            case "notifications/tools/list_changed":
                if not session:
                    self._tools_changed()
            case (
                "notifications/subscriptions/acknowledged"
                | "notifications/progress"
                | "notifications/cancelled"
            ):
                return
            case _:
                pass
        for heard in self._concerned(session, method, params):
            # Not from here: this may be a transport's callback, and an exception would cost the connection.
            asyncio.get_running_loop().call_soon(heard, method, _unmarked(params))

    def _concerned(self, session: str, method: str, params: bytes) -> list[Listener]:
        if session:
            return list(self._listeners.get(session, ()))
        if method == "notifications/resources/updated" and self._introduced.revision == wire.MODERN:
            uri = _uri(params)
            names = [name for name, uris in self._uris.items() if uri in uris]
        elif method == "notifications/message":
            names = [""]  # it may speak of anybody's call: only who shares the channel hears it
        else:
            names = list(self._listeners)
        return [heard for name in names for heard in self._listeners.get(name, ())]

    # A modern server's one subscription.

    def begin(self, introduced: Introduced) -> None:
        """The server is up, perhaps anew."""
        self._introduced = introduced
        self._reopen()

    def subscribe(self, call: McpCall) -> McpAnswer:
        """`resources/subscribe` and its opposite, which a modern server knows only as part of a subscription."""
        uri = call.params.get("uri")
        if not isinstance(uri, str):
            return wire.fault("a subscription names a uri", sent=False)
        uris = self._uris.setdefault(call.session, set())
        before = self._wished()
        if call.method == "resources/subscribe":
            if sum(map(len, self._uris.values())) >= MOST_SUBSCRIBED:
                return wire.fault("too many resources are subscribed to", sent=False)
            uris.add(uri)
        else:
            uris.discard(uri)
        if self._wished() != before:
            self._reopen()
        return McpAnswer(b"{}")

    def end_session(self, session: str) -> None:
        self._listeners.pop(session, None)
        if self._uris.pop(session, None):
            self._reopen()

    async def close(self) -> None:
        if self._open is not None:
            self._open.cancel()
            await asyncio.gather(self._open, return_exceptions=True)

    def _wished(self) -> dict[str, Any]:
        offered = self._introduced.capabilities
        wished: dict[str, Any] = {}
        for kind, flag in _LISTS:
            if _announces(offered.get(kind)):
                wished[flag] = True
        if uris := sorted({uri for uris in self._uris.values() for uri in uris}):
            wished["resourceSubscriptions"] = uris
        return wished

    def _reopen(self) -> None:
        if self._open is not None:
            self._open.cancel()
            self._open = None
        if self._introduced.revision == wire.MODERN and self._wished():
            self._open = asyncio.ensure_future(self._keep_open())

    async def _keep_open(self) -> None:
        attempt = 0
        while True:
            began = asyncio.get_running_loop().time()
            said = await self._call(internal("subscriptions/listen", _DAY, notifications=self._wished()))
            if said.error is not None and said.error.code == wire.METHOD_NOT_FOUND:
                return
            attempt = 0 if asyncio.get_running_loop().time() - began > _AGAIN[-1] else attempt + 1
            await asyncio.sleep(_AGAIN[min(attempt, len(_AGAIN) - 1)])
            self._tools_changed()  # whatever was announced meanwhile went unheard


def _announces(capability: object) -> bool:
    return isinstance(capability, dict) and cast("dict[str, Any]", capability).get("listChanged") is True


def _uri(params: bytes) -> str:
    try:
        return str(_updated.decode(params).get("uri", ""))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ""


def _unmarked(params: bytes) -> bytes:
    """Without the id of our own subscription, which is nobody else's."""
    if _SUBSCRIPTION.encode() not in params:
        return params
    try:
        members = _members.decode(params)
        meta = _members.decode(members.pop("_meta", Raw(b"{}")))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return b"{}"
    meta.pop(_SUBSCRIPTION, None)
    return msgspec.json.encode({**members, "_meta": meta} if meta else members)
