"""State is a fold of the record: everything that is true now, or was true at index N, and nothing else.

`State.fold` is the only way state changes. It is deterministic: time enters as the entries' own `at`. The same
class serves the sequencer, every worker's replica, `status --as-of` and an auditor reading an export.
"""

from typing import Final, assert_never

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyDeclared,
    AnyEntry,
    Asked,
    AskedMany,
    Config,
    Contradicted,
    Coverage,
    Decided,
    Declared,
    Deferred,
    Denied,
    Deployed,
    Endorsed,
    Enrolled,
    Evidence,
    Exposure,
    Gap,
    Glass,
    Hold,
    Intent,
    Opened,
    Outcome,
    Overridden,
    PasskeyDoubted,
    PasskeyEnded,
    PasskeyRefused,
    Principal,
    Pulled,
    Relaxed,
    Released,
    Restored,
    Revalidated,
    RunBound,
    RunClosed,
    RunOpened,
    SecondPlace,
    Shadowed,
    SignedIn,
    SignedOut,
    TaskTaken,
    Unmasked,
    Watch,
    Word,
)
from standwatch.facts.errors import Malformed
from standwatch.facts.relaxations import APART
from standwatch.record import coverage as rounds
from standwatch.record import (
    deferrals,
    endorsements,
    glass,
    pace,
    passkeys,
    questions,
    sessions,
    signed,
    veils,
    vigilance,
    watches,
)
from standwatch.record.endorsements import Endorsements
from standwatch.record.exposed import Counted, count
from standwatch.record.leaf import Unknown
from standwatch.record.passkeys import Passkey
from standwatch.record.questions import Question
from standwatch.record.serving import Serving, running, serve
from standwatch.record.sessions import Session
from standwatch.record.vigilance import Watched
from standwatch.record.watches import Acknowledged, Kept

ALL: Final = "all"


class Held(msgspec.Struct, frozen=True):
    """A hold in force: entry `index`, placed by `by`; `until` 0 where it has no end of its own."""

    index: int
    scope: str
    by: str
    at: int
    until: int


class Standing(msgspec.Struct, frozen=True):
    """A system as declared: entry index and content, and the envelopes whose evidence still carries.

    `lineage` holds (envelope, components) pairs: the present one, and those it was reached from by changes proved
    narrowing. A widening change starts it anew, so evidence on the old envelope no longer counts.
    """

    index: int
    entry: AnyDeclared
    lineage: tuple[tuple[str, str], ...]


