"""Decoys: now and then a refused act is asked about like the rest, to see who looks at what they sign.

One is drawn with secret chance for every so many real questions, some minutes after one: people are at it then. It is
made of the system's own refusals, judged again and still refused. It takes at most half of anybody's room, none is
asked during an incident, and it is taken back where one begins, or where a real question finds no room.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from standwatch.enforce import asking
from standwatch.enforce.decoys import masked
from standwatch.enforce.envelope import system_scopes
from standwatch.enforce.steps import CHANCE, Record
from standwatch.facts.asks import decoys
from standwatch.facts.entries import AnyEntry, AskedMany, Deferred, Denied
from standwatch.facts.errors import StandwatchError
from standwatch.facts.frames import Ack, Append, Fetch
from standwatch.facts.ids import id_micros
from standwatch.facts.words import Seam
from standwatch.record.leaf import decode
from standwatch.record.questions import people
from standwatch.record.vigilance import named
from standwatch.serve import again
from standwatch.serve.control_reading import Record as Leaves
from standwatch.serve.gate import LiveGate
from standwatch.serve.openings import Openings
from standwatch.store.link import Link

SOONEST: Final = 30_000_000
LATEST: Final = 600_000_000
"""µs after the question that brought it along: between these, by chance."""
APART: Final = 3_600_000_000
"""µs between two decoys to one person."""
RECENT: Final = 5_000
"""Entries among which refusals are looked for, the latest."""
TRIES: Final = 16
_REMEMBERED: Final = 1_000
_LAGS: Final = 64
"""Real questions, the latest, of which it is known how long after their act began they were sequenced."""
_SLOWEST: Final = 1_000_000
"""µs: what took longer was a retry, or was pulled out of the queue, and is no example."""


class _Made(msgspec.Struct, frozen=True):
    """A question that may be put. `outside`: the act was refused for where a value came from; `begun`: by the clock."""

    command: Record
    outside: bool
    begun: int


class Decoys:
    """Lives beside the gate, in the process that takes answers. `troubled`: whether something is the matter with one of
    these systems that no hold says."""

    def __init__(  # noqa: PLR0917 - made once, by the node
        self,
        gate: LiveGate,
        link: Link,
        source: Leaves,
        openings: Openings,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
        troubled: Callable[[Collection[str]], bool] = lambda _: False,
    ) -> None:
        self._gate, self._link, self._source, self._openings = gate, link, source, openings
        self._clock, self._chance, self._troubled = clock, chance, troubled
        self.due: dict[str, int] = {}
        """System → when its next decoy is to be asked."""
        self.open: dict[str, AskedMany] | None = None
        """The decoys that nobody has answered yet, by action id; None until they were looked for."""
        self._tried: dict[str, int] = {}
        self._used: dict[str, None] = {}
        self._cramped = False
        self._lags: deque[int] = deque(maxlen=_LAGS)
        self._mine: deque[int] = deque(maxlen=_LAGS)
        """µs that decoys took of themselves; the least of them is taken off, so that none was asked before it began."""

    # --- hearing ---------------------------------------------------------------------------------------------

    def heard(self, entry: AnyEntry) -> None:
        """An entry was sequenced: a real question may bring a decoy along, and an act that was put off wants room."""
        match entry:
            case AskedMany() if entry.id not in (self.open or {}):
                self._time(entry)
                self._draw(entry)
            case Deferred():
                self._cramped = True
            case _:
                pass

    def _draw(self, entry: AskedMany) -> None:
        configuration = self._gate.configuration
        system = configuration.systems.get(entry.system)
        if system is None or entry.system in self.due:
            return
        organisation = configuration.organisation
        rate = decoys(system.manifest.decoys, organisation.decoys, development=self._gate.state.development)
        if rate and self._below(rate) == 0:
            self.due[entry.system] = self._clock() + SOONEST + self._below(LATEST - SOONEST)

    def _time(self, entry: AskedMany) -> None:
        try:
            lag = entry.at - id_micros(entry.id)
        except StandwatchError:  # an id of its caller's own making
            return
        if 0 <= lag < _SLOWEST:
            self._lags.append(lag)

    def _beginning(self, now: int) -> int:
        """When the act of a decoy that is made `now` is said to have begun.

        INVARIANT: nothing that is shown before an answer tells a decoy from a real question. An act that somebody
        waits for has come through a front, and was looked up, before it was asked about: the time in its id and its
        end tell how long that took. A decoy takes as long as one of the latest real ones did.
        """
        if not self._lags:
            return now
        return now + min(self._mine, default=0) - self._lags[self._below(len(self._lags))]

    def _below(self, most: int) -> int:
        """A number from 0 to `most`, without it: nobody can foresee it."""
        return int.from_bytes(self._chance(8)) % most

    # --- looking ---------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Ask what is due, and take back what must not be open any more. Every second or so."""
        if self.open is None:
            await self._find()
        await self._take_back()
        now = self._clock()
        for system in [name for name, at in self.due.items() if at <= now]:
            del self.due[system]
            await self.ask(system)

    async def _find(self) -> None:
        """After a restart: which of the questions that are not opened yet are decoys."""
        found: dict[str, AskedMany] = {}
        for ident, veiled in tuple(self._gate.state.veiled.items()):
            if (await self._openings.secret(ident))[1] == asking.DECOY:
                found[ident] = veiled.entry
        self.open = found

    async def _take_back(self) -> None:
        cramped, self._cramped = self._cramped, False
        for ident, entry in tuple((self.open or {}).items()):
            known = ident in self._gate.state.veiled
            if known and (cramped or not self._calm(entry.system, entry.people)):
                await self._openings.open(ident, early=True)
            if not known and self.open is not None:
                del self.open[ident]

    def _calm(self, system: str, asked: Collection[str]) -> bool:
        """Whether nothing is the matter with `system`, or with another that the people `asked` have to do with."""
        gate, now = self._gate, self._clock()
        if not self._link.alive or gate.stops or gate.state.stopped:
            return False
        if gate.grant(system, now).level not in ("autonomous", "supervised"):
            return False
        theirs = [system]
        for name, standing in gate.state.systems.items():
            if not {*named(standing.entry), *standing.entry.halt, *standing.entry.owner}.isdisjoint(asked):
                theirs.append(name)
        for name in theirs:
            envelope = gate.world.envelopes.get(name)
            if envelope is None or gate.state.held(tuple(system_scopes(envelope)), now):
                return False
        return not self._troubled(theirs)

    # --- asking ----------------------------------------------------------------------------------------------

    async def ask(self, system: str) -> str:
        """Ask a decoy of `system` now, where it is calm, there is room, and something was refused; its id, or ""."""
        if self.open is None:
            await self._find()
        rest: list[tuple[str, Seam]] = []
        for ident, seam in await asyncio.to_thread(self._refusals, system):
            made = await self._made(ident, seam)
            # Whoever looks can tell where a value came from; a bound that was passed by little says less.
            if made is not None and not made.outside:
                rest.append((ident, seam))
            elif made is not None and (put := await self._put(ident, made)):
                return put
        for ident, seam in rest:
            made = await self._made(ident, seam)  # anew: its times tell when
            if made is not None and (put := await self._put(ident, made)):
                return put
        return ""

    def _refusals(self, system: str) -> list[tuple[str, Seam]]:
        """Acts of `system` that were refused lately, in a run that is open, in an order that nobody can foresee."""
        while len(self._used) > _REMEMBERED:
            del self._used[next(iter(self._used))]
        end = self._source.size
        found: list[tuple[str, Seam]] = []
        for _, leaf in self._source.leaves(max(0, end - RECENT), end):
            entry = decode(leaf)
            if (
                isinstance(entry, Denied)
                and (entry.system, entry.verdict) == (system, "deny")
                and entry.digest
                and entry.run in self._gate.state.runs
                and entry.id not in self._used
            ):
                found.append((entry.id, entry.seam))
        return sorted(found, key=lambda _: self._chance(8))[:TRIES]

    async def _made(self, ident: str, seam: Seam) -> _Made | None:
        """The question about refused act `ident`, under an id and a nonce of its own; None where it is no decoy
        today."""
        fetched = await self._link.fetch(Fetch(self._link.next_number(), ident, "action"))
        if not fetched.known:
            return None
        begun = self._clock()
        try:
            draft, case = await again.another(
                self._gate, fetched.data, seam, self._beginning(begun), self._chance(CHANCE)
            )
        except StandwatchError:
            return None
        findings = masked(case)
        if findings is None or case.state.held(case.scopes, case.now):
            return None
        outside = any((one.check, one.decision) == ("provenance", "step_up") for one in findings)
        shown = asking.shown(case, findings)
        question = asking.question(draft, case, shown, until=0, word=asking.DECOY)
        return _Made(question, outside, begun)

    async def _put(self, seed: str, made: _Made) -> str:
        """Ask it, where it is calm and there is room; `seed` is then used up. Its id, or ""."""
        command, entry = made.command, made.command.entry
        assert isinstance(entry, AskedMany)
        whom, now = people(entry, self._gate.state), self._clock()
        rested = all(now >= self._tried.get(one, -APART) + APART for one in whom)
        if not rested or not self._calm(entry.system, whom):
            return ""
        if self.open is None:
            await self._find()
        assert self.open is not None
        self.open[entry.id] = entry
        # INVARIANT: a decoy takes no more than half of anybody's room.
        half = {name: most // 2 for name, most in command.caps.items()}
        answer = await self._link.append(
            Append(
                self._link.next_number(),
                entry,
                command.parts,
                command.subjects,
                command.scopes,
                half,
            )
        )
        if not isinstance(answer, Ack):
            self.open.pop(entry.id, None)
            return ""
        self._mine.append(max(0, answer.at - made.begun))
        self._tried |= dict.fromkeys(whom, now)
        self._used[seed] = None
        return entry.id
