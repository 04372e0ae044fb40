"""Was every entry allowed where it stands? The record's rules, replayed over the entries themselves.

The sequencer's own rules are stated once, in `Sequencer.admit`, and are asked again here of every entry at its own
time; what the sequencer takes on trust (signatures, verdicts) is checked beside. Time enters as the entries' `at`.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Config,
    Contradicted,
    Coverage,
    Decided,
    Declared,
    Deployed,
    Endorsed,
    Enrolled,
    Evidence,
    Glass,
    Intent,
    Judged,
    Opened,
    Outcome,
    Overridden,
    Principal,
    Relaxed,
    Revalidated,
    SignedIn,
    Watch,
)
from standwatch.facts.frames import Append
from standwatch.facts.parts import config_bytes, evidence_bytes
from standwatch.facts.words import LEVELS, Level
from standwatch.record import (
    coverage,
    endorsements,
    glass,
    passkeys,
    questions,
    relaxed,
    sessions,
    vigilance,
    watches,
)
from standwatch.record.decided import Decisions, EntryAt
from standwatch.record.decided import scopes_of as decided_scopes
from standwatch.record.deployments import problems as deployment_problems
from standwatch.record.leaf import Unknown
from standwatch.record.relaxed import covering
from standwatch.record.sequence import Sequencer
from standwatch.record.signature import verify as verify_signature
from standwatch.record.signed import Signature, is_human, verifies
from standwatch.record.state import ALL, State, folds
from standwatch.record.veils import closed

RootAt: TypeAlias = Callable[[int], bytes | None]
"""The root that the first n entries had; None where this source cannot tell."""

GrantRule: TypeAlias = Callable[[State, str, int], Level]
"""The level that the rules of authority give a system at a time; handed in, because authority stands above."""

ObservedRule: TypeAlias = Callable[[int, str, int], bool | None]
"""Whether configuration entry N had a system observed at a time; None where that configuration cannot be read."""

Objection: TypeAlias = tuple[str, str]
"""A stable code and a sentence."""


class Origin(msgspec.Struct, frozen=True):
    """Whose log this is: as the checkpoint and the verifier's key say."""

    name: str
    vkey: str


def scopes_of(entry: Judged | Decided) -> tuple[str, ...]:
    """The scopes of an action as far as its leaf tells; else components, versions and vendors stand in the manifest."""
    if isinstance(entry, Decided):
        return decided_scopes(entry, entry.version)
    server = entry.tool.partition(".")[0]
    named = (f"system:{entry.system}", f"tool:{entry.tool}", f"server:{server}")
    return (ALL, *named, f"agent:{entry.by}", f"run:{entry.run}")


def human_keys(state: State, person: str) -> tuple[str, ...]:
    """The public keys that `state` gives a person; none for who is no human or was dismissed."""
    return tuple(state.principals[person].keys) if is_human(state, person) else ()


def people_of(state: State) -> dict[str, tuple[str, ...]]:
    """The humans of the record who were not dismissed, with their keys."""
    return {name: human_keys(state, name) for name in state.principals if is_human(state, name)}


def by_one_of(
    people: dict[str, tuple[str, ...]], known: passkeys.Passkeys, signature: Signature, message: bytes
) -> bool:
    """Whether `message` is signed by one of `people`, with a key of theirs or one of the passkeys `known`."""
    return signature.by in people and verifies(signature, message, known, people[signature.by])


def signed_by(state: State, signature: Signature, message: bytes) -> bool:
    """Whether `message` is signed with a key or a passkey that `state` gives its person."""
    if not is_human(state, signature.by):
        return False
    return verifies(signature, message, state.passkeys, human_keys(state, signature.by))


def answer_verifies(entry: Answered, state: State, origin: str) -> bool:
    """The answer is signed, over RECORD.md's bytes, with a key or a passkey that `state` gives its person."""
    asked = state.questions.get(entry.id)
    message = questions.message(entry, asked.entry if asked is not None else None, origin)
    if passkeys.is_passkey(entry.sig):
        return is_human(state, entry.by) and passkeys.verifies(state.passkeys, entry, message)
    keys = human_keys(state, entry.by)
    return entry.key in keys and verify_signature(entry.key, message, entry.sig)


def endorsement_verifies(entry: Endorsed, state: State, origin: str) -> bool:
    """The endorsement is signed, over RECORD.md's bytes, with a key or a passkey that `state` gives its person."""
    question = state.questions.get(entry.id)
    flag = questions.flag(question.entry) if question is not None else ""
    message = endorsements.message(entry, flag, origin)
    return bool(entry.key) and signed_by(state, Signature(entry.by, entry.sig, entry.key), message)


