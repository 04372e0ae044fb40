"""A sample of `python -m bench.diagnose`: one window of each kind of fault that the measure names, and quiet ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.diagnose.__main__ import Job, judge
from bench.diagnose.faults import REQUIRED


@pytest.mark.parametrize("kind", REQUIRED)
def test_the_true_cause_is_named_first(kind: str) -> None:
    verdict = judge(Job("payments", kind, 1))
    assert verdict.place == 0, (verdict.truth, *verdict.said)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nothing_is_claimed_where_nothing_happened(seed: int) -> None:
    assert judge(Job("lending", "quiet", seed)).said == ()
