"""Every kind of entry, as closed structs (RECORD.md, Leaves).

A kind never gains a field: a new version gets a new name. Field names are lower-case ASCII and none sorts before
`at`; values are strings, safe integers, arrays and maps; defaults are omitted. `at` is 0 until the sequencer
writes it. Humans stand here by opaque id; whatever may have to be erased stands in a sealed part beside the leaf.
"""

from typing import ClassVar

import msgspec

from standwatch.facts.words import Decision, Effect, Level, OutcomeStatus, PrincipalKind, Seam


class Entry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """What all entries say: when (µs UTC, written by the sequencer) and by whom."""

    at: int = 0
    by: str = ""

    folds: ClassVar[bool] = True
    """Whether state is folded over this kind; such entries are indexed and told to every worker."""


class Judged(Entry, frozen=True, kw_only=True):
    """What the entries about a judged action share."""

    id: str
    run: str
    system: str
    tool: str
    digest: str
    """SHA-256 of the canonical action."""
    seen: int
    """Index of the last control entry the verdict was computed on: the fence."""
    why: str
    """Commitment to the findings."""
    conf: int = 0
    """Index of the configuration entry in force."""
    grant: Level = "halted"
    seam: Seam = "proxy"
    effect: Effect = "read"


class Intent(Judged, frozen=True, kw_only=True, tag="act.intent.1"):
    """An action about to leave: durable before it does."""

    verdict: Decision = "allow"
    disposition: Decision = "allow"
    """What was done; differs from the verdict under `observe`. Equal to the verdict unless stated."""
    signed: int = -1
    """Index of the approval this intent consumes."""
    sent: str = ""
    """Digest of the arguments as sent, where a check modified them."""
    spend: dict[str, int] = {}
    """Micro-units reserved against the limits of these names."""

    folds: ClassVar[bool] = False


class Denied(Judged, frozen=True, kw_only=True, tag="act.denied.1"):
    """An action that was not released, and the stable code of the finding that decided."""

    code: str
    verdict: Decision = "deny"

    folds: ClassVar[bool] = False


class Asked(Judged, frozen=True, kw_only=True, tag="act.asked.1"):
    """A question to humans about exactly this action, open until `until`."""

    until: int
    spend: dict[str, int] = {}


class AskedMany(Asked, frozen=True, kw_only=True, tag="act.asked.2"):
    """A question that says of whom it is asked, how many of them must approve, and whether in their order."""

    people: list[str]
    """Opaque ids of those who may answer, in order where there is one: chosen when it was asked."""
    quorum: int = 1
    ordered: bool = False
    flag: str = ""
    """HMAC-SHA-256(salt, `real` or `decoy`), signed along with every answer; what opens it is sealed (`flag`)."""


class Deferred(Judged, frozen=True, kw_only=True, tag="act.deferred.1"):
    """An action that is neither refused nor asked about: too much was asked already. It waits until `until`."""

    until: int
    code: str
    """Stable word for what put it off."""
    verdict: Decision = "defer"
    spend: dict[str, int] = {}


class Pulled(Entry, frozen=True, kw_only=True, tag="act.pulled.1"):
    """Person `by` pulled deferred action `of` out of the queue; the reason is sealed."""

    id: str
    of: int
    """Index of the deferral."""
    system: str
    into: str
    """`question`: asked about right after this entry; `nothing`: not to be asked about."""
    why: str = ""


class Answered(Entry, frozen=True, kw_only=True, tag="act.answered.1"):
    """A human's answer: `by` is who; `sig` over the bytes of RECORD.md, "what a human signs".

    `sig` is an Ed25519 signature of `key` over them, or the whole assertion of a passkey (`record.assertion`).
    """

    id: str
    of: int
    """Index of the question."""
    decision: str
    """`approve` or `refuse`."""
    digest: str
    key: str
    sig: str
    head: str
    """The checkpoint signed along: `size:root` in hexadecimal, or "" where there was none yet."""
    until: int
    why: str = ""


