"""The upstream servers of a configuration: which of them acts find while another configuration is taken up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from standwatch.facts.configuration import Component, Configuration
from standwatch.serve.servers import Servers
from wire.bare_gateway import SYSTEM, configuration, everything


def at(**urls: str) -> Configuration:
    """One system whose servers are at these addresses; nothing listens there."""
    components: tuple[Component, ...] = tuple(everything(name, url) for name, url in urls.items())
    return configuration([], components)


def run(folder: Path, after: Configuration) -> None:
    async def work() -> None:
        servers = Servers(folder, {})
        await servers.take_up(at(one="http://127.0.0.1:9/1", two="http://127.0.0.1:9/2"))
        before = servers.of(SYSTEM)
        ending = servers.take_up(after)
        found = servers.of(SYSTEM)
        assert found["two"] is before["two"], "what stands as it was is left alone"
        assert found.get("one") is not before["one"]
        await ending
        assert servers.of(SYSTEM) == found
        await servers.close()
        assert not servers.of(SYSTEM)

    asyncio.run(asyncio.wait_for(work(), 100))


def test_no_act_finds_a_server_of_the_former_configuration(tmp_path: Path) -> None:
    run(tmp_path, at(one="http://127.0.0.1:9/changed", two="http://127.0.0.1:9/2"))


def test_no_act_finds_a_server_that_is_not_declared_any_more(tmp_path: Path) -> None:
    run(tmp_path, at(two="http://127.0.0.1:9/2"))


def test_a_system_that_is_gone_has_no_servers_though_they_are_still_ending(tmp_path: Path) -> None:
    async def work() -> None:
        servers = Servers(tmp_path, {})
        await servers.take_up(at(one="http://127.0.0.1:9/1"))
        ending = servers.take_up(msgspec.structs.replace(at(), systems={}))
        assert not servers.of(SYSTEM)
        await ending

    asyncio.run(asyncio.wait_for(work(), 100))
