"""Runs of every adapter paused, resumed in other processes and partly killed there: a hundred of each, none done twice.

    python -m bench.resumed [--runs 100] [--only langchain claude_agent frameworks]

The tests of the adapters do this with a sample; this is the same code with all of them. It needs what
`make test-install` installs. Ends with 1 where something was done twice, or not at all.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
ADAPTERS: Final = ("frameworks", "langchain", "claude_agent")


def main() -> int:
    """Each adapter after another; prints what each took."""
    options = argparse.ArgumentParser(prog="bench.resumed", description=__doc__.partition("\n")[0])
    options.add_argument("--runs", type=int, default=100)
    options.add_argument("--only", nargs="+", choices=ADAPTERS, default=list(ADAPTERS), metavar="ADAPTER")
    told = options.parse_args()
    failed = 0
    for name in told.only:
        begun, before = time.monotonic(), _cpu()
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "resumed_do_nothing_twice",
        ]
        ended = subprocess.run(
            [*command, "--timeout", "3600", str(ROOT / f"tests/wire/test_{name}.py")],
            env={**os.environ, "RESUMED_RUNS": str(told.runs)},
            cwd=ROOT,
            check=False,
        )
        failed |= ended.returncode
        word = "nothing was done twice" if not ended.returncode else "FAILED"
        print(
            f"{name}: {told.runs} runs of each framework: {word}; "
            f"{time.monotonic() - begun:.0f} s, {_cpu() - before:.0f} s of CPU"
        )
    return 1 if failed else 0


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
