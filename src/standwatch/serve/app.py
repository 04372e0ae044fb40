"""`standwatch up`: a node with its doors open, until it is told to stop."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from standwatch.facts.configuration import Listener as Address
from standwatch.fronts.control import Control as Operators
from standwatch.fronts.control import Pages
from standwatch.fronts.control_client import Clients
from standwatch.fronts.http import Handler, Limits, Listener, serve_http
from standwatch.serve.ailing import unread
from standwatch.serve.control_party import party_of
from standwatch.serve.fleet import Fleet
from standwatch.serve.listeners import LIMITS, Agents, cutting
from standwatch.serve.model_servers import keep_warm
from standwatch.serve.node import (
    Node,
    Say,
    follow_traffic,
    heed,
    heed_words,
    keep_house,
    look_round,
    measure,
    start,
    told_of,
    watch_folder,
)
from standwatch.serve.place import keep_to_ourselves, settle, shared_key
from standwatch.serve.report import report
from standwatch.serve.tls import Certificates, watch_certificates


class App:
    """A node and its listeners. Agents are served in this process by `agents`, or by the workers of `fleet`."""

    def __init__(
        self, node: Node, agents: Agents | None, fleet: Fleet | None, pages: Pages | None = None
    ) -> None:
        self.node = node
        self._pages = pages
        self.agents = agents
        self.fleet = fleet
        self.listeners: list[Listener] = []
        self._certificates: list[Certificates] = []
        self._keeping: list[asyncio.Task[None]] = []
        if agents is not None:
            node.heard.append(lambda _, entry: cutting(agents, node.gate, entry))

    async def open(self, say: Say) -> None:
        """Sequence the halts left while we were down, then open the doors."""
        node, organisation = self.node, self.node.gate.configuration.organisation
        taken = await node.control.take_markers()
        if taken:
            say(f"{taken} halt(s) left while the server was down are in force")
        address, page = organisation.operators, party_of(organisation).origin
        operators = Operators(
            node.control,
            (*address.allowed_hosts, page.partition("://")[2]),
            (*address.allowed_origins, page),
            self._pages,
            Clients(tls=address.tls is not None, proxies=address.proxy),
        )
        self.listeners.append(
            await serve_http(operators, name="control", unix_path=node.place.socket, on_error=report)
        )
        await self._listen("operators", operators, organisation.operators, say)
        if self.agents is not None:
            await node.servers.settled()
            await self._listen("agents", self.agents.handle, organisation.agents, say, LIMITS)
        if self.fleet is not None:
            await self.fleet.start()
            address = organisation.agents
            say(f"agents at {address.url} ({self.fleet.serving} workers)")
        for system, lacks in (*unread(node.gate.world), *node.control.ailing()):
            say(f"{system}: {lacks}")
        loop = asyncio.get_running_loop()
        warm = keep_warm(node.servers.models, lambda: node.gate.state)
        told = node.notifying.run(report)
        duties = (
            watch_folder(node, say),
            keep_house(node),
            heed(node),
            measure(node),
            follow_traffic(node),
            look_round(node),
            heed_words(node),
            watch_certificates(self._certificates, say),
            warm,
            told,
        )
        self._keeping = [loop.create_task(work) for work in duties]

    async def _listen(
        self, name: str, handler: Handler, address: Address, say: Say, limits: Limits | None = None
    ) -> None:
        tls = None
        if address.tls is not None:
            self._certificates.append(Certificates(self.node.folder, address.tls))
            tls = self._certificates[-1].context
        opened = await serve_http(
            handler, name=name, host=address.host, port=address.port, tls=tls, limits=limits, on_error=report
        )
        self.listeners.append(opened)
        say(f"{name} at {msgspec.structs.replace(address, port=opened.port).url}")

    async def close(self) -> None:
        """Stop accepting, let what is under way end, then the servers and the record."""
        for task in self._keeping:
            task.cancel()
        try:
            if self.fleet is not None:
                await self.fleet.close()
        finally:
            ends = (listener.close(5.0) for listener in self.listeners)
            for failed in await asyncio.gather(*ends, return_exceptions=True):
                if isinstance(failed, Exception):
                    report(failed)
            await self.node.stop()


async def bring_up(folder: Path, say: Say, workers: int = 0, pages: Pages | None = None) -> App:
    """A node of the organisation in `folder` with its doors open. Raises what `node.start` raises.

    With `workers`, that many processes serve the agents; this one keeps the record and serves the operators.
    `pages` makes what stands beside the API on their listener: the console, which this floor does not know.
    """
    node = await start(folder, say, fronts=not workers)
    try:
        address, key = node.gate.configuration.organisation.agents, shared_key(node.place)
        agents = (
            None if workers else Agents(node.gate, node.servers, address, key, report, key_set=node.key_set)
        )
        fleet = Fleet(node.place, node.recorder, workers) if workers else None
        app = App(node, agents, fleet, pages)
        await app.open(say)
    except BaseException:
        await node.stop()
        raise
    return app


async def run(
    folder: Path,
    say: Say,
    ready: Callable[[App], None] = lambda _: None,
    *,
    workers: int = 0,
    pages: Pages | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM; SIGHUP reads the configuration again. Returns the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before anything is written: who is told to stop while starting has begun a record, and signs it.
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    app = await bring_up(folder, say, workers, pages)
    loop.add_signal_handler(signal.SIGHUP, lambda: app.node.spawn(_reload(app, say)))
    settle()
    _invite(app, say)
    ready(app)
    await stop.wait()
    say("stopping")
    with contextlib.suppress(Exception):
        await app.close()
    return 0


def _invite(app: App, say: Say) -> None:
    """Nobody has a passkey yet: how the first person makes one."""
    invited = app.node.control.invitations.first()
    if invited is not None:
        say(f"nobody has a passkey yet: within 15 minutes {invited.person} may make the first at")
        say(f"  {invited.link}")
        say("  and vouches for it with: standwatch passkey sign FINGERPRINT (passkey add makes another link)")


async def _reload(app: App, say: Say) -> None:
    say(told_of(await app.node.adoption.reload()))


def main(
    folder: Path,
    say: Say,
    ready: Callable[[App], None] = lambda _: None,
    *,
    workers: int = 0,
    pages: Pages | None = None,
) -> int:
    """Run in this process on uvloop. Raises `StandwatchError` where it cannot start."""
    os.umask(0o077)
    keep_to_ourselves()
    return uvloop.run(run(folder, say, ready, workers=workers, pages=pages))
