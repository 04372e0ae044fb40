"""What people order: holds, evidence, versions, overrides, relaxations, break-glass, watches and configurations."""

from standwatch.authority.coverage import demanded
from standwatch.authority.grant import grant
from standwatch.authority.tiers import tier
from standwatch.facts.entries import Evidence
from standwatch.facts.errors import StandwatchError
from standwatch.fronts.control_coverage import CoverageOrder
from standwatch.fronts.control_glass import DrillOrder, GlassReport, OpenOrder, ReviewOrder, SealOrder
from standwatch.fronts.control_models import DeploymentOrder, RollbackOrder, Routed, Versions
from standwatch.fronts.control_overrides import OverrideDone, OverrideOrder, OverridesReport
from standwatch.fronts.control_ports import (
    Actor,
    ConfigLine,
    Done,
    Halted,
    HaltOrder,
    NeededLine,
    ReleaseOrder,
    SignatureOrder,
    Statement,
    ValidationOrder,
)
from standwatch.fronts.control_relaxing import (
    RelaxationDone,
    RelaxationLine,
    RelaxationsReport,
    RelaxOrder,
    RelaxSignature,
    RestoreOrder,
)
from standwatch.fronts.control_watch import (
    EndWatchOrder,
    GiveOrder,
    Offered,
    TakeOrder,
    WatchReport,
    WatchSheet,
)
from standwatch.gate.demands import demand
from standwatch.record.state import State
from standwatch.respond import orders
from standwatch.serve import control_evidence as evidence
from standwatch.serve import control_people as people
from standwatch.serve import control_reading as reading
from standwatch.serve.adopt import Adopted, Adoption
from standwatch.serve.control_signed import doubting
from standwatch.serve.operations import Parts, known, require, somebody


