"""The MCP endpoint: who may come in at all, and in which revision they speak.

The order of checks: Host and Origin, verb, credential, Accept and Content-Type, JSON, then the revision's own rules.
Nothing of a body is looked at before its sender is known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

from standwatch.enforce.ports import Caller, Gate
from standwatch.facts.canonical import parse
from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.facts.mcp import McpServer
from standwatch.fronts.door import CHALLENGE, shown
from standwatch.fronts.http_message import EVENT_STREAM, JSON, Request, Response, Stream
from standwatch.fronts.http_origin import LOOPBACK_HOSTS, LOOPBACK_ORIGINS, ORIGIN_STATUS, check_origin
from standwatch.fronts.mcp.legacy import LegacyFront
from standwatch.fronts.mcp.modern import ModernFront
from standwatch.fronts.mcp.offer import Offer, compile_offer
from standwatch.fronts.mcp.sealed import Sealer
from standwatch.fronts.mcp.streams import Standing
from standwatch.fronts.mcp.turn import House, Limits
from standwatch.fronts.mcp.wire import (
    HANDSHAKE,
    INVALID_REQUEST,
    PARSE_ERROR,
    accepts,
    is_id,
    is_json,
    transport_fault,
)

_BOTH: Final = (JSON, EVENT_STREAM)
_USUAL: Final = frozenset({b"application/json, text/event-stream", b"text/event-stream, application/json"})
_HANDSHAKE: Final = frozenset(version.encode("ascii") for version in HANDSHAKE)

UNAUTHENTICATED: Final = Response(
    401,
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Unauthorized"}}',
    (CHALLENGE,),
)


class McpFront:
    """`/mcp/{system}`. Belongs to one event loop.

    `servers` gives a system's servers by name; `clock` µs since 1970; `entropy` that many random bytes; `key` 32
    bytes that all workers share; `hosts` and `origins` as `check_origin` takes them.
    """

    def __init__(
        self,
        gate: Gate,
        servers: Callable[[str], Mapping[str, McpServer]],
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        *,
        key: bytes,
        hosts: Collection[str] = LOOPBACK_HOSTS,
        origins: Collection[str] = LOOPBACK_ORIGINS,
        limits: Limits | None = None,
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._gate = gate
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)
        self._house = House(gate, servers, clock, entropy, Sealer(key, entropy), limits or Limits(), on_error)
        self._standing: set[Standing] = set()
        self._modern = ModernFront(self._house, self._standing)
        self._legacy = LegacyFront(self._house, self._standing)
        self._compiled: Configuration | None = None
        self._offers: dict[str, Offer | None] = {}
        self._known_hosts: set[bytes] = set()

    async def handle(self, request: Request, system: str) -> Response | Stream:
        """Answers one request for `system`."""
        refused = self._outside(request)
        if refused is not None:
            return refused
        try:
            caller = self._gate.identify(
                request.header("authorization") or "",
                system,
                request.header("standwatch-run") or "",
                shown(request),
            )
        except Forbidden:
            return UNAUTHENTICATED
        offer = self._offer(system)
        if offer is None:
            return UNAUTHENTICATED
        if request.method == "POST":
            return await self._post(request, caller, offer)
        found = self._legacy.find(request, caller, system)
        if isinstance(found, Response):
            return found
        if request.method == "GET":
            return self._legacy.stream(request, found, caller, offer)
        return self._legacy.delete(found)

    def cut(self, struck: Callable[[str, Caller], bool]) -> None:
        """Cuts the streams and waiting calls of which `struck` says so, given their system and caller."""
        for standing in tuple(self._standing):
            if struck(standing.system, standing.caller):
                standing.cut()
        self._modern.cut(struck)

    def runs(self) -> frozenset[str]:
        """The runs that listen here."""
        return frozenset(one.caller.run for one in self._standing if one.caller.run)

    def changed(self, system: str) -> None:
        """What `system` offers has changed (a hold, a configuration): whoever listens is told to list again."""
        for standing in tuple(self._standing):
            if standing.system == system:
                standing.hear("notifications/tools/list_changed", b"{}")

    def answered(self, ident: str) -> None:
        """Question `ident` is settled: whoever was shown its page is told, where the revision has a way."""
        self._legacy.answered(ident)

    def _outside(self, request: Request) -> Response | None:
        """Host, Origin and verb."""
        host, origin = request.headers.get(b"host"), request.headers.get(b"origin")
        if origin is not None or host not in self._known_hosts:
            wrong = check_origin(request.header("host"), request.header("origin"), self._hosts, self._origins)
            if wrong is not None:
                return transport_fault(ORIGIN_STATUS[wrong], INVALID_REQUEST, "Forbidden Host or Origin")
            if host is not None and origin is None and len(self._known_hosts) < 64:
                self._known_hosts.add(host)
        if request.method == "POST":
            return None
        if not _handshake(request):
            return Response(405, b"", (("allow", "POST"),), "")
        if request.method not in ("GET", "DELETE"):
            return Response(405, b"", (("allow", "GET, POST, DELETE"),), "")
        return None

    def _offer(self, system: str) -> Offer | None:
        configuration = self._gate.configuration
        if configuration is not self._compiled:
            self._offers = {}
            self._compiled = configuration
        if system not in self._offers:
            offer = compile_offer(configuration, system)
            if offer is None:  # not kept: the names that callers can make up have no end
                return None
            self._offers[system] = offer
        return self._offers[system]

    async def _post(self, request: Request, caller: Caller, offer: Offer) -> Response | Stream:
        modern = not _handshake(request)
        accept = request.headers.get(b"accept")
        if accept not in _USUAL and not accepts(request.header("accept"), _BOTH):
            if modern:
                return Response(406, b"", (), "")
            return transport_fault(
                406, INVALID_REQUEST, "Not Acceptable: application/json, text/event-stream"
            )
        if request.headers.get(b"content-type") != b"application/json" and not is_json(
            request.header("content-type")
        ):
            return transport_fault(415, INVALID_REQUEST, "Unsupported Media Type: application/json")
        try:
            value: Any = parse(request.body)
        except Malformed:
            return transport_fault(400, PARSE_ERROR, "Parse error")
        if not isinstance(value, dict) or not _proper(message := cast("dict[str, Any]", value)):
            return transport_fault(400, INVALID_REQUEST, "Invalid Request")
        if modern:
            return await self._modern_post(request, message, caller, offer)
        return await self._legacy_post(request, message, caller, offer)

    async def _modern_post(
        self, request: Request, message: dict[str, Any], caller: Caller, offer: Offer
    ) -> Response | Stream:
        if "method" not in message:
            return transport_fault(400, INVALID_REQUEST, "Invalid Request")
        if "id" not in message:
            return self._modern.notification(request)
        return await self._modern.request(request, message, caller, offer)

    async def _legacy_post(
        self, request: Request, message: dict[str, Any], caller: Caller, offer: Offer
    ) -> Response | Stream:
        if message.get("method") == "initialize" and "id" in message:
            return self._legacy.initialize(message, caller, offer)
        session = self._legacy.find(request, caller, offer.system)
        if isinstance(session, Response):
            return session
        if "id" not in message or "method" not in message:
            return self._legacy.incoming(message, session)
        return await self._legacy.request(request, message, caller, session, offer)


def _handshake(request: Request) -> bool:
    """Whether the request belongs to a handshake revision: its version header says so, or is absent."""
    version = request.headers.get(b"mcp-protocol-version")
    return version is None or version.strip(b" \t") in _HANDSHAKE


def _proper(message: dict[str, Any]) -> bool:
    """Whether this is one JSON-RPC message: a request, a notification or a response."""
    if message.get("jsonrpc") != "2.0" or ("id" in message and not is_id(message["id"])):
        return False
    if "method" in message:
        return isinstance(message["method"], str) and "result" not in message and "error" not in message
    return "id" in message and (("result" in message) != ("error" in message))
