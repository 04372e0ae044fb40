"""What the plain JSON paths of the agents' listener share: who may come in, how a body is read, how they answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Protocol, TypeVar

import msgspec

from standwatch.enforce.ports import NOTHING_SHOWN, Caller, Reply, Shown
from standwatch.facts.canonical import parse
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.facts.short_words import short_words
from standwatch.facts.words import SENTENCES, Word
from standwatch.fronts.http_message import Headers, Refusal, Request, Response
from standwatch.fronts.http_origin import ORIGIN_STATUS, check_origin

T = TypeVar("T")

STATUS: Final[dict[Word, int]] = {
    "done": 200, "pending": 202, "refused": 403, "invalid": 400, "unavailable": 503,
}  # fmt: skip
"""HTTP status of each word."""

CHALLENGE: Final = ("www-authenticate", 'Bearer realm="standwatch", DPoP algs="EdDSA ES256"')
"""RFC 6750 §3, RFC 9449 §7.1."""

UNAUTHENTICATED: Final = Refusal(401, "unauthenticated", "A valid bearer token is needed.").response(
    (CHALLENGE,)
)
MOST_BODY: Final = 1 << 20
"""Bytes of a body on the plain JSON paths."""

TOO_LARGE: Final = Refusal(413, "body_too_large", f"A body has at most {MOST_BODY} bytes here.").response()
NOWHERE: Final = Refusal(404, "not_found", "There is nothing here.").response()


class Knows(Protocol):
    """Whoever can tell who a caller is: the gate of actions, or that of decisions."""

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        """As `enforce.ports.Gate.identify`."""
        ...


class Door:
    """`hosts` and `origins` as `check_origin` takes them."""

    def __init__(self, gate: Knows, hosts: Collection[str], origins: Collection[str]) -> None:
        self.gate = gate
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    def refusal(self, request: Request, method: str) -> Response | None:
        """Host, Origin, verb and the presence of a credential: what is looked at before any body."""
        barred = self.barred(request, method)
        if barred is not None:
            return barred
        return None if request.headers.get(b"authorization") else UNAUTHENTICATED

    def barred(self, request: Request, method: str) -> Response | None:
        """Host, Origin and verb: what holds for a path that needs no credential."""
        wrong = check_origin(request.header("host"), request.header("origin"), self._hosts, self._origins)
        if wrong is not None:
            return Refusal(ORIGIN_STATUS[wrong], wrong, "Forbidden Host or Origin.").response()
        if request.method != method:
            return Refusal(405, "method_refused", f"Only {method} is served here.").response(
                (("allow", method),)
            )
        return None

    def stranger(self, request: Request) -> Response | None:
        """What is answered before a byte of the body is parsed: to nobody we know, and to a body that is too large."""
        if self.caller(request, "") is None:
            return UNAUTHENTICATED
        return TOO_LARGE if len(request.body) > MOST_BODY else None

    def caller(self, request: Request, system: str) -> Caller | None:
        """The caller, or None for somebody who may not use `system`."""
        try:
            return self.gate.identify(
                request.header("authorization") or "",
                system,
                request.header("standwatch-run") or "",
                shown(request),
            )
        except Forbidden:
            return None


def shown(request: Request) -> Shown:
    """What a request shows beside its token; the same each time it is asked."""
    if request.came is None:
        request.came = Shown(
            proof=request.header("dpop") or "",
            method=request.method,
            host=request.header("host") or "",
            path=request.path,
            peer=request.peer,
        )
    return request.came


def read(request: Request, form: type[T]) -> T | None:
    """The body as `form`; None where it is not strict JSON of that form."""
    try:
        value: Any = parse(request.body)
        return msgspec.convert(value, form)
    except (Malformed, msgspec.ValidationError):
        return None


def invalid(message: str, ident: str = "") -> Response:
    """400, and what was expected: it concerns the form of the request, never a check's reason."""
    return answer(400, {"word": "invalid", "id": ident, "message": message})


def answer(status: int, body: dict[str, Any], headers: Headers = ()) -> Response:
    """A JSON answer."""
    return Response(status, msgspec.json.encode(body), headers)


def of_word(reply: Reply, go: str = "done", carried: str = "", base: str = "") -> Response:
    """The gate's word, with the fixed sentence. `go` is what `done` is called here, `carried` the member in which
    what the gate gave along is told; "" for not at all. `base`: where people sign, told to who waits for them."""
    headers: Headers = (("standwatch-receipt", reply.receipt),) if reply.receipt else ()
    if reply.word == "done":
        body: dict[str, Any] = {"word": go, "id": reply.id}
        if carried and reply.carried is not None and reply.carried.result:
            body[carried] = msgspec.Raw(reply.carried.result)
        return answer(200, body, headers)
    told = {"word": reply.word, "id": reply.id, "message": SENTENCES[reply.word]}
    if reply.word == "pending" and (words := short_words(reply.digest)):
        told["words"] = words
        if base:
            told["url"] = f"{base}/approvals/{reply.id}"
    return answer(STATUS[reply.word], told, headers)
