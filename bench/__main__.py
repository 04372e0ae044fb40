"""`make bench`: what governing a call costs, beside the raw machine, in one run.

    python -m bench [--json] [--quick] [--big] [--only SECTION…] [--rounds N]

CPU is that of the gateway's process with all its threads, read from /proc; latency is seen by a client that is
another process. Every section brings its own "raw" figures from the same minute: quote ratios.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import deciding, deciding_steps, flat, footprint, governed, steps
from bench import range as range_
from bench.machine import machine, raw
from bench.report import Report

FOLDER: Final = Path("build/bench")

SECTIONS: Final[dict[str, Callable[[Report, argparse.Namespace], None]]] = {
    "calls": governed.calls,
    "sizes": governed.sizes,
    "content": governed.contents,
    "policies": governed.policies,
    "flat": flat.flat,
    "decisions": deciding.decisions,
    "decision-steps": deciding_steps.steps,
    "steps": steps.steps,
    "footprint": footprint.footprint,
    "memory": footprint.memory,
    "range": range_.section,
}


def parser() -> argparse.ArgumentParser:
    """The options; `make bench ARGS='--quick'` passes them on."""
    options = argparse.ArgumentParser(prog="bench", description=__doc__.partition("\n")[0])
    options.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options.add_argument(
        "--quick", action="store_true", help="a tenth of the calls: for trying the bench itself"
    )
    options.add_argument(
        "--big", action="store_true", help="compare with a log of 5 million entries (minutes)"
    )
    options.add_argument("--rounds", type=int, default=3, help="rounds of each figure; the median is shown")
    options.add_argument(
        "--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS), metavar="SECTION"
    )
    return options


def main() -> int:
    """Measure, print; 0 unless something could not be measured."""
    options = parser().parse_args()
    options.folder = FOLDER.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.calls = 400 if options.quick else 4000
    report = Report(live=not options.json)
    here = machine()
    report.machine(here, raw(options.folder))
    for name in options.only:
        SECTIONS[name](report, options)
    report.note(f"load average at the end: {', '.join(f'{one:.2f}' for one in os.getloadavg())}")
    if options.json:
        found: dict[str, Any] = {"machine": here, **report.found}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