class Endorsed(Entry, frozen=True, kw_only=True, tag="act.endorsed.1"):
    """Person `by` vouches for one value of question `of`, for its tool and its argument, in its run, until `until`."""

    id: str
    of: int
    """Index of the question."""
    run: str
    name: str
    """Of the argument."""
    digest: str
    """`facts.parts.value_digest`: salted with the action's nonce, so that it says nothing about the value."""
    key: str
    sig: str
    """As in an answer, over `facts.parts.endorsement_bytes`."""
    head: str
    until: int
    why: str = ""


class AnsweredTimed(Answered, frozen=True, kw_only=True, tag="act.answered.2"):
    """An answer that says how long its person had the question before them."""

    took: int = 0
    """ms from the server's showing it to this person to their answer; 0 where nobody knows."""


class Unmasked(Entry, frozen=True, kw_only=True, tag="act.unmasked.1"):
    """What question `of` was, once nobody can answer it: HMAC-SHA-256(`salt`, `real` or `decoy`) is its flag."""

    id: str
    of: int
    """Index of the question."""
    salt: str
    """32 bytes, hexadecimal."""
    decoy: bool = False


AnyAsked = Asked | AskedMany
AnyAnswered = Answered | AnsweredTimed
"""A question, and an answer, of whatever version."""


class Outcome(Entry, frozen=True, kw_only=True, tag="act.outcome.1"):
    """What became of intent `of`. `took` maps steps to µs; `result` commits to the sealed result."""

    id: str
    of: int
    status: OutcomeStatus
    took: dict[str, int] = {}
    result: str = ""

    folds: ClassVar[bool] = False


class OutcomeChecked(Outcome, frozen=True, kw_only=True, tag="act.outcome.2"):
    """An outcome of which there is more to say: what was found in what came back, or what it came to in the end."""

    why: str = ""
    """Commitment to the findings of what came back; "" where nothing was looked for or found."""
    code: str = ""
    """Stable word for what weighs most among them."""
    system: str = ""
    """With `code`: where it was found."""
    withheld: bool = False
    """Whether the caller did not get what came back, although the act is done as `status` says."""
    spent: dict[str, int] = {}
    """Micro-units that the act came to in the end: they settle what its intent reserved against these names."""


AnyOutcome = Outcome | OutcomeChecked
"""An outcome, of whatever version."""


class Word(Entry, frozen=True, kw_only=True, tag="act.word.1"):
    """What an agent's host passed on as its agent's own word about `run`: sealed (`result`), and judged by nobody."""

    id: str
    run: str
    system: str
    result: str = ""
    """Commitment to the words."""

    folds: ClassVar[bool] = False


class Contradicted(Entry, frozen=True, kw_only=True, tag="act.contradicted.1"):
    """What an agent said in entry `of` does not agree with what its run did. A finding for people: it stops nothing."""

    id: str
    of: int
    """Index of the outcome of the generation, or of the `act.word`, in which it was said."""
    run: str
    system: str
    code: str
    """What weighs most (`watch.word.CODES`)."""
    entries: list[int] = []
    """The entries that say otherwise; none where what was claimed was never asked for."""
    why: str = ""
    """Commitment to the findings: the sentences, and what both name."""

    folds: ClassVar[bool] = False


