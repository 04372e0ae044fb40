"""The operators' API as a table: what is served, what the OpenAPI document says, and what tests walk through."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

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
from standwatch.fronts.control_live import SIFT, Latest, Sift, Traffic
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
    Halted,
    HaltOrder,
    Issued,
    Operations,
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
    Invitation,
    InvitationLine,
    InvitationOrder,
    SessionEnd,
    SessionLine,
    SessionOpened,
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
from standwatch.record.proof import ProofFile

BASE: Final = "/api/v1"


class Call(msgspec.Struct, frozen=True):
    """One request, as an operation sees it: who asks, the path's names, the query's, and the body."""

    who: Actor
    names: dict[str, str]
    query: dict[str, str]
    body: Any = None
    came: Came = Came("")
    """Where it came from: what opens a session is bound to that."""


class Route(msgspec.Struct, frozen=True):
    """One operation. `takes` and `gives` are the types of its bodies; `query` names its query parameters."""

    method: str
    path: str
    name: str
    summary: str
    gives: Any
    act: Callable[[Operations, Call], Awaitable[Any]]
    takes: Any = None
    query: tuple[str, ...] = ()
    made: bool = False
    """Answers 201: something new is in the record."""
    open: bool = False
    """Takes no credential: what lets people in, and answers for itself."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the path must match, whole; `{name}` is one segment."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", BASE + self.path))


