"""What the operators' side speaks: the documents it answers with, the orders it takes, and who can carry them out.

Times are integer microseconds UTC (0 for none), as in the record. People are named by their opaque id; `names`
says how to show them.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from standwatch.fronts.control_budget import (
    DeferredLine,
    PullOrder,
    RevalidationOrder,
    VigilanceReport,
)
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_coverage import CoverageOrder, CoverageSheet
from standwatch.fronts.control_glass import (
    DrillOrder,
    GlassReport,
    OpenOrder,
    ReviewOrder,
    SealOrder,
)
from standwatch.fronts.control_live import Changed, EntryLine, Latest, Sift, Summary, Traffic
from standwatch.fronts.control_models import (
    DeploymentOrder,
    ModelDiagnosis,
    ModelLine,
    RollbackOrder,
    Routed,
    Versions,
)
from standwatch.fronts.control_notify import ChannelLine, Notifications, TestSent
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
from standwatch.fronts.control_replay import ReplayDocument, ReplayOrder
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
from standwatch.fronts.control_sheet import Around, Standing
from standwatch.fronts.control_signing import SigningAsked, SigningDone, SigningOrder
from standwatch.fronts.control_systems import SystemSheet
from standwatch.fronts.control_watch import (
    EndWatchOrder,
    GiveOrder,
    Offered,
    TakeOrder,
    WatchLine,
    WatchReport,
    WatchSheet,
)
from standwatch.record.proof import ProofFile


class Actor(msgspec.Struct, frozen=True):
    """Who asks. `ident` is a person's opaque id, or `local` for the owner of the socket who is nobody's account."""

    ident: str
    name: str
    admin: bool = False
    sees_all: bool = False
    auditor: bool = False
    how: str = ""
    """How they came in: `socket`, `token`, `passkey`, or `issuer` (which reads and stops, and signs nothing)."""
    session: str = ""
    """SHA-256 of the session's cookie; "" without one."""


# --- answers -------------------------------------------------------------------------------------------------


class ReasonLine(msgspec.Struct, frozen=True):
    """Why a grant is no higher: the level it is capped to, and the command that would cure it."""

    cap: str
    code: str
    text: str
    cure: str = ""


class SpentLine(msgspec.Struct, frozen=True):
    """What a system's language models used today of one budget: `tokens`, or `money` in micro-units."""

    name: str
    spent: int
    text: str


class SystemLine(msgspec.Struct, frozen=True):
    """One system: what it may do alone now, until when, why, and what its tier demands."""

    system: str
    level: str
    until: int
    reasons: tuple[ReasonLine, ...]
    tier: int
    demands: str
    environment: str
    purpose: str
    owner: tuple[str, ...]
    halt_authority: tuple[str, ...]
    validator: tuple[str, ...]
    envelope: str
    components: str
    declared: int
    evidence: tuple[int, ...] = ()
    observed_until: int = 0
    tier_reasons: tuple[str, ...] = ()
    """Why it is of that tier: what is declared, what was measured, and how people are weighed."""
    models: tuple[ModelLine, ...] = ()
    watch: tuple[str, ...] = ()
    """Who has a watch over it now."""
    bypass: dict[str, int] = {}
    """µs in bypass in the last thirty days, by check; overlapping relaxations count once."""
    seams: dict[str, int] = {}
    """Its actions among the latest entries, by seam: how they reached us."""
    spent: tuple[SpentLine, ...] = ()
    """Budgets of tokens and money, with what is spent or reserved of them since midnight (UTC)."""


class HoldLine(msgspec.Struct, frozen=True):
    """A hold. `id` is its entry's index; -1 while it is in force in memory and not yet in the record."""

    id: int
    scope: str
    by: str
    at: int
    until: int = 0
    reason: str = ""
    release: str = ""
    """Who, beside its holder, may release it."""
    covers: tuple[str, ...] = ()
    """The declared systems that it falls on; empty where it falls on all of them, or on none."""


class HoldStory(msgspec.Struct, frozen=True):
    """A hold of the record, in force or over: `state` is `in force`, `released`, or `ended` (by its own `until`).

    `released` is the entry that lifted it (-1 for none), with who did, when (µs), and why.
    """

    line: HoldLine
    state: str
    released: int = -1
    released_by: str = ""
    released_at: int = 0
    released_reason: str = ""


