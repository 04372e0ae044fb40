"""Where values come from, measured: `python -m bench.flow [--json]`.

CPU of one process, of a run that has read a stated number of bytes: what indexing costs for each kB, what looking up
costs for each call, what is kept; beside two simpler indices, which were tried first.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import string
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

import msgspec

from standwatch.facts.configuration import Returns
from standwatch.flow.fold import TOKEN, loose
from standwatch.flow.origin import Read
from standwatch.flow.trail import Trail

SIZES: Final = (20_000, 200_000, 2_000_000)
RESULT: Final = 8_000
"""Characters of one result."""
TASK: Final = (
    "Pay 1,940.00 EUR (invoice 4698, due 2026-11-30) to DE49 9999 1111 0004 6980 00 and tell maria@b.example"
)
CALL: Final[dict[str, Any]] = {
    "recipient": "DE49999911110004698000",
    "amount": 1940,
    "date": "2026-11-30",
    "subject": "Invoice 4698, as agreed with the supplier last week",
    "notify": "omar@elsewhere.example",
}
"""Five arguments of a payment: two from the task, a date, a subject and an address that are nowhere."""
BODY: Final = (
    "Dear Maria, the invoice is paid. See https://x.example/invoices/4698 or call +49 170 1234567. " * 20
)


def pages(size: int, chance: random.Random) -> list[str]:
    """Text like web pages and mails: words, amounts, addresses."""
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 11))) for _ in range(20_000)]
    pieces: list[str] = []
    length = 0
    found: list[str] = []
    while length < size:
        kind = chance.random()
        if kind < 0.9:
            piece = chance.choice(words)
        elif kind < 0.95:
            piece = f"{chance.randint(1, 99_999)}.{chance.randint(10, 99)} EUR"
        elif kind < 0.97:
            piece = f"{chance.choice(words)}@{chance.choice(words)}.example"
        elif kind < 0.99:
            piece = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        else:
            piece = f"https://{chance.choice(words)}.example/{chance.choice(words)}.\n"
        pieces.append(piece)
        length += len(piece) + 1
        if sum(map(len, pieces)) > RESULT:
            found.append(" ".join(pieces))
            pieces = []
    return [*found, " ".join(pieces)]


def cpu(act: Callable[[], Any], times: int = 1) -> float:
    """µs of CPU that `act` takes; the least of three rounds."""
    rounds: list[float] = []
    for _ in range(3):
        begun = time.process_time()
        for _ in range(times):
            act()
        rounds.append((time.process_time() - begun) / times * 1e6)
    return min(rounds)


def reads(texts: list[str]) -> list[Read]:
    row = {"id": "1234", "iban": "NL91ABNA0417164300"}
    return [
        Read(
            data=msgspec.json.encode({"content": [], "structuredContent": {"row": row, "text": text}}),
            server="web",
            tool="web.get",
            call=str(at),
            returns=Returns(trusted=("$.row.iban",)),
            told_by_us=True,
        )
        for at, text in enumerate(texts)
    ]


def measured(size: int) -> dict[str, float]:
    """One run of `size` characters."""
    texts = pages(size, random.Random(7))
    some = reads(texts)

    def learned() -> Trail:
        trail = Trail(TASK)
        for one in some:
            trail.learn(one)
        return trail

    def indexed() -> Trail:
        """All of it, also what would wait for a look-up."""
        trail = learned()
        trail._seen.item("")
        trail.reached.has("")
        return trail

    tracemalloc.start()
    kept = indexed()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    def call() -> None:
        kept._known.clear()
        for value in CALL.values():
            kept.source(value)

    there = texts[len(texts) // 2][3_000:3_060]

    def present() -> None:
        kept._known.clear()
        kept.source(there)

    def body() -> None:
        kept._known.clear()
        kept.embedded(BODY)

    return {
        "read": size,
        "learn_us_per_kB": cpu(learned) / size * 1000,
        "index_us_per_kB": cpu(indexed) / size * 1000,
        "kept_bytes_per_byte": memory / size,
        "call_us": cpu(call, 50),
        "copied_text_us": cpu(present, 50),
        "embedded_1.9kB_us": cpu(body, 5),
    }


def others(size: int) -> dict[str, float]:
    """What was tried first: one text that is searched, and a set of every six letters."""
    text = loose(" ".join(pages(size, random.Random(7))))
    squeezed = "".join(TOKEN.findall(text))
    values = ["".join(TOKEN.findall(loose(str(value)))) for value in CALL.values()]
    sixes = re.compile(r".{6}")
    tracemalloc.start()
    grams = set(sixes.findall(squeezed))
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {
        "read": size,
        "search_call_us": cpu(lambda: [squeezed.find(value) for value in values], 20),
        "set_index_us_per_kB": cpu(lambda: set(sixes.findall(squeezed))) / size * 1000,
        "set_kept_bytes_per_byte": memory / size,
        "set_entries": len(grams),
    }


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="bench.flow", description=__doc__.partition("\n")[0])
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    found = [measured(size) for size in SIZES] + [others(size) for size in SIZES]
    if given.json:
        print(json.dumps(found))
        return 0
    for one in found:
        print("  ".join(f"{name} {value:,.1f}" for name, value in one.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
