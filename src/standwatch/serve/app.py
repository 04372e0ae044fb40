"""`standwatch up`: a node with its doors open, until it is told to stop."""

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import uvloop

from standwatch.facts.entries import AnyEntry, Config, Declared, Hold, Principal
from standwatch.fronts.control import Control as Operators
from standwatch.fronts.http import Listener, serve_http
from standwatch.keys import kek
from standwatch.serve.listeners import Agents
from standwatch.serve.node import Node, Say, keep_house, start, told_of, watch_folder


class App:
    """A node and its listeners."""

    def __init__(self, node: Node, agents: Agents, operators: Operators) -> None:
        self.node = node
        self.agents = agents
        self.operators = operators
        self.listeners: list[Listener] = []
        self._keeping: list[asyncio.Task[None]] = []
        node.heard.append(self._heard)

    def _heard(self, _: int, entry: AnyEntry) -> None:
        """Cut standing streams under a hold, and tell listeners when what they may use has changed."""
        systems = list(self.node.gate.configuration.systems)
        match entry:
            case Hold(scope="all"):
                for system in systems:
                    self.agents.mcp.cut(system)
            case Hold() if entry.scope.startswith("system:"):
                self.agents.mcp.cut(entry.scope.removeprefix("system:"))
            case Config() | Declared() | Principal():
                for system in systems:
                    self.agents.mcp.changed(system)
            case _:
                pass

    async def open(self, say: Say) -> None:
        """Sequence the halts left while we were down, then open the doors."""
        taken = await self.node.control.take_markers()
        if taken:
            say(f"{taken} halt(s) left while the server was down are in force")
        organisation, place = self.node.gate.configuration.organisation, self.node.place
        self.listeners.append(
            await serve_http(self.operators, name="control", unix_path=place.socket, on_error=report)
        )
        for name, handler, address in (
            ("operators", self.operators, organisation.operators),
            ("agents", self.agents.handle, organisation.agents),
        ):
            opened = await serve_http(
                handler, name=name, host=address.host, port=address.port, on_error=report
            )
            self.listeners.append(opened)
            say(f"{name} at http://{address.host}:{opened.port}")
        self._keeping = [
            asyncio.get_running_loop().create_task(work)
            for work in (watch_folder(self.node, say), keep_house(self.node))
        ]

    async def close(self) -> None:
        """Stop accepting, let what is under way end, then the servers and the record."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*(listener.close(5.0) for listener in self.listeners))
        await self.node.stop()


def report(error: BaseException) -> None:
    """What no client is told: the details of a fault of ours, for whoever reads the log of the process."""
    print("".join(traceback.format_exception(error)), file=sys.stderr, flush=True)


async def bring_up(folder: Path, say: Say) -> App:
    """A node of the organisation in `folder` with its doors open. Raises what `node.start` raises."""
    node = await start(folder, say)
    try:
        agents = Agents(
            node.gate, node.servers, node.gate.configuration.organisation.agents, _shared_key(node), report
        )
        app = App(node, agents, _operators(node))
        await app.open(say)
    except BaseException:
        await node.stop()
        raise
    return app


def _operators(node: Node) -> Operators:
    address = node.gate.configuration.organisation.operators
    return Operators(node.control, address.allowed_hosts, address.allowed_origins)


def _shared_key(node: Node) -> bytes:
    """The key that seals what clients carry for us (`requestState`): the same in every worker, new with every KEK."""
    keys = node.place.keys
    return sha256(b"standwatch/request-state/1\n" + kek.load(keys, kek.current(keys))).digest()


async def run(folder: Path, say: Say, ready: Callable[[App], None] = lambda _: None) -> int:
    """Serve until SIGINT or SIGTERM; SIGHUP reads the configuration again. Returns the exit code."""
    app = await bring_up(folder, say)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(_reload(app, say)))
    ready(app)
    await stop.wait()
    say("stopping")
    with contextlib.suppress(Exception):
        await app.close()
    return 0


async def _reload(app: App, say: Say) -> None:
    say(told_of(await app.node.adoption.reload()))


def main(folder: Path, say: Say, ready: Callable[[App], None] = lambda _: None) -> int:
    """Run in this process on uvloop. Raises `StandwatchError` where it cannot start."""
    os.umask(0o077)
    return uvloop.run(run(folder, say, ready))
