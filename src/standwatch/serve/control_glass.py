"""Break-glass in operation. Who may is decided in `respond`, rules stand in `record`; signatures are looked at here."""

from collections.abc import Callable
from typing import Final

from standwatch.facts.entries import Glass
from standwatch.facts.errors import Forbidden
from standwatch.fronts.control_glass import (
    DrillOrder,
    GlassLine,
    GlassReport,
    OpenOrder,
    ReviewOrder,
    SealOrder,
)
from standwatch.fronts.control_ports import Actor, Done
from standwatch.record.glass import Broken, message, verifies
from standwatch.record.signed import Signature
from standwatch.respond.glass import known, review, seal, use
from standwatch.respond.orders import require_reason
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_people import names, orderer
from standwatch.serve.control_signed import doubting, require
from standwatch.serve.gate import LiveGate

DRILLED: Final = 92 * 86_400_000_000
"""µs after which a break-glass that was not drilled is warned of."""
EXPIRES: Final = 14 * 86_400_000_000
"""µs before the end of a seal at which it is warned of."""


class GlassKeeper:
    """Every break-glass goes through here. Every error is a `StandwatchError`."""

    def __init__(self, gate: LiveGate, holds: Holds, clock: Callable[[], int]) -> None:
        self._gate, self._holds, self._clock = gate, holds, clock

    async def seal(self, who: Actor, order: SealOrder) -> Done:
        """Put a key aside for a bad night."""
        entry, state = self.drafted(who, order), self._gate.state
        async with doubting(self._gate):
            signature = Signature(order.by, order.sig)
            require(signature, message(entry, state.origin), state, self._gate.configuration)
        return await self._append(entry, order.reason, "sealed")

    def drafted(self, who: Actor, order: SealOrder) -> Glass:
        """The entry, its signature not looked at: what is signed is made of it."""
        people = self._gate.configuration.organisation.people
        known_people = {one.id for one in people}
        if strangers := sorted(set(order.people) - known_people):
            raise Forbidden(
                f"{', '.join(strangers)[:80]} is nobody of this organisation", code="unknown_person"
            )
        return seal(
            orderer(who),
            order.by,
            [one.id for one in people if "admin" in one.roles],
            key=order.key,
            people=order.people,
            may=order.may,
            systems=order.systems,
            until=order.until,
            sig=order.sig,
            state=self._gate.state,
            now=self._clock(),
        )

    async def open(self, who: Actor, number: str, order: OpenOrder) -> Done:
        """Break the glass: once, loudly, for half an hour at most."""
        self._themselves(who, order.by)
        require_reason(order.reason, f"standwatch break-glass open FILE --reason … (break-glass {number})")
        state = self._gate.state
        entry = use(
            number,
            "opened",
            by=order.by,
            sig=order.sig,
            until=order.until,
            state=state,
            now=self._clock(),
        )
        self._require_sealed(number, entry)
        return await self._append(entry, order.reason, "opened")

    async def drill(self, who: Actor, number: str, order: DrillOrder) -> Done:
        """Show that it would open, against nothing."""
        self._themselves(who, order.by)
        state = self._gate.state
        entry = use(number, "drilled", by=order.by, sig=order.sig, until=0, state=state, now=self._clock())
        self._require_sealed(number, entry)
        return await self._append(entry, "", "drilled: it would have opened")

    async def review(self, who: Actor, number: str, order: ReviewOrder) -> Done:
        """Say in words what the opening was for: by somebody else than who opened it."""
        entry = review(number, orderer(who), order.reason, self._gate.state, self._clock())
        return await self._append(entry, order.reason, "reviewed")

    def report(self, who: Actor) -> GlassReport:
        """Every break-glass that `who` may know of: those for them, and all for who sees every system."""
        state, now = self._gate.state, self._clock()
        lines = (_line(index, one, now) for index, one in state.glasses.items())
        mine = tuple(one for one in lines if who.sees_all or who.ident in one.people)
        return GlassReport(state.origin, mine, names(self._gate.configuration))

    def warnings(self) -> tuple[str, ...]:
        """What nobody may overlook."""
        now = self._clock()
        lines = (_line(index, one, now) for index, one in self._gate.state.glasses.items())
        return tuple(
            f"Break-glass {one.id} was opened by {one.opened_by} to {', '.join(one.may)} on "
            f"{', '.join(one.systems)}: {'it is open, and ' if one.state == 'open' else ''}nobody has reviewed it. "
            f"standwatch break-glass review {one.id} --reason …"
            for one in lines
            if one.state in ("open", "unreviewed")
        ) + self._stale(now)

    def _stale(self, now: int) -> tuple[str, ...]:
        """Seals that nobody has tried for a quarter, or that soon are over: on a bad night it is too late to know."""
        found: list[str] = []
        for index, one in self._gate.state.glasses.items():
            if one.opened >= 0 or now >= one.entry.until:
                continue
            if now - (one.drilled or one.entry.at) >= DRILLED:
                found.append(
                    f"Break-glass {index} was not drilled for a quarter. standwatch break-glass drill FILE"
                )
            if one.entry.until - now < EXPIRES:
                found.append(f"Break-glass {index} is over in less than two weeks: seal another.")
        return tuple(found)

    def _themselves(self, who: Actor, by: str) -> None:
        """Whoever has the envelope still acts under their own name."""
        if who.ident != by:
            raise Forbidden(f"{who.name} is not {by}: everybody opens a break-glass for themselves")

    def _require_sealed(self, number: str, entry: Glass) -> None:
        _, one = known(number, self._gate.state)
        if not verifies(entry, one.entry.key, self._gate.state.origin):
            raise Forbidden("the signature is not the sealed key's over exactly this", code="bad_signature")

    async def _append(self, entry: Glass, reason: str, word: str) -> Done:
        ack = await self._holds.append(entry, reason)
        await self._holds.settled(ack.index)
        number = entry.glass if entry.glass >= 0 else ack.index
        return Done(ack.index, ack.at, f"break-glass {number} {word}")


def _line(index: int, one: Broken, now: int) -> GlassLine:
    entry = one.entry
    return GlassLine(
        id=index,
        state=_state(one, now),
        key=entry.key,
        people=tuple(entry.people),
        may=tuple(entry.may),
        systems=tuple(entry.systems),
        until=entry.until,
        sealed_by=entry.by,
        drilled=one.drilled,
        opened=one.opened,
        opened_by=one.by,
        session=one.until,
        reviewed=one.reviewed,
    )


def _state(one: Broken, now: int) -> str:
    if one.opened < 0:
        return "sealed" if now < one.entry.until else "over"
    if now < one.until:
        return "open"
    return "unreviewed" if one.reviewed < 0 else "reviewed"
