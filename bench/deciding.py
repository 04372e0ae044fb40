"""Governed decisions beside ungoverned ones: single rows and batches, and where the time of a row goes."""

from __future__ import annotations

import shutil
from argparse import Namespace
from contextlib import ExitStack

from bench import lender
from bench.governed import COLUMNS, other, row, run
from bench.load import Target, measure
from bench.report import Cell, Report

BATCH = 256
SERVED = b'"outcome"'


def target(port: int, token: str, rows: int) -> Target:
    """What is posted: rows of twenty features to the system's model."""
    served = b'"standwatch_route":"model"' if token else b'"outputs"'
    path = "/v2/models/s0/infer" if token else "/v2/models/scorer/infer"
    return Target(port, path, token, body=lender.body(rows), served=served)


def decisions(report: Report, options: Namespace) -> None:
    """Single rows and batches of 256, with the range check on, beside the bare server."""
    with ExitStack() as stack:
        up, up_pid = stack.enter_context(other("model"))
        folder = options.folder / "lender"
        shutil.rmtree(folder, ignore_errors=True)
        served = stack.enter_context(lender.serving(folder, up))
        about = options.folder / "lender-subjects"
        shutil.rmtree(about, ignore_errors=True)
        people = stack.enter_context(lender.serving(about, up, subjects=True))
        lanes = [
            ("bare OIP server, no gateway", target(up, "", 1), up_pid),
            ("governed, one row", target(served.door.port, served.door.agent, 1), served.process.pid),
        ]
        found = run(lanes, options)
        base = found[lanes[0][0]][0].cpu
        report.table(
            "decisions",
            "one row of 20 features (14 numbers, 6 categories; declared limits and learned range checked), a bare OIP "
            f"server that costs nothing behind it; median of {options.rounds} rounds of {options.calls:,}; CPU at "
            "64 in flight; latency in ms; × beside the bare server",
            COLUMNS,
            [row(name, loads, base) for name, loads in found.items()],
        )
        batches(
            report,
            options,
            [
                ("bare", target(up, "", BATCH), up_pid, up_pid),
                ("governed", target(served.door.port, served.door.agent, BATCH), served.process.pid, 0),
                (
                    "governed, each row about a person",
                    target(people.door.port, people.door.agent, BATCH),
                    people.process.pid,
                    0,
                ),
            ],
        )
    raw, one = found[lanes[0][0]][1], found[lanes[1][0]][1]
    sync = report.raw.sync_p50
    report.note(
        f"added p50 at one in flight: {one.p50 - raw.p50:.2f} ms; over the raw fdatasync ({sync:.2f} ms): "
        f"{one.p50 - raw.p50 - sync:.2f} ms"
    )


def batches(report: Report, options: Namespace, lanes: list[tuple[str, Target, int, int]]) -> None:
    """Rows per second and core in batches."""
    rows: list[list[Cell]] = []
    calls = max(options.calls // 40, 20)
    for name, what, pid, _ in lanes:
        measure(what, pid, size=0, calls=10, in_flight=2)
        loads = sorted(
            (measure(what, pid, size=0, calls=calls, in_flight=4) for _ in range(options.rounds)),
            key=lambda one: one.cpu,
        )
        load = loads[len(loads) // 2]
        each = load.cpu / BATCH
        rows.append([name, load.cpu / 1000, each, 1e6 / each if each else 0.0, load.p50, load.rate * BATCH])
    report.table(
        "batches",
        f"batches of {BATCH} rows of 20 features, 4 in flight, {calls} batches; latency in ms",
        ("", "ms CPU a batch", "µs CPU a row", "rows/s/core", "p50", "rows/s seen"),
        rows,
    )