class State(msgspec.Struct):
    """The fold. `seen` is the index of the last entry folded; -1 for none."""

    seen: int = -1
    at: int = -1
    origin: str = ""
    config: int = -1
    root: str = ""
    development: bool = False
    systems: dict[str, Standing] = {}
    retired: dict[str, tuple[str, ...]] = {}
    """Systems that are not declared any more → the validators whom their last declaration named. One line for each
    name that was removed. None is dropped, or adding and removing others would make us forget; an admin signed for
    every one of them, which bounds them as it bounds `principals`."""
    holds: dict[int, Held] = {}
    evidence: dict[str, tuple[tuple[int, Evidence], ...]] = {}
    principals: dict[str, Principal] = {}
    tokens: dict[str, tuple[str, str]] = {}
    """Hash of a bearer token → (`principal` or `run`, name)."""
    runs: dict[str, tuple[int, RunOpened | RunBound]] = {}
    """Open runs only."""
    tasks: dict[str, int] = {}
    """Open runs that were opened without a task → the entry with which they got one."""
    implicit: dict[str, str] = {}
    """`principal/system` → the open implicit run."""
    children: dict[str, str] = {}
    """Runs that have their authority from another, open or over → the open run that a harness opened above them."""
    places: dict[str, int] = {}
    """Open runs whose token was seen in a second place → the entry that says so."""
    endorsed: Endorsements = {}
    """By open run: values that people vouch for, or some of those who must do."""
    questions: dict[str, Question] = {}
    """By action id, until answered and used, or expired."""
    deferred: dict[str, deferrals.Deferral] = {}
    """By action id, until asked about, or until its time or its run is over."""
    veiled: veils.Veils = {}
    """Questions of which it was not opened yet whether they are real, by action id."""
    vigilance: Watched = {}
    """By person: how watchful those are who answer, and who may not any more."""
    paces: pace.Paces = {}
    """How many questions people and systems were asked lately (`record.pace`)."""
    routes: dict[str, Serving] = {}
    """`system/model` → which versions answer for it now."""
    exposure: dict[str, Counted] = {}
    """System → the measured counts of people that have force, the latest last."""
    coverage: rounds.Known = {}
    """What goes round us, by system and host."""
    passkeys: dict[str, Passkey] = {}
    """By credential id; those that ended stay, so that none is enrolled twice."""
    enrolments: dict[str, int] = {}
    """Person → index of the last entry that enrolled or ended a passkey of theirs."""
    sessions: dict[str, Session] = {}
    """By the SHA-256 of its cookie, until ended, or until another sign-in after its time."""
    alarms: dict[str, tuple[int, int]] = {}
    """Person → index and time of the last sign of somebody else in their place: a cookie elsewhere, a lure."""
    relaxed: dict[int, Relaxed] = {}
    """Relaxations by index, those in force and those that another could still renew; one that was ended early has the
    time of its end as `until`."""
    last_relaxed: dict[str, int] = {}
    """System → index of its last relaxation; kept when the system goes, so that no signature is good twice."""
    glasses: dict[int, glass.Broken] = {}
    """Break-glass credentials by the index of their sealing: sealed, or opened and not reviewed yet, and some more."""
    watches: dict[str, Kept] = {}
    """Watch → the last entry about it; kept when the watch goes, so that no hand-over is good twice."""
    acknowledged: dict[int, tuple[Acknowledged, ...]] = {}
    """Relaxation → who took a watch while it was open, the latest last."""
    fences: dict[str, int] = {}
    """Scope → index of its last restricting control entry."""
    stopped: str = ""
    """Why the fold stopped: an unknown control kind. Authority is then lowest."""

    def fold(self, index: int, entry: AnyEntry | Unknown) -> None:
        """Take entry `index` into the state. Entries come in order of index; those that do not fold may be left out."""
        self.seen = index
        self.at = entry.at
        if not isinstance(entry, Unknown):
            signed.counted(self.passkeys, entry)
        match entry:
            case Intent():
                self._use(entry)
            case (
                Denied() | Outcome() | Gap() | Decided() | Shadowed() | Overridden() | Word() | Contradicted()
            ):
                pass
            case Deployed():
                key = f"{entry.system}/{entry.model}"
                self.routes[key] = serve(self.routes.get(key), index, entry)
                self.fences[f"system:{entry.system}"] = index
            case Exposure():
                self.exposure[entry.system] = count(self.exposure.get(entry.system, ()), index, entry)
                self.fences[f"system:{entry.system}"] = index
            case Coverage():
                self.coverage = rounds.fold(self.coverage, index, entry)
                self.fences[f"system:{entry.system}"] = index
            case Opened():
                self.origin = entry.origin
            case Asked():  # and AskedMany, which is one
                self._ask(index, entry)
            case Deferred():
                self.deferred = deferrals.deferred(self.deferred, index, entry)
            case Pulled():
                self.deferred = deferrals.pulled(self.deferred, entry)
            case Answered():
                self._answer(index, entry)
            case Endorsed():
                self._endorse(index, entry)
            case Unmasked():
                self._unmask(index, entry)
            case Revalidated():
                vigilance.revalidated(self.vigilance, index, entry)
            case Declared():
                self._declare(index, entry)
            case Config():
                self._configure(index, entry)
            case Hold():
                self.holds = {i: hold for i, hold in self.holds.items() if not 0 < hold.until <= entry.at}
                self.holds[index] = Held(index, entry.scope, entry.by, entry.at, entry.until)
                self.fences[entry.scope] = index
            case Released():
                self.holds.pop(entry.hold, None)
            case Relaxed():
                self.relaxed = {i: one for i, one in self.relaxed.items() if entry.at < one.until + APART}
                self.relaxed[index] = entry
                self.last_relaxed[entry.system] = index
            case Restored():
                self._restore(index, entry)
            case Glass():
                self.glasses = glass.fold(self.glasses, index, entry)
            case Watch():
                watches.fold(self, index, entry)
            case Evidence():
                self._evidence(index, entry)
            case Principal():
                self._principal(index, entry)
            case Enrolled() | PasskeyEnded() | PasskeyDoubted():
                passkeys.fold(self.passkeys, self.enrolments, index, entry)
                if isinstance(entry, PasskeyEnded):
                    self.sessions = sessions.changed(self.sessions, self.passkeys, entry)
                    self.fences[f"agent:{entry.person}"] = index
                    self._strike(index)
            case SignedIn():
                self.sessions = sessions.opened(self.sessions, self.passkeys, index, entry)
            case SignedOut():
                self.sessions.pop(entry.session, None)
                if entry.code == "elsewhere":
                    self.alarms[entry.person] = (index, entry.at)
            case PasskeyRefused():
                self.alarms[entry.person] = (index, entry.at)
            case RunOpened():
                self._open(index, entry)
            case SecondPlace():
                self.places[entry.run] = index
            case TaskTaken():
                self.tasks[entry.run] = index
            case RunClosed():
                self._end(entry.run)
            case Unknown():
                if entry.folds:
                    self.stopped = f"entry {index} is of the unknown kind {entry.kind}"
            case _:
                assert_never(entry)

    def running(self, system: str, components: str) -> str:
        """The digest that evidence about `system` must name: its components, with the versions deployed now."""
        mine = {
            key.partition("/")[2]: (route.version, route.digest)
            for key, route in self.routes.items()
            if key.partition("/")[0] == system and route.version
        }
        return running(components, mine)

    def in_front(self, system: str, model: str, version: str, digest: str) -> "State":
        """This state as it would be with `version` in front. It shares all else with this one: do not fold it on."""
        key = f"{system}/{model}"
        route = self.routes.get(key) or Serving(-1, 0)
        routes = {**self.routes, key: msgspec.structs.replace(route, version=version, digest=digest)}
        return msgspec.structs.replace(self, routes=routes)

    def last_statement(self, system: str) -> int:
        """Index of the last evidence entry about `system`; -1 for none."""
        found = self.evidence.get(system, ())
        return found[-1][0] if found else -1

    def lineage(self, run: str) -> tuple[str, ...]:
        """`run` and the runs that its authority comes from, up to the one that a harness opened. Open runs only."""
        found = [run]
        while parent := parent_of(self.runs[found[-1]][1]) if found[-1] in self.runs else "":
            found.append(parent)
        return tuple(found)

    def root_run(self, run: str) -> str:
        """The run that `run` shares its task, its reads and its budgets with: itself, but for a sub-agent's."""
        return self.children.get(run, run)

    def delegated(self, run: str) -> tuple[RunBound, ...]:
        """What bounds `run` beside the manifest: every run on its way up that has its authority from another."""
        opened = self.runs.get(run)
        if opened is None or not parent_of(opened[1]):
            return ()
        found = (self.runs[one][1] for one in self.lineage(run)[:-1])
        return tuple(one for one in found if isinstance(one, RunBound))

    def may_answer(self, person: str, system: str, tool: str = "") -> bool:
        """Whether `person` is now among those who answer questions about `tool` of `system`, and not dismissed."""
        return person in questions.answering(self, system, tool)

    def fence(self, scopes: tuple[str, ...]) -> int:
        """Index of the last restricting control entry of any of `scopes`; -1 for none."""
        find = self.fences.get
        return max([find(scope, -1) for scope in scopes], default=-1)

    def held(self, scopes: tuple[str, ...], now: int) -> tuple[Held, ...]:
        """The holds in force at `now` on any of `scopes`."""
        if not self.holds:
            return ()
        return tuple(
            hold for hold in self.holds.values() if hold.scope in scopes and not 0 < hold.until <= now
        )

    def _restore(self, index: int, entry: Restored) -> None:
        ended = self.relaxed.get(entry.relaxed)
        if ended is not None:
            until = min(ended.until, entry.at)
            self.relaxed[entry.relaxed] = msgspec.structs.replace(ended, until=until)
            self.fences[ended.scope] = index

    def _use(self, entry: Intent) -> None:
        question = self.questions.get(entry.id)
        if question is not None:
            self.questions[entry.id] = msgspec.structs.replace(question, used=True)

    def _ask(self, index: int, entry: Asked) -> None:
        for ident in [i for i, old in self.questions.items() if old.used or old.until <= entry.at]:
            del self.questions[ident]
        self.questions[entry.id] = Question(index, entry)
        people = questions.people(entry, self)
        pace.asked(self.paces, entry, people)
        vigilance.asked(self.vigilance, people)
        if isinstance(entry, AskedMany):
            self.veiled[entry.id] = veils.Veiled(index, entry)

    def _answer(self, index: int, entry: Answered) -> None:
        passkeys.answered(self.passkeys, entry)
        question = self.questions.get(entry.id)
        if question is None or question.index != entry.of:
            return
        if questions.objection(self, question, entry, entry.at):
            return
        self.questions[entry.id] = questions.answered(question, index, entry)
        veils.heard(self.veiled, entry.id, entry.by, entry.decision)
        vigilance.answered(self.vigilance, entry)
        if entry.decision != "approve":
            endorsements.withdraw(self, index, question)

    def _strike(self, index: int) -> None:
        """Somebody may not answer any more, or with that key no more: what they said and was not used is void."""
        for ident, question in self.questions.items():
            if question.answers and not question.used:
                self.questions[ident] = questions.struck(self, question)
        endorsements.strike(self, index)

    def _endorse(self, index: int, entry: Endorsed) -> None:
        if not endorsements.objection(self, entry, entry.at):
            endorsements.fold(self, index, entry)
            veils.heard(self.veiled, entry.id, entry.by, "approve")

    def _unmask(self, index: int, entry: Unmasked) -> None:
        veiled = self.veiled.get(entry.id)
        if veiled is None or veiled.index != entry.of:
            return
        del self.veiled[entry.id]
        losses = vigilance.opened(self.vigilance, index, entry, veiled)
        if entry.decoy:
            # INVARIANT: nothing that anybody said to a decoy is ever good for anything.
            question = self.questions.pop(entry.id, None)
            endorsements.withdraw(self, index, question or questions.Question(veiled.index, veiled.entry))
            pace.taken_back(self.paces, veiled.entry, veiled.entry.people)
        if losses:
            self._strike(index)

    def _declare(self, index: int, entry: AnyDeclared) -> None:
        before = self.systems.get(entry.system)
        here = (entry.envelope, entry.components)
        carried = before.lineage if before is not None and entry.change in ("same", "narrower") else ()
        lineage = (*(pair for pair in carried if pair != here), here)[-KEPT_LINEAGE:]
        self.systems[entry.system] = Standing(index, entry, lineage)
        self.retired.pop(entry.system, None)
        self.fences[f"system:{entry.system}"] = index
        self._strike(index)

    def _configure(self, index: int, entry: Config) -> None:
        self.config, self.root, self.development = index, entry.root, entry.development
        for name in entry.removed:
            gone = self.systems.pop(name, None)
            if gone is not None and gone.entry.validators:
                self.retired[name] = tuple(gone.entry.validators)
            self.routes = {k: v for k, v in self.routes.items() if k.partition("/")[0] != name}
            self.exposure.pop(name, None)
            self.relaxed = {i: one for i, one in self.relaxed.items() if one.system != name}
        self.fences[ALL] = index
        self._strike(index)

    def _evidence(self, index: int, entry: Evidence) -> None:
        """A statement supersedes earlier ones about the same envelope and components, and no others."""
        about = (entry.envelope, entry.components)
        others = [
            (i, old)
            for i, old in self.evidence.get(entry.system, ())
            if (old.envelope, old.components) != about
        ]
        self.evidence[entry.system] = (*others, (index, entry))
        self.fences[f"system:{entry.system}"] = index

    def _principal(self, index: int, entry: Principal) -> None:
        before = self.principals.get(entry.name)
        if before is not None:
            self.tokens.pop(before.token, None)
        self.principals[entry.name] = entry
        if entry.revoked:  # what it had opened ends with it: a later principal of that name begins anew
            for run in [run for run, (_, opened) in self.runs.items() if opened.principal == entry.name]:
                self._end(run)
        if entry.token and not entry.revoked:
            self.tokens[entry.token] = ("principal", entry.name)
        passkeys.changed(self.passkeys, index, entry)
        self.sessions = sessions.changed(self.sessions, self.passkeys, entry)
        self.fences[f"agent:{entry.name}"] = index
        self._strike(index)

    def _open(self, index: int, entry: RunOpened) -> None:
        self.runs[entry.run] = (index, entry)
        if parent := parent_of(entry):
            self.children[entry.run] = self.root_run(parent)
        if entry.token:
            self.tokens[entry.token] = ("run", entry.run)
        if entry.implicit:
            self.implicit[f"{entry.principal}/{entry.system}"] = entry.run

    def _end(self, run: str) -> None:
        _, opened = self.runs.pop(run, (0, None))
        if opened is None:
            return
        self.tokens.pop(opened.token, None)
        self.places.pop(run, None)
        self.tasks.pop(run, None)
        # INVARIANT: no run outlives the one that its authority comes from.
        for child in [name for name, (_, one) in self.runs.items() if parent_of(one) == run]:
            self._end(child)
        if run not in self.children:
            self.children = {name: root for name, root in self.children.items() if root != run}
        self.endorsed.pop(run, None)
        self.deferred = {ident: one for ident, one in self.deferred.items() if one.entry.run != run}
        key = f"{opened.principal}/{opened.system}"
        if self.implicit.get(key) == run:
            del self.implicit[key]


