"""The locks agree with pyproject.toml, hash every line, and the check that says so notices when they do not."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "requirements"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house_lock", REQUIREMENTS / "lock.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


lock = load()


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_locks_agree_with_the_project() -> None:
    assert list(lock.problems(project())) == []


@pytest.mark.parametrize("name", ["product", "test", "demo", "labelled", "models", "models-test"])
def test_every_pin_has_hashes_and_no_line_an_address(name: str) -> None:
    pins = lock.read_pins(REQUIREMENTS / f"{name}.txt")
    assert len(pins) > 10
    assert all(hashes for _, hashes in pins.values())
    assert "://" not in (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")


def test_a_missing_or_newer_requirement_is_noticed() -> None:
    altered = project()
    altered["project"]["dependencies"] += ["apsw>=99", "left-pad"]
    found = "\n".join(lock.problems(altered))
    assert "pins apsw" in found
    assert "does not pin left-pad" in found


def test_a_leftover_is_noticed() -> None:
    altered = project()
    altered["project"]["dependencies"].remove(
        next(d for d in altered["project"]["dependencies"] if "httptools" in d)
    )
    assert "product.txt pins httptools, which nothing in pyproject.toml leads to" in list(
        lock.problems(altered)
    )


@pytest.mark.parametrize(
    "line",
    [
        "requests==2.0",
        "--find-links https://mirror.example/simple",
        "requests @ https://mirror.example/r.whl \\",
    ],
)
def test_a_line_without_hash_or_with_an_address_is_refused(tmp_path: Path, line: str) -> None:
    spoiled = tmp_path / "product.txt"
    spoiled.write_text(
        (REQUIREMENTS / "product.txt").read_text(encoding="utf-8") + line + "\n", encoding="utf-8"
    )
    with pytest.raises(ValueError, match="neither a pin nor a hash"):
        lock.read_pins(spoiled)


def test_the_product_stays_small() -> None:
    """ANCHORS.md §5: at most 45 distributions."""
    assert len(lock.read_pins(REQUIREMENTS / "product.txt")) <= 45
