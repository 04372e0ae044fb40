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

from conformance.run import run_suite  # noqa: E402
from conformance.serving import fixture_server  # noqa: E402

REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}
ERA = {"2025-11-25": "legacy", "2026-07-28": "modern"}
"""How the fixture is spoken to: half of each suite's tools ask their client in the way of their own revision, and the
fixture's cannot ask in the other. `test_mcp_eras.py` crosses the revisions."""
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
                raise RuntimeError(f"the gateway ended with {process.wait(30)} before it served")
            yield url, TOKEN
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with fixture_server() as served:
        yield served


# The first of these may have to install the suite.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("revision", REQUIRED)
def test_every_required_scenario_passes_through_the_gateway(upstream: str, revision: str) -> None:
    with gateway(upstream, ERA[revision]) as (url, token):
        result = run_suite(url, revision, {"Authorization": f"Bearer {token}"})
    assert result.failures == (), result.summary()
    assert result.warnings == (), result.summary()
    assert (result.passed, result.required) == (REQUIRED[revision], REQUIRED[revision])
