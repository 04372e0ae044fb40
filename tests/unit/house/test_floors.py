"""The import contracts of pyproject.toml hold, cover the whole house, and really catch what they forbid."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "standwatch"
LINT = Path(sys.executable).with_name("lint-imports")
PURE = {"facts", "record", "authority", "flow", "content", "declare", "gate", "enforce", "watch", "respond"}
HOT = {"facts", "enforce", "fronts"}

VIOLATIONS = [
    pytest.param("facts", "from standwatch.record import tree", "Floors", id="an arrow up"),
    pytest.param("fronts", "import standwatch.store", "Floors", id="one edge knows another"),
    pytest.param("declare", "import standwatch.enforce", "Floors", id="one stage knows another"),
    pytest.param("cellar", "import msgspec", "Floors", id="a package without a floor"),
    pytest.param("facts", "from time import time_ns", "Floors 0 to 3", id="a clock"),
    pytest.param("record", "import random", "Floors 0 to 3", id="chance"),
    pytest.param("record", "import socket", "Floors 0 to 3", id="the network"),
    pytest.param(
        "facts", "def late() -> None:\n    import asyncio", "Floors 0 to 3", id="an event loop, late"
    ),
    pytest.param("record", "import apsw", "Floors 0 to 3", id="a database"),
    pytest.param("fronts", "import pandas", "hot path", id="analytics in a front"),
]


def packages() -> set[str]:
    return {path.parent.name for path in SOURCE.glob("*/*.py")}


def contracts() -> dict[str, Any]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {each["id"]: each for each in settings["tool"]["importlinter"]["contracts"]}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"}
    command = [LINT, "--no-logo", "--no-cache", "--config", folder / "pyproject.toml"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts that a test may spoil."""
    shutil.copytree(SOURCE, tmp_path / "src/standwatch", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_house_keeps_its_contracts(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("package", "line", "contract"), VIOLATIONS)
def test_a_violation_is_caught(copy: Path, package: str, line: str, contract: str) -> None:
    for name in ("record", "fronts", "store", "declare", "enforce", package):  # some may not be built yet
        (copy / "src/standwatch" / name).mkdir(exist_ok=True)
        (copy / "src/standwatch" / name / "__init__.py").touch()
    (copy / "src/standwatch" / package / "intruder.py").write_text(line + "\n", encoding="utf-8")
    done = lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [
        each for each in done.stdout.splitlines() if re.search(r" BROKEN( \(\d+ ignored imports\))?$", each)
    ]
    assert len(broken) == 1, done.stdout
    assert contract in broken[0]


def test_every_package_is_seen() -> None:
    """A folder without `__init__.py` is invisible to the import graph, and so to every contract."""
    bare = [name for name in sorted(packages()) if not (SOURCE / name / "__init__.py").is_file()]
    assert not bare, f"add an __init__.py with one line of purpose to: {', '.join(bare)}"


def test_pure_floors_are_all_named() -> None:
    named = {each.removeprefix("standwatch.") for each in contracts()["values"]["source_modules"]}
    assert named == PURE & packages(), "the source_modules of contract `values` in pyproject.toml"


def test_hot_path_is_named() -> None:
    named = {each.removeprefix("standwatch.") for each in contracts()["hot-path"]["source_modules"]}
    assert named == HOT & packages(), "the source_modules of contract `hot-path` in pyproject.toml"
