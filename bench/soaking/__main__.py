"""`make soak`: kill -9 and failing disks under load, round after round, each audited.

python -m bench.soaking [--rounds 200] [--seed N] [--per-log 20] [--blows server upstream …] [--out build/soak.txt]
python -m bench.soaking --explaining 5000000      decisions explained with so many entries behind them, instead
python -m bench.soaking --only versions exposure  these other long trials, each as `python -m bench.NAME`, instead
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import explaining
from bench.machine import machine
from bench.soaking.audit import Tally
from bench.soaking.rounds import BLOWS, Log

TRIALS: Final = (
    "resumed",
    "rollback",
    "versions",
    "diagnose",
    "exposure",
    "incidents",
    "relaxations",
    "mutations",
    "explaining",
    "api",
    "humans",
    "console",
    "dojo",
    "tracekit",
)
"""Commands of their own, `python -m bench.NAME`, that end with 1 where something is not as it must be."""


def parser() -> argparse.ArgumentParser:
    """The options; `make soak ARGS='--rounds 20'` passes them on."""
    options = argparse.ArgumentParser(prog="soak", description="kill -9 and failing disks under load")
    options.add_argument("--rounds", type=int, default=200, help="rounds altogether; the blows take turns")
    options.add_argument("--per-log", type=int, default=20, help="rounds on one log before another is begun")
    options.add_argument("--seed", type=int, default=0, help="0 for a new one")
    options.add_argument("--blows", nargs="+", choices=BLOWS, default=list(BLOWS), metavar="BLOW")
    options.add_argument(
        "--explaining",
        type=int,
        default=0,
        metavar="ENTRIES",
        help="instead: a log of so many entries, and decisions from all over it explained (bench.explaining)",
    )
    options.add_argument(
        "--only", nargs="+", choices=TRIALS, default=[], metavar="TRIAL", help=f"instead: {', '.join(TRIALS)}"
    )
    options.add_argument("--out", type=Path, default=Path("build/soak.txt"))
    return options


class Soak:
    """A run: says what it does, and keeps it for the file."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.seed = options.seed or random.SystemRandom().randrange(1, 2**32)
        self.lines: list[str] = []
        self.sum = Tally()
        self.rounds: Counter[str] = Counter()

    def say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        self.lines.append(text)

    def run(self) -> int:
        """All rounds; 1 where one of them found something."""
        here, begun = machine(), time.monotonic()
        self.say(
            f"soak of {self.options.rounds} rounds, seed {self.seed}, {here.time}, {here.cores} × {here.cpu}, "
            f"Linux {here.kernel}, Python {here.python}, SQLite {here.sqlite}, load average {here.load[0]:.2f}"
        )
        failed = ""
        left = self.options.rounds
        number = 0
        while left > 0 and not failed:
            some = min(left, self.options.per_log)
            failed = self._log(number, some)
            left, number = left - some, number + 1
        self._summary(time.monotonic() - begun, failed)
        self.options.out.parent.mkdir(parents=True, exist_ok=True)
        self.options.out.write_text("\n".join(self.lines) + "\n")
        return 1 if failed else 0

    def _log(self, number: int, rounds: int) -> str:
        """Rounds on one new log; what went wrong, or ""."""
        chance = random.Random(f"{self.seed}/{number}")
        folder = Path("build/soak").resolve() / f"log-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        log = Log(folder, chance)
        found, executed, blow = Tally(), 0, ""
        try:
            for round_ in range(rounds):
                blow = self.options.blows[(number * self.options.per_log + round_) % len(self.options.blows)]
                found = log.round(blow)
                self.rounds[blow] += 1
                self.sum.add(Tally(found.calls, found.done, found.refused, found.unavailable, found.lost))
                self.say(
                    f"log {number} round {round_} {blow:<8} calls {found.calls:>5} done {found.done:>5} "
                    f"refused {found.refused} unavailable {found.unavailable} lost {found.lost} "
                    f"executed {found.executed - executed} unknown so far {found.unknown} "
                    f"entries {found.entries} verified"
                )
                executed = found.executed
        except AssertionError as error:
            return f"log {number}, {blow}: {error} (kept in {os.path.relpath(folder)})"
        finally:
            log.close()
        self.sum.add(Tally(executed=executed, unknown=found.unknown, entries=found.entries))
        shutil.rmtree(folder)
        return ""

    def _summary(self, seconds: float, failed: str) -> None:
        each = ", ".join(f"{count} {blow}" for blow, count in sorted(self.rounds.items()))
        total = self.sum
        self.say(
            f"\n{sum(self.rounds.values())} rounds ({each}) in {seconds / 60:.1f} min, seed {self.seed}:\n"
            f"  {total.calls} calls: {total.done} done, {total.refused} refused, {total.unavailable} unavailable, "
            f"{total.lost} without a reply\n"
            f"  {total.executed} executed upstream, {total.entries} entries, {total.unknown} intents ended as unknown"
        )
        self.say(
            f"FAILED: {failed}"
            if failed
            else "  nothing done without a durable intent or twice, nothing acknowledged lost, no false alarm"
        )


def trials(names: Sequence[str]) -> int:
    """Each with its own defaults, one after another; 1 where one of them found something."""
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in names
    ]
    return 1 if any(codes) else 0


def main() -> int:
    """What the options ask for; 1 where something was found."""
    options = parser().parse_args()
    if options.only:
        return trials(options.only)
    if options.explaining:
        return explaining.run(options.explaining, seed=options.seed or 1)
    return Soak(options).run()


if __name__ == "__main__":
    sys.exit(main())
