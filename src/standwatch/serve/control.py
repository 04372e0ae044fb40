"""What operators can do, whatever they hold in their hands: the CLI, the API and the console are skins over this.

Rights are decided in `respond` and `gate`, signatures verified in `control_evidence`; here things are put together,
and appended through the one gate. `fronts.control_ports.Operations` is its contract.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from standwatch.authority.grant import grant
from standwatch.authority.tiers import tier
from standwatch.facts.configuration import Configuration
from standwatch.facts.entries import Evidence
from standwatch.facts.errors import Forbidden, Malformed, NotFound, StandwatchError
from standwatch.facts.frames import Fetch
from standwatch.fronts.control_budget import (
    DeferredLine,
    PullOrder,
    RevalidationOrder,
    VigilanceReport,
)
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_glass import (
    DrillOrder,
    GlassReport,
    OpenOrder,
    ReviewOrder,
    SealOrder,
)
from standwatch.fronts.control_live import Changed, Latest, Sift, Summary, Traffic
from standwatch.fronts.control_models import DeploymentOrder, ModelDiagnosis, RollbackOrder, Routed, Versions
from standwatch.fronts.control_notify import Notifications, TestSent
from standwatch.fronts.control_overrides import OverrideDone, OverrideOrder, OverridesReport
from standwatch.fronts.control_passkeys import (
    ApprovalAsked,
    ApprovalOrder,
    EnrolmentOrder,
    PasskeyAnswerOrder,
    PasskeyEndOrder,
    PasskeyLine,
    PasskeysPage,
    RegisteredOrder,
    Registration,
    RegistrationOrder,
)
from standwatch.fronts.control_ports import (
    Actor,
    AgentLine,
    AgentOrder,
    AnswerOrder,
    Check,
    ConfigLine,
    Done,
    EntryLine,
    FlightLine,
    Halted,
    HaltOrder,
    HoldLine,
    Issued,
    LogLine,
    NeededLine,
    PersonLine,
    QuestionLine,
    QuestionSheet,
    ReleaseOrder,
    SignatureOrder,
    Statement,
    Status,
    ValidationOrder,
)
from standwatch.fronts.control_record import (
    Compared,
    CompareOrder,
    RecordDocument,
    VerificationLine,
    VerifyOrder,
)
from standwatch.fronts.control_relaxing import (
    RelaxationDone,
    RelaxationLine,
    RelaxationsReport,
    RelaxOrder,
    RelaxSignature,
    RestoreOrder,
)
from standwatch.fronts.control_runs import RunDocument, RunList
from standwatch.fronts.control_sessions import (
    EnrolmentAsk,
    EnrolmentAsked,
    EnrolmentMade,
    EnrolmentSeat,
    EnrolmentState,
    Entered,
    Invitation,
    InvitationLine,
    InvitationOrder,
    OidcBegun,
    SessionLine,
    SignInAsk,
    SignInAsked,
    SignInOrder,
)
from standwatch.fronts.control_sheet import Standing
from standwatch.fronts.control_signing import SigningAsked, SigningDone, SigningOrder
from standwatch.fronts.control_systems import SystemSheet
from standwatch.fronts.control_watch import (
    EndWatchOrder,
    GiveOrder,
    Offered,
    TakeOrder,
    WatchReport,
    WatchSheet,
)
from standwatch.gate.demands import demand
from standwatch.keys.tokens import new_token, token_hash
from standwatch.record.assertion import Lured
from standwatch.record.proof import ProofFile
from standwatch.record.questions import Question
from standwatch.record.signed import Cloned
from standwatch.record.state import State
from standwatch.respond import orders
from standwatch.respond.scope import ALL, parse
from standwatch.serve import control_asking as asking
from standwatch.serve import control_evidence as evidence
from standwatch.serve import control_live as live
from standwatch.serve import control_people as people
from standwatch.serve import control_principals as principals
from standwatch.serve import control_reading as reading
from standwatch.serve import control_status as lines
from standwatch.serve.adopt import Adopted, Adoption
from standwatch.serve.control_deferred import Queue
from standwatch.serve.control_diagnosing import Diagnosing
from standwatch.serve.control_endorsing import Endorser
from standwatch.serve.control_explaining import Explaining
from standwatch.serve.control_glass import GlassKeeper
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_overrides import Overruler
from standwatch.serve.control_party import party_of
from standwatch.serve.control_passkeys import Passkeys
from standwatch.serve.control_reading import Record
from standwatch.serve.control_record import Custody
from standwatch.serve.control_relaxations import Relaxer
from standwatch.serve.control_runs import Wanted
from standwatch.serve.control_scopes import covered
from standwatch.serve.control_signed import doubting, lured
from standwatch.serve.control_signing import Signing
from standwatch.serve.control_systems import Systems
from standwatch.serve.control_telling import Telling
from standwatch.serve.control_versions import Routes, model_lines
from standwatch.serve.control_vigilance import Vigils
from standwatch.serve.control_watch import Roster
from standwatch.serve.gate import LiveGate
from standwatch.serve.growth import Growth
from standwatch.serve.invitations import Invitations
from standwatch.serve.notifying import Notifying
from standwatch.serve.oidc import Oidc
from standwatch.serve.openings import Openings, Shown
from standwatch.serve.sessions import Sessions
from standwatch.serve.tally import Tally
from standwatch.serve.until import Then
from standwatch.store.link import Link


def _everything(who: Actor) -> None:
    if not (who.admin or who.sees_all) or who.ident == "anonymous":
        raise Forbidden("only an operator or an administrator sees and tests who is told")


class Control:
    """Operations on one organisation. Times in µs UTC; every error is a `StandwatchError`."""

    def __init__(
        self,
        gate: LiveGate,
        link: Link,
        source: Record,
        *,
        vkey: str,
        folder: Path,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
        adoption: Adoption | None = None,
        bypasses: Callable[[str], Sequence[str]] = lambda _: (),
        checks: Callable[[], Sequence[Check]] = tuple,
        account: Callable[[int], str] = people.account_name,
    ) -> None:
        """`folder` is the state folder (`halts.reserve` lies there). `bypasses` names the paths that go round the
        agents' listener at a URL, `checks` what else `diagnose` looks at, `account` a host account by its uid."""
        self._gate = gate
        self._link = link
        self._source = source
        self._vkey = vkey
        self._clock = clock
        self._chance = chance
        self._adoption = adoption
        self._bypasses = bypasses
        self._checks = checks
        self._account = account
        self.holds = Holds(gate, link, source, folder, clock, chance)
        self.routes = Routes(gate, source, self.holds, clock)
        self.growth = Growth()
        """Woken by whoever commits: `Recorder.on_growth`."""
        self.watcher = live.Watcher(source)
        self.systems = Systems(gate, source, clock, bypasses)
        self.explaining: Explaining | None = None
        """Explains decisions; set by whoever knows the models' servers."""
        self.behind: Callable[[], int] = lambda: 0
        """µs by which this host's wall clock was set back; the time goes on all the same (`serve.clock`)."""
        self.notifying: Notifying | None = None
        """Tells people; set by whoever runs it."""
        self.diagnosing = Diagnosing(gate, source, clock)
        self.telling = Telling(gate, source, vkey, clock)
        self.custody = Custody(source, vkey, clock)
        self.glass = GlassKeeper(gate, self.holds, clock)
        self.relaxer = Relaxer(gate, link, source, self.holds, clock)
        self.tally = Tally(source)
        self.roster = Roster(gate, link, self.holds, clock)
        self.overruler = Overruler(gate, link, source, clock, chance)
        self.queue = Queue(gate, link, clock, chance)
        self.openings = Openings(gate, link, clock)
        self.vigils = Vigils(gate, clock)
        self.shown = Shown(clock)
        self.passkeys = Passkeys(gate, source, clock, chance)
        self.endorser = Endorser(gate, link, source, clock)
        self.signing = Signing(self, gate, chance)
        self.sessions = Sessions(gate, clock, chance)
        self.oidc: Oidc | None = None
        """Asks an issuer; set by whoever knows the folder and the environment."""
        self.invitations = Invitations(gate, self.passkeys, self.sessions.rates, clock, chance)

    @property
    def _state(self) -> State:
        return self._gate.state

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    # --- who -----------------------------------------------------------------------------------------------

    def actor(self, peer: str, authorization: str) -> Actor:
        """Who is behind a request: the account at the socket's other end, unless a token says more precisely."""
        if not authorization:
            found = people.by_peer(self._configuration, peer, self._account)
            if found is not None:
                return found
        return people.by_token(self._configuration, self._state, authorization, self._clock())

    def visitor(self, came: Came) -> Actor:
        """Who is behind a session's cookie. Raises `Forbidden` (`unauthenticated`) for nobody, for any reason."""
        return self.sessions.recognise(came)

    def still(self, who: Actor) -> bool:
        """Whether `who` would be let in still, with the rights that they came with: what goes on for long asks again
        and again."""
        return self.sessions.still(who) and people.lasting(
            who, self._configuration, self._state, self._clock()
        )

    def _lasting(self, who: Actor) -> Callable[[], bool]:
        """`still`, for who came in just now: the token of this moment, and no later one of theirs."""
        before = self._state.principals.get(who.ident)
        token = before.token if before is not None and who.how == "token" else ""

        def still() -> bool:
            now = self._state.principals.get(who.ident)
            return (not token or (now is not None and now.token == token)) and self.still(who)

        return still

    def anybody(self, address: str) -> Actor | None:
        """Pages on loopback are open in a development organisation, to be read only. `address`: the client's."""
        if self._configuration.organisation.development and address in ("127.0.0.1", "::1"):
            return Actor("anonymous", "anonymous", sees_all=True)
        return None

    # --- status --------------------------------------------------------------------------------------------

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
            ),
            holds=await self._hold_lines(who, state, now, past=moment is not None),
            questions=lines.open_questions(state, now, who),
            deferred=self.queue.lines(who, state, now),
            runs=lines.run_lines(state, now, who),
            flights=self._flights(who) if moment is None else (),
            agents=sum(one.role != "human" and not one.revoked for one in state.principals.values()),
            seams=lately.seams,
            log=log,
            warnings=self._warnings(log) if moment is None else (),
            names=people.names(self._configuration),
            channels=self.notifying.status().channels if self.notifying and moment is None else (),
            relaxations=await self.relaxer.open_lines(who, now, None if moment is None else state),
            watches=self.roster.lines(who, state, max(now, state.at)),
        )

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
        _everything(_somebody(who))
        if self.notifying is None:
            raise NotFound(f"there is no channel {channel[:80]}")
        return await self.notifying.test(channel, self._chance(16).hex(), who.ident)

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

    def _warnings(self, log: LogLine) -> tuple[str, ...]:
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
            *(f"The configuration in the folder is not in force: {problem}" for problem in refused),
            *(self.notifying.warnings() if self.notifying is not None else ()),
            *(("A changed configuration waits for signatures. standwatch sign-config",) if waits else ()),
            *(f"Goes round us: {path}" for path in self._bypasses(agents.url)),
        )

    # --- holds ---------------------------------------------------------------------------------------------

    async def halt(self, who: Actor, order: HaltOrder) -> Halted:
        """Stop a scope: one act, no approval."""
        return await self.holds.halt(_known(who), order)

    async def release(self, who: Actor, hold: str, order: ReleaseOrder) -> Done:
        """Lift one hold; the scope runs again once every holder has released."""
        return await self.holds.release(_somebody(who), hold, order.reason)

    async def take_markers(self) -> int:
        """Sequence halts that were ordered while the server was down. See `Holds.take_markers`."""
        return await self.holds.take_markers()

    # --- principals ----------------------------------------------------------------------------------------

    async def agents(self, who: Actor) -> tuple[AgentLine, ...]:
        """Every principal that holds or held a token."""
        _require(who.sees_all, who, "list principals")
        return principals.lines(self._state)

    async def add_agent(self, who: Actor, order: AgentOrder) -> Issued:
        """A new principal, or a new token for a human; the token is in the answer and nowhere else."""
        _require(_somebody(who).admin, who, "add principals", cure=_ADMIN)
        if 0 < order.until <= self._clock():
            raise Malformed("a token ends in the future", code="bad_until")
        token = new_token(self._chance)
        entry = principals.added(order, who.ident, token_hash(token) or "", self._state, self._configuration)
        ack = await self._gate.append(entry)
        return Issued(entry.name, token, ack.index, order.until)

    async def revoke_agent(self, who: Actor, name: str) -> Done:
        """End a principal's credential: a way of stopping, so whoever may see one of its systems may."""
        ended = principals.revoked(name, _known(who).ident, self._state)
        mine = any(orders.sees(people.orderer(who), system, self._state) for system in ended.systems)
        _require(who.sees_all or mine, who, f"revoke {name}")
        ack = await self._gate.append(ended)
        return Done(ack.index, ack.at, f"revoked {name}")

    # --- questions and evidence ------------------------------------------------------------------------------

    async def questions(self, who: Actor) -> tuple[QuestionLine, ...]:
        """What waits for a human."""
        return lines.open_questions(self._state, self._clock(), who)

    async def question(self, who: Actor, ident: str) -> QuestionSheet:
        """One open question, with the canonical action whole."""
        return await self._sheet(who, evidence.open_question(ident, self._state, self._clock(), "refuse"))

    async def inquiry(self, who: Actor, ident: str) -> QuestionSheet:
        """The same, also of one that is over."""
        return await self._sheet(who, asking.inquiry(self._source, self._state, ident))

    async def standing(self, who: Actor, ident: str) -> Standing:
        """How a question stands, open or over."""
        question = asking.inquiry(self._source, self._state, ident)
        self._sees_question(who, question)
        return asking.standing(self._source, self._state, question, self._clock())

    def _sees_question(self, who: Actor, question: Question) -> None:
        allowed = orders.sees(people.orderer(who), question.entry.system, self._state)
        _require(allowed, who, "see that question")

    async def _sheet(self, who: Actor, question: Question) -> QuestionSheet:
        self._sees_question(who, question)
        ident = question.entry.id
        self.shown.to(who.ident, ident)
        action = await self._link.fetch(Fetch(self._link.next_number(), ident, "action"))
        if not action.known:
            raise NotFound(f"the action of {ident} was erased: it cannot be approved", reference=ident)
        sealed = await asyncio.to_thread(asking.findings_of, self._source, question)
        around = await asyncio.to_thread(
            asking.around, question, action.data, sealed, self._source, self._configuration
        )
        return QuestionSheet(
            question=lines.question_line(question, self._state, self._clock()),
            action=action.data.decode(),
            findings=_shown(sealed) if sealed else {},
            org=self._state.origin,
            names=people.names(self._configuration),
            around=around,
            standing=asking.standing(self._source, self._state, question, self._clock()),
            endorsable=await self.endorser.offered(question, action.data),
        )

    async def answer(self, who: Actor, ident: str, order: AnswerOrder) -> Done:
        """Take a human's signed answer. Who brings it does not matter: the signature says whose it is."""
        _somebody(who)
        if order.decision == "endorse":
            # Which of its values are whose to vouch for is told to those who may see it.
            self._sees_question(who, evidence.open_question(ident, self._state, self._clock()))
            return await self._closed(ident, "approve", await self.endorser.take(ident, order))
        try:
            entry = evidence.answer(
                ident, order, self._state, self._configuration, self._source, now=self._clock()
            )
        except evidence.Cloned as error:
            await self.passkeys.doubt(error.entry, error.count)
            raise
        except Lured as error:
            question = self._state.questions.get(ident)
            await lured(self._gate, error, question.index if question else -1)
            raise
        took = self.shown.took(ident, order.by, who.ident)
        ack = await self._gate.append(evidence.timed(entry, took))
        word = "approved" if order.decision == "approve" else "refused"
        told = f"{ident} {word} by {order.by}", lines.missing(self._state, ident)
        taken = Done(ack.index, ack.at, ". ".join(filter(None, told)))
        return await self._closed(ident, order.decision, taken)

    async def _closed(self, ident: str, decision: str, done: Done) -> Done:
        """Somebody answered: where nobody can any more, say what the question was."""
        opened = None
        # They answered all the same: what cannot be opened now is opened later.
        with suppress(StandwatchError):
            opened = await self.openings.open(ident)
        told = done.text, self.openings.told(opened, decision)
        return Done(done.index, done.at, ". ".join(filter(None, told)))

    async def ask_approval(self, who: Actor, ident: str, order: ApprovalOrder) -> ApprovalAsked:
        """What a passkey must sign to answer a question, as a browser wants it."""
        if order.decision == "endorse":
            self._sees_question(who, evidence.open_question(ident, self._state, self._clock()))
            question, line = await self.endorser.line(ident, order.argument)
            asked = self.passkeys.ask_to_endorse(_somebody(who), question, line, order)
        else:
            asked = self.passkeys.ask(_somebody(who), ident, order)
        self.shown.to(who.ident, ident)
        return asked

    async def answer_by_passkey(self, who: Actor, ident: str, order: PasskeyAnswerOrder) -> Done:
        """Take the answer that a browser signed with a passkey."""
        return await self.answer(who, ident, self.passkeys.order(order))

    async def deferred(self, who: Actor) -> tuple[DeferredLine, ...]:
        """What waits because too much was asked."""
        return self.queue.lines(who, self._state, self._clock())

    async def ask_deferred(self, who: Actor, ident: str) -> Done:
        """Pull a deferred act into a question, where there is room."""
        return await self.queue.ask(_somebody(who), ident)

    async def vigilance(self, who: Actor, system: str = "") -> VigilanceReport:
        """How watchful those are who approve."""
        return self.vigils.report(_known(who), system)

    async def revalidate(self, who: Actor, person: str, order: RevalidationOrder) -> Done:
        """Take a validator's signature for somebody who approved a decoy."""
        _somebody(who)
        return await self.vigils.revalidate(person, order)

    async def drop_deferred(self, who: Actor, ident: str, order: PullOrder) -> Done:
        """Pull a deferred act out of the way."""
        return await self.queue.drop(_somebody(who), ident, order.reason)

    # --- passkeys --------------------------------------------------------------------------------------------

    async def list_passkeys(self, who: Actor) -> PasskeysPage:
        """Passkeys with what became of them, and those that wait for a signature."""
        return self.passkeys.listed(_known(who))

    async def begin_passkey(self, who: Actor, order: RegistrationOrder) -> Registration:
        """Begin a registration in the browser."""
        return self.passkeys.begin(_somebody(who), order)

    async def finish_passkey(self, who: Actor, order: RegisteredOrder) -> PasskeyLine:
        """Take what the browser made; it waits for a signature."""
        return self.passkeys.finish(_somebody(who), order)

    async def sign_passkey(self, who: Actor, credential: str, order: EnrolmentOrder) -> Done:
        """Enrol a passkey that waits. Who brings the signature does not matter."""
        _somebody(who)
        return await self.passkeys.sign(credential, order)

    async def end_passkey(self, who: Actor, credential: str, order: PasskeyEndOrder) -> Done:
        """End a passkey."""
        return await self.passkeys.end(_known(who), credential, order)

    def passkey_origin(self) -> str:
        """The one origin whose pages passkeys are made for."""
        return party_of(self._configuration.organisation).origin

    def issuer_host(self) -> str:
        """The host of the OpenID Connect issuer whose word is taken; "" for none."""
        issuer = self._configuration.organisation.sign_in.oidc
        return issuer.issuer.partition("://")[2].partition("/")[0] if issuer is not None else ""

    # --- sessions --------------------------------------------------------------------------------------------

    async def begin_oidc(self, came: Came) -> OidcBegun:
        """Where a browser goes to sign in with the issuer."""
        return await self._issuers().begin(came)

    async def finish_oidc(self, came: Came, answer: Mapping[str, str], browser: str) -> Entered:
        """Open the session of whoever the issuer says came back."""
        return await self._issuers().finish(came, answer, browser)

    def _issuers(self) -> Oidc:
        if self.oidc is None:
            raise NotFound("no issuer is configured", cure="docs/manifest.md, sign_in")
        return self.oidc

    async def ask_sign_in(self, came: Came, order: SignInAsk) -> SignInAsked:
        """What a passkey must sign to open a session."""
        return self.sessions.ask(came, order)

    async def sign_in(self, came: Came, order: SignInOrder) -> Entered:
        """Open a session with what a browser signed."""
        try:
            return await self.sessions.open(came, order)
        except Cloned as error:
            await self.passkeys.doubt_passkey(error.passkey, error.count)
            raise

    async def list_sessions(self, who: Actor) -> tuple[SessionLine, ...]:
        """Open sessions: one's own, or everybody's for who sees every system."""
        return self.sessions.listed(_known(who))

    async def end_session(self, who: Actor, session: str) -> Done:
        """End a session: one's own, or by an admin anybody's; `current` is the one that asks."""
        return await self.sessions.end(_known(who), session)

    async def invite(self, who: Actor, order: InvitationOrder) -> Invitation:
        """A link with which somebody enrols a passkey."""
        return self.invitations.invite(_somebody(who), order)

    async def invitation(self, who: Actor, name: str) -> InvitationLine:
        """What became of an invitation."""
        return self.invitations.look(_known(who), name)

    async def begin_enrolment(self, came: Came, order: EnrolmentAsk) -> EnrolmentAsked:
        """Begin to enrol with a link, which is then spent, or again with the seat that it gave."""
        return self.invitations.begin(came, order)

    async def finish_enrolment(self, came: Came, order: EnrolmentMade) -> EnrolmentState:
        """Take what the browser made; it waits for a person's key to vouch for it."""
        return self.invitations.finish(came, order)

    async def enrolment(self, came: Came, order: EnrolmentSeat) -> EnrolmentState:
        """Whether it was vouched for."""
        return self.invitations.state(came, order.seat)

    # --- evidence --------------------------------------------------------------------------------------------

    async def statement(self, who: Actor, system: str, version: str = "", model: str = "") -> Statement:
        """What a validator of `system` would sign now; with `version`, of it with that version of `model` in front."""
        entry = evidence.standing_of(system, self._state).entry
        _require(orders.sees(people.orderer(who), system, self._state), who, f"see {system}")
        stakes = tier(self._state, system)
        wanted = demand(stakes)
        return Statement(
            system=system,
            envelope=entry.envelope,
            components=evidence.runs(entry, version, model, self._state, self._configuration),
            org=self._state.origin,
            follows=self._state.last_statement(system),
            tier=stakes,
            demands=wanted.text,
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
        _somebody(who)
        async with doubting(self._gate):
            entry = evidence.validation(system, order, self._state, self._configuration, self._clock())
        ack = await self._gate.append(entry)
        level = grant(self._state, system, self._clock()).level
        return Done(ack.index, ack.at, f"{system}: {order.outcome} by {order.by}; its grant is {level}")

    # --- versions --------------------------------------------------------------------------------------------

    async def versions(self, who: Actor, system: str, at: str = "") -> Versions:
        """Which version of each model of `system` answers: now, or at an index or RFC 3339 time of the past."""
        return await self.routes.versions(who, system, at)

    async def deploy(self, who: Actor, system: str, order: DeploymentOrder) -> Routed:
        """Put a version in front, before a part of the requests or beside the front; or take it off again."""
        return await self.routes.deploy(_somebody(who), system, order)

    async def rollback(self, who: Actor, system: str, order: RollbackOrder) -> Routed:
        """Back to a former version: one act, no approval."""
        return await self.routes.rollback(_known(who), system, order)

    # --- overrides -------------------------------------------------------------------------------------------

    async def override(self, who: Actor, ident: str, row: str, order: OverrideOrder) -> OverrideDone:
        """Change the outcome of one decided row, within the conditions of its manifest."""
        return await self.overruler.override(_somebody(who), ident, row, order)

    async def overrides(self, who: Actor, system: str, since: str = "", as_of: str = "") -> OverridesReport:
        """Who overrode how often since an RFC 3339 time, and over what people disagree: up to now, or to a moment."""
        return await self.overruler.overrides(_known(who), system, since, as_of)

    # --- relaxations -----------------------------------------------------------------------------------------

    async def relax(self, who: Actor, system: str, order: RelaxOrder) -> RelaxationDone:
        """Bypass one named check for a while: it begins, or waits for the other signature that it takes."""
        return await self.relaxer.relax(_somebody(who), system, order)

    async def sign_relaxation(self, who: Actor, ident: str, order: RelaxSignature) -> RelaxationDone:
        """Take one more person's signature over a relaxation that waits."""
        return await self.relaxer.sign(_somebody(who), ident, order)

    async def restore(self, who: Actor, number: str, order: RestoreOrder) -> Done:
        """End a relaxation before its time: one act, no approval."""
        return await self.relaxer.restore(_known(who), number, order)

    async def relaxations(self, who: Actor) -> tuple[RelaxationLine, ...]:
        """What is bypassed now."""
        return await self.relaxer.open_lines(who, self._clock())

    async def relaxations_of(self, who: Actor, system: str, since: str = "") -> RelaxationsReport:
        """The relaxations of `system` since an RFC 3339 time, and its minutes in bypass."""
        return await self.relaxer.report(who, system, since)

    # --- break-glass -----------------------------------------------------------------------------------------

    async def glasses(self, who: Actor) -> GlassReport:
        """Every break-glass that `who` may know of."""
        return self.glass.report(_known(who))

    async def seal_glass(self, who: Actor, order: SealOrder) -> Done:
        """Put a key aside for a bad night."""
        return await self.glass.seal(_somebody(who), order)

    async def open_glass(self, who: Actor, number: str, order: OpenOrder) -> Done:
        """Break the glass: once."""
        return await self.glass.open(_somebody(who), number, order)

    async def drill_glass(self, who: Actor, number: str, order: DrillOrder) -> Done:
        """Show that it would open."""
        return await self.glass.drill(_somebody(who), number, order)

    async def review_glass(self, who: Actor, number: str, order: ReviewOrder) -> Done:
        """Close the review of an opening."""
        return await self.glass.review(_somebody(who), number, order)

    # --- watch-keeping ---------------------------------------------------------------------------------------

    async def watches(self, who: Actor) -> WatchReport:
        """Every watch that `who` may know of."""
        return self.roster.report(_known(who))

    async def watch(self, who: Actor, name: str) -> WatchSheet:
        """One watch, with what whoever takes it signs."""
        return await self.roster.sheet(_known(who), name)

    async def take_watch(self, who: Actor, name: str, order: TakeOrder) -> Done:
        """Take a watch, signed."""
        return await self.roster.take(_somebody(who), name, order)

    async def give_watch(self, who: Actor, name: str, order: GiveOrder) -> Offered:
        """Sign that one gives a watch that one has."""
        return await self.roster.give(_somebody(who), name, order)

    async def end_watch(self, who: Actor, name: str, order: EndWatchOrder) -> Done:
        """Nobody has the watch from here on."""
        return await self.roster.end(_somebody(who), name, order)

    # --- signing with a passkey ------------------------------------------------------------------------------

    async def ask_signature(self, who: Actor, order: SigningOrder) -> SigningAsked:
        """What a passkey must sign, as a browser wants it."""
        return await self.signing.ask(_somebody(who), order)

    async def sign_by_passkey(self, who: Actor, order: SigningOrder) -> SigningDone:
        """Take what a browser signed with a passkey."""
        return await self.signing.take(_somebody(who), order)

    # --- people ----------------------------------------------------------------------------------------------

    async def people(self, who: Actor) -> tuple[PersonLine, ...]:
        """Who is who, and with which keys they sign."""
        _require(who.sees_all, who, "list people")
        return tuple(
            PersonLine(
                one.id,
                one.name or one.address,
                one.address,
                tuple(evidence.keys_of(one.id, self._state, self._configuration)),
                one.roles,
            )
            for one in self._configuration.organisation.people
        )

    # --- configuration ---------------------------------------------------------------------------------------

    async def configuration(self, who: Actor) -> ConfigLine:
        """The configuration in force, or the one that waits."""
        _require(who.sees_all, who, "see the configuration")
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
        _require(_somebody(who).sees_all, who, "reload the configuration")
        return _config_line(self._state, await self.adopting().reload())

    async def sign_configuration(self, who: Actor, order: SignatureOrder) -> ConfigLine:
        """Take one person's signature over a configuration that waits."""
        _somebody(who)
        async with doubting(self._gate):
            return _config_line(self._state, await self.adopting().sign(order.by, order.root, order.sig))

    def adopting(self) -> Adoption:
        """Whoever takes up configurations in this process. Raises where nobody does."""
        if self._adoption is None:
            raise StandwatchError("this process does not take up configurations", code="unavailable")
        return self._adoption

    # --- reading ---------------------------------------------------------------------------------------------

    async def entries(self, who: Actor, start: str, limit: str) -> tuple[EntryLine, ...]:
        """Entries from index `start` on (negative: from the end), at most `limit`."""
        _require(who.sees_all, who, "read the record")
        return tuple(reading.entry_lines(self._source, start, limit))

    def tail(self, who: Actor, start: str, sift: Sift = Sift()) -> AsyncIterator[EntryLine]:  # noqa: B008 - frozen
        """Entries from `start` on, and then as they are committed; until the session that `who` came with ends."""
        _require(who.sees_all, who, "read the record")
        return live.follow(self._source, self.growth, start, sift, self._lasting(who))

    async def latest(self, who: Actor, before: str, limit: str, sift: Sift) -> Latest:
        """Entries before index `before` ("" for the end), the latest first."""
        _require(who.sees_all, who, "read the record")
        at = reading.position(self._source, before) if before else -1
        return await asyncio.to_thread(live.latest, self._source, at, live.at_most(limit), sift)

    def changes(self, who: Actor, after: str = "") -> AsyncIterator[Changed]:
        """That something changed, and what it concerns: no more, so whoever may open a page may hear when to reload."""
        return live.changes(self._source, self.growth, self._lasting(who), after)

    async def system(self, who: Actor, system: str, as_of: str = "") -> SystemSheet:
        """One system whole, now or at an index or RFC 3339 time of the past."""
        models = (await self.routes.versions(who, system, as_of)).models
        return await self.systems.sheet(who, system, as_of, models)

    async def traffic(self, who: Actor, as_of: str = "") -> Traffic:
        """What the systems that `who` may see asked for in an hour, and how it went."""
        if as_of:
            moment = reading.moment(self._source, as_of)
            seen = self._seen(who, self._source.state_before(moment.index + 1))
            return await asyncio.to_thread(live.past, self._source, moment.index, moment.at, seen)
        now = self._clock()
        await self.watcher.look(now)
        return self.watcher.present(now, self._seen(who, self._state))

    def _seen(self, who: Actor, state: State) -> tuple[str, ...]:
        return tuple(name for name in state.systems if orders.sees(people.orderer(who), name, state))

    async def explain(self, who: Actor, ident: str, as_of: str = "", again: bool = True) -> Any:
        """How one action came to what it came to, with its proof; `again`: what is found by executing it again too."""
        return await self.telling.explain(who, ident, as_of, self.explaining, again=again)

    async def proof(self, who: Actor, ident: str) -> ProofFile:
        """One file that proves an action or decision."""
        return await self.telling.proof(who, ident)

    async def run(  # noqa: PLR0917 - the parameters of its path
        self, who: Actor, run: str, begin: str = "", limit: str = "", as_of: str = "", at: str = ""
    ) -> RunDocument:
        """A run, with a page of what it did: from act `begin` on, or that of entry `at`."""
        return await self.telling.run(who, run, Wanted(begin, limit, at), as_of)

    async def record(self, who: Actor, as_of: str = "") -> RecordDocument:
        """How long the record is, how far signed, and how the last verification ended; or how it was at a moment."""
        moment = reading.moment(self._source, as_of) if as_of else None
        source = self._source if moment is None else Then(self._source, moment.index + 1)
        now = self._clock() if moment is None else moment.at
        log = reading.log_line(source, self._vkey, now, alive=self._link.alive)
        seams = lines.lately(self._source, source.size).seams
        if moment is not None:
            return await self.custody.document(who, source, log, seams)
        agents = self._configuration.organisation.agents
        bypasses = self._bypasses(f"http://{agents.host}:{agents.port}")
        return await self.custody.document(who, source, log, seams, bypasses)

    async def verify_record(self, who: Actor, order: VerifyOrder) -> VerificationLine:
        """Verify the record in the background."""
        return await self.custody.verify(_known(who), order)

    async def compare_checkpoint(self, who: Actor, order: CompareOrder) -> Compared:
        """Whether the record extends a checkpoint that somebody kept."""
        return await self.custody.compare(who, order)

    async def runs(self, who: Actor, system: str = "", before: str = "") -> RunList:
        """The latest runs, of one system or of all that `who` may see."""
        return await self.telling.runs(who, system, before)

    def export(self, who: Actor, start: str, stop: str, payloads: str) -> Iterator[tuple[str, bytes]]:
        """The files of an export of [start, stop)."""
        _require(who.auditor or who.admin, who, "export the record")
        return reading.export(self._source, self._vkey, start, stop, payloads=payloads == "true")

    async def diagnose(self, who: Actor) -> tuple[Check, ...]:
        """What is looked at when something is wrong."""
        _require(who.sees_all, who, "diagnose")
        log = reading.log_line(self._source, self._vkey, self._clock(), alive=self._link.alive)
        return (*reading.checks(self._state, self._configuration, log, self._clock()), *self._checks())

    async def diagnose_decisions(
        self, who: Actor, system: str, since: str, model: str, as_of: str = ""
    ) -> tuple[ModelDiagnosis, ...]:
        """When a system's decisions changed, and what changed with them: up to now, or to a moment."""
        return await self.diagnosing.diagnose(who, system, since, model, as_of)

    def ready(self) -> str:
        """Why no action may pass now; "" where they may."""
        if not self._link.alive:
            return "the record cannot be written"
        if self._state.stopped:
            return self._state.stopped
        return "" if self._state.config >= 0 else "no configuration is in force"

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint. Raises `NotFound` before the first."""
        return self._source.checkpoint()

    def tile(self, path: str) -> bytes | None:
        """The resource `tile/…` of the log; None where there is none of that name."""
        return reading.tile(self._source, path)


def _shown(findings: bytes) -> dict[str, Any]:
    """The sealed findings without what opens the question's flag: whoever answers is not told before."""
    found = msgspec.json.decode(findings, type=dict[str, Any])
    return {name: found[name] for name in ("findings", "grant") if name in found}


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


_ADMIN: Final = (
    "ask somebody with the role admin; on the server's host, set os_user for an admin in standwatch.yaml"
)


def _require(allowed: bool, who: Actor, act: str, cure: str = "") -> None:
    if not allowed:
        raise Forbidden(f"{who.name} may not {act}", cure=cure)


def _known(who: Actor) -> Actor:
    """Acts need somebody who answers for them: reading anonymously is all that anonymity gives."""
    if who.ident == "anonymous":
        raise Forbidden("sign in to act", code="unauthenticated", cure="/signin")
    return who


def _somebody(who: Actor) -> Actor:
    """And more than an issuer's word: that reads and stops, no more. INVARIANT: acts that do not stop ask this."""
    if _known(who).how == "issuer":
        raise Forbidden(
            f"{who.name} signed in by word of an issuer, which reads and stops: sign in with a passkey",
            code="passkey_needed",
            cure="/signin",
        )
    return who
