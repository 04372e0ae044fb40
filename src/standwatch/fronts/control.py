"""The operators' listeners: the API, health, metrics, the log, and whatever pages the composition gives."""

from __future__ import annotations

import asyncio
import re
import tarfile
from base64 import b64decode
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote

import msgspec

from standwatch.facts.canonical import parse
from standwatch.facts.cookies import unveiled
from standwatch.facts.errors import (
    Conflict,
    Forbidden,
    Malformed,
    Misconfigured,
    NotFound,
    StandwatchError,
    Tampered,
    TooMany,
    Unavailable,
    Unrecorded,
)
from standwatch.fronts.control_client import (
    CSRF_HEADER,
    Clients,
    SessionCsrf,
    require_same_site,
    set_cookie,
)
from standwatch.fronts.control_live import SIFT, sift_of
from standwatch.fronts.control_metrics import OPENMETRICS, metrics
from standwatch.fronts.control_oidc import PATHS as OIDC_PATHS
from standwatch.fronts.control_oidc import oidc
from standwatch.fronts.control_openapi import Problem, document
from standwatch.fronts.control_plain import PLAIN
from standwatch.fronts.control_ports import Actor, Operations
from standwatch.fronts.control_route import BASE, Call, Route
from standwatch.fronts.control_routes import ROUTES
from standwatch.fronts.control_sessions import Entered
from standwatch.fronts.control_streams import changes_stream, entries_stream, last_event
from standwatch.fronts.http import (
    LOOPBACK_HOSTS,
    LOOPBACK_ORIGINS,
    ORIGIN_STATUS,
    Handler,
    Request,
    Response,
    Stream,
    Writer,
    check_origin,
)
from standwatch.fronts.log import log_response

_SAFE: Final = (
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)
_CHALLENGE: Final = ("www-authenticate", 'Bearer realm="standwatch"')
_HSTS: Final = ("strict-transport-security", "max-age=31536000")
_MAX_BODY: Final = 64 * 1024
_TABLE: Final = tuple((route, route.pattern) for route in ROUTES)
_NO_PAGES: Final = (
    BASE + "/",
    "/log/",
    "/.well-known/",
    *(one.path for one in PLAIN if one.path.count("/") == 1),
)
"""Beginnings of paths that no page has: another method there is refused for what it is."""
_PLAIN: Final = tuple(re.compile(re.sub(r"\{\w+\}", "[^/]+", one.path)) for one in PLAIN)

_STATUS: Final[tuple[tuple[type[StandwatchError], int], ...]] = (
    (Malformed, 400),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Misconfigured, 422),
    (Unrecorded, 503),
    (Tampered, 500),
    (TooMany, 429),
    (Unavailable, 503),
)


class Identify(Protocol):
    """Who is behind a request; raises `Forbidden` (`unauthenticated`) for nobody."""

    def __call__(self, request: Request, /) -> Actor: ...


Pages = Callable[[Operations, Identify, SessionCsrf], Handler]
"""Makes the handler of everything that is neither the API, the log, health nor metrics: the console."""


NOBODY: Final = Actor("", "nobody")
"""Who asks for what takes no credential."""


