"""Coverage in operation: what is said of a system's seams, and what somebody who looked at a host has to say."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from standwatch.authority.coverage import COOPERATIVE, FROM_TIER, counting
from standwatch.authority.demands import demand
from standwatch.authority.grant import grant
from standwatch.authority.tiers import tier
from standwatch.declare.hosts import needs_of
from standwatch.facts.configuration import Manifest
from standwatch.facts.coverage import Sighting
from standwatch.facts.entries import Coverage
from standwatch.facts.errors import Forbidden, Malformed, NotFound, StandwatchError
from standwatch.facts.parts import SALT_BYTES, Part, commitment
from standwatch.fronts.control_coverage import CallsLine, CoverageOrder, CoverageSheet, LookLine, ToolSeams
from standwatch.fronts.control_ports import Actor, Done
from standwatch.gate.demands import require_validator
from standwatch.record import coverage as ways_round
from standwatch.record.coverage import CODES, Looked
from standwatch.record.signed import Signature
from standwatch.record.state import State
from standwatch.respond.orders import sees
from standwatch.serve.control_bypasses import Bypasses
from standwatch.serve.control_people import called, names, orderer
from standwatch.serve.control_reading import Record, moment
from standwatch.serve.control_signed import require as require_signed
from standwatch.serve.gate import LiveGate
from standwatch.serve.seams import MOST_THEN, Seams
from standwatch.watch.coverage import Reached, declared, effects_of, reached, ways_of

GATEWAY: Final = "gateway"
"""What the server calls its own host."""
BY: Final = "standwatch"
MOST: Final = 400
"""Sightings of one statement."""
_sightings: Final = msgspec.json.Decoder(tuple[Sighting, ...])


class Coverages:
    """Reads and writes statements about hosts. Every error is a `StandwatchError`."""

    def __init__(
        self, gate: LiveGate, source: Record, clock: Callable[[], int], chance: Callable[[int], bytes]
    ) -> None:
        self._gate, self._source, self._clock, self._chance = gate, source, clock, chance
        self._seams = Seams(source)
        self.here: Bypasses | None = None
        """Looks at our own host; set by whoever knows its home."""
        self._before: dict[str, frozenset[tuple[str, str]]] = {}
        """System → what the last look at our own host came to."""

    # --- looking ---------------------------------------------------------------------------------------------

    async def sheet(self, who: Actor, system: str, as_of: str = "") -> CoverageSheet:
        """The seams of `system` and what goes round them: now, or as was known at a moment."""
        past = moment(self._source, as_of) if as_of else None
        state = self._gate.state if past is None else self._source.state_before(past.index + 1)
        manifest = self._manifest(who, system, state)
        calls = await (self._seams.of(system) if past is None else self._seams.then(system, past.index + 1))
        known = state.coverage.get(system, ())
        now = self._clock() if past is None else past.at
        stakes = tier(state, system)
        envelope = state.systems[system].entry.envelope
        return CoverageSheet(
            system=system,
            at=now,
            index=self._source.size - 1 if past is None else past.index,
            past=past is not None,
            since=max(0, self._seams.since) if past is None else max(0, past.index + 1 - MOST_THEN),
            level=grant(state, system, now).level,
            tier=stakes,
            demands=wanted(stakes),
            seams=dict(sum((Counter({one.seam: one.count}) for _, one in calls), Counter[str]())),
            tools=tuple(_tool(one) for one in reached(manifest, calls, known)),
            lines=self._lines(
                manifest, frozenset(tool.partition(".")[0] for tool, _ in calls), past=bool(past)
            ),
            hosts=tuple([await self._host(one, envelope, stakes) for one in known]),
            envelope=envelope,
            org=state.origin,
            longest=demand(stakes).longest,
            validators=tuple(state.systems[system].entry.validators),
            needs=needs_of(manifest, self._gate.configuration.organisation.agents.url),
            names=names(self._gate.configuration),
        )

    def _manifest(self, who: Actor, system: str, state: State) -> Manifest:
        found = self._gate.configuration.systems.get(system)
        if found is None or system not in state.systems:
            raise NotFound(f"no manifest declares {system[:80]}", cure="standwatch status")
        if not sees(orderer(who), system, state):
            raise Forbidden(f"{who.name} may not see {system}")
        return found.manifest

    def _lines(self, manifest: Manifest, asked: frozenset[str], *, past: bool) -> tuple[Sighting, ...]:
        said = declared(manifest, development=self._gate.configuration.organisation.development, asked=asked)
        return (*said, *(() if past else self._here(manifest)))

    def _here(self, manifest: Manifest) -> tuple[Sighting, ...]:
        """What our own host shows of the system."""
        if self.here is None:
            return ()
        needs = needs_of(manifest, self._gate.configuration.organisation.agents.url)
        return self.here.host().sightings(needs)

    async def _host(self, one: Looked, envelope: str, stakes: int) -> LookLine:
        ways: dict[str, list[str]] = {}
        for way in one.ways:
            ways.setdefault(way.tool, []).append(way.code)
        return LookLine(
            host=one.host,
            index=one.index,
            at=one.at,
            by=one.by,
            ways={tool: tuple(codes) for tool, codes in ways.items()},
            caps=any(counting(one, envelope, stakes)),
            signed=one.signed,
            signer=one.signer,
            until=one.until,
            said=await asyncio.to_thread(self._said, one.index),
        )

    def _said(self, index: int) -> tuple[Sighting, ...]:
        try:
            found = self._source.sealed(index, str(index), "reason")
            return _sightings.decode(found.parts[0].data) if found.parts else ()
        except (StandwatchError, msgspec.MsgspecError):
            return ()

    # --- saying ----------------------------------------------------------------------------------------------

    async def report(self, who: Actor, system: str, order: CoverageOrder) -> Done:
        """Take what somebody saw on a host into the record: signed by a validator for all that goes round there."""
        state = self._gate.state
        manifest = self._manifest(who, system, state)
        entry, part = self._drafted(who.ident, manifest, order)
        if order.sig:
            require_validator(state.systems[system].entry, order.by, state.development, tier(state, system))
            _require_until(order.until, self._clock(), demand(tier(state, system)).longest)
            signature = Signature(order.by, order.sig, order.key)
            require_signed(
                signature, ways_round.message(entry, state.origin), state, self._gate.configuration
            )
        ack = await self._gate.append(entry, (part,))
        level = grant(self._gate.state, system, self._clock()).level
        said = f"{len(entry.ways)} ways round" if entry.ways else "no way round"
        by = called(self._gate.configuration, entry.by)
        signed = "signed: " if order.sig else ""
        return Done(
            ack.index, ack.at, f"{system}, host {order.host}: {signed}{said}, by {by}; its grant is {level}"
        )

    def _drafted(self, who: str, manifest: Manifest, order: CoverageOrder) -> tuple[Coverage, Part]:
        if not 0 < len(order.host) <= 64 or not order.host.isprintable() or len(order.sightings) > MOST:
            raise Malformed(
                f"a host is called by at most 64 characters, and at most {MOST} things are seen on it"
            )
        _require_known(order, manifest)
        part = Part("reason", self._salt(order), msgspec.json.encode(order.sightings))
        signed = bool(order.sig)
        entry = Coverage(
            by=order.by if signed else who,
            system=manifest.system,
            host=order.host,
            envelope=self._gate.state.systems[manifest.system].entry.envelope,
            ways=list(ways_of(effects_of(manifest), order.sightings)),
            until=order.until if signed else 0,
            follows=order.follows if signed else -1,
            key=order.key if signed else "",
            sig=order.sig,
            why=commitment(part.salt, part.data),
        )
        return entry, part

    def _salt(self, order: CoverageOrder) -> bytes:
        if not order.sig:
            return self._chance(SALT_BYTES)
        try:
            salt = bytes.fromhex(order.salt)
        except ValueError:
            salt = b""
        if len(salt) != SALT_BYTES or salt.hex() != order.salt:
            raise Malformed(f"a salt is {SALT_BYTES} random bytes in hexadecimal", code="bad_salt")
        return salt

    async def look(self) -> None:
        """Write down what our own host shows, showed at the look before, and the record does not have yet.

        It only ever narrows. What is there for a moment, while somebody installs a hook, is not written down.
        """
        configuration, state = self._gate.configuration, self._gate.state
        for system, declared_here in configuration.systems.items():
            standing = state.systems.get(system)
            if standing is None:
                continue
            seen = (*self._here(declared_here.manifest), *self._courtesy(declared_here.manifest, state))
            known = ways_round.find(state.coverage, system, GATEWAY)
            there = (
                {(way.tool, way.code) for way in known.ways} if known is not None else set[tuple[str, str]]()
            )
            found = frozenset(
                (way.tool, way.code) for way in ways_of(effects_of(declared_here.manifest), seen)
            )
            before, self._before[system] = self._before.get(system, frozenset()), found
            if not (found & before) - there:
                continue
            order = CoverageOrder(host=GATEWAY, sightings=seen[:MOST])
            entry, part = self._drafted(BY, declared_here.manifest, order)
            await self._gate.append(entry, (part,))

    def _courtesy(self, manifest: Manifest, state: State) -> Iterator[Sighting]:
        """A cooperative seam is said where it counts. Once a validator has signed for our host, it is theirs to say."""
        known = ways_round.find(state.coverage, manifest.system, GATEWAY)
        if tier(state, manifest.system) >= FROM_TIER and (known is None or known.signed < 0):
            said = declared(manifest, development=state.development, asked=frozenset())
            yield from (one for one in said if one.code == COOPERATIVE)


def wanted(stakes: int) -> str:
    """What a tier asks of seams, in a sentence."""
    if stakes >= FROM_TIER:
        return "no way round an irreversible tool, courtesy included, and a validator's signature for that"
    return "no way round an irreversible tool that is known"


def _require_until(until: int, now: int, longest: int) -> None:
    if not now < until <= now + longest:
        days = longest // 86_400_000_000
        raise Malformed(f"a signed statement ends in the future, within {days} days", code="bad_until")


def _require_known(order: CoverageOrder, manifest: Manifest) -> None:
    """Raise `Malformed` for a way that could not be counted: silence would look like a host without one."""
    components = {one.name for one in manifest.components}
    for one in order.sightings:
        if one.code not in (*CODES, "note"):
            raise Malformed(f"{one.code[:40]!r} is no way: expected one of {', '.join(CODES)} or note")
        if (one.tool and one.tool not in manifest.tools) or (
            one.component and one.component not in components
        ):
            raise Malformed(f"{manifest.system} declares no {(one.tool or one.component)[:80]}")


def _tool(one: Reached) -> ToolSeams:
    calls = tuple(CallsLine(each.seam, each.count, each.index, each.at) for each in one.calls)
    return ToolSeams(one.tool, one.effect, one.seam, calls, one.round)
