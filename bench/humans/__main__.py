"""People who answer, under kill -9, full disks and holds: `python -m bench.humans [--rounds N] [--workers 0 2]`.

A production organisation whose payments two of three people must approve, decoys on; agents pay through it as often
as it lets them, people answer by key and by passkey, several at once and against each other. Each round strikes once.
After `--per-log` rounds the record, the upstream's ledger and everybody's notes must tell one story
(`bench.humans.audit`). Exit code 1 where they do not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from bench.humans.trial import BLOWS, Trial


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="bench.humans", description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=60, help="rounds altogether; the blows take turns")
    options.add_argument("--per-log", type=int, default=6, help="rounds on one log before another is begun")
    options.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="logs take turns with these")
    options.add_argument("--seconds", type=float, default=4.0, help="that a round takes at least")
    options.add_argument("--blows", nargs="+", choices=BLOWS, default=list(BLOWS), metavar="BLOW")
    options.add_argument("--seed", type=int, default=0, help="0 for a new one")
    return options


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Round after round; 1 where an audit found something."""
    given = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and the servers end with it
    seed = given.seed or random.SystemRandom().randrange(1, 2**32)
    say(f"seed {seed}")
    begun, total, problems = time.monotonic(), Counter[str](), list[str]()
    for number in range(-(-given.rounds // given.per_log)):
        workers = given.workers[number % len(given.workers)]
        some = min(given.per_log, given.rounds - number * given.per_log)
        folder = Path(tempfile.mkdtemp(prefix="humans-"))
        blows = [given.blows[(number * given.per_log + n) % len(given.blows)] for n in range(some)]
        trial = Trial(folder / "org", workers, random.Random(f"{seed}/{number}"), given.seconds)
        found = trial.run(blows)
        say(f"log {number}, {workers} workers, {', '.join(blows)}: {told(trial.counts)}")
        total += trial.counts
        problems += [f"log {number}: {one}" for one in found]
        for one in found:
            say(f"  WRONG: {one}")
        if found:
            say(f"  kept in {folder}")
        else:
            shutil.rmtree(folder)
    say(f"\n{given.rounds} rounds in {(time.monotonic() - begun) / 60:.1f} min, seed {seed}: {told(total)}")
    say(f"FAILED: {len(problems)} findings" if problems else "one story, everywhere; every log verified")
    return 1 if problems else 0


def told(counts: Counter[str]) -> str:
    """Every count by its name."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
