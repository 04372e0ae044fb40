"""The example's mortgage models with millions of decisions behind them, to be explained, diagnosed and measured.

`python -m bench.mortgages fill FOLDER ENTRIES` makes the organisation and its log, nine days long, in minutes: the
example's own manifest, artifacts and executor, rows that its own scorer answered, written through the recorder's own
writer, each sealed under its applicant's key. `python -m bench.mortgages FOLDER WORKERS` serves it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.organisation import Door, Served, free_port, key_for, prepared, start
from standwatch.serve.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standwatch.facts.frames import Append
    from standwatch.serve.app import App
    from standwatch.serve.node import Node
    from standwatch.store.writer import Writer

ROOT: Final = Path(__file__).resolve().parents[1]
BANK: Final = ROOT / "examples" / "bank"
PYTHON: Final = ROOT / ".demo" / "models" / "bin" / "python"
ARTIFACTS: Final = {"1": "models/1/scorecard.json", "2": "models/2/boosted.json"}
DAYS: Final = 9
"""How long ago the log began: `diagnose --since 1d` compares with the week before."""
CHANGES: Final = 200
"""Deployments, and runs of the deciding service, evenly over the log."""
APPLICANTS: Final = 800
"""Of the 2,380 those that come in one run."""
OTHERS: Final = 1_000
"""Entries between two runs that somebody else opens and closes: control entries that state is folded over."""
BATCH: Final = 256
EVERY: Final = 2_000
"""Entries between two batches of `BATCH` rows."""

SCORED: Final = """
import json, sys
sys.path.insert(0, ".")
import data, scorer
from pathlib import Path
rows = [row for row in data.rows() if data.whole(row)]
columns = {name: [row[name] for row in rows] for name in data.FEATURES}
print(json.dumps({"names": data.FEATURES, "rows": [[row[name] for name in data.FEATURES] for row in rows],
                  "scores": {v: scorer.load(Path(p)).score(columns) for v, p in json.loads(sys.argv[1]).items()}}))