class Declared(Entry, frozen=True, kw_only=True, tag="ctl.declared.1"):
    """A system's manifest taken up: its digests and the people with rights over it."""

    system: str
    envelope: str
    components: str
    owner: list[str] = []
    halt: list[str] = []
    validators: list[str] = []
    signers: list[str] = []
    """Who may answer questions."""
    environment: str = "production"
    tier: int = 1
    change: str = "wider"
    """`first`, `same`, `narrower` or `wider` than the one before; only `narrower` and `same` carry evidence on."""
    former: str = ""
    """The envelope before, where evidence gathered on it is carried on to this one."""
    servers: list[str] = []
    why: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who answers questions about one tool, or about all that is none: `facts.configuration.Answering`."""

    by: list[str]
    never: list[str] = []
    """`owner`, `requester`"""
    ordered: bool = False
    quorum: int = 1


class DeclaredRules(Declared, frozen=True, kw_only=True, tag="ctl.declared.2"):
    """As `ctl.declared.1`, where questions take more than any one of the signers: by tool, "" for all others."""

    rules: dict[str, Rule]


AnyDeclared = Declared | DeclaredRules
"""A declaration, of whatever version."""


class Config(Entry, frozen=True, kw_only=True, tag="ctl.config.1"):
    """A configuration taken up as a whole, after the `ctl.declared` entries of the systems it changed."""

    root: str
    development: bool = False
    changed: list[str] = []
    removed: list[str] = []
    follows: int = -1
    """Index of the configuration that was in force: signatures count for one step, once."""
    signatures: dict[str, str] = {}
    """Person's id to signature over the root digest, where the change widened."""
    why: str = ""


class Hold(Entry, frozen=True, kw_only=True, tag="ctl.hold.1"):
    """A stop on a scope. Its id is its index; it belongs to `by`."""

    scope: str
    until: int = 0
    """0 for until released."""
    why: str = ""


class Released(Entry, frozen=True, kw_only=True, tag="ctl.released.1"):
    """Hold `hold` is released."""

    hold: int
    why: str = ""


class Evidence(Entry, frozen=True, kw_only=True, tag="ctl.evidence.1"):
    """A signed statement about an envelope and components, good until `until`."""

    system: str
    envelope: str
    components: str
    outcome: str
    """`pass`, `conditions` or `reject`."""
    until: int
    follows: int = -1
    """Index of the last statement about this system before it; -1 for none. An old statement cannot be said again."""
    report: str = ""
    key: str = ""
    sig: str = ""
    why: str = ""


class Principal(Entry, frozen=True, kw_only=True, tag="ctl.principal.1"):
    """A caller and its credentials, added, changed or (with `revoked`) ended."""

    name: str
    role: PrincipalKind
    systems: list[str] = []
    token: str = ""
    """SHA-256 of its bearer token, hexadecimal; a token is 256 random bits, so this gives nothing away."""
    starts: bool = False
    """Whether it may open runs with a task."""
    until: int = 0
    revoked: bool = False
    keys: list[str] = []
    """Public keys of a human."""


class Enrolled(Entry, frozen=True, kw_only=True, tag="ctl.enrolled.1"):
    """A passkey of `person`, vouched for by `by` with a key of the configuration (`standwatch/enrolment/1`)."""

    person: str
    credential: str
    """The credential id, base64url without padding."""
    key: str
    """Its public key: `passkey:` and the base64 of its SubjectPublicKeyInfo."""
    rp_id: str
    origin: str
    """The page that it signs on, and no other."""
    synced: bool = False
    """Whether it may leave its device (backup eligible)."""
    count: int = 0
    """Its sign counter when it was enrolled."""
    follows: int = -1
    """Index of the last entry that enrolled or ended a passkey of this person; an old enrolment is not said again."""
    signer: str
    """Which key of `by` signed."""
    sig: str


class PasskeyEnded(Entry, frozen=True, kw_only=True, tag="ctl.passkey_ended.1"):
    """A passkey counts no more, nor does what it approved and was not yet used. It never comes back."""

    credential: str
    person: str
    why: str = ""


class PasskeyDoubted(Entry, frozen=True, kw_only=True, tag="ctl.passkey_doubted.1"):
    """A passkey signed with a counter that does not go on (WebAuthn §6.1.1): refused, for there may be a copy of it."""

    credential: str
    person: str
    of: int
    """Index of the question it was refused for; -1 for a sign-in."""
    count: int
    """The counter that it showed; it should have been above `last`."""
    last: int


