"""Reference data of applicants, drawn by a seed: correlated, skewed, with categories and gaps."""

from __future__ import annotations

import math
import random

from standwatch.facts.decisions import Row
from standwatch.facts.models import Feature

APPLICANTS = (
    Feature("income", unit="USD/month", min=0),
    Feature("loan", min=0),
    Feature("rate"),
    Feature("age", type="integer", min=18),
    Feature("state", type="category"),
    Feature("owner", type="boolean"),
    Feature("debt", missing=True),
    Feature("note", type="text", missing=True),
)


def applicants(count: int, seed: int) -> list[Row]:
    """`count` rows, independent and of one distribution: exchangeable."""
    chance = random.Random(seed)
    return [_applicant(chance) for _ in range(count)]


def _applicant(chance: random.Random) -> Row:
    income = math.exp(chance.gauss(8.3, 0.5))
    owner = chance.random() < (0.7 if income > 4000 else 0.3)
    loan = income * chance.uniform(20, 60)
    debt = None if chance.random() < 0.05 else round(loan * chance.random() * 0.3, 2)
    state = chance.choices(["MA", "NH", "VT", "RI"], [60, 20, 15, 5])[0]
    age = min(90, max(18, int(chance.gauss(45, 12))))
    return (round(income, 2), round(loan, 2), round(chance.gauss(4, 0.4), 3), age, state, owner, debt, None)


def as_csv(features: tuple[Feature, ...], rows: list[Row]) -> str:
    """The rows with a header, missing values empty."""
    lines = [",".join(one.name for one in features)]
    lines += [",".join("" if value is None else str(value) for value in row) for row in rows]
    return "\n".join(lines) + "\n"
