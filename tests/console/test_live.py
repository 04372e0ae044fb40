"""What happens by itself: regions that reload, the tail, the key that halts. Nobody's focus moves, nor any control."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from standwatch.facts.entries import Denied
from standwatch.fronts.control_ports import HaltOrder, ReleaseOrder
from support.chromium import Page as Chrome
from support.chromium import page as chromium
from support.console import SCRIPT, World, world
from support.watch import done


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("org")) as made:
        yield made


@pytest.fixture(scope="module")
def chrome(site: World) -> Iterator[Chrome]:
    with chromium() as found:
        found.headers(Authorization=site.basic)
        found.view(1280, 900)
        yield found


def seen(chrome: Chrome, script: str, seconds: float = 30.0) -> float:
    """Seconds until `script` is true. Raises `AssertionError` where it does not become so."""
    begun = time.monotonic()
    while not tried(chrome, script):
        assert time.monotonic() - begun < seconds, f"{script}: {chrome.run('document.body.innerText')[:2000]}"
        time.sleep(0.01)
    return time.monotonic() - begun


def tried(chrome: Chrome, script: str) -> Any:
    """Its value; None while one page goes and the next has not come."""
    try:
        return chrome.run(script)
    except RuntimeError:
        return None


def following(chrome: Chrome, site: World, path: str) -> None:
    """Open a page and wait until it listens."""
    chrome.open(site.url + path)
    chrome.run("window.marked = true")
    seen(chrome, "document.getElementById('live')._htmx?.sse !== undefined")


def holds(site: World) -> list[str]:
    return [one.scope for one in site.watch.gate.state.holds.values()]


def released(site: World) -> None:
    """Start again what a test stopped."""
    for index, one in list(site.watch.gate.state.holds.items()):
        if one.scope in ("all", "system:pay", "agent:elsewhere"):
            site.there(site.watch.control.release(site.watch.who("otto"), str(index), ReleaseOrder("over")))


def test_what_happens_elsewhere_is_in_sight_at_once_and_takes_nobodys_focus(
    site: World, chrome: Chrome
) -> None:
    following(chrome, site, "/")
    chrome.run("document.getElementById('as_of').focus()")
    before = chrome.run("document.querySelector('.sight .chip').textContent")
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("agent:elsewhere", SCRIPT)))
    took = seen(chrome, f"document.querySelector('.sight .chip').textContent !== {before!r}")
    print(f"in sight after {took * 1000:.0f} ms")
    seen(chrome, "document.getElementById('systems').textContent.includes('agent:elsewhere')")
    assert chrome.run("document.activeElement.id") == "as_of"
    assert chrome.run("window.marked") is True, "the page was not loaded again"
    assert chrome.run("window.pwned") is None
    released(site)


def test_a_question_is_on_an_open_page_by_itself(site: World, chrome: Chrome) -> None:
    following(chrome, site, "/approvals")
    reply = site.there(site.watch.act(done, amount=77))
    took = seen(chrome, f"document.body.innerHTML.includes({reply.id!r})")
    print(f"on the page after {took * 1000:.0f} ms")
    assert chrome.run("window.marked") is True


def test_a_region_waits_while_somebody_has_the_focus_in_it(site: World, chrome: Chrome) -> None:
    following(chrome, site, "/")
    chrome.run("document.querySelector('#systems a').focus()")
    chrome.run("window.had = document.activeElement")
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("agent:elsewhere", "x")))
    seen(chrome, "document.querySelector('.sight .chip').textContent.startsWith('2')")
    time.sleep(0.3)
    assert chrome.run("document.activeElement === window.had && window.had.isConnected")
    assert not chrome.run("document.getElementById('systems').textContent.includes('agent:elsewhere')")
    chrome.run("document.activeElement.blur()")
    seen(chrome, "document.getElementById('systems').textContent.includes('agent:elsewhere')")
    released(site)


@pytest.mark.parametrize(("key", "code", "modifiers"), [("F8", "F8", 0), ("H", "KeyH", 1 | 8)])
def test_one_key_halts_what_the_page_is_about(
    site: World, chrome: Chrome, key: str, code: str, modifiers: int
) -> None:
    following(chrome, site, "/systems/pay")
    chrome.press(key, code, modifiers)
    seen(chrome, "location.pathname.startsWith('/holds/')")
    seen(chrome, "document.readyState === 'complete'")
    said = chrome.run("document.querySelector('.inforce').textContent")
    assert "In force on system:pay: entry " in " ".join(said.split())
    assert holds(site).count("system:pay") == 1
    chrome.run("document.getElementById('reason').value = 'a test'")
    chrome.run("document.querySelector('button.go').click()")
    seen(chrome, "document.body.textContent.includes('is not in force')")
    assert "system:pay" not in holds(site)


def test_no_key_halts_while_somebody_types_and_one_tap_does(site: World, chrome: Chrome) -> None:
    following(chrome, site, "/")
    chrome.run("document.getElementById('q').focus()")
    for key, code, modifiers in (("F8", "F8", 0), ("H", "KeyH", 9), ("?", "Slash", 8)):
        chrome.press(key, code, modifiers)
    time.sleep(0.3)
    assert chrome.run("location.pathname") == "/"
    assert chrome.run("document.getElementById('keys').open") is False
    assert "all" not in holds(site)
    chrome.press("Escape")
    assert chrome.run("document.activeElement === document.body")
    place: Any = chrome.run(
        "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        "(document.querySelector('[data-halt]').getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        chrome("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
    seen(chrome, "location.pathname.startsWith('/holds/')")
    assert holds(site).count("all") == 1
    released(site)


def test_letters_go_places_and_can_be_put_off(site: World, chrome: Chrome) -> None:
    following(chrome, site, "/")
    chrome.press("?", "Slash", 8, "?")
    assert chrome.run("document.getElementById('keys').open")
    assert chrome.run("document.getElementById('keys').textContent").count("Halt all")
    chrome.run("document.getElementById('letters').click()")
    chrome.press("Escape")
    seen(chrome, "!document.getElementById('keys').open")
    chrome.press("?", "Slash", 8, "?")
    assert chrome.run("document.getElementById('keys').open") is False
    chrome.run("localStorage.removeItem('letters')")
    chrome.press("/", "Slash", 0, "/")
    assert chrome.run("document.activeElement.id") == "q"
    chrome.press("Escape")
    chrome.press("g", "KeyG", 0, "g")
    chrome.press("l", "KeyL", 0, "l")
    seen(chrome, "location.pathname === '/tail'")


def test_the_filter_hides_rows_as_one_types_and_goes_on_when_the_table_reloads(
    site: World, chrome: Chrome
) -> None:
    following(chrome, site, "/")
    shown = "[...document.querySelectorAll('#systems .watch tbody tr')].filter(it => !it.hidden).length"
    whole = chrome.run(shown)
    chrome.run("document.getElementById('q').focus()")
    for letter in "ship":
        chrome.press(letter, f"Key{letter.upper()}", 0, letter)
    assert (whole, chrome.run(shown)) == (3, 1)
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("agent:elsewhere", "x")))
    seen(chrome, "document.getElementById('systems').textContent.includes('agent:elsewhere')")
    assert chrome.run(shown) == 1
    released(site)


# --- the tail ------------------------------------------------------------------------------------------------


NUMBERS = itertools.count()


async def flood(site: World, count: int, each: float) -> None:
    """`count` refusals, one every `each` seconds."""
    gate = site.watch.gate
    loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    common: dict[str, Any] = {
        "run": "",
        "system": "pay",
        "digest": "0" * 64,
        "why": "0" * 64,
        "seen": gate.state.seen,
    }
    for number in range(count):
        await gate.append(Denied(by=SCRIPT, id=f"f{next(NUMBERS)}", tool="t\u202e", code="c", **common))
        await asyncio.sleep(max(0.0, begun + number * each - loop.time()))


WATCHED = """
window.moved = window.shifted = 0;
(() => {
  const place = ({x, y, width, height}) => [x, y, width, height];
  const places = () => JSON.stringify([...document.querySelectorAll("button, input, nav a, .tail")]
    .map(it => place(it.getBoundingClientRect())));
  const first = places();
  const look = () => { if (places() !== first) window.moved += 1; requestAnimationFrame(look) };
  requestAnimationFrame(look);
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shifted += one.value })
    .observe({type: "layout-shift", buffered: false});
})()
"""


def test_two_hundred_entries_a_second_move_no_control(site: World, chrome: Chrome) -> None:
    chrome.open(site.url + "/tail")
    seen(chrome, "document.getElementById('tail-said').textContent === 'Live'")
    chrome.run(WATCHED)
    last = site.watch.reader.size
    site.there(flood(site, 400, 0.005))
    seen(chrome, f"Number(document.querySelector('.tail li a').textContent) >= {last + 399}")
    assert chrome.run("document.querySelectorAll('.tail li').length") == 200
    assert chrome.run("window.moved") == 0
    assert chrome.run("window.shifted") == 0
    assert chrome.run("window.pwned") is None
    assert "U+202E" in chrome.run("document.querySelector('.tail li .text').textContent")
    texts = "[...document.querySelectorAll('.tail li a')].map(it => Number(it.textContent))"
    seen(chrome, f"{texts}.at(-1) === {last + 200}")  # rows that are out of view are written when it is quiet
    assert chrome.run(texts) == list(range(last + 399, last + 199, -1)), "each once, the newest first"


def test_the_tail_waits_for_whoever_reads(site: World, chrome: Chrome) -> None:
    chrome.open(site.url + "/tail")
    seen(chrome, "document.getElementById('tail-said').textContent === 'Live'")
    chrome.run("document.querySelector('.tail li a').focus()")
    first = chrome.run("document.querySelector('.tail li').textContent")
    site.there(flood(site, 5, 0.0))
    seen(chrome, "document.getElementById('tail-said').textContent.includes('5 new')")
    assert chrome.run("document.querySelector('.tail li').textContent") == first
    chrome.run("document.activeElement.blur()")
    seen(chrome, "document.getElementById('tail-said').textContent === 'Live'")
    assert chrome.run("document.querySelector('.tail li').textContent") != first
    chrome.run("document.getElementById('tail-pause').click()")
    site.there(flood(site, 3, 0.0))
    seen(chrome, "document.getElementById('tail-said').textContent.includes('3 new')")


def test_the_tail_is_sifted_and_paged_without_a_script(site: World, chrome: Chrome) -> None:
    chrome("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chrome.open(site.url + "/tail?kind=ctl.hold")
        kinds = "[...document.querySelectorAll('.tail .kind')].map(it => it.textContent)"
        assert set(chrome.run(kinds)) == {"ctl.hold.1"}
        chrome.open(site.url + "/tail?verdict=deny&system=pay")
        first = chrome.run("document.querySelector('.tail li a').textContent")
        assert chrome.run("document.querySelectorAll('.tail li').length") == 50
        chrome.open(
            site.url + chrome.run("document.querySelector('main a[href*=before]').getAttribute('href')")
        )
        assert int(chrome.run("document.querySelector('.tail li a').textContent")) < int(first) - 49
    finally:
        chrome("Emulation.setScriptExecutionDisabled", value=False)


def test_markup_without_the_page_s_nonce_asks_for_nothing(site: World, chrome: Chrome) -> None:
    """The nonce gate of hx-csp: an attribute that came in some other way is taken off, and no request leaves."""
    following(chrome, site, "/")
    chrome.run(
        """(() => {
          const it = document.createElement("div");
          it.id = "smuggled";
          it.setAttribute("hx-get", "/sight");
          it.setAttribute("hx-trigger", "load");
          document.querySelector("main").append(it);
          htmx.process(it);
        })()"""
    )
    seen(chrome, "!document.getElementById('smuggled').hasAttribute('hx-get')")
    asked = "performance.getEntriesByType('resource').filter(it => it.name.endsWith('/sight')).length"
    before = chrome.run(asked)
    time.sleep(0.3)
    assert chrome.run(asked) == before
    assert chrome.run("document.getElementById('smuggled').textContent") == ""


def test_a_page_that_is_left_hears_nothing_more(site: World, chrome: Chrome) -> None:
    """A stream ends with its page: nobody is left listening for those who have gone."""
    for path in ("/", "/tail", "/holds", "/systems/pay"):
        following(chrome, site, path)
    chrome("Page.navigate", url="about:blank")
    waiting = site.watch.control.growth._waiting  # pyright: ignore[reportPrivateUsage]
    begun = time.monotonic()
    while waiting and time.monotonic() - begun < 60:
        time.sleep(0.05)
    assert not waiting


def test_what_happened_while_the_line_was_down_is_in_sight_when_it_is_back(
    site: World, chrome: Chrome
) -> None:
    following(chrome, site, "/")
    before = chrome.run("document.querySelector('.sight .chip').textContent")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    chrome.run("document.getElementById('live')._htmx.sse.reader.cancel()")  # the line breaks
    chrome("Network.emulateNetworkConditions", offline=True, **offline)
    site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("agent:elsewhere", "x")))
    seen(chrome, "document.getElementById('cut').textContent.includes('may be old')")
    assert chrome.run("document.querySelector('.sight .chip').textContent") == before
    chrome("Network.emulateNetworkConditions", offline=False, **offline)
    seen(chrome, f"document.querySelector('.sight .chip').textContent !== {before!r}")
    seen(chrome, "document.getElementById('cut').textContent === ''")
    assert chrome.run("window.marked") is True
    released(site)