class QuestionLine(msgspec.Struct, frozen=True):
    """An open question, and the commands that answer it."""

    id: str
    index: int
    system: str
    tool: str
    by: str
    run: str
    at: int
    until: int
    digest: str
    signers: tuple[str, ...]
    approve: str
    refuse: str
    flag: str = ""
    """Signed along (`standwatch/approval/2`); "" for a question of the first version, which has none."""
    quorum: int = 1
    """How many of `signers` must approve."""
    ordered: bool = False
    """Whether in that order."""
    approved: tuple[str, ...] = ()
    """Who has approved, and still may."""
    next: tuple[str, ...] = ()
    """Whose approval would count now."""
    held: tuple[int, ...] = ()
    """Holds in force that fall on what is asked about: until they are released nothing of it is carried out. -1 for one
    that is in memory and not yet in the record."""
    says: str = ""
    """The beginning of the argument that says what is done, as it was given: to tell questions apart, and no more. Only
    in the list of questions; "" where no argument is text, and where it was erased."""


class RunLine(msgspec.Struct, frozen=True):
    """An open run."""

    run: str
    system: str
    principal: str
    implicit: bool
    at: int
    until: int = 0
    second_place: int = -1
    """The entry that says its token was used from a second place, or without its key; -1 for none."""


class FlightLine(msgspec.Struct, frozen=True):
    """An intent whose outcome is not known yet."""

    id: str
    index: int
    system: str
    tool: str
    by: str
    at: int


class LogLine(msgspec.Struct, frozen=True):
    """The record. `checkpoint`: entries under the last signed one (-1 for none yet); `behind`: how long, in µs, the
    oldest entry that none covers has waited; `alive`: whether entries can be written."""

    origin: str
    vkey: str
    size: int
    checkpoint: int = -1
    behind: int = 0
    alive: bool = True


class Status(msgspec.Struct, frozen=True):
    """Everything an operator asks first. `index` and `at` say which state of the record this is."""

    organisation: str
    development: bool
    now: int
    at: int
    index: int
    past: bool
    root: str
    config: int
    systems: tuple[SystemLine, ...]
    holds: tuple[HoldLine, ...]
    questions: tuple[QuestionLine, ...]
    runs: tuple[RunLine, ...]
    flights: tuple[FlightLine, ...]
    agents: int
    seams: dict[str, int]
    """Actions among the last thousand entries, by how they reached us."""
    log: LogLine
    warnings: tuple[str, ...]
    names: dict[str, str]
    """Opaque id → how to show a person."""
    channels: tuple[ChannelLine, ...] = ()
    """Who is told; empty for a moment of the past."""
    relaxations: tuple[RelaxationLine, ...] = ()
    """Checks that are bypassed now, the first to end first."""
    deferred: tuple[DeferredLine, ...] = ()
    """Acts that wait because too much was asked, oldest first."""
    watches: tuple[WatchLine, ...] = ()
    """The watches of the organisation, and who has them."""


class Struck(msgspec.Struct, frozen=True):
    """An act that was under way when a hold fell on it: cancelled or not, and its outcome where it is known."""

    id: str
    cancelled: bool
    outcome: str = ""
    index: int = -1
    tool: str = ""


class Halted(msgspec.Struct, frozen=True):
    """A hold is in force. `recorded` is False while only memory and a marker on disk hold it."""

    hold: int
    scope: str
    at: int
    recorded: bool
    covers: tuple[str, ...]
    """The declared systems that it touches."""
    in_flight: tuple[Struck, ...]
    release: str
    warning: str = ""


class Done(msgspec.Struct, frozen=True):
    """An entry was written."""

    index: int
    at: int
    text: str


class AgentLine(msgspec.Struct, frozen=True):
    """A principal: an agent, a service, or a human's credential."""

    name: str
    role: str
    systems: tuple[str, ...]
    starts: bool
    at: int
    until: int = 0
    revoked: bool = False


class Issued(msgspec.Struct, frozen=True):
    """A new principal's token: shown this once, stored as a hash."""

    name: str
    token: str
    index: int
    until: int = 0