class SignedIn(Entry, frozen=True, kw_only=True, tag="ctl.signed_in.1"):
    """`person` opened a session in a browser, with a passkey or by word of an issuer (OpenID Connect)."""

    person: str
    session: str
    """SHA-256 of its cookie, hexadecimal; the cookie is 256 random bits, so this gives nothing away."""
    until: int
    credential: str = ""
    issuer: str = ""
    bound: dict[str, str] = {}
    """`agent`, `network`, `origin` → HMAC-SHA-256 under the cookie: where it was opened, for who has the cookie."""
    sig: str = ""
    """The passkey's whole assertion, over `facts.parts.session_bytes`."""


class SignedOut(Entry, frozen=True, kw_only=True, tag="ctl.signed_out.1"):
    """A session of `person` ended before its time. `by` ended it: its person, an admin, or `standwatch`."""

    person: str
    session: str
    code: str
    """`left`, `ended`, `idle`, or where its cookie turned up: `elsewhere` (another `agent`, `network`, `origin`)."""


class PasskeyRefused(Entry, frozen=True, kw_only=True, tag="ctl.passkey_refused.1"):
    """A live passkey of `person` signed for another page or host, or for nobody verified: a forgery, or a lure."""

    person: str
    credential: str
    of: int = -1
    """Index of the question that it was to answer; -1 for whatever else it was to sign, or a sign-in."""
    code: str
    """`wrong_origin`, `wrong_rp` or `unverified_user`."""


class Revalidated(Entry, frozen=True, kw_only=True, tag="ctl.revalidated.1"):
    """Validator `by` gives `person`, who had approved a decoy, the right to answer back. The reason is sealed."""

    person: str
    follows: int
    """Index of the entry with which the right was lost: what was signed for one loss is good for no other."""
    key: str
    sig: str
    """As in an answer, over `facts.parts.revalidation_bytes`."""
    why: str = ""


class RunOpened(Entry, frozen=True, kw_only=True, tag="ctl.run_opened.1"):
    """A run begins. The task and on whose behalf it runs are sealed; `why` commits to them."""

    run: str
    system: str
    principal: str
    """Who may act in it."""
    token: str = ""
    until: int = 0
    implicit: bool = False
    why: str = ""


class RunBound(RunOpened, frozen=True, kw_only=True, tag="ctl.run_opened.2"):
    """A run that is bound to a key, or that has its authority from another run.

    A run of a `parent` has that one's task, reads and budgets; what it may do is within what the parent may.
    """

    bound: str = ""
    """Thumbprint (RFC 7638) of the key whose proof every use of its token needs; "" for none."""
    effects: list[str] = []
    """The effects that it may have; empty for those of its parent."""
    parent: str = ""
    """The run it was opened from; "" for none."""
    tools: list[str] = []
    """Patterns of `server.tool` that it may use; empty for those of its parent."""


class SecondPlace(Entry, frozen=True, kw_only=True, tag="ctl.second_place.1"):
    """The token of `run` was shown from another place while it was in use, or without the key it is bound to.

    The two places are sealed. What was asked there was judged as everything is; it was refused where the run is bound.
    """

    run: str
    principal: str
    code: str
    """`another_place` or `without_key`."""
    why: str = ""


class TaskTaken(Entry, frozen=True, kw_only=True, tag="ctl.task.1"):
    """The task of a run that was opened without one, read off the first message of its harness. It is sealed."""

    run: str
    why: str
    """Commitment to it."""


class TaskAdded(TaskTaken, frozen=True, kw_only=True, tag="ctl.task_added.1"):
    """The task of a run as its user has told it on: all of it, as it stands from here. Only who opened the run says so,
    a principal that may start runs; what the run has read stays read."""


class RunClosed(Entry, frozen=True, kw_only=True, tag="ctl.run_closed.1"):
    """A run ended, with what it did; it is never reopened."""

    run: str
    counts: dict[str, int] = {}


