"""Revisions 2024-11-05 to 2025-11-25: a handshake, a session, a stream that belongs to no call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from standwatch.enforce.ports import Caller
from standwatch.facts.mcp import LEGACY, McpAnswer, McpCall
from standwatch.facts.words import SENTENCES
from standwatch.fronts.http_message import EVENT_STREAM, Request, Response, Stream
from standwatch.fronts.mcp.calls import GOVERNED, subscribe
from standwatch.fronts.mcp.exchange import Exchange, Question
from standwatch.fronts.mcp.introduction import initialize, negotiated
from standwatch.fronts.mcp.lists import LISTS, listing, resource_owner
from standwatch.fronts.mcp.offer import Offer
from standwatch.fronts.mcp.outcome import Outcome, render
from standwatch.fronts.mcp.session import Session, Sessions
from standwatch.fronts.mcp.streams import CHANGED, Standing
from standwatch.fronts.mcp.turn import LEVELS, House, Turn
from standwatch.fronts.mcp.wire import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    REQUEST_CANCELLED,
    UNAVAILABLE,
    Id,
    Rejected,
    accepts,
    answered,
    error_response,
    fault,
    is_id,
    transport_fault,
    write_result,
)

_CANCELLED: Final = fault(REQUEST_CANCELLED, "Request cancelled")
_FAILED: Final = fault(INTERNAL_ERROR, "The request could not be handled.")
_MISSING: Final = transport_fault(400, INVALID_REQUEST, "Bad Request: Missing session ID")
_UNKNOWN: Final = transport_fault(404, INVALID_REQUEST, "Session not found")


class LegacyFront:
    """Requests of the handshake revisions, already authenticated."""

    def __init__(self, house: House, standing: set[Standing]) -> None:
        self._house = house
        self._standing = standing
        limits = house.limits
        self._sessions = Sessions(
            house.entropy, house.clock, limits.session_idle, limits.sessions, self._ended
        )
        self._ending: set[asyncio.Task[None]] = set()

    def _ended(self, session: Session) -> None:
        task = asyncio.ensure_future(self._end_upstream(session))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end_upstream(self, session: Session) -> None:
        for server in tuple(self._house.servers(session.system).values()):
            await server.end_session(session.id)

    def find(self, request: Request, caller: Caller, system: str) -> Session | Response:
        """The session the request belongs to, or the answer where there is none."""
        ident = request.header("mcp-session-id")
        if ident is None:
            return _MISSING
        return self._sessions.find(ident.strip(" \t"), caller.principal, caller.run, system) or _UNKNOWN

    # GET and DELETE.

    def stream(self, request: Request, session: Session, caller: Caller, offer: Offer) -> Response | Stream:
        """The stream of what belongs to no call; one for each session."""
        if not accepts(request.header("accept"), (EVENT_STREAM,)):
            return transport_fault(406, INVALID_REQUEST, "Not Acceptable: text/event-stream")
        if session.stream is not None:
            return transport_fault(409, INVALID_REQUEST, "Conflict: this session has a stream")
        standing = Standing(offer.system, caller, CHANGED.values(), session.subscribed)
        standing.on_open(lambda: self._open(session, standing))
        return standing.stream()

    def _open(self, session: Session, standing: Standing) -> list[Callable[[], None]]:
        session.stream = standing
        self._standing.add(standing)
        session.tell()
        servers = self._house.servers(session.system)

        def end() -> None:
            self._standing.discard(standing)
            session.stream = None
            session.used = self._house.clock()

        return [end, *(server.listen(session.id, standing.hear) for server in servers.values())]

    def delete(self, session: Session) -> Response:
        """Ends the session."""
        self._sessions.end(session)
        return Response(200, content_type="")

    # POST.

    def initialize(self, message: dict[str, Any], caller: Caller, offer: Offer) -> Response:
        """The handshake, and a session of its own."""
        ident: Id = message["id"]
        given: Any = message.get("params")
        params = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        revision, declared = params.get("protocolVersion"), params.get("capabilities")
        if not isinstance(revision, str) or not isinstance(declared, dict):
            wrong = fault(INVALID_PARAMS, "initialize needs protocolVersion and capabilities")
            return error_response(ident, wrong, modern=False)
        chosen = negotiated(revision)
        session = self._sessions.begin(caller.principal, caller.run, offer.system, chosen)
        if session is None:
            full = fault(UNAVAILABLE, "Too many sessions of this caller are in use.")
            return error_response(ident, full, modern=False)
        session.capabilities = cast("dict[str, Any]", declared)
        body = write_result(ident, initialize(offer, self._house.servers(offer.system), chosen))
        return Response(200, body, (("mcp-session-id", session.id),))

    def incoming(self, message: dict[str, Any], session: Session) -> Response:
        """A notification of the client, or its answer to a question."""
        if "method" not in message:
            session.answered(message.get("id"), answered(message.get("result"), message.get("error")))
        elif message["method"] == "notifications/cancelled":
            params: Any = message.get("params")
            ident: Any = cast("dict[str, Any]", params).get("requestId") if isinstance(params, dict) else None
            exchange = session.calls.get(ident) if is_id(ident) else None
            if exchange is not None and exchange.task is not None:
                exchange.task.cancel()
        return Response(202, content_type="")

    async def request(
        self, request: Request, message: dict[str, Any], caller: Caller, session: Session, offer: Offer
    ) -> Response | Stream:
        """Answers one request in a session."""
        ident: Id = message["id"]
        method: str = message["method"]
        given: Any = message.get("params")
        exchange = Exchange(asyncio.get_running_loop(), modern=False)
        turn = Turn(self._house, caller, offer, self._house.servers(offer.system), exchange, ident)
        try:
            params = _object(given)
            self._take_up(turn, session, params)
            if method in GOVERNED:
                GOVERNED[method][0](turn, params)
            self._room(session, ident)
        except Rejected as rejected:
            return error_response(ident, rejected.error, modern=False)
        session.calls[ident] = exchange
        exchange.on_done = lambda: self._done(session, ident)
        # A closed connection does not cancel a call in these revisions; a notification does.
        request.when_gone(exchange.lost)
        exchange.start(self._work(turn, session, method, params))
        return await exchange.answer(lambda: self._render(turn))

    def _take_up(self, turn: Turn, session: Session, params: dict[str, Any]) -> None:
        turn.session = session.id
        turn.capabilities = session.capabilities
        turn.level = session.level
        meta: Any = params.get("_meta")
        token: Any = cast("dict[str, Any]", meta).get("progressToken") if isinstance(meta, dict) else None
        if token is not None and not is_id(token):
            raise Rejected(INVALID_PARAMS, "a progressToken is a string or an integer")
        turn.token = token
        patience = float(self._house.limits.state_seconds)

        async def deliver(question: Question) -> McpAnswer:
            return await session.deliver(turn.exchange, question, patience)

        turn.deliver = deliver
        if session.revision == LEGACY:
            turn.remember = session.remember

    def answered(self, ident: str) -> None:
        """Question `ident` is settled: the client that was shown its page may call again."""
        self._sessions.settled(ident)

    def _room(self, session: Session, ident: Id) -> None:
        if ident in session.calls:
            raise Rejected(INVALID_REQUEST, "a request with this id is under way")
        if len(session.calls) >= self._house.limits.calls:
            raise Rejected(UNAVAILABLE, SENTENCES["unavailable"])

    def _done(self, session: Session, ident: Id) -> None:
        session.calls.pop(ident, None)
        session.used = self._house.clock()

    async def _work(self, turn: Turn, session: Session, method: str, params: dict[str, Any]) -> Outcome:
        if method in GOVERNED:
            return await GOVERNED[method][1](turn, params)
        if method == "tools/list" or method in LISTS:
            return await listing(turn, method, params)
        match method:
            case "ping":
                return Outcome(b"{}")
            case "logging/setLevel":
                if params.get("level") not in LEVELS:
                    raise Rejected(INVALID_PARAMS, "params.level is none of the levels")
                session.level = params["level"]
                return Outcome(b"{}")
            case "resources/subscribe" | "resources/unsubscribe":
                return await self._subscribe(turn, session, method, params)
            case _:
                raise Rejected(METHOD_NOT_FOUND, "Method not found", method)

    async def _subscribe(self, turn: Turn, session: Session, method: str, params: dict[str, Any]) -> Outcome:
        uri = params.get("uri")
        limits = self._house.limits
        if not isinstance(uri, str) or not 0 < len(uri) <= limits.uri:
            raise Rejected(INVALID_PARAMS, f"params.uri must be a string of at most {limits.uri} characters")
        if method == "resources/unsubscribe":
            await self._unsubscribe(turn, session, uri)
            return Outcome(b"{}")
        if len(session.subscribed) >= limits.subscriptions:
            raise Rejected(UNAVAILABLE, SENTENCES["unavailable"])
        done = await subscribe(turn, uri)
        if done.error is not None:
            return done
        session.subscribed.add(uri)
        return Outcome(b"{}", headers=done.headers)

    async def _unsubscribe(self, turn: Turn, session: Session, uri: str) -> None:
        if uri not in session.subscribed:
            return
        session.subscribed.discard(uri)
        server = turn.servers.get(await resource_owner(turn, uri))
        if server is not None:
            await server.call(
                McpCall(method="resources/unsubscribe", params={"uri": uri}, session=session.id)
            )

    def _render(self, turn: Turn) -> Response:
        task = turn.exchange.task
        if task is None or task.cancelled():
            return error_response(turn.ident, _CANCELLED, modern=False)
        error = task.exception()
        if error is None:
            return render(task.result(), turn.ident, modern=False)
        if isinstance(error, Rejected):
            return error_response(turn.ident, error.error, modern=False)
        self._house.on_error(error)
        return error_response(turn.ident, _FAILED, modern=False)


def _object(given: Any) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise Rejected(INVALID_PARAMS, "params must be an object")
    return cast("dict[str, Any]", given or {})
