"""What the product takes: to start, in memory, on the disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from argparse import Namespace
from importlib import metadata
from statistics import median
from typing import Final

from bench import deciding, lender
from bench.governed import other, over_http
from bench.load import measure, memory_of
from bench.organisation import policies, serving, start
from bench.report import Cell, Report

WANTED: Final = "standwatch"


def footprint(report: Report, options: Namespace) -> None:
    """Start-up to the first open listener, idle memory, distributions and their size."""
    rows: list[list[Cell]] = []
    with other("upstream") as (up, _):
        for systems in (1, 500):
            folder = options.folder / f"systems-{systems}"
            with serving(folder, [over_http(up)], policy_text=policies(60), systems=systems):
                pass
            seconds, memory = [], 0.0
            for _ in range(1 if systems > 1 else options.rounds):
                served = start(folder)
                seconds.append(served.door.seconds)
                time.sleep(1.0)
                memory = memory_of(served.process.pid)
                served.process.terminate()
                served.process.wait()
            rows.append([f"{systems} system(s), 60 policies", median(seconds), memory])
    report.table(
        "start",
        "from the start of the process to its first open listener (s), and resident memory a second later (MB)",
        ("", "start", "memory"),
        rows,
    )
    size, names = installed()
    report.note(f"installed: {len(names)} distributions, {size / 1e6:.0f} MB (without Python itself)")
    report.found["installed"] = {"distributions": sorted(names), "bytes": size}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "standwatch.cli.main", "--help"], capture_output=True, check=False)
    report.note(f"`standwatch --help`: {time.perf_counter() - begun:.2f} s")


def memory(report: Report, options: Namespace) -> None:
    """What a server with a model keeps resident: idle, and after a million decisions, most of them in batches."""
    decided = 1_000_000 if options.calls == 4_000 else 20_000
    single = decided // 50
    rows: list[list[Cell]] = []
    with other("model") as (up, _):
        for subjects in (False, True):
            folder = options.folder / f"memory-{'people' if subjects else 'nobody'}"
            shutil.rmtree(folder, ignore_errors=True)
            with lender.serving(folder, up, subjects=subjects):
                pass  # prepared: what that took is not kept
            with lender.serving(folder, up, subjects=subjects) as served:
                time.sleep(1.0)
                found, pid, door = [memory_of(served.process.pid)], served.process.pid, served.door
                for size, calls in ((1, single), (deciding.BATCH, (decided - single) // deciding.BATCH)):
                    what = deciding.target(door.port, door.agent, size)
                    measure(what, pid, size=0, calls=calls, in_flight=4)
                    found.append(memory_of(pid))
            rows.append(["each row about a person" if subjects else "rows about nobody", *found])
    report.table(
        "memory",
        "resident memory of a server with one model of 20 features (MB)",
        ("", "idle", f"after {single:,} single rows", f"after {decided:,} rows"),
        rows,
    )


def installed() -> tuple[int, set[str]]:
    """Bytes and names of what the product needs, itself included: its requirements, and theirs."""
    found: set[str] = set()
    waiting, size = [WANTED], 0
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            one = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform
        found.add(name)
        size += sum(file.size or 0 for file in one.files or ())
        for line in one.requires or ():
            wanted, _, marker = line.partition(";")
            if "extra" not in marker:
                bare = wanted.strip()
                for sign in "[(<>=!~ ":
                    bare = bare.partition(sign)[0]
                waiting.append(bare.lower().replace("_", "-"))
    return size, found