def parent_of(opened: RunOpened) -> str:
    """The run that an open run has its authority from; "" for none."""
    return opened.parent if isinstance(opened, RunBound) else ""


KEPT_LINEAGE: Final = 32
"""How many narrowings evidence is carried across before it must be gathered anew."""

FOLD: Final = 20
"""Version of the fold. It goes up with every change to `State` or to what `fold` makes of an entry: snapshots of
another version are not read, and state is folded anew."""

_FOLD_BYTES: Final = b"standwatch/state/" + FOLD.to_bytes(4, "big")
_snapshot: Final = msgspec.msgpack.Decoder(State)


def folds(entry: AnyEntry | Unknown) -> bool:
    """Whether replicas must be told of `entry`: state is folded over it."""
    return entry.folds or (isinstance(entry, Intent) and entry.signed >= 0)


def save(state: State) -> bytes:
    """A snapshot of `state`, for `load`."""
    return _FOLD_BYTES + msgspec.msgpack.encode(state)


def load(snapshot: bytes) -> State:
    """The state that `save` wrote. Raises `Malformed` for one of another fold, or damaged: fold again instead."""
    if not snapshot.startswith(_FOLD_BYTES):
        raise Malformed("the snapshot was made by another fold")
    try:
        return _snapshot.decode(memoryview(snapshot)[len(_FOLD_BYTES) :])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"the snapshot cannot be read: {error}") from None
