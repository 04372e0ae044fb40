"""One request of one client, and everything that answering it needs to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from standwatch.enforce.ports import Caller, Gate, Resumed
from standwatch.facts.mcp import McpAnswer, McpServer
from standwatch.fronts.mcp.exchange import Exchange, Question
from standwatch.fronts.mcp.offer import Offer
from standwatch.fronts.mcp.sealed import Binding, Sealer, State
from standwatch.fronts.mcp.wire import Id, encode, write_notification

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""Log levels, least severe first (RFC 5424)."""

DEFAULT_TIMEOUT: Final = 60.0

_progress = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Limits(msgspec.Struct, frozen=True):
    """Bounds of the MCP front. Seconds and counts."""

    state_seconds: int = 900
    """How long a client may take to answer a question."""
    session_idle: int = 1800
    sessions: int = 64
    """Legacy sessions of one principal; further ones end the one that was idle longest."""
    calls: int = 128
    """Calls under way in one legacy session, or waiting for answers for one principal."""
    name: int = 512
    """Characters of a tool's or prompt's name."""
    uri: int = 8192
    subscriptions: int = 100
    """Resources one client may subscribe to; streams one principal may listen on."""


class House(msgspec.Struct, frozen=True):
    """What every request shares."""

    gate: Gate
    servers: Callable[[str], Mapping[str, McpServer]]
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]
    sealer: Sealer
    limits: Limits
    on_error: Callable[[BaseException], None]


class Deliver(Protocol):
    """Brings a question to the client and its answer back."""

    async def __call__(self, question: Question) -> McpAnswer: ...


class Turn:
    """INVARIANT: `token`, `level`, `deliver` and `exchange` follow the request that waits now; all else is fixed."""

    __slots__ = (
        "caller", "capabilities", "deliver", "exchange", "house", "ident", "level", "modern",
        "offer", "opened", "remember", "responses", "resumes", "servers", "session", "token",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - built once per request: keyword arguments are measurably dearer
        self,
        house: House,
        caller: Caller,
        offer: Offer,
        servers: Mapping[str, McpServer],
        exchange: Exchange,
        ident: Id,
    ) -> None:
        self.house = house
        self.caller = caller
        self.offer = offer
        self.servers = servers
        self.exchange = exchange
        self.ident = ident
        self.modern = exchange.modern
        self.session = ""
        self.capabilities: dict[str, Any] = {}
        self.token: Id | None = None
        self.level = ""
        self.deliver: Deliver | None = None
        self.responses: dict[str, Any] | None = None
        """`inputResponses` of a 2026-07-28 request, as given."""
        self.opened: State | None = None
        """Its `requestState`, opened: what the server's own state was."""
        self.resumes: Resumed | None = None
        """The question that its `requestState` says people were asked."""
        self.remember: Callable[[str], None] | None = None
        """Tells a 2025-11-25 session which question its client was shown."""

    def binding(self, method: str, target: str, digest: str) -> Binding:
        """What a state of this request is bound to."""
        return Binding(self.caller.principal, self.caller.run, self.offer.system, method, target, digest)

    def upstream_session(self, offered: dict[str, Any]) -> str:
        """The name under which servers keep this caller apart from others."""
        if self.session:
            return self.session
        kinds = "".join(kind[0] for kind in offered)
        return f"{self.offer.system}/{self.caller.principal}/{self.caller.run}/{kinds}"

    @property
    def listens(self) -> bool:
        """Whether notifications of this call would reach anybody."""
        return not self.modern or self.token is not None or bool(self.level)

    async def notify(self, method: str, params: bytes) -> None:
        """Relays a notification of this call, with the client's own token; what nobody asked for is dropped."""
        match method:
            case "notifications/progress" if self.token is not None:
                params = _with_token(params, self.token)
            case "notifications/message" if self._wants(params):
                pass
            case "notifications/elicitation/complete" if not self.modern:
                pass
            case _:
                return
        if params:
            self.exchange.emit(write_notification(method, params))
            await asyncio.sleep(0)

    def _wants(self, params: bytes) -> bool:
        if not self.level:
            return not self.modern
        try:
            level = msgspec.json.decode(_progress.decode(params)["level"], type=str)
            return LEVELS.index(level) >= LEVELS.index(self.level)
        except (msgspec.DecodeError, KeyError, ValueError, RecursionError):
            return False


def _with_token(params: bytes, token: Id) -> bytes:
    """Progress under the client's token; b"" where it is not progress."""
    try:
        members = _progress.decode(params)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return b""
    wanted = encode(token)
    if bytes(members.get("progressToken", b"")) == wanted:
        return params
    members["progressToken"] = msgspec.Raw(wanted)
    return encode(members)
