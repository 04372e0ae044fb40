"""A server that is ended within its first moments: told to, it signs what it began; killed, the record says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from standwatch.facts.errors import StandwatchError
from standwatch.store.journal import DATABASE, HEAD, Journal
from standwatch.store.reader import Reader
from support.system import ROOT, Organisation


def begun(org: Organisation, ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
    """`standwatch up`, as soon as `ready` is true of it."""
    command = [sys.executable, "-m", "standwatch.cli.main", "--org", str(org.folder), "up"]
    environment = {**os.environ, **org.home}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment)
    deadline = time.monotonic() + 60
    while not ready():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return process


def entries(org: Organisation) -> int:
    try:
        reader = Reader(org.state)
    except StandwatchError:
        return 0
    try:
        return 0 if reader.empty else reader.size
    finally:
        reader.close()


def test_what_was_begun_is_signed_by_whoever_is_told_to_stop(tmp_path: Path) -> None:
    org = Organisation(tmp_path, {})
    process = begun(org, (org.state / DATABASE).exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert org.run("verify")["status"] == "verified"


def test_a_record_that_nobody_signed_yet_does_not_look_tampered_with(tmp_path: Path) -> None:
    org = Organisation(tmp_path, {})
    process = begun(org, lambda: entries(org) > 0)
    process.kill()
    process.wait()
    assert not (org.state / HEAD).exists()
    told = org.run("verify", code=1)
    assert told["code"] == "unsigned"
    assert "nothing is signed yet" in told["message"]
    again = begun(org, (org.state / HEAD).exists)
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 0
    assert org.run("verify")["status"] == "verified"
    # The same file missing later is another matter, whether or not a checkpoint was kept.
    (org.state / HEAD).unlink()
    assert org.run("verify", code=1)["status"] == "rejected"
    for kept in (org.folder / "home").rglob("*"):
        if kept.is_file():
            kept.unlink()
    assert org.run("verify", code=1)["status"] == "rejected"


@pytest.mark.parametrize("tables", [False, True])
def test_a_record_in_which_nothing_stands_is_called_empty(tmp_path: Path, tables: bool) -> None:
    org = Organisation(tmp_path, {})
    org.state.mkdir()
    if tables:
        Journal(org.state / DATABASE).close()
    else:
        (org.state / DATABASE).touch()
    assert "is empty" in org.run("verify", code=1)["message"]