class EndorsableLine(msgspec.Struct, frozen=True):
    """A value of a question that people may vouch for instead of the call: that of `argument`, in run `run`.

    `digest` and `until` are signed (`facts.parts.endorsement_bytes`); `by` vouch for it already, in order; `next` are
    those whose signature would count now.
    """

    argument: str
    digest: str
    run: str
    until: int
    by: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


class QuestionSheet(msgspec.Struct, frozen=True):
    """One question with what has to be signed: the canonical action WHOLE, as text that is its exact UTF-8 bytes."""

    question: QuestionLine
    action: str
    findings: Any
    org: str
    names: dict[str, str]
    answered: str = ""
    around: Around | None = None
    """What is known beside the signed bytes."""
    standing: Standing | None = None
    endorsable: tuple[EndorsableLine, ...] = ()
    """Values that people may vouch for instead."""


class Statement(msgspec.Struct, frozen=True):
    """What a validator would sign about a system as it stands now, and what its tier demands."""

    system: str
    envelope: str
    components: str
    org: str
    follows: int
    """Index of the last statement about the system; signed along, so that none can be said again."""
    tier: int
    demands: str
    longest: int
    validators: tuple[str, ...]
    model: str = ""
    version: str = ""
    """The version of `model` that it is about with it in front; "" for what runs now."""


class NeededLine(msgspec.Struct, frozen=True):
    """A signature that is still wanted, of any one of these people."""

    why: str
    any_of: tuple[str, ...]


class PersonLine(msgspec.Struct, frozen=True):
    """A person of the organisation, with the public keys that the record gives them."""

    id: str
    name: str
    address: str
    keys: tuple[str, ...]
    roles: tuple[str, ...]


class ConfigLine(msgspec.Struct, frozen=True):
    """The configuration in force, and what became of a change: `in_force`, `unchanged`, `waits`, `refused`."""

    result: str
    root: str
    org: str
    follows: int
    """Index of the configuration in force; signed along."""
    direction: str = "same"
    differences: tuple[str, ...] = ()
    needed: tuple[NeededLine, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True):
    """One thing `diagnose` looked at."""

    name: str
    ok: bool
    text: str
    cure: str = ""


# --- orders --------------------------------------------------------------------------------------------------


class HaltOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scope: str
    reason: str
    until: int = 0


class ReleaseOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class AgentOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    systems: tuple[str, ...] = ()
    starts: bool = False
    until: int = 0
    role: str = "agent"


class AnswerOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A human's answer, signed over `facts.parts.approval_bytes`; to `endorse` the value of `argument`, over
    `facts.parts.endorsement_bytes`."""

    decision: str
    by: str
    key: str
    sig: str
    head: str
    until: int
    argument: str = ""


class ValidationOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A validator's statement, signed over `facts.parts.evidence_bytes`."""

    outcome: str
    until: int
    by: str
    key: str
    sig: str
    report: str = ""
    version: str = ""
    """A version that does not serve yet: the statement is about what would run with it in front."""
    model: str = ""


class SignatureOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's signature over `facts.parts.config_bytes` of a configuration that waits."""

    by: str
    root: str
    sig: str


