"""Stopping and starting again. A halt acts in memory first, then in the record; on a disk that takes nothing more it
stands in memory and as a marker until the record is back (DESIGN.md §7)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from standwatch.facts.entries import AnyEntry, Deployed, Hold, Outcome
from standwatch.facts.errors import Malformed, NotFound, StandwatchError, Unrecorded
from standwatch.facts.frames import Ack, Fetch
from standwatch.facts.parts import Part, commitment
from standwatch.fronts.control_ports import Actor, Done, Halted, HaltOrder, HoldLine, Struck
from standwatch.keys.markers import Marker, clear_markers, read_markers, write_marker
from standwatch.record.glass import gives
from standwatch.record.leaf import decode
from standwatch.record.state import Held
from standwatch.respond import orders
from standwatch.respond.scope import Scope, parse
from standwatch.serve.control_people import by_account, orderer
from standwatch.serve.control_reading import Record
from standwatch.serve.control_scopes import covered, touches
from standwatch.serve.gate import LiveGate
from standwatch.store.link import Link

_PATIENCE: Final = 2.0
"""Seconds a halt waits for what it cancelled to end, before it reports them as they are."""
_STEP: Final = 0.005
_AGAIN: Final = 1.0
"""Seconds between two attempts to write down holds that only memory has."""
_LISTED: Final = 1_000
"""The most acts in flight that one answer lists."""


class Holds:
    """Every hold goes through here, whoever ordered it and whether or not the record can be written."""

    def __init__(  # noqa: PLR0917 - made once, by `Control`
        self,
        gate: LiveGate,
        link: Link,
        source: Record,
        folder: Path,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
    ) -> None:
        self._gate = gate
        self._link = link
        self._source = source
        self._folder = folder
        self._clock = clock
        self._chance = chance
        self.pending: dict[str, HoldLine] = {}
        """Scopes held in memory only, until the record can be written."""
        self._trying: asyncio.Task[None] | None = None
        self.tell: Callable[[frozenset[str]], None] = lambda _: None
        """Told which scopes are held in memory only, so that nobody's act under them is recorded before the hold."""

    # --- halt ----------------------------------------------------------------------------------------------

    async def halt(self, who: Actor, order: HaltOrder) -> Halted:
        """Stop `order.scope`: in memory at once, then in the record. Lists what was under way."""
        scope = parse(order.scope)
        touched = covered(scope, self._gate.world, self._gate.state)
        until = _future(order.until, self._clock())
        broken = gives(self._gate.state, who.ident, "halt", self._clock())
        state = self._gate.state
        hold = orders.halt(scope, orderer(who), order.reason, touched, state, until=until, glass=broken)
        self._stop(hold.scope)
        struck = self._under_way(hold.scope)
        try:
            ack = await self.append(hold, order.reason)
        except Unrecorded as error:
            self._keep(hold, order.reason, error)
            return await self._halted(scope, touched, struck, None)
        await self.settled(ack.index)
        if hold.scope not in self.pending:
            self._gate.stops.discard(hold.scope)
        return await self._halted(scope, touched, struck, ack)

    def _stop(self, scope: str) -> None:
        # INVARIANT: memory first. Between this line and the entry nothing new leaves under the scope.
        self._gate.stops.add(scope)
        self._gate.cut(scope)

    def _under_way(self, scope: str) -> list[str]:
        """The acts under `scope` that left and have no outcome yet: of this process, and of every other."""
        ours = [ident for ident, flight in self._gate.flights.items() if scope in flight.scopes]
        intents = self._source.open_intents().values()
        theirs = [intent.id for intent in intents if touches(scope, intent, self._gate.world)]
        return list(dict.fromkeys([*ours, *theirs]))[:_LISTED]

    def _keep(self, hold: Hold, reason: str, error: Unrecorded) -> None:
        """The record takes nothing: leave a marker, so that the hold outlives this process."""
        now = self._clock()
        self.pending[hold.scope] = HoldLine(-1, hold.scope, hold.by, now, hold.until, reason)
        self.tell(frozenset(self.pending))
        self._try_again()
        try:
            write_marker(self._folder, hold.scope, hold.by, now, reason=reason, until=hold.until)
        except Unrecorded as second:
            raise Unrecorded(
                f"{hold.scope} is halted in this process only: {error}; {second}",
                cure="free space on the disk, or stop the server: nothing is forwarded without it",
            ) from second

    async def _halted(
        self, scope: Scope, touched: tuple[str, ...], ids: list[str], ack: Ack | None
    ) -> Halted:
        in_flight = await self._report(ids)
        warning = (
            "" if touched else f"Nothing that is declared now is called {scope}: is that what you meant?"
        )
        if ack is None:
            where = "in force in memory, and on disk for the next start"
            warning = f"{warning} The record cannot be written now: it is {where}.".strip()
        index = ack.index if ack is not None else -1
        return Halted(
            hold=index,
            scope=str(scope),
            at=ack.at if ack is not None else self._clock(),
            recorded=ack is not None,
            covers=touched,
            in_flight=in_flight,
            release=f"standwatch release {index} --reason …" if ack is not None else "",
            warning=warning,
        )

    async def _report(self, ids: list[str]) -> tuple[Struck, ...]:
        """What became of the acts that were cut, as far as is known within `_PATIENCE`."""
        waited, theirs = 0.0, self._theirs()
        while waited < _PATIENCE:
            found = tuple(map(self._struck, ids))
            if all(each.outcome or each.id in theirs for each in found) or not self._link.alive:
                return found
            await asyncio.sleep(_STEP)
            waited += _STEP
        return tuple(map(self._struck, ids))

    def _theirs(self) -> frozenset[str]:
        """The acts under way that their callers carry out themselves: nobody can cancel them, so nobody waits."""
        here = (ident for ident, flight in self._gate.flights.items() if flight.theirs)
        elsewhere = (one.id for one in self._source.open_intents().values() if one.seam != "proxy")
        return frozenset((*here, *elsewhere))

    def _struck(self, ident: str) -> Struck:
        index, tool, outcome = -1, "", ""
        for place in self._source.of_action(ident):
            entry = decode(self._source.leaf(place))
            if isinstance(entry, Outcome):
                outcome = entry.status
            else:
                index, tool = place, getattr(entry, "tool", tool)
        flight = self._gate.flights.get(ident)
        return Struck(ident, bool(outcome) or (flight is not None and flight.cut), outcome, index, tool)

    # --- release -------------------------------------------------------------------------------------------

    async def release(self, who: Actor, number: str, reason: str) -> Done:
        """Lift hold `number`, where `who` may. Others' holds on the same scope stand."""
        state = self._gate.state
        held = state.holds.get(int(number)) if number.isdecimal() and len(number) < 17 else None
        if held is None:
            raise NotFound(f"no hold {number} is in force", cure="standwatch status")
        touched = covered(parse(held.scope), self._gate.world, state)
        broken = gives(state, who.ident, "release", self._clock())
        entry = orders.release(held, orderer(who), reason, touched, state, glass=broken)
        ack = await self.append(entry, reason)
        await self.settled(ack.index)
        others = [hold.index for hold in self._gate.state.held((held.scope,), self._clock())]
        if held.scope not in self.pending:
            self._gate.stops.discard(held.scope)
        still = f"; {held.scope} is still held by {', '.join(map(str, others))}" if others else ""
        return Done(ack.index, ack.at, f"released hold {held.index} on {held.scope}{still}")

    # --- markers -------------------------------------------------------------------------------------------

    async def take_markers(self) -> int:
        """Sequence the holds that were left as markers, or stand in memory only, and free their slots: how many.

        To be called before any listener opens, and again once they are open. Where the record cannot be written the
        holds stand in memory, and are tried again every second; raises nothing for that.
        """
        taken = 0
        for marker in self._waiting():
            if 0 < marker.until <= self._clock():
                self._settle(marker)
                continue
            self._stop(marker.scope)
            if not await self._take(marker):
                self._try_again()
                break
            taken += 1
        return taken

    def _waiting(self) -> list[Marker]:
        """Markers on disk, and holds in memory for which there was no room even there."""
        markers = read_markers(self._folder)
        known = {marker.scope for marker in markers}
        lines = [line for line in self.pending.values() if line.scope not in known]
        return [*markers, *(Marker(-1, one.scope, one.by, one.at, one.reason, one.until) for one in lines)]

    async def _take(self, marker: Marker) -> bool:
        hold = Hold(by=self._holder(marker.by), scope=marker.scope, until=marker.until)
        try:
            ack = await self.append(hold, marker.reason)
        except StandwatchError:
            line = HoldLine(-1, marker.scope, hold.by, marker.at, marker.until, marker.reason)
            self.pending.setdefault(marker.scope, line)
            self.tell(frozenset(self.pending))
            return False
        await self.settled(ack.index)
        self._settle(marker)
        return True

    def _settle(self, marker: Marker) -> None:
        """The record has the hold, or it has ended: disk and memory may let go."""
        clear_markers(self._folder, [marker] if marker.slot >= 0 else [])
        if all(other.scope != marker.scope for other in read_markers(self._folder)):
            self.pending.pop(marker.scope, None)
            self.tell(frozenset(self.pending))
            self._gate.stops.discard(marker.scope)

    def _try_again(self) -> None:
        if self._trying is None or self._trying.done():
            self._trying = asyncio.get_running_loop().create_task(self._until_recorded())

    async def _until_recorded(self) -> None:
        while self.pending:
            await asyncio.sleep(_AGAIN)
            # Whether or not the recorder thinks that it can write: an attempt is what makes it look again.
            with suppress(OSError):
                for marker in self._waiting():
                    await self._take(marker)

    def _holder(self, by: str) -> str:
        """`@ACCOUNT` is a marker's own spelling of an account of this host; anything else is an opaque id."""
        return by_account(self._gate.configuration, by[1:]).ident if by.startswith("@") else by

    # --- the record ----------------------------------------------------------------------------------------

    async def append(self, entry: AnyEntry, reason: str = "", before: tuple[AnyEntry, ...] = ()) -> Ack:
        """Append `entry`, with its reason sealed beside it, and what belongs before it. Raises `Conflict` or
        `Unrecorded`."""
        if not reason.strip():
            return await self._gate.append(entry, before=before)
        part = Part("reason", self._chance(32), reason.strip().encode())
        bound = msgspec.structs.replace(entry, why=commitment(part.salt, part.data))
        return await self._gate.append(bound, (part,), before)

    async def reason(self, held: Held) -> str:
        """Why a hold was placed; "" where its reason was erased or cannot be read."""
        known = await self.reason_at(held.index)
        if known or not held.scope.startswith("version:"):
            return known
        # A rollback's hold comes right before the rollback, which has the reason of both.
        with suppress(NotFound):
            entry = decode(self._source.leaf(held.index + 1))
            if isinstance(entry, Deployed) and (entry.mode, entry.by) == ("rollback", held.by):
                return await self.reason_at(held.index + 1)
        return ""

    async def reason_at(self, index: int) -> str:
        """The reason that is sealed beside entry `index`; "" where there is none, or none any more."""
        fetched = await self._link.fetch(Fetch(self._link.next_number(), str(index), "reason"))
        return fetched.data.decode(errors="replace") if fetched.known else ""

    async def settled(self, index: int) -> None:
        """Wait until this process's replica has folded entry `index`: only then may memory let go."""
        waited = 0.0
        while self._gate.state.seen < index and waited < _PATIENCE:
            await asyncio.sleep(_STEP)
            waited += _STEP


def _future(until: int, now: int) -> int:
    if 0 < until <= now:
        raise Malformed("a halt ends in the future, or when it is released", code="bad_until")
    return max(until, 0)
