"""What the console costs the person in front of it, in a real Chromium: the tap that stops, the page that waits.

    python -m bench.console [--only SECTION…] [--rounds N] [--entries N] [--json]

Sections, each printed beside the raw machine of the same minute:

- `tap`: from the mouse's press on the page's halt button until every caller hears its first refusal, in ms; and how
  many calls that began after the hold's own entry was answered were let through. Callers call without a pause.
- `pending`: from the time in the question's entry until its row stands on an open Approvals page, in ms.
- `tail`: 200 entries a second on an open tail, ten seconds: frames later than one and a half times the usual, layout
  shifts, and how far any control moved; and the same page without traffic, as the raw cost.
- `paint`: first contentful paint of the pages on a log of millions of entries (that of `bench.explaining`), in ms.
- `weight`: bytes of every page with all that it loads, as decoded by the browser and as they went over the wire.
- `systems`: Watch with five hundred systems: paint, weight, the filter, and what a reload costs and moves.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from bench import mortgages
from bench.console_scripts import PAINT, WEIGHT
from bench.console_systems import systems
from bench.halt import Caller
from bench.machine import machine, raw
from bench.report import Report
from standwatch.cli.wire import Server
from standwatch.facts.entries import Asked, Decided
from standwatch.store.reader import Reader
from support.chromium import Page, page
from support.system import META, MODERN, Living, echo, manifest, scripted, server, serving, tool, waited

FOLDER: Final = Path("build/bench")
RATE: Final = 200
"""Entries a second on the tail: an action is two, its intent and its outcome."""
SECONDS: Final = 10
PAINTED: Final = 5
"""Loads of each page; the first of them with nothing in the browser's cache."""

FRAMES: Final = """
(() => {
  const seen = { deltas: [], shift: 0, last: 0 };
  window.__frames = seen;
  const tick = (at) => {
    if (seen.last) seen.deltas.push(at - seen.last);
    seen.last = at;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  new PerformanceObserver((list) => { for (const one of list.getEntries()) seen.shift += one.value; })
    .observe({ type: "layout-shift" });
  window.__where = () => [...document.querySelectorAll("main button, main a, main input, main select, header button")]
    .filter((one) => !one.closest("[data-rows], tbody, ol, [role=log]"))
    .map((one) => { const at = one.getBoundingClientRect(); return [Math.round(at.x), Math.round(at.y)]; });
  window.__before = window.__where();
})()
"""
MOVED: Final = """
(() => {
  const now = window.__where(), was = window.__before;
  return now.length !== was.length ? -1
    : Math.max(0, ...now.map(([x, y], i) => Math.max(Math.abs(x - was[i][0]), Math.abs(y - was[i][1]))));
})()
"""


@contextmanager
def watched() -> Iterator[tuple[Living, Page, str]]:
    """A server with one system, whose tool `look` reads and `pay` asks; a browser signed in as its administrator."""
    tools = {
        "up.look": "read",
        "up.pay": {"effect": "irreversible", "otherwise": "step_up", "arguments": {"n": {"max": 0}}},
    }
    number = {"type": "object", "properties": {"n": {"type": "integer"}}}
    offered = [tool("look"), {**tool("pay"), "inputSchema": number}]
    with tempfile.TemporaryDirectory() as folder, scripted(echo, tools=offered) as up:
        systems = {"s": manifest("s", [server("up", url=up.url)], tools)}
        with serving(Path(folder), systems) as living, page() as browser:
            issued = living.api.post("/agents", {"name": "maria@bank.example", "role": "human"})
            browser("Network.enable")
            browser("Network.setExtraHTTPHeaders", headers={"authorization": f"Bearer {issued['token']}"})
            yield living, browser, f"http://127.0.0.1:{living.operators}"


def tap(browser: Page, selector: str) -> float:
    """Presses the middle of `selector` with a mouse; the moment of the press (s, `perf_counter`)."""
    at = browser.run(
        f"(() => {{ const at = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
        "return [at.x + at.width / 2, at.y + at.height / 2] })()"
    )
    mouse = {"x": at[0], "y": at[1], "button": "left", "clickCount": 1}
    pressed = time.perf_counter()
    browser("Input.dispatchMouseEvent", type="mousePressed", **mouse)
    browser("Input.dispatchMouseEvent", type="mouseReleased", **mouse)
    return pressed


