"""Where a request of a browser comes from: its address, its scheme, its page, its cookie, and whose word says so.

Behind a stated reverse proxy the client's address and scheme are what that proxy says, and nobody else's word counts:
`Forwarded` (RFC 7239) or `X-Forwarded-For` and `X-Forwarded-Proto`, not both, and read from the right, where our own
proxy wrote. What cannot be read in one way is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import Final

import msgspec

from standwatch.facts.cookies import csrf_of, is_cookie, is_csrf
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.fronts.http_message import Request

COOKIE: Final = "standwatch"
SECURE_COOKIE: Final = "__Host-standwatch"
"""With TLS: no other host and no plain connection can set it (RFC 6265bis §4.1.3.2)."""
CSRF_HEADER: Final = "x-csrf-token"
_MOST_AGENT: Final = 512
_pair: Final = re.compile(r'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([^\s";,=]*))\s*', re.ASCII)


class Came(msgspec.Struct, frozen=True):
    """How one request came. `cookie` is the session's, "" for none."""

    peer: str
    """`unix:UID` or `address:port`, as the connection has it."""
    address: str = ""
    """The client's IP address: through a stated proxy, the one that it names. "" on a Unix socket."""
    origin: str = ""
    """scheme://host[:port] of our page, as the browser names it."""
    agent: str = ""
    cookie: str = ""
    secure: bool = False

    @property
    def network(self) -> str:
        """The network that a session is bound to, and that rates are counted by: /24, or /64 of IPv6."""
        try:
            found = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        return str(ipaddress.ip_network((found, 24 if found.version == 4 else 64), strict=False))


class Clients:
    """Reads where requests of one listener come from. `tls`: whether the listener ends TLS itself."""

    def __init__(self, *, tls: bool = False, proxies: Collection[str] = ()) -> None:
        self._tls = tls
        self._proxies = frozenset(proxies)

    def came(self, request: Request) -> Came:
        """How `request` came. Raises `Malformed` where a proxy's word cannot be read in one way."""
        if request.peer.startswith("unix"):
            return Came(request.peer)
        address, scheme = _address(request.peer), "https" if self._tls else "http"
        if address in self._proxies:
            address, scheme = _forwarded(request, self._proxies)
        secure = scheme == "https"
        name = SECURE_COOKIE if secure else COOKIE
        return Came(
            request.peer,
            address,
            f"{scheme}://{(request.header('host') or '').lower()}",
            (request.header("user-agent") or "")[:_MOST_AGENT],
            _cookie(request.header("cookie") or "", name),
            secure,
        )

    def secure(self, request: Request) -> bool:
        """Whether the client reached us over TLS; False where a proxy's word cannot be read."""
        try:
            return (self._tls or bool(self._proxies)) and self.came(request).secure
        except Malformed:
            return False


def set_cookie(came: Came, cookie: str, seconds: int) -> tuple[str, str]:
    """The header that gives a browser its session; with `cookie` "" the one that takes it away."""
    name, secure = (SECURE_COOKIE, "; Secure") if came.secure else (COOKIE, "")
    return "set-cookie", (
        f"{name}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds if cookie else 0}{secure}"
    )


FORGET: Final[tuple[tuple[str, str], ...]] = (
    set_cookie(Came("", secure=True), "", 0),
    set_cookie(Came(""), "", 0),
)
"""The headers that take a session's cookie away, whatever it was called."""


def require_same_site(request: Request, came: Came) -> None:
    """Raise `Forbidden` unless the browser says that a page of ours sent this: for what rides on a cookie.

    `Sec-Fetch-Site` (Fetch Metadata) where it is there, `Origin` (RFC 6454) where it is there; one of them must be.
    """
    site, origin = request.header("sec-fetch-site"), request.header("origin")
    if site is not None and site != "same-origin":
        raise Forbidden("another page sent this", code="wrong_origin")
    if origin is not None and origin.lower() != came.origin:
        raise Forbidden("another page sent this", code="wrong_origin")
    if site is None and origin is None:
        raise Forbidden("the browser does not say which page sent this", code="wrong_origin")


