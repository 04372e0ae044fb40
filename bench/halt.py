"""How fast a stop stops: from `halt` sent to refused, in one process and with workers.

    python -m bench.halt [--rounds N] [--workers N …] [--callers N]

While callers call without a pause, each on a connection of its own that stays open, an operator halts the system over
the 0600 socket and releases it again. All clocks are this process's. Printed, in ms, p50 and p99 over the rounds:

- `halt answered`: from sending the halt to its answer, which lists what was in flight and what became of it;
- `last let through`: from sending the halt to the last answer, to any caller, of a call that was let through (0 where
  none came after it);
- `all refuse`: from sending the halt until every caller has heard its first refusal;

and how many calls that *began after the halt was answered* were let through: a hold is in force once it is answered,
so this is 0, or Standwatch is broken.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.system import META, MODERN, Living, echo, manifest, scripted, server, serving, tool


class Call(NamedTuple):
    """One call: when it began and ended (s), and whether it was let through."""

    began: float
    ended: float
    passed: bool


class Caller(threading.Thread):
    """Calls without a pause over one connection."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self.calls: list[Call] = []
        self.over = False
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": MODERN,
            "mcp-method": "tools/call",
            "mcp-name": "look",
        }

    def run(self) -> None:
        params = {"name": "look", "arguments": {}, "_meta": META}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        while not self.over:
            began = time.perf_counter()
            self._connection.request("POST", "/mcp/s", body, self._headers)
            said = self._connection.getresponse().read()
            self.calls.append(Call(began, time.perf_counter(), b'"isError":true' not in said))


class Round(NamedTuple):
    """ms; and calls let through though they began after the halt was answered."""

    answered: float
    last_passed: float
    all_refuse: float
    late: int


def halted(watch: Living, callers: list[Caller]) -> Round:
    """One halt and its release, seen by all callers."""
    for each in callers:
        each.calls.clear()
    _until(lambda: all(sum(call.passed for call in each.calls) >= 3 for each in callers))
    time.sleep(
        random.uniform(0.0, 0.01)
    )  # at any moment of the calls, not at the one that the loop above ends at
    sent = time.perf_counter()
    hold = watch.halt("system:s")["hold"]
    answered = time.perf_counter()
    _until(lambda: all(_refused_after(each, sent) for each in callers))
    calls = [call for each in callers for call in tuple(each.calls)]
    last = max((call.ended - sent for call in calls if call.passed), default=0.0)
    everybody = max(_refused_after(each, sent) - sent for each in callers)
    late = sum(call.passed and call.began > answered for call in calls)
    watch.release(hold)
    return Round((answered - sent) * 1e3, max(last, 0.0) * 1e3, everybody * 1e3, late)


def _refused_after(caller: Caller, sent: float) -> float:
    """When `caller` heard its first refusal of a call that ended after `sent`; 0 for not yet."""
    return next((call.ended for call in tuple(caller.calls) if not call.passed and call.ended > sent), 0.0)


def _until(true: Any) -> None:
    while not true():
        time.sleep(0.0005)


def measure(workers: int, callers: int, rounds: int) -> list[Round]:
    """`rounds` halts of one server."""
    with tempfile.TemporaryDirectory() as folder, scripted(echo, tools=[tool("look")]) as up:
        systems = {"s": manifest("s", [server("up", url=up.url)], {"up.look": "read"})}
        with serving(Path(folder), systems, workers=workers) as watch:
            token = watch.agent("bench", "s").token
            threads = [Caller(watch.agents, token) for _ in range(callers)]
            for each in threads:
                each.start()
            found = [halted(watch, threads) for _ in range(rounds)]
            for each in threads:
                each.over = True
            for each in threads:
                each.join()
            return found


def told(name: str, values: list[float]) -> str:
    """One line: p50, p99, most."""
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return (
        f"  {name:<17} p50 {ordered[len(ordered) // 2]:7.2f}   p99 {p99:7.2f}   most {ordered[-1]:7.2f}   ms"
    )


def main() -> int:
    """Measure and print; 1 where a call was let through that began after its halt was answered."""
    options = argparse.ArgumentParser(prog="bench.halt", description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    options.add_argument("--callers", type=int, default=8)
    given = options.parse_args()
    late = 0
    for workers in given.workers:
        found = measure(workers, given.callers, given.rounds)
        late += sum(each.late for each in found)
        where = f"{workers} workers" if workers else "one process"
        print(f"halt → refused, {where}, {given.callers} callers, {given.rounds} rounds")
        print(told("halt answered", [each.answered for each in found]))
        print(told("last let through", [each.last_passed for each in found]))
        print(told("all refuse", [each.all_refuse for each in found]))
        print(f"  let through after the halt was answered: {sum(each.late for each in found)}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
