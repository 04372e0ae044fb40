"""`python -m bench.labelled`: precision and recall on labelled corpora, beside kept tools run in the same command.

Identifiers: presidio-research, 3,609 sentences with labelled spans (../shared/vectors/text), beside those of
presidio-analyzer's recognisers that need no model. Secrets: made up from the patterns of betterleaks' 488 rules, beside
gitleaks and detect-secrets; the sentences above are the innocent texts. Instructions: NotInject, 339 harmless prompts
full of words that detectors fear.

A span is found where a finding of its type overlaps it; a finding is right where it overlaps a span of its type.
The tools live in build/labelled, from requirements/labelled.txt, and enter neither the product nor its tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.report import Cell, Report
from standwatch.content.detectors import build, known
from standwatch.content.engine import Engine

ROOT = Path(__file__).parents[1]
TEXTS = ROOT.parent / "shared" / "vectors" / "text"
PLACE = ROOT / "build" / "labelled"
LOCK = ROOT / "requirements" / "labelled.txt"

TYPES: dict[str, tuple[str, ...]] = {
    "EMAIL_ADDRESS": ("email",),
    "PHONE_NUMBER": ("phone",),
    "CREDIT_CARD": ("card",),
    "IBAN_CODE": ("iban",),
    "US_SSN": ("us-ssn", "us-ssn-bare"),
    "US_DRIVER_LICENSE": ("us-driver-licence",),
    "IP_ADDRESS": ("ip-address", "ipv6-address"),
    "DATE_TIME": ("date",),
    "DOMAIN_NAME": ("web-address",),
}
ALIASES = {"URL": "DOMAIN_NAME"}
Span = tuple[int, int]


def python() -> Path:
    """The interpreter of the tools' environment, made when it is first wanted."""
    mark = PLACE / ".installed"
    if not mark.exists() or mark.stat().st_mtime < LOCK.stat().st_mtime:
        venv.create(PLACE, with_pip=True, clear=True)
        install = [PLACE / "bin/python", "-m", "pip", "install", "-q", "--require-hashes", "-r", LOCK]
        subprocess.run([str(each) for each in install], check=True)
        mark.touch()
    return PLACE / "bin" / "python"


def tools(texts: Sequence[str], innocent: Sequence[str], samples: int) -> dict[str, Any]:
    asked = json.dumps({"texts": texts, "innocent": innocent, "samples": samples})
    command = [str(python()), str(Path(__file__).with_name("labelled_tools.py"))]
    answer = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(answer.stderr)
    return json.loads(answer.stdout)


def overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


class Score:
    """Labelled spans found, and findings that are right."""

    def __init__(self) -> None:
        self.labelled = self.recalled = self.found = self.right = 0

    def add(self, labelled: Sequence[Span], found: Sequence[Span]) -> None:
        self.labelled += len(labelled)
        self.recalled += sum(any(overlap(each, other) for other in found) for each in labelled)
        self.found += len(found)
        self.right += sum(any(overlap(each, other) for other in labelled) for each in found)

    @property
    def cells(self) -> list[Cell]:
        recall = f"{self.recalled / self.labelled:.3f}" if self.labelled else "-"
        return [recall, f"{self.right / self.found:.3f}" if self.found else "-", self.found]


def ours(engine: Engine, texts: Iterable[str], detectors: tuple[str, ...]) -> list[list[Span]]:
    return [
        [(each.start, each.end) for each in engine.scan(text) if each.detector in detectors] for text in texts
    ]


