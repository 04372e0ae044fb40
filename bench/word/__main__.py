"""`python -m bench.word`: precision and recall on labelled sentences.

The sentences are self-made, by the author of the rules: `held_out.tsv` was written and committed before their first
line, `seen.tsv` beside them. So the figures say that the rules do what they were made for, and little of agents at
large.
Columns: world, entries contradicted (`-` for none, 0 for what was never asked for), sentence.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from standwatch.watch.word import compare
from standwatch.watch.word_deeds import Deed

HERE = Path(__file__).parent


def cases(name: str) -> list[tuple[str, frozenset[int], str]]:
    """World, entries contradicted, sentence."""
    found: list[tuple[str, frozenset[int], str]] = []
    for line in (HERE / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        world, entries, text = line.split("\t")
        found.append(
            (world, frozenset(map(int, entries.split(","))) if entries != "-" else frozenset(), text)
        )
    return found


def worlds() -> dict[str, tuple[tuple[Deed, ...], tuple[str, ...]]]:
    """What each world's run did, and its tools."""
    data: dict[str, Any] = json.loads((HERE / "worlds.json").read_text(encoding="utf-8"))
    return {
        name: (msgspec.convert(one["deeds"], tuple[Deed, ...]), tuple(one["tools"]))
        for name, one in data.items()
    }


def measure(name: str) -> tuple[dict[str, int], list[str]]:
    """Counts of one set, and its mistakes."""
    known = worlds()
    counts = {"right": 0, "wrong": 0, "missed": 0, "quiet": 0}
    mistakes: list[str] = []
    for world, expected, text in cases(name):
        deeds, tools = known[world]
        found = compare(text, deeds, tools).found
        against = {entry for one in found for entry in (one.entries or (0,))}
        if expected and against & expected:
            counts["right"] += 1
        elif found:
            counts["wrong"] += 1
            mistakes.append(f"wrong   {world}: {text} → {[(one.code, one.entries) for one in found]}")
        elif expected:
            counts["missed"] += 1
            mistakes.append(f"missed  {world}: {text} ({sorted(expected)})")
        else:
            counts["quiet"] += 1
    return counts, mistakes


def main() -> None:
    """Print both sets; with `--mistakes`, each mistake."""
    print("The agent's word against the record, on self-made sentences")
    for name in ("held_out", "seen", "fresh"):
        if not (HERE / f"{name}.tsv").exists():
            continue
        counts, mistakes = measure(name)
        claimed, lies = counts["right"] + counts["wrong"], counts["right"] + counts["missed"]
        precision = counts["right"] / claimed if claimed else 1.0
        recall = counts["right"] / lies if lies else 1.0
        total = sum(counts.values())
        rates = f"precision {precision:.3f}, recall {recall:.3f}"
        print(f"  {name:9} {total} sentences, {lies} contradicted: {rates} {counts}")
        if "--mistakes" in sys.argv:
            print("\n".join(f"    {one}" for one in mistakes))


if __name__ == "__main__":
    main()