def enrolment_verifies(entry: Enrolled, state: State, origin: str) -> bool:
    """A key that the configuration gave `by` vouches for a passkey of somebody who is a person of the record."""
    message = passkeys.enrolment_message(entry, origin)
    return (
        is_human(state, entry.person)
        and entry.signer in human_keys(state, entry.by)
        and verify_signature(entry.signer, message, entry.sig)
    )


def evidence_message(entry: Evidence, origin: str) -> bytes:
    """What a validator signs for `entry` in the log `origin`."""
    return evidence_bytes(
        by=entry.by,
        components=entry.components,
        envelope=entry.envelope,
        follows=entry.follows,
        org=origin,
        outcome=entry.outcome,
        report=entry.report,
        system=entry.system,
        until=entry.until,
    )


def evidence_verifies(entry: Evidence, state: State, origin: str) -> bool:
    """The statement is signed with a key or a passkey that `state` gives its author."""
    signature = Signature(entry.by, entry.sig, entry.key)
    return bool(entry.key) and signed_by(state, signature, evidence_message(entry, origin))


class Replay:
    """Feeds on entries in order; `objections` says what is wrong with the next one and takes it in.

    `start` is the first index from which *every* entry comes; before it only those come that state folds over, and
    nothing is held against an outcome whose intent lies there.
    """

    def __init__(
        self,
        origin: Origin,
        start: int,
        root_at: RootAt,
        grant: GrantRule | None = None,
        observed: ObservedRule = lambda _conf, _system, _at: None,
        *,
        entry_at: EntryAt = lambda _index: None,
    ) -> None:
        self.sequencer = Sequencer(State())
        self._origin = origin
        self._start = start
        self._root_at = root_at
        self._grant = grant
        self._observed = observed
        self._decisions = Decisions(entry_at)
        self._batch: tuple[dict[str, tuple[str, ...]], passkeys.Passkeys] | None = None
        """People's keys and passkeys as they were when the configuration now being taken up began to be."""
        self._wider = False

    @property
    def state(self) -> State:
        return self.sequencer.state

    @property
    def unfinished(self) -> int:
        """How many intents have no outcome: these read "unknown"."""
        return len(self.sequencer.open)

    @property
    def sealed(self) -> int:
        """How many questions nobody can answer any more though none was opened: a moment's worth in an honest log."""
        return sum(closed(self.state, one, self.state.at) for one in self.state.veiled.values())

    def objections(self, index: int, entry: AnyEntry | Unknown) -> list[Objection]:
        """What is wrong with entry `index`, standing where it stands; then it is taken into account."""
        if isinstance(entry, Unknown):
            self.state.fold(index, entry)
            return []
        found = [*self._sequenced(index, entry), *self._judged(index, entry), *self._signed(index, entry)]
        found += self._about_decisions(index, entry)
        self._decisions.take(index, entry, self.state)
        if index < self._start:
            if folds(entry):
                self.state.fold(index, entry)
        else:
            self.sequencer.take(index, entry)
            self.sequencer.dirty.clear()  # nobody writes these ledgers down
        return found

    def _sequenced(self, index: int, entry: AnyEntry) -> Iterator[Objection]:
        """What the sequencer would have refused."""
        if isinstance(entry, Opened) or index == 0:
            yield from self._opened(index, entry)
        if isinstance(entry, Outcome) and entry.of < self._start:
            return
        if isinstance(entry, Overridden) and 0 <= entry.follows < self._start:
            return
        scopes = self._scopes(entry) if isinstance(entry, Intent | Asked | Decided) else ()
        # INVARIANT: what was appended had passed `admit` at its own time, with these scopes among its own.
        refusal = self.sequencer.admit(Append(0, entry, scopes=scopes), entry.at)
        if refusal is not None and not (refusal.code == "invalid" and isinstance(entry, Decided)):
            yield refusal.code, refusal.detail  # (of a decision's version `Decisions` says more)

    def _scopes(self, entry: Judged | Decided) -> tuple[str, ...]:
        """Of a sub-agent's act also those of the runs that its authority comes from."""
        above = self.state.lineage(entry.run)[1:]
        return (*scopes_of(entry), *(f"run:{run}" for run in above))

    def _opened(self, index: int, entry: AnyEntry) -> Iterator[Objection]:
        if index != 0 or not isinstance(entry, Opened):
            yield "opened", "a log is opened by its first entry and by no other"
        elif entry.origin != self._origin.name:
            yield "opened", f"this is the log {entry.origin[:80]}, not {self._origin.name}"
        elif entry.key != self._origin.vkey:
            yield "opened", "the log was opened under another key than the one it is verified with"

    def _judged(self, index: int, entry: AnyEntry) -> Iterator[Objection]:
        """What a verdict may not have been."""
        if not isinstance(entry, Intent | Asked | Decided):
            return
        state = self.state
        if entry.seen >= index:
            yield "seen", f"it claims to have seen entry {entry.seen}, which came later"
        if entry.conf != max(state.config, 0):
            yield (
                "configuration",
                f"it was judged under configuration {entry.conf}; {state.config} was in force",
            )
        if isinstance(entry, Intent):
            yield from self._released(entry)

    def _about_decisions(self, index: int, entry: AnyEntry) -> Iterator[Objection]:
        level: Level | None = None
        if isinstance(entry, Decided) and self._grant is not None:
            level = self._grant(self.state, entry.system, entry.at)
        human: Callable[[str], bool] = lambda person: is_human(self.state, person)  # noqa: E731
        yield from self._decisions.objections(index, entry, self.state, human, level)

    def _released(self, entry: Intent) -> Iterator[Objection]:
        state = self.state
        # INVARIANT: nothing is forwarded under a hold that was sequenced before its intent.
        for hold in state.held(self._scopes(entry), entry.at):
            yield "hold", f"released under hold {hold.index} on {hold.scope}"
        if entry.disposition in ("defer", "deny") or (entry.disposition == "step_up" and entry.signed < 0):
            yield "disposition", f"released though the disposition was {entry.disposition}"
        yield from self._against(entry)
        if self._grant is not None:
            level = self._grant(state, entry.system, entry.at)
            if LEVELS.index(entry.grant) > LEVELS.index(level):
                yield "grant", f"it used {entry.grant} authority where the rules give {level}"

    def _against(self, entry: Intent) -> Iterator[Objection]:
        """INVARIANT: what left against its verdict left under an approval, a relaxation in force, or observation."""
        if entry.verdict == entry.disposition or (entry.verdict == "step_up" and entry.signed >= 0):
            return
        passing = covering(self.state, entry.system, self._scopes(entry), entry.at).values()
        if any(entry.signed >= 0 or one.compensating != "step_up" for one in passing):
            return
        if self._observed(entry.conf, entry.system, entry.at) is False:
            yield (
                "disposition",
                f"released although {entry.verdict}, under no approval, relaxation or observation",
            )

    def _broken(self, entry: Glass) -> Iterator[Objection]:
        """Sealed by a person; opened and drilled with the key that was sealed."""
        known = self.state.glasses.get(entry.glass)
        match entry.step:
            case "reviewed":
                good = True
            case "sealed":
                message = glass.message(entry, self._origin.name)
                good = signed_by(self.state, Signature(entry.by, entry.sig), message)
            case _:
                good = known is not None and glass.verifies(entry, known.entry.key, self._origin.name)
        if not good:
            yield "glass_signature", f"the break-glass was not {entry.step[:20]} with a key that could"

    def _relaxed(self, entry: Relaxed) -> Iterator[Objection]:
        """Everybody who is said to have signed did, with a key of theirs. Who must have is the sequencer's rule."""
        for person, sig in entry.signatures.items():
            message = relaxed.message(entry, person, self._origin.name)
            if not signed_by(self.state, Signature(person, sig), message):
                yield (
                    "relaxation_signature",
                    f"the relaxation is not signed by {person} with a key of theirs",
                )

    def _revalidated(self, entry: Revalidated) -> Iterator[Objection]:
        """A validator signed that somebody may answer again. Whose validator it must be is the sequencer's rule."""
        if self.state.development and not entry.sig:
            return
        message = vigilance.message(entry, self._origin.name)
        if not signed_by(self.state, Signature(entry.by, entry.sig, entry.key), message):
            yield (
                "revalidation_signature",
                f"that {entry.person} may answer again is not signed by {entry.by} with a key of theirs",
            )

    def _watched(self, entry: Watch) -> Iterator[Objection]:
        """Whoever took or gave the watch signed that they did, over what was open then (the sequencer compares it)."""
        for person, sig in entry.signatures.items():
            message = watches.message(entry, person, self._origin.name)
            if not signed_by(self.state, Signature(person, sig), message):
                yield "watch_signature", f"the watch {entry.watch[:80]} is not signed for by {person}"

    def _signed(self, index: int, entry: AnyEntry) -> Iterator[Objection]:
        match entry:
            case Answered():
                yield from self._answered(index, entry)
            case Endorsed():
                yield from self._endorsed(index, entry)
            case Revalidated():
                yield from self._revalidated(entry)
            case Evidence():
                yield from self._evidence(entry)
            case Contradicted() if max(entry.of, *entry.entries, -1) >= index:
                yield "contradicted", "it is held against entries that came later"
            case Coverage() if entry.sig:
                yield from self._covered(entry)
            case Enrolled() if not enrolment_verifies(entry, self.state, self._origin.name):
                yield "enrolment_signature", f"nobody's key vouches for the passkey of {entry.person}"
            case SignedIn() if entry.credential and not sessions.verifies(
                self.state.passkeys, entry, self._origin.name
            ):
                yield "sign_in_signature", f"no passkey of {entry.person} signed for this session"
            case Declared() | Principal(role="human"):
                self._begin_batch(entry)
            case Config():
                yield from self._configured(entry)
            case Relaxed():
                yield from self._relaxed(entry)
            case Glass():
                yield from self._broken(entry)
            case Watch():
                yield from self._watched(entry)
            case Deployed():
                for text in deployment_problems(self.state, index, entry):
                    yield "deployment", text
            case _:
                return

    def _answered(self, index: int, entry: Answered) -> Iterator[Objection]:
        """A human of the log's own making, with a key of their own, over exactly the action that was asked about."""
        state = self.state
        if not answer_verifies(entry, state, self._origin.name):
            yield "approval_signature", f"the answer of {entry.by} is not signed with a key of theirs"
        question = state.questions.get(entry.id)
        if question is not None and question.entry.digest != entry.digest:
            yield "approval_digest", "the answer is about another action than the question"
        if (
            question is not None
            and entry.decision == "approve"
            and not self._may_answer(entry, question.entry)
        ):
            yield "approval_person", f"{entry.by} may not answer for {question.entry.system}"
        if entry.decision not in ("approve", "refuse"):
            yield "approval_void", f"{entry.decision[:40]!r} is no answer"
        if not self._along(index, entry.head):
            yield "approval_head", "the checkpoint signed along with the answer is not one of this log"

    def _endorsed(self, index: int, entry: Endorsed) -> Iterator[Objection]:
        """Signed by one of those whom the question names, with a key or passkey of theirs (the sequencer's rule says
        that they may)."""
        if not endorsement_verifies(entry, self.state, self._origin.name):
            yield "endorsement_signature", f"{entry.by} did not sign that endorsement with a key of theirs"
        if not self._along(index, entry.head):
            yield (
                "endorsement_head",
                "the checkpoint signed along with the endorsement is not one of this log",
            )

    def _may_answer(self, entry: Answered, question: Asked) -> bool:
        named = entry.by in questions.people(question, self.state)
        return named and entry.by in questions.rule_in(self.state, question.system, question.tool).by

    def _along(self, index: int, head: str) -> bool:
        """The head a human signed along with an answer was this log's, before that answer."""
        if not head:
            return True
        size, _, root = head.partition(":")
        if not size.isascii() or not size.isdigit() or len(size) > 18 or not 0 < int(size) <= index:
            return False
        known = self._root_at(int(size))
        return known is None or known.hex() == root

    def _evidence(self, entry: Evidence) -> Iterator[Objection]:
        state = self.state
        if state.development and not entry.sig:
            return
        if not evidence_verifies(entry, state, self._origin.name):
            yield "evidence_signature", f"the evidence of {entry.by} is not signed with a key of theirs"
        standing = state.systems.get(entry.system)
        named = standing is not None and entry.by in standing.entry.validators
        if not named and not state.development:
            yield "evidence_person", f"{entry.by} was not a validator of {entry.system}"

    def _covered(self, entry: Coverage) -> Iterator[Objection]:
        """A validator's own signature. Whose it must be is the sequencer's rule."""
        message = coverage.message(entry, self._origin.name)
        if not signed_by(self.state, Signature(entry.by, entry.sig, entry.key), message):
            yield (
                "coverage_signature",
                f"what goes round {entry.system[:80]} is not signed by {entry.by[:80]}",
            )

    def _begin_batch(self, entry: Declared | Principal) -> None:
        """People and systems come first, the configuration they belong to last (`serve/adopt.py`)."""
        if self._batch is None:
            self._batch = people_of(self.state), dict(self.state.passkeys)
        self._wider = self._wider or (isinstance(entry, Declared) and entry.change == "wider")

    def _configured(self, entry: Config) -> Iterator[Objection]:
        """Signatures are those of people whom the configuration before this one knew."""
        people, known = self._batch or (people_of(self.state), self.state.passkeys)
        wider, self._wider, self._batch = self._wider, False, None
        for person, signature in entry.signatures.items():
            message = config_bytes(by=person, follows=entry.follows, org=self._origin.name, root=entry.root)
            if not by_one_of(people, known, Signature(person, signature), message):
                yield (
                    "config_signature",
                    f"the signature of {person} on configuration {entry.root} is not theirs",
                )
        # A configuration before which there was none, or one in development, cannot be signed by its predecessor.
        if wider and self.state.config >= 0 and not self.state.development and not entry.signatures:
            yield "config_unsigned", "a configuration was widened and nobody signed for it"
