"""Does a relaxation ever outlive its end? Played ten thousand times, and measured on a real recorder that fails.

    python -m bench.relaxations [--histories N] [--real N] [--seed N]

- *played*: generated histories on the real gate, judge and sequencer with clocks and a store that are played: the wall
  clock is set back and forth, the store is slow or takes nothing (`tests/support/relaxing_histories.py`);
- *real*: relaxations of a fraction of a second on a real recorder, on a disk that fails at random, while an agent calls
  as fast as it can, each in a run of its own.

Printed: how many acts left on a relaxation, how many of these after its end, and by how much at most. Exit code 1 where
one left more than a second after.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.relaxing_histories import history
from support.relaxing_real import Real, real

BOUND = 1.0
"""Seconds that no relaxation may outlive its end by."""


async def played(count: int, seed: int) -> Real:
    """`count` histories, each from a seed of its own."""
    relaxations, passed, over = 0, 0, list[float]()
    for number in range(count):
        one = await history(seed + number)
        relaxations += one.relaxations
        passed += one.passed
        over += [late / 1e6 for late in one.late]
    return Real(relaxations, passed, over)


def main() -> int:
    """Play, measure, print."""
    options = argparse.ArgumentParser(prog="bench.relaxations", description=__doc__.partition("\n")[0])
    options.add_argument("--histories", type=int, default=10_000)
    options.add_argument("--real", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    begun = time.monotonic()
    worst = [_say("played", asyncio.run(played(given.histories, given.seed)), begun)]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(real(Path(folder) / "org", given.real, random.Random(given.seed)))
    worst.append(_say("real", found, begun))
    return 1 if max(worst) > BOUND else 0


def _say(name: str, found: Real, begun: float) -> float:
    worst = max(found.over, default=0.0)
    sys.stdout.write(
        f"{name}: {found.relaxations} relaxations, {found.passed} acts left on one, {len(found.over)} after its end, "
        f"at most {worst * 1e3:.1f} ms after; {time.monotonic() - begun:.0f} s\n"
    )
    sys.stdout.flush()
    return worst


if __name__ == "__main__":
    sys.exit(main())
