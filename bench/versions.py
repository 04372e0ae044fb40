"""Does the record say who decided? A million decisions through deployments, rollbacks, holds and `kill -9`.

    python -m bench.versions [--decisions N] [--changes N] [--crashes N] [--seed N]

Clients ask for single decisions and for batches without a pause; an operator deploys versions (some as canaries), takes
them back and releases the pins; the server is killed and started again. At the end, from the record alone: for every
decision, the version that its entry names is one that a plain reading of the deployments before it puts in front (or
in the canary's place); it is the version that the caller was told; its probability is the one that only this version
gives; and `versions --at` answers the same for a sample of entries. Prints how many agree; 1 where one does not.
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
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from bench.governed import other
from bench.machine import machine, raw
from bench.report import Report
from standwatch.facts.entries import Decided, Deployed
from support.system import Living, manifest, serving

VALUES = {"1": 0.25, "2": 0.75}
BATCH = 256


class Caller(threading.Thread):
    """Asks without a pause; what it was told, by entry: (version, rows, value)."""

    def __init__(self, watch: Living, token: str, rows: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.told: dict[int, tuple[str, int, float]] = {}
        self.rows, self.over, self.lost, self.referred = rows, False, 0, 0
        self._port = watch.agents
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._chance = random.Random(seed)
        self.decided = 0

    def run(self) -> None:
        connection = None
        while not self.over:
            data = [round(self._chance.uniform(0, 10), 3) for _ in range(self.rows)]
            body = json.dumps(
                {"inputs": [{"name": "x", "shape": [self.rows], "datatype": "FP64", "data": data}]}
            )
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
                connection.request("POST", "/v2/models/s/infer", body, self._headers)
                answer = connection.getresponse()
                said: Any = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):
                connection, self.lost = None, self.lost + 1
                time.sleep(0.02)
                continue
            if answer.status != 200:
                self.lost += 1
                continue
            self._heard(said)

    def _heard(self, said: Any) -> None:
        outputs = {one["name"]: one["data"] for one in said["outputs"]}
        if set(outputs["standwatch.route"]) != {"model"}:
            self.referred += 1
            return
        index = int(outputs["standwatch.id"][0].partition("/")[0])
        (value,) = set(outputs["p"])
        self.told[index] = (said["model_version"], self.rows, value)
        self.decided += self.rows


def organisation(port: int) -> dict[str, str]:
    """One system with one model in two versions."""
    decisions = {
        "scorer": {
            "versions": {name: {"served_as": name} for name in VALUES},
            "inputs": {"x": {"type": "number", "min": 0, "max": 10}},
            "outputs": {"p": {"type": "probability", "min": 0, "max": 1}},
            "outcome": {"output": "p", "threshold": 0.5, "at_or_above": "denied", "below": "approved"},
            "fallback": "refer-to-human",
        }
    }
    model = {"kind": "model", "name": "scorer", "url": f"http://127.0.0.1:{port}"}
    return {"s": manifest("s", [model], {}, decisions=decisions)}


def change(watch: Living, chance: random.Random, serving_now: str, *, first: bool) -> str:
    """One change of the route; the version that then serves. `first`: whether both versions have served."""
    to = "2" if serving_now == "1" else "1"
    ways = ("deploy", "rollback", "canary", "rollback") if first else ("deploy",)
    match chance.choice(ways):
        case "deploy":
            watch.run("deploy", "s", to, "--reason", "soak")
            return to
        case "canary":
            watch.run("deploy", "s", to, "--canary", "30%", "--reason", "soak")
            time.sleep(chance.uniform(0, 0.05))
            watch.run("promote", "s", "--reason", "soak")
            return to
        case _:
            found = watch.api.post("/systems/s/rollback", {"reason": "soak", "to": to})
            time.sleep(chance.uniform(0, 0.05))
            watch.release(found["hold"])
            return to


def soak(watch: Living, callers: list[Caller], given: argparse.Namespace) -> int:
    """Change and crash until enough was decided; how many changes there were."""
    chance, made, crashes, now = random.Random(given.seed), 0, 0, "1"

    def decided() -> int:
        return sum(one.decided for one in callers)

    while decided() < given.decisions or made < given.changes or crashes < given.crashes:
        due = min(made / max(given.changes, 1), crashes / max(given.crashes, 1) if given.crashes else 1.0)
        if due * given.decisions > decided():
            time.sleep(0.01)
            continue
        if crashes < given.crashes and crashes / given.crashes <= made / max(given.changes, 1):
            watch.kill()
            watch.start()
            crashes += 1
        else:
            now = change(watch, chance, now, first=made > 0)
            made += 1
        if made % 20 == 0:
            print(f"  {decided():,} decisions, {made} changes, {crashes} crashes", file=sys.stderr)
    return made


def judged(watch: Living, told: dict[int, tuple[str, int, float]], seed: int) -> tuple[int, int, list[str]]:
    """(decisions that agree, entries read, what does not agree)."""
    front, canary, agree, entries, wrong = "", "", 0, 0, list[str]()
    expected: dict[int, set[str]] = {}
    for index, entry in watch.entries():
        match entry:
            case Deployed(mode="canary"):
                canary = entry.version
            case Deployed():
                front, canary = (
                    entry.version,
                    "" if entry.version == canary or entry.mode == "rollback" else canary,
                )
            case Decided():
                entries += 1
                expected[index] = {front, canary} - {""}
                if entry.version not in expected[index]:
                    wrong.append(
                        f"entry {index} names version {entry.version}; {expected[index]} were deployed"
                    )
                elif index in told and told[index] != (entry.version, entry.rows, VALUES[entry.version]):
                    wrong.append(f"entry {index} says {entry.version}, its caller was told {told[index]}")
                else:
                    agree += entry.rows
            case _:
                pass
    for index in random.Random(seed).sample(sorted(expected), min(200, len(expected))):
        line = watch.run("versions", "s", "--at", str(index))["models"][0]
        if {line["version"], line.get("canary", "")} - {""} != expected[index]:
            wrong.append(f"versions --at {index} says {line['version']}, the entries say {expected[index]}")
    missing = [index for index in told if index not in expected]
    return agree, entries, wrong + [f"entry {index} was told and is not there" for index in missing]


def main() -> int:
    """Soak, judge, print."""
    options = argparse.ArgumentParser(prog="bench.versions", description=__doc__.partition("\n")[0])
    options.add_argument("--decisions", type=int, default=1_000_000)
    options.add_argument("--changes", type=int, default=200)
    options.add_argument("--crashes", type=int, default=10)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    report = Report(live=True)
    with tempfile.TemporaryDirectory() as folder, other("model") as (port, _):
        report.machine(machine(), raw(Path(folder)))
        place = Path(folder) / "org"
        place.mkdir()
        with serving(place, organisation(port)) as watch:
            watch.run("deploy", "s", "1", "--reason", "the first")
            token = watch.agent("bench", "s").token
            callers = [Caller(watch, token, rows, given.seed + rows) for rows in (BATCH, 1, BATCH, 7)]
            for one in callers:
                one.start()
            begun = time.monotonic()
            made = soak(watch, callers, given)
            for one in callers:
                one.over = True
            for one in callers:
                one.join()
            told = {index: said for one in callers for index, said in one.told.items()}
            agree, entries, wrong = judged(watch, told, given.seed)
            watch.verified()
            seconds = time.monotonic() - begun
    heard = sum(one.decided for one in callers)
    print(
        f"{heard:,} decisions heard, {agree:,} in {entries:,} entries agree; {made} changes, {given.crashes} crashes, "
        f"{sum(one.lost for one in callers)} requests lost to crashes, {sum(one.referred for one in callers)} "
        f"referred; {seconds:.0f} s, seed {given.seed}"
    )
    for line in wrong[:20]:
        print(f"  {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
