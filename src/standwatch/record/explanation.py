"""What `explain` answers, as data: everything the record says about one action, and the proof that it does."""

from typing import Literal

import msgspec

from standwatch.facts.configuration import Finding
from standwatch.facts.words import Decision, Effect, Level, PrincipalKind, Seam
from standwatch.record.source import Fate
from standwatch.record.spoken import Doubt

Standing = Literal[
    "done",
    "under_way",
    "denied",
    "deferred",
    "decoy",
    "pending",
    "expired",
    "refused",
    "approved",
    "endorsed",
]
"""How the action stands at the end of the record shown. `under_way` reads "unknown" once its gateway is gone."""


class Told(msgspec.Struct, frozen=True):
    """The text of a sealed part, or why it cannot be told. `text` is "" unless `fate` is `present`."""

    fate: Fate
    text: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The run an action belongs to. `opened` is its entry's index; -1 where it was not open then."""

    id: str
    opened: int = -1
    at: int = 0
    by: str = ""
    """Who opened it."""
    implicit: bool = False
    said: int = -1
    """Index of the entry that says its task, where it was not opened with one; -1 for none."""
    above: tuple[str, ...] = ()
    """Of a sub-agent's the runs that its authority comes from, the nearest first: it has the task of the last."""
    task: Told = Told("none")
    on_behalf_of: Told = Told("none")


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the action was judged by: the configuration and the manifest in force, by index and digest.

    `root` is over everything that has force, policies included; `schema` over the tool's definition.
    """

    config: int
    root: str
    development: bool
    declared: int
    envelope: str
    components: str
    environment: str
    tier: int
    manifest: Told
    """The manifest as JSON, out of the configuration sealed beside its entry."""
    policies: dict[str, str]
    """The organisation's own policies by name: SHA-256 of each one's text."""
    schema: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence, as it stood when the action was judged."""

    index: int
    at: int
    by: str
    outcome: str
    until: int
    live: bool
    """Not lapsed, and about what was running (or what that was narrowed from)."""
    used: bool = False
    """Whether the grant says it rests on it."""
    signed: bool = False
    """Whether its signature verifies with a key of that person's at the time."""


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """The grant used: its level from the leaf, its reasons from the sealed findings, the evidence from the record."""

    level: Level
    reasons: tuple[str, ...]
    evidence: tuple[Statement, ...]
    until: int
    rules: str


class Holding(msgspec.Struct, frozen=True):
    """A hold in force on a scope of the action when it was judged."""

    index: int
    scope: str
    by: str
    at: int


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """A relaxation in force on the action when it was judged; `used` where a finding says that it passed by it."""

    index: int
    check: str
    scope: str
    compensating: str
    until: int
    signed: tuple[str, ...]
    used: bool


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said to a question: `approve`, `refuse`, or `endorse` of the value of `argument`.

    `counts` is False where it fell away since: with its person's rights, key or passkey, or at its time.
    """

    index: int
    at: int
    by: str
    decision: str
    until: int
    key: str
    signed: bool
    counts: bool
    argument: str = ""


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of whom, and what they answered. `by`, `decision` and so on are of the answer that decided."""

    index: int
    at: int
    until: int
    of: tuple[str, ...]
    answered: int = -1
    answered_at: int = 0
    by: str = ""
    decision: str = ""
    good_until: int = 0
    key: str = ""
    signed: bool = False
    """Whether the signature over RECORD.md's bytes verifies with a key of theirs at the time."""
    head: str = ""
    reason: Told = Told("none")
    quorum: int = 1
    """How many of those asked must approve."""
    ordered: bool = False
    voices: tuple[Voice, ...] = ()
    """Everything that was said, in order."""
    endorsed: int = -1
    """Index of the entry by which enough people vouched for a value instead; -1 for none."""
    was: Literal["", "sealed", "real", "decoy"] = ""
    """What its flag commits to, once that was opened; `sealed` before, "" where it carries none."""
    opened: int = -1
    """Index of the entry that opened it."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The action, exactly: its canonical JSON and digest; `modified` is the digest of what was sent instead, or ""."""

    action: Told
    digest: str
    target: str = ""
    event: str = ""
    modified: str = ""
    spend: dict[str, int] = {}
    body: Told = Told("none")
    """Of a generation: the prompt as it came."""


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. `status` "" where no outcome is in the record."""

    index: int = -1
    at: int = 0
    status: str = ""
    result: Told = Told("none")
    findings: tuple[Finding, ...] = ()
    """What was found in it, and a canary in what had gone out."""
    found: Fate = "none"
    """What became of the findings; `none` where there are none."""
    withheld: bool = False
    """Whether the caller did not get it, although the act is done."""
    spent: dict[str, int] = {}
    """What the act came to in the end, in micro-units, by limit."""


class Step(msgspec.Struct, frozen=True):
    """How long one step took, in µs."""

    name: str
    micros: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That one entry is in the log: `path` leads from its leaf hash to the checkpoint's root (hexadecimal).

    `proved` says that it was walked here; False with an empty path where the checkpoint does not reach so far.
    """

    index: int
    kind: str
    at: int
    leaf: str
    path: tuple[str, ...] = ()
    proved: bool = False


class Head(msgspec.Struct, frozen=True):
    """The checkpoint the proofs lead to. `trusted`: its signature was checked with a key the reader brought."""

    origin: str
    size: int
    root: str
    note: str
    trusted: bool


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Times are µs UTC. Nothing is guessed: what is erased or not here says so."""

    id: str
    standing: Standing
    by: str
    role: PrincipalKind | Literal[""]
    run: Run
    seam: Seam
    system: str
    tool: str
    effect: Effect
    judged: int
    """Index of the entry that says how it was judged last."""
    at: int
    verdict: Decision
    disposition: Decision
    code: str
    """Of the finding that decided a denial."""
    findings: tuple[Finding, ...]
    found: Fate
    rules: Rules
    authority: Authority
    holds: tuple[Holding, ...]
    asked: Inquiry | None
    sent: Sent
    back: Back
    steps: tuple[Step, ...]
    proofs: tuple[Proof, ...]
    head: Head | None
    problems: tuple[str, ...]
    """What does not fit together. Empty is not a verification of the log: `verify` is."""
    relaxed: tuple[Bypass, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    """What was said in it that the record of its run contradicts."""
