"""What a form is: its fields, the token that only a page of ours could have learnt, and what an act answers with."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from standwatch.console.page import Ask
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.fronts.control_client import SessionCsrf
from standwatch.fronts.http import Headers, Request

CSRF: Final = "csrf"
"""The name of the field that carries the token."""
_MOST_FIELDS: Final = 100


class Form(msgspec.Struct, frozen=True):
    """The fields of a form. A name that stands twice is in `many` only."""

    many: dict[str, tuple[str, ...]]

    def one(self, name: str, default: str | None = None) -> str:
        """The value of `name`. Raises `Malformed` where it stands twice, or is missing and has no default."""
        found = self.many.get(name, ())
        if len(found) == 1:
            return found[0]
        if not found and default is not None:
            return default
        raise Malformed(f"the field {name} is {'missing' if not found else 'there more than once'}")

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of `name`, in order."""
        return self.many.get(name, ())


class Onward(msgspec.Struct, frozen=True):
    """Where a form leads: a path of ours, and headers (a cookie) that go with it."""

    path: str
    headers: Headers = ()


class Act(msgspec.Struct, frozen=True):
    """One form. `path` is a pattern like a page's; `act` answers with a path of ours, or with `Onward`."""

    path: str
    act: Callable[[Ask, Form], Awaitable[str | Onward]]
    public: bool = False
    """Whether somebody may send it who has not signed in (the form that signs them in)."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a request's path must match, whole."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


class Csrf(Protocol):
    """What ties a form to the session of the page that it stood on."""

    def make(self, request: Request) -> str:
        """The token for the forms of the page that answers `request`."""
        ...

    def check(self, request: Request, token: str) -> None:
        """Raises `Forbidden` (`csrf`) where `token` was not made for this session."""
        ...


class CredentialCsrf:
    """The token of a client without a session: bound to its credential, and to this process."""

    def __init__(self, secret: bytes = b"") -> None:
        self._secret = secret or secrets.token_bytes(32)

    def make(self, request: Request) -> str:
        """As `Csrf`."""
        peer = request.peer if request.peer.startswith("unix") else ""
        bound = f"{peer}\n{request.header('authorization') or ''}\n{request.header('cookie') or ''}"
        return hmac.new(self._secret, bound.encode(), sha256).hexdigest()

    def check(self, request: Request, token: str) -> None:
        """As `Csrf`."""
        if not hmac.compare_digest(self.make(request).encode(), token.encode()):
            raise Forbidden("this form was not made for you, or is too old: load the page again", code="csrf")


class EitherCsrf:
    """The token of the session's cookie where the request has one, else that of its credential."""

    def __init__(self, sessions: SessionCsrf) -> None:
        self._sessions, self._credentials = sessions, CredentialCsrf()

    def make(self, request: Request) -> str:
        """As `Csrf`."""
        return self._sessions.make(request) or self._credentials.make(request)

    def check(self, request: Request, token: str) -> None:
        """As `Csrf`."""
        (self._sessions if self._sessions.make(request) else self._credentials).check(request, token)


def form_of(request: Request) -> Form:
    """The fields of a form that a browser sent. Raises `Malformed`."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Malformed("a form is sent as application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(
            request.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(request.body),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise Malformed(f"the form cannot be read: {error}") from None
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        # A text area's line ends arrive as CRLF (HTML, "form-data set normalisation"); people sign LF.
        found[name] = (*found.get(name, ()), value.replace("\r\n", "\n"))
    return Form(found)
