"""What the record tells whoever may see a system: its actions, its decisions, its runs, and the proof of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from standwatch.facts.entries import Decided, Judged
from standwatch.facts.errors import Forbidden, NotFound
from standwatch.fronts.control_ports import Actor
from standwatch.fronts.control_runs import RunDocument, RunList
from standwatch.record.proof import ProofFile, prove
from standwatch.record.source import Source, read_leaf
from standwatch.respond.orders import sees
from standwatch.serve import control_reading as reading
from standwatch.serve.control_explaining import Explaining
from standwatch.serve.control_people import names, orderer
from standwatch.serve.control_reading import Record
from standwatch.serve.control_run_heads import counted
from standwatch.serve.control_runs import Wanted, run_document, runs_before, system_of_run
from standwatch.serve.gate import LiveGate
from standwatch.serve.until import Until


class Telling:
    """Reads one organisation's record for people. Errors are `StandwatchError`s."""

    def __init__(self, gate: LiveGate, source: Record, vkey: str, clock: Callable[[], int]) -> None:
        self._gate = gate
        self._source = source
        self._vkey = vkey
        self._clock = clock

    async def explain(
        self, who: Actor, ident: str, as_of: str, explaining: Explaining | None, *, again: bool = True
    ) -> Any:
        """How one action or decision came to what it came to: now, or as the record stood at a moment. Without `again`
        no model is executed for it."""
        source = self._as_of(as_of)
        await asyncio.to_thread(self._allow, who, source, ident)
        if explaining is not None:
            found = await explaining.explain(ident, source if as_of else None, again=again)
            if found is not None:
                return found
        told, text = await asyncio.to_thread(reading.explained, source, self._vkey, ident)
        return {"explanation": told, "text": text}

    async def proof(self, who: Actor, ident: str) -> ProofFile:
        """One file that proves an action or decision."""
        await asyncio.to_thread(self._allow, who, self._source, ident)
        return await asyncio.to_thread(prove, self._source, ident, self._vkey)

    async def run(self, who: Actor, run: str, page: Wanted, as_of: str) -> RunDocument:
        """A run, with a page of what it did."""
        source = self._as_of(as_of)
        system = await asyncio.to_thread(system_of_run, source, run)
        self._see(who, system)
        configuration = self._gate.configuration
        shown = names(configuration)
        return await asyncio.to_thread(run_document, source, configuration, shown, run, page)

    async def runs(self, who: Actor, system: str, before: str, as_of: str = "") -> RunList:
        """The latest runs, of one system or of all that `who` may see: as they are, or were at a moment."""
        asks, seen = orderer(who), self._gate.state
        source = self._as_of(as_of)
        state = source.state_before(source.size) if as_of else seen

        def may(name: str) -> bool:
            return sees(asks, name, seen)

        def read() -> RunList:
            found = runs_before(source, state, system, before, may)
            return msgspec.structs.replace(found, runs=counted(source, found.runs))

        if system:
            self._see(who, system)
        return await asyncio.to_thread(read)

    def _as_of(self, as_of: str) -> Record:
        if not as_of:
            return self._source
        return Until(self._source, reading.moment(self._source, as_of).index + 1)

    def _allow(self, who: Actor, source: Source, ident: str) -> None:
        """Raise unless `who` may see the system that `ident` is an action or a decision of."""
        if not who.sees_all:
            self._see(who, system_of(source, ident))

    def _see(self, who: Actor, system: str) -> None:
        if not sees(orderer(who), system, self._gate.state):
            raise Forbidden(f"{who.name} may not see {system}")


def system_of(source: Source, reference: str) -> str:
    """The system of action or decision `reference`. Raises `NotFound`."""
    name = reference.partition("/")[0]
    indices = [int(name)] if name.isdecimal() and len(name) < 19 else source.of_action(name)
    for index in indices:
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, Judged | Decided):
            return entry.system
    raise NotFound(f"nothing in this record is called {reference[:80]}", reference=reference[:80])
