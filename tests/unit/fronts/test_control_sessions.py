"""Sessions over HTTP: the cookie's attributes, what rides on it and what does not, and what a thief gets."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Generator
from http.cookies import SimpleCookie
from typing import Any

import pytest

from standwatch.facts.entries import SignedOut
from standwatch.record.assertion import from_base64url
from standwatch.record.leaf import decode
from standwatch.serve.rates import Rates
from support.passkeys import Authenticator, as_json
from support.sessions import PAGE, RP, enrol
from support.watch import Watch, served

AGENT = "Browser/1.0"


class Browser:
    """A client that keeps a session's cookie and its token."""

    def __init__(self, watch: Watch, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self.watch, self.loop, self.port = watch, loop, port
        self.origin = f"http://localhost:{port}"
        self.cookie = self.csrf = ""

    def there(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def ask(self, method: str, path: str, body: object = None, **headers: str | None) -> tuple[int, Any, Any]:
        sent: dict[str, str | None] = {
            "Host": f"localhost:{self.port}",
            "User-Agent": AGENT,
            "Cookie": f"standwatch={self.cookie}" if self.cookie else None,
            "Origin": self.origin if method == "POST" else None,
            "X-CSRF-Token": self.csrf or None,
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = None if body is None else json.dumps(body).encode()
        kept = {name: value for name, value in sent.items() if value is not None}
        connection.request(method, "/api/v1" + path, data, kept)
        answer = connection.getresponse()
        found = answer.status, answer.headers, json.loads(answer.read())
        connection.close()
        return found

    def sign_in(self, phone: Authenticator) -> Any:
        _, _, asked = self.ask("POST", "/sessions/challenge", {})
        gesture = phone.get(from_base64url(asked["options"]["challenge"], 64), rp_id=RP, origin=PAGE)
        order = {"ceremony": asked["ceremony"], "credential": as_json(gesture)}
        status, headers, opened = self.ask("POST", "/sessions", order)
        assert status == 201, opened
        (said,) = headers.get_all("set-cookie")
        self.cookie, self.csrf = SimpleCookie(said)["standwatch"].value, opened["csrf"]
        return said


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Watch, Any, int]]:
    with served(tmp_path_factory.mktemp("org")) as found:
        yield found


@pytest.fixture
def browser(site: tuple[Watch, Any, int]) -> Browser:
    """Signed in as Olga, who is on call."""
    found = Browser(*site)
    found.watch.control.sessions.rates = Rates(lambda: 0)
    if not found.watch.gate.state.passkeys:
        PHONES.append(found.there(enrol(found.watch, "olga")))
    found.sign_in(PHONES[-1])
    return found


PHONES: list[Authenticator] = []
HALT = {"scope": "system:pay", "reason": "odd"}


def test_the_cookie_is_the_browser_s_alone(browser: Browser) -> None:
    said = browser.sign_in(PHONES[-1])
    assert said.endswith("; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800")
    status, headers, who = browser.ask("GET", "/whoami")
    assert (status, who["ident"], who["how"]) == (200, "olga", "passkey")
    assert "strict-transport-security" not in headers
    assert browser.cookie not in json.dumps(who)


def test_a_session_acts_with_its_token_and_from_our_page_only(browser: Browser) -> None:
    for headers, code in (
        ({"X_CSRF_Token": None}, "csrf"),
        ({"X_CSRF_Token": "0" * 64}, "csrf"),
        ({"Origin": None}, "wrong_origin"),
        ({"Origin": "http://localhost:1"}, "wrong_origin"),  # another server of this machine
        ({"Origin": "https://evil.example"}, "wrong_origin"),
        ({"Sec_Fetch_Site": "same-site"}, "wrong_origin"),
    ):
        status, _, problem = browser.ask("POST", "/holds", HALT, **headers)
        assert (status, problem["code"]) == (403, code), headers
    assert not browser.watch.gate.state.holds
    status, _, halted = browser.ask("POST", "/holds", HALT)
    assert status == 201
    status, _, _ = browser.ask("POST", f"/holds/{halted['hold']}/release", {"reason": "fine"})
    assert status == 200


def test_a_name_that_rebinds_gets_nothing(browser: Browser) -> None:
    status, _, problem = browser.ask("GET", "/whoami", Host="evil.example")
    assert (status, problem["code"]) == (421, "wrong_host")


@pytest.mark.parametrize("changed", [{"User_Agent": "Thief/1.0"}, {"Host": "127.0.0.1"}])
def test_a_stolen_cookie_ends_its_session_for_both(browser: Browser, changed: dict[str, str]) -> None:
    before = browser.watch.reader.size
    status, _, problem = browser.ask("GET", "/whoami", **changed)
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert "elsewhere" in problem["message"]
    assert browser.ask("GET", "/whoami")[0] == 401
    for _ in range(6_000):
        leaves = browser.watch.reader.leaves(before, browser.watch.reader.size)
        ended = [one for _, leaf in leaves if isinstance(one := decode(leaf), SignedOut)]
        if ended:
            break
        browser.there(asyncio.sleep(0.01))
    assert [(one.person, one.code) for one in ended] == [("olga", "elsewhere")]


def test_a_bearer_needs_no_token_and_is_not_mixed_with_a_cookie(browser: Browser) -> None:
    from standwatch.fronts.control_ports import AgentOrder

    order = AgentOrder("otto", role="human")
    token = browser.there(browser.watch.control.add_agent(browser.watch.who("maria"), order)).token
    bearer = {"Authorization": f"Bearer {token}", "Origin": None, "X_CSRF_Token": None}
    assert browser.ask("GET", "/whoami", **bearer)[2]["ident"] == "otto"
    status, _, halted = browser.ask("POST", "/holds", HALT, **bearer)
    assert status == 201
    assert browser.ask("POST", f"/holds/{halted['hold']}/release", {"reason": "x"}, **bearer)[0] == 200


def test_signing_out_takes_the_cookie_away(browser: Browser) -> None:
    status, headers, _ = browser.ask("POST", "/sessions/current/end", {})
    assert status == 200
    assert headers["set-cookie"] == "standwatch=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    assert browser.ask("GET", "/whoami")[0] == 401


def test_another_page_signs_nobody_in(browser: Browser) -> None:
    for path in ("/sessions/challenge", "/sessions", "/enrolments/challenge"):
        for headers in ({"Origin": "http://localhost:1"}, {"Sec_Fetch_Site": "cross-site", "Origin": None}):
            status, _, problem = browser.ask("POST", path, {}, **headers)
            assert (status, problem["code"]) == (403, "wrong_origin")


def test_too_many_are_told_when_to_come_back(site: tuple[Watch, Any, int]) -> None:
    stranger = Browser(*site)
    for _ in range(100):
        status, headers, problem = stranger.ask("POST", "/sessions/challenge", {})
        if status != 200:
            break
    assert (status, problem["code"]) == (429, "too_many")
    assert int(headers["retry-after"]) >= 1


@pytest.mark.parametrize("site_of", ["cross-site", "same-site", "odd"])
def test_another_page_begins_no_sign_in_with_an_issuer(site: tuple[Watch, Any, int], site_of: str) -> None:
    for _ in range(40):  # more than anybody may begin
        connection = http.client.HTTPConnection("127.0.0.1", site[2], timeout=30)
        connection.request("GET", "/signin/oidc", headers={"sec-fetch-site": site_of})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["location"]) == (303, "/signin")
        assert answer.headers["set-cookie"] is None
        connection.close()


def test_where_no_issuer_is_taken_its_steps_are_pages_that_say_so(site: tuple[Watch, Any, int]) -> None:
    for path in (
        "/signin/oidc",
        "/signin/oidc/callback?state=x&code=y",
        "/signin/oidc/callback?state=a&state=b",
    ):
        connection = http.client.HTTPConnection("127.0.0.1", site[2], timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        page = answer.read().decode()
        assert (answer.status, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "issuer" in page
        connection.close()
