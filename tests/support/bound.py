"""An agent with a key of its own, driven by somebody else's library (node's `oauth4webapi`)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from support.authorising import SCRIPTS
from support.provider import MODULES, NODE


class Said(NamedTuple):
    """What came back, and the proof that was shown."""

    status: int
    body: dict[str, Any]
    proof: str


class Holder:
    """`thumbs`: the thumbprints of its keys, by algorithm."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.thumbs: dict[str, str] = self._line()

    def send(
        self, key: str, token: str, url: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> Said:
        """POST `body` with a proof by `key`."""
        heads = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **(headers or {}),
        }
        asked = {"key": key, "token": token, "method": "POST", "url": url, "headers": heads}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**asked, "body": json.dumps(body)}) + "\n")
        self._process.stdin.flush()
        said = self._line()
        return Said(said["status"], json.loads(said.get("body") or "{}"), said.get("proof") or "")

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def holder() -> Generator[Holder]:
    """A process that makes two keys and keeps them to itself."""
    command = [NODE, SCRIPTS / "agent.mjs", MODULES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Holder(process)
        finally:
            process.kill()
