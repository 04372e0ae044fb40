"""How fast a rollback rolls back, and what it costs those who are being decided about: nothing.

    python -m bench.rollback [--rounds N] [--workers N …] [--rate N]

Four clients ask for decisions at a steady rate in all, each on a connection of its own, while an operator deploys
version 2, takes it back to version 1, releases the pin, halts the system and releases it, over the 0600 socket, again
and again. All clocks are this process's. Printed, in ms: p50, p99 and most of the answers to `rollback` and `halt`; and

- `late`: requests that *began* after `rollback` was answered and were not served by its target, or that began after
  `halt` was answered and were decided by a model: this is 0, or Standwatch is broken;
- `failed`: requests without an answer, or with another status than 200: this is 0, or a rollback costs a decision.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from bench.governed import other
from bench.halt import told
from bench.machine import machine, raw
from bench.report import Report
from support.system import Living, manifest, serving

CALLERS = 4


class Call(NamedTuple):
    """One request: when it began and ended (s), its status (0 for no answer), its version and its route."""

    began: float
    ended: float
    status: int
    version: str
    route: str


class Caller(threading.Thread):
    """Asks at a steady rate over one connection."""

    def __init__(self, port: int, token: str, rate: float, offset: float) -> None:
        super().__init__(daemon=True)
        self.calls: list[Call] = []
        self.over = False
        self._pause, self._offset = 1 / rate, offset
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def run(self) -> None:
        tensor = {"name": "x", "shape": [1], "datatype": "FP64", "data": [3.5]}
        body = json.dumps({"inputs": [tensor]})
        due = time.perf_counter() + self._offset
        while not self.over:
            time.sleep(max(due - time.perf_counter(), 0))
            due += self._pause
            began = time.perf_counter()
            try:
                self._connection.request("POST", "/v2/models/s/infer", body, self._headers)
                answer = self._connection.getresponse()
                said: Any = json.loads(answer.read())
                status = answer.status
            except (OSError, http.client.HTTPException, ValueError):
                said, status = {}, 0
            route = said.get("parameters", {}).get("standwatch_route", "")
            self.calls.append(Call(began, time.perf_counter(), status, said.get("model_version", ""), route))


class Round(NamedTuple):
    """ms; and what should not have happened."""

    rollback: float
    halt: float
    late: int


def taken_back(watch: Living, callers: list[Caller]) -> Round:
    """Deploy, roll back, release, halt, release."""
    watch.run("deploy", "s", "2", "--reason", "a round")
    heard(callers, lambda call: call.version == "2")
    sent = time.perf_counter()
    found = watch.api.post("/systems/s/rollback", {"reason": "a round"})
    rolled = time.perf_counter()
    late = wrong_after(callers, rolled, lambda call: call.version == "1" and call.route == "model")
    watch.release(found["hold"])
    halting = time.perf_counter()
    hold = watch.halt("system:s")["hold"]
    halted = time.perf_counter()
    late += wrong_after(callers, halted, lambda call: call.route == "refer-to-human")
    watch.release(hold)
    return Round((rolled - sent) * 1e3, (halted - halting) * 1e3, late)


def heard(callers: list[Caller], wanted: Any) -> None:
    """Wait until every caller has an answer like that among its newest."""
    while not all(any(wanted(call) for call in each.calls[-3:]) for each in callers):
        time.sleep(0.001)


def wrong_after(callers: list[Caller], moment: float, right: Any) -> int:
    """Wait for three requests of each caller that began after `moment`; how many were not served right."""

    def since(each: Caller) -> list[Call]:
        return [call for call in each.calls[-40:] if call.began > moment]

    while not all(len(since(each)) >= 3 for each in callers):
        time.sleep(0.001)
    return sum(not right(call) for each in callers for call in since(each) if call.status == 200)


def measure(workers: int, rounds: int, rate: float) -> tuple[list[Round], int, int]:
    """`rounds` rounds against one server: what was seen, how many requests there were, how many failed."""
    decisions = {
        "scorer": {
            "versions": {"1": {"served_as": "1"}, "2": {"served_as": "2"}},
            "inputs": {"x": {"type": "number", "min": 0, "max": 10}},
            "outputs": {"p": {"type": "probability", "min": 0, "max": 1}},
            "outcome": {"output": "p", "threshold": 0.5, "at_or_above": "denied", "below": "approved"},
            "fallback": "refer-to-human",
        }
    }
    with tempfile.TemporaryDirectory() as folder, other("model") as (port, _):
        model = {"kind": "model", "name": "scorer", "url": f"http://127.0.0.1:{port}"}
        systems = {"s": manifest("s", [model], {}, decisions=decisions)}
        with serving(Path(folder), systems, workers=workers) as watch:
            watch.run("deploy", "s", "1", "--reason", "the first")
            token = watch.agent("bench", "s").token
            each = rate / CALLERS
            callers = [Caller(watch.agents, token, each, n / rate) for n in range(CALLERS)]
            for one in callers:
                one.start()
            heard(callers, lambda call: call.version == "1")
            found = [taken_back(watch, callers) for _ in range(rounds)]
            for one in callers:
                one.over = True
            for one in callers:
                one.join()
            calls = [call for one in callers for call in one.calls]
            watch.verified()
    return found, len(calls), sum(call.status != 200 for call in calls)


def main() -> int:
    """Measure and print; 1 where something was late or failed."""
    options = argparse.ArgumentParser(prog="bench.rollback", description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    options.add_argument("--rate", type=float, default=500.0, help="requests per second in all")
    given = options.parse_args()
    report = Report(live=True)
    with tempfile.TemporaryDirectory() as folder:
        report.machine(machine(), raw(Path(folder)))
    bad = 0
    for workers in given.workers:
        found, calls, failed = measure(workers, given.rounds, given.rate)
        late = sum(each.late for each in found)
        bad += late + failed
        where = f"{workers} workers" if workers else "one process"
        print(f"rollback under {given.rate:g} requests/s, {where}, {given.rounds} rounds, {calls} requests")
        print(told("rollback answered", [each.rollback for each in found]))
        print(told("halt answered", [each.halt for each in found]))
        print(f"  late {late}, failed {failed}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