class Decided(Entry, frozen=True, kw_only=True, tag="act.decided.1"):
    """Decisions of a model, one or a batch: durable before anybody hears them. Row k is decision `index/k`."""

    id: str
    run: str
    system: str
    model: str
    """The component that decides."""
    version: str = ""
    """The deployed version that answered; "" where none did."""
    served: str = ""
    """SHA-256 of that version's artifact as deployed; "" where only its server has it."""
    rows: int = 1
    tree: str
    """RFC 6962 root over the rows' commitments."""
    routes: dict[str, int] = {}
    """Rows by who answered, where that was not always the model."""
    codes: dict[str, int] = {}
    """Rows by why the model did not."""
    seen: int
    why: str
    """Commitment to the context."""
    conf: int = 0
    grant: Level = "halted"
    seam: Seam = "proxy"
    used: list[str] = []
    """Ids of the decisions and calls that it rests on."""
    took: dict[str, int] = {}

    folds: ClassVar[bool] = False


class Shadowed(Entry, frozen=True, kw_only=True, tag="act.shadowed.1"):
    """What a challenger said to the rows of decision entry `of`; nobody was told.

    `same` of `rows` came out the same."""

    id: str
    of: int
    system: str
    model: str
    version: str
    rows: int = 1
    same: int = 0
    tree: str = ""
    why: str = ""
    status: OutcomeStatus = "ok"

    folds: ClassVar[bool] = False


class Overridden(Entry, frozen=True, kw_only=True, tag="act.overridden.1"):
    """Person `by` changed the outcome of row `row` of decision entry `of`. Outcome and reason are sealed."""

    id: str
    of: int
    row: int = 0
    system: str
    model: str
    follows: int = -1
    """Index of the override of this row before it; -1 for none."""
    why: str

    folds: ClassVar[bool] = False


class Deployed(Entry, frozen=True, kw_only=True, tag="ctl.deployed.1"):
    """A change of what a model's route is made of."""

    system: str
    model: str
    version: str
    digest: str = ""
    """SHA-256 of the version's artifact, as locked; "" where only its server has it."""
    mode: str = "full"
    """`full`, `canary`, `shadow`, `rollback`; `end` takes canary and shadow `version` off the route."""
    share: int = 0
    """Of a canary: requests in ten thousand."""
    former: str = ""
    """The version that served before, by `full` and `rollback`."""
    follows: int = -1
    """Index of the last change of this route; -1 for none. Two deployments never cross."""
    limits: str = ""
    """SHA-256 of the known limits that `by` acknowledged, as shown."""
    why: str = ""


class Exposure(Entry, frozen=True, kw_only=True, tag="ctl.exposure.1"):
    """People whom a system touched in the seven days before: an estimate with its stated error (per ten thousand)."""

    system: str
    people: int
    error: int = 0
    reversibility: str = "irreversible"
    """What the manifest declared when it was counted: how much each of them weighs (`facts.stakes`)."""
    week: str = ""
    """Last day of the week counted, ISO."""


