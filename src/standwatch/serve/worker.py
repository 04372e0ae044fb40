"""One worker of `up --workers N`: a gate and the agents' listener, its recorder behind a Unix socket.

`python -m standwatch.serve.worker FOLDER STATE NUMBER OF`: started and watched by `serve.fleet`, and it ends with it.
A worker without a live recorder refuses everything; one that has not the configuration in force denies.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Final

import uvloop

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import AnyEntry, Config
from standwatch.facts.errors import Unrecorded
from standwatch.facts.frames import Ack, Fetch
from standwatch.fronts.http import serve_http
from standwatch.keys import log as log_keys
from standwatch.keys.chance import Chance
from standwatch.record.receipt import encode_receipt, make_receipt
from standwatch.serve.adopt import decode_configuration
from standwatch.serve.gate import LiveGate
from standwatch.serve.listeners import LIMITS, Agents, cutting
from standwatch.serve.minting import Minter
from standwatch.serve.model_servers import keep_warm
from standwatch.serve.place import Place, keep_to_ourselves, now, settle, shared_key
from standwatch.serve.relay import Relay, marked, socket_of
from standwatch.serve.report import report
from standwatch.serve.servers import Servers
from standwatch.serve.tls import Certificates, watch_certificates
from standwatch.serve.world import compile_world
from standwatch.store.socket_link import SocketLink

CATCH_UP: float = 0.1
"""Seconds between two looks whether the configuration in force is still ours."""

READY: Final = "ready"
"""What a worker prints once its doors are open, for `serve.fleet` to read."""


async def recorded(link: SocketLink) -> Configuration | None:
    """The configuration in force according to the record; None while there is none or it cannot be had."""
    index = link.state.config
    if index < 0:
        return None
    fetched = await link.fetch(Fetch(link.next_number(), str(index), "manifest"))
    return decode_configuration(fetched.data) if fetched.known else None


async def work(place: Place, number: int, workers: int) -> None:
    """Serve agents until our parent is gone."""
    now.resume(place.state)
    link = await SocketLink.connect(place.state / "recorder.sock", f"worker-{number}")
    now.no_earlier(link.state.at)
    configuration = await recorded(link)
    if configuration is None:
        raise Unrecorded("the record does not tell the configuration in force", cure="standwatch diagnose")
    log_key = log_keys.load(place.keys / "log.pem", configuration.organisation.origin)

    def receipt(ident: str, ack: Ack) -> str:
        made = make_receipt(
            ident=ident, index=ack.index, leaf=ack.leaf, origin=log_key.origin, at=ack.at, sign=log_key.sign
        )
        return encode_receipt(made)

    world, secret = compile_world(configuration), shared_key(place)
    gate = LiveGate(link, world, clock=now, chance=Chance(), receipt=receipt, secret=secret)
    gate.on_fault = report
    signs, key_set = place.credentials()
    secrets = place.secrets(os.environ)
    minter = Minter(
        signs, lambda: gate.configuration.organisation.public_url, secrets, clock=now, chance=os.urandom
    )
    gate.mint = minter.mint
    servers = Servers(place.organisation, secrets, minter=minter)
    address = configuration.organisation.agents
    agents = Agents(gate, servers, address, shared_key(place), report, chance=marked(number), key_set=key_set)

    changed = asyncio.Event()

    def told(index: int, entry: AnyEntry) -> None:
        gate.told(index, entry)
        if isinstance(entry, Config):
            changed.set()
        cutting(agents, gate, entry)

    link.on_told = told
    link.on_state = gate.recheck
    await servers.take_up(configuration)
    await servers.settled()
    pair = Certificates(place.organisation, address.tls) if address.tls is not None else None
    relay = Relay(place.state, number, workers, agents.handle)
    doors = [
        await serve_http(
            agents.handle,
            name="relay",
            unix_path=socket_of(place.state, number),
            limits=LIMITS,
            on_error=report,
        ),
        await serve_http(
            relay,
            name="agents",
            host=address.host,
            port=address.port,
            reuse_port=True,
            tls=pair.context if pair is not None else None,
            limits=LIMITS,
            on_error=report,
        ),
    ]
    settle()
    print(READY, flush=True)
    loop = asyncio.get_running_loop()
    warm = keep_warm(servers.models, lambda: link.state)
    pairs = watch_certificates([pair] if pair is not None else [], _say)
    keeping = [loop.create_task(work) for work in (keep_up(link, gate, servers, changed), pairs, warm)]
    await parent_gone()
    for task in keeping:
        task.cancel()
    await asyncio.gather(*(door.close(5.0) for door in doors))
    await relay.close()
    await servers.close()
    await minter.close()
    await link.close()


async def keep_up(link: SocketLink, gate: LiveGate, servers: Servers, changed: asyncio.Event) -> None:
    """Take up another configuration as soon as the record has it; until then the passage denies (check `resolve`).

    After a reconnection nobody says what changed meanwhile, so it also looks for itself.
    """
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), CATCH_UP)
        changed.clear()
        if link.state.root == gate.configuration.root:
            continue
        try:
            configuration = await recorded(link)
            if configuration is not None and configuration.root == link.state.root:
                gate.world = await asyncio.to_thread(compile_world, configuration)
                await servers.take_up(configuration)
        except Exception as error:
            report(error)


def _say(text: str) -> None:
    """Standard output says one thing to our parent (`READY`)."""
    print(text, file=sys.stderr, flush=True)


async def parent_gone() -> None:
    """Wait for the end of standard input, a pipe that only our parent holds."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def main() -> None:
    """The process of one worker."""
    folder, state, number, workers = sys.argv[1:5]
    os.umask(0o077)
    keep_to_ourselves()
    uvloop.run(work(Place(Path(folder), Path(state)), int(number), int(workers)))


if __name__ == "__main__":
    main()
