"""The mortgage models as files, and their answers: a scorecard that Python alone reads, or XGBoost's own JSON.

    load(Path("models/1/scorecard.json")).score({"dir": [0.22, …], …})

Both are asked by the name of the feature, ignore what they do not know (`applicant_id`), and answer the probability
that the application is denied, one for each row. No pickle: reading an artifact runs no code of its.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

YES = {"no": 0.0, "yes": 1.0}

Columns = Mapping[str, Sequence[Any]]


class Scorer(Protocol):
    """One loaded artifact. `digest` is the SHA-256 of its file."""

    digest: str
    features: tuple[str, ...]

    def score(self, columns: Columns) -> list[float]:
        """P(denied) of each row; raises ValueError for a feature that is missing, unknown or not a number."""
        ...


class Additive:
    """The form `additive.1`, as `src/standwatch/executor.py` states it: a score of each feature, summed in the order of
    the terms, and the logistic function. `scores[k]` is for numbers in [edge k-1, edge k)."""

    def __init__(self, content: bytes) -> None:
        told = json.loads(content)
        if told.get("kind") != "additive.1" or told["link"] != "logit":
            raise ValueError("not an additive.1 with a logit link")
        self.digest = hashlib.sha256(content).hexdigest()
        self._intercept: float = told["intercept"]
        self._terms: list[dict[str, Any]] = told["terms"]
        self.features = tuple(term["feature"] for term in self._terms)

    def score(self, columns: Columns) -> list[float]:
        return [self._row(row) for row in table(columns, self.features)]

    def _row(self, row: Sequence[Any]) -> float:
        odds = self._intercept
        for term, value in zip(self._terms, row, strict=True):
            odds += points(term, value)  # one by one: `sum` rounds otherwise since Python 3.12
        return 1 / (1 + math.exp(-odds)) if odds >= 0 else 1 - 1 / (1 + math.exp(odds))


class Boosted:
    """XGBoost's trees, read and asked by XGBoost itself, one thread."""

    def __init__(self, content: bytes) -> None:
        import xgboost

        self.digest = hashlib.sha256(content).hexdigest()
        self._trees = xgboost.Booster({"nthread": 1})
        self._trees.load_model(bytearray(content))
        self.features = tuple(self._trees.feature_names or ())

    def score(self, columns: Columns) -> list[float]:
        import numpy

        rows = [
            [encoded(name, value) for name, value in zip(self.features, row, strict=True)]
            for row in table(columns, self.features)
        ]
        given = numpy.array(rows, dtype=numpy.float32).reshape(-1, len(self.features))
        return [float(each) for each in self._trees.inplace_predict(given, validate_features=False)]


def load(file: Path) -> Scorer:
    """The artifact in `file`; raises where it is neither."""
    content = file.read_bytes()
    return Additive(content) if b'"additive.1"' in content[:200] else Boosted(content)


def points(term: dict[str, Any], value: Any) -> float:
    """What one feature adds to the log-odds; raises ValueError for a value that the term does not know."""
    if "edges" in term:
        return term["scores"][bisect_right(term["edges"], number(term["feature"], value))]
    if value not in term["categories"]:
        raise ValueError(f"{term['feature']} is none of {', '.join(term['categories'])}: {value!r}")
    return term["categories"][value]


def table(columns: Columns, features: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Columns turned to rows in the order of `features`; raises ValueError where one is not there or too short."""
    absent = [name for name in features if name not in columns]
    if absent:
        raise ValueError(f"missing input {', '.join(absent)}")
    return list(zip(*(columns[name] for name in features), strict=True))


def number(name: str, value: Any) -> float:
    """A finite number; raises ValueError."""
    if isinstance(value, str) or value is None or not math.isfinite(value):
        raise ValueError(f"{name} is not a number: {value!r}")
    return float(value)


def encoded(name: str, value: Any) -> float:
    """What the trees see: `yes` is 1, `no` is 0, a number is itself."""
    if isinstance(value, str):
        if value not in YES:
            raise ValueError(f"{name} is neither yes nor no: {value!r}")
        return YES[value]
    return number(name, value)