def taps(report: Report, given: argparse.Namespace) -> None:
    """The halt button, pressed while callers call."""
    took: list[float] = []
    late = 0
    with watched() as (living, browser, url):
        token = living.agent("bench", "s").token
        callers = [Caller(living.agents, token) for _ in range(4)]
        for each in callers:
            each.start()
        for _ in range(given.rounds):
            browser.open(f"{url}/systems/s")
            for each in callers:
                each.calls.clear()
            waited(lambda: all(sum(call.passed for call in each.calls) >= 3 for each in callers))
            pressed = tap(browser, "[data-halt]")
            waited(lambda since=pressed: all(_refused(each, since) for each in callers))
            took.append((max(_refused(each, pressed) for each in callers) - pressed) * 1e3)
            time.sleep(0.05)
            late += sum(
                call.passed and call.began > pressed + took[-1] / 1e3
                for each in callers
                for call in tuple(each.calls)
            )
            for hold in living.api.get("/status")["holds"]:
                _release(browser, hold["id"])
        for each in callers:
            each.over = True
        for each in callers:
            each.join()
    report.table(
        "tap",
        f"From the press on the halt button until each of 4 callers is refused, ms ({given.rounds} taps)",
        ["", "p50", "p99", "most", "let through afterwards"],
        [["tap → in force", *_spread(took), late]],
    )


def _release(browser: Page, hold: int) -> None:
    """As whoever holds it: the browser's person."""
    order = json.dumps({"method": "POST", "body": json.dumps({"reason": "a benchmark"})})
    status = browser.run(f"fetch('/api/v1/holds/{hold}/release', {order}).then((answer) => answer.status)")
    assert status == 200, status


def _refused(caller: Caller, since: float) -> float:
    return next((call.ended for call in tuple(caller.calls) if not call.passed and call.ended > since), 0.0)


def pending(report: Report, given: argparse.Namespace) -> None:
    """A question, and the page that waits for it."""
    took: list[float] = []
    with watched() as (living, browser, url):
        browser.open(f"{url}/approvals")
        time.sleep(1)
        for number in range(1, min(given.rounds, 30) + 1):
            ident = _ask(living, living.agent(f"asker-{number}", "s").token, number)
            script = f"document.body.innerHTML.includes({json.dumps(ident)}) ? Date.now() : 0"
            seen = waited(lambda script=script: browser.run(script), seconds=20)
            asked = next(one for one in living.of(Asked) if one.id == ident)
            took.append(seen - asked.at / 1e3)
    report.table(
        "pending",
        f"From a question's entry until it stands on an open Approvals page, ms ({len(took)} questions)",
        ["", "p50", "p99", "most"],
        [["asked → in sight", *_spread(took)]],
    )


def _ask(living: Living, token: str, number: int) -> str:
    """Calls the tool that asks; the action's id."""
    connection = http.client.HTTPConnection("127.0.0.1", living.agents, timeout=10)
    params = {"name": "pay", "arguments": {"n": number}, "_meta": META}
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": "tools/call",
        "mcp-name": "pay",
    }
    connection.request(
        "POST",
        "/mcp/s",
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}),
        headers,
    )
    answer = connection.getresponse()
    answer.read()
    return answer.headers["standwatch-action"]


class Paced(Caller):
    """Calls so many times a second, and no faster."""

    rate = RATE / 2 / 4

    def run(self) -> None:
        """Until `over`."""
        begun, number = time.perf_counter(), 0
        connection, headers = self._connection, self._headers
        params = {"name": "look", "arguments": {}, "_meta": META}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        while not self.over:
            connection.request("POST", "/mcp/s", body, headers)
            connection.getresponse().read()
            number += 1
            time.sleep(max(0.0, begun + number / self.rate - time.perf_counter()))


