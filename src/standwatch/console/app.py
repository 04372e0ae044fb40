"""The console's door: which page or form a request means, who may have it, and what a browser may do with it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import secrets
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from standwatch.console.acts import ACTS
from standwatch.console.assets import PREFIX, accepts_gzip, serve
from standwatch.console.form import CSRF, Act, CredentialCsrf, Csrf, EitherCsrf, Onward, form_of
from standwatch.console.frame import ROOT_TWIN, Frame, frame
from standwatch.console.page import ANONYMOUS, Ask, Page
from standwatch.console.pages import PAGES
from standwatch.console.streams import STREAMS
from standwatch.facts.cookies import unveiled, veiled
from standwatch.facts.errors import NotFound, StandwatchError
from standwatch.fronts.control import Answered, Identify, query_of, refusal, segment_text, status_of
from standwatch.fronts.control_client import SessionCsrf
from standwatch.fronts.control_ports import Actor, Operations
from standwatch.fronts.control_streams import last_event
from standwatch.fronts.http import Headers, Request, Response, Stream

_PAGES: Final = tuple((page, page.pattern) for page in PAGES)
_ACTS: Final = tuple((act, act.pattern) for act in ACTS)
_SIGN_IN: Final = "/signin"
_REALM: Final = ("www-authenticate", 'Basic realm="Standwatch: any name, your token as password"')

_SAFE: Final = (
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    # `no-referrer` would make a browser send `Origin: null` with our own forms (Fetch, "append a request Origin").
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


def policy(nonce: str) -> str:
    """The content security policy of a page. `nonce` is on each element that htmx may serve; it lets no other run."""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types htmx"
    )


class Console:
    """Pages, twins, forms and assets over `operations`. `identify` says who asks, `csrf` ties forms to sessions."""

    def __init__(
        self,
        operations: Operations,
        identify: Identify,
        csrf: Csrf | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._operations = operations
        self._identify = identify
        self._csrf = csrf or CredentialCsrf()
        self._clock = clock

    async def __call__(self, request: Request) -> Response | Stream:
        """Answer one request. Errors are pages for people and the one JSON shape for programs."""
        try:
            return await self._answer(request)
        except StandwatchError as error:
            return await self._refused(request, error)

    async def _answer(self, request: Request) -> Response | Stream:
        reading = request.method in ("GET", "HEAD")
        if reading and request.path.startswith(PREFIX):
            found = serve(request.path, request.header("accept-encoding") or "")
            if found is None:
                raise _nowhere(request)
            return found
        following = STREAMS.get(request.path)
        if request.method == "GET" and following is not None:
            query = query_of(request, following.query)
            return following.stream(self._operations, self._identify(request), query, last_event(request))
        if request.method == "POST":
            return await self._act(request)
        if not reading:
            raise _nowhere(request)
        return await self._page(request)

    # --- pages -----------------------------------------------------------------------------------------------

    async def _page(self, request: Request) -> Response:
        page, names, twin = _found(request)
        query = query_of(request, (*page.query, "as_of"))
        ask = Ask(
            self._operations,
            self._who(request, page),
            names,
            query,
            self._clock(),
            query.pop("as_of", ""),
            {},
            twin,
        )
        view = await page.view(ask)
        if twin:
            return Response(200, msgspec.json.encode(view), _SAFE)
        around = await frame(ask, page, request.path, PAGES, view)
        packed = page.packed and accepts_gzip(request.header("accept-encoding") or "")
        return await self._html(request, 200, page.file, view, around, packed=packed)

    async def _html(
        self, request: Request, status: int, template: str, view: Any, around: Frame, *, packed: bool = False
    ) -> Response:
        from standwatch.console.render import render  # Jinja comes with the first page, not with the server

        nonce, pad = secrets.token_urlsafe(16), secrets.token_bytes(32)
        # INVARIANT: no two answers carry the same token: what is compressed beside others' text tells nothing of it.
        csrf = veiled(self._csrf.make(request), pad)

        def made() -> bytes:
            body = render(template, view, around, csrf=csrf, nonce=nonce)
            return gzip.compress(body, 4, mtime=0) if packed else body

        # In a thread: a long table takes tens of milliseconds, and agents are served on this loop.
        body = await asyncio.to_thread(made)
        headers = (*_SAFE, ("content-security-policy", policy(nonce)))
        headers = (*headers, ("content-encoding", "gzip")) if packed else headers
        return Response(status, body, headers, "text/html; charset=utf-8")

    def _who(self, request: Request, what: Page | Act) -> Actor:
        try:
            return self._identify(request)
        except StandwatchError:
            if what.public:
                return ANONYMOUS
            raise

    # --- forms -----------------------------------------------------------------------------------------------

    async def _act(self, request: Request) -> Response:
        act, names = _act(request)
        who = self._who(request, act)
        form = form_of(request)
        self._csrf.check(request, unveiled(form.one(CSRF, "")))
        went = await act.act(Ask(self._operations, who, names, {}, self._clock(), "", {}), form)
        onward = Onward(went) if isinstance(went, str) else went
        # INVARIANT: a form never leads off this site: `//host` and a scheme are no paths of ours.
        if not onward.path.startswith("/") or onward.path.startswith(("//", "/\\")):
            onward = Onward("/", onward.headers)
        return _see(onward.path, onward.headers)

    # --- errors ----------------------------------------------------------------------------------------------

    async def _refused(self, request: Request, error: StandwatchError) -> Response:
        if not _for_people(request):
            return refusal(error)
        if error.code == "unauthenticated":
            if any(page.path == _SIGN_IN for page in PAGES):
                if request.method == "GET":
                    return _see(f"{_SIGN_IN}?next={quote(request.path, safe='/')}")
                # An act that was not done: whoever pressed `Halt` must not believe that it was.
                came = "/"
                with contextlib.suppress(ValueError):
                    came = urlsplit(request.header("referer") or "/").path
                return _see(f"{_SIGN_IN}?next={quote(came, safe='/')}&undone=1")
            answer = refusal(error)
            return msgspec.structs.replace(answer, headers=(*answer.headers, _REALM))
        status = status_of(error)
        view = Problem(status, error.code, str(error), error.reference, error.cure)
        page = await self._html(request, status, _PROBLEM.file, view, await self._around(request))
        if isinstance(error, Answered) and error.allow:
            return msgspec.structs.replace(page, headers=(*page.headers, ("allow", error.allow)))
        return page

    async def _around(self, request: Request) -> Frame:
        """The frame of an error: as every page's, with a halt in reach; bare where nobody is known."""
        try:
            ask = Ask(self._operations, self._identify(request), {}, {}, self._clock(), "", {})
            return await frame(ask, _PROBLEM, "/", PAGES)
        except StandwatchError:
            return Frame(_PROBLEM.title, "/", (), now=self._clock(), movable=False)