class Way(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One way in which a declared tool is reached without us (`record.coverage.CODES`), and the tool's effect."""

    code: str
    effect: Effect = "irreversible"
    tool: str


class Coverage(Entry, frozen=True, kw_only=True, tag="ctl.coverage.1"):
    """What goes round us on one host of a system, as `by` found it. Where and how is sealed (`why`).

    Unsigned it adds ways to those that are known of that host; signed by a validator it stands for all of them.
    """

    system: str
    host: str
    """What the host is called here: a name its looker gave, or `gateway`."""
    envelope: str
    """The system's envelope under which it was looked at."""
    ways: list[Way] = []
    until: int = 0
    """Of a signed statement: when it counts no more as a look."""
    follows: int = -1
    """Index of the last statement about this host; -1 for none. An old signature cannot be said again."""
    key: str = ""
    sig: str = ""
    why: str = ""


class Relaxed(Entry, frozen=True, kw_only=True, tag="ctl.relaxed.1"):
    """A bypass of one named check until `until`. Its id is its index; `by` asked for it, and signed among others."""

    system: str
    check: str
    scope: str
    """`system:`, `tool:`, `agent:` or `run:`; never beyond `system`."""
    compensating: str
    """What stands in for the check meanwhile (`facts.relaxations.STANDING_IN`). Where it does not run, this is void."""
    envelope: str
    """The system's envelope that it was signed for: under another it has no force."""
    until: int
    follows: int = -1
    """Index of the last relaxation of this system before it; -1 for none. An old signature cannot be said again."""
    signatures: dict[str, str] = {}
    """Person's id to signature over `facts.parts.relaxation_bytes`."""
    why: str = ""


class Restored(Entry, frozen=True, kw_only=True, tag="ctl.restored.1"):
    """Relaxation `relaxed` of `system` ends before its time."""

    relaxed: int
    system: str
    why: str = ""


class Glass(Entry, frozen=True, kw_only=True, tag="ctl.glass.1"):
    """A break-glass credential: sealed beforehand, then drilled, opened once, and that reviewed (`record.glass`)."""

    step: str
    """`sealed`, `drilled`, `opened` or `reviewed`."""
    glass: int = -1
    """Index of its sealing; -1 in the sealing itself."""
    key: str = ""
    """Public half of the key in the envelope."""
    people: list[str] = []
    """Who may open it."""
    may: list[str] = []
    systems: list[str] = []
    until: int = 0
    """When the seal, or the session that the opening gives, ends."""
    sig: str = ""
    """Over `facts.parts.glass_bytes`: a person's own for sealing, the sealed key's for drilling and opening."""
    why: str = ""


class Watch(Entry, frozen=True, kw_only=True, tag="ctl.watch.1"):
    """Who has a watch from here on: `taken`, `handed_over` (its giver signed too), or `ended` (nobody has it)."""

    watch: str
    step: str
    person: str = ""
    """Who has it now; "" for nobody."""
    giver: str = ""
    """Who had it, where they signed the hand-over."""
    systems: list[str] = []
    """What it is over: names and patterns of systems, as configured when it was taken."""
    until: int = 0
    follows: int = -1
    """Index of the last entry about this watch; -1 for none. An old hand-over cannot be said again."""
    shown: str = ""
    """SHA-256 of the list of open matters that was signed along (`record.watches`)."""
    relaxations: list[int] = []
    """The open relaxations on that list: so their taker has acknowledged them."""
    signatures: dict[str, str] = {}
    """Person's id to signature over `facts.parts.watch_bytes`."""
    why: str = ""


class Opened(Entry, frozen=True, kw_only=True, tag="log.opened.1"):
    """The first entry of a log."""

    origin: str
    key: str
    """The log's verification key (C2SP vkey)."""
    predecessor: str = ""


class Gap(Entry, frozen=True, kw_only=True, tag="log.gap.1"):
    """The record could not be written from `begin` to now; `unrecorded` answers were given without it."""

    begin: int
    unrecorded: int = 0

    folds: ClassVar[bool] = False


AnyEntry = (
    Intent
    | Denied
    | Asked
    | AskedMany
    | Deferred
    | Pulled
    | Answered
    | AnsweredTimed
    | Unmasked
    | Endorsed
    | Outcome
    | OutcomeChecked
    | Word
    | Contradicted
    | Declared
    | DeclaredRules
    | Config
    | Hold
    | Released
    | Evidence
    | Principal
    | Enrolled
    | PasskeyEnded
    | PasskeyDoubted
    | SignedIn
    | SignedOut
    | PasskeyRefused
    | Revalidated
    | RunBound
    | RunOpened
    | SecondPlace
    | TaskTaken
    | TaskAdded
    | RunClosed
    | Decided
    | Shadowed
    | Overridden
    | Deployed
    | Exposure
    | Coverage
    | Relaxed
    | Restored
    | Glass
    | Watch
    | Opened
    | Gap
)
"""Every kind a reader of this version knows."""
