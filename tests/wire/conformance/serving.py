"""Start the fixture server as a process of its own and stop it again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

FIXTURE = Path(__file__).resolve().parents[1] / "fixture_server.py"
STOP_SECONDS = 10


@contextmanager
def fixture_server(journal: Path | None = None) -> Generator[str]:
    """The URL of a fixture on a free port; with `journal`, each request it handles is a line in that file."""
    command = [sys.executable, str(FIXTURE), "--port", "0"]
    if journal is not None:
        command += ["--journal", str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"the fixture ended with {process.wait(STOP_SECONDS)} before it served")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
