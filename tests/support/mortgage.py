"""The bank's mortgage example as tests know it: its modules, its rows, its model server."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
BANK = ROOT / "examples" / "bank"
MORTGAGE = BANK / "mortgage"
MODELS_PYTHON = ROOT / ".demo" / "models" / "bin" / "python"
ARTIFACTS = {"1": "models/1/scorecard.json", "2": "models/2/boosted.json", "3": "models/3/boosted.json"}


def module(name: str) -> ModuleType:
    """A module of the example; those that need nothing but Python."""
    sys.path.insert(0, str(MORTGAGE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(MORTGAGE))


def python(*arguments: str | Path) -> str:
    """What Python says in the environment of the models."""
    done = subprocess.run(
        [MODELS_PYTHON, *arguments], cwd=MORTGAGE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        return trying.getsockname()[1]


@contextmanager
def serving(log: Path, folder: Path = MORTGAGE) -> Iterator[str]:
    """The model server of the example in `folder`, ready; its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [MODELS_PYTHON, folder / "serve.py", "--port", url.rpartition(":")[2]]
    with log.open("wb") as words:
        process = subprocess.Popen(command, stdout=words, stderr=words, env={**os.environ})
    try:
        deadline = time.monotonic() + 60
        while not all(_ready(url, version) for version in ARTIFACTS):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _ready(url: str, version: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v2/models/mortgage/versions/{version}/ready", timeout=2):
            return True
    except OSError:
        return False