def identifiers(report: Report, rows: list[dict[str, Any]], theirs: dict[str, Any]) -> None:
    texts = [row["full_text"] for row in rows]
    engine = build(["identifier", "date", "web-address"])
    start = time.perf_counter()
    scanned = [engine.scan(text) for text in texts]
    seconds = time.perf_counter() - start
    table: list[list[Cell]] = []
    for kind, names in TYPES.items():
        mine, other = Score(), Score()
        for row, found, foreign in zip(rows, scanned, theirs["found"], strict=True):
            labelled = [
                (each["start_position"], each["end_position"])
                for each in row["spans"]
                if each["entity_type"] == kind
            ]
            mine.add(labelled, [(each.start, each.end) for each in found if each.detector in names])
            other.add(
                labelled, [(low, high) for name, low, high, _ in foreign if ALIASES.get(name, name) == kind]
            )
        table.append([kind, mine.labelled, *mine.cells, *other.cells])
    columns = ["type", "labelled", "recall", "precision", "found", "Presidio's recall", "precision", "found "]
    report.table("identifiers", "identifiers, presidio-research", _distinct(columns), table)
    report.note(
        f"ours: {len(known())} detectors known, {seconds / len(texts) * 1e6:,.0f} µs a sentence; Presidio: "
        f"{theirs['recognisers']} recognisers, {theirs['seconds'] / len(texts) * 1e6:,.0f} µs"
    )


def _distinct(columns: list[str]) -> list[str]:
    """A table's columns are keys as well: the second of a name gets a mark."""
    return [name + "'" * columns[:index].count(name) for index, name in enumerate(columns)]


def secrets(report: Report, innocent: list[str], theirs: dict[str, Any]) -> None:
    made = theirs["made"]
    engine = build(["secret"])
    texts = [text for _, text, _ in made] + innocent

    def spans(found: Callable[[int, str], list[Span]]) -> list[Cell]:
        score, alarms = Score(), 0
        for number, text in enumerate(texts):
            if number < len(made):
                at = text.find(made[number][2])
                score.add([(at, at + len(made[number][2]))], found(number, text))
            else:
                alarms += bool(found(number, text))
        return [f"{score.recalled / score.labelled:.3f}", alarms]

    def by_value(tool: str) -> Callable[[int, str], list[Span]]:
        def found(number: int, text: str) -> list[Span]:
            values = theirs[tool]["found"][number]
            return [
                (text.find(each), text.find(each) + len(each)) for each in values if each and each in text
            ]

        return found

    table: list[list[Cell]] = [
        ["standwatch", *spans(lambda _, text: [(each.start, each.end) for each in engine.scan(text)])],
        ["gitleaks", *spans(by_value("gitleaks"))],
        ["detect-secrets", *spans(by_value("detect-secrets"))],
    ]
    title = f"secrets: {len(made)} made up from betterleaks' rules; false alarms in {len(innocent)} innocent texts"
    report.table("secrets", title, ["tool", "recall", "false alarms"], table)


def instructions(report: Report, prompts: list[str]) -> None:
    engine = build(["instruction"])
    alarms = sum(bool(engine.scan(text)) for text in prompts)
    table: list[list[Cell]] = [["standwatch", len(prompts), alarms, f"{alarms / len(prompts):.3f}"]]
    report.table(
        "instructions", "instructions: NotInject", ["tool", "harmless", "false alarms", "rate"], table
    )


def main() -> None:
    if not TEXTS.is_dir():
        raise SystemExit(
            f"{TEXTS.relative_to(ROOT.parent)} is not there: the corpora are not part of this repository"
        )
    rows = [row for name in ("generated_large", "synth_v2") for row in _read(f"presidio_{name}")]
    prompts = [row["prompt"] for name in ("one", "two", "three") for row in _read(f"notinject_{name}")]
    texts = [row["full_text"] for row in rows]
    innocent = texts + prompts
    theirs = tools(texts, innocent, samples=3)
    report = Report(live="--json" not in sys.argv)
    identifiers(report, rows, theirs["presidio-analyzer"])
    secrets(report, innocent, theirs)
    instructions(report, prompts)
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(report.found, indent=1) + "\n")


def _read(name: str) -> list[dict[str, Any]]:
    return json.loads((TEXTS / f"{name}.json").read_text())


if __name__ == "__main__":
    main()