"""


def write(folder: Path) -> None:
    """The organisation's folder: the example's mortgage system, as `standwatch demo` would lay it down."""
    from standwatch.cli import main as cli
    from standwatch.facts import errors  # noqa: F401 - the CLI imports the rest when it is wanted

    shutil.copytree(BANK / "mortgage", folder / "mortgage", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "src/standwatch/executor.py", folder / "mortgage" / "executor.py")
    (folder / "systems").mkdir()
    shutil.copy(BANK / "systems" / "scorer.range.json", folder / "systems")
    manifest = (BANK / "systems" / "mortgage.yaml").read_text()
    manifest = manifest.replace("9310", str(free_port())).replace("../models/bin/python", str(PYTHON))
    (folder / "systems" / "mortgage.yaml").write_text(manifest)
    text = (BANK / "standwatch.yaml").read_text()
    text = text.replace("bank-example.invalid/demo", f"bench-{os.urandom(6).hex()}.invalid/log")
    for port in ("8400", "8401"):
        text = text.replace(port, str(free_port()))
    head, chen, tail = text.partition("{id: chen,")
    (folder / "standwatch.yaml").write_text(
        head + chen + tail.replace("keys: []", f"keys: [{key_for(folder)!r}]", 1)
    )
    with Path(os.devnull).open("w") as nowhere:
        before, sys.stdout = sys.stdout, nowhere
        try:
            done = cli.main(["--org", str(folder), "accept", "mortgage", "--yes"])
        finally:
            sys.stdout = before
    if done:
        raise SystemExit("the mortgage system was not accepted")


# --- the log -----------------------------------------------------------------------------------------------------


class Past(Clock):
    """A clock that is set, forwards only."""

    def __init__(self, at: int) -> None:
        self.at = at
        super().__init__(lambda: self.at, lambda: 0)


def filled(folder: Path, entries: int) -> Path:
    """An organisation whose log has about `entries` entries, made once and kept."""
    if not (folder / "filled").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(
            [sys.executable, "-m", "bench.mortgages", "fill", str(folder), str(entries)], check=True, cwd=ROOT
        )
        (folder / "filled").write_text(time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()))
    return folder


def fill(folder: Path, entries: int) -> None:
    """In a process of its own: what is imported after this sees `clock` as the wall clock."""
    from standwatch.serve import place

    begin = place.now() - DAYS * 86_400_000_000
    clock = Past(begin)
    place.now = clock
    write(folder)
    asyncio.run(_fill(folder, entries, clock))


async def _fill(folder: Path, entries: int, clock: Past) -> None:
    from standwatch.serve import node as serving

    node = await serving.start(folder)
    try:
        door = await _opened(node, folder)
        log = _Log(node, clock, entries)
        begun = time.monotonic()
        await asyncio.to_thread(node.recorder.submit(log.write).result)
        (folder / "door.json").write_bytes(msgspec.json.encode(door))
        took = time.monotonic() - begun
        print(f"{log.rows:,} decisions in {node.reader.size:,} entries, {took:.0f} s", file=sys.stderr)
    finally:
        await node.stop()


async def _opened(node: Node, folder: Path) -> Door:
    """Both versions validated, the first deployed, a service that asks."""
    from standwatch.facts.entries import Deployed, Evidence, Principal
    from standwatch.facts.parts import evidence_bytes
    from standwatch.keys import ed25519
    from standwatch.keys.tokens import new_token, token_hash
    from standwatch.serve import place

    gate, key = node.gate, ed25519.load(folder / "chen.pem")
    entry = gate.state.systems["mortgage"].entry
    follows = -1
    for version in ("2", "1"):
        route = gate.state.routes.get("mortgage/scorer")
        await gate.append(
            Deployed(
                by="maria",
                system="mortgage",
                model="scorer",
                version=version,
                digest=digests(node)[version],
                former=route.version if route else "",
                follows=route.index if route else -1,
            )
        )
        members: dict[str, Any] = {
            "by": "chen",
            "components": gate.state.running("mortgage", entry.components),
            "envelope": entry.envelope,
            "follows": follows,
            "outcome": "pass",
            "report": "",
            "system": "mortgage",
            "until": place.now() + 90 * 86_400_000_000,
        }
        sig = ed25519.sign(key, evidence_bytes(org=gate.state.origin, **members))
        await gate.append(Evidence(**members, key=ed25519.public(key), sig=sig))
        follows = gate.state.last_statement("mortgage")
    token = new_token()
    await gate.append(
        Principal(
            by="maria", name="desk", role="service", systems=["mortgage"], token=token_hash(token) or ""
        )
    )
    return Door(gate.configuration.organisation.agents.port, token, "", 0.0)


def digests(node: Node) -> dict[str, str]:
    """The accepted digest of each version's artifact."""
    locked = node.gate.configuration.systems["mortgage"].lock.components
    return {version: locked[f"scorer@{version}"] for version in ARTIFACTS}


