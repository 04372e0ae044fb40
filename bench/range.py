"""What the validated range costs: µs of CPU a row, declared and learned, one by one and in batches.

    python -m bench.range [--json] [--features N]

The range is learned here from rows that are drawn by a seed; the rows that are checked are others of the same kind.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.machine import machine, raw
from bench.report import Report
from standwatch.enforce.validity import compile_validity
from standwatch.facts.decisions import Row
from standwatch.facts.models import Condition, Feature, KnownLimit, Learned, Model
from standwatch.gate.range import learn

BATCH = 256
ROUNDS = 7
STATES = ("MA", "NH", "VT", "RI")


def features(count: int) -> tuple[Feature, ...]:
    """Every fourth a category, the others numbers, one in ten of which may be missing."""
    return tuple(
        Feature(f"f{at}", type="category", one_of=STATES)
        if at % 4 == 3
        else Feature(f"f{at}", min=-1e6, max=1e6, missing=at % 10 == 0)
        for at in range(count)
    )


def drawn(inputs: tuple[Feature, ...], count: int, seed: int) -> list[Row]:
    """Rows in which neighbours depend on each other."""
    chance = random.Random(seed)
    found: list[Row] = []
    for _ in range(count):
        common = chance.gauss(0, 1)
        found.append(
            tuple(
                chance.choice(STATES[: 2 if common < 0 else 4])
                if one.type == "category"
                else None
                if one.missing and chance.random() < 0.05
                else common + chance.gauss(0, 1)
                for one in inputs
            )
        )
    return found


def measured(work: Callable[[], Any], rows: int) -> float:
    """µs of CPU for one of `rows`, the median of some rounds."""
    times: list[float] = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(20):
            work()
        times.append((time.process_time() - begun) / 20 / rows * 1e6)
    return sorted(times)[ROUNDS // 2]


def fit(inputs: tuple[Feature, ...], rows: list[Row]) -> Learned:
    order = list(range(len(rows)))
    random.Random(1).shuffle(order)
    return learn(inputs, rows, order=order, alarm=0.01, data="", seed=1).learned


def measure(report: Report, count: int) -> None:
    """Every figure of the page."""
    inputs = features(count)
    reference = drawn(inputs, 10_000, 1)
    begun = time.process_time()
    learned = fit(inputs, reference)
    spent = time.process_time() - begun
    report.note(f"learned from {len(reference):,} rows × {count} features in {spent:.2f} s of CPU")
    limits = (KnownLimit("", (Condition("f3", one_of=("ZZ",)),)), KnownLimit("", (Condition("f1", min=1e7),)))
    batch = drawn(inputs, BATCH, 2)
    rows: list[tuple[str, float, float, float]] = []
    for name, model in (
        ("declared limits", Model("m", inputs=inputs)),
        ("and two known limits", Model("m", inputs=inputs, known_limits=limits)),
        ("and the learned range", Model("m", inputs=inputs, known_limits=limits, learned=learned)),
    ):
        check = compile_validity(model)
        inside = [row for row in batch if check.check(row) == ("", "")]
        outside = [(1e9, *row[1:]) for row in batch]
        rows.append(
            (
                name,
                measured(lambda check=check, inside=inside: check.check_all(inside), len(inside)),
                measured(
                    lambda check=check, inside=inside: [check.check(row) for row in inside], len(inside)
                ),
                measured(lambda check=check, outside=outside: check.check_all(outside), BATCH),
            )
        )
    report.table(
        "range",
        f"the validated range, {count} features, batches of {BATCH}: µs of CPU a row (bar: 100)",
        ("", "in a batch", "one by one", "outside"),
        rows,
    )


def section(report: Report, _: argparse.Namespace) -> None:
    """The same, as a part of `make bench`."""
    measure(report, 20)


def main() -> int:
    options = argparse.ArgumentParser(prog="bench.range", description=__doc__.partition("\n")[0])
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options.add_argument("--features", type=int, default=20, metavar="N")
    given = options.parse_args()
    folder = Path("build/bench").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    report = Report(live=not given.json)
    report.machine(machine(), raw(folder))
    measure(report, given.features)
    if given.json:
        sys.stdout.write(msgspec.json.encode(report.found).decode() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
