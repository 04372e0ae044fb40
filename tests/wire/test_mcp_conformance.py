"""Both revisions' required scenarios pass through the gateway, before a server that speaks either of them.

`gateway` is the one place that decides which gateway that is.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from conformance.run import run_suite
from conformance.serving import fixture_server

REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}
TOKEN = "sw_bare"


@contextmanager
def gateway(upstream: str, era: str) -> Generator[tuple[str, str]]:
    """(URL, token) of a gateway before `upstream`, which it speaks to in revision `era` ("" to find out)."""
    command = [sys.executable, str(HERE / "bare_gateway.py"), upstream]
    if era:
        command += ["--era", era]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"the gateway ended with {process.wait(10)} before it served")
            yield url, TOKEN
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with fixture_server() as served:
        yield served


# The first of these may have to install the suite.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("revision", REQUIRED)
def test_every_required_scenario_passes_through_the_gateway(upstream: str, revision: str) -> None:
    with gateway(upstream, "") as (url, token):
        result = run_suite(url, revision, {"Authorization": f"Bearer {token}"})
    assert result.failures == (), result.summary()
    assert result.warnings == (), result.summary()
    assert (result.passed, result.required) == (REQUIRED[revision], REQUIRED[revision])
