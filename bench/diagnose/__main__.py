"""`python -m bench.diagnose`: faults put into realistic traffic; is the true cause named, and nothing without one?

    python -m bench.diagnose [--worlds payments drawn …] [--kinds KIND …] [--seeds N] [--first N] [--quiet N] [--json]

A cause counts as named where its code and its subject (the feature, the part of the traffic, the version) are right.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final, NamedTuple

import msgspec

from bench.diagnose.faults import KINDS
from bench.diagnose.traffic import HOUR, case
from bench.diagnose.worlds import Drawn, Lending, Payments, Triage, World
from bench.machine import machine
from bench.report import Report
from standwatch.watch.diagnose import diagnose

WORLDS: Final[dict[str, type[World]]] = {
    "payments": Payments,
    "drawn": Drawn,
    "lending": Lending,
    "triage": Triage,
}


class Job(NamedTuple):
    """One window."""

    world: str
    kind: str
    seed: int


class Verdict(NamedTuple):
    """`place` of the true cause (0: first; 99: not named); `off` hours between the true and the found beginning."""

    job: Job
    place: int
    off: float
    seconds: float
    rows: int
    said: tuple[str, ...]
    truth: str


def judge(job: Job) -> Verdict:
    """Make one window, diagnose it, compare."""
    found = case(WORLDS[job.world](job.seed), job.kind, job.seed)
    begun = time.process_time()
    answer = diagnose(found.observations, found.happenings, found.model, found.since, found.now)
    seconds = time.process_time() - begun
    said = tuple(
        f"{one.code}[{one.subject}] share={one.share} d={one.distance:.2f} | {one.text}"
        for one in answer.causes
    )
    place, off, truth = 99, 0.0, ""
    if found.fault is not None:
        late = sum(one.at >= found.onset for one in found.observations)
        felt = f"moved={found.moved:.2f} noticed={found.noticed:.1f} after={late}"
        truth = f"{found.fault.codes}{found.fault.subject} {felt}"
        hits = [n for n, one in enumerate(answer.causes) if found.fault.named(one.code, one.subject)]
        if hits:
            place, off = hits[0], abs(answer.causes[hits[0]].at - found.onset) / HOUR
    return Verdict(job, place, off, seconds, len(found.observations), said, truth)


def main() -> int:
    """Run, print; 1 where a bar is missed."""
    options = _options()
    report = Report(live=not options.json)
    here = machine()
    load = ", ".join(f"{one:.2f}" for one in here.load)
    report.note(
        f"{here.time}  {here.cores} × {here.cpu}, Linux {here.kernel}, Python {here.python}, load average {load}"
    )
    seeds = range(options.first, options.first + options.seeds)
    report.note(
        f"seeds {seeds.start} to {seeds.stop - 1}; quiet windows {options.first} to {options.first + options.quiet - 1}"
    )
    held = True
    for world in options.worlds:
        jobs = [Job(world, kind, seed) for kind in options.kinds for seed in seeds]
        jobs += [Job(world, "quiet", options.first + n) for n in range(options.quiet)]
        with ProcessPoolExecutor(options.processes) as pool:
            verdicts = list(pool.map(judge, jobs, chunksize=4))
        held = _tell(report, world, verdicts, options.verbose) and held
    if options.json:
        found: dict[str, Any] = {"machine": here, **report.found}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    return 0 if held else 1


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="bench.diagnose", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    options.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    options.add_argument("--seeds", type=int, default=20, help="windows of each kind of fault")
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--quiet", type=int, default=100, help="windows without a fault")
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options.add_argument("--verbose", action="store_true", help="every miss with what was said instead")
    options.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return options.parse_args()


def _tell(report: Report, world: str, verdicts: list[Verdict], verbose: bool) -> bool:
    faults = [one for one in verdicts if one.job.kind != "quiet"]
    quiet = [one for one in verdicts if one.job.kind == "quiet"]
    rows: list[list[str | int | float]] = []
    for kind in dict.fromkeys(one.job.kind for one in faults):
        mine = [one for one in faults if one.job.kind == kind]
        off = sorted(one.off for one in mine if one.place < 99)
        rows.append(
            [
                kind,
                len(mine),
                sum(one.place == 0 for one in mine),
                sum(one.place < 3 for one in mine),
                off[len(off) // 2] if off else 0.0,
            ]
        )
    first, three = (sum(one.place < limit for one in faults) / max(len(faults), 1) for limit in (1, 3))
    rows.append(["all", len(faults), f"{first:.1%}", f"{three:.1%}", ""])
    if faults:
        report.table(
            f"{world} faults",
            f"{world}: the true cause",
            ("fault", "windows", "first", "in three", "beginning off by, h"),
            rows,
        )
    claimed = [one for one in quiet if one.said]
    if quiet:
        report.note(f"{world}: nothing claimed in {len(quiet) - len(claimed)} of {len(quiet)} quiet windows")
    cost = sorted(one.seconds / one.rows * 20_000 for one in verdicts)
    report.note(
        f"{world}: CPU seconds for 20,000 rows, by proportion: median {cost[len(cost) // 2]:.2f}, most {cost[-1]:.2f}"
    )
    if verbose:
        for one in [*(each for each in faults if each.place), *claimed]:
            report.note(
                f"  {one.job.kind} {one.job.seed}: place {one.place}, truth {one.truth}\n      "
                + "\n      ".join(one.said)
            )
        report.note(str(Counter(one.job.kind for one in faults if one.place)))
    return first >= 0.9 and three >= 0.98 and len(claimed) * 20 <= len(quiet)


if __name__ == "__main__":
    sys.exit(main())
