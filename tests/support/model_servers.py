"""Real model servers, each started once a session in the models' environment: MLServer and `mlflow models serve`.

A test takes the fixture `mlserver` or `mlflow_servers` (import them into the test file, or into a conftest). The
folder `.demo/models` comes from `make test-install`. Everything is on loopback and nothing is fetched.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".demo/models/bin"
TRAIN = ROOT / "tests/wire/models/train.py"


class Trained:
    """A folder of trained models, and what their libraries say of the rows when they are called directly."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("models")
    done = subprocess.run(
        [ENVIRONMENT / "python", TRAIN, folder],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Trained(folder)


@pytest.fixture(scope="session")
def mlserver(trained: Trained) -> Iterator[str]:
    """URL of an MLServer with `forest`, `boosted` and `words`, versions 1 and 2 of each."""
    with serve_mlserver(trained.folder / "mlserver") as url:
        yield url


@pytest.fixture(scope="session")
def mlflow_servers(trained: Trained) -> Iterator[dict[str, str]]:
    """Version → URL of an `mlflow models serve` with it."""
    with (
        serve_mlflow(trained.folder / "mlflow/1") as first,
        serve_mlflow(trained.folder / "mlflow/2") as second,
    ):
        yield {"1": first, "2": second}


@contextmanager
def serve_mlserver(folder: Path, path: Sequence[Path] = (), port: int = 0) -> Iterator[str]:
    """An MLServer over the `model-settings.json` files below `folder`; `path` is put on its PYTHONPATH."""
    free, grpc, metrics = free_ports(3)
    http = port or free
    given = {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": str(http),
        "MLSERVER_GRPC_PORT": str(grpc),
        "MLSERVER_METRICS_PORT": str(metrics),
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_DEBUG": "false",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    }
    command = [ENVIRONMENT / "mlserver", "start", folder]
    with running(command, given, f"http://127.0.0.1:{http}/v2/health/ready") as url:
        yield url.removesuffix("/v2/health/ready")


@contextmanager
def serve_mlflow(model: Path) -> Iterator[str]:
    """An `mlflow models serve` with the model saved at `model`."""
    [port] = free_ports(1)
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command = [ENVIRONMENT / "mlflow", "models", "serve", "-m", model, "--env-manager", "local", *where]
    with running(command, {}, f"http://127.0.0.1:{port}/ping") as url:
        yield url.removesuffix("/ping")


@contextmanager
def running(command: Sequence[str | Path], given: Mapping[str, str], ready: str) -> Iterator[str]:
    """`command`, started and ready; it is ended with every child that it started."""
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command, env=_environment(given), stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            if not _came(process, ready):
                log.seek(0)
                pytest.fail(
                    f"{command!r} did not become ready:\n{log.read().decode(errors='replace')[-4000:]}"
                )
            yield ready
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _came(process: subprocess.Popen[bytes], ready: str, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(ready, timeout=2):
                return True
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    return False


def _environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
    return {**kept, **quiet, "PATH": f"{ENVIRONMENT}{os.pathsep}{os.environ['PATH']}", **(given or {})}


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
