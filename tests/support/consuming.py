"""Many consumers of one approval, in processes of their own: who is let through, and who then does what was approved.

`python -m support.consuming record FOLDER` (from `tests`) is a recorder; `… consume FOLDER RUN ID SIGNED MANY` are
`MANY` tasks of one worker that ask for the same intent until they have an answer. Whoever is acknowledged does the
deed, which is one line in `FOLDER/deeds`, and then records its outcome.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from standwatch.facts.entries import (
    Answered,
    AskedMany,
    Declared,
    DeclaredRules,
    Intent,
    Principal,
    Rule,
    Unmasked,
)
from standwatch.facts.errors import StandwatchError
from standwatch.facts.frames import Ack, Append
from standwatch.facts.parts import commitment
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder
from standwatch.store.socket import RecorderServer
from standwatch.store.socket_link import SocketLink
from support.killing import TESTS, real_setup
from support.logs import CHEN, MARIA, OLGA
from support.passkeys import Authenticator, answered, enrolled
from support.recorders import ORIGIN, SCOPES, asked, intent, opened, outcome

MANY: Final = 25
"""Consumers in one process."""
SIGNERS: Final = (OLGA, MARIA, CHEN)
"""All of whom must approve."""
SALT: Final = bytes(32)
SOCKET: Final = "socket"
DEEDS: Final = "deeds"
_PATIENCE: Final = 60.0  # s


async def approve(folder: Path, run: str, ident: str) -> int:
    """A recorder makes an open question and three people's approvals by passkey, and ends. Returns the index of the
    one that decided."""
    recorder = Recorder.open(real_setup(folder))
    link = recorder.link()

    async def put(entry: Any) -> int:
        answer = await link.append(Append(link.next_number(), entry, scopes=SCOPES))
        assert isinstance(answer, Ack), answer
        return answer.index

    until = time.time_ns() // 1000 + 600_000_000
    phones = {one.name: Authenticator(one.name) for one in SIGNERS}
    for one in SIGNERS:
        await put(Principal(by="standwatch", name=one.name, role="human", keys=[one.public]))
    names = [one.name for one in SIGNERS]
    rules = {"": Rule(by=names, quorum=len(names))}
    declared = Declared(by="standwatch", system="pay", envelope="e" * 64, components="c" * 64, signers=names)
    await put(DeclaredRules(**msgspec.structs.asdict(declared), rules=rules))
    for one in SIGNERS:
        await put(enrolled(phones[one.name], one.name, one, ORIGIN))
    await put(opened(run))
    flag = commitment(SALT, b"real")
    plain = msgspec.structs.asdict(asked(run, link.state.seen, until, ident))
    question = await put(AskedMany(**plain, people=names, quorum=len(names), flag=flag))
    told: dict[str, Any] = {"id": ident, "of": question, "decision": "approve"}
    told |= {"digest": "d" * 64, "head": "", "until": until}
    index = -1
    for name, phone in phones.items():
        index = await put(answered(phone, ORIGIN, flag, by=name, **told))
    await put(Unmasked(by="standwatch", id=ident, of=question, salt=SALT.hex()))
    recorder.close()
    return index


def start(*what: object) -> "subprocess.Popen[str]":
    """One of the processes, at work when this returns."""
    command = [sys.executable, "-m", "support.consuming", *map(str, what)]
    found = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    assert found.stdout is not None
    assert found.stdout.readline() == "up\n"
    return found


def deeds(folder: Path) -> list[str]:
    """Who did what was approved."""
    path = folder / DEEDS
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def intents(folder: Path) -> tuple[int, int]:
    """How many intents, and how many approvals, the record has."""
    reader = Reader(folder)
    try:
        found = [entry for _, entry in reader.entries(0, reader.size)]
    finally:
        reader.close()
    return sum(isinstance(one, Intent) for one in found), sum(isinstance(one, Answered) for one in found)


async def _record(folder: Path) -> None:
    recorder = await asyncio.to_thread(Recorder.open, real_setup(folder))
    (folder / SOCKET).unlink(missing_ok=True)
    server = RecorderServer(recorder, folder / SOCKET, patience=0.3)
    await server.start()
    print("up", flush=True)
    await asyncio.Event().wait()


class _Worker:
    """One process's link, made again when the recorder was lost."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._end = folder, time.monotonic() + _PATIENCE
        self._link: SocketLink | None = None
        self._one_at_a_time = asyncio.Lock()

    async def link(self) -> SocketLink:
        async with self._one_at_a_time:
            while self._link is None or not self._link.alive:
                assert time.monotonic() < self._end, "no recorder"
                try:
                    self._link = await SocketLink.connect(self._folder / SOCKET, f"w{os.getpid()}")
                except (OSError, StandwatchError, EOFError):
                    await asyncio.sleep(0.02)
            return self._link

    async def consume(self, run: str, ident: str, signed: int, who: str) -> None:
        why = os.urandom(32).hex()  # each passage's own commitment: the same bytes again would be a resend
        while True:
            link = await self.link()
            entry = intent(run, link.state.seen, ident, signed=signed, verdict="step_up", why=why)
            answer = await link.append(Append(link.next_number(), entry, scopes=SCOPES))
            if isinstance(answer, Ack):
                self._do(who)
                with contextlib.suppress(OSError, StandwatchError):
                    await link.append(Append(link.next_number(), outcome(ident, answer.index)))
                return
            if answer.code not in ("unrecorded", "stale"):
                return  # already under way, or already used

    def _do(self, who: str) -> None:
        handle = os.open(self._folder / DEEDS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(handle, f"{who}\n".encode())
        os.close(handle)


async def _consume(folder: Path, run: str, ident: str, signed: int, many: int) -> None:
    worker = _Worker(folder)
    await worker.link()
    print("up", flush=True)
    names = (f"{os.getpid()}/{n}" for n in range(many))
    await asyncio.gather(*(worker.consume(run, ident, signed, who) for who in names))


if __name__ == "__main__":
    what, place, *more = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        if what == "record":
            asyncio.run(_record(Path(place)))
        else:
            asyncio.run(_consume(Path(place), more[0], more[1], int(more[2]), int(more[3])))
