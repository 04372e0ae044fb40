"""Every page of the console in a real Chromium, whoever added it: who reads it, on what, and what others wrote in it.

One table-driven suite over `PAGES`; a page that is added is looked at without a line here.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standwatch.console.page import Page
from standwatch.console.pages import PAGES
from support.chromium import Page as Chrome
from support.chromium import page as chromium
from support.console import World, world
from support.picture import picture

ROOT = Path(__file__).parents[2]
AXE = ROOT / "build" / "npm" / "console" / "node_modules" / "axe-core" / "axe.min.js"
WHOLE = [page for page in PAGES if page.name not in ("sight", "approval_standing")]
"""Pages that are documents of their own; the others are regions that reload themselves."""
MOST = 150_000
"""Bytes of a page with all that it loads, as decoded."""
NOTED = """
window.noted = [];
addEventListener("securitypolicyviolation", (one) => noted.push(`${one.violatedDirective} ${one.sample}`));
addEventListener("error", (one) => noted.push(String(one.message)));
addEventListener("unhandledrejection", (one) => noted.push(String(one.reason)));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("org")) as made:
        yield made


@pytest.fixture(scope="module")
def chrome(site: World) -> Iterator[Chrome]:
    with chromium() as found:
        found.headers(Authorization=site.basic)
        found("Page.addScriptToEvaluateOnNewDocument", source=NOTED)
        yield found


@pytest.fixture
def shown(request: pytest.FixtureRequest, site: World, chrome: Chrome) -> Chrome:
    """The page of the test, in light and on a desk."""
    page: Page = request.param
    chrome.view(1280, 900)
    chrome.media(prefers_color_scheme="light")
    chrome.open(site.url + site.filled(page))
    assert chrome.run("document.querySelector('.problem') === null"), chrome.run("document.body.innerText")
    return chrome


