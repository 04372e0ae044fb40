"""Generated histories of relaxations on the real gate, judge and sequencer, with clocks and a store that are played.

A wall clock that people set, a steady one that is the truth, a store that is slow or takes nothing, relaxations that
begin, are renewed, end early or cannot be ended: whatever happens, nothing may leave on a relaxation that is over.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any, cast

import msgspec

from standwatch.enforce.ports import Carried
from standwatch.facts.entries import AnyEntry, Intent, Relaxed, Restored
from standwatch.facts.frames import Ack, Append, Fetch, Fetched, Find, Found, Recall, Recalled, Refusal
from standwatch.record.relaxed import in_force
from standwatch.record.sequence import Sequencer
from standwatch.record.state import load, save
from standwatch.serve.gate import LiveGate
from standwatch.store.link import OnTold
from support import bank
from support.relaxing import world

SECOND = 1_000_000
WORLD = world()
ACTS = (
    bank.call(recipient="DE99ATTACKER0000000000", amount=5),
    bank.call(recipient="DE98ATTACKER0000000000", amount=7),
)
COMPENSATING = ("per_run:1", "per_run:2", "per_day:40", "limits")
SCOPES = ("system:payments-agent", "tool:bank.send_money", "agent:payer", f"run:{bank.RUN}", "agent:other")


class Clocks:
    """`truth` only runs forwards; `wall` is off from it by what people made of it."""

    def __init__(self) -> None:
        self.truth = 0
        self.off = bank.NOW

    def wall(self) -> int:
        return self.truth + self.off

    def steady(self) -> int:
        return self.truth


class Store:
    """A link to a real sequencer: it answers late, or not at all, as the history says."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.sequencer: Sequencer
        self.sequencer, self.next = bank.sequencer(WORLD.configuration)
        self.state = load(save(self.sequencer.state))
        self.on_told: OnTold | None = None
        self.down = False
        self.late: dict[int, Any] = {}
        """As in `store.link`: nobody leaves here, so nothing in it is ever asked for."""
        self.before = self.after = 0
        """How long (µs) an append waits to be sequenced, and its answer to be heard."""
        self.begun: dict[int, int] = {}
        """Relaxation → true time at which it was sequenced."""
        self.used: dict[str, tuple[int, ...]] = {}
        """Action → the relaxations that its findings name."""
        self._at = self.sequencer.state.at
        self._numbers = itertools.count()

    @property
    def alive(self) -> bool:
        return not self.down

    def next_number(self) -> int:
        return next(self._numbers)

    def append(self, append: Append) -> asyncio.Future[Ack | Refusal]:
        self._clocks.truth += self.before
        answer = self._write(append)
        self._clocks.truth += self.after
        return _now(answer)

    def _write(self, append: Append) -> Ack | Refusal:
        if self.down:
            return Refusal(append.number, "unrecorded", "the disk is full", self.state.seen)
        now = max(self._clocks.wall(), self._at)
        refusal = self.sequencer.admit(append, now)
        if refusal is not None:
            return refusal
        index, self.next, self._at = self.next, self.next + 1, now
        entry = msgspec.structs.replace(append.entry, at=now)
        self.sequencer.take(index, entry)
        self._note(index, append, entry)
        if entry.folds:
            self.state.fold(index, entry)
            if self.on_told is not None:
                self.on_told(index, entry)
        return Ack(append.number, index, now, b"leaf")

    def _note(self, index: int, append: Append, entry: AnyEntry) -> None:
        if isinstance(entry, Relaxed):
            self.begun[index] = self._clocks.truth
        if isinstance(entry, Intent):
            part = next(part for part in append.parts if part.name == "findings")
            found = msgspec.json.decode(part.data)["findings"]
            self.used[entry.id] = tuple(one["relaxed"] for one in found if "relaxed" in one)

    def find(self, find: Find) -> asyncio.Future[Found]:
        return _now(Found(find.number))

    def fetch(self, fetch: Fetch) -> asyncio.Future[Fetched]:
        return _now(Fetched(fetch.number))

    def recall(self, recall: Recall) -> asyncio.Future[Recalled]:
        return _now(Recalled(recall.number, self.sequencer.heard(recall.run), known=not self.down))


