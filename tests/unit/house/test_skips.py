"""The rule of `tests/conftest.py`: a skip nobody allowed fails the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
SKIPPING = """
import pytest

@pytest.mark.skip(reason={reason!r})
def test_one(): pass

def test_two(): pass
"""
AT_IMPORT = "import pytest\n\npytest.skip({reason!r}, allow_module_level=True)\n"


def run(folder: Path, text: str, reason: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(TESTS / "conftest.py", folder)
    (folder / "allowed_skips.txt").write_text("test_*.py* | no moon *  # why\n", encoding="utf-8")
    (folder / "test_it.py").write_text(text.format(reason=reason), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-ra", "--rootdir", folder, "-p", "no:cacheprovider", folder]
    clean = {name: value for name, value in os.environ.items() if name != "STANDWATCH_EVERYTHING"}
    return subprocess.run(
        command, cwd=folder, env=clean | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("text", [SKIPPING, AT_IMPORT])
def test_a_skip_nobody_allowed_fails(tmp_path: Path, text: str) -> None:
    done = run(tmp_path, text, "not today")
    assert done.returncode == 1, done.stdout
    assert "skipped without leave" in done.stdout


def test_an_allowed_skip_passes(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPPING, "no moon tonight")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped" in done.stdout


def test_where_everything_is_required_no_skip_passes(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPPING, "no moon tonight", STANDWATCH_EVERYTHING="1")
    assert done.returncode == 1, done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("=")  # pytest's own closing line stays the last