every = pytest.mark.parametrize("shown", WHOLE, ids=lambda page: page.name, indirect=True)
each = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def ask(site: World, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=20)
    connection.request(method, path, headers={"Authorization": site.basic, "Accept": "text/html"} | headers)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def axe(chrome: Chrome, *rules: str) -> list[str]:
    """What axe-core finds wrong: every rule of WCAG 2.2 AA and of good practice, or only `rules`."""
    if not chrome.run("window.axe !== undefined"):
        chrome.run(AXE.read_text() + ";0")
    only: dict[str, Any] = {"type": "rule", "values": list(rules)}
    every = {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
    options = {"runOnly": only if rules else every, "resultTypes": ["violations"]}
    found = chrome.run(f"axe.run(document, {json.dumps(options)}).then(it => it.violations)")
    return [f"{one['id']}: {node['target']} {node['html'][:200]}" for one in found for node in one["nodes"]]


@every
def test_nothing_others_wrote_runs_and_the_policy_is_never_broken(shown: Chrome) -> None:
    assert shown.run("document.querySelector('h1') !== null")
    assert shown.run("window.pwned") is None
    assert shown.run("noted") == []
    forbidden = "[style], main script, main img, main iframe, main object"
    assert shown.run(f"document.querySelectorAll('{forbidden}').length") == 0
    # Its own address, and the one that the organisation says is its own (`public_url`).
    away = """[...document.querySelectorAll('[src], [href], [action]')]
        .map(it => it.getAttribute('src') ?? it.getAttribute('href') ?? it.getAttribute('action'))
        .filter(it => ![location.origin, "https://watch.example"].includes(new URL(it, location.href).origin))"""
    assert shown.run(away) == []


@every
def test_axe_finds_nothing_in_light_in_the_dark_and_on_a_phone(shown: Chrome) -> None:
    assert axe(shown) == []
    shown.media(prefers_color_scheme="dark")
    assert axe(shown) == []
    shown.view(390, 844, touch=True)
    assert axe(shown) == []


REACH = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"


@every
def test_the_focus_is_seen_on_everything_that_takes_it(shown: Chrome) -> None:
    unseen = shown.run(
        f"[...document.querySelectorAll({json.dumps(REACH)})]"
        """.filter(it => it.checkVisibility() && !it.disabled).filter(it => {
             it.focus({focusVisible: true, preventScroll: true});
             const style = getComputedStyle(it);
             const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
             return document.activeElement === it && !seen;
           }).map(it => it.outerHTML.slice(0, 200))"""
    )
    assert unseen == []
    assert shown.run(
        "document.querySelector('body').querySelectorAll('a, button')[0].textContent"
    ).startswith("Skip")


@every
def test_on_the_narrowest_phone_nothing_is_beside_the_page_and_thumbs_find_what_they_seek(
    shown: Chrome,
) -> None:
    shown.view(320, 640, touch=True)
    beside = """[...document.querySelectorAll("body *")].filter(it => it.getBoundingClientRect().right > 320.5 &&
        !it.closest(".scroll, .tail, .hide, dialog")).map(it => it.outerHTML.slice(0, 150))"""
    assert shown.run("document.documentElement.scrollWidth") <= 320, shown.run(beside)
    small = shown.run(
        """[...document.querySelectorAll("button.stop:not(.small), button.go, button.act")]
           .filter(it => it.checkVisibility() && it.getBoundingClientRect().height < 44).map(it => it.outerHTML)"""
    )
    assert small == []


@every
def test_printed_and_without_motion_it_stands_still_within_the_paper(shown: Chrome) -> None:
    shown.view(700, 900)
    shown.media("print", prefers_reduced_motion="reduce")
    assert shown.run("document.documentElement.scrollWidth") <= 700
    shown.media("", prefers_reduced_motion="reduce")
    assert shown.run("document.getAnimations().length") == 0


@every
def test_on_screen_it_is_light_in_the_light_dark_in_the_dark_and_never_empty(shown: Chrome) -> None:
    light = picture(shown, 1280, 900)
    shown.media(prefers_color_scheme="dark")
    dark = picture(shown, 1280, 900)
    shown.view(390, 844, touch=True)
    phone = picture(shown, 390, 844)
    assert light.ground > 200
    assert max(dark.ground, phone.ground) < 70
    for seen in (light, dark, phone):
        assert 0.004 < seen.ink < 0.5, seen


@every
def test_without_a_script_it_reads_the_same(
    request: pytest.FixtureRequest, site: World, shown: Chrome
) -> None:
    page: Page = request.node.callspec.params["shown"]
    headings = "[...document.querySelectorAll('main h1, main h2, main th')].map(it => it.textContent.trim()).join('|')"
    with_script = shown.run(headings)
    shown("Emulation.setScriptExecutionDisabled", value=True)
    try:
        shown.open(site.url + site.filled(page))
        assert shown.run(headings) == with_script
        assert len(shown.run("document.querySelector('main').innerText")) > 20
    finally:
        shown("Emulation.setScriptExecutionDisabled", value=False)


@every
def test_with_all_that_it_loads_it_is_light(
    request: pytest.FixtureRequest, site: World, shown: Chrome
) -> None:
    page: Page = request.node.callspec.params["shown"]
    loaded = shown.run(
        "performance.getEntriesByType('resource').filter(it => it.name.includes('/static/'))"
        ".map(it => it.decodedBodySize).reduce((one, other) => one + other, 0)"
    )
    body = ask(site, site.filled(page))[2]
    assert 0 < loaded + len(body) <= MOST


@each
def test_it_has_a_twin_and_a_head_and_is_kept_by_nobody(site: World, page: Page) -> None:
    path = site.filled(page)
    status, headers, body = ask(site, path)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    again = ask(site, path, "HEAD")
    assert (again[0], again[2]) == (200, b"")
    status, headers, body = ask(site, "/index.json" if path == "/" else f"{path}.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert isinstance(json.loads(body), dict)


@pytest.mark.parametrize("page", [one for one in WHOLE if one.past], ids=lambda page: page.name)
def test_in_the_past_it_says_so_and_orders_nothing(site: World, chrome: Chrome, page: Page) -> None:
    last = site.watch.reader.size - 1
    chrome.open(f"{site.url}{site.filled(page)}?as_of={last}")
    assert f"as of entry {last}" in chrome.run("document.querySelector('.band').textContent")
    live = "[...document.querySelectorAll('form[method=post] button')].filter(it => !it.disabled).length"
    assert chrome.run(live) == 0
    assert chrome.run("document.querySelector('[hx-sse\\\\:connect]')") is None


@pytest.mark.parametrize("page", [one for one in WHOLE if not one.public], ids=lambda page: page.name)
def test_nobody_is_sent_to_sign_in(site: World, page: Page) -> None:
    status, headers, body = ask(site, site.filled(page), Authorization="Basic eDp5")
    assert (status, body) == (303, b"")
    assert headers["location"].startswith("/signin?next=")
    twin = "/index.json" if page.path == "/" else f"{site.filled(page)}.json"
    status, _, body = ask(site, twin, Authorization="Basic eDp5")
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")


def test_the_checks_themselves_find_what_is_wrong(site: World, chrome: Chrome) -> None:
    """A test that cannot fail is none: a page that is spoilt in each way is caught in each."""
    chrome.view(1280, 900)
    chrome.media(prefers_color_scheme="light")
    chrome.open(site.url + "/")
    chrome.run(
        """(() => {
          const main = document.querySelector("main");
          const bad = document.createElement("p"), button = document.createElement("button");
          bad.textContent = "hard to read";
          bad.className = "spoilt";
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(".spoilt { color: #aaa; width: 400px } .spoilt button { outline: none !important }");
          document.adoptedStyleSheets.push(sheet);
          bad.append(button);
          main.append(bad);
        })()"""
    )
    chrome.run("document.body.style.visibility = 'hidden'")
    assert picture(chrome, 1280, 900).ink == 0
    chrome.run("document.body.style.visibility = ''")
    found = " ".join(axe(chrome))
    assert "color-contrast" in found
    assert "button-name" in found
    chrome.view(320, 640, touch=True)
    assert chrome.run("document.documentElement.scrollWidth") > 320
    refused = (
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return false; } catch { return true; } })()"
    )
    assert chrome.run(refused), "Trusted Types let a string become markup"
    with pytest.raises(RuntimeError, match="TrustedScript"):
        chrome.run("document.createElement('a').setAttribute('onclick', 'window.ran = 1')")
    assert chrome.run("window.ran") is None
    assert len(chrome.run("noted")) == 2
