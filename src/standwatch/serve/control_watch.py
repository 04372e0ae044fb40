"""Watch-keeping in operation: who has which watch, what they saw when they took it, and that somebody should.

A watch gives the sight of what it is over, and no other right. One that nobody has is a warning wherever warnings are,
and somebody is told; it stops nothing, for a safeguard that halts a bank because nobody signed a list is soon switched
off.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import Watch
from standwatch.facts.errors import Conflict, Forbidden, NotFound
from standwatch.facts.frames import Fetch
from standwatch.facts.watches import WatchRule
from standwatch.fronts.control_ports import Actor, Done
from standwatch.fronts.control_watch import (
    EndWatchOrder,
    GiveOrder,
    Offered,
    OfferLine,
    OpenLine,
    TakeOrder,
    WatchLine,
    WatchReport,
    WatchSheet,
)
from standwatch.record import watches
from standwatch.record.relaxed import in_force
from standwatch.record.signed import Signature
from standwatch.record.state import State
from standwatch.record.watches import Kept, Matter, on
from standwatch.respond.orders import sees
from standwatch.respond.watches import draft, end, require_possible, require_seen, spell, wanted
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_people import called, names, orderer
from standwatch.serve.control_signed import doubting, require
from standwatch.serve.gate import LiveGate
from standwatch.store.link import Link

OFFERED: Final = 15 * 60_000_000
"""µs for which a hand-over waits for whoever is to take it."""
SOON: Final = 10 * 60_000_000
"""µs before the end of a watch that is wanted on, at which it is said that nobody has taken it yet."""


class _Offer(msgspec.Struct, frozen=True):
    order: GiveOrder
    expires: int


class Roster:
    """Every watch is taken and given through here. Every error is a `StandwatchError`."""

    def __init__(self, gate: LiveGate, link: Link, holds: Holds, clock: Callable[[], int]) -> None:
        self._gate, self._link, self._holds, self._clock = gate, link, holds, clock
        self._offers: dict[str, _Offer] = {}

    @property
    def _state(self) -> State:
        return self._gate.state

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    def _now(self) -> int:
        """A clock that was set back does not give anybody their watch back: the record's time never goes back."""
        return max(self._clock(), self._state.at)

    # --- looking ---------------------------------------------------------------------------------------------

    def report(self, who: Actor, then: tuple[State, int] | None = None) -> WatchReport:
        """Every watch that `who` may know of: now, or in a state of the past at its moment. Which watches there are,
        and who may have them, is said by the configuration in force now."""
        state, now = then or (self._state, self._now())
        return WatchReport(now, self.lines(who, state, now), names(self._configuration))

    def lines(self, who: Actor, state: State, now: int) -> tuple[WatchLine, ...]:
        """The watches, by name, as they are in `state` at `now`."""
        rules = self._configuration.organisation.watches
        return tuple(
            self._line(name, rule, state, now)
            for name, rule in sorted(rules.items())
            if self._knows(who, rule, state)
        )

    async def sheet(self, who: Actor, name: str, then: tuple[State, int] | None = None) -> WatchSheet:
        """One watch, with the list that whoever takes it signs: now, or as it was in a state of the past."""
        rule = self._rule(who, name)
        state, now = then or (self._state, self._now())
        found = watches.matters(state, rule.systems, now)
        return WatchSheet(
            watch=self._line(name, rule, state, now),
            org=state.origin,
            follows=watches.last(state, name),
            open=tuple([await self._open(one) for one in found]),
            shown=watches.digest(found),
            at=now,
            names=names(self._configuration),
        )

    def keeping(self, state: State, system: str, now: int) -> tuple[str, ...]:
        """Who has a watch over `system` at `now`, each once."""
        found = (
            self._holder(state, name, rule, now)
            for name, rule in sorted(self._configuration.organisation.watches.items())
            if on(rule.systems, system)
        )
        return tuple(dict.fromkeys(one.entry.person for one in found if one is not None))

    def reached(self, system: str) -> tuple[str, ...]:
        """Whom to reach about `system` now: who has a watch over it, else whoever could take one."""
        rules = self._configuration.organisation.watches.values()
        here = self.keeping(self._state, system, self._now())
        able = (one for rule in rules if on(rule.systems, system) for one in rule.people)
        return here or tuple(dict.fromkeys(able))

    def warnings(self) -> tuple[str, ...]:
        """The watches that somebody should have and nobody has, or soon nobody will."""
        return tuple(line for _, line in self.missing())

    def missing(self) -> Iterator[tuple[str, str]]:
        """(watch, what is missing) of each."""
        now, state = self._now(), self._state
        for name, rule in sorted(self._configuration.organisation.watches.items()):
            found = self._holder(state, name, rule, now)
            match self._condition(rule, found, now):
                case "unattended":
                    yield name, f"Nobody has the watch {name}. standwatch watch take {name}"
                case "ending" if found is not None:
                    left = (found.entry.until - now) // 60_000_000
                    yield (
                        name,
                        f"The watch {name} ends in {left} min and nobody has taken it. standwatch watch take {name}",
                    )
                case _:
                    pass

    def _condition(self, rule: WatchRule, found: Kept | None, now: int) -> str:
        if found is None:
            return "unattended" if wanted(rule, now) else "off"
        ends = found.entry.until
        return "ending" if now >= ends - SOON and wanted(rule, ends) else "attended"

    def _holder(self, state: State, name: str, rule: WatchRule, now: int) -> Kept | None:
        """Who has it, and may still have it by the configuration in force."""
        found = watches.holder(state, name, now)
        return found if found is not None and found.entry.person in rule.people else None

    def _line(self, name: str, rule: WatchRule, state: State, now: int) -> WatchLine:
        found = self._holder(state, name, rule, now)
        entry = found.entry if found is not None else None
        index = found.index if found is not None else -1
        covers = tuple(one for one in sorted(state.systems) if on(rule.systems, one))
        here = [i for i, one in in_force(state, now).items() if one.system in covers]
        offer = self._offers.get(name) if state is self._state else None  # the past had its own
        return WatchLine(
            name=name,
            state=self._condition(rule, found, now),
            systems=rule.systems,
            covers=covers,
            people=rule.people,
            hours=spell(rule.hours),
            longest=rule.longest,
            person=entry.person if entry else "",
            since=entry.at if entry else 0,
            until=entry.until if entry else 0,
            index=index,
            giver=entry.giver if entry else "",
            acknowledged=tuple(entry.relaxations) if entry else (),
            unacknowledged=tuple(one for one in here if not _seen(state, one, index)),
            offer=_offered(offer) if offer is not None and now < offer.expires else None,
        )

    async def _open(self, one: Matter) -> OpenLine:
        text = await self._why(one.index) if one.kind in ("hold", "relaxation") else ""
        return OpenLine(one.kind, one.index, one.what, one.until, text)

    async def _why(self, index: int) -> str:
        found = await self._link.fetch(Fetch(self._link.next_number(), str(index), "reason"))
        return found.data.decode(errors="replace") if found.known else ""

    def _knows(self, who: Actor, rule: WatchRule, state: State) -> bool:
        if who.sees_all or who.ident in rule.people:
            return True
        return any(on(rule.systems, one) and sees(orderer(who), one, state) for one in state.systems)

    def _rule(self, who: Actor, name: str) -> WatchRule:
        rule = self._configuration.organisation.watches.get(name)
        if rule is None or not self._knows(who, rule, self._state):
            raise NotFound(f"there is no watch {name[:80]}", cure="standwatch watch list")
        return rule

    # --- taking and giving -----------------------------------------------------------------------------------

    def drafted(self, who: Actor, name: str, order: TakeOrder | GiveOrder) -> Watch:
        """The entry that `order` would come to, looked at and unsigned: what is signed is made of it."""
        rule, now, state = self._rule(who, name), self._now(), self._state
        giving = isinstance(order, GiveOrder)
        taker, giver = (order.to, order.by) if giving else (order.by, order.giver)
        entry = draft(
            name,
            rule,
            taker,
            giver,
            until=order.until,
            follows=order.follows,
            shown=order.shown,
            state=state,
            now=now,
        )
        found = watches.matters(state, rule.systems, now)
        require_seen(order.shown, watches.digest(found), order.seen, found)
        held = self._holder(state, name, rule, now)
        if giver and (held is None or held.entry.person != giver or giver == taker):
            raise Conflict(
                f"{self._called(giver)[:80]} does not have the watch {name} to give",
                code="not_theirs",
                cure="standwatch watch list",
            )
        return entry

    async def give(self, who: Actor, name: str, order: GiveOrder) -> Offered:
        """Whoever has the watch signs that they give it: it stays theirs until the other has taken it."""
        async with doubting(self._gate):
            entry = self.drafted(who, name, order)
            self._require(entry, order.by, order.sig)
        self._offers[name] = _Offer(order, self._now() + OFFERED)
        giver, taker = self._called(order.by), self._called(order.to)
        text = f"{giver} gives the watch {name} to {taker}, who has to take it within {OFFERED // 60_000_000} min"
        return Offered(name, order.to, text, self._now() + OFFERED)

    async def take(self, who: Actor, name: str, order: TakeOrder) -> Done:
        """Take a watch, with one's signature over what is open: from who gives it, from nobody, or from somebody who
        did not sign."""
        async with doubting(self._gate):
            entry = self.drafted(who, name, order)
            self._require(entry, order.by, order.sig)
        signatures = {order.by: order.sig}
        if order.giver:
            signatures[order.giver] = self._given(name, order)
        entry = msgspec.structs.replace(entry, signatures=signatures)
        ack = await self._gate.append(require_possible(entry, self._state, self._now()))
        self._offers.pop(name, None)
        await self._holds.settled(ack.index)
        seen = f"; {len(entry.relaxations)} open relaxation(s) acknowledged" if entry.relaxations else ""
        return Done(ack.index, ack.at, f"{self._called(order.by)} has the watch {name}{seen}")

    def _given(self, name: str, order: TakeOrder) -> str:
        """The giver's signature, over the very same."""
        offer = self._offers.get(name)
        if offer is None or self._now() >= offer.expires or offer.order.to != order.by:
            raise NotFound(
                f"{self._called(order.giver)[:80]} has not signed a hand-over of {name} to {self._called(order.by)},"
                " or too long ago",
                code="not_offered",
                cure=f"standwatch watch hand-over {name} --to {order.by}",
            )
        given = offer.order
        same = (given.by, given.until, given.follows, given.shown)
        if same != (order.giver, order.until, order.follows, order.shown):
            raise Conflict(
                f"{self._called(given.by)} signed another hand-over than this:"
                " until another time, or over another list",
                code="changed",
                cure=f"standwatch watch hand-over {name} --to {order.by}",
            )
        return given.sig

    async def end(self, who: Actor, name: str, order: EndWatchOrder) -> Done:
        """Nobody has the watch from here on. Its holder or an administrator may, without a signature."""
        self._rule(who, name)
        ack = await self._holds.append(end(name, orderer(who), self._state, self._now()), order.reason)
        await self._holds.settled(ack.index)
        return Done(ack.index, ack.at, f"nobody has the watch {name} now")

    def _called(self, person: str) -> str:
        return called(self._configuration, person)

    def _require(self, entry: Watch, person: str, sig: str) -> None:
        if not sig:
            who = self._called(person)
            raise Forbidden(f"whoever takes or gives a watch signs: {who} did not", code="bad_signature")
        message = watches.message(entry, person, self._state.origin)
        require(Signature(person, sig), message, self._state, self._configuration)


def _seen(state: State, relaxation: int, index: int) -> bool:
    return any(one.index == index for one in state.acknowledged.get(relaxation, ()))


def _offered(offer: _Offer) -> OfferLine:
    order = offer.order
    return OfferLine(order.by, order.to, order.until, order.shown, offer.expires)
