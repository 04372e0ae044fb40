"""The owner's socket: private from its first moment, and never taken from a living server."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from standwatch.facts.errors import Conflict, Misconfigured
from standwatch.fronts.http_unix import bind_unix


def test_the_socket_is_private_and_the_umask_is_given_back(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with bind_unix(tmp_path / "s", 1):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    bind_unix(tmp_path / "s", 1).close()
    with bind_unix(tmp_path / "s", 1), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))


def test_a_living_server_keeps_its_socket(tmp_path: Path) -> None:
    with bind_unix(tmp_path / "s", 1) as first:
        with pytest.raises(Conflict):
            bind_unix(tmp_path / "s", 1)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
            first.setblocking(True)
            first.accept()[0].close()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_socket_is_not_ours_to_remove(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "s")
    with pytest.raises(Misconfigured):
        bind_unix(tmp_path / "s", 1)
    assert os.path.lexists(tmp_path / "s")
