"""What a full explanation costs with a warm executor: executed twice, contributions, singles, pairs, confirmed.

    python -m bench.explain [--json] [--rows N]

20 features; the executor is another process, in the models' environment (`make test-install`).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.machine import machine, raw
from bench.report import Cell, Report
from standwatch.facts.decisions import Row, Trouble
from standwatch.facts.models import Actionable, Feature, Model, Outcome, Output
from standwatch.upstream.executor import Executors, Pin
from standwatch.upstream.reexecution import drive, pinned
from standwatch.watch.explaining import explain

FOLDER: Final = Path("build/bench/explain")
PYTHON: Final = Path(".demo/models/bin/python")
MODELS: Final = (
    ("XGBoost, 100 trees of depth 4", "x.json"),
    ("LightGBM, 100 trees of 15 leaves", "l.txt"),
    ("EBM", "e.json"),
)


def declared(actionable: int) -> Model:
    """20 numbers from 0 to 100 with a decimal, of which so many may be changed."""
    inputs = tuple(
        Feature(f"f{k}", min=0, max=100, actionable=Actionable(step=0.1) if k < actionable else None)
        for k in range(20)
    )
    return Model(
        "scorer",
        inputs=inputs,
        outputs=(Output("p", "probability"),),
        outcome=Outcome("p", 0.5, at_or_above="denied", below="granted"),
    )


async def measure(executors: Executors, pin: Pin, model: Model, rows: list[Row]) -> list[Cell]:
    """p50 and p95 of an explanation (ms), its CPU here and in the executor (mean, ms), rows, decisions turned."""
    answer = pinned(executors, pin, model)
    names = [feature.name for feature in model.inputs]
    took: list[float] = []
    executed = turned = 0
    cpu = 0.0
    for place, row in enumerate([rows[0], *rows]):
        told = await executors.predict(pin, {"names": names, "rows": [row]}, [{"name": "p"}], 60)
        assert not isinstance(told, Trouble), told
        begun, spent = time.perf_counter(), _cpu()
        found = await drive(explain(model, row, {"p": told["p"][0]}, pinned=True), answer, 60)
        if place:  # the first one warms it
            took.append((time.perf_counter() - begun) * 1e3)
            cpu += (_cpu() - spent) * 1e3
        assert found.grade.grade == "exact", found.grade
        assert found.contributions is not None
        assert found.contributions.adds_up
        assert not found.changes.unconfirmed
        executed += found.changes.executed
        turned += bool(found.changes.singles or found.changes.pairs)
    took.sort()
    p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
    return [p50, p95, cpu / len(rows), executed // (len(rows) + 1), f"{turned}/{len(rows) + 1}"]


def _cpu() -> float:
    """Seconds of CPU of this process and of the executors it started, as far as the kernel counts in ticks."""
    children = " ".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).split()
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in children]
    return time.process_time() + sum(int(each[11]) + int(each[12]) for each in stats) / os.sysconf(
        "SC_CLK_TCK"
    )


async def table(folder: Path, count: int) -> list[list[Cell]]:
    """A line for each model and number of actionable features."""
    chance = random.Random(5)
    rows: list[Row] = [tuple(round(chance.uniform(0, 100), 1) for _ in range(20)) for _ in range(count)]
    executors = Executors(folder, os.environ)
    lines: list[list[Cell]] = []
    try:
        for title, name in MODELS:
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            pin = Pin("bench/scorer", "1", name, digest, (str(PYTHON.absolute()), "{executor}"))
            for actionable in (4, 8, 20):
                figures = await measure(executors, pin, declared(actionable), rows)
                lines.append([f"{title}; {actionable} actionable", *figures])
    finally:
        await executors.close()
    return lines


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="bench.explain", description=__doc__.partition("\n")[0])
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options.add_argument("--rows", type=int, default=60, help="decisions that are explained for each line")
    given = options.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    subprocess.run(
        [PYTHON, Path(__file__).with_name("explain_models.py"), FOLDER], check=True, capture_output=True
    )
    report = Report(live=not given.json)
    report.machine(machine(), raw(FOLDER))
    columns = ("20 features, executor warm", "p50 ms", "p95 ms", "CPU ms", "rows executed", "turned")
    lines: Any = asyncio.run(table(FOLDER.absolute(), given.rows))
    report.table(
        "explain",
        "a full explanation: twice executed, contributions, singles, pairs, confirmed",
        columns,
        lines,
    )
    if given.json:
        sys.stdout.buffer.write(msgspec.json.encode(report.found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
