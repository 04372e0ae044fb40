"""One round of `kill -9` against a recorder under load, and what must hold of its log afterwards.

`python -m support.killing FOLDER` (from `tests`) is the process that gets killed: it appends from many tasks and
prints one line for every acknowledgement. `round_` starts it, kills it at a random moment, and looks.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from standwatch.facts.entries import Intent, Outcome, Released
from standwatch.facts.frames import Ack, Append
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part
from standwatch.record.checkpoint import open_checkpoint
from standwatch.record.source import hashes
from standwatch.record.state import State, folds, save
from standwatch.record.tree import Frontier, leaf_hash
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder, Setup
from support.recorders import KEK, KEY, ORIGIN, SALT, SCOPES, hold, intent, opened, outcome, setup

TASKS: Final = 24
TESTS: Final = Path(__file__).parents[1]


class Round(msgspec.Struct, frozen=True):
    """What a round found: acknowledgements heard, entries in the log, intents that ended as `unknown`."""

    acknowledged: int
    entries: int
    unknown: int


def _clock() -> int:
    return time.time_ns() // 1_000


def real_setup(folder: Path) -> Setup:
    return setup(folder, clock=_clock)


def round_(folder: Path, chance: random.Random) -> Round:
    """Start, kill after up to half a second of work, recover, compare. Raises `AssertionError` where it matters."""
    victim = subprocess.Popen(
        [sys.executable, "-m", "support.killing", str(folder)], cwd=TESTS, stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    first = victim.stdout.readline()  # it is at work
    killer = _kill_later(victim, chance.uniform(0.0, 0.5))
    lines = [first, *victim.stdout]
    killer()
    assert victim.wait() == -signal.SIGKILL, "it ended by itself"
    acks = [line.split() for line in lines if line.endswith("\n")]

    before = _unfinished(folder)
    recorder = Recorder.open(real_setup(folder))
    recorder.close()
    reader = Reader(folder, kek=KEK)
    try:
        for index, leaf in acks:
            assert leaf_hash(reader.leaf(int(index))).hex() == leaf, f"entry {index} was acknowledged"
        _look(reader)
        unknown = [index for index in before if _ended_unknown(reader, index)]
        assert unknown == before, "an intent that nobody can tell about is not `unknown`"
        return Round(len(acks), reader.size, len(unknown))
    finally:
        reader.close()


def _kill_later(victim: "subprocess.Popen[str]", seconds: float) -> Callable[[], None]:
    timer = threading.Timer(seconds, lambda: os.kill(victim.pid, signal.SIGKILL))
    timer.start()
    return timer.join


def _unfinished(folder: Path) -> list[int]:
    reader = Reader(folder)
    found = sorted(reader.open_intents())
    reader.close()
    return found


def _ended_unknown(reader: Reader, index: int) -> bool:
    entry = reader.entry(index)
    assert isinstance(entry, Intent)
    last = reader.entry(reader.of_action(entry.id)[-1])
    return isinstance(last, Outcome) and last.of == index and last.status == "unknown"


def _look(reader: Reader) -> None:
    """The log as a whole: tree, signature, time, indices, state, and every intent has its outcome."""
    tree, state, last = Frontier(), State(), 0
    waiting: dict[str, int] = {}
    for index, leaf in reader.leaves(0, reader.size):
        tree.append(leaf_hash(leaf))
        entry = reader.entry(index)
        assert entry.at >= last
        last = entry.at
        if folds(entry):
            state.fold(index, entry)
        if isinstance(entry, Intent):
            assert entry.id not in waiting
            waiting[entry.id] = index
        elif isinstance(entry, Outcome):
            assert waiting.pop(entry.id) == entry.of
    assert waiting == {}
    assert reader.open_intents() == {}
    head = open_checkpoint(reader.checkpoint(), ORIGIN, [KEY])
    assert (head.size, head.root) == (reader.size, tree.root())
    assert Frontier.of(hashes(reader, reader.size), reader.size).root() == tree.root()
    assert save(reader.state_at(reader.size)) == save(state)


async def _work(folder: Path) -> None:
    recorder = Recorder.open(real_setup(folder))
    link = recorder.link()

    def say(ack: object) -> Ack:
        assert isinstance(ack, Ack), ack
        sys.stdout.write(f"{ack.index} {ack.leaf.hex()}\n")
        sys.stdout.flush()
        return ack

    run = new_id(_clock(), os.urandom(10))
    say(await link.append(Append(link.next_number(), opened(run))))

    async def agent() -> None:
        while True:
            ident = new_id(_clock(), os.urandom(10))
            parts = (Part("action", b"", os.urandom(300)), Part("findings", SALT, os.urandom(200)))
            entry = intent(run, link.state.seen, ident)
            answer = await link.append(Append(link.next_number(), entry, parts, scopes=SCOPES))
            if not isinstance(answer, Ack):
                assert answer.code == "stale", answer
                continue
            say(answer)
            await asyncio.sleep(random.random() * 0.01)  # it is being carried out
            say(await link.append(Append(link.next_number(), outcome(ident, answer.index))))

    async def operator() -> None:
        while True:
            placed = say(await link.append(Append(link.next_number(), hold("component:other"))))
            release = Released(by="p-olga", hold=placed.index)
            say(await link.append(Append(link.next_number(), release)))
            await asyncio.sleep(0.02)

    await asyncio.gather(operator(), *[agent() for _ in range(TASKS)])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_work(Path(sys.argv[1])))
