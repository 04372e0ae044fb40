"""Where a request comes from, as the connection or a stated proxy says; and which pages may ride on a cookie."""

from __future__ import annotations

import pytest

from standwatch.facts.cookies import csrf_of, new_cookie
from standwatch.facts.errors import Forbidden, Malformed
from standwatch.fronts.control_client import (
    Came,
    Clients,
    SessionCsrf,
    require_same_site,
    set_cookie,
)
from standwatch.fronts.http import Request

COOKIE = new_cookie(lambda n: b"c" * n)
PROXY = "10.0.0.1"


def request(peer: str = "192.0.2.5:4711", **headers: str) -> Request:
    named = {"host": "Watch.Example:443"} | {name.replace("_", "-"): value for name, value in headers.items()}
    made = Request("POST", "/", "", {k.encode(): v.encode() for k, v in named.items()}, b"", True)
    made.peer = peer
    return made


@pytest.mark.parametrize(
    ("peer", "address", "network"),
    [
        ("192.0.2.5:4711", "192.0.2.5", "192.0.2.0/24"),
        ("2001:db8::7:4711", "2001:db8::7", "2001:db8::/64"),
        ("::ffff:192.0.2.5:4711", "192.0.2.5", "192.0.2.0/24"),
        ("fe80::1%eth0:4711", "fe80::1", "fe80::/64"),
    ],
)
def test_the_connection_s_own_address(peer: str, address: str, network: str) -> None:
    came = Clients().came(request(peer))
    assert (came.address, came.network, came.secure) == (address, network, False)
    assert came.origin == "http://watch.example:443"
    assert Clients(tls=True).came(request(peer)).origin == "https://watch.example:443"


def test_a_unix_socket_has_no_address() -> None:
    assert Clients(proxies=(PROXY,)).came(request("unix:1000", forwarded="for=1.2.3.4")) == Came("unix:1000")


@pytest.mark.parametrize(
    ("headers", "address", "scheme"),
    [
        ({"forwarded": "for=198.51.100.7;proto=https"}, "198.51.100.7", "https"),
        ({"forwarded": 'For="[2001:db8::9]:47011"; proto=https;host=x'}, "2001:db8::9", "https"),
        ({"forwarded": "for=6.6.6.6;proto=https, for=198.51.100.7;proto=http"}, "198.51.100.7", "http"),
        ({"forwarded": "for=198.51.100.7;proto=https,for=10.0.0.1;proto=http"}, "198.51.100.7", "https"),
        ({"x_forwarded_for": "198.51.100.7", "x_forwarded_proto": "https"}, "198.51.100.7", "https"),
        ({"x_forwarded_for": "6.6.6.6, 198.51.100.7", "x_forwarded_proto": "https"}, "198.51.100.7", "https"),
        ({"x_forwarded_for": "198.51.100.7:80", "x_forwarded_proto": "HTTPS"}, "198.51.100.7", "https"),
    ],
)
def test_a_stated_proxy_s_word(headers: dict[str, str], address: str, scheme: str) -> None:
    came = Clients(proxies=(PROXY,)).came(request(f"{PROXY}:99", **headers))
    assert (came.address, came.secure) == (address, scheme == "https")
    stranger = Clients(proxies=(PROXY,)).came(request("192.0.2.5:99", **headers))
    assert (stranger.address, stranger.secure) == ("192.0.2.5", False), "nobody else's word counts"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_forwarded_for": "198.51.100.7"},
        {"x_forwarded_proto": "https"},
        {
            "forwarded": "for=198.51.100.7;proto=https",
            "x_forwarded_for": "6.6.6.6",
            "x_forwarded_proto": "http",
        },
        {"forwarded": "for=198.51.100.7"},
        {"forwarded": "for=_hidden;proto=https"},
        {"forwarded": "for=unknown;proto=https"},
        {"forwarded": "for=198.51.100.7;for=6.6.6.6;proto=https"},
        {"forwarded": "for=198.51.100.7;proto=gopher"},
        {"forwarded": ""},
        {"x_forwarded_for": "a, 198.51.100.7", "x_forwarded_proto": "https"},
        {"x_forwarded_for": "1.2.3.4, 198.51.100.7", "x_forwarded_proto": "https, https, http"},
        {"x_forwarded_for": "198.51.100.7", "x_forwarded_proto": ""},
    ],
)
def test_what_a_proxy_says_in_no_one_way_is_refused(headers: dict[str, str]) -> None:
    clients = Clients(proxies=(PROXY,))
    with pytest.raises(Malformed) as caught:
        clients.came(request(f"{PROXY}:99", **headers))
    assert caught.value.code == "bad_proxy"
    assert not clients.secure(request(f"{PROXY}:99", **headers))


@pytest.mark.parametrize(
    ("cookie", "found"),
    [
        (f"standwatch={COOKIE}", COOKIE),
        (f"a=b; standwatch={COOKIE}; c=d", COOKIE),
        (f"standwatch={COOKIE}; standwatch={'x' * 43}", ""),  # a planted one beside ours: neither
        (f"__Host-standwatch={COOKIE}", ""),
        ("standwatch=short", ""),
        (f"standwatch={COOKIE}=", ""),
        (f"Standwatch={COOKIE}", ""),
        ("", ""),
    ],
)
def test_the_one_cookie_of_ours(cookie: str, found: str) -> None:
    assert Clients().came(request(cookie=cookie)).cookie == found


def test_over_tls_only_the_cookie_counts_that_no_plain_page_can_set() -> None:
    clients = Clients(tls=True)
    assert clients.came(request(cookie=f"standwatch={COOKIE}")).cookie == ""
    assert clients.came(request(cookie=f"__Host-standwatch={COOKIE}")).cookie == COOKIE
    _, said = set_cookie(clients.came(request()), COOKIE, 60)
    assert said == f"__Host-standwatch={COOKIE}; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
    _, said = set_cookie(Clients().came(request()), "", 60)
    assert said == "standwatch=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"


OURS = "http://watch.example:443"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"origin": OURS}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"origin": OURS, "sec_fetch_site": "same-origin"}, True),
        ({}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://watch.example:443"}, False),
        ({"origin": "http://watch.example"}, False),
        ({"origin": "http://watch.example:443.evil.example"}, False),
        ({"origin": OURS, "sec_fetch_site": "cross-site"}, False),
        ({"origin": OURS, "sec_fetch_site": "same-site"}, False),
        ({"origin": OURS, "sec_fetch_site": "none"}, False),
        ({"origin": "http://evil.example", "sec_fetch_site": "same-origin"}, False),
    ],
)
def test_only_a_page_of_ours_rides_on_a_cookie(headers: dict[str, str], allowed: bool) -> None:
    clients = Clients()
    made = request(cookie=f"standwatch={COOKIE}", **headers)
    csrf = SessionCsrf(clients)
    if allowed:
        require_same_site(made, clients.came(made))
        csrf.check(made, csrf.make(made))
        for token in ("", csrf_of(COOKIE)[:-1], csrf_of(COOKIE).upper(), csrf_of("x" * 43)):
            with pytest.raises(Forbidden) as caught:
                csrf.check(made, token)
            assert caught.value.code == "csrf"
    else:
        for check in (
            lambda: require_same_site(made, clients.came(made)),
            lambda: csrf.check(made, csrf_of(COOKIE)),
        ):
            with pytest.raises(Forbidden) as caught:
                check()
            assert caught.value.code == "wrong_origin"