class Orders(Parts):
    """Each is judged by whoever does that one thing; here it is only asked who may ask at all."""

    # --- holds -------------------------------------------------------------------------------------------

    async def halt(self, who: Actor, order: HaltOrder) -> Halted:
        """Stop a scope: one act, no approval."""
        return await self.holds.halt(known(who), order)

    async def release(self, who: Actor, hold: str, order: ReleaseOrder) -> Done:
        """Lift one hold; the scope runs again once every holder has released."""
        return await self.holds.release(somebody(who), hold, order.reason)

    async def take_markers(self) -> int:
        """Sequence halts that were ordered while the server was down. See `Holds.take_markers`."""
        return await self.holds.take_markers()

    # --- evidence ----------------------------------------------------------------------------------------

    async def statement(self, who: Actor, system: str, version: str = "", model: str = "") -> Statement:
        """What a validator of `system` would sign now; with `version`, of it with that version of `model` in front."""
        entry = evidence.standing_of(system, self._state).entry
        require(orders.sees(people.orderer(who), system, self._state), who, f"see {system}")
        stakes = tier(self._state, system)
        wanted = demand(stakes)
        return Statement(
            system=system,
            envelope=entry.envelope,
            components=evidence.runs(entry, version, model, self._state, self._configuration),
            org=self._state.origin,
            follows=self._state.last_statement(system),
            tier=stakes,
            demands="; ".join(filter(None, (wanted.text, demanded(stakes)))),
            longest=wanted.longest,
            validators=tuple(entry.validators),
            model=model,
            version=version,
        )

    def statement_of(self, system: str, order: ValidationOrder) -> Evidence:
        """The entry that `order` would come to, its signature not looked at."""
        return evidence.drafted(system, order, self._state, self._configuration, self._clock())

    async def validate(self, who: Actor, system: str, order: ValidationOrder) -> Done:
        """Take a validator's signed statement."""
        somebody(who)
        async with doubting(self._gate):
            entry = evidence.validation(system, order, self._state, self._configuration, self._clock())
        ack = await self._gate.append(entry)
        level = grant(self._state, system, self._clock()).level
        by = people.called(self._configuration, order.by)
        return Done(ack.index, ack.at, f"{system}: {order.outcome} by {by}; its grant is {level}")

    async def report_coverage(self, who: Actor, system: str, order: CoverageOrder) -> Done:
        """Take what was seen on a host into the record; a validator's signature makes it all that goes round there."""
        known(who) if not order.sig else somebody(who)
        async with doubting(self._gate):
            return await self.coverages.report(who, system, order)

    # --- versions ----------------------------------------------------------------------------------------

    async def versions(self, who: Actor, system: str, at: str = "") -> Versions:
        """Which version of each model of `system` answers: now, or at an index or RFC 3339 time of the past."""
        return await self.routes.versions(who, system, at)

    async def deploy(self, who: Actor, system: str, order: DeploymentOrder) -> Routed:
        """Put a version in front, before a part of the requests or beside the front; or take it off again."""
        return await self.routes.deploy(somebody(who), system, order)

    async def rollback(self, who: Actor, system: str, order: RollbackOrder) -> Routed:
        """Back to a former version: one act, no approval."""
        return await self.routes.rollback(known(who), system, order)

    # --- overrides ---------------------------------------------------------------------------------------

    async def override(self, who: Actor, ident: str, row: str, order: OverrideOrder) -> OverrideDone:
        """Change the outcome of one decided row, within the conditions of its manifest."""
        return await self.overruler.override(somebody(who), ident, row, order)

    async def overrides(self, who: Actor, system: str, since: str = "", as_of: str = "") -> OverridesReport:
        """Who overrode how often since an RFC 3339 time, and over what people disagree: up to now, or to a moment."""
        return await self.overruler.overrides(known(who), system, since, as_of)

    # --- relaxations -------------------------------------------------------------------------------------

    async def relax(self, who: Actor, system: str, order: RelaxOrder) -> RelaxationDone:
        """Bypass one named check for a while: it begins, or waits for the other signature that it takes."""
        return await self.relaxer.relax(somebody(who), system, order)

    async def sign_relaxation(self, who: Actor, ident: str, order: RelaxSignature) -> RelaxationDone:
        """Take one more person's signature over a relaxation that waits."""
        return await self.relaxer.sign(somebody(who), ident, order)

    async def restore(self, who: Actor, number: str, order: RestoreOrder) -> Done:
        """End a relaxation before its time: one act, no approval."""
        return await self.relaxer.restore(known(who), number, order)

    async def relaxations(self, who: Actor) -> tuple[RelaxationLine, ...]:
        """What is bypassed now."""
        return await self.relaxer.open_lines(who, self._clock())

    async def relaxations_of(self, who: Actor, system: str, since: str = "") -> RelaxationsReport:
        """The relaxations of `system` since an RFC 3339 time, and its minutes in bypass."""
        return await self.relaxer.report(who, system, since)

    # --- break-glass -------------------------------------------------------------------------------------

    async def glasses(self, who: Actor) -> GlassReport:
        """Every break-glass that `who` may know of."""
        return self.glass.report(known(who))

    async def seal_glass(self, who: Actor, order: SealOrder) -> Done:
        """Put a key aside for a bad night."""
        return await self.glass.seal(somebody(who), order)

    async def open_glass(self, who: Actor, number: str, order: OpenOrder) -> Done:
        """Break the glass: once."""
        return await self.glass.open(somebody(who), number, order)

    async def drill_glass(self, who: Actor, number: str, order: DrillOrder) -> Done:
        """Show that it would open."""
        return await self.glass.drill(somebody(who), number, order)

    async def review_glass(self, who: Actor, number: str, order: ReviewOrder) -> Done:
        """Close the review of an opening."""
        return await self.glass.review(somebody(who), number, order)

    # --- watch-keeping -----------------------------------------------------------------------------------

    async def watches(self, who: Actor, as_of: str = "") -> WatchReport:
        """Every watch that `who` may know of: now, or at a moment."""
        return self.roster.report(known(who), reading.then(self._source, as_of))

    async def watch(self, who: Actor, name: str, as_of: str = "") -> WatchSheet:
        """One watch, with what whoever takes it signs: now, or at a moment."""
        return await self.roster.sheet(known(who), name, reading.then(self._source, as_of))

    async def take_watch(self, who: Actor, name: str, order: TakeOrder) -> Done:
        """Take a watch, signed."""
        return await self.roster.take(somebody(who), name, order)

    async def give_watch(self, who: Actor, name: str, order: GiveOrder) -> Offered:
        """Sign that one gives a watch that one has."""
        return await self.roster.give(somebody(who), name, order)

    async def end_watch(self, who: Actor, name: str, order: EndWatchOrder) -> Done:
        """Nobody has the watch from here on."""
        return await self.roster.end(somebody(who), name, order)

    # --- configuration -----------------------------------------------------------------------------------

    async def configuration(self, who: Actor) -> ConfigLine:
        """The configuration in force, or the one that waits."""
        require(who.sees_all, who, "see the configuration")
        adoption = self.adopting()
        waiting = adoption.waiting()
        if waiting is not None:
            return _config_line(self._state, waiting)
        result = "refused" if adoption.problems else "unchanged"
        return _config_line(
            self._state,
            Adopted(result, self._state.root, warnings=adoption.warnings, problems=adoption.problems),
        )

    async def reload(self, who: Actor) -> ConfigLine:
        """Read the organisation's folder again, and take it up wholly or not at all."""
        require(somebody(who).sees_all, who, "reload the configuration")
        return _config_line(self._state, await self.adopting().reload())

    async def sign_configuration(self, who: Actor, order: SignatureOrder) -> ConfigLine:
        """Take one person's signature over a configuration that waits."""
        somebody(who)
        async with doubting(self._gate):
            return _config_line(self._state, await self.adopting().sign(order.by, order.root, order.sig))

    def adopting(self) -> Adoption:
        """Whoever takes up configurations in this process. Raises where nobody does."""
        if self._adoption is None:
            raise StandwatchError("this process does not take up configurations", code="unavailable")
        return self._adoption


def _config_line(state: State, adopted: Adopted) -> ConfigLine:
    return ConfigLine(
        result=adopted.result,
        root=adopted.root,
        org=state.origin,
        follows=state.config,
        direction=adopted.direction,
        differences=adopted.differences,
        needed=tuple(NeededLine(one.why, one.any_of) for one in adopted.needed),
        problems=adopted.problems,
        warnings=adopted.warnings,
    )
