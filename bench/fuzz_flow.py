"""Looks for texts whose reading, or looking up, costs more than in proportion: `python -m bench.fuzz_flow --minutes N`.

A text is made of pieces that parsers stumble over, repeated, nested and mixed; whatever costs most for its length is
changed again. Each is measured at a length and at twice that, by CPU; one that costs more than three times as much is
measured at sixteen times the length, and is a finding where a letter costs more than twice as much there. It prints its
seed, the dearest texts, and what it found; exits 1 for a finding.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Any, Final

import msgspec

from standwatch.facts.configuration import Returns
from standwatch.flow.intent import speaks_of
from standwatch.flow.origin import Read
from standwatch.flow.path import select
from standwatch.flow.trail import Trail

PIECES: Final = (
    "a", "A", "1", " ", ".", ",", "-", "/", "@", ":", "//", "://", "www.", "http", "%41", "%25", "&amp;",
    "&#65;", "\\u0041", "\\x41",
    "=41", "=", "+", "_", "#", "(", ")", "[", "]", "{", "}", "'", '"', "QUJD", "DE49", "GB33BUKB2020",
    "xn--", "bc1", "0x", "~/", "C:\\",
    "2026-01-01", "1/2/26", "1 May ", "May 1, ", "12:30", "10 am ", "1,234.50", "1 234", "é", "е", "\u200b",
    "e\u0301", "🙂", "\n", "\t",
    "evil", "pay", "x.example", "\x00", "ß", "İ", "ﬁ", "1st ", "EUR", "$", "'s", "<b>", "- a: b\n", "&", "|",
    "\\", "$[?(@.a == 1)]",
)  # fmt: skip
LENGTH: Final = 6_000
RATIO: Final = 3.0
LEAST: Final = 0.004
"""Seconds below which a ratio says nothing."""


def cost(text: str, kind: int) -> float:
    """CPU seconds for one of the ways in which a text reaches us."""
    trail = Trail("pay anna " + (text if kind == 0 else ""))
    data = msgspec.json.encode({"content": [{"type": "text", "text": text}]})
    formats: tuple[Any, ...] = ("", "json", "yaml", "csv", "text")
    returns = Returns(trusted=("$", "$[*].a"), format=formats[kind % 5])
    begun = time.process_time()
    match kind:
        case 0:
            trail.source("anna and nobody")
            speaks_of(trail.task, ("transfer", "pay out"))
        case 1 | 2 | 3 | 4:
            trail.learn(Read(data=data, returns=returns, told_by_us=True))
        case 5:
            trail.learn(Read(data=data))
            begun = time.process_time()
            trail.source(text)
            trail.source(text[1:-1] + "q")
        case 6:
            trail.embedded(text)
        case 7:
            trail.learn(
                Read(
                    data=msgspec.json.encode({"structuredContent": {"s": [text[:40], text]}}),
                    returns=Returns(secret=("$.s",)),
                    told_by_us=True,
                )
            )
            trail.secret_in(text + text)
        case _:
            select("$" + text, {"a": [text]})
    return time.process_time() - begun


def made(chance: random.Random, kept: list[list[str]]) -> list[str]:
    """The pieces of a new text, or of one that was dear, changed."""
    if kept and chance.random() < 0.6:
        pieces = list(chance.choice(kept))
        at = chance.randrange(len(pieces))
        if chance.random() < 0.5 and len(pieces) < 12:
            pieces.insert(at, chance.choice(PIECES))
        elif len(pieces) > 1 and chance.random() < 0.5:
            del pieces[at]
        else:
            pieces[at] = chance.choice(PIECES)
        return pieces
    return chance.choices(PIECES, k=chance.randint(1, 6))


def text_of(pieces: list[str], length: int, shape: int) -> str:
    unit = "".join(pieces)
    match shape:
        case 0:
            return (unit * (length // len(unit) + 1))[:length]
        case 1:  # a head, then one piece again and again
            return unit + (pieces[-1] * (length // len(pieces[-1]) + 1))[:length]
        case 2:
            half = length // 2
            first, last = pieces[0], pieces[-1]
            return (first * (half // len(first) + 1))[:half] + (last * (half // len(last) + 1))[:half]
        case _:
            return (
                random.Random(len(unit))
                .choices(pieces, k=1)[0]
                .join(unit * (length // (2 * len(unit)) + 1))[:length]
            )


def growth(pieces: list[str], shape: int, kind: int) -> float:
    """How many times as much a letter costs in a text sixteen times as long; the least of three each."""
    rates = [
        min(cost(text_of(pieces, length, shape), kind) for _ in range(3)) / length
        for length in (2 * LENGTH, 32 * LENGTH)
    ]
    return rates[1] / max(rates[0], 1e-12)


def main() -> int:
    options = argparse.ArgumentParser(prog="bench.fuzz_flow", description=__doc__.partition("\n")[0])
    options.add_argument("--minutes", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = options.parse_args()
    chance = random.Random(given.seed)
    print(f"seed {given.seed}")
    begun = time.process_time()
    dear: list[tuple[float, list[str], int, int]] = []
    found: list[str] = []
    tried = 0
    while time.process_time() - begun < given.minutes * 60:
        pieces, shape, kind = made(chance, [one[1] for one in dear]), chance.randrange(4), chance.randrange(9)
        short, long = text_of(pieces, LENGTH, shape), text_of(pieces, 2 * LENGTH, shape)
        tried += 1
        once = cost(short, kind)
        dear = sorted([*dear, (once, pieces, shape, kind)], key=lambda one: -one[0])[:24]
        if once < LEAST / 2 and cost(long, kind) < LEAST:
            continue
        if cost(long, kind) > RATIO * max(once, LEAST / 4) and (grown := growth(pieces, shape, kind)) > 2:
            found.append(f"{grown:.1f} times the cost of a letter: way {kind}, shape {shape}, {pieces!r}")
            print(found[-1], flush=True)
    print(f"{tried:,} texts, {time.process_time() - begun:.0f} s of CPU, {len(found)} found")
    for seconds, pieces, shape, kind in dear[:5]:
        rate = seconds / LENGTH * 1e9
        print(f"  {rate:6.0f} µs a kB: way {kind}, shape {shape}, {pieces!r}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