async def _never(_: Ask) -> None:
    """Nobody asks for it by a path."""


_PROBLEM: Final = Page("", "problem", "Not done", _never, past=False)


class Problem(msgspec.Struct, frozen=True):
    """An error as a page shows it."""

    status: int
    code: str
    message: str
    reference: str
    cure: str


def warm() -> None:
    """Load Jinja and compile every template: a tenth of a second that else the first person to look would wait for."""
    from standwatch.console.render import environment

    for name in environment().list_templates(extensions=("html",)):
        environment().get_template(name)


def console(operations: Operations, identify: Identify, sessions: SessionCsrf) -> Console:
    """The console over `operations`: what `serve.app` is given."""
    return Console(operations, identify, EitherCsrf(sessions))


def _found(request: Request) -> tuple[Page, dict[str, str], bool]:
    """The page at a path, the path's names, and whether its twin is meant."""
    path = request.path
    if path == ROOT_TWIN or (path.endswith(".json") and path != "/.json"):
        shown = "/" if path == ROOT_TWIN else path.removesuffix(".json")
        found = _match(shown)
        if found is not None:
            return *found, True
    found = _match(path)
    if found is None:
        raise _nowhere(request)
    return *found, False


def _match(path: str) -> tuple[Page, dict[str, str]] | None:
    for page, pattern in _PAGES:
        found = pattern.fullmatch(path)
        if found is not None:
            return page, {name: segment_text(value) for name, value in found.groupdict().items()}
    return None


def _act(request: Request) -> tuple[Act, dict[str, str]]:
    for act, pattern in _ACTS:
        found = pattern.fullmatch(request.path)
        if found is not None:
            return act, {name: segment_text(value) for name, value in found.groupdict().items()}
    raise _nowhere(request)


def _nowhere(request: Request) -> StandwatchError:
    """404; 405 where the path is something's, and the method is not (RFC 9110 §15.5.6)."""
    path = request.path
    if request.method not in ("GET", "HEAD") and (_match(path) is not None or path in STREAMS):
        return Answered(f"{path} takes GET, HEAD", "method_not_allowed", 405, "GET, HEAD")
    if request.method != "POST" and any(pattern.fullmatch(path) for _, pattern in _ACTS):
        return Answered(f"{path} takes POST", "method_not_allowed", 405, "POST")
    return NotFound(f"nothing is served at {path}", cure="GET /")


def _see(path: str, headers: Headers = ()) -> Response:
    # What stood in the request's path may be anything: nothing of it ends the header.
    location = quote(path, safe="/?&=%#:@!$'()*+,;~-._")
    return Response(303, b"", (*_SAFE, ("location", location), *headers), "text/plain; charset=utf-8")


def _for_people(request: Request) -> bool:
    """A browser asks for HTML; a program says what it wants, or asks for a twin."""
    return "text/html" in (request.header("accept") or "") and not request.path.endswith(".json")
