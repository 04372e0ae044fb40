"""One demo for all pages that look at it, and a fresh world for a page that begins from nothing."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from docs.world import World


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[World, str]]:
    """The example organisation running, and what `make demo` printed."""
    world = World(tmp_path_factory.mktemp("docs") / "demo")
    world.checkout()
    code, printed = world.run("standwatch demo")
    try:
        assert code == 0, printed
        text = (world.here / ".demo/org/standwatch.yaml").read_text()
        for named, who in (("8400", "agents: "), ("8401", "operators: ")):
            world.ports[named] = text.partition(who)[2].splitlines()[0].rpartition(":")[2].strip()
        yield world, printed
    finally:
        world.run("standwatch demo --stop")
        world.close()


@pytest.fixture
def empty(tmp_path: Path) -> Generator[World]:
    world = World(tmp_path / "world")
    try:
        yield world
    finally:
        world.close()