def tail(report: Report, given: argparse.Namespace) -> None:
    """The live tail while 200 entries a second pass."""
    rows: list[list[Any]] = []
    with watched() as (living, browser, url):
        token = living.agent("bench", "s").token
        for title, busy in (("without traffic", False), (f"{RATE} entries/s", True)):
            callers = [Paced(living.agents, token) for _ in range(4)] if busy else []
            browser.open(f"{url}/tail")
            time.sleep(1)
            browser.run(FRAMES)
            before = living.size
            for each in callers:
                each.start()
            time.sleep(SECONDS)
            moved, seen = browser.run(MOVED), browser.run("window.__frames")
            for each in callers:
                each.over = True
            for each in callers:
                each.join()
            usual = sorted(seen["deltas"])[len(seen["deltas"]) // 2]
            dropped = sum(one > 1.5 * usual for one in seen["deltas"])
            entries = (living.size - before) / SECONDS
            rows.append(
                [
                    title,
                    entries,
                    len(seen["deltas"]) / SECONDS,
                    dropped,
                    max(seen["deltas"]),
                    seen["shift"],
                    moved,
                ]
            )
    report.table(
        "tail",
        f"The live tail, {SECONDS} s in headless Chromium",
        ["", "entries/s", "frames/s", "frames late", "longest ms", "layout shift", "moved px"],
        rows,
    )


def paint(report: Report, given: argparse.Namespace) -> None:
    """First contentful paint behind a long log."""
    folder = (
        mortgages.filled(FOLDER, given.entries)
        if hasattr(mortgages, "filled")
        else FOLDER / f"mortgages-{given.entries}"
    )
    rows: list[list[Any]] = []
    with mortgages.serving(folder) as served, page() as browser:
        api = Server(folder)
        port = served.operators if hasattr(served, "operators") else _operators(folder)
        token = api.post("/agents", {"name": "chen@bank.example", "role": "human"})["token"]
        browser("Network.enable")
        browser("Network.setExtraHTTPHeaders", headers={"authorization": f"Bearer {token}"})
        reader = Reader(folder / "state")
        size = reader.size
        last = max(index for index, one in reader.entries(size - 3_000, size) if isinstance(one, Decided))
        reader.close()
        for path in (
            "/",
            "/systems/mortgage",
            "/tail",
            "/approvals",
            "/holds",
            "/relaxations",
            "/record",
            f"/?as_of={size // 2}",
            f"/decisions/{last}/0",
        ):
            painted, whole = [], []
            for _ in range(PAINTED):
                browser.open(f"http://127.0.0.1:{port}{path}")
                painted.append(float(browser.run(PAINT)))
                whole.append(float(browser.run("performance.getEntriesByType('navigation')[0].responseEnd")))
            status = browser.run("performance.getEntriesByType('navigation')[0].responseStatus")
            rows.append(
                [
                    path if len(path) < 40 else path[:40],
                    status,
                    painted[0],
                    *_spread(painted)[:1],
                    max(painted),
                    sorted(whole)[PAINTED // 2],
                ]
            )
    report.table(
        "paint",
        f"First contentful paint on a log of {given.entries:,} entries, ms ({PAINTED} loads of each page)",
        ["", "status", "first load", "p50", "most", "answer whole, p50"],
        rows,
    )


def _operators(folder: Path) -> int:
    from standwatch.declare.configuration import declare
    from standwatch.store.folder import read_folder

    return declare(read_folder(folder)).configuration.organisation.operators.port


def weight(report: Report, given: argparse.Namespace) -> None:
    """What a page weighs with all that it loads."""
    rows: list[list[Any]] = []
    with watched() as (living, browser, url):
        token = living.agent("bench", "s").token
        ident = _ask(living, token, 1)
        hold = living.halt("agent:nobody")["hold"]
        for path in (
            "/",
            "/systems/s",
            "/tail",
            "/approvals",
            f"/approvals/{ident}",
            f"/holds/{hold}",
            "/relaxations",
            "/roster",
            "/record",
            "/diagnose",
            f"/actions/{ident}",
            "/signin",
        ):
            browser("Network.clearBrowserCache")
            browser.open(f"{url}{path}")
            time.sleep(0.3)
            status = browser.run("performance.getEntriesByType('navigation')[0].responseStatus")
            decoded, wire = browser.run(WEIGHT)
            rows.append([path.replace(ident, "ID"), status, decoded / 1000, wire / 1000])
    report.table(
        "weight", "What a page weighs, kB (bar: 150)", ["", "status", "decoded", "over the wire"], rows
    )


def _spread(values: list[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], ordered[-1]]


SECTIONS: Final[dict[str, Callable[[Report, argparse.Namespace], None]]] = {
    "tap": taps,
    "pending": pending,
    "tail": tail,
    "paint": paint,
    "weight": weight,
    "systems": systems,
}


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="bench.console", description=__doc__.partition("\n")[0])
    options.add_argument(
        "--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS), metavar="SECTION"
    )
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--entries", type=int, default=5_000_000)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    report = Report(live=not given.json)
    report.machine(machine(), raw(FOLDER))
    for name in given.only:
        SECTIONS[name](report, given)
    if given.json:
        print(json.dumps(report.found, indent=2))
    problems = wrong(report.found)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def wrong(found: dict[str, Any]) -> list[str]:
    """What is not as it must be on any machine: a page that is none, a control that moved, a call let through."""
    told: list[str] = []
    for section in SECTIONS:
        for row in found.get(section, {}).get("rows", []):
            told += [f"{section}: {row['']}: HTTP {row['status']}"] if row.get("status", 200) != 200 else []
            told += [f"{section}: {row['']}: a control moved"] if row.get("moved px", 0) else []
            told += (
                [f"{section}: {row['']}: a call was let through"] if row.get("let through afterwards") else []
            )
    return told


if __name__ == "__main__":
    sys.exit(main())
