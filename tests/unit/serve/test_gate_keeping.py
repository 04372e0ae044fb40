"""What runs beside the doors goes on after a fault of ours, and the record is closed whatever else fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.serve.app import App
from standwatch.serve.node import Node, start, watch_folder
from support.watch import PEOPLE, write_organisation


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


async def started(folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setenv("HOME", str(home))
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys)
    return await start(folder, fronts=False)


def test_a_fault_is_not_the_end_of_watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        node = await started(tmp_path / "org", tmp_path, monkeypatch)
        said: list[str] = []
        reload, faults = node.adoption.reload, [MemoryError("once")]

        async def faulty() -> Any:
            if faults:
                raise faults.pop()
            return await reload()

        monkeypatch.setattr(node.adoption, "reload", faulty)
        watching = asyncio.create_task(watch_folder(node, said.append, every=0.01))
        file = tmp_path / "org" / "standwatch.yaml"
        while len(said) < 2:
            assert not watching.done(), "the watch ended with the fault"
            file.write_text(file.read_text() + "\n")
            await asyncio.sleep(0.05)
        watching.cancel()
        assert "could not be taken up" in said[0]
        assert "in force" in said[1]
        await node.stop()

    run(work())


def test_a_listener_that_fails_leaves_no_record_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck:
        port = 0

        async def close(self, grace: float) -> None:
            raise OSError(f"not within {grace} s")

    async def work() -> None:
        node = await started(tmp_path / "org", tmp_path, monkeypatch)
        app = App(node, None, None)
        app.listeners = [Stuck()]  # pyright: ignore[reportAttributeAccessIssue]
        await app.close()
        again = await start(tmp_path / "org", fronts=False)
        await again.stop()

    run(work())
