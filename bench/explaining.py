"""Is one decision among millions explained in a moment, and is what it says true?

    python -m bench.explaining [--entries N] [--asked N] [--seed N] [--json]

A real server on `bench.mortgages` (the example's manifest, artifacts and executor) is asked, warm, over the operators'
socket, to explain decisions from all over the log. Every change that it says would have turned one is then scored by
the code that serves the model, in the model's environment: neither the server nor its executor has a part in that.
Exits with 1 where a grade is not `exact`, or a change is not confirmed to the last digit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from bench import mortgages
from bench.load import cpu_of, memory_of
from bench.machine import machine, raw
from bench.report import Cell, Report
from standwatch.cli.wire import Server
from standwatch.declare.configuration import declare
from standwatch.facts.entries import Decided
from standwatch.record import composition
from standwatch.record.decision import decision
from standwatch.record.reconstruct import head_of, proof_of
from standwatch.serve.control_explaining import Explaining
from standwatch.serve.model_servers import ModelServers
from standwatch.serve.place import place_of
from standwatch.store.folder import read_folder
from standwatch.store.reader import Reader
from standwatch.upstream.executor import Executors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FOLDER: Final = Path("build/bench")
BATCHES: Final = 8
"""One in so many of what is asked about is a row of a batch."""
WARM: Final = 4
APART: Final = 60
"""Decisions whose steps are measured one by one."""
SCORED: Final = """
import json, sys
sys.path.insert(0, ".")
import data, scorer
from pathlib import Path
asked = json.load(sys.stdin)
loaded = {version: scorer.load(Path(path)) for version, path in asked["artifacts"].items()}
print(json.dumps([loaded[version].score({name: [value] for name, value in row.items()})[0]
                  for version, row in asked["rows"]]))
"""


class Told(msgspec.Struct):
    """One answer: how long it took (ms), and what it said."""

    reference: str
    took: float
    answer: dict[str, Any]

    @property
    def version(self) -> str:
        return self.answer["decision"]["version"]

    @property
    def changes(self) -> list[dict[str, Any]]:
        found = self.answer["reasons"]["reasons"]["changes"]
        return [*found["singles"], *found["pairs"]]


def chosen(reader: Reader, size: int, count: int, seed: int) -> list[str]:
    """References of decisions, evenly drawn from the first `size` entries; some of them rows of batches."""
    chance = random.Random(seed)
    found: list[str] = []
    while len(found) < count:
        index, many = chance.randrange(size), len(found) % BATCHES == 0
        for at, entry in reader.entries(index, min(index + 2 * mortgages.EVERY if many else index + 1, size)):
            if isinstance(entry, Decided) and (entry.rows > 1) == many:
                found.append(f"{at}/{chance.randrange(entry.rows)}")
                break
    return found


def asked(folder: Path, references: list[str]) -> tuple[list[Told], float, float]:
    """What the running server answers, its CPU with its executors' for each (ms), and its memory afterwards (MB)."""
    with mortgages.serving(folder) as served:
        api = Server(folder)
        for reference in references[:WARM]:
            _ask(api, reference)
        before = _cpu(served.process.pid)
        told = [_ask(api, reference) for reference in references[WARM:]]
        cpu = (_cpu(served.process.pid) - before) / len(told) * 1e3
        return told, cpu, memory_of(served.process.pid)


