"""The two steps of signing in with an issuer that a browser takes: there (303) and back (a page that goes on).

Back is a page and no redirect: a SameSite=Strict cookie is not sent along a chain of redirects that another site began.
"""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import Final
from urllib.parse import parse_qsl

from standwatch.facts.errors import Malformed, StandwatchError, TooMany, Unavailable
from standwatch.fronts.control_client import Clients, set_cookie
from standwatch.fronts.control_ports import Operations
from standwatch.fronts.http_message import Headers, Request, Response

BEGIN: Final = "/signin/oidc"
BACK: Final = "/signin/oidc/callback"
PATHS: Final[Collection[str]] = (BEGIN, BACK)
_SEAT: Final = "standwatch-oidc"
_MOST: Final = 4096  # characters of an issuer's answer
_SAFE: Final[Headers] = (
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)
_HTML: Final = "text/html; charset=utf-8"


async def oidc(operations: Operations, clients: Clients, request: Request) -> Response:
    """Answer one step; what goes wrong is a page too. Raises `Malformed` where a proxy's word cannot be read."""
    came = clients.came(request)
    if request.path == BEGIN:
        # Begun from a page of ours, or by hand: a picture on another site would use up its readers' attempts, end the
        # one under way, and sign them in unasked where the issuer does not ask (Fetch Metadata).
        if request.header("sec-fetch-site") not in (None, "same-origin", "none"):
            return Response(303, b"", (*_SAFE, ("location", "/signin")), _HTML)
        try:
            begun = await operations.begin_oidc(came)
        except StandwatchError as error:
            return _refused(error)
        cookie = _seat(begun.browser, begun.seconds, secure=came.secure)
        return Response(303, b"", (*_SAFE, ("location", begun.location), cookie), _HTML)
    gone = _seat("", 0, secure=came.secure)
    try:
        entered = await operations.finish_oidc(
            came, _answer(request.query), _browser(request, secure=came.secure)
        )
    except StandwatchError as error:
        return _refused(error, gone)
    text = '<title>Signed in</title><meta http-equiv="refresh" content="0; url=/"><p><a href=/>Go on</a></p>'
    return Response(
        200, _page(text), (*_SAFE, gone, set_cookie(came, entered.cookie, entered.seconds)), _HTML
    )


def _refused(error: StandwatchError, *headers: tuple[str, str]) -> Response:
    text = f"<title>Not signed in</title><p>{escape(str(error))}. <a href=/signin>Sign in</a></p>"
    status = 503 if isinstance(error, Unavailable) else 429 if isinstance(error, TooMany) else 403
    later = (("retry-after", str(error.after)),) if isinstance(error, TooMany) else ()
    return Response(status, _page(text), (*_SAFE, *headers, *later), _HTML)


def _page(text: str) -> bytes:
    return f'<!doctype html><html lang="en"><meta charset="utf-8">{text}</html>'.encode()


def _answer(query: str) -> dict[str, str]:
    """The issuer's parameters, each once. Raises `Malformed`."""
    if len(query) > _MOST:
        raise Malformed("the issuer's answer is too long")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Malformed("the issuer's answer cannot be read") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a parameter of the issuer's answer stands twice")
    return found


def _seat(value: str, seconds: int, *, secure: bool) -> tuple[str, str]:
    """The cookie of a sign-in under way. Lax: it must come along when the issuer sends the browser back."""
    name, mark = (f"__Host-{_SEAT}", "; Secure") if secure else (_SEAT, "")
    return "set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{mark}"


def _browser(request: Request, *, secure: bool) -> str:
    name = f"__Host-{_SEAT}" if secure else _SEAT
    pairs = [one.strip().partition("=") for one in (request.header("cookie") or "").split(";")]
    found = [value for key, _, value in pairs if key == name]
    return found[0] if len(found) == 1 else ""
