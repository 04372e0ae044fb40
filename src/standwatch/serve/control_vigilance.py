"""How watchful those are who approve, shown to those who validate; and a lost right given back by one of them."""

from collections.abc import Callable

from standwatch.facts.asks import decoys
from standwatch.facts.entries import Revalidated
from standwatch.facts.errors import Forbidden, Malformed, NotFound
from standwatch.facts.parts import SALT_BYTES, Part, commitment
from standwatch.fronts.control_budget import RevalidationOrder, VigilanceLine, VigilanceReport
from standwatch.fronts.control_ports import Actor, Done
from standwatch.record import pace, vigilance
from standwatch.record.signed import Signature
from standwatch.record.state import State
from standwatch.record.vigilance import EDGES, Vigilance
from standwatch.respond.orders import require_reason, sees
from standwatch.serve.control_people import called, names, orderer
from standwatch.serve.control_signed import doubting, require
from standwatch.serve.gate import LiveGate


class Vigils:
    """Every error is a `StandwatchError`."""

    def __init__(self, gate: LiveGate, clock: Callable[[], int]) -> None:
        self._gate, self._clock = gate, clock

    # --- seeing ----------------------------------------------------------------------------------------------

    def report(self, who: Actor, system: str, then: tuple[State, int] | None = None) -> VigilanceReport:
        """Those who answer for `system`, or for any: each to their validators, to who sees all, and to themselves.
        `then` is a state of the past and its moment; who may look, and how much may be asked, is of now."""
        configuration = self._gate.configuration
        state, now = then or (self._gate.state, self._clock())
        standing = state.systems.get(system)
        if system and (standing is None or not sees(orderer(who), system, state)):
            raise NotFound(f"no manifest declares {system[:80]}", cure="standwatch status")
        named = {one for found in state.systems.values() for one in vigilance.named(found.entry)}
        asked = vigilance.named(standing.entry) if standing is not None else named | state.vigilance.keys()
        said = configuration.systems[system].manifest.decoys if system in configuration.systems else None
        organisation = configuration.organisation
        return VigilanceReport(
            state.origin,
            system,
            decoys(said, organisation.decoys, development=state.development),
            tuple(
                self._line(one, state, now, past=then is not None)
                for one in sorted(asked)
                if _may_see(who, one, self._gate.state)
            ),
            names(configuration),
        )

    def _line(self, person: str, state: State, now: int, *, past: bool) -> VigilanceLine:
        known = state.vigilance.get(person) or Vigilance()
        low, high = vigilance.wilson(sum(known.latest), len(known.latest))
        begin, end = vigilance.median(known.times)
        caps = [
            cap
            for name, envelope in self._gate.world.envelopes.items()
            if name in state.systems
            and person in vigilance.named(state.systems[name].entry)
            and (cap := envelope.asks.get("person/asks")) is not None
        ]
        return VigilanceLine(
            person=person,
            may=known.lost < 0,
            asked=known.asked,
            hour=pace.within(state.paces, pace.person(person), now),
            cap=min(caps, default=0),
            approved=known.approved,
            refused=known.refused,
            decoys=known.decoys,
            caught=known.caught,
            fell=known.fell,
            latest=tuple(known.latest),
            share=round(sum(known.latest) / len(known.latest), 4) if known.latest else 0.0,
            low=round(low, 4),
            high=round(high, 4),
            times=tuple(known.times),
            edges=EDGES,
            median_from=begin,
            median_to=end,
            together=known.together,
            agreed=known.agreed,
            finals=known.finals,
            with_final=known.with_final,
            lost=known.lost,
            restored=known.restored,
            validators=vigilance.validators(state, person),
            revalidate=f"standwatch revalidate {person} --reason …" if known.lost >= 0 and not past else "",
        )

    # --- giving back -----------------------------------------------------------------------------------------

    def drafted(self, person: str, order: RevalidationOrder) -> Revalidated:
        """The entry that `order` would make, whoever signed it. Raises what speaks against it."""
        require_reason(order.reason, f"standwatch revalidate {person} --reason …")
        try:
            salt = bytes.fromhex(order.salt)
        except ValueError:
            salt = b""
        if len(salt) != SALT_BYTES:
            raise Malformed(f"a salt has {SALT_BYTES} bytes, in hexadecimal")
        entry = Revalidated(
            by=order.by,
            person=person,
            follows=order.follows,
            key=order.key,
            sig=order.sig,
            why=commitment(salt, order.reason.strip().encode()),
        )
        if wrong := vigilance.problem(self._gate.state, entry):
            raise Forbidden(wrong, cure="standwatch vigilance")
        return entry

    async def revalidate(self, person: str, order: RevalidationOrder) -> Done:
        """Give `person` the right to answer back. Who brings the signature does not matter."""
        entry, state = self.drafted(person, order), self._gate.state
        async with doubting(self._gate):
            message = vigilance.message(entry, state.origin)
            require(Signature(order.by, order.sig, order.key), message, state, self._gate.configuration)
        part = Part("reason", bytes.fromhex(order.salt), order.reason.strip().encode())
        ack = await self._gate.append(entry, (part,))
        who, by = (called(self._gate.configuration, one) for one in (person, order.by))
        return Done(ack.index, ack.at, f"{who} may answer again, says {by}")


def _may_see(who: Actor, person: str, state: State) -> bool:
    return (
        who.sees_all or who.admin or who.ident == person or who.ident in vigilance.validators(state, person)
    )
