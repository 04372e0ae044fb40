"""Somebody else's OAuth on loopback: an authorisation server with token exchange, and what a resource server checks."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.provider import MODULES, NODE, ROOT

SCRIPTS = ROOT / "tests" / "wire" / "console"
Judge = Callable[[str, str, dict[str, str], bool], dict[str, Any]]


class Server:
    """`issuer`, and what it was asked to exchange so far."""

    def __init__(self, issuer: str, process: subprocess.Popen[str]) -> None:
        self.issuer = issuer
        self._process = process

    def freeze(self) -> None:
        """It takes connections and answers nothing any more."""
        self._process.send_signal(signal.SIGSTOP)

    def said(self) -> dict[str, Any]:
        """What it says next."""
        assert self._process.stdout is not None
        while not (line := self._process.stdout.readline()).startswith("{"):
            assert line, "the authorisation server ended"
        return json.loads(line)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def authorising(port: int, key_set: str, issuer: str) -> Generator[Server]:
    """The certified provider at `port`, exchanging tokens that `issuer` signs with the keys at `key_set`."""
    command: list[str | Path] = [NODE, SCRIPTS / "exchange.mjs", MODULES, str(port), key_set, issuer]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            while "listening" not in (line := process.stdout.readline()):
                assert line, "the authorisation server ended"
            yield Server(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


@contextmanager
def judging(issuer: str, key_set: str, audience: str) -> Generator[Judge]:
    """What `oauth4webapi` makes of a request: its claims, or why it is refused."""
    command: list[str | Path] = [NODE, SCRIPTS / "shown.mjs", MODULES, issuer, key_set, audience]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def judge(method: str, url: str, headers: dict[str, str], bound: bool) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            asked = {"method": method, "url": url, "headers": headers, "bound": bound}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        try:
            yield judge
        finally:
            process.kill()
