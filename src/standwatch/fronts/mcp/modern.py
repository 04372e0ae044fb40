"""Revision 2026-07-28: one POST, whole in itself; no session, and never a request of ours to the client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from standwatch.enforce.ports import Caller
from standwatch.facts.mcp import MODERN, McpAnswer, McpServer
from standwatch.facts.words import SENTENCES
from standwatch.fronts.http_message import Request, Response, Stream
from standwatch.fronts.mcp import approvals, rounds
from standwatch.fronts.mcp.calls import GOVERNED, subscribe
from standwatch.fronts.mcp.exchange import Exchange, Question
from standwatch.fronts.mcp.headers import NAMED, Mirrored, decode_value, disagreement, mirrored
from standwatch.fronts.mcp.introduction import capabilities, discover
from standwatch.fronts.mcp.lists import LISTS, listing
from standwatch.fronts.mcp.offer import Offer
from standwatch.fronts.mcp.outcome import Outcome, render
from standwatch.fronts.mcp.parked import Parking
from standwatch.fronts.mcp.streams import CHANGED, Standing
from standwatch.fronts.mcp.turn import LEVELS, House, Turn
from standwatch.fronts.mcp.wire import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    UNAVAILABLE,
    UNSUPPORTED_VERSION,
    Id,
    Rejected,
    error_response,
    fault,
    is_id,
)

_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
_LEVEL: Final = "io.modelcontextprotocol/logLevel"
_KEPT: Final = 4096
_INTERRUPTED: Final = fault(UNAVAILABLE, SENTENCES["unavailable"], {"word": "unavailable", "reference": ""})
_FAILED: Final = fault(INTERNAL_ERROR, "The request could not be handled.")


class ModernFront:
    """Requests of 2026-07-28, already authenticated."""

    def __init__(self, house: House, standing: set[Standing]) -> None:
        self._house = house
        self._standing = standing
        self._parking = Parking(house)
        self._mirrored: dict[str, tuple[Mirrored, ...]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def notification(self, request: Request) -> Response:
        """None is defined for this revision: it is dropped, unless it claims a revision we do not serve."""
        version = request.header("mcp-protocol-version") or ""
        if version.strip() != MODERN:
            return error_response(None, _unsupported(version), modern=True)
        return Response(202, content_type="")

    async def request(
        self, request: Request, message: dict[str, Any], caller: Caller, offer: Offer
    ) -> Response | Stream:
        """Answers one request. `message` has a proper id and method."""
        ident: Id = message["id"]
        exchange = Exchange(asyncio.get_running_loop(), modern=True)
        turn = Turn(self._house, caller, offer, self._house.servers(offer.system), exchange, ident)
        try:
            params = self._envelope(request, message, turn)
            method: str = message["method"]
            if method == "subscriptions/listen":
                return await self._listen(turn, params)
            if method in ("tools/call", "resources/read", "prompts/get"):
                rounds.check_responses(params)
                turn.responses = params.get("inputResponses")
            if method in GOVERNED:
                GOVERNED[method][0](turn, params)
            if method == "tools/call":
                self._check_mirrored(request, turn, params)
            if "requestState" in params and method in NAMED and params["requestState"] is not None:
                named, arguments = params[NAMED[method]], _arguments(method, params)
                opened = rounds.reopen(turn, method, named, arguments, params["requestState"])
                if opened.handle:
                    return await self._resume(turn, opened.handle)
                turn.opened = approvals.resume(turn, opened) if opened.asked else opened
        except Rejected as rejected:
            return error_response(ident, rejected.error, modern=True)
        turn.deliver = self._deliver(turn)
        exchange.start(self._work(turn, method, params))
        return await exchange.answer(lambda: self._render(turn, method, params))

    def _envelope(self, request: Request, message: dict[str, Any], turn: Turn) -> dict[str, Any]:
        """The parameters, their envelope held against the headers (the order of checks is the specification's)."""
        params = message.get("params")
        meta: Any = cast("dict[str, Any]", params).get("_meta") if isinstance(params, dict) else None
        if not isinstance(meta, dict) or _VERSION not in meta or _CAPABILITIES not in meta:
            raise Rejected(INVALID_PARAMS, f"params._meta must have {_VERSION} and {_CAPABILITIES}")
        given = cast("dict[str, Any]", params)
        _check_headers(request.headers, message["method"], given, cast("dict[str, Any]", meta)[_VERSION])
        declared, token, level = meta[_CAPABILITIES], meta.get("progressToken"), meta.get(_LEVEL)  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        if not isinstance(declared, dict):
            raise Rejected(INVALID_PARAMS, f"{_CAPABILITIES} must be an object")
        if token is not None and not is_id(token):
            raise Rejected(INVALID_PARAMS, "a progressToken is a string or an integer")
        if level is not None and level not in LEVELS:
            raise Rejected(INVALID_PARAMS, f"{_LEVEL} is none of the levels")
        turn.capabilities = cast("dict[str, Any]", declared)
        turn.token = cast("Id | None", token)
        turn.level = cast("str", level or "")
        return given

    def _check_mirrored(self, request: Request, turn: Turn, params: dict[str, Any]) -> None:
        exposed = turn.offer.tools.get(params["name"])
        server = turn.servers.get(exposed.server) if exposed is not None else None
        definition = (
            server.definitions.get(exposed.bare) if server is not None and exposed is not None else None
        )
        if definition is None:
            return
        rules = self._mirrored.get(definition.digest)
        if rules is None:
            if len(self._mirrored) >= _KEPT:
                self._mirrored.clear()
            rules = self._mirrored[definition.digest] = mirrored(definition.schema)
        if rules and (why := disagreement(rules, params.get("arguments") or {}, request.headers)):
            raise Rejected(HEADER_MISMATCH, why)

    async def _work(self, turn: Turn, method: str, params: dict[str, Any]) -> Outcome:
        if method in GOVERNED:
            return await GOVERNED[method][1](turn, params)
        if method == "tools/list" or method in LISTS:
            return await listing(turn, method, params)
        if method == "server/discover":
            return Outcome(discover(turn.offer, turn.servers), cached=True)
        raise Rejected(METHOD_NOT_FOUND, "Method not found", method)

    def _render(self, turn: Turn, method: str, params: dict[str, Any]) -> Response:
        task = turn.exchange.task
        if task is not None and task.done():
            return self._last_word(turn, task)
        arguments = _arguments(method, params)
        return self._parking.park(turn, method, params[NAMED[method]], arguments)

    def _last_word(self, turn: Turn, task: asyncio.Task[Outcome]) -> Response:
        error = task.exception() if not task.cancelled() else asyncio.CancelledError()
        if error is None:
            return render(task.result(), turn.ident, modern=True)
        if isinstance(error, Rejected):
            return error_response(turn.ident, error.error, modern=True)
        if isinstance(error, asyncio.CancelledError):
            return error_response(turn.ident, _INTERRUPTED, modern=True)
        self._house.on_error(error)
        return error_response(turn.ident, _FAILED, modern=True)

    def cut(self, struck: Callable[[str, Caller], bool]) -> None:
        """Ends those calls that wait for their clients of which `struck` says so."""
        self._parking.cut(struck)

    # Questions of a legacy server.

    def _deliver(self, turn: Turn) -> Any:
        async def deliver(question: Question) -> McpAnswer:
            return await self._parking.ask(turn, question)

        return deliver

    async def _resume(self, turn: Turn, handle: str) -> Response | Stream:
        parked = self._parking.take(handle, turn)
        waiting = parked.turn
        waiting.ident, waiting.token, waiting.level = turn.ident, turn.token, turn.level
        return await waiting.exchange.answer(
            lambda: (
                self._last_word(waiting, task)
                if (task := waiting.exchange.task) is not None and task.done()
                else self._parking.park(waiting, parked.method, parked.named, parked.arguments)
            )
        )

    # Subscriptions.

    async def _listen(self, turn: Turn, params: dict[str, Any]) -> Response | Stream:
        wanted = params.get("notifications")
        if not isinstance(wanted, dict):
            raise Rejected(INVALID_PARAMS, "params.notifications must be an object")
        asked = cast("dict[str, Any]", wanted)
        uris: Any = asked.get("resourceSubscriptions") or []
        most = self._house.limits.subscriptions
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in cast("list[Any]", uris)):
            raise Rejected(INVALID_PARAMS, "resourceSubscriptions must be a list of URIs")
        if len(cast("list[str]", uris)) > most or self._streams_of(turn.caller) >= most:
            raise Rejected(UNAVAILABLE, SENTENCES["unavailable"])
        turn.session = f"listen/{self._house.entropy(16).hex()}"
        turn.capabilities = {}
        granted = await self._subscribe(turn, cast("list[str]", uris))
        kinds = self._honoured(turn.offer, turn.servers, asked)
        standing = Standing(turn.offer.system, turn.caller, kinds, granted)
        honoured: dict[str, Any] = dict.fromkeys(kinds, True)
        if granted:
            honoured["resourceSubscriptions"] = sorted(granted)
        standing.mark(turn.ident, honoured)
        standing.on_open(lambda: self._open(turn, standing))
        return standing.stream()

    async def _subscribe(self, turn: Turn, uris: list[str]) -> set[str]:
        granted: set[str] = set()
        for uri in dict.fromkeys(uris):
            if 0 < len(uri) <= self._house.limits.uri:
                done = await subscribe(turn, uri)
                if done.error is None:
                    granted.add(uri)
        return granted

    def _honoured(self, offer: Offer, servers: Mapping[str, McpServer], asked: dict[str, Any]) -> list[str]:
        able = capabilities(offer, servers)
        return [
            kind
            for method, kind in CHANGED.items()
            if asked.get(kind) is True and method.split("/")[1] in able
        ]

    def _open(self, turn: Turn, standing: Standing) -> list[Any]:
        self._standing.add(standing)

        def end() -> None:
            self._standing.discard(standing)
            task = asyncio.ensure_future(_end_sessions(turn.servers, turn.session))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

        return [end, *(server.listen(turn.session, standing.hear) for server in turn.servers.values())]

    def _streams_of(self, caller: Caller) -> int:
        return sum(1 for one in self._standing if one.caller.principal == caller.principal)


