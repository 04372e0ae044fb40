"""Secrets on disk: owner only, whole or not at all, never over another."""

import os
import stat
from pathlib import Path

import pytest

from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.keys.files import read_secret, write_secret


def test_what_is_written_is_read_and_nobody_else_may(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = os.umask(0o277)  # even an odd umask leaves the owner able to read it
    try:
        write_secret(path, b"secret")
    finally:
        os.umask(before)
    assert read_secret(path, 6) == b"secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_secret(path, b"first")
    with pytest.raises(Conflict, match="exists"):
        write_secret(path, b"second")
    assert read_secret(path, 10) == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    link = tmp_path / "key"
    link.symlink_to(target)
    with pytest.raises(Conflict):
        write_secret(link, b"secret")
    assert not target.exists()
    target.write_bytes(b"x")
    target.chmod(0o600)
    with pytest.raises(Forbidden):
        read_secret(link, 10)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_have_rights_to_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    write_secret(path, b"secret")
    path.chmod(mode)
    with pytest.raises(Forbidden, match=f"{mode:04o}") as caught:
        read_secret(path, 10)
    assert caught.value.cure == f"chmod 600 {path}"


def test_absent_large_and_odd_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_secret(tmp_path / "key", 10)
    write_secret(tmp_path / "large", bytes(11))
    with pytest.raises(Malformed):
        read_secret(tmp_path / "large", 10)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(Forbidden, match="regular"):
        read_secret(tmp_path / "pipe", 10)
