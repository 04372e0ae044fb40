"""Five hundred systems in one table: found by typing, the troubled ones first, and nothing jumps when it reloads."""

from __future__ import annotations

import gzip
import http.client
import itertools
import re
from collections.abc import Iterator

import pytest

from standwatch.facts.cookies import unveiled
from standwatch.fronts.control_ports import HaltOrder
from support.chromium import Page as Chrome
from support.chromium import page as chromium
from support.console import World, world
from support.system import waited

MANY = 500


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("org"), more=MANY - 3) as made:
        yield made


@pytest.fixture(scope="module")
def chrome(site: World) -> Iterator[Chrome]:
    with chromium() as found:
        found.headers(Authorization=site.basic)
        found.view(1400, 900)
        yield found


ROWS = "[...document.querySelectorAll('.watch tbody tr')]"


def test_all_are_there_the_troubled_ones_first(site: World, chrome: Chrome) -> None:
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("system:desk-321", "smoke")))
    chrome.open(site.url + "/")
    assert chrome.run(f"{ROWS}.length") == MANY
    first = chrome.run(f"{ROWS}.slice(0, 3).map(it => it.querySelector('a').textContent)")
    assert first == ["desk-321", "pay", "desk-000"], (
        "halted; then what asks and is bypassed; then the rest by name"
    )
    assert chrome.run("document.documentElement.scrollWidth") <= 1400


def test_one_is_found_by_typing(chrome: Chrome) -> None:
    chrome.press("/", "Slash", 0, "/")
    for letter in "k-32":
        chrome.press(letter, "", 0, letter)
    left = chrome.run(f"{ROWS}.filter(it => !it.hidden).map(it => it.querySelector('a').textContent)")
    assert left == ["desk-321", *(f"desk-32{digit}" for digit in "023456789")]
    assert chrome.run("document.querySelector('[data-left]').textContent") == "10 shown"
    chrome.run(
        "(it => { it.value = ''; it.dispatchEvent(new Event('input')); it.blur() })(document.getElementById('q'))"
    )


def test_a_reload_moves_no_row_that_is_no_worse_and_none_under_the_pointer(
    site: World, chrome: Chrome
) -> None:
    waited(lambda: chrome.run("document.getElementById('live')._htmx?.sse !== undefined"))
    chrome.run(
        """window.shifted = 0; new PerformanceObserver(list => {
             for (const one of list.getEntries()) window.shifted += one.value
           }).observe({type: 'layout-shift', buffered: false})"""
    )
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("agent:beyond", "why")))
    waited(lambda: "agent:beyond" in chrome.run("document.querySelector('.beyond').textContent"))
    assert chrome.run("window.shifted") == 0
    place = "(({x, y}) => [x, y])(document.querySelectorAll('.watch tbody a')[8].getBoundingClientRect())"
    x, y = chrome.run(place)

    def pointing() -> bool:
        """Moves the pointer: where it rests for a second and a half, nobody points any more."""
        chrome("Input.dispatchMouseEvent", type="mouseMoved", x=x + next(steps), y=y + 3)
        return True

    steps = itertools.cycle((3, 4))
    pointing()
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("system:desk-400", "smoke")))
    waited(lambda: pointing() and "4 held" in chrome.run("document.getElementById('sight').textContent"))
    second = f"{ROWS}[1].querySelector('a').textContent"
    for _ in range(20):
        assert pointing()
        assert chrome.run(second) == "pay", "not while somebody points at it"
    waited(lambda: chrome.run(second) == "desk-400")


def asked(site: World, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=20)
    connection.request("GET", "/", headers={"Authorization": site.basic, "Accept": "text/html", **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_a_row_is_short(site: World) -> None:
    assert len(asked(site)[1]) < 360 * MANY


def test_a_long_page_is_packed_and_its_token_is_another_text_in_every_answer(site: World) -> None:
    """Others write into pages: a token beside their text, compressed, could be guessed by lengths (BREACH)."""
    tokens: list[str] = []
    for hx in ({}, {"HX-Request": "true"}):
        answer, body = asked(site, **{"Accept-Encoding": "br, gzip;q=0.9"}, **hx)
        assert answer.headers["content-encoding"] == "gzip"
        assert len(body) < 60 * MANY
        text = gzip.decompress(body).decode()
        assert text.count('<tr><th scope="row">') == MANY
        found = re.findall(r'name="csrf" (?:value|content)="([^"]*)"', text)
        assert len(found) > 1, "the page's own, and its halt button's"
        assert len(set(found)) == 1
        tokens.append(found[0])
    assert tokens[0] != tokens[1]
    assert unveiled(tokens[0]) == unveiled(tokens[1]) != ""
    assert asked(site)[0].headers["content-encoding"] is None


def test_a_reloaded_page_still_orders(site: World, chrome: Chrome) -> None:
    """Only the region is taken of a reload: the page keeps its token."""
    chrome.open(site.url + "/")
    waited(lambda: chrome.run("document.getElementById('live')._htmx?.sse !== undefined"))
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("system:desk-200", "smoke")))
    first = f"{ROWS}.slice(0, 4).map(it => it.querySelector('a').textContent)"
    waited(lambda: "desk-200" in chrome.run(first))
    assert chrome.run("[...document.querySelectorAll('[name=csrf]')].every(it => it.value || it.content)")
    assert chrome.run("document.querySelectorAll('#systems form').length") == 0