async def _end_sessions(servers: Mapping[str, McpServer], session: str) -> None:
    for server in tuple(servers.values()):
        await server.end_session(session)


def _check_headers(headers: dict[bytes, bytes], method: str, params: dict[str, Any], version: Any) -> None:
    if _plain(headers.get(b"mcp-protocol-version")) != version:
        raise Rejected(HEADER_MISMATCH, "the header MCP-Protocol-Version does not match the body")
    if _plain(headers.get(b"mcp-method")) != method:
        raise Rejected(HEADER_MISMATCH, "the header Mcp-Method does not match the body")
    if method in NAMED:
        named = params.get(NAMED[method])
        if named is not None and decode_value(headers.get(b"mcp-name")) != named:
            raise Rejected(HEADER_MISMATCH, "the header Mcp-Name does not match the body")
    if version != MODERN:
        rejected = Rejected(UNSUPPORTED_VERSION, "")
        rejected.error = _unsupported(version)
        raise rejected


def _plain(raw: bytes | None) -> str | None:
    return None if raw is None else raw.strip(b" \t").decode("latin-1")


def _unsupported(requested: Any) -> Any:
    return fault(
        UNSUPPORTED_VERSION,
        "Unsupported protocol version",
        {"supported": [MODERN], "requested": str(requested)[:100]},
    )


def _arguments(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """What a state is bound to beside the name."""
    return {"uri": params["uri"]} if method == "resources/read" else params.get("arguments") or {}
