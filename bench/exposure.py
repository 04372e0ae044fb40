"""`python -m bench.exposure`: is the count of people a week within 2 % at 10⁷, in 64 KiB, in 2 µs for each?

    python -m bench.exposure [--people N] [--seeds N] [--designs]

Every seed is another key and other people, spread over seven days; a tenth of them is seen again on another day.
`--designs` compares sketches of one generic family, slowly, by their error for the bytes that a day takes.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from array import array

from standwatch.watch import exposure
from standwatch.watch.exposure import DAYS, ERROR, Week, hasher

BAR, ROOM, PACE = 0.02, 65_536, 2.0


def one(seed: int, people: int) -> tuple[float, float, int]:
    """(relative error, µs for each update, bytes)."""
    chance = random.Random(seed)
    hashed = hasher(chance.randbytes(32))
    week, updates, spent = Week(), 0, 0.0
    for begin in range(0, people, people // DAYS + 1):
        day = 20_000 + begin // (people // DAYS + 1)
        some = [f"person-{seed}-{n}" for n in range(begin, min(people, begin + people // DAYS + 1))]
        some += [f"person-{seed}-{chance.randrange(begin or 1)}" for _ in range(len(some) // 10)]
        add = week.add
        start = time.perf_counter()
        for person in some:
            add(day, hashed(person))
        spent += time.perf_counter() - start
        updates += len(some)
    error = week.people(20_000 + DAYS - 1) / people - 1
    return error, spent / updates * 1e6, memory(week)


def memory(week: Week) -> int:
    """Bytes of one system's registers in this process, and what holds them."""
    days = week._days  # pyright: ignore[reportPrivateUsage]
    return sys.getsizeof(days) + sum(sys.getsizeof(day) for day in days.values()) + sys.getsizeof(week)


def family(p: int, t: int, d: int, people: int, chance: random.Random) -> float:
    """The relative error of an ExaLogLog of these parameters: (t, d) = (0, 0) is HyperLogLog, (0, 2) UltraLogLog."""
    registers, narrow = array("Q", (0,)) * (1 << p), 64 - p - t
    for _ in range(people):
        hashed = chance.getrandbits(64)
        place = (hashed >> t) & ((1 << p) - 1)
        value = ((narrow - (hashed >> (p + t)).bit_length()) << t) + (hashed & ((1 << t) - 1)) + 1
        old = registers[place]
        above = value - (old >> d)
        if above > 0:
            kept = ((1 << d) | (old & ((1 << d) - 1))) >> above if old else 0
            registers[place] = (value << d) | kept
        elif above < 0 <= d + above:
            registers[place] = old | 1 << (d + above)
    return likelihood(registers, p, t, d) / people - 1


def likelihood(registers: array[int], p: int, t: int, d: int) -> float:
    """As `watch.exposure`, for any parameters."""

    def width(value: int) -> int:
        return min(t + 1 + ((value - 1) >> t), 64 - p)

    highest = (64 - p - t + 1) << t
    alpha, beta = 0.0, dict[int, int]()
    rarer = [sum(2.0 ** -width(k) for k in range(u + 1, highest + 1)) for u in range(highest + 1)]
    for register in registers:
        top = register >> d
        alpha += rarer[top]
        for value in range(max(1, top - d), top + 1):
            if value == top or register >> (d - (top - value)) & 1:
                beta[width(value)] = beta.get(width(value), 0) + 1
            else:
                alpha += 2.0 ** -width(value)
    solve = exposure._solve  # pyright: ignore[reportPrivateUsage]
    return len(registers) * solve(alpha, [(2.0**-w, n) for w, n in beta.items()])


DESIGNS = (
    ("HyperLogLog, 6 bits, p = 13", 13, 0, 0, 6),
    ("UltraLogLog, 8 bits, p = 13", 13, 0, 2, 8),
    ("ExaLogLog t=2 d=20, 28 bits, p = 11", 11, 2, 20, 28),
    ("ExaLogLog t=2 d=24, 32 bits, p = 11", 11, 2, 24, 32),
)


def designs(people: int, seeds: int) -> None:
    """What each design makes of its bytes: error² × bits is what a good one has little of."""
    print(f"{'design':38} {'KiB a week':>10} {'std error':>9} {'error² × bits':>13}")
    for name, p, t, d, bits in DESIGNS:
        errors = [family(p, t, d, people, random.Random(seed)) for seed in range(seeds)]
        spread = (sum(e * e for e in errors) / seeds) ** 0.5
        total = bits << p
        print(f"{name:38} {7 * total / 8192:10.1f} {spread:9.2%} {spread**2 * total:13.2f}")


def main() -> int:
    """Print, and answer 1 where a bar is missed."""
    options = argparse.ArgumentParser(prog="bench.exposure", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--people", type=int, default=10_000_000)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--designs", action="store_true")
    given = options.parse_args()
    if given.designs:
        designs(min(given.people, 100_000), given.seeds)
        return 0
    errors: list[float] = []
    pace, room = 0.0, 0
    for seed in range(given.seeds):
        error, each, held = one(seed, given.people)
        errors.append(error)
        pace, room = max(pace, each), max(room, held)
        print(f"seed {seed:2}: {error:+.3%}, {each:.2f} µs for each update, {held:,} bytes", flush=True)
    within = sum(abs(error) <= BAR for error in errors)
    good = within >= 0.95 * len(errors) and room <= ROOM and pace <= PACE
    spread = (sum(error * error for error in errors) / len(errors)) ** 0.5
    print(
        f"{given.people:,} people: worst {max(map(abs, errors)):.2%}, mean {statistics.fmean(errors):+.2%}, "
        f"root mean square {spread:.2%} (stated standard error {ERROR / 10_000:.2%}); "
        f"{within} of {len(errors)} within {BAR:.0%}; {room:,} of {ROOM:,} bytes; slowest {pace:.2f} µs: "
        + ("met" if good else "MISSED")
    )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