class _Log:
    """Writes the log, on the recorder's own thread."""

    def __init__(self, node: Node, clock: Past, entries: int) -> None:
        from standwatch.enforce.validity import compile_validity
        from standwatch.facts.decisions import Context, RowRecord
        from standwatch.record.outcomes import outcome_of
        from standwatch.record.rows import row_bytes

        self.writer: Writer = node.recorder._writer
        self.clock, self.entries, self.rows = clock, entries, 0
        self.chance = random.Random(5)
        self.digests = digests(node)
        model = node.gate.configuration.systems["mortgage"].manifest.models["scorer"]
        said = json.loads(
            subprocess.run(
                [PYTHON, "-c", SCORED, json.dumps(ARTIFACTS)],
                cwd=node.folder / "mortgage",
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        validity = compile_validity(model)
        names = ("applicant_id", *said["names"])
        order = [names.index(feature.name) for feature in model.inputs]
        self.given: dict[str, list[tuple[str, bytes]]] = {version: [] for version in ARTIFACTS}
        for number, values in enumerate(said["rows"]):
            row = (f"applicant-{number + 1:04d}", *values)
            if validity.check(tuple(row[k] for k in order))[0]:
                continue  # it would have been referred to a person
            for version, scores in said["scores"].items():
                outputs = [scores[number]]
                record = RowRecord(received=row, outputs=outputs, outcome=outcome_of(model, outputs).outcome)
                self.given[version].append((row[0], row_bytes(record)))
        self.context = {
            version: msgspec.json.encode(
                Context(
                    names=names,
                    outputs=("p_denied",),
                    parameters={"source": "scripted replay of boston-hmda 1990"},
                    served={"version": version, "digest": self.digests[version]},
                    threshold=0.3,
                )
            )
            for version in ARTIFACTS
        }

    def write(self) -> None:
        """All of it."""
        from standwatch.facts.entries import Deployed, RunClosed, RunOpened
        from standwatch.facts.frames import Append
        from standwatch.facts.ids import new_id

        writer, each = self.writer, max(self.entries // CHANGES, 1)
        begin, end = self.clock.at, self.clock.at + DAYS * 86_400_000_000 - 60_000_000
        changed = others = batched = told = writer.size
        run = other = ""
        version = "1"
        while writer.size < self.entries:
            self.clock.at = begin + (end - begin) * writer.size // self.entries
            some: list[Append] = []
            if not run or writer.size - changed >= each:
                changed, former = writer.size, run
                run = new_id(self.clock.at, os.urandom(10))
                some.append(Append(-1, RunOpened(by="gate", run=run, system="mortgage", principal="desk")))
                if former:
                    some.append(Append(-1, RunClosed(by="gate", run=former)))
                    route = writer._memory.seq.state.routes["mortgage/scorer"]
                    version = "2" if route.version == "1" else "1"
                    some.append(
                        Append(
                            -1,
                            Deployed(
                                by="maria",
                                system="mortgage",
                                model="scorer",
                                version=version,
                                digest=self.digests[version],
                                former=route.version,
                                follows=route.index,
                            ),
                        )
                    )
                self.who = self.chance.sample(range(len(self.given[version])), APPLICANTS)
            if writer.size - others >= OTHERS:
                others, former = writer.size, other
                other = new_id(self.clock.at, os.urandom(10))
                some.append(Append(-1, RunOpened(by="gate", run=other, system="mortgage", principal="desk")))
                some += [Append(-1, RunClosed(by="gate", run=former))] if former else []
            if some:
                self._written(some)
            if writer.size - batched >= EVERY:
                batched = writer.size
                self._written([self._decided(run, version, BATCH)])
            self._written([self._decided(run, version, 1) for _ in range(BATCH)])
            if writer.size - told > 500_000:
                told = writer.size
                print(f"  {told:,} entries", file=sys.stderr)

    def _written(self, some: list[Append]) -> None:
        from standwatch.facts.frames import Refusal

        refused = [one for one in self.writer.write(some)[1] if isinstance(one, Refusal)]
        if refused:
            raise SystemExit(f"the log could not be filled: {refused[0]}")

    def _decided(self, run: str, version: str, rows: int) -> Append:
        """A decision as `enforce.deciding` records it: `rows` applicants of this run's."""
        from standwatch.facts.entries import Decided
        from standwatch.facts.frames import Append, RowPart
        from standwatch.facts.ids import new_id
        from standwatch.facts.parts import Part, commitment
        from standwatch.record.rows import root_of, row_leaf, row_salt
        from standwatch.store.sealing import HASHES

        given, state = self.given[version], self.writer._memory.seq.state
        chosen = [given[self.who[int(self.chance.random() * APPLICANTS)]] for _ in range(rows)]
        salt, why = os.urandom(32), Part("context", os.urandom(32), self.context[version])
        salts = [row_salt(salt, k) for k in range(rows)]
        leaves = [row_leaf(own, data) for own, (_, data) in zip(salts, chosen, strict=True)]
        sealed = [
            RowPart(k, (who,), own, data)
            for k, (own, (who, data)) in enumerate(zip(salts, chosen, strict=True))
        ]
        if rows > 1:
            sealed.append(RowPart(HASHES, (), b"", b"".join(leaves)))
        self.rows += rows
        entry = Decided(
            by="desk",
            id=new_id(self.clock.at, os.urandom(10)),
            run=run,
            system="mortgage",
            model="scorer",
            version=version,
            served=self.digests[version],
            rows=rows,
            tree=root_of(leaves).hex(),
            seen=state.seen,
            why=commitment(why.salt, why.data),
            conf=state.config,
            grant="autonomous",
            took={"model": 900, "all": 1_400},
        )
        return Append(-1, entry, (why,), rows=tuple(sealed))


# --- served ------------------------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve what `filled` made, and stop it at the end."""
    served = start(folder, module="bench.mortgages")
    try:
        yield served
    finally:
        served.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            served.process.wait(20)
        served.process.kill()
        served.process.wait()


async def _none(app: App, key_file: Path) -> tuple[str, str]:
    del app, key_file
    raise SystemExit("this organisation was not filled")


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(prepared(Path(sys.argv[1]), int(sys.argv[2]), _none))
