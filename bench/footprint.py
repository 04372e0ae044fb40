"""What the product takes: to start, in memory, on the disk."""

from __future__ import annotations

import subprocess
import sys
import time
from argparse import Namespace
from importlib import metadata
from statistics import median
from typing import Final

from bench.governed import other, over_http
from bench.load import memory_of
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