def _cpu(pid: int) -> float:
    """Seconds of CPU of process `pid` and of the executors that it started."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return sum(cpu_of(int(one)) for one in (pid, *children))


def _ask(api: Server, reference: str) -> Told:
    begun = time.perf_counter()
    answer = api.get(f"/actions/{quote(reference, safe='')}")
    return Told(reference, (time.perf_counter() - begun) * 1e3, answer)


# --- is it true? -------------------------------------------------------------------------------------------------


def confirmed(folder: Path, told: list[Told]) -> tuple[int, list[str]]:
    """How many changes were told, and which of them the serving code does not bear out."""
    rows: list[tuple[str, dict[str, Any]]] = []
    said: list[tuple[str, dict[str, Any]]] = []
    for one in told:
        record, names = one.answer["decision"]["record"], one.answer["decision"]["context"]["names"]
        for change in one.changes:
            moved = {each["feature"]: each["after"] for each in change["changes"]}
            values = dict(zip(names, record["received"], strict=True)) | moved
            rows.append((one.version, {name: values[name] for name in names if name != "applicant_id"}))
            said.append((one.reference, {**change, "was": record["outcome"]}))
    done = subprocess.run(
        [mortgages.PYTHON, "-c", SCORED],
        cwd=folder / "mortgage",
        input=json.dumps({"artifacts": mortgages.ARTIFACTS, "rows": rows}),
        capture_output=True,
        text=True,
        check=True,
    )
    wrong = [
        f"{reference}: {change['changes']} gives {score}, told {change['score']} {change['outcome']}"
        for (reference, change), score in zip(said, json.loads(done.stdout), strict=True)
        if score != change["score"]
        or change["outcome"] != ("denied" if score >= 0.3 else "approved")
        or change["outcome"] == change["was"]
    ]
    return len(said), wrong


def problems(told: list[Told]) -> list[str]:
    """What an answer lacks: an exact grade, a proof, a record without contradictions."""
    found: list[str] = []
    for one in told:
        grade, what = one.answer["reasons"]["reasons"]["grade"], one.answer["decision"]
        if grade["grade"] != "exact":
            found.append(f"{one.reference}: {grade}")
        if not what["row_proof"]["proved"] or not all(each["proved"] for each in what["proofs"]):
            found.append(f"{one.reference}: not proved")
        found += [f"{one.reference}: {each}" for each in (*what["problems"], *what["mixed"])]
    return found


# --- where the time goes -----------------------------------------------------------------------------------------


async def apart(folder: Path, references: list[str]) -> list[list[Cell]]:
    """Median ms of each step, in this process and alone, with an executor of its own."""
    place = place_of(folder, declare(read_folder(folder)).configuration.organisation)
    setup = place.setup(place.prepare(place.known_origin()))
    reader, vkey = Reader(place.state, kek=setup.kek), setup.key.vkey
    executors = Executors(folder, os.environ)
    explaining = Explaining(reader, ModelServers(folder, os.environ), executors, vkey, dict[str, str])
    spent: dict[str, list[float]] = {}

    def step(name: str, what: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        found = what()
        spent.setdefault(name, []).append((time.perf_counter() - begun) * 1e3)
        return found

    async def awaited(name: str, what: Awaitable[Any]) -> None:
        begun = time.perf_counter()
        await what
        spent.setdefault(name, []).append((time.perf_counter() - begun) * 1e3)

    async def one(reference: str) -> None:
        await awaited("whole", explaining.explain(reference))
        told = step("record", lambda: decision(reader, reference, vkey))
        folded = [told.index, *(each.index for each in told.authority.evidence)]
        step("states", lambda: [reader.state_before(at) for at in folded])
        head = step("head", lambda: head_of(reader, vkey, []))
        entry: Any = reader.entry(told.index)
        step("proof", lambda: proof_of(reader, told.index, entry, head, []))
        step("composition", lambda: composition.composition(reader, reference))
        manifest = step("manifest", lambda: explaining._manifest(told))
        await awaited("executed", explaining._reasons(told, manifest.models[told.model]))

    try:
        for reference in references[:WARM]:
            await one(reference)
        spent.clear()
        for reference in references:
            await one(reference)
    finally:
        await executors.close()
        reader.close()
    named = {
        "whole": "an explanation, whole",
        "record": "the record's part",
        "states": "  state folded up to the entry, and up to each piece of evidence",
        "head": "  the checkpoint and its signature",
        "proof": "  a path in the log, made and walked",
        "composition": "what it rests on (nothing, here)",
        "manifest": "the manifest as it was then",
        "executed": "executed again: twice, contributions, changes, each change again",
    }
    return [[title, median(spent[name])] for name, title in named.items()]


# --- all of it ---------------------------------------------------------------------------------------------------


def section(report: Report, entries: int, count: int, seed: int) -> list[str]:
    """Measure, print; what is wrong."""
    folder = mortgages.filled((FOLDER / f"mortgages-{entries}").resolve(), entries)
    reader = Reader(folder / "state")
    size = min(reader.size, entries)  # what came since, `bench.diagnosing` had another server answer
    references = chosen(reader, size, count + WARM, seed)
    reader.close()
    told, cpu, memory = asked(folder, references)
    lines = [
        ("all", told),
        *((f"version {version}", [one for one in told if one.version == version]) for version in ("1", "2")),
        ("rows of batches of 256", [one for one in told if one.answer["decision"]["rows"] > 1]),
        ("denied", [one for one in told if one.answer["decision"]["record"]["outcome"] == "denied"]),
    ]
    report.table(
        "explaining",
        f"explain, warm, one at a time, of decisions drawn from a log of {size:,} entries; over the socket, ms",
        ("", "asked", "p50", "p95", "p99", "most"),
        [_row(name, some) for name, some in lines if some],
    )
    changes, wrong = confirmed(folder, told)
    grades = Counter(one.answer["reasons"]["reasons"]["grade"]["grade"] for one in told)
    turned = sum(bool(one.changes) for one in told)
    report.note(
        f"grades {dict(grades)}; {changes} changes told of {turned} decisions, {changes - len(wrong)} confirmed by the "
        f"code that serves the model; {cpu:.0f} ms CPU each, executors included; resident memory of the server "
        f"afterwards {memory:.0f} MB"
    )
    report.found["grades"] = dict(grades)
    rows = asyncio.run(apart(folder, [one.reference for one in told[:APART]]))
    report.table(
        "apart",
        f"where it goes: median of {min(APART, len(told))}, each step alone, ms",
        ("step", "ms"),
        rows,
    )
    return [*wrong, *problems(told)]


def _row(name: str, told: list[Told]) -> list[Cell]:
    times = sorted(one.took for one in told)
    at = [times[min(len(times) - 1, int(len(times) * part))] for part in (0.5, 0.95, 0.99)]
    return [name, len(times), *at, times[-1]]


def run(entries: int, *, asked: int = 400, seed: int = 1, as_json: bool = False) -> int:
    """Measure and print; 1 where something told is not true."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    report = Report(live=not as_json)
    report.machine(machine(), raw(FOLDER))
    wrong = section(report, entries, asked, seed)
    for line in wrong[:20]:
        report.note(f"WRONG {line}")
    report.note(f"load average at the end: {', '.join(f'{one:.2f}' for one in os.getloadavg())}")
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report.found) + b"\n")
    return 1 if wrong else 0


def main() -> int:
    """As the options say."""
    options = argparse.ArgumentParser(prog="bench.explaining", description=__doc__.partition("\n")[0])
    options.add_argument("--entries", type=int, default=5_000_000)
    options.add_argument("--asked", type=int, default=400)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--json", action="store_true", help="print JSON instead of tables")
    given = options.parse_args()
    return run(given.entries, asked=given.asked, seed=given.seed, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
