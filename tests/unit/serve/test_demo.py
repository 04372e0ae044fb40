"""The demo goes on when the agents' door is open, and not before."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from standwatch.serve.demo import opened
from support.system import free_port

LATE = """
import socket, sys, time
time.sleep(0.3)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as door:
    time.sleep(20)
"""


@pytest.mark.parametrize(("program", "expected"), [(LATE, True), ("import time; time.sleep(0.1)", False)])
def test_it_waits_for_the_door_or_for_the_end(program: str, expected: bool) -> None:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", program, str(port)])
    try:
        assert opened(process, "127.0.0.1", port) is expected
        if expected:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
    finally:
        process.kill()
        process.wait()


def test_it_does_not_wait_for_ever() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"])
    try:
        assert not opened(process, "127.0.0.1", free_port(), within=0.2)
    finally:
        process.kill()
        process.wait()
