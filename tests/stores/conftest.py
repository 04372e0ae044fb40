from pathlib import Path

import pytest

from support.recorders import Kind


@pytest.fixture(params=["local", "socket"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every behaviour holds in one process and over the socket."""
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a log"
