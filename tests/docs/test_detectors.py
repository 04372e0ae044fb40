"""docs/detectors.md says what the detectors say of themselves."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tables_are_those_of_the_detectors() -> None:
    written = runpy.run_path(str(ROOT / "bench" / "detectors.py"))["written"]
    page = (ROOT / "docs" / "detectors.md").read_text(encoding="utf-8")
    assert page.count("written by bench.detectors -->") == 5
    assert written(page) == page, "run `python -m bench.detectors`"
