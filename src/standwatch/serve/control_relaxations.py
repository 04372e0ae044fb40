"""Relaxations in operation: ordered, signed, ended, and counted. Rights are decided in `respond`, rules in `record`."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from standwatch.facts.configuration import Organisation
from standwatch.facts.entries import Relaxed
from standwatch.facts.errors import Conflict, Forbidden, Malformed, NotFound
from standwatch.facts.frames import Fetch
from standwatch.facts.parts import SALT_BYTES, Part, commitment
from standwatch.facts.relaxations import CRITICALITY, STANDING_IN, Relaxations, longest
from standwatch.fronts.control_ports import Actor, Done
from standwatch.fronts.control_relaxing import (
    AcknowledgedLine,
    RelaxableLine,
    RelaxationDone,
    RelaxationLine,
    RelaxationsReport,
    RelaxOrder,
    RelaxSignature,
    RestoreOrder,
    WaitingRelaxation,
)
from standwatch.record.glass import gives
from standwatch.record.relaxed import WORDS, in_force, message
from standwatch.record.signed import Signature
from standwatch.record.state import State
from standwatch.respond.orders import require_reason, sees
from standwatch.respond.relaxations import Wanted, draft, relax, restore
from standwatch.respond.scope import parse
from standwatch.serve.control_evidence import standing_of
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_people import names, orderer
from standwatch.serve.control_reading import Record, instant
from standwatch.serve.control_scopes import covered
from standwatch.serve.control_signed import doubting, overtaken, require
from standwatch.serve.gate import LiveGate
from standwatch.store.link import Link
from standwatch.watch.bypassed import Bypassed, bypassed, in_bypass

WAITS: Final = 15 * 60_000_000
"""µs for which a relaxation waits for its other signature; it is urgent, or it is a change."""
MOST_WAITING: Final = 100
_MONTH: Final = 30 * 86_400_000_000
_DAY: Final = 86_400_000_000


class _Waiting(msgspec.Struct):
    """A relaxation that is not fully signed yet."""

    wanted: Wanted
    part: Part
    follows: int
    envelope: str
    by: str
    signatures: dict[str, str]
    expires: int


class Relaxer:
    """Every relaxation begins and ends through here. Every error is a `StandwatchError`."""

    def __init__(
        self, gate: LiveGate, link: Link, source: Record, holds: Holds, clock: Callable[[], int]
    ) -> None:
        self._gate, self._link, self._source, self._holds = gate, link, source, holds
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}

    # --- beginning -------------------------------------------------------------------------------------------

    async def relax(self, who: Actor, system: str, order: RelaxOrder) -> RelaxationDone:
        """Take an order with its first signature: it begins, or waits for the other signature that it takes."""
        ident, known = self._drafted(who, system, order)
        return await self._sign(ident, known, order.by, order.signature)

    def signs(self, who: Actor, system: str, order: RelaxOrder) -> bytes:
        """What `order.by` would sign to give `order`, which could be given now but for signatures."""
        _, known = self._drafted(who, system, order)
        return message(self._entry(known, {}), order.by, self._gate.state.origin)

    def signs_too(self, who: Actor, ident: str, by: str) -> bytes:
        """What `by` would sign for the relaxation that waits as `ident`."""
        return message(self._entry(self._waits_as(who, ident), {}), by, self._gate.state.origin)

    def _drafted(self, who: Actor, system: str, order: RelaxOrder) -> tuple[str, _Waiting]:
        self._require_sight(who, system)
        part = _reason(order)
        wanted = Wanted(
            system,
            order.check,
            order.scope,
            order.until,
            order.compensating,
            commitment(part.salt, part.data),
        )
        state = self._gate.state
        entry = draft(wanted, order.by, {}, state, now=self._clock(), said=self._said(system))
        self._require_scope(system, order.scope)
        if order.follows != entry.follows:
            raise Conflict(
                f"entry {order.follows} is not the last relaxation of {system} any more: look, and sign again",
                code="stale",
                cure=f"standwatch relaxations {system}",
            )
        self._prune()
        ident = _ident(entry)
        if ident not in self._waiting and len(self._waiting) >= MOST_WAITING:
            raise Conflict("too many relaxations wait for a signature", code="too_many")
        fresh = _Waiting(wanted, part, entry.follows, entry.envelope, order.by, {}, self._clock() + WAITS)
        return ident, self._waiting.get(ident, fresh)

    async def sign(self, who: Actor, ident: str, order: RelaxSignature) -> RelaxationDone:
        """Take one more person's signature over a relaxation that waits."""
        return await self._sign(ident, self._waits_as(who, ident), order.by, order.signature)

    def _waits_as(self, who: Actor, ident: str) -> _Waiting:
        self._prune()
        known = self._waiting.get(ident)
        if known is None:
            raise NotFound(f"no relaxation {ident[:40]} waits", cure="standwatch relaxations SYSTEM")
        self._require_sight(who, known.wanted.system)
        return known

    async def _sign(self, ident: str, known: _Waiting, by: str, signature: str) -> RelaxationDone:
        state, system = self._gate.state, known.wanted.system
        if (known.follows, known.envelope) != (
            state.last_relaxed.get(system, -1),
            standing_of(system, state).entry.envelope,
        ):
            self._waiting.pop(ident, None)
            raise Conflict(
                f"another relaxation of {system}, or another envelope, came between: order it anew",
                code="stale",
                cure=f"standwatch relaxations {system}",
            )
        signs = message(self._entry(known, {}), by, state.origin)
        async with doubting(self._gate):
            require(Signature(by, signature), signs, state, self._gate.configuration)
        # Who signed something else with the same passkey meanwhile, or whose passkey has ended, signs again.
        kept = {one: sig for one, sig in known.signatures.items() if not overtaken(state, one, sig)}
        signatures = kept | {by: signature}
        try:
            entry = relax(
                known.wanted, known.by, signatures, state, now=self._clock(), said=self._said(system)
            )
        except Forbidden as error:
            if error.code != "unsigned":
                raise
            known.signatures = signatures
            self._waiting[ident] = known
            return self._waits(ident, known, str(error))
        ack = await self._gate.append(entry, (known.part,))
        self._waiting.pop(ident, None)
        await self._holds.settled(ack.index)
        text = f"relaxation {ack.index}: {entry.check} on {entry.scope}; {entry.compensating} stands in"
        return RelaxationDone("in_force", str(ack.index), text, ack.index, ack.at, entry.until)

    def _entry(self, known: _Waiting, signatures: dict[str, str]) -> Relaxed:
        wanted = known.wanted
        return Relaxed(  # what the signature is over, for checking it; what is written comes from `respond`
            by=known.by,
            system=wanted.system,
            check=wanted.check,
            scope=wanted.scope,
            compensating=wanted.compensating,
            envelope=known.envelope,
            until=wanted.until,
            follows=known.follows,
            signatures=signatures,
            why=wanted.why,
        )

    def _waits(self, ident: str, known: _Waiting, why: str) -> RelaxationDone:
        return RelaxationDone("waits", ident, f"{why}: it waits as {ident}", until=known.wanted.until)

    def _require_sight(self, who: Actor, system: str) -> None:
        standing_of(system, self._gate.state)
        broken = gives(self._gate.state, who.ident, "relax", self._clock())
        if system not in broken and not sees(orderer(who), system, self._gate.state):
            raise Forbidden(f"{who.name} may not see {system}")

    def _require_scope(self, system: str, scope: str) -> None:
        if system not in covered(parse(scope), self._gate.world, self._gate.state):
            raise Malformed(f"{scope[:80]} falls on no action of {system}", code="bad_scope")

    def _said(self, system: str) -> tuple[Relaxations | None, ...]:
        organisation: Organisation = self._gate.configuration.organisation
        declared = self._gate.configuration.systems.get(system)
        own = declared.manifest.relaxations if declared is not None else None
        return organisation.relaxations, own

    def _prune(self) -> None:
        now = self._clock()
        for ident in [one for one, known in self._waiting.items() if now >= known.expires]:
            del self._waiting[ident]

    # --- ending ----------------------------------------------------------------------------------------------

    async def restore(self, who: Actor, number: str, order: RestoreOrder) -> Done:
        """End a relaxation early: one act, no approval. In memory first, as a hold."""
        entry = restore(number, orderer(who), self._gate.state, self._clock())
        if order.reason.strip():
            require_reason(order.reason, f"standwatch restore {number}")
        # INVARIANT: memory first. Between this line and the entry nothing new leaves here on the relaxation.
        self._gate.relaxing.end(entry.relaxed)
        ack = await self._holds.append(entry, order.reason)
        await self._holds.settled(ack.index)
        return Done(ack.index, ack.at, f"relaxation {entry.relaxed} of {entry.system} has ended")

    # --- looking ---------------------------------------------------------------------------------------------

    async def open_lines(self, who: Actor, now: int, past: State | None = None) -> tuple[RelaxationLine, ...]:
        """The relaxations that count now, or did in a `past` state; of what `who` may see, the first to end first."""
        state = self._gate.state if past is None else past
        found = self._gate.relaxed(now) if past is None else tuple(in_force(past, now).items())
        mine = [(i, one) for i, one in found if sees(orderer(who), one.system, state)]
        lines = [await self._line(Bypassed(index, one, one.until), now) for index, one in mine]
        return tuple(sorted(lines, key=lambda one: one.until))

    async def report(self, who: Actor, system: str, since: str = "") -> RelaxationsReport:
        """The relaxations of `system` since an RFC 3339 time (thirty days), and its minutes in bypass."""
        self._require_sight(who, system)
        self._prune()
        now, state = self._clock(), self._gate.state
        begin = instant(since) if since else now - _MONTH
        found = await asyncio.to_thread(self._read, system, begin)
        lines = [await self._line(one, now) for one in reversed(found) if one.end > begin]
        return RelaxationsReport(
            system=system,
            org=state.origin,
            envelope=state.systems[system].entry.envelope,
            follows=state.last_relaxed.get(system, -1),
            since=begin,
            at=now,
            bypass=in_bypass(found, begin, now),
            relaxations=tuple(lines),
            waiting=tuple(
                self._waiting_line(ident, one)
                for ident, one in self._waiting.items()
                if one.wanted.system == system
            ),
            checks=tuple(
                RelaxableLine(check, longest(check, *self._said(system)), WORDS[approval])
                for check, approval in CRITICALITY.items()
            ),
            compensations=STANDING_IN,
            names=names(self._gate.configuration),
        )

    def _read(self, system: str, begin: int) -> tuple[Bypassed, ...]:
        """None lasts longer than a day, so whatever reached into the window began no more than a day before it."""
        start = max(0, self._source.at(begin - _DAY))
        return bypassed(self._source.control(start, self._source.size), system)

    async def _line(self, one: Bypassed, now: int) -> RelaxationLine:
        entry = one.entry
        counts = any(index == one.index for index, _ in self._gate.relaxed(now))
        return RelaxationLine(
            id=one.index,
            system=entry.system,
            check=entry.check,
            scope=entry.scope,
            compensating=entry.compensating,
            at=entry.at,
            until=entry.until,
            end=one.end,
            by=entry.by,
            signed=tuple(sorted(entry.signatures)),
            counts=counts,
            left=max(0, one.end - now) if counts else 0,
            reason=await self._why(one.index),
            restored=one.restored,
            restore=f"standwatch restore {one.index}" if counts else "",
            acknowledged=tuple(
                AcknowledgedLine(seen.index, seen.watch, seen.person, seen.at)
                for seen in self._gate.state.acknowledged.get(one.index, ())
                if seen.at <= now
            ),
        )

    async def _why(self, index: int) -> str:
        found = await self._link.fetch(Fetch(self._link.next_number(), str(index), "reason"))
        return found.data.decode(errors="replace") if found.known else ""

    def _waiting_line(self, ident: str, known: _Waiting) -> WaitingRelaxation:
        wanted = known.wanted
        return WaitingRelaxation(
            id=ident,
            system=wanted.system,
            check=wanted.check,
            scope=wanted.scope,
            compensating=wanted.compensating,
            envelope=known.envelope,
            follows=known.follows,
            org=self._gate.state.origin,
            until=wanted.until,
            why=wanted.why,
            reason=known.part.data.decode(),
            salt=known.part.salt.hex(),
            signed=tuple(sorted(known.signatures)),
            wanted=WORDS[CRITICALITY[wanted.check]],
            expires=known.expires,
            sign=f"standwatch relax --sign {ident} --system {wanted.system}",
        )


def _reason(order: RelaxOrder) -> Part:
    """The reason with the salt that its signer chose: so the commitment could be signed before it was written."""
    reason = require_reason(order.reason, "standwatch relax CHECK --reason …")
    try:
        salt = bytes.fromhex(order.salt)
    except ValueError:
        salt = b""
    if len(salt) != SALT_BYTES or salt.hex() != order.salt:
        raise Malformed(f"a salt is {SALT_BYTES} random bytes in hexadecimal", code="bad_salt")
    return Part("reason", salt, reason.encode())


def _ident(entry: Relaxed) -> str:
    """Short and the same for whoever asks for the same thing."""
    told = msgspec.json.encode(msgspec.structs.replace(entry, by="", signatures={}), order="sorted")
    return hashlib.sha256(told).hexdigest()[:12]
