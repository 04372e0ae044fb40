"""Real recorders in a folder: keys, a clock that can be set back, and entries with little in them."""

import asyncio
import itertools
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.entries import AnyEntry, Asked, Hold, Intent, Outcome, RunOpened
from standwatch.facts.frames import Ack, Append, Refusal
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part
from standwatch.record.note import NoteKey
from standwatch.store.link import LocalLink
from standwatch.store.recorder import Recorder, Setup
from standwatch.store.sealing import Kek
from standwatch.store.socket import RecorderServer
from standwatch.store.socket_link import SocketLink

Kind = Literal["local", "socket"]

ORIGIN = "store.invalid/log"
START = 1_795_000_000_000_000
MILLISECOND = 1_000
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"the recorder's key in its tests!")
KEY = NoteKey(ORIGIN, PRIVATE.public_key().public_bytes_raw())
KEK = Kek(1, b"the key above the keys, in tests")
SCOPES = ("all", "system:pay")
SYSTEM = "pay"
SALT = bytes(32)


class Clock:
    """A millisecond passes with every look; `now` may be set."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += MILLISECOND
        return self.now


def setup(folder: Path, **changes: Any) -> Setup:
    given: dict[str, Any] = {
        "folder": folder,
        "key": KEY,
        "sign": PRIVATE.sign,
        "kek": KEK,
        "clock": Clock(),
        "entropy": os.urandom,
        "pause": 0.01,
    }
    return Setup(**(given | changes))


_counter = itertools.count()


def ident(now: int = START) -> str:
    """A new id; ids made one after the other differ in their last bits only."""
    return new_id(now, next(_counter).to_bytes(8, "big") + b"\0\0")


def opened(run: str, **changes: Any) -> RunOpened:
    return RunOpened(**({"by": "gate", "run": run, "system": SYSTEM, "principal": "agent"} | changes))


def _judged(run: str, seen: int, ident_: str) -> dict[str, Any]:
    return {
        "by": "agent",
        "id": ident_,
        "run": run,
        "system": SYSTEM,
        "tool": "bank.send",
        "digest": "d" * 64,
        "seen": seen,
        "why": "e" * 64,
    }


def intent(run: str, seen: int, ident_: str = "", **changes: Any) -> Intent:
    return Intent(**(_judged(run, seen, ident_ or ident()) | changes))


def asked(run: str, seen: int, until: int, ident_: str = "", **changes: Any) -> Asked:
    return Asked(**(_judged(run, seen, ident_ or ident()) | {"until": until} | changes))


def outcome(ident_: str, of: int, **changes: Any) -> Outcome:
    return Outcome(**({"by": "agent", "id": ident_, "of": of, "status": "ok"} | changes))


def hold(scope: str = "system:pay", **changes: Any) -> Hold:
    return Hold(**({"by": "p-olga", "scope": scope} | changes))


class Store:
    """A recorder with links of one kind. `append` and its kin go through the first."""

    def __init__(self, recorder: Recorder, server: RecorderServer | None, path: Path) -> None:
        self.recorder, self.server, self.path = recorder, server, path
        self.links: list[LocalLink | SocketLink] = []

    async def link(self, worker: str = "") -> LocalLink | SocketLink:
        if self.server is None:
            link: LocalLink | SocketLink = self.recorder.link()
        else:
            link = await SocketLink.connect(self.path, worker or f"w{len(self.links)}")
        self.links.append(link)
        return link

    @property
    def first(self) -> LocalLink | SocketLink:
        return self.links[0]

    def ask(self, entry: AnyEntry, *, through: int = 0, **more: Any) -> "asyncio.Future[Ack | Refusal]":
        link = self.links[through]
        return link.append(Append(link.next_number(), entry, **more))

    async def append(self, entry: AnyEntry, **more: Any) -> Ack:
        answer = await self.ask(entry, **more)
        assert isinstance(answer, Ack), answer
        return answer

    async def refused(self, entry: AnyEntry, **more: Any) -> Refusal:
        answer = await self.ask(entry, **more)
        assert isinstance(answer, Refusal), answer
        return answer

    async def run(self, **changes: Any) -> str:
        """An open run."""
        run = ident()
        await self.append(opened(run, **changes), parts=(Part("task", SALT, b"pay the bill"),))
        return run

    async def act(self, run: str, **more: Any) -> Ack:
        """An intent and its outcome; the acknowledgement of the intent."""
        entry = intent(run, self.first.state.seen)
        ack = await self.append(entry, scopes=SCOPES, **more)
        await self.append(outcome(entry.id, ack.index))
        return ack


@asynccontextmanager
async def store(
    kind: Kind, folder: Path, *, links: int = 1, patience: float = 0.3, **changes: Any
) -> AsyncGenerator[Store]:
    """A recorder in `folder` and links to it, closed at the end. `patience`: how long a worker that is gone may take to
    come back (s)."""
    recorder = await asyncio.to_thread(Recorder.open, setup(folder, **changes))
    path = folder / "socket"
    server = None
    if kind == "socket":
        server = RecorderServer(recorder, path, patience=patience)
        await server.start()
    made = Store(recorder, server, path)
    try:
        for _ in range(links):
            await made.link()
        yield made
    finally:
        for link in made.links:
            if isinstance(link, SocketLink):
                await link.close()
        if server is not None:
            await server.close()
        await asyncio.to_thread(recorder.close)
