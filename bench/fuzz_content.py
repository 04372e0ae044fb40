"""`python -m bench.fuzz_content --minutes N [--seed S]`: looks for super-linear inputs, for texts on which the engines
or a stream and a scan disagree, and for exceptions other than Unfinished. Prints what it tried and its worst costs.

Inputs are made from the detectors' own patterns, pieces of them repeated, and chance. Cost is CPU time of the portable
engine, at one length and at eight times that. A ratio of more than 16 between costs that matter is looked at again, by
the least of three, and from there to eight times as much once more: what is super-linear grows at both, what grows only
until a text is longer than the longest match (9,000 bytes) and its window stops. And a text is too dear that costs more
than 20 µs a character, of whatever length.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from standwatch.content import prefilter
from standwatch.content.detectors import build, known
from standwatch.content.engine import Engine
from standwatch.content.found import Found, Unfinished
from support.made_up import made_up

SMALL, TIMES, DEAR = 4_000, 8, 20.0
ALPHABETS = (
    "0123456789",
    "0123456789 -.",
    "abcdef0123456789",
    "=&?/.:@",
    "A-",
    "ey.",
    "\u200b\ufe0fa",
    "ABCDEF GH12",
    "<|>{}[]\"' ",
)


def grain(chance: random.Random) -> str:
    """Something short that is worth repeating."""
    roll = chance.random()
    if roll < 0.3:
        return "".join(chance.choices(chance.choice(ALPHABETS), k=chance.randint(1, 24)))
    detector = chance.choice(list(known().values()))
    pattern = prefilter.encoded(detector, detector.pattern).decode("latin-1")
    made = (
        made_up(pattern, chance, more=chance.choice((0, 2, 30))).encode("latin-1").decode("utf-8", "replace")
    )
    if roll < 0.6 and len(made) > 2:
        cut = sorted(chance.sample(range(len(made) + 1), 2))
        return made[cut[0] : cut[1]] or made
    return made + chance.choice(("", " ", "\n", ",", "x"))


def text(chance: random.Random) -> str:
    """One grain, or a mix of a few, repeated."""
    grains = [grain(chance) for _ in range(chance.choice((1, 1, 1, 2, 4)))]
    return "".join(chance.choice(grains) for _ in range(8)) or "a"


def cost(engine: Engine, given: str) -> float:
    """CPU seconds; of one that was not finished, as far as it went."""
    start = time.thread_time()
    with suppress(Unfinished):
        engine.scan(given)
    return time.thread_time() - start


def least_of_three(engine: Engine, given: str) -> float:
    """One measurement is not one: whoever shares the machine is in it."""
    return min(cost(engine, given) for _ in range(3))


def grows(engine: Engine, short: str, long: str) -> float:
    """How many times as much the longer costs, where that is more than twice what its length says; else 0."""
    ratio = least_of_three(engine, long) / max(least_of_three(engine, short), 2e-4)
    return ratio if ratio > 2 * TIMES else 0.0


def outcome(engine: Engine, given: str) -> tuple[Found, ...] | str:
    try:
        return engine.scan(given)
    except Unfinished:
        return "unfinished"


def streamed(engine: Engine, given: str, chance: random.Random) -> tuple[Found, ...] | str:
    stream, found, at = engine.stream(), [], 0
    try:
        while at < len(given):
            size = chance.choice((1, 7, 60, 900))
            found += stream.feed(given[at : at + size])
            at += size
        found += stream.end()
    except Unfinished:
        return "unfinished"
    return tuple(sorted(found))


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=int(time.time()))
    chosen = options.parse_args()
    chance = random.Random(chosen.seed)
    print(f"seed {chosen.seed}")
    wanted = [*known()]
    slow = build(wanted, {"planted": "zebra-7741-quartz"}, portable=True)
    fast = build(wanted, {"planted": "zebra-7741-quartz"})
    end, tried, bad = time.process_time() + chosen.minutes * 60, 0, 0
    worst: list[tuple[float, float, str]] = []
    while time.process_time() < end:
        unit = text(chance)
        small = (unit * (SMALL // len(unit) + 1))[:SMALL]
        large = small * TIMES
        tried += 1
        first, second = cost(slow, small), cost(slow, large)
        ratio = second / max(first, 2e-4)
        if ratio > 2 * TIMES and grows(slow, small, large) and (again := grows(slow, large, large * TIMES)):
            bad += 1
            print(f"SUPER-LINEAR {again:.1f} of {TIMES}: {unit[:200]!r}", flush=True)
        if (
            second > DEAR * len(large) * 1e-6
            and (least := least_of_three(slow, large)) > DEAR * len(large) * 1e-6
        ):
            bad += 1
            print(f"DEAR {least / len(large) * 1e6:.1f} µs a character: {unit[:200]!r}", flush=True)
        worst = sorted((*worst, (second / len(large) * 1e6, ratio, unit[:100])), reverse=True)[:5]
        expected = outcome(slow, small)
        if outcome(fast, small) != expected:
            bad += 1
            print(f"ENGINES DISAGREE: {unit[:300]!r}", flush=True)
        if streamed(slow, small, chance) != expected:
            bad += 1
            print(f"STREAM DISAGREES: {unit[:300]!r}", flush=True)
    print(f"{tried} inputs in {chosen.minutes:g} minutes of CPU, {bad} problems; worst µs a character:")
    for micro, ratio, unit in worst:
        print(f"  {micro:.2f} (x{ratio:.1f} at {TIMES} times the length) {unit!r}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
