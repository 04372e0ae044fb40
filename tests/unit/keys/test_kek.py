"""Key-encryption keys by epoch."""

import stat
from pathlib import Path

import pytest

from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.keys import kek


def test_the_highest_epoch_is_the_current_one(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert kek.epochs(folder) == ()
    with pytest.raises(NotFound):
        kek.current(folder)
    assert kek.create(folder, lambda n: b"\x01" * n) == 1
    assert kek.create(folder, lambda n: b"\x02" * n) == 2
    (folder / "README").write_text("not a key")
    assert kek.epochs(folder) == (1, 2)
    assert kek.current(folder) == 2
    assert kek.load(folder, 1) == b"\x01" * 32
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "kek-000001").stat().st_mode) == 0o600


def test_a_destroyed_epoch_is_gone_and_its_number_is_not_reused(tmp_path: Path) -> None:
    kek.create(tmp_path)
    kek.create(tmp_path)
    kek.destroy(tmp_path, 1)
    assert kek.epochs(tmp_path) == (2,)
    for act in (kek.load, kek.destroy):
        with pytest.raises(NotFound):
            act(tmp_path, 1)
    assert kek.create(tmp_path) == 3


def test_random_keys_differ_and_odd_files_are_refused(tmp_path: Path) -> None:
    kek.create(tmp_path)
    kek.create(tmp_path)
    assert kek.load(tmp_path, 1) != kek.load(tmp_path, 2)
    (tmp_path / "kek-000001").chmod(0o644)
    with pytest.raises(Forbidden):
        kek.load(tmp_path, 1)
    (tmp_path / "kek-000002").write_bytes(bytes(31))
    with pytest.raises(Malformed):
        kek.load(tmp_path, 2)


def test_two_who_make_an_epoch_at_once_do_not_share_it(tmp_path: Path) -> None:
    def meanwhile(size: int) -> bytes:
        kek.create(tmp_path, lambda n: b"\x07" * n)
        return b"\x08" * size

    with pytest.raises(Conflict):
        kek.create(tmp_path, meanwhile)
    assert kek.load(tmp_path, 1) == b"\x07" * 32
