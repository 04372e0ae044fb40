"""The rule of `tests/conftest.py` for `.ci/run`: a few that failed may run again alone, and are listed if they pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
UNSTEADY = """
import os, pytest

@pytest.mark.parametrize("number", range({failing}))
def test_unsteady(number): assert "STANDWATCH_AGAIN" in os.environ

def test_steady(): pass
"""
AGAIN = ("--last-failed", "--last-failed-no-failures=none")


def run(folder: Path, text: str, *more: str, **environment: str) -> tuple[int, str, str]:
    """The exit code, what was printed, and whether those that failed may run again."""
    shutil.copy(TESTS / "conftest.py", folder)
    (folder / "allowed_skips.txt").touch()
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--rootdir", folder, *more, folder]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STANDWATCH_")}
    done = subprocess.run(
        command, cwd=folder, env=clean | environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, (folder / ".pytest_cache/v/standwatch/few_failed").read_text()


def test_a_few_run_again_alone_and_the_end_lists_them(tmp_path: Path) -> None:
    text = UNSTEADY.format(failing=5)
    assert run(tmp_path, text)[::2] == (1, "true")
    code, said, few = run(tmp_path, text, *AGAIN, STANDWATCH_AGAIN="1")
    assert (code, few) == (0, "false")
    *lines, last = said.rstrip().splitlines()
    place = next(n for n, line in enumerate(lines) if "unsteady: failed beside the others" in line)
    assert [one for one in lines[place + 1 :] if one] == [
        f"test_it.py::test_unsteady[{number}]" for number in range(5)
    ]
    assert last.startswith("=")
    assert "5 passed" in last


def test_what_fails_again_fails(tmp_path: Path) -> None:
    text = UNSTEADY.format(failing=1).replace("STANDWATCH_AGAIN", "NEVER")
    assert run(tmp_path, text)[::2] == (1, "true")
    assert run(tmp_path, text, *AGAIN, STANDWATCH_AGAIN="1")[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        UNSTEADY.format(failing=6),
        UNSTEADY.format(failing=1) + "\n@pytest.mark.skip(reason='not today')\ndef test_skipped(): pass\n",
        "import no_such_module\n",
        "def test_nothing(): raise KeyboardInterrupt\n",
        "",
    ],
    ids=["six failed", "a skip nobody allowed", "not collected", "interrupted", "no tests"],
)
def test_of_anything_else_nothing_runs_again(tmp_path: Path, text: str) -> None:
    code, _, few = run(tmp_path, text)
    assert code != 0
    assert few == "false"
