"""What an operator asks first: how every system stands, what is open, and who is told."""

import asyncio
from contextlib import suppress

import msgspec

from standwatch.authority.grant import grant
from standwatch.facts.errors import Forbidden, NotFound, StandwatchError
from standwatch.fronts.control_live import Summary
from standwatch.fronts.control_notify import Notifications, TestSent
from standwatch.fronts.control_ports import Actor, FlightLine, HoldLine, HoldStory, LogLine, Status
from standwatch.record.state import Held, State
from standwatch.respond import orders
from standwatch.respond.scope import ALL, parse
from standwatch.serve import control_people as people
from standwatch.serve import control_reading as reading
from standwatch.serve import control_status as lines
from standwatch.serve.ailing import unread
from standwatch.serve.control_held import lifted, placed
from standwatch.serve.control_scopes import covered, holding
from standwatch.serve.control_versions import model_lines
from standwatch.serve.operations import Parts, somebody
from standwatch.serve.until import Until


class Overview(Parts):
    """The present, or a moment of the past, at a glance."""

    async def status(self, who: Actor, as_of: str = "") -> Status:
        """Everything of `standwatch status`: now, or at an index or RFC 3339 time of the past."""
        moment = reading.moment(self._source, as_of) if as_of else None
        state = self._state if moment is None else self._source.state_before(moment.index + 1)
        now = self._clock() if moment is None else moment.at
        organisation = self._configuration.organisation
        log = reading.log_line(self._source, self._vkey, self._clock(), alive=self._link.alive)
        lately = lines.lately(self._source, self._source.size if moment is None else moment.index + 1)
        return Status(
            organisation=organisation.name,
            development=state.development,
            now=self._clock(),
            at=now,
            index=self._source.size - 1 if moment is None else moment.index,
            past=moment is not None,
            root=state.root,
            config=state.config,
            systems=lines.system_lines(
                state,
                self._configuration,
                who,
                (lambda name: self._gate.grant(name, now))
                if moment is None
                else (lambda name: grant(state, name, now)),
                lambda name, system: model_lines(
                    state, name, system if moment is None else None, now, lately
                ),
                keeping=lambda name: self.roster.keeping(state, name, max(now, state.at)),
                bypass=await self.tally.of(now) if moment is None else {},
                spent=await self._spent() if moment is None else {},
                seams=lately.by_system,
            ),
            holds=await self._hold_lines(who, state, now, past=moment is not None),
            questions=lines.open_questions(
                state,
                now,
                who,
                lambda asked: holding(
                    asked, self._gate.world, state, now, self.holds.pending if moment is None else ()
                ),
            ),
            deferred=self.queue.lines(who, state, now),
            runs=lines.run_lines(state, now, who),
            flights=self._flights(who) if moment is None else (),
            agents=sum(one.role != "human" and not one.revoked for one in state.principals.values()),
            seams=lately.seams,
            log=log,
            warnings=self._warnings(who, log) if moment is None else (),
            names=people.names(self._configuration),
            channels=self.notifying.status().channels if self.notifying and moment is None else (),
            relaxations=await self.relaxer.open_lines(who, now, None if moment is None else state),
            watches=self.roster.lines(who, state, max(now, state.at)),
        )

    async def _spent(self) -> dict[str, dict[str, int]]:
        """What was used today; nothing while the recorder is busy with something long."""
        with suppress(TimeoutError, StandwatchError):
            return await asyncio.wait_for(self.spending(), 0.5)
        return {}

    async def summary(self, who: Actor, as_of: str = "") -> Summary:
        """The counts of `status` without what they count: every page asks for them, and again at every change."""
        moment = reading.moment(self._source, as_of) if as_of else None
        state = self._state if moment is None else self._source.state_before(moment.index + 1)
        now = self._clock() if moment is None else moment.at
        watches = self.roster.lines(who, state, max(now, state.at))
        held = sum(not 0 < one.until <= now for one in state.holds.values())
        return Summary(
            organisation=self._configuration.organisation.name,
            development=state.development,
            now=self._clock(),
            at=now,
            index=self._source.size - 1 if moment is None else moment.index,
            past=moment is not None,
            holds=held + (len(self.holds.pending) if moment is None else 0),
            relaxations=len(await self.relaxer.open_lines(who, now, None if moment is None else state)),
            questions=len(lines.open_questions(state, now, who)),
            watch=tuple(dict.fromkeys(one.person for one in watches if one.person)),
            names=people.names(self._configuration),
        )

    async def notifications(self, who: Actor) -> Notifications:
        """Who is told, and what waits to be told. For those who see every system: incidents are about any."""
        _everything(who)
        return self.notifying.status() if self.notifying is not None else Notifications()

    async def test_channel(self, who: Actor, channel: str) -> TestSent:
        """Send a test through one channel."""
        _everything(somebody(who))
        if self.notifying is None:
            raise NotFound(f"there is no channel {channel[:80]}")
        return await self.notifying.test(channel, self._chance(16).hex(), who.ident)

    async def hold(self, who: Actor, number: str, as_of: str = "") -> HoldStory:
        """What became of one hold: also of one that is over, now or at a moment."""
        source, state, now = self._source, self._state, self._clock()
        if as_of:
            moment = reading.moment(source, as_of)
            state, now = source.state_before(moment.index + 1), moment.at
            source = Until(source, moment.index + 1)
        index, entry = await asyncio.to_thread(placed, source, number)
        scope = parse(entry.scope)
        touched = covered(scope, self._gate.world, state)
        held = Held(index, entry.scope, entry.by, entry.at, entry.until)
        line = lines.hold_line(
            held,
            await self.holds.reason(held),
            orders.authority(scope, touched, state),
            () if scope.kind == ALL else touched,
        )
        told = self._may_read_why(who, line, state)
        if not told:
            line = msgspec.structs.replace(line, reason="")
        if index in state.holds and not 0 < entry.until <= now:
            return HoldStory(line, "in force")
        found = await asyncio.to_thread(lifted, source, index, entry)
        if found is None:
            return HoldStory(line, "ended" if 0 < entry.until <= now else "in force")
        place, end = found
        reason = await self.holds.reason_at(place) if told else ""
        return HoldStory(line, "released", place, end.by, end.at, reason)

    async def _hold_lines(self, who: Actor, state: State, now: int, *, past: bool) -> tuple[HoldLine, ...]:
        """Every hold in force: that something is stopped is everybody's to know, why is not."""
        found: list[HoldLine] = [] if past else list(self.holds.pending.values())
        for held in state.holds.values():
            if not 0 < held.until <= now:
                scope = parse(held.scope)
                touched = covered(scope, self._gate.world, state)
                may = orders.authority(scope, touched, state)
                shown = () if scope.kind == ALL else touched
                found.append(lines.hold_line(held, await self.holds.reason(held), may, shown))
        return tuple(
            line if self._may_read_why(who, line, state) else msgspec.structs.replace(line, reason="")
            for line in found
        )

    def _may_read_why(self, who: Actor, line: HoldLine, state: State) -> bool:
        """Whether `who` may read the reason of a hold: of one on a system that they may not see they may not."""
        if who.sees_all or line.by == who.ident or line.scope == ALL:
            return True
        touched = covered(parse(line.scope), self._gate.world, state)
        return any(orders.sees(people.orderer(who), system, state) for system in touched)

    def _flights(self, who: Actor) -> tuple[FlightLine, ...]:
        found = [
            FlightLine(entry.id, index, entry.system, entry.tool, entry.by, entry.at)
            for index, entry in self._source.open_intents().items()
            if orders.sees(people.orderer(who), entry.system, self._state)
        ]
        return tuple(found[: lines.SHOWN_RUNS])

    def _warnings(self, who: Actor, log: LogLine) -> tuple[str, ...]:
        found = lines.warnings(
            self._state,
            self._configuration,
            self._clock(),
            alive=self._link.alive,
            unrecorded=len(self.holds.pending),
            behind=log.behind,
        )
        agents = self._configuration.organisation.agents
        refused = self._adoption.problems if self._adoption is not None else ()
        waits = self._adoption is not None and self._adoption.pending is not None
        return (
            *found,
            *self.glass.warnings(),
            *self.roster.warnings(),
            *lines.set_back(self.behind()),
            *lines.unheard(self.unheard()),
            *(f"The configuration in the folder is not in force: {problem}" for problem in refused),
            *self._ailing(who),
            *(self.notifying.warnings() if self.notifying is not None else ()),
            *(("A changed configuration waits for signatures. standwatch sign-config",) if waits else ()),
            *(f"Goes round us: {path}" for path in self._bypasses(agents.url)),
        )

    def _ailing(self, who: Actor) -> tuple[str, ...]:
        return tuple(
            f"{system}: {said}"
            for system, said in (*unread(self._gate.world), *self.ailing())
            if orders.sees(people.orderer(who), system, self._state)
        )


def _everything(who: Actor) -> None:
    if not (who.admin or who.sees_all) or who.ident == "anonymous":
        raise Forbidden("only an operator or an administrator sees and tests who is told")