ROUTES: Final = (
    Route(
        "GET",
        "/whoami",
        "whoami",
        "Who the server takes you for.",
        Actor,
        lambda _, call: _now(call.who),
    ),
    Route(
        "GET",
        "/status",
        "status",
        "Systems with their grants, holds, questions, runs, what is in flight, the log; now or as of a moment.",
        Status,
        lambda ops, call: ops.status(call.who, call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "POST",
        "/holds",
        "halt",
        "Stop a scope: in memory at once, then in the record. Lists what was in flight.",
        Halted,
        lambda ops, call: ops.halt(call.who, call.body),
        HaltOrder,
        made=True,
    ),
    Route(
        "POST",
        "/holds/{hold}/release",
        "release",
        "Lift one hold: its holder may, or the scope's halt authority.",
        Done,
        lambda ops, call: ops.release(call.who, call.names["hold"], call.body),
        ReleaseOrder,
    ),
    Route(
        "POST",
        "/markers",
        "take_markers",
        "Sequence halts that were ordered while the server could not be reached.",
        dict[str, int],
        lambda ops, _: _markers(ops),
    ),
    Route(
        "GET",
        "/agents",
        "agents",
        "Principals with tokens.",
        tuple[AgentLine, ...],
        lambda ops, call: ops.agents(call.who),
    ),
    Route(
        "POST",
        "/agents",
        "add_agent",
        "A new principal; its token is told once.",
        Issued,
        lambda ops, call: ops.add_agent(call.who, call.body),
        AgentOrder,
        made=True,
    ),
    Route(
        "POST",
        "/agents/{name}/revoke",
        "revoke_agent",
        "End a principal's credential, and cut what it has in flight.",
        Done,
        lambda ops, call: ops.revoke_agent(call.who, call.names["name"]),
    ),
    Route(
        "GET",
        "/questions",
        "questions",
        "What waits for a human's signature.",
        tuple[QuestionLine, ...],
        lambda ops, call: ops.questions(call.who),
    ),
    Route(
        "GET",
        "/questions/{id}",
        "question",
        "One question with the canonical action whole: what has to be signed.",
        QuestionSheet,
        lambda ops, call: ops.question(call.who, call.names["id"]),
    ),
    Route(
        "GET",
        "/questions/{id}/sheet",
        "inquiry",
        "The same, also of a question that is over, with all that is known around it and how it stands.",
        QuestionSheet,
        lambda ops, call: ops.inquiry(call.who, call.names["id"]),
    ),
    Route(
        "GET",
        "/questions/{id}/standing",
        "standing",
        "How a question stands, open or over: every answer to it, and whether it was used.",
        Standing,
        lambda ops, call: ops.standing(call.who, call.names["id"]),
    ),
    Route(
        "POST",
        "/questions/{id}/answer",
        "answer",
        "A person's signed answer.",
        Done,
        lambda ops, call: ops.answer(call.who, call.names["id"], call.body),
        AnswerOrder,
    ),
    Route(
        "POST",
        "/questions/{id}/challenge",
        "ask_approval",
        "What your passkey must sign to answer, as `navigator.credentials.get` wants it.",
        ApprovalAsked,
        lambda ops, call: ops.ask_approval(call.who, call.names["id"], call.body),
        ApprovalOrder,
    ),
    Route(
        "POST",
        "/questions/{id}/assertion",
        "answer_by_passkey",
        "An answer that a browser signed with a passkey.",
        Done,
        lambda ops, call: ops.answer_by_passkey(call.who, call.names["id"], call.body),
        PasskeyAnswerOrder,
    ),
    Route(
        "POST",
        "/sessions/challenge",
        "ask_sign_in",
        "What a passkey must sign to open a session, as `navigator.credentials.get` wants it.",
        SignInAsked,
        lambda ops, call: ops.ask_sign_in(call.came, call.body),
        SignInAsk,
        open=True,
    ),
    Route(
        "POST",
        "/sessions",
        "sign_in",
        "Open a session with what a browser signed; its cookie is in the header.",
        SessionOpened,
        lambda ops, call: ops.sign_in(call.came, call.body),
        SignInOrder,
        made=True,
        open=True,
    ),
    Route(
        "GET",
        "/sessions",
        "list_sessions",
        "Open sessions: one's own, or everybody's for who sees every system.",
        tuple[SessionLine, ...],
        lambda ops, call: ops.list_sessions(call.who),
    ),
    Route(
        "POST",
        "/sessions/{session}/end",
        "end_session",
        "End a session: one act. `current` is the one that asks.",
        Done,
        lambda ops, call: ops.end_session(call.who, call.names["session"]),
        SessionEnd,
    ),
    Route(
        "POST",
        "/passkeys/invitations",
        "invite",
        "A link, good once, with which somebody makes a passkey in their browser.",
        Invitation,
        lambda ops, call: ops.invite(call.who, call.body),
        InvitationOrder,
    ),
    Route(
        "GET",
        "/passkeys/invitations/{invitation}",
        "invitation",
        "What became of an invitation.",
        InvitationLine,
        lambda ops, call: ops.invitation(call.who, call.names["invitation"]),
    ),
    Route(
        "POST",
        "/enrolments/challenge",
        "begin_enrolment",
        "Begin to make a passkey with a link, which is then spent, or again with the seat that it gave.",
        EnrolmentAsked,
        lambda ops, call: ops.begin_enrolment(call.came, call.body),
        EnrolmentAsk,
        open=True,
    ),
    Route(
        "POST",
        "/enrolments",
        "finish_enrolment",
        "What the browser made: it waits for a person's key to vouch for it.",
        EnrolmentState,
        lambda ops, call: ops.finish_enrolment(call.came, call.body),
        EnrolmentMade,
        open=True,
    ),
    Route(
        "POST",
        "/enrolments/state",
        "enrolment",
        "Whether a passkey that was just made has been vouched for.",
        EnrolmentState,
        lambda ops, call: ops.enrolment(call.came, call.body),
        EnrolmentSeat,
        open=True,
    ),
    Route(
        "GET",
        "/passkeys",
        "list_passkeys",
        "Passkeys: live, ended, and those that wait for a signature.",
        PasskeysPage,
        lambda ops, call: ops.list_passkeys(call.who),
    ),
    Route(
        "POST",
        "/passkeys/begin",
        "begin_passkey",
        "Begin a registration: the options for `navigator.credentials.create`.",
        Registration,
        lambda ops, call: ops.begin_passkey(call.who, call.body),
        RegistrationOrder,
    ),
    Route(
        "POST",
        "/passkeys/finish",
        "finish_passkey",
        "What the browser made: it waits for a person's key to vouch for it.",
        PasskeyLine,
        lambda ops, call: ops.finish_passkey(call.who, call.body),
        RegisteredOrder,
    ),
    Route(
        "POST",
        "/passkeys/{credential}/sign",
        "sign_passkey",
        "Enrol a passkey that waits, vouched for with a key of its person or of an admin.",
        Done,
        lambda ops, call: ops.sign_passkey(call.who, call.names["credential"], call.body),
        EnrolmentOrder,
        made=True,
    ),
    Route(
        "POST",
        "/passkeys/{credential}/end",
        "end_passkey",
        "End a passkey: one act, no signature.",
        Done,
        lambda ops, call: ops.end_passkey(call.who, call.names["credential"], call.body),
        PasskeyEndOrder,
    ),
    Route(
        "GET",
        "/systems/{system}",
        "system",
        "One system: tools, bounds, components, evidence and what counts of it, versions; now or as of a moment.",
        SystemSheet,
        lambda ops, call: ops.system(call.who, call.names["system"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/systems/{system}/statement",
        "statement",
        "What a validator would sign about a system as it stands now, or with another version in front.",
        Statement,
        lambda ops, call: ops.statement(
            call.who, call.names["system"], call.query.get("version", ""), call.query.get("model", "")
        ),
        query=("version", "model"),
    ),
    Route(
        "POST",
        "/systems/{system}/evidence",
        "validate",
        "A validator's signed statement.",
        Done,
        lambda ops, call: ops.validate(call.who, call.names["system"], call.body),
        ValidationOrder,
        made=True,
    ),
    Route(
        "GET",
        "/systems/{system}/versions",
        "versions",
        "Which version of each model answers, since when and by whom; now or as of a moment.",
        Versions,
        lambda ops, call: ops.versions(call.who, call.names["system"], call.query.get("at", "")),
        query=("at",),
    ),
    Route(
        "POST",
        "/systems/{system}/deployments",
        "deploy",
        "Put a version in front, before a part of the requests or beside the front; or take it off again.",
        Routed,
        lambda ops, call: ops.deploy(call.who, call.names["system"], call.body),
        DeploymentOrder,
        made=True,
    ),
    Route(
        "POST",
        "/systems/{system}/rollback",
        "rollback",
        "Back to a former version in one act; what was in front is held.",
        Routed,
        lambda ops, call: ops.rollback(call.who, call.names["system"], call.body),
        RollbackOrder,
        made=True,
    ),
    Route(
        "POST",
        "/decisions/{id}/{row}/override",
        "override",
        "Change the outcome of one decided row, within the conditions of its manifest.",
        OverrideDone,
        lambda ops, call: ops.override(call.who, call.names["id"], call.names["row"], call.body),
        OverrideOrder,
        made=True,
    ),
    Route(
        "GET",
        "/systems/{system}/overrides",
        "overrides",
        "Who overrode how often since a time, by day, and the rows over which people disagree.",
        OverridesReport,
        lambda ops, call: ops.overrides(call.who, call.names["system"], call.query.get("since", "")),
        query=("since",),
    ),
    Route(
        "GET",
        "/relaxations",
        "relaxations",
        "The checks that are bypassed now, wherever you may see: the first to end first.",
        tuple[RelaxationLine, ...],
        lambda ops, call: ops.relaxations(call.who),
    ),
    Route(
        "GET",
        "/systems/{system}/relaxations",
        "relaxations_of",
        "A system's relaxations since a time, its minutes in bypass by check, what waits, and what may be relaxed.",
        RelaxationsReport,
        lambda ops, call: ops.relaxations_of(call.who, call.names["system"], call.query.get("since", "")),
        query=("since",),
    ),
    Route(
        "POST",
        "/systems/{system}/relaxations",
        "relax",
        "Bypass one named check for a while, with a person's signature: it begins, or waits for another's.",
        RelaxationDone,
        lambda ops, call: ops.relax(call.who, call.names["system"], call.body),
        RelaxOrder,
        made=True,
    ),
    Route(
        "POST",
        "/relaxations/{id}/signatures",
        "sign_relaxation",
        "One more person's signature over a relaxation that waits.",
        RelaxationDone,
        lambda ops, call: ops.sign_relaxation(call.who, call.names["id"], call.body),
        RelaxSignature,
        made=True,
    ),
    Route(
        "POST",
        "/relaxations/{id}/restore",
        "restore",
        "End a relaxation before its time: one act, by anybody who may see its system.",
        Done,
        lambda ops, call: ops.restore(call.who, call.names["id"], call.body),
        RestoreOrder,
    ),
    Route(
        "GET",
        "/notifications",
        "notifications",
        "Who is told of what happens, which incidents are open, which messages wait or could not be delivered.",
        Notifications,
        lambda ops, call: ops.notifications(call.who),
    ),
    Route(
        "POST",
        "/notifications/{channel}/test",
        "test_channel",
        "Send a message that says that it is a test, and wait for its first attempt.",
        TestSent,
        lambda ops, call: ops.test_channel(call.who, call.names["channel"]),
    ),
    Route(
        "GET",
        "/deferred",
        "deferred",
        "Acts that wait because too much was asked, and whom each could be asked of now.",
        tuple[DeferredLine, ...],
        lambda ops, call: ops.deferred(call.who),
    ),
    Route(
        "POST",
        "/deferred/{id}/ask",
        "ask_deferred",
        "Put a deferred act to those who may approve it, where they have room for a question.",
        Done,
        lambda ops, call: ops.ask_deferred(call.who, call.names["id"]),
        made=True,
    ),
    Route(
        "POST",
        "/deferred/{id}/drop",
        "drop_deferred",
        "Take a deferred act out of the queue: it is not asked about, and its retries are refused.",
        Done,
        lambda ops, call: ops.drop_deferred(call.who, call.names["id"], call.body),
        PullOrder,
        made=True,
    ),
    Route(
        "GET",
        "/vigilance",
        "vigilance",
        "How watchful those are who approve: what they were asked, how long they looked, what they did with decoys.",
        VigilanceReport,
        lambda ops, call: ops.vigilance(call.who, call.query.get("system", "")),
        query=("system",),
    ),
    Route(
        "POST",
        "/people/{person}/revalidation",
        "revalidate",
        "Give somebody who approved a decoy the right to answer back: a validator's signature.",
        Done,
        lambda ops, call: ops.revalidate(call.who, call.names["person"], call.body),
        RevalidationOrder,
        made=True,
    ),
    Route(
        "GET",
        "/break-glass",
        "glasses",
        "Every break-glass that you may know of: sealed, last drilled, open, waiting for a review.",
        GlassReport,
        lambda ops, call: ops.glasses(call.who),
    ),
    Route(
        "POST",
        "/break-glass",
        "seal_glass",
        "Seal a break-glass: an administrator's signature over the public half of its key.",
        Done,
        lambda ops, call: ops.seal_glass(call.who, call.body),
        SealOrder,
        made=True,
    ),
    Route(
        "POST",
        "/break-glass/{id}/open",
        "open_glass",
        "Break the glass, with the sealed key's signature: once, and for half an hour at most.",
        Done,
        lambda ops, call: ops.open_glass(call.who, call.names["id"], call.body),
        OpenOrder,
        made=True,
    ),
    Route(
        "POST",
        "/break-glass/{id}/drill",
        "drill_glass",
        "Show that a break-glass would open, against nothing.",
        Done,
        lambda ops, call: ops.drill_glass(call.who, call.names["id"], call.body),
        DrillOrder,
        made=True,
    ),
    Route(
        "POST",
        "/break-glass/{id}/review",
        "review_glass",
        "Close the review of an opening in words: by somebody else than who opened it.",
        Done,
        lambda ops, call: ops.review_glass(call.who, call.names["id"], call.body),
        ReviewOrder,
        made=True,
    ),
    Route(
        "GET",
        "/watch",
        "watches",
        "Every watch: who has it, until when, and whether somebody should.",
        WatchReport,
        lambda ops, call: ops.watches(call.who),
    ),
    Route(
        "GET",
        "/watch/{name}",
        "watch",
        "One watch, with the list of what is open: what is signed along when it is taken.",
        WatchSheet,
        lambda ops, call: ops.watch(call.who, call.names["name"]),
    ),
    Route(
        "POST",
        "/watch/{name}/take",
        "take_watch",
        "Take a watch, signed over what is open: from who gives it, from nobody, or from somebody who did not sign.",
        Done,
        lambda ops, call: ops.take_watch(call.who, call.names["name"], call.body),
        TakeOrder,
        made=True,
    ),
    Route(
        "POST",
        "/watch/{name}/hand-over",
        "give_watch",
        "Give a watch that you have, signed over what is open: it stays yours until the other takes it.",
        Offered,
        lambda ops, call: ops.give_watch(call.who, call.names["name"], call.body),
        GiveOrder,
    ),
    Route(
        "POST",
        "/watch/{name}/end",
        "end_watch",
        "Nobody has the watch from here on.",
        Done,
        lambda ops, call: ops.end_watch(call.who, call.names["name"], call.body),
        EndWatchOrder,
    ),
    Route(
        "POST",
        "/signing/challenge",
        "ask_signature",
        "What your passkey must sign, as `navigator.credentials.get` wants it: for everything but answers.",
        SigningAsked,
        lambda ops, call: ops.ask_signature(call.who, call.body),
        SigningOrder,
    ),
    Route(
        "POST",
        "/signing/assertion",
        "sign_by_passkey",
        "What a browser signed with a passkey: it does what it was signed for, or waits for somebody else's signature.",
        SigningDone,
        lambda ops, call: ops.sign_by_passkey(call.who, call.body),
        SigningOrder,
    ),
    Route(
        "GET",
        "/people",
        "people",
        "The people of the organisation and their public keys.",
        tuple[PersonLine, ...],
        lambda ops, call: ops.people(call.who),
    ),
    Route(
        "GET",
        "/configuration",
        "configuration",
        "The configuration in force, or the one that waits for signatures.",
        ConfigLine,
        lambda ops, call: ops.configuration(call.who),
    ),
    Route(
        "POST",
        "/configuration/reload",
        "reload",
        "Read the organisation's folder again, and take it up wholly or not at all.",
        ConfigLine,
        lambda ops, call: ops.reload(call.who),
    ),
    Route(
        "POST",
        "/configuration/signatures",
        "sign_configuration",
        "A person's signature over a configuration that waits.",
        ConfigLine,
        lambda ops, call: ops.sign_configuration(call.who, call.body),
        SignatureOrder,
    ),
    Route(
        "GET",
        "/entries",
        "entries",
        "Entries of the record; a negative `from` counts from its end.",
        tuple[EntryLine, ...],
        lambda ops, call: ops.entries(call.who, call.query.get("from", ""), call.query.get("limit", "")),
        query=("from", "limit"),
    ),
    Route(
        "GET",
        "/entries/latest",
        "latest",
        "Entries before an index, the latest first, of one system, kind, person or verdict.",
        Latest,
        lambda ops, call: ops.latest(
            call.who, call.query.get("before", ""), call.query.get("limit", ""), sift_of(call.query)
        ),
        query=("before", "limit", *SIFT),
    ),
    Route(
        "GET",
        "/traffic",
        "traffic",
        "What each system asked for in the last hour, how it went and how long it took; now or as of a moment.",
        Traffic,
        lambda ops, call: ops.traffic(call.who, call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/actions/{id}",
        "explain",
        "How one action came to what it came to, with the proof that this is in the log.",
        dict[str, Any],
        lambda ops, call: ops.explain(call.who, call.names["id"], call.query.get("as_of", "")),
        query=("as_of",),
    ),
    Route(
        "GET",
        "/actions/{id}/proof",
        "proof",
        "One file that proves one action or decision to anybody, offline: `standwatch verify FILE`.",
        ProofFile,
        lambda ops, call: ops.proof(call.who, call.names["id"]),
    ),
    Route(
        "GET",
        "/record",
        "record",
        "How long the record is, how far signed and by whom, and how its last verification ended.",
        RecordDocument,
        lambda ops, call: ops.record(call.who),
    ),
    Route(
        "POST",
        "/record/verification",
        "verify_record",
        "Verify the live record in the background: the latest entries, or with `latest` 0 all of it.",
        VerificationLine,
        lambda ops, call: ops.verify_record(call.who, call.body),
        VerifyOrder,
    ),
    Route(
        "POST",
        "/record/comparison",
        "compare_checkpoint",
        "Whether the record extends a checkpoint that somebody kept: verified, prefix or rejected, with the proof.",
        Compared,
        lambda ops, call: ops.compare_checkpoint(call.who, call.body),
        CompareOrder,
    ),
    Route(
        "GET",
        "/runs",
        "runs",
        "The latest runs that you may see, of one system or of all; `before` goes further back.",
        RunList,
        lambda ops, call: ops.runs(call.who, call.query.get("system", ""), call.query.get("before", "")),
        query=("system", "before"),
    ),
    Route(
        "GET",
        "/runs/{run}",
        "run",
        "A run: its task, and a page of what it did, with where values came from; now or as of a moment.",
        RunDocument,
        lambda ops, call: ops.run(
            call.who,
            call.names["run"],
            call.query.get("from", ""),
            call.query.get("limit", ""),
            call.query.get("as_of", ""),
        ),
        query=("from", "limit", "as_of"),
    ),
    Route(
        "GET",
        "/diagnose",
        "diagnose",
        "What to look at when something is wrong.",
        tuple[Check, ...],
        lambda ops, call: ops.diagnose(call.who),
    ),
    Route(
        "GET",
        "/systems/{system}/diagnosis",
        "diagnose_decisions",
        "When a system's decisions changed since a time, and what changed with them, the likeliest first.",
        tuple[ModelDiagnosis, ...],
        lambda ops, call: ops.diagnose_decisions(
            call.who, call.names["system"], call.query.get("since", ""), call.query.get("model", "")
        ),
        query=("since", "model"),
    ),
)


def sift_of(query: dict[str, str]) -> Sift:
    """Which entries a query asks for."""
    return Sift(**{name: query[name] for name in SIFT if name in query})


async def _now(value: Any) -> Any:
    return value


async def _markers(ops: Operations) -> dict[str, int]:
    return {"taken": await ops.take_markers()}
