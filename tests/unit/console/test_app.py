"""The console's door, without a browser: forms that are not ours, paths that are none, what an error looks like."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from standwatch.console.acts import ACTS
from standwatch.console.form import Act
from support.console import BIDI, SCRIPT, World, world

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("org")) as made:
        yield made


def ask(
    site: World, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=20)
    usual = {"Authorization": site.basic, "Accept": "text/html", "Content-Type": FORM}
    named = {name.replace("_", "-"): value for name, value in (usual | headers).items() if value}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    found = (
        answer.status,
        {name.lower(): value for name, value in answer.getheaders()},
        answer.read().decode(),
    )
    connection.close()
    return found


def token(site: World) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', ask(site, "GET", "/")[2])
    assert found is not None
    return found[1]


def send(site: World, path: str, **fields: str) -> tuple[int, dict[str, str], str]:
    return ask(site, "POST", path, urlencode({"csrf": token(site)} | fields))


def test_a_halt_goes_to_its_hold_and_a_release_takes_a_reason(site: World) -> None:
    status, headers, body = send(site, "/halt", scope="agent:somebody")
    assert (status, body) == (303, "")
    assert re.fullmatch(r"/holds/\d+", headers["location"])
    page = ask(site, "GET", headers["location"])[2]
    assert "In force" in page
    assert "Halted from the console with one act" in page
    status, _, page = send(site, headers["location"] + "/release")
    assert status == 400
    assert "a reason is required" in page
    assert "data-halt" in page, "the way to stop is on an error's page too"
    status, headers, _ = send(site, headers["location"] + "/release", reason="over")
    assert status == 303
    assert "is not in force" in ask(site, "GET", headers["location"])[2]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.path)
def test_no_form_is_taken_without_the_token_of_its_page(site: World, act: Act) -> None:
    path = re.sub(r"\{\w+\}", "1", act.path)
    for body in ("scope=all&reason=x", "csrf=&reason=x", "csrf=x&reason=x", f"csrf={'0' * 64}&reason=x"):
        status, _, page = ask(site, "POST", path, body)
        assert (status, "load the page again" in page) == (403, True)
    assert "all" not in [one.scope for one in site.watch.gate.state.holds.values()]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Content_Type": "text/plain"}, 400),
        ({"Content_Type": "application/json"}, 400),
        ({"Authorization": "Basic eDp5"}, 303),
    ],
)
def test_a_form_from_elsewhere_stops_nothing(site: World, headers: dict[str, str], status: int) -> None:
    body = urlencode({"csrf": token(site), "scope": "all"})
    found, answer, _ = ask(site, "POST", "/halt", body, **headers)
    assert found == status
    if status == 303:
        assert answer["location"] == "/signin?next=/&undone=1"
    assert "all" not in [one.scope for one in site.watch.gate.state.holds.values()]


@pytest.mark.parametrize(
    ("came", "after"),
    [
        ("/systems/pay", "/systems/pay"),
        ("//evil.example/x", "//evil.example/x"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_who_is_not_signed_in_is_told_that_nothing_is_halted(site: World, came: str, after: str) -> None:
    referer = site.url + came if came.startswith("/") else came
    body = urlencode({"csrf": token(site), "scope": "all"})
    status, answer, _ = ask(site, "POST", "/halt", body, Authorization="Basic eDp5", Referer=referer)
    assert (status, answer["location"]) == (303, f"/signin?next={after}&undone=1")
    _, _, page = ask(site, "GET", answer["location"])
    assert "nothing is halted by it" in page
    assert ('data-passkey-next="/systems/pay"' if came == "/systems/pay" else 'data-passkey-next="/"') in page


@pytest.mark.parametrize("body", ["%", "csrf", "csrf=%ff", "=&=&", "a=1&" * 101, "csrf=1&csrf=2", "\x00"])
def test_a_form_that_is_none_is_refused(site: World, body: str) -> None:
    status, headers, page = ask(site, "POST", "/halt", body)
    assert status in (400, 403)
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "Not done" in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/static/nothing.js", 404),
        ("/holds/x", 404),
        ("/holds/99999999999999999999", 404),
        ("/entries/999999", 404),
        ("/systems/nothing", 404),
        ("/systems/%ff", 400),
        ("/systems/%0d%0aset-cookie:x=1", 404),
        ("/?as_of=yesterday", 400),
        ("/?as_of=99999999", 404),
        ("/?as_of=1&as_of=2", 400),
        ("/?nonsense=1", 400),
        ("/tail?before=x", 400),
        ("/.json", 404),
        ("/nowhere.json", 404),
    ],
)
def test_what_is_not_there_is_said_in_the_asker_s_own_form(site: World, path: str, status: int) -> None:
    found, headers, _ = ask(site, "GET", path)
    assert found == status
    if path.endswith(".json"):
        assert headers["content-type"] == "application/json"
    else:
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "require-trusted-types-for" in headers["content-security-policy"]
    found, headers, body = ask(site, "GET", path, Accept="application/json")
    assert (found, headers["content-type"]) == (status, "application/json")
    assert {"code", "message"} <= json.loads(body).keys()


def test_an_error_shows_what_it_quotes_as_text(site: World) -> None:
    status, _, page = send(site, "/halt", scope=f"system:{SCRIPT}{BIDI}", reason="")
    assert "<script>window" not in page
    assert status in (303, 400, 403, 404)
    status, _, page = send(site, "/halt", scope=SCRIPT)
    assert status == 400
    assert "<script>window" not in page


def test_where_a_form_leads_is_a_place_of_ours(site: World) -> None:
    status, headers, _ = send(site, "/systems/pay%0d%0aset-cookie:x=1/rollback", model="m", reason="x")
    assert status >= 400
    assert "set-cookie" not in headers


def test_only_a_page_and_its_own_words_are_looked_for_in_the_filter(site: World) -> None:
    assert ">ship<" not in ask(site, "GET", "/?q=loans")[2]
    assert ">loans<" in ask(site, "GET", "/?q=loans%20scorer")[2]
    assert "No system says that." in ask(site, "GET", "/?q=%3Cb%3E")[2]


def test_the_streams_are_those_of_the_api_for_whoever_may_open_a_page(site: World) -> None:
    for path in ("/live", "/tail/stream?from=0"):
        status, _, _ = ask(site, "GET", path, Authorization="Basic eDp5", Accept="text/event-stream")
        assert status == 401
        connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=20)
        connection.request("GET", path, headers={"Authorization": site.basic})
        answer = connection.getresponse()
        assert answer.getheader("content-type") == "text/event-stream"
        assert answer.readline()
        connection.close()
    assert ask(site, "GET", "/tail/stream?nonsense=1")[0] == 400


def test_a_folder_is_no_page(site: World, tmp_path: Path) -> None:
    for path in ("/static/", "/static/vendor/htmx.js", "/templates/base.html", "/../etc/passwd"):
        assert ask(site, "GET", path)[0] == 404


def test_another_moment_keeps_what_was_asked_for(site: World) -> None:
    page = ask(site, "GET", "/?q=pay&as_of=9")[2]
    form = page[page.index('class="moment"') :]
    form = form[: form.index("</form>")]
    assert '<input type="hidden" name="q" value="pay">' in form
    assert 'name="as_of" value="9"' in form
    assert 'href="/holds?as_of=9"' in page
    assert 'href="/index.json?q=pay&amp;as_of=9"' in page


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/holds", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("PUT", "/systems/pay", "GET, HEAD"),
        ("POST", "/live", "GET, HEAD"),
        ("GET", "/halt", "POST"),
        ("OPTIONS", "/holds/1/release", "POST"),
    ],
)
def test_another_method_is_told_which_ones_there_are(site: World, method: str, path: str, allow: str) -> None:
    for accept in ("text/html", "application/json"):
        status, headers, _ = ask(site, method, path, Accept=accept)
        assert (status, headers["allow"]) == (405, allow)


def test_a_stream_goes_on_where_it_broke(site: World) -> None:
    last = site.watch.reader.size - 3
    connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=20)
    headers = {"Authorization": site.basic, "Last-Event-ID": str(last)}
    connection.request("GET", "/tail/stream?from=0", headers=headers)
    answer = connection.getresponse()
    lines = [answer.readline() for _ in range(4)]
    assert f"id: {last + 1}\n".encode() in lines
    connection.close()
