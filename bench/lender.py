"""An organisation that decides, to be measured: one model of twenty features with a declared and a learned range.

`python -m bench.lender FOLDER WORKERS` serves what `write` laid down; the first time it has the model's version
deployed, the system validated and a service added, and prints its `Door`.
"""

from __future__ import annotations

import json
import os
import random
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.organisation import Served, free_port, key_for, prepared, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standwatch.serve.app import App

NUMBERS: Final = 14
CATEGORIES: Final = 6
FEATURES: Final = tuple(f"x{n:02d}" for n in range(NUMBERS + CATEGORIES))
VALUES: Final = ("a", "b", "c", "d", "e")


def row(chance: random.Random) -> list[float | str]:
    """One row of traffic inside the range."""
    numbers = [round(chance.gauss(50, 8), 4) for _ in range(NUMBERS)]
    return [*numbers, *(chance.choice(VALUES) for _ in range(CATEGORIES))]


def learned() -> dict[str, object]:
    """A learned range of the shape that `standwatch range learn` writes: each feature given the one before."""
    edges = [[30.0 + 5 * n for n in range(9)] for _ in range(NUMBERS)] + [[] for _ in range(CATEGORIES)]
    values: list[list[str]] = [[] for _ in range(NUMBERS)] + [list(VALUES) for _ in range(CATEGORIES)]
    bins = [11 if n < NUMBERS else len(VALUES) + 1 for n in range(len(FEATURES))]
    tree = [-1, *range(len(FEATURES) - 1)]
    parents = [1, *bins[:-1]]
    return {
        "kind": "range.1",
        "features": FEATURES,
        "kinds": ["number"] * NUMBERS + ["category"] * CATEGORIES,
        "low": [0.0] * len(FEATURES),
        "high": [100.0] * NUMBERS + [0.0] * CATEGORIES,
        "edges": edges,
        "values": values,
        "tree": tree,
        "surprise": [[[2.5] * own for _ in range(parent)] for own, parent in zip(bins, parents, strict=True)],
        "threshold": 1000.0,
        "alarm": 0.01,
        "rows": 10_000,
    }


def body(rows: int, seed: int = 7) -> bytes:
    """An OIP request of `rows` rows, one tensor for each feature."""
    chance = random.Random(seed)
    columns = list(zip(*(row(chance) for _ in range(rows)), strict=True))
    inputs = [
        {
            "name": name,
            "shape": [rows, 1],
            "datatype": "FP64" if n < NUMBERS else "BYTES",
            "data": list(columns[n]),
        }
        for n, name in enumerate(FEATURES)
    ]
    return json.dumps({"inputs": inputs}, separators=(",", ":")).encode()


def write(folder: Path, upstream: int, *, subjects: bool = False) -> None:
    """The organisation's folder, its model served at port `upstream`. `subjects`: the last feature names a person."""
    (folder / "systems").mkdir(parents=True, exist_ok=True)
    agents, operators = free_port(), free_port()
    (folder / "standwatch.yaml").write_text(
        f"""organisation: Bench
origin: bench-{os.urandom(6).hex()}.invalid/log
public_url: http://127.0.0.1:{operators}
development: true
listeners: {{agents: "127.0.0.1:{agents}", operators: "127.0.0.1:{operators}"}}
store: {{sqlite: state}}
people:
  - {{id: maria, address: maria@bench.example, roles: [admin]}}
  - {{id: chen, address: chen@bench.example, roles: [auditor], keys: [{key_for(folder)!r}]}}
"""
    )
    numbers = [f"      {name}: {{type: number, min: 0, max: 100}}" for name in FEATURES[:NUMBERS]]
    words = [
        f"      {name}: {{type: category, one_of: [{', '.join(VALUES)}]}}" for name in FEATURES[NUMBERS:]
    ]
    if subjects:
        words[-1] = f"      {FEATURES[-1]}: {{type: text}}"
    (folder / "systems" / "s0.range.json").write_text(json.dumps(learned()))
    about = f"data_subjects: [{{input: {FEATURES[-1]}}}]\n" if subjects else ""
    ranged = "" if subjects else "    range: s0.range.json\n"
    (folder / "systems" / "s0.yaml").write_text(
        f"""system: s0
purpose: Decides, to be measured
owner: maria@bench.example
halt_authority: [maria@bench.example]
validator: chen@bench.example
reversibility: costly
exposure: {{people_per_week: 40}}
{about}components:
  - {{kind: model, name: scorer, vendor: bench, url: 'http://127.0.0.1:{upstream}'}}
decisions:
  scorer:
    layout: columns
    deadline: 5s
    versions: {{"1": {{served_as: "1"}}, "2": {{model: other, served_as: "1"}}}}
    inputs:
{chr(10).join(numbers + words)}
    outputs: {{p: {{type: probability, min: 0, max: 1, polarity: higher means denied}}}}
    outcome: {{output: p, threshold: 0.5, at_or_above: denied, below: approved}}
{ranged}    fallback: refer-to-human
"""
    )


async def _prepare(app: App, key_file: Path) -> tuple[str, str]:
    """Deploy, validate, add a service: (its token, "")."""
    from standwatch.facts.entries import Deployed, Evidence, Principal
    from standwatch.keys import ed25519
    from standwatch.keys.tokens import new_token, token_hash
    from standwatch.serve.place import now

    gate = app.node.gate
    await gate.append(Deployed(by="maria", system="s0", model="scorer", version="1", why=""))
    entry, until = gate.state.systems["s0"].entry, now() + 7 * 86_400_000_000
    components = gate.state.running("s0", entry.components)
    key = ed25519.load(key_file)
    members = {
        "by": "chen",
        "components": components,
        "envelope": entry.envelope,
        "follows": gate.state.last_statement("s0"),
        "outcome": "pass",
        "report": "",
        "system": "s0",
        "until": until,
    }
    from standwatch.facts.parts import evidence_bytes

    sig = ed25519.sign(key, evidence_bytes(org=gate.state.origin, **members))  # type: ignore[arg-type]
    await gate.append(Evidence(**members, key=ed25519.public(key), sig=sig))  # type: ignore[arg-type]
    token = new_token()
    await gate.append(
        Principal(by="maria", name="desk", role="service", systems=["s0"], token=token_hash(token) or "")
    )
    level = gate.grant("s0", now()).level
    if level != "autonomous":
        raise SystemExit(f"the system is {level}: the benchmark would measure fallbacks")
    return token, ""


@contextmanager
def serving(folder: Path, upstream: int, *, subjects: bool = False) -> Iterator[Served]:
    """Write the organisation where it is not there yet, serve it, and stop it at the end."""
    if not (folder / "standwatch.yaml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, upstream, subjects=subjects)
    served = start(folder, module="bench.lender")
    try:
        yield served
    finally:
        served.process.terminate()
        served.process.wait(20)


if __name__ == "__main__":
    sys.exit(prepared(Path(sys.argv[1]), int(sys.argv[2]), _prepare))
