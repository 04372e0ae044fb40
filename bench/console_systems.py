"""Watch with as many systems as a large organisation has: what it costs the reader, the wire and the server.

Of five hundred systems twenty have traffic, eight are held and four wait for a person: `Watch` sorts those to the top.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.console_scripts import PAINT, WEIGHT
from bench.report import Report
from support.chromium import Page, page
from support.system import Agent, Living, echo, manifest, scripted, server, serving, tool, waited

SYSTEMS: Final = 500
BUSY: Final = 20
LOADS: Final = 5
REFRESHES: Final = 20
SECONDS: Final = 20
"""How long an open page is watched while agents call."""
LETTERS: Final = "system-4"
"""Typed into the filter one by one."""

FILTER: Final = """
(async () => {
  const input = document.getElementById("q"), took = [], painted = [];
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  for (let end = 1; end <= LETTERS.length; end += 1) {
    await frame();
    const begun = performance.now();
    input.value = LETTERS.slice(0, end);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.offsetHeight;
    took.push(performance.now() - begun);
    await frame();
    painted.push(performance.now() - begun);
  }
  const left = [...document.querySelectorAll(".watch tbody tr")].filter((one) => !one.hidden).length;
  input.value = "";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return [took, painted, left];
})()
"""
READ: Final = """
(() => {
  const rows = [...document.querySelectorAll(".watch tbody tr")];
  rows[Math.floor(rows.length / 2)].scrollIntoView({ block: "center" });
  window.__shift = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.__shift += one.value; })
    .observe({ type: "layout-shift" });
  window.__longest = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.__longest = Math.max(window.__longest, one.duration);
  }).observe({ type: "longtask" });
  window.__row = rows[Math.floor(rows.length / 2)].querySelector("a").textContent;
  return window.__row;
})()
"""
"""Looks at the row in the middle of the table: its name."""
WHERE: Final = """
(() => {
  const row = [...document.querySelectorAll(".watch tbody tr")]
    .find((one) => one.querySelector("a").textContent === window.__row);
  return row.getBoundingClientRect().y;
})()
"""
FIRST: Final = "document.querySelector('.watch tbody tr a').textContent"


@contextmanager
def organised() -> Iterator[tuple[Living, list[Agent], str]]:
    """The server, the busy systems' callers, and the token of the person who looks."""
    tools: dict[str, Any] = {
        "up.look": "read",
        "up.pay": {"effect": "irreversible", "otherwise": "step_up", "arguments": {"n": {"max": 0}}},
    }
    number = {"type": "object", "properties": {"n": {"type": "integer"}}}
    offered = [tool("look"), {**tool("pay"), "inputSchema": number}]
    with tempfile.TemporaryDirectory() as folder, scripted(echo, tools=offered) as up:
        systems = {
            (name := f"system-{n:03}"): manifest(
                name,
                [server("up", url=up.url)] if n % (SYSTEMS // BUSY) == 0 else [],
                tools if n % (SYSTEMS // BUSY) == 0 else {},
                purpose=f"Answers customers of branch {n} about their accounts, and drafts letters",
            )
            for n in range(SYSTEMS)
        }
        busy = [name for place, name in enumerate(systems) if place % (SYSTEMS // BUSY) == 0]
        with serving(Path(folder), systems, accept=False) as living:
            living.accept(*busy)
            agents = [living.agent(f"agent-{name}", name) for name in busy]
            for agent in agents:
                agent.call("look")
            for agent in agents[:4]:
                agent.call("pay", n=7)
            for place in range(8):
                living.halt(f"system:system-{7 + 60 * place:03}", "a benchmark")
            token = living.api.post("/agents", {"name": "maria@bank.example", "role": "human"})["token"]
            yield living, agents, token


def systems(report: Report, given: argparse.Namespace) -> None:
    """Watch, from its first byte to its hundredth reload."""
    with organised() as (living, agents, token), page() as browser:
        browser("Network.enable")
        browser.headers(authorization=f"Bearer {token}")
        url = f"http://127.0.0.1:{living.operators}/"
        _seen(report, browser, url)
        _filtered(report, browser)
        _refreshed(report, living, token)
        _read(report, browser, living)
        _open(report, browser, living, agents, url)


def _seen(report: Report, browser: Page, url: str) -> None:
    painted: list[float] = []
    whole: list[float] = []
    for _ in range(LOADS):
        browser.open(url)
        painted.append(float(browser.run(PAINT)))
        whole.append(float(browser.run("performance.getEntriesByType('navigation')[0].responseEnd")))
    browser("Network.clearBrowserCache")
    browser.open(url)
    time.sleep(0.5)
    decoded, wire = browser.run(WEIGHT)
    size = browser.run("performance.getEntriesByType('navigation')[0].decodedBodySize")
    sent = browser.run("performance.getEntriesByType('navigation')[0].encodedBodySize")
    report.table(
        "systems",
        f"Watch with {SYSTEMS} systems: first contentful paint, ms ({LOADS} loads), and kB (bar: 150)",
        [
            "",
            "first load",
            "p50",
            "most",
            "answer whole, p50",
            "decoded",
            "over the wire",
            "its HTML",
            "HTML wire",
        ],
        [
            [
                "/",
                painted[0],
                sorted(painted)[LOADS // 2],
                max(painted),
                sorted(whole)[LOADS // 2],
                *(one / 1000 for one in (decoded, wire, size, sent)),
            ]
        ],
    )


def _filtered(report: Report, browser: Page) -> None:
    took, painted, left = browser.run(FILTER.replace("LETTERS", json.dumps(LETTERS)))
    report.table(
        "systems_filter",
        f"Its filter, a letter at a time ({left} rows left at the end), ms",
        ["", "p50", "most", "until the next frame, p50", "most of these"],
        [
            [
                "letter",
                sorted(took)[len(took) // 2],
                max(took),
                sorted(painted)[len(painted) // 2],
                max(painted),
            ]
        ],
    )


def _cpu(pid: int) -> float:
    """Seconds of processor time that `pid` has used."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _refreshed(report: Report, living: Living, token: str) -> None:
    rows: list[list[Any]] = []
    for path in ("/", "/?q=system-4", "/sight"):
        connection = http.client.HTTPConnection("127.0.0.1", living.operators, timeout=20)
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "text/html",
            "accept-encoding": "gzip",
            "hx-request": "true",
        }
        before, took, size = _cpu(living.process.pid), [], 0
        for _ in range(REFRESHES):
            begun = time.perf_counter()
            connection.request("GET", path, headers=headers)
            size = len(connection.getresponse().read())
            took.append((time.perf_counter() - begun) * 1e3)
        used = (_cpu(living.process.pid) - before) / REFRESHES * 1e3
        rows.append([path, used, sorted(took)[REFRESHES // 2], max(took), size / 1000])
        connection.close()
    report.table(
        "systems_refresh",
        f"What one reload costs ({REFRESHES} of each)",
        ["", "processor ms", "answer p50 ms", "most", "kB over the wire"],
        rows,
    )


def _read(report: Report, browser: Page, living: Living) -> None:
    """Somebody reads the middle of the table while a system below is stopped: its row goes to the top."""
    waited(lambda: browser.run("document.getElementById('live')._htmx?.sse !== undefined"), 15)
    rows: list[list[Any]] = []
    for place, scope in (("from below", "system-491"), ("from above", "system-011")):
        browser.run(READ)
        before, first = browser.run(WHERE), browser.run(FIRST)
        hold = living.halt(f"system:{scope}", "a benchmark")["hold"]
        text = f"document.querySelector('.watch tbody tr a[href*=\"/holds/{hold}\"]') !== null"
        begun = time.perf_counter()
        waited(lambda text=text: browser.run(text), 20)
        took = time.perf_counter() - begun
        time.sleep(0.5)
        moved = browser.run(WHERE) - before
        rows.append(
            [place, took * 1e3, abs(moved), browser.run("window.__shift"), browser.run("window.__longest")]
        )
        living.release(hold)
        assert first
        time.sleep(6)
    report.table(
        "systems_read",
        "A row goes to the top while one reads the middle of the table",
        ["", "shown after ms", "the row one reads moved px", "layout shift", "longest task ms"],
        rows,
    )


def _open(report: Report, browser: Page, living: Living, agents: list[Agent], url: str) -> None:
    """The server's processor time with and without an open page, while agents call."""
    rows: list[list[Any]] = []
    for title, where in (("no page", "about:blank"), ("Watch open", url)):
        browser.run(f"void (location.href = {json.dumps(where)})")
        time.sleep(2)
        over = threading.Event()
        callers = [threading.Thread(target=_call, args=(agent, over)) for agent in agents[4:8]]
        for one in callers:
            one.start()
        before = _cpu(living.process.pid)
        time.sleep(SECONDS)
        used = (_cpu(living.process.pid) - before) / SECONDS
        over.set()
        for one in callers:
            one.join()
        rows.append([title, used * 100])
    report.table(
        "systems_open",
        f"The server's processor time while 4 agents call 5 times a second each, {SECONDS} s",
        ["", "% of a core"],
        rows,
    )


def _call(agent: Agent, over: threading.Event) -> None:
    while not over.wait(0.2):
        agent.call("look")
