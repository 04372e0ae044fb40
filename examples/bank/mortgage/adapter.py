"""How `explain` prepares rows for the boosted versions: as `scorer.py` does it when it serves them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

from data import FEATURES
from scorer import encoded


def rows_to_matrix(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """Rows in the manifest's order → the trees' columns, in theirs."""
    at = [list(names).index(name) for name in FEATURES]
    return numpy.array(
        [[encoded(name, row[k]) for name, k in zip(FEATURES, at, strict=True)] for row in rows],
        dtype=numpy.float32,
    )


def columns(names: Sequence[str]) -> list[str]:
    """The feature behind each column."""
    return list(FEATURES)
