"""Streams that stand open, and calls that wait: a hold on anything they carry ends them, however it became known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from standwatch.enforce.ports import Below, Caller
from standwatch.facts.configuration import Listener
from standwatch.facts.entries import Hold, Principal, RunClosed
from standwatch.fronts.control_ports import AgentOrder
from standwatch.fronts.http import serve_http
from standwatch.record.state import load, save
from standwatch.serve.listeners import Agents
from standwatch.serve.servers import Servers
from standwatch.upstream.http import HttpClient, Timeouts
from support.gates import flying, outcomes, reading
from support.watch import Watch, never

HEADERS = (("accept", "application/json, text/event-stream"), ("content-type", "application/json"))
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 100))


class Ears:
    """The agents' door, and streams that stand open at it."""

    def __init__(self, watch: Watch, client: HttpClient, token: str) -> None:
        self.watch, self._client, self.token = watch, client, token

    async def open(self, system: str = "pay", token: str = "") -> asyncio.Task[int]:
        """A stream that stands; its task ends with it."""
        url = f"http://127.0.0.1/mcp/{system}"
        headers = (*HEADERS, ("authorization", f"Bearer {token or self.token}"))
        begun = await self._client.request("POST", url, headers=headers, body=json.dumps(INITIALIZE).encode())
        assert begun.status == 200, begun
        session = ("mcp-session-id", begun.header("mcp-session-id") or "")
        stream = await self._client.stream(
            "GET", url, headers=(*headers, session), timeouts=Timeouts(first_byte=10, total=None)
        )
        assert stream.status == 200
        heard = asyncio.Event()

        async def listen() -> int:
            count = 0
            async with stream:
                async for chunk in stream.chunks():
                    count += len(chunk)
                    heard.set()
            return count

        task = asyncio.create_task(listen())
        await heard.wait()
        return task


@asynccontextmanager
async def listening(folder: Path) -> AsyncGenerator[Ears]:
    async with reading(folder) as watch:
        order = AgentOrder("ears", ("pay", "ship"), starts=True)
        token = (await watch.control.add_agent(watch.who("maria"), order)).token
        agents = Agents(watch.gate, Servers(folder, {}), Listener("127.0.0.1", 0), b"k" * 32, lambda _: None)
        door = await serve_http(agents.handle, name="agents", unix_path=folder / "agents.sock")
        client = HttpClient(unix_path=folder / "agents.sock")
        try:
            yield Ears(watch, client, token)
        finally:
            await client.close()
            await door.close(0.1)


async def ended(task: asyncio.Task[int]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=30)
    return bool(done)


async def stands(task: asyncio.Task[int]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=0.3)
    return not done


@pytest.mark.parametrize(
    "scope",
    [
        "all", "system:pay", "server:bank", "component:bank", "tool:bank.send", "component:model-pay", "vendor:maker",
        "version:model-pay@7", "agent:ears",
    ],
)  # fmt: skip
def test_a_hold_cuts_the_streams_under_it(tmp_path: Path, scope: str) -> None:
    async def work() -> None:
        async with listening(tmp_path) as ears:
            stream = await ears.open()
            await ears.watch.gate.append(Hold(by="otto", scope=scope))
            assert await ended(stream)

    run(work())


@pytest.mark.parametrize("scope", ["system:ship", "agent:agent", "server:other", "run:none"])
def test_a_hold_elsewhere_leaves_them(tmp_path: Path, scope: str) -> None:
    async def work() -> None:
        async with listening(tmp_path) as ears:
            stream = await ears.open()
            await ears.watch.gate.append(Hold(by="otto", scope=scope))
            assert await stands(stream)
            stream.cancel()

    run(work())


def test_a_run_has_its_own_streams(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as ears:
            caller = Caller("ears", "agent", ("pay", "ship"), starts=True)
            first, token, _ = await ears.watch.gate.open_run(caller, "pay", "one")
            _, other, _ = await ears.watch.gate.open_run(caller, "pay", "two")
            mine, theirs, nobodys = (
                await ears.open(token=token),
                await ears.open(token=other),
                await ears.open(),
            )
            await ears.watch.gate.append(RunClosed(by="ears", run=first))
            assert (await ended(mine), await stands(theirs), await stands(nobodys)) == (True, True, True)
            theirs.cancel()
            nobodys.cancel()

    run(work())


@pytest.mark.parametrize("how", ["held", "closed", "missed hold", "missed end"])
def test_what_stops_a_run_cuts_the_streams_of_those_below_it(tmp_path: Path, how: str) -> None:
    async def work() -> None:
        async with listening(tmp_path) as ears:
            gate = ears.watch.gate
            caller = Caller("ears", "agent", ("pay", "ship"), starts=True)
            above, _, _ = await gate.open_run(caller, "pay", "one")
            child, _, _ = await gate.open_below(Caller("ears", "agent", ("pay",), above), Below())
            _, token, _ = await gate.open_below(Caller("ears", "agent", ("pay",), child), Below())
            other, _, _ = await gate.open_run(caller, "pay", "two")
            _, theirs, _ = await gate.open_below(Caller("ears", "agent", ("pay",), other), Below())
            mine, free = await ears.open(token=token), await ears.open(token=theirs)
            match how:
                case "held":
                    await gate.append(Hold(by="otto", scope=f"run:{above}"))
                case "closed":
                    await gate.append(RunClosed(by="ears", run=above))
                case "missed hold":
                    _missed(ears.watch, Hold(by="otto", scope=f"run:{above}"))
                case _:
                    _missed(ears.watch, RunClosed(by="ears", run=above))
            assert (await ended(mine), await stands(free)) == (True, True)
            free.cancel()

    run(work())


def test_a_hold_that_only_memory_has_cuts_them(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as ears:
            stream = await ears.open()
            ears.watch.gate.cut("server:bank")
            assert await ended(stream)

    run(work())


def _missed(watch: Watch, *entries: Any) -> None:
    """The replica is replaced by one that has folded `entries`, of which nobody told us."""
    state = load(save(watch.gate.state))
    for number, entry in enumerate(entries, state.seen + 1):
        state.fold(number, entry)
    watch.link.state = state
    watch.gate.recheck()


def test_what_was_missed_during_an_interruption_is_made_up_for(tmp_path: Path) -> None:
    async def work() -> None:
        async with listening(tmp_path) as ears:
            watch = ears.watch
            caller = Caller("ears", "agent", ("pay", "ship"), starts=True)
            opened, token, _ = await watch.gate.open_run(caller, "pay", "one")
            bound, free = await ears.open(token=token), await ears.open()
            flight = asyncio.create_task(watch.act(never))
            (ident,) = await flying(watch)
            _missed(watch, RunClosed(by="ears", run=opened))
            assert (await ended(bound), await stands(free), flight.done()) == (True, True, False)
            assert opened not in watch.gate.runs.known
            ours = watch.gate.state.principals["agent"]
            _missed(
                watch,
                Principal(by="maria", name=ours.name, role=ours.role, systems=ours.systems, revoked=True),
            )
            assert (await flight).word == "unavailable"
            assert await outcomes(watch, ident) == ["unknown"]
            assert await stands(free)
            _missed(watch, Hold(by="otto", scope="server:bank"))
            assert await ended(free)

    run(work())
