"""A real folder is read whole or not at all."""

from pathlib import Path

import pytest

from standwatch.store.folder import MAX_BYTES, Unreadable, read_folder


def test_what_counts_is_read_and_the_rest_is_not(tmp_path: Path) -> None:
    written = {
        "standwatch.yaml": b"a",
        "systems/x.yaml": b"b",
        "systems/deep/y.yaml": b"c",
        "policies/p.cedar": b"d",
        "policies/p.cedar~": b"-",
        "systems/.x.yaml.swp": b"-",
        "systems/.git/x.yaml": b"-",
        "state/log.db": b"-",
        "README.md": b"-",
    }
    for name, data in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert read_folder(tmp_path) == {name: data for name, data in written.items() if data != b"-"}


def test_a_huge_file_is_cut_where_declare_can_see_that_it_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "standwatch.yaml").write_bytes(b"x" * (MAX_BYTES + 100))
    assert len(read_folder(tmp_path)["standwatch.yaml"]) == MAX_BYTES


def test_an_empty_folder_gives_nothing(tmp_path: Path) -> None:
    assert read_folder(tmp_path) == {}


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="is not a folder"):
        read_folder(tmp_path / "gone")