class SessionCsrf:
    """Makes and checks the token of a session's forms; whoever has no cookie has no session to forge for."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def make(self, request: Request) -> str:
        """The token for the page that answers `request`; "" without a session's cookie."""
        cookie = self._clients.came(request).cookie
        return csrf_of(cookie) if cookie else ""

    def check(self, request: Request, token: str) -> None:
        """Raises `Forbidden` unless a page of ours sent this, with this session's token."""
        came = self._clients.came(request)
        if not came.cookie:
            return
        require_same_site(request, came)
        if not is_csrf(came.cookie, token):
            raise Forbidden("this was not made for your session: load the page again", code="csrf")


# --- reading ------------------------------------------------------------------------------------------------------


def _address(peer: str) -> str:
    host = peer.rpartition(":")[0].strip("[]").partition("%")[0]
    return str(_ip(host) or host)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _cookie(header: str, name: str) -> str:
    """The one cookie called `name`; "" for none, for two (one was planted), and for what is no cookie of ours."""
    found = [
        value for key, _, value in (one.strip().partition("=") for one in header.split(";")) if key == name
    ]
    return found[0] if len(found) == 1 and is_cookie(found[0]) else ""


def _forwarded(request: Request, proxies: frozenset[str]) -> tuple[str, str]:
    """(the client's address, the scheme it used), as our own proxies say."""
    standard = request.header("forwarded")
    plain, scheme = request.header("x-forwarded-for"), request.header("x-forwarded-proto")
    if standard is not None and (plain is not None or scheme is not None):
        raise _unreadable("both Forwarded and X-Forwarded-…")
    if standard is not None:
        hops = [_hop(one) for one in standard.split(",")]
    elif plain is not None and scheme is not None:
        hops = _plain_hops(plain, scheme)
    else:
        raise _unreadable("neither Forwarded nor X-Forwarded-For with X-Forwarded-Proto")
    for address, said in reversed(hops):
        if address not in proxies:
            return address, said
    return hops[0]


def _hop(element: str) -> tuple[str, str]:
    """One element of `Forwarded`: `for=…;proto=…`."""
    found: dict[str, str] = {}
    for part in element.split(";"):
        pair = _pair.fullmatch(part)
        if pair is None or pair[1].lower() in found:
            raise _unreadable("a Forwarded that is none")
        found[pair[1].lower()] = pair[2] if pair[2] is not None else pair[3]
    return _hop_address(found.get("for", "")), _scheme(found.get("proto", ""))


def _plain_hops(plain: str, scheme: str) -> list[tuple[str, str]]:
    addresses, schemes = plain.split(","), scheme.split(",")
    if len(schemes) not in (1, len(addresses)):
        raise _unreadable("an X-Forwarded-Proto that does not fit X-Forwarded-For")
    if len(schemes) == 1:
        schemes *= len(addresses)
    return [
        (_hop_address(one.strip()), _scheme(said.strip()))
        for one, said in zip(addresses, schemes, strict=True)
    ]


def _hop_address(text: str) -> str:
    """`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80` → the address."""
    bare = re.fullmatch(r"\[([^\]]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?|([0-9A-Fa-f:.]+)", text, re.ASCII)
    found = _ip(bare[1] or bare[2] or bare[3]) if bare else None
    if found is None:
        raise _unreadable("a client without an IP address")
    return str(found)


def _scheme(text: str) -> str:
    if text.lower() not in ("http", "https"):
        raise _unreadable("a scheme that is neither http nor https")
    return text.lower()


def _unreadable(what: str) -> Malformed:
    return Malformed(
        f"the reverse proxy says {what}", code="bad_proxy", cure="docs/operate.md, Behind a reverse proxy"
    )
