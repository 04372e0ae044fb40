"""Reading the record: entries, actions, runs, proofs, exports and what changed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from standwatch.fronts.control_coverage import CoverageSheet
from standwatch.fronts.control_live import Changed, Latest, Sift, Traffic
from standwatch.fronts.control_models import ModelDiagnosis
from standwatch.fronts.control_ports import Actor, Check, EntryLine
from standwatch.fronts.control_record import (
    Compared,
    CompareOrder,
    RecordDocument,
    VerificationLine,
    VerifyOrder,
)
from standwatch.fronts.control_replay import ReplayDocument, ReplayOrder
from standwatch.fronts.control_runs import RunDocument, RunList
from standwatch.fronts.control_systems import SystemSheet
from standwatch.record.proof import ProofFile
from standwatch.record.state import State
from standwatch.respond import orders
from standwatch.serve import control_live as live
from standwatch.serve import control_people as people
from standwatch.serve import control_reading as reading
from standwatch.serve import control_status as lines
from standwatch.serve.control_runs import Wanted
from standwatch.serve.operations import Parts, known, require
from standwatch.serve.until import Then


class Reading(Parts):
    """Nothing here writes."""

    async def entries(self, who: Actor, start: str, limit: str) -> tuple[EntryLine, ...]:
        """Entries from index `start` on (negative: from the end), at most `limit`."""
        require(who.sees_all, who, "read the record")
        return tuple(reading.entry_lines(self._source, start, limit, self._names()))

    def tail(self, who: Actor, start: str, sift: Sift = Sift()) -> AsyncIterator[EntryLine]:  # noqa: B008 - frozen
        """Entries from `start` on, and then as they are committed; until the session that `who` came with ends."""
        require(who.sees_all, who, "read the record")
        return live.follow(self._source, self.growth, start, sift, self._lasting(who), self._names)

    async def latest(self, who: Actor, before: str, limit: str, sift: Sift) -> Latest:
        """Entries before index `before` ("" for the end), the latest first."""
        require(who.sees_all, who, "read the record")
        at = reading.position(self._source, before) if before else -1
        return await asyncio.to_thread(
            live.latest, self._source, at, live.at_most(limit), sift, self._names()
        )

    def _names(self) -> dict[str, str]:
        """People's names, as they are now."""
        return people.names(self._configuration)

    def changes(self, who: Actor, after: str = "") -> AsyncIterator[Changed]:
        """That something changed, and what it concerns: no more, so whoever may open a page may hear when to reload."""
        return live.changes(self._source, self.growth, self._lasting(who), after)

    async def system(self, who: Actor, system: str, as_of: str = "") -> SystemSheet:
        """One system whole, now or at an index or RFC 3339 time of the past."""
        models = (await self.routes.versions(who, system, as_of)).models
        return await self.systems.sheet(who, system, as_of, models)

    async def coverage(self, who: Actor, system: str, as_of: str = "") -> CoverageSheet:
        """A system's seams, what goes round them and how that is known: now, or as was known at a moment."""
        return await self.coverages.sheet(who, system, as_of)

    async def traffic(self, who: Actor, as_of: str = "") -> Traffic:
        """What the systems that `who` may see asked for in an hour, and how it went."""
        if as_of:
            moment = reading.moment(self._source, as_of)
            seen = self._seen(who, self._source.state_before(moment.index + 1))
            return await asyncio.to_thread(live.past, self._source, moment.index, moment.at, seen)
        now = self._clock()
        await self.watcher.look(now)
        return self.watcher.present(now, self._seen(who, self._state))

    def _seen(self, who: Actor, state: State) -> tuple[str, ...]:
        return tuple(name for name in state.systems if orders.sees(people.orderer(who), name, state))

    async def explain(self, who: Actor, ident: str, as_of: str = "", again: bool = True) -> Any:
        """How one action came to what it came to, with its proof; `again`: what is found by executing it again too."""
        return await self.telling.explain(who, ident, as_of, self.explaining, again=again)

    async def proof(self, who: Actor, ident: str) -> ProofFile:
        """One file that proves an action or decision."""
        return await self.telling.proof(who, ident)

    async def run(  # noqa: PLR0917 - the parameters of its path
        self, who: Actor, run: str, begin: str = "", limit: str = "", as_of: str = "", at: str = ""
    ) -> RunDocument:
        """A run, with a page of what it did: from act `begin` on, or that of entry `at`."""
        return await self.telling.run(who, run, Wanted(begin, limit, at), as_of)

    async def record(self, who: Actor, as_of: str = "") -> RecordDocument:
        """How long the record is, how far signed, and how the last verification ended; or how it was at a moment."""
        moment = reading.moment(self._source, as_of) if as_of else None
        source = self._source if moment is None else Then(self._source, moment.index + 1)
        now = self._clock() if moment is None else moment.at
        log = reading.log_line(source, self._vkey, now, alive=self._link.alive)
        seams = lines.lately(self._source, source.size).seams
        if moment is not None:
            return await self.custody.document(who, source, log, seams)
        agents = self._configuration.organisation.agents
        bypasses = self._bypasses(f"http://{agents.host}:{agents.port}")
        return await self.custody.document(who, source, log, seams, bypasses)

    async def verify_record(self, who: Actor, order: VerifyOrder) -> VerificationLine:
        """Verify the record in the background."""
        return await self.custody.verify(known(who), order)

    async def compare_checkpoint(self, who: Actor, order: CompareOrder) -> Compared:
        """Whether the record extends a checkpoint that somebody kept."""
        return await self.custody.compare(who, order)

    async def replay(self, who: Actor, order: ReplayOrder) -> ReplayDocument:
        """What the record of past runs would have come to under another configuration."""
        return await self.custody.replay(who, order)

    async def runs(self, who: Actor, system: str = "", before: str = "", as_of: str = "") -> RunList:
        """The latest runs, of one system or of all that `who` may see: as they are, or were at a moment."""
        return await self.telling.runs(who, system, before, as_of)

    def export(self, who: Actor, start: str, stop: str, payloads: str) -> Iterator[tuple[str, bytes]]:
        """The files of an export of [start, stop)."""
        require(who.auditor or who.admin, who, "export the record")
        return reading.export(self._source, self._vkey, start, stop, payloads=payloads == "true")

    async def diagnose(self, who: Actor) -> tuple[Check, ...]:
        """What is looked at when something is wrong."""
        require(who.sees_all, who, "diagnose")
        log = reading.log_line(self._source, self._vkey, self._clock(), alive=self._link.alive)
        return (*reading.checks(self._state, self._configuration, log, self._clock()), *self._checks())

    async def diagnose_decisions(
        self, who: Actor, system: str, since: str, model: str, as_of: str = ""
    ) -> tuple[ModelDiagnosis, ...]:
        """When a system's decisions changed, and what changed with them: up to now, or to a moment."""
        return await self.diagnosing.diagnose(who, system, since, model, as_of)

    def ready(self) -> str:
        """Why no action may pass now; "" where they may."""
        if not self._link.alive:
            return "the record cannot be written"
        if self._state.stopped:
            return self._state.stopped
        return "" if self._state.config >= 0 else "no configuration is in force"

    def key_set(self) -> bytes:
        """The keys that verify what upstreams are shown, as a JWK set (RFC 7517)."""
        return self.keys_shown

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint. Raises `NotFound` before the first."""
        return self._source.checkpoint()

    def tile(self, path: str) -> bytes | None:
        """The resource `tile/…` of the log; None where there is none of that name."""
        return reading.tile(self._source, path)
