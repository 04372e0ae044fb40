"""Which files a call names, links resolved, and on which side of the workspace's border they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from standwatch.hook import places


@pytest.fixture(autouse=True)
def _nothing_is_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests live in a temporary folder: here that is no place to work in."""
    monkeypatch.setattr(places, "SCRATCH", ("/scratch",))
    monkeypatch.delenv("TMPDIR", raising=False)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in ("here", "other"):
        (tmp_path / name).mkdir()
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"file_path": "a.py"}, ["a.py"]),
        ({"path": "sub/../b.py", "pattern": "*.py"}, ["b.py"]),
        ({"pattern": "sub/**/*.py"}, []),
        ({"pattern": "../other/*.py"}, ["../other"]),
        ({"paths": ["a", "a", 7, "b"]}, ["a", "b"]),
        (
            {"command": "*** Begin Patch\n*** Update File: a.py\n*** Move to: c.py\n*** End Patch"},
            ["a.py", "c.py"],
        ),
        ({"command": "cat a.py"}, []),
        ({"file_path": ""}, []),
    ],
)
def test_a_call_names_its_files(work: Path, arguments: dict[str, Any], names: list[str]) -> None:
    assert places.named(arguments, str(work)) == [os.path.realpath(work / name) for name in names]


def test_a_link_leads_where_it_leads(work: Path) -> None:
    (work / "link").symlink_to(work.parent / "other")
    (work / "inner").symlink_to(work / "sub")
    root = places.border(str(work))
    for name, where in (
        ("link/secret", "outside"),
        ("inner/a", "workspace"),
        ("../here/a", "workspace"),
        ("..", "outside"),
    ):
        assert places.where(places.named({"file_path": name}, str(work)), root) == where, name


def test_the_farthest_place_counts(work: Path) -> None:
    root = places.border(str(work))
    assert places.where([f"{root}/a", "/scratch/b"], root) == "scratch"
    assert places.where([f"{root}/a", "/usr/lib/x", "/scratch/b"], root) == "system"
    assert places.where(["/usr/lib/x", "/etc/passwd"], root) == "outside"
    assert places.where([f"{root}-other/a"], root) == "outside"
    assert places.where([], root) == "workspace"


def test_a_border_around_everything_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    for wide in ("/", str(tmp_path), str(tmp_path / "home"), str(tmp_path / "home" / "me"), ""):
        assert places.border(wide) == "", wide
    assert places.border(str(tmp_path / "home" / "me" / "code")) == str(tmp_path / "home" / "me" / "code")
    assert places.where([str(tmp_path / "home" / "me" / "code" / "a")], "") == "outside"


def test_what_led_elsewhere_meanwhile_is_told(work: Path) -> None:
    (work / "sub").mkdir()
    (work / "a").write_text("a")
    before = places.marks([str(work / "a"), str(work / "sub" / "new"), str(work / "deep" / "er" / "new")])
    (work / "a.new").write_text("b")
    (work / "a.new").replace(work / "a")  # as editors write
    (work / "sub" / "new").write_text("c")
    assert places.moved(before) == []
    (work / "a").unlink()
    (work / "a").symlink_to(work.parent / "other" / "a")
    (work / "sub").rename(work / "gone")
    (work / "sub").symlink_to(work.parent / "other")
    assert places.moved(before) == [str(work / "a"), str(work / "sub" / "new")]
