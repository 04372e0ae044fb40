"""Small windows of decisions for `diagnose`: a model of three features, a day's rhythm, and whatever a test breaks."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from standwatch.facts.decisions import Observation
from standwatch.facts.models import Feature, Model, Outcome, Output

HOUR = 3_600_000_000
DAY = 24 * HOUR
BEGIN = 20_000 * DAY
SINCE = BEGIN + 6 * DAY
NOW = BEGIN + 7 * DAY
ONSET = SINCE + 12 * HOUR

MODEL = Model(
    component="credit",
    inputs=(
        Feature("income"),
        Feature("debt"),
        Feature("region", type="category"),
        Feature("hour", type="integer"),
        Feature("rate"),
    ),
    outputs=(Output("risk", type="probability"),),
    outcome=Outcome("risk", threshold=0.5, at_or_above="refuse", below="grant"),
)
Row = dict[str, Any]


def risk(row: Row) -> float:
    """The model of these windows."""
    income, debt = (row[name] if row[name] is not None else 1_000 for name in ("income", "debt"))
    x = 1.2 * math.log(3 * max(debt, 1) / max(income, 1)) + {"north": -0.5, "south": 0.6}.get(
        row["region"], 0.2
    )
    x += 0.8 * (row["hour"] < 6) + 0.4 * (row["rate"] or 0)
    return 1 / (1 + math.exp(-x))


def window(
    fault: Callable[[Row, random.Random], None] | None = None,
    *,
    seed: int = 1,
    rows: int = 4_000,
    onset: int = ONSET,
) -> list[Observation]:
    """Seven days, evenly spread; from `onset` on `fault` has its way with a row's members: features, `score` and
    `outcome` (else the model's), `version`, `route`, `code`, `threshold`, `parameters`."""
    chance = random.Random(seed)
    rates = [chance.gauss(0, 0.5) for _ in range(7 * 24)]
    found: list[Observation] = []
    for n in range(rows):
        at = BEGIN + (NOW - BEGIN) * n // rows
        wealth = chance.gauss(0, 1)
        row: Row = {
            "income": round(math.exp(7 + 0.5 * wealth + chance.gauss(0, 0.3)), 2),
            "debt": round(math.exp(5.8 - 0.3 * wealth + chance.gauss(0, 0.6)), 2),
            "region": chance.choices(("north", "south", "west"), (5, 3, 2))[0],
            "hour": at % DAY // HOUR,
            "rate": rates[(at - BEGIN) // HOUR],
            "parameters": {"vendor": "first"},
            "version": "1",
            "route": "model",
            "code": "",
            "threshold": 0.5,
        }
        if fault is not None and at >= onset:
            fault(row, chance)
        found.append(_observed(at, n, row))
    return found


def _observed(at: int, index: int, row: Row) -> Observation:
    values = tuple(row[feature.name] for feature in MODEL.inputs)
    if row["route"] != "model":
        return Observation(
            at, index, 0, row["version"], row["route"], row["code"], "", None, values, row["parameters"]
        )
    score = row["score"] if "score" in row else risk(row)
    outcome = "refuse" if score >= row["threshold"] else "grant"
    return Observation(
        at, index, 0, row["version"], "model", "", outcome, score, values, row["parameters"], (score,)
    )