class Control:
    """Serves `operations`. One handler for every operators' listener; a Unix peer is known by its account."""

    def __init__(
        self,
        operations: Operations,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        pages: Pages | None = None,
        clients: Clients | None = None,
    ) -> None:
        self._operations = operations
        self._clients = clients or Clients()
        self._csrf = SessionCsrf(self._clients)
        self._pages = pages(operations, self._reader, self._csrf) if pages is not None else None
        self._hosts = frozenset(hosts) | LOOPBACK_HOSTS
        self._origins = frozenset(origins) | LOOPBACK_ORIGINS

    async def __call__(self, request: Request) -> Response | Stream:
        """Answer one request. Every refusal has the one shape of errors."""
        try:
            self._same_site(request)
            found = await self._answer(request)
        except StandwatchError as error:
            found = refusal(error)
        # RFC 6797 §7.2: not over a plain connection. It holds for every port of a host: on localhost, for others.
        if self._clients.secure(request) and not (request.header("host") or "").startswith("localhost"):
            return msgspec.structs.replace(found, headers=(*found.headers, _HSTS))
        return found

    def _same_site(self, request: Request) -> None:
        """A web page that rebinds a name, or posts from elsewhere, gets nowhere. On the Unix socket nobody browses."""
        if request.peer.startswith("unix"):
            return
        problem = check_origin(request.header("host"), request.header("origin"), self._hosts, self._origins)
        if problem is not None:
            raise Answered("this listener is not known by that name", problem, ORIGIN_STATUS[problem])

    async def _answer(self, request: Request) -> Response | Stream:
        path, reading = request.path, request.method in ("GET", "HEAD")
        match path:
            case "/healthz" if reading:
                return _plain(200, "ok\n")
            case "/.well-known/jwks.json" if reading:
                return Response(200, self._operations.key_set(), _SAFE)
            case "/readyz" if reading:
                problem = self._operations.ready()
                return _plain(503 if problem else 200, (problem or "ready") + "\n")
            case "/metrics" if reading:
                who = self._who(request)
                text = metrics(await self._operations.status(who), self._operations.ready())
                return Response(200, text, _SAFE, OPENMETRICS)
            case _ if path.startswith("/log/") and reading:
                return self._log(request)
            case _ if path == f"{BASE}/openapi.json" and reading:
                return Response(200, _document(), _SAFE)
            case _ if path == f"{BASE}/entries/stream" and reading:
                return self._tail(request)
            case _ if path == f"{BASE}/changes/stream" and reading:
                return changes_stream(self._operations.changes(self._who(request), last_event(request)))
            case _ if path == f"{BASE}/export" and reading:
                return self._export(request)
            case _ if path in OIDC_PATHS and reading:
                return await oidc(self._operations, self._clients, request)
            case _ if self._pages is not None and not path.startswith(_NO_PAGES):
                return await self._pages(request)
            case _:
                return await self._api(request)

    def _who(self, request: Request) -> Actor:
        """Who asks: by token, else by a session's cookie, else by the account at the other end of the Unix socket."""
        authorization = request.header("authorization") or ""
        came = self._clients.came(request)
        if came.cookie and not authorization:
            return self._operations.visitor(came)
        return self._operations.actor(request.peer, authorization)

    def _reader(self, request: Request) -> Actor:
        """Who opens a page. Browsers cannot say `Bearer`, so on pages Basic may carry the token."""
        authorization = request.header("authorization") or ""
        if authorization:
            return self._operations.actor(request.peer, _bearer(authorization))
        anybody = self._operations.anybody(self._clients.came(request).address)
        try:
            return self._who(request)
        except Forbidden:
            if anybody is None:
                raise
            return anybody

    # --- the API -------------------------------------------------------------------------------------------

    async def _api(self, request: Request) -> Response:
        route, names = _route(request)
        came = self._clients.came(request)
        who = NOBODY if route.open else self._who(request)
        self._from_our_page(request, who)
        body = _body(request, route.takes) if route.takes is not None else None
        call = Call(who, names, query_of(request, route.query), body, came)
        found, headers = await route.act(self._operations, call), _SAFE
        if isinstance(found, Entered):
            headers = (*_SAFE, set_cookie(came, found.cookie, found.seconds))
            found = found.opened
        elif route.name == "end_session" and names["session"] in ("current", who.session):
            headers = (*_SAFE, set_cookie(came, "", 0))
        return Response(201 if route.made else 200, msgspec.json.encode(found), headers)

    def _from_our_page(self, request: Request, who: Actor) -> None:
        """INVARIANT: what rides on a cookie, or gives one, was sent by a page of ours; what changes says its token."""
        if request.method in ("GET", "HEAD") or request.peer.startswith("unix"):
            return
        if who.session:
            self._csrf.check(request, unveiled(request.header(CSRF_HEADER) or ""))
        elif who is NOBODY and (request.header("origin") or request.header("sec-fetch-site")):
            require_same_site(request, self._clients.came(request))

    def _tail(self, request: Request) -> Stream:
        query = query_of(request, ("from", *SIFT))
        lines = self._operations.tail(self._who(request), query.get("from", ""), sift_of(query))
        return entries_stream(lines)

    def _export(self, request: Request) -> Stream:
        """A tar archive, written as it is read."""
        who, query = self._who(request), query_of(request, ("from", "to", "payloads"))
        payloads = query.get("payloads", "false")
        if payloads not in ("true", "false"):
            raise Malformed(f"payloads is true or false, not {payloads[:40]!r}")
        files = self._operations.export(who, query.get("from", ""), query.get("to", ""), payloads)
        first = next(files)  # what cannot be exported is refused before the first byte

        async def produce(writer: Writer) -> None:
            await writer.send(_member(*first))
            for path, data in files:
                await writer.send(_member(path, data))
                await asyncio.sleep(0)
            await writer.send(bytes(1024))

        return Stream(
            produce, headers=(("x-content-type-options", "nosniff"),), content_type="application/x-tar"
        )

    # --- the rest ------------------------------------------------------------------------------------------

    def _log(self, request: Request) -> Response:
        path = request.path.removeprefix("/log/")
        if path != "checkpoint":
            who = self._who(request)
            if not (who.auditor or who.admin):
                raise Forbidden(f"{who.name} is no auditor: entries need that role")
        return log_response(self._operations, path)


