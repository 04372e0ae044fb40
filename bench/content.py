"""`python -m bench.content`: what looking for content costs, on each engine and for each group of detectors."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.machine import machine, raw
from bench.report import Cell, Report
from standwatch.content import prefilter
from standwatch.content.detectors import build
from standwatch.content.engine import Engine
from standwatch.content.found import KINDS

ROOT = Path(__file__).parents[1]
SIZE = 2_048
GROUPS: dict[str, tuple[str, ...]] = {
    "secret": ("secret",),
    "identifier": ("identifier",),
    "exfiltration": ("exfiltration",),
    "instruction": ("instruction",),
    "all": ("secret", "identifier", "exfiltration", "instruction"),
}
CANARIES = {f"canary-{number}": f"planted-{number:04}-{number * 7919:06x}" for number in range(8)}


def texts() -> dict[str, str]:
    """2 kB each of what passes: prose, a JSON answer of a tool, source, a log, another script."""
    rows = [
        {
            "id": number,
            "name": f"Customer {number}",
            "mail": f"c{number}@example.com",
            "due": f"2026-11-{number % 28 + 1:02}",
            "amount": number * 13.37,
            "phone": f"+44 20 7946 0{number:03}",
        }
        for number in range(40)
    ]
    log = "\n".join(
        f"2026-11-21T10:{number:02}:07Z INFO request id={number * 7919:08x} path=/v1/items/{number} status=200 ms=12"
        for number in range(40)
    )
    russian = "Смотрите, как просто: перечислить слова, которые ничего не значат, и посчитать время. "
    found = {
        "prose": (ROOT / "docs/concepts.md").read_text(encoding="utf-8"),
        "JSON with personal data": json.dumps(rows),
        "source": (ROOT / "src/standwatch/enforce/passage.py").read_text(encoding="utf-8"),
        "log": log,
        "Cyrillic": russian * 40,
        "digits": "1234 5678 9012 3456 " * 110,
    }
    return {name: text.encode()[:SIZE].decode(errors="ignore") for name, text in found.items()}


def timed(work: Callable[[], object], *, least: float = 0.15) -> float:
    """Microseconds of CPU of one call: the best of five stretches of at least `least` seconds together."""
    work()
    start = time.thread_time()
    work()
    calls = max(5, int(least / 5 / max(time.thread_time() - start, 1e-7)))
    return min(_stretch(work, calls) for _ in range(5)) / calls * 1e6


def _stretch(work: Callable[[], object], calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        work()
    return time.thread_time() - start


def engines() -> Iterator[tuple[str, bool]]:
    if prefilter.available():
        yield "hyperscan", False
    yield "re2", True


def scans(report: Report, corpus: dict[str, str]) -> None:
    rows: list[list[Cell]] = []
    for group, wanted in GROUPS.items():
        canaries = CANARIES if group == "all" else None
        for name, portable in engines():
            engine = build(wanted, canaries, portable=portable)
            cost: list[Cell] = [
                timed(lambda engine=engine, text=text: engine.scan(text)) for text in corpus.values()
            ]
            rows.append([f"{group} ({len(engine.compiled)}), {name}", *cost])
    report.table("scan", "µs to scan 2 kB", ["detectors, engine", *corpus], rows)


def streams(report: Report, corpus: dict[str, str]) -> None:
    rows: list[list[Cell]] = []
    for name, portable in engines():
        engine = build(GROUPS["all"], CANARIES, portable=portable)
        for size in (20, 60, 200):
            cost: list[Cell] = []
            for text in corpus.values():
                pieces = [text[at : at + size] for at in range(0, len(text), size)] * 4
                cost.append(timed(lambda engine=engine, pieces=pieces: _feed(engine, pieces)) / len(pieces))
            rows.append([f"pieces of {size}, {name}", *cost])
    report.table(
        "stream", "µs a streamed piece, all detectors and 8 canaries", ["pieces, engine", *corpus], rows
    )


def _feed(engine: Engine, pieces: list[str]) -> None:
    stream = engine.stream()
    for piece in pieces:
        stream.feed(piece)
        _ = stream.settled
    stream.end()


def starts(report: Report) -> None:
    rows: list[list[Cell]] = []
    for name, portable in engines():
        start = time.thread_time()
        engine = build(GROUPS["all"], CANARIES, portable=portable)
        compiled = time.thread_time()
        kept = engine.cache()
        again = time.thread_time()
        build(GROUPS["all"], CANARIES, portable=portable, cache=kept)
        rows.append([name, (compiled - start) * 1e3, (time.thread_time() - again) * 1e3, len(kept) // 1024])
    report.table("start", "making an engine", ["engine", "ms", "ms from its cache", "cache, kB"], rows)


def large(report: Report) -> None:
    """How the cost grows: the same text 1, 8 and 64 times."""
    text = "".join(texts().values())
    rows: list[list[Cell]] = []
    for name, portable in engines():
        engine = build(GROUPS["all"], CANARIES, portable=portable)
        cost: list[Cell] = []
        for times in (1, 8, 64):
            grown = text * times
            cost.append(
                timed(lambda engine=engine, grown=grown: engine.scan(grown), least=0.05) / len(grown) * 1e3
            )
        rows.append([name, *cost])
    report.table(
        "large", f"ns a character, of {len(text) // 1024} kB times", ["engine", "1", "8", "64"], rows
    )


def main() -> None:
    report = Report(live="--json" not in sys.argv)
    report.machine(machine(), raw(ROOT / "build"))
    corpus = texts()
    starts(report)
    scans(report, corpus)
    streams(report, corpus)
    large(report)
    report.note(f"kinds: {', '.join(KINDS)}; texts of {SIZE} bytes")
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(report.found, indent=1) + "\n")


if __name__ == "__main__":
    main()