def _now(answer: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(answer)
    return future


class History(msgspec.Struct):
    """What became of one history."""

    relaxations: int = 0
    passed: int = 0
    """Acts that left on a relaxation."""
    refused: int = 0
    late: list[int] = []
    """µs after the end of the relaxation, of every act that left on one that was over."""
    stalled: int = 0
    """Acts that were recorded on a relaxation and not sent, because it had ended meanwhile."""


class Player:
    """Plays one history, chosen by `seed`."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clocks = Clocks()
        self.store = Store(self.clocks)
        self.gate = self._gate()
        self.ends: dict[int, int] = {}
        """Relaxation → true time of its end: as long after it began as was signed, or when it was ended."""
        self.found = History()

    def _gate(self) -> LiveGate:
        gate = LiveGate(
            cast("Any", self.store),
            WORLD,
            clock=self.clocks.wall,
            chance=self.chance.randbytes,
            receipt=lambda _ident, _ack: "",
            steady=self.clocks.steady,
        )
        self.store.on_told = gate.told
        return gate

    async def play(self, steps: int) -> History:
        moves = (self.relax, self.relax, self.restore, self.act, self.act, self.act, self.act, self.wait)
        rarer = (self.set_clock, self.weather)
        for _ in range(steps):
            await self.chance.choice(moves if self.chance.random() < 0.8 else rarer)()
        return self.found

    async def relax(self) -> None:
        now = max(self.clocks.wall(), self.store.state.at)
        lasts = self.chance.choice((SECOND, 90 * SECOND, 900 * SECOND, 4 * 3600 * SECOND))
        entry = Relaxed(
            by="p-chen",
            system="payments-agent",
            check="provenance",
            scope=self.chance.choice(SCOPES),
            compensating=self.chance.choice(COMPENSATING),
            envelope="envelope-1",
            until=now + self.chance.randint(1, lasts),
            follows=self.store.state.last_relaxed.get("payments-agent", -1),
            signatures={self.chance.choice(("p-chen", "p-omar", "p-maria")): "s", "p-chen": "s"},
        )
        answer = await self.store.append(Append(self.store.next_number(), entry))
        if isinstance(answer, Ack):
            self.found.relaxations += 1
            self.ends[answer.index] = self.store.begun[answer.index] + entry.until - answer.at

    async def restore(self) -> None:
        """Ends one in memory first, as `Relaxer.restore`; the record may or may not take it."""
        known = sorted(in_force(self.store.state, self.clocks.wall()))
        if not known:
            return
        index = self.chance.choice(known)
        self.gate.relaxing.end(index)
        self.ends[index] = min(self.ends[index], self.clocks.truth)
        entry = Restored(by="p-maria", relaxed=index, system="payments-agent")
        await self.store.append(Append(self.store.next_number(), entry))

    async def act(self) -> None:
        def left(_: dict[str, Any]) -> Carried:
            ident = next(reversed(self.store.used))
            for index in self.store.used[ident]:
                self.found.passed += 1
                if self.clocks.truth >= self.ends[index]:
                    self.found.late.append(self.clocks.truth - self.ends[index])
            return Carried("ok", b"{}")

        async def forward(arguments: dict[str, Any]) -> Carried:
            return left(arguments)

        passed, used = self.found.passed, len(self.store.used)
        reply = await self.gate.act(self.chance.choice(ACTS), forward)
        self.found.refused += reply.word == "refused"
        self.found.stalled += len(self.store.used) > used and self.found.passed == passed

    async def wait(self) -> None:
        most = self.chance.choice((SECOND, 60 * SECOND, 1800 * SECOND, 26 * 3600 * SECOND))
        self.clocks.truth += self.chance.randint(0, most)

    async def set_clock(self) -> None:
        """Somebody, or a time server, sets the wall clock: mostly back."""
        self.clocks.off += self.chance.choice((-3600, -900, -60, -1, 1, 60)) * SECOND

    async def weather(self) -> None:
        """The store goes down, comes back, or is slow."""
        self.store.down = self.chance.random() < 0.3
        self.store.before = self.chance.choice((0, 0, 1000, 5 * SECOND, 300 * SECOND))
        self.store.after = self.chance.choice((0, 0, 1000, 5 * SECOND, 300 * SECOND))


async def history(seed: int, steps: int = 40) -> History:
    """Play history `seed`."""
    return await Player(seed).play(steps)