class Operations(Protocol):
    """What can be done. Every error is a `StandwatchError`."""

    def actor(self, peer: str, authorization: str) -> Actor:
        """Who is behind a request; raises `Forbidden` (`unauthenticated`) for nobody."""
        ...

    def visitor(self, came: Came) -> Actor:
        """Who is behind a session's cookie; raises `Forbidden` (`unauthenticated`) for nobody."""
        ...

    def still(self, who: Actor) -> bool:
        """Whether the session that `who` came with is still open; True without one. Long answers ask it."""
        ...

    def anybody(self, address: str) -> Actor | None:
        """Who may read pages without a credential: on loopback, in a development organisation. `address`: an IP."""
        ...

    def passkey_origin(self) -> str:
        """The one origin whose pages passkeys are made for."""
        ...

    def issuer_host(self) -> str:
        """The host of the OpenID Connect issuer whose word is taken; "" for none."""
        ...

    async def begin_oidc(self, came: Came) -> OidcBegun: ...
    async def finish_oidc(self, came: Came, answer: Mapping[str, str], browser: str) -> Entered: ...
    async def ask_sign_in(self, came: Came, order: SignInAsk) -> SignInAsked: ...
    async def sign_in(self, came: Came, order: SignInOrder) -> Entered: ...
    async def list_sessions(self, who: Actor) -> tuple[SessionLine, ...]: ...
    async def end_session(self, who: Actor, session: str) -> Done: ...
    async def invite(self, who: Actor, order: InvitationOrder) -> Invitation: ...
    async def invitation(self, who: Actor, name: str) -> InvitationLine: ...
    async def begin_enrolment(self, came: Came, order: EnrolmentAsk) -> EnrolmentAsked: ...
    async def finish_enrolment(self, came: Came, order: EnrolmentMade) -> EnrolmentState: ...
    async def enrolment(self, came: Came, order: EnrolmentSeat) -> EnrolmentState: ...

    async def status(self, who: Actor, as_of: str = "") -> Status: ...
    async def summary(self, who: Actor, as_of: str = "") -> Summary: ...
    async def halt(self, who: Actor, order: HaltOrder) -> Halted: ...
    async def hold(self, who: Actor, number: str, as_of: str = "") -> HoldStory: ...
    async def release(self, who: Actor, hold: str, order: ReleaseOrder) -> Done: ...
    async def agents(self, who: Actor) -> tuple[AgentLine, ...]: ...
    async def add_agent(self, who: Actor, order: AgentOrder) -> Issued: ...
    async def revoke_agent(self, who: Actor, name: str) -> Done: ...
    async def questions(self, who: Actor) -> tuple[QuestionLine, ...]: ...
    async def question(self, who: Actor, ident: str) -> QuestionSheet: ...
    async def inquiry(self, who: Actor, ident: str, as_of: str = "") -> QuestionSheet: ...
    async def standing(self, who: Actor, ident: str, as_of: str = "") -> Standing: ...
    async def answer(self, who: Actor, ident: str, order: AnswerOrder) -> Done: ...
    async def ask_approval(self, who: Actor, ident: str, order: ApprovalOrder) -> ApprovalAsked: ...
    async def answer_by_passkey(self, who: Actor, ident: str, order: PasskeyAnswerOrder) -> Done: ...
    async def list_passkeys(self, who: Actor) -> PasskeysPage: ...
    async def begin_passkey(self, who: Actor, order: RegistrationOrder) -> Registration: ...
    async def finish_passkey(self, who: Actor, order: RegisteredOrder) -> PasskeyLine: ...
    async def sign_passkey(self, who: Actor, credential: str, order: EnrolmentOrder) -> Done: ...
    async def end_passkey(self, who: Actor, credential: str, order: PasskeyEndOrder) -> Done: ...
    async def deferred(self, who: Actor) -> tuple[DeferredLine, ...]: ...
    async def ask_deferred(self, who: Actor, ident: str) -> Done: ...
    async def vigilance(self, who: Actor, system: str = "", as_of: str = "") -> VigilanceReport: ...
    async def revalidate(self, who: Actor, person: str, order: RevalidationOrder) -> Done: ...
    async def drop_deferred(self, who: Actor, ident: str, order: PullOrder) -> Done: ...
    async def statement(self, who: Actor, system: str, version: str = "", model: str = "") -> Statement: ...
    async def validate(self, who: Actor, system: str, order: ValidationOrder) -> Done: ...
    async def versions(self, who: Actor, system: str, at: str = "") -> Versions: ...
    async def deploy(self, who: Actor, system: str, order: DeploymentOrder) -> Routed: ...
    async def rollback(self, who: Actor, system: str, order: RollbackOrder) -> Routed: ...
    async def override(self, who: Actor, ident: str, row: str, order: OverrideOrder) -> OverrideDone: ...
    async def overrides(
        self, who: Actor, system: str, since: str = "", as_of: str = ""
    ) -> OverridesReport: ...
    async def relax(self, who: Actor, system: str, order: RelaxOrder) -> RelaxationDone: ...
    async def sign_relaxation(self, who: Actor, ident: str, order: RelaxSignature) -> RelaxationDone: ...
    async def restore(self, who: Actor, number: str, order: RestoreOrder) -> Done: ...
    async def relaxations(self, who: Actor) -> tuple[RelaxationLine, ...]: ...
    async def relaxations_of(self, who: Actor, system: str, since: str = "") -> RelaxationsReport: ...
    async def glasses(self, who: Actor) -> GlassReport: ...
    async def seal_glass(self, who: Actor, order: SealOrder) -> Done: ...
    async def open_glass(self, who: Actor, number: str, order: OpenOrder) -> Done: ...
    async def drill_glass(self, who: Actor, number: str, order: DrillOrder) -> Done: ...
    async def review_glass(self, who: Actor, number: str, order: ReviewOrder) -> Done: ...
    async def watches(self, who: Actor, as_of: str = "") -> WatchReport: ...
    async def watch(self, who: Actor, name: str, as_of: str = "") -> WatchSheet: ...
    async def take_watch(self, who: Actor, name: str, order: TakeOrder) -> Done: ...
    async def give_watch(self, who: Actor, name: str, order: GiveOrder) -> Offered: ...
    async def end_watch(self, who: Actor, name: str, order: EndWatchOrder) -> Done: ...
    async def ask_signature(self, who: Actor, order: SigningOrder) -> SigningAsked: ...
    async def sign_by_passkey(self, who: Actor, order: SigningOrder) -> SigningDone: ...
    async def people(self, who: Actor) -> tuple[PersonLine, ...]: ...
    async def notifications(self, who: Actor) -> Notifications: ...
    async def test_channel(self, who: Actor, channel: str) -> TestSent: ...
    async def configuration(self, who: Actor) -> ConfigLine: ...
    async def reload(self, who: Actor) -> ConfigLine: ...
    async def sign_configuration(self, who: Actor, order: SignatureOrder) -> ConfigLine: ...
    async def entries(self, who: Actor, start: str, limit: str) -> tuple[EntryLine, ...]: ...
    async def latest(self, who: Actor, before: str, limit: str, sift: Sift) -> Latest: ...
    def tail(self, who: Actor, start: str, sift: Sift = Sift()) -> AsyncIterator[EntryLine]: ...  # noqa: B008 - frozen
    def changes(self, who: Actor, after: str = "") -> AsyncIterator[Changed]: ...
    async def system(self, who: Actor, system: str, as_of: str = "") -> SystemSheet: ...
    async def coverage(self, who: Actor, system: str, as_of: str = "") -> CoverageSheet: ...
    async def report_coverage(self, who: Actor, system: str, order: CoverageOrder) -> Done: ...
    async def traffic(self, who: Actor, as_of: str = "") -> Traffic: ...
    async def explain(self, who: Actor, ident: str, as_of: str = "", again: bool = True) -> Any: ...
    async def proof(self, who: Actor, ident: str) -> ProofFile: ...
    async def run(  # noqa: PLR0917 - the parameters of its path
        self, who: Actor, run: str, begin: str = "", limit: str = "", as_of: str = "", at: str = ""
    ) -> RunDocument: ...
    async def runs(self, who: Actor, system: str = "", before: str = "", as_of: str = "") -> RunList: ...
    async def record(self, who: Actor, as_of: str = "") -> RecordDocument: ...
    async def verify_record(self, who: Actor, order: VerifyOrder) -> VerificationLine: ...
    async def compare_checkpoint(self, who: Actor, order: CompareOrder) -> Compared: ...
    async def replay(self, who: Actor, order: ReplayOrder) -> ReplayDocument: ...
    def export(self, who: Actor, start: str, stop: str, payloads: str) -> Iterator[tuple[str, bytes]]:
        """The files of an export: (path, bytes)."""
        ...

    async def diagnose(self, who: Actor) -> tuple[Check, ...]: ...
    async def diagnose_decisions(
        self, who: Actor, system: str, since: str, model: str, as_of: str = ""
    ) -> tuple[ModelDiagnosis, ...]: ...
    async def take_markers(self) -> int: ...
    def ready(self) -> str:
        """Why no action may pass now; "" where they may."""
        ...

    def key_set(self) -> bytes:
        """The keys that verify what upstreams are shown, as a JWK set (RFC 7517)."""
        ...

    def checkpoint(self) -> bytes: ...
    def tile(self, path: str) -> bytes | None: ...
