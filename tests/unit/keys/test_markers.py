"""Markers: written into space that is already there, read back whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from standwatch.facts.errors import Unrecorded
from standwatch.keys import markers
from standwatch.keys.markers import FILE, SLOT, SLOTS, clear_markers, read_markers, reserve, write_marker


def mark(folder: Path, scope: str = "system:pay", by: str = "@ops", **more: int | str) -> markers.Marker:
    return write_marker(folder, scope, by, 1_795_000_000_000_000, **({"reason": "odd"} | more))  # pyright: ignore[reportArgumentType]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    one, two = mark(tmp_path), mark(tmp_path, "all", until=7)
    assert read_markers(tmp_path) == [one, two]
    assert (one.scope, one.by, one.reason, two.until) == ("system:pay", "@ops", "odd", 7)


def test_no_folder_and_no_reserve_are_no_markers(tmp_path: Path) -> None:
    assert read_markers(tmp_path / "nowhere") == []
    clear_markers(tmp_path / "nowhere", [])


def test_writing_a_marker_never_changes_size_or_blocks(tmp_path: Path) -> None:
    path = reserve(tmp_path)
    before = path.stat()
    assert before.st_size == SLOT * SLOTS
    assert before.st_blocks * 512 >= SLOT * SLOTS, (
        "the reserve is a hole: it would need space when there is none"
    )
    for number in range(SLOTS - 1):
        mark(tmp_path, f"run:{number}")
    after = path.stat()
    assert (after.st_size, after.st_blocks, after.st_ino) == (before.st_size, before.st_blocks, before.st_ino)
    assert stat.S_IMODE(after.st_mode) == 0o600


def test_the_same_halt_twice_is_one_marker(tmp_path: Path) -> None:
    assert mark(tmp_path) == mark(tmp_path)
    mark(tmp_path, by="@other")
    assert len(read_markers(tmp_path)) == 2


def test_the_last_slot_is_for_all(tmp_path: Path) -> None:
    for number in range(SLOTS - 1):
        mark(tmp_path, f"run:{number}")
    with pytest.raises(Unrecorded) as refused:
        mark(tmp_path, "run:more")
    assert refused.value.cure == "standwatch halt all"
    assert mark(tmp_path, "all").slot == SLOTS - 1


def test_a_torn_marker_is_no_marker_and_its_slot_is_free(tmp_path: Path) -> None:
    first, second = mark(tmp_path, "run:1"), mark(tmp_path, "run:2")
    whole = (tmp_path / FILE).read_bytes()
    for place in range(6, 60):
        torn = bytearray(whole)
        torn[place] ^= 1
        (tmp_path / FILE).write_bytes(torn)
        assert read_markers(tmp_path) == [second]
    assert mark(tmp_path, "run:3").slot == first.slot


def test_clearing_leaves_what_was_written_meanwhile(tmp_path: Path) -> None:
    old = mark(tmp_path, "run:1")
    clear_markers(tmp_path, [old])
    new = mark(tmp_path, "run:2")
    assert new.slot == old.slot
    clear_markers(tmp_path, [old])
    assert read_markers(tmp_path) == [new]


def test_a_reason_of_any_length_and_alphabet_fits(tmp_path: Path) -> None:
    marker = mark(tmp_path, reason="ü€😀\n" * 5000)
    assert read_markers(tmp_path) == [marker]
    assert marker.reason.startswith("ü€😀")
    mark(tmp_path, "run:" + "x" * 300, reason="\x00" * 5000)
    assert len(read_markers(tmp_path)) == 2


def test_a_reserve_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(Unrecorded):
        mark(tmp_path)


def test_concurrent_halts_do_not_share_a_slot(tmp_path: Path) -> None:
    reserve(tmp_path)
    code = (
        "import sys; from pathlib import Path; from standwatch.keys.markers import write_marker\n"
        "[write_marker(Path(sys.argv[1]), f'run:{sys.argv[2]}-{n}', '@x', 1, reason='r') for n in range(10)]"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)], env=dict(os.environ))
        for number in range(3)
    ]
    assert [each.wait(30) for each in running] == [0, 0, 0]
    assert len({marker.slot for marker in read_markers(tmp_path)}) == 30
