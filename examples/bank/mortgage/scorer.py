"""The mortgage models as files, and their answers: a scorecard that Python alone reads, or XGBoost's own JSON.

    load(Path("models/1/scorecard.json")).score({"dir": [0.22, …], …})

Both are asked by the name of the feature, ignore what they do not know (`applicant_id`), and answer the probability
that the application is denied, one for each row. No pickle: reading an artifact runs no code of its.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_left
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


class Term:
    """One feature's points: bin k of a number holds values in (edge[k-1], edge[k]], bin k of a category its value k."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.feature: str = told["feature"]
        self.edges: list[float] = told.get("edges", [])
        self.values: list[str] = told.get("values", [])
        self.points: list[float] = told["points"]

    def of(self, value: Any) -> float:
        if self.values:
            return self.points[self.values.index(value)]
        return self.points[bisect_left(self.edges, number(self.feature, value))]


class Scorecard:
    """Log-odds = intercept + one term for each feature (Siddiqi, Credit Risk Scorecards, ch. 6, without scaling)."""

    def __init__(self, content: bytes) -> None:
        told = json.loads(content)
        if told.get("kind") != "scorecard.1":
            raise ValueError("not a scorecard.1")
        self.digest = hashlib.sha256(content).hexdigest()
        self.intercept: float = told["intercept"]
        self.terms = [Term(each) for each in told["terms"]]
        self.features = tuple(term.feature for term in self.terms)

    def score(self, columns: Columns) -> list[float]:
        return [self._row(row) for row in table(columns, self.features)]

    def _row(self, row: Sequence[Any]) -> float:
        odds = math.fsum(
            [self.intercept, *(term.of(value) for term, value in zip(self.terms, row, strict=True))]
        )
        return 1.0 / (1.0 + math.exp(-odds))


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
    return Scorecard(content) if b'"scorecard.1"' in content[:200] else Boosted(content)


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
