"""How long `diagnose SYSTEM --since 1d` takes over millions of decisions, and what decisions feel of it meanwhile.

    python -m bench.diagnosing [--entries N] [--times N] [--json]

The server and its log are those of `bench.explaining`; before them stands a model server that costs nothing. Clients
ask for single decisions, a few in flight, while the operators' socket is asked for the diagnosis again and again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from bench import mortgages
from bench.governed import other
from bench.load import Target, _run, cpu_of, request
from bench.machine import machine, raw
from bench.report import Cell, Report
from standwatch.cli.wire import Server
from standwatch.declare.configuration import declare
from standwatch.enforce.validity import compile_validity
from standwatch.store.folder import read_folder

FOLDER: Final = Path("build/bench")
DAY: Final = 86_400
IN_FLIGHT: Final = 4
CALLS: Final = 200
"""Decisions asked for between two looks whether the diagnosis is there."""


def model_port(folder: Path) -> int:
    """Where the manifest says that the model server is."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", (folder / "systems" / "mortgage.yaml").read_text())
    assert found is not None
    return int(found[1])


def asked(folder: Path, port: int, token: str) -> Target:
    """One application inside the validated range."""
    sys.path.insert(0, str(folder / "mortgage"))
    import traffic  # the example's

    model = declare(read_folder(folder)).configuration.systems["mortgage"].manifest.models["scorer"]
    rows, validity = traffic.rows(), compile_validity(model)
    names = [feature.name for feature in model.inputs]
    inside = next(
        number
        for number, row in enumerate(rows, 1)
        if not validity.check(tuple({**row, "applicant_id": "applicant"}[name] for name in names))[0]
    )
    body = json.dumps(traffic.request([inside], rows)).encode()
    return Target(port, "/v2/models/mortgage/infer", token, body=body, served=b'"standwatch_route":"model"')


class Diagnosis(threading.Thread):
    """One diagnosis, asked for on the side."""

    def __init__(self, folder: Path, since: str) -> None:
        super().__init__(daemon=True)
        self._api, self._since = Server(folder, timeout=300), since
        self.took, self.answer = 0.0, Any

    def run(self) -> None:
        begun = time.perf_counter()
        self.answer = self._api.get("/systems/mortgage/diagnosis", since=self._since)
        self.took = time.perf_counter() - begun


def decisions(target: Target, until: threading.Thread | None, least: int) -> list[float]:
    """Latencies (s) of decisions until `until` is over; at least `least` where nobody is waited for."""
    raw_, times = request(target, 0), list[float]()
    while (until is not None and until.is_alive()) or (until is None and len(times) < least):
        times += uvloop.run(_run(target, raw_, CALLS, IN_FLIGHT))
    return times


def section(report: Report, entries: int, times: int) -> None:
    """Measure, print."""
    folder = mortgages.filled((FOLDER / f"mortgages-{entries}").resolve(), entries)
    began = time.strptime((folder / "filled").read_text().strip(), "%Y-%m-%dT%H:%MZ")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.mktime(began) - time.timezone - DAY))
    with other("mortgage", at=model_port(folder)), mortgages.serving(folder) as served:
        target = asked(folder, served.door.port, served.door.agent)
        decisions(target, None, 500)
        quiet, busy, took, alone, cpu = [list[float]() for _ in range(5)]
        causes: list[Any] = []
        for _ in range(times):  # in turns: the neighbours change from minute to minute
            quiet += decisions(target, None, 1_000)
            one = Diagnosis(folder, since)
            one.start()
            busy += decisions(target, one, 0)
            took.append(one.took)
            spent = cpu_of(served.process.pid)
            one = Diagnosis(folder, since)
            one.run()
            alone.append(one.took)
            cpu.append(cpu_of(served.process.pid) - spent)
            causes = [each["text"] for each in one.answer]
    report.table(
        "diagnosing",
        f"diagnose mortgage --since 1d over a log of {entries:,} entries, s; {times} times each",
        ("", "least", "median", "most"),
        [
            _spread("CPU of the gateway", cpu),
            _spread("alone", alone),
            _spread(f"beside decisions, {IN_FLIGHT} in flight", took),
        ],
    )
    report.table(
        "meanwhile",
        f"decisions of one row, {IN_FLIGHT} in flight, latency in ms",
        ("", "asked", "p50", "p99", "most"),
        [_latency("otherwise, in turns", quiet), _latency("while a diagnosis is made", busy)],
    )
    report.note(causes[0] if causes else "")


def _spread(name: str, seconds: list[float]) -> list[Cell]:
    ordered = sorted(seconds)
    return [name, ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def _latency(name: str, seconds: list[float]) -> list[Cell]:
    ordered = sorted(seconds)
    at = [ordered[int(len(ordered) * part)] * 1e3 for part in (0.5, 0.99)]
    return [name, len(ordered), *at, ordered[-1] * 1e3]


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="bench.diagnosing", description=__doc__.partition("\n")[0])
    options.add_argument("--entries", type=int, default=5_000_000)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--json", action="store_true", help="print JSON instead of tables")
    given = options.parse_args()
    report = Report(live=not given.json)
    report.machine(machine(), raw(FOLDER))
    section(report, given.entries, given.times)
    report.note(f"load average at the end: {', '.join(f'{one:.2f}' for one in os.getloadavg())}")
    if given.json:
        sys.stdout.buffer.write(msgspec.json.encode(report.found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