def handler(
    operations: Operations,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
    pages: Pages | None = None,
    clients: Clients | None = None,
) -> Handler:
    """The handler for the operators' listeners; `hosts` and `origins` are allowed beside those of loopback."""
    return Control(operations, hosts, origins, pages, clients)


class Answered(StandwatchError):
    """An error that knows its HTTP status, and the methods that a 405 must name (RFC 9110 §15.5.6)."""

    def __init__(self, message: str, code: str, status: int, allow: str = "") -> None:
        super().__init__(message, code=code)
        self.status = status
        self.allow = allow


def refusal(error: StandwatchError) -> Response:
    """`error` in the one shape of errors."""
    problem = Problem(error.code, str(error), error.reference, error.cure)
    status, headers = status_of(error), _SAFE
    if status == 401:
        headers = (*_SAFE, _CHALLENGE)
    elif isinstance(error, TooMany):
        headers = (*_SAFE, ("retry-after", str(error.after)))
    elif isinstance(error, Answered) and error.allow:
        headers = (*_SAFE, ("allow", error.allow))
    return Response(status, msgspec.json.encode(problem), headers)


def status_of(error: StandwatchError) -> int:
    """The HTTP status that goes with `error`."""
    if isinstance(error, Answered):
        return error.status
    if error.code == "unauthenticated":
        return 401
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 409)


def _route(request: Request) -> tuple[Route, dict[str, str]]:
    others: list[str] = []
    wanted = "GET" if request.method == "HEAD" else request.method  # RFC 9110 §9.3.2
    for route, pattern in _TABLE:
        found = pattern.fullmatch(request.path)
        if found is not None and route.method == wanted:
            return route, {name: segment_text(value) for name, value in found.groupdict().items()}
        if found is not None:
            others += ["GET", "HEAD"] if route.method == "GET" else [route.method]
    if not others and any(pattern.fullmatch(request.path) for pattern in _PLAIN):
        others = ["GET", "HEAD"]
    if others:
        allow = ", ".join(others)
        raise Answered(f"{request.path} takes {allow}", "method_not_allowed", 405, allow)
    raise NotFound(f"nothing is served at {request.path}", cure=f"GET {BASE}/openapi.json")


def _body(request: Request, kind: Any) -> Any:
    if len(request.body) > _MAX_BODY:
        raise Answered(f"a body has at most {_MAX_BODY} bytes here", "too_large", 413)
    try:
        return msgspec.convert(parse(request.body), kind)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None


def query_of(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """The query's parameters, each once and each `known`. Raises `Malformed`."""
    try:
        pairs = parse_qsl(
            request.query, keep_blank_values=True, strict_parsing=bool(request.query), max_num_fields=20
        )
    except ValueError as error:
        raise Malformed(f"the query cannot be read: {error}") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a query parameter stands twice")
    if strange := sorted(set(found) - set(known)):
        raise Malformed(
            f"unknown query parameter {strange[0][:40]!r}; known here: {', '.join(known) or 'none'}"
        )
    return found


def segment_text(segment: str) -> str:
    """A percent-encoded segment of a path as text. Raises `Malformed`."""
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("the path is not UTF-8") from None


def _bearer(authorization: str) -> str:
    """`Basic NAME:TOKEN` as the bearer it carries."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        return "Bearer " + b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _member(path: str, data: bytes) -> bytes:
    about = tarfile.TarInfo(path)
    about.size = len(data)
    about.mode = 0o644
    padding = bytes(-len(data) % 512)
    return about.tobuf(tarfile.PAX_FORMAT) + data + padding


def _plain(status: int, text: str) -> Response:
    return Response(status, text.encode(), _SAFE, "text/plain; charset=utf-8")


@cache
def _document() -> bytes:
    return msgspec.json.encode(document())
