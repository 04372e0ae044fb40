"""The queue of deferred acts: seen by whoever may see the system, pulled from by its people, never pushed."""

from collections.abc import Callable

import msgspec

from standwatch.enforce import asking
from standwatch.enforce.steps import CHANCE
from standwatch.facts.entries import Deferred
from standwatch.facts.errors import Conflict, NotFound, Unrecorded
from standwatch.facts.frames import Ack, Append, Fetch
from standwatch.facts.parts import Part, commitment
from standwatch.fronts.control_budget import DeferredLine
from standwatch.fronts.control_ports import Actor, Done
from standwatch.record import pace
from standwatch.record.deferrals import ASK, DROP, Deferral, stands
from standwatch.record.questions import answering
from standwatch.record.state import State
from standwatch.respond.budget import may_pull, pulled, waiting
from standwatch.respond.orders import sees
from standwatch.serve import again
from standwatch.serve.control_people import orderer
from standwatch.serve.gate import LiveGate
from standwatch.store.link import Link


class Queue:
    """Every error is a `StandwatchError`."""

    def __init__(
        self, gate: LiveGate, link: Link, clock: Callable[[], int], chance: Callable[[int], bytes]
    ) -> None:
        self._gate, self._link = gate, link
        self._clock, self._chance = clock, chance

    def lines(self, who: Actor, state: State, now: int) -> tuple[DeferredLine, ...]:
        """What waits in `state` at `now`, oldest first."""
        return tuple(
            self._line(one, state, now)
            for one in state.deferred.values()
            if stands(one, now) and not one.dropped and sees(orderer(who), one.entry.system, state)
        )

    def _line(self, one: Deferral, state: State, now: int) -> DeferredLine:
        entry = one.entry
        envelope = self._gate.world.envelopes.get(entry.system)
        cap = envelope.asks.get("person/asks") if envelope is not None else None
        return DeferredLine(
            id=entry.id,
            index=one.index,
            system=entry.system,
            tool=entry.tool,
            by=entry.by,
            run=entry.run,
            at=entry.at,
            until=entry.until,
            digest=entry.digest,
            code=entry.code,
            room=pace.with_room(state, answering(state, entry.system), cap, now),
            may=may_pull(one, state),
            ask=f"standwatch deferred ask {entry.id}",
            drop=f"standwatch deferred drop {entry.id} --reason …",
        )

    async def ask(self, who: Actor, ident: str) -> Done:
        """Put a deferred act to those who may approve it, where they have room.

        What a run may ask does not count here: nobody is pushed. What people and the system may be asked does.
        """
        now, state = self._clock(), self._gate.state
        order = pulled(ident, orderer(who), ASK, "", state, now=now)
        entry = waiting(ident, state, now).entry
        action, findings = await self._part(entry, "action"), await self._part(entry, "findings")
        draft, case = await again.same(self._gate, action, entry.seam, now, self._chance(CHANCE))
        if held := state.held(case.scopes, now):
            raise Conflict(f"hold {held[0].index} on {held[0].scope} stops it", code="held", reference=ident)
        if case.envelope is None:
            raise Conflict(f"no manifest declares {entry.system} any more", reference=ident)
        command = asking.question(draft, case, findings, until=0)
        caps = {name: most for name, most in command.caps.items() if name != "run/asks"}
        answer = await self._link.append(
            Append(
                self._link.next_number(),
                command.entry,
                command.parts,
                command.subjects,
                command.scopes,
                caps,
                match=command.match,
                before=(order,),
            )
        )
        if isinstance(answer, Ack):
            return Done(answer.index, answer.at, f"{ident} is asked about: standwatch approve {ident}")
        if answer.code == "budget":
            raise Conflict(
                f"there is no room for another question: {answer.detail}", code="no_room", reference=ident
            )
        if answer.code in ("unrecorded", "unknown"):
            raise Unrecorded(answer.detail, cure="standwatch diagnose")
        raise Conflict(answer.detail, reference=ident)

    async def drop(self, who: Actor, ident: str, reason: str) -> Done:
        """Take a deferred act out of the way: its retries are refused until its time is over."""
        order = pulled(ident, orderer(who), DROP, reason, self._gate.state, now=self._clock())
        part = Part("reason", self._chance(32), reason.strip().encode())
        entry = msgspec.structs.replace(order, why=commitment(part.salt, part.data))
        ack = await self._gate.append(entry, (part,))
        return Done(ack.index, ack.at, f"{ident} is not asked about")

    async def _part(self, entry: Deferred, name: str) -> bytes:
        found = await self._link.fetch(Fetch(self._link.next_number(), entry.id, name))
        if not found.known:
            raise NotFound(
                f"the {name} of {entry.id} was erased: nobody can be asked about it", reference=entry.id
            )
        return found.data
