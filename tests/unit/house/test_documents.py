"""Documents that must keep up with the code: dependencies with reason and licence, licence, change log."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import standwatch

ROOT = Path(__file__).parents[3]
PERMISSIVE = {
    "MIT",
    "Apache-2.0",
    "BSD-3-Clause",
    "BSD-2-Clause",
    "ISC",
    "MIT-0",
    "PSF-2.0",
    "Zlib",
    "any-OSI",
}

EXCEPTIONS: dict[str, str] = {}


def direct() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]
    return [re.split(r"[<>=!~\[; ]", each)[0] for each in wanted]


def locked() -> list[str]:
    text = (ROOT / "requirements/product.txt").read_text(encoding="utf-8")
    return re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    """Table rows of docs/dependencies.md: name → (licence, reason)."""
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    return {
        cell[0].strip("`").replace("_", "-").lower(): (cell[1], cell[2]) for cell in cells if len(cell) == 3
    }


@pytest.mark.parametrize("name", sorted({*direct(), *locked()}))
def test_every_dependency_is_explained(name: str) -> None:
    licence, reason = rows()[name.replace("_", "-").lower()]
    assert len(reason) > 15, f"say why {name} was chosen"
    permissive = all(part in PERMISSIVE for part in re.split(r" (?:AND|OR) ", licence))
    assert permissive or EXCEPTIONS.get(name) == licence, licence


def test_no_row_outlives_its_dependency() -> None:
    known = {name.replace("_", "-").lower() for name in [*direct(), *locked()]}
    gone = set(rows()) - known - {"package", "---"}
    assert not gone


def test_licence_is_apache() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"


def test_the_change_log_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?(Unreleased\]? )?.*{re.escape(standwatch.__version__)}", text, re.MULTILINE)


def test_a_way_to_report_a_weakness_is_given() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert re.search(r"^## Report", text, re.MULTILINE)
