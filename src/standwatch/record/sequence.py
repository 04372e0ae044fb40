"""The sequencer's mind: may this entry still be appended, now that it is its turn? (DESIGN.md §6)

Pure: `admit` says no or nothing, `take` accounts for what was appended. The store calls both inside the
transaction that appends, in order, on one thread; whatever changed since the verdict is seen here.
"""

from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Config,
    Coverage,
    Decided,
    Deferred,
    Denied,
    Deployed,
    Endorsed,
    Enrolled,
    Evidence,
    Glass,
    Intent,
    Outcome,
    OutcomeChecked,
    Overridden,
    PasskeyDoubted,
    PasskeyEnded,
    Pulled,
    Relaxed,
    Released,
    Restored,
    Revalidated,
    RunBound,
    RunClosed,
    RunOpened,
    SecondPlace,
    SignedIn,
    SignedOut,
    TaskAdded,
    TaskTaken,
    Unmasked,
    Watch,
    Word,
)
from standwatch.facts.frames import Append, Refusal, RefusalCode
from standwatch.facts.spending import SPENDINGS
from standwatch.record import (
    coverage,
    deferrals,
    delegation,
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
from standwatch.record.known import LEDGER, mark, prompt_mark, prompts
from standwatch.record.relaxed import problem as relaxation_problem
from standwatch.record.serving import misplaced
from standwatch.record.state import State, folds, parent_of

Ledger = dict[str, int]

Objection = tuple[RefusalCode | None, str]
"""Why an entry may not be appended, for programs and for people; (None, "") where it may."""


BY: Final = "recorder"
"""Who writes the entries that nobody asked for."""

IDLE: Final = 30 * 60 * 1_000_000
"""µs after which an implicit run without a call ends."""

MOST_WORDS: Final = 1_000
"""What an agent may be said to have said in one run: more tells nobody anything."""
KEPT_COUNTS: Final = 256
"""Counts in the entry that closes a run, the highest first: an entry has its bounds (RECORD.md)."""


class OpenIntent(msgspec.Struct, frozen=True):
    """An intent without an outcome yet."""

    index: int
    entry: Intent


class Sequencer(msgspec.Struct):
    """State, running totals and open intents: what an append is checked against.

    Ledgers are running totals by `run/ID`, `day/DATE/SYSTEM` and `minute/N/SYSTEM`; amounts are micro-units for
    what `spend` names and counts otherwise. `dirty` names ledgers changed since the store last wrote them.
    """

    state: State
    ledgers: dict[str, Ledger] = {}
    dirty: set[str] = set()
    open: dict[str, OpenIntent] = {}
    overridden: dict[str, int] = {}
    """`override_key` → index of the last override of that row. The store puts in what it finds on disk before it asks
    about an override, and may forget all of it whenever the disk has it: this does not grow with the log."""

    def admit(self, append: Append, now: int) -> Refusal | None:
        """Why `append` may not be written at `now`, or None. Changes nothing."""
        code, detail = self._objection(append, now)
        return None if code is None else Refusal(append.number, code, detail, self.state.seen)

    def _objection(self, append: Append, now: int) -> Objection:
        entry, state = append.entry, self.state
        if append.valid_until and now >= append.valid_until:
            return "stale", "what the verdict relied on has expired"
        if wrong := signed.objection(state, entry, now):
            return "approval", wrong
        # INVARIANT: nothing is sequenced on a verdict that did not know what its run has read by then.
        if append.heard is not None and self._behind(entry, append.heard):
            return "behind", "the run has outcomes that the verdict did not know"
        match entry:
            case Intent() | Asked():
                return self._unfit(append, entry, now)
            case Decided():
                return self._undecided(append, entry, now)
            case Outcome():
                known = self.open.get(entry.id)
                if known is None or known.index != entry.of:
                    return "duplicate", f"intent {entry.of} has no outcome to come"
                return _unsettled(entry)
            case Deferred() | Pulled():
                return self._undeferrable(entry, now)
            case Overridden():
                # INVARIANT: of two overrides that were judged on the same outcome one is refused: chains never fork.
                if entry.follows != self.overridden.get(override_key(entry), -1):
                    return (
                        "duplicate",
                        f"entry {entry.follows} is not the last override of {entry.of}/{entry.row}",
                    )
                return self._budget(append, entry, now)
            case Deployed():
                return self._undeployable(entry, now)
            case RunOpened() | RunClosed():
                return self._unrunnable(entry, now)
            case SecondPlace() if entry.run not in state.runs or entry.run in state.places:
                return "duplicate", f"run {entry.run} is over, or was said to be used elsewhere"
            case TaskAdded():
                return self._tellable(entry, now)
            case TaskTaken():
                return self._untold(entry, now)
            case Word():
                return self._unheard(entry)
            case _:
                return _unsaid(state, entry, now)

    def _behind(self, entry: AnyEntry, known: int) -> bool:
        run = getattr(entry, "run", "")
        if isinstance(entry, Intent) and prompts(entry.tool):
            known -= prompt_mark(entry.id)  # whose prompt it is knows it before its intent is written
        return run in self.state.runs and self.heard(run) != known

    def heard(self, run: str) -> int:
        """The sum over the outcomes of `run` (`record.known`)."""
        return self.ledgers.get(self._run(run), {}).get(LEDGER, 0)

    def _run(self, run: str) -> str:
        """The ledger of `run`: a sub-agent's is that of the run which a harness opened above it."""
        return f"run/{self.state.root_run(run)}"

    def _fence(self, append: Append, run: str) -> int:
        """The last restriction of anything that an act touches; of the runs above a sub-agent's too, whoever asks."""
        return self.state.fence((*append.scopes, *(f"run:{one}" for one in self.state.lineage(run))))

    def _unfit(self, append: Append, entry: Intent | Asked, now: int) -> Objection:
        """Against an act about to leave, or a question about one."""
        state = self.state
        if (run := state.runs.get(entry.run)) is None or not _runs(run[1], entry, now):
            return "run", f"run {entry.run} is not open for {entry.by}"
        if wrong := delegation.outside(state, entry):
            return "run", wrong
        # INVARIANT: no intent is sequenced after a restriction that its verdict had not seen.
        if self._fence(append, entry.run) > entry.seen:
            return "stale", "a restriction was sequenced after the verdict"
        if isinstance(entry, Intent):
            if entry.id in self.open:
                return "duplicate", f"action {entry.id} is already under way"
            if entry.signed >= 0 and (problem := self._unsigned(entry, now)):
                return "approval", problem
            return self._budget(append, entry, now)
        if entry.id in state.questions:
            return "duplicate", f"action {entry.id} was asked about already"
        if deferrals.dropped(state.deferred, entry.id, now):
            return "duplicate", f"action {entry.id} is not to be asked about"
        if wrong := questions.unfit(state, entry):
            return "invalid", wrong
        return self._budget(append, entry, now)

    def _undecided(self, append: Append, entry: Decided, now: int) -> Objection:
        """Against decisions of a model."""
        state = self.state
        if (run := state.runs.get(entry.run)) is None or not _runs(run[1], entry, now):
            return "run", f"run {entry.run} is not open for {entry.by}"
        if wrong := delegation.outside(state, entry):
            return "run", wrong
        # INVARIANT: no decision is sequenced after a restriction, or a rollback, that its verdict had not seen.
        if self._fence(append, entry.run) > entry.seen:
            return "stale", "a restriction was sequenced after the verdict"
        # INVARIANT: no front records a decision of a version that is not on the route.
        if wrong := misplaced(state.routes.get(f"{entry.system}/{entry.model}"), entry):
            return "invalid", wrong
        return self._budget(append, entry, now)

    def _budget(self, append: Append, entry: Intent | Asked | Decided | Overridden, now: int) -> Objection:
        over = self._over(append, entry, now)
        return ("budget", over) if over else (None, "")

    def _unrunnable(self, entry: RunOpened | RunClosed, now: int) -> Objection:
        """Against a run that begins or ends."""
        here = entry.run in self.state.runs
        match entry:
            case RunClosed() if not here:
                return "duplicate", f"run {entry.run} is not open"
            case RunClosed() if entry.by == BY and not self.over(entry.run, now):
                return "stale", f"run {entry.run} is in use"
            case RunOpened() if here:
                return "duplicate", f"run {entry.run} is already open"
            case RunBound() if wrong := delegation.objection(self.state, entry, now):
                return "run", wrong
            case RunOpened() if entry.implicit and f"{entry.principal}/{entry.system}" in self.state.implicit:
                return "duplicate", "an implicit run is already open"
            case _:
                return None, ""

    def _untold(self, entry: TaskTaken, now: int) -> Objection:
        """Against a task that comes after its run has begun."""
        _, run = self.state.runs.get(entry.run, (0, None))
        if run is None or run.principal != entry.by or 0 < run.until <= now:
            return "run", f"run {entry.run} is not open for {entry.by}"
        if run.why or entry.run in self.state.tasks:
            return "duplicate", f"run {entry.run} has its task"
        # INVARIANT: nothing that a run has read is ever taken for its task.
        if entry.run in self.state.children or self.ledgers.get(self._run(entry.run), {}).get("calls", 0):
            return "stale", f"run {entry.run} has acted already"
        return None, ""

    def _tellable(self, entry: TaskAdded, now: int) -> Objection:
        """Against words that are nobody's to add: only who opened a run for a task says more of it."""
        _, run = self.state.runs.get(entry.run, (0, None))
        if run is None or run.principal != entry.by or 0 < run.until <= now:
            return "run", f"run {entry.run} is not open for {entry.by}"
        principal = self.state.principals.get(entry.by)
        # INVARIANT: a token that calls tools says no task: the words come from who may start runs.
        if principal is None or not principal.starts or not run.token or parent_of(run):
            return "run", f"run {entry.run} has no task of its own that {entry.by} could add to"
        return None, ""

    def _unheard(self, entry: Word) -> Objection:
        """Against what an agent is said to have said."""
        _, run = self.state.runs.get(entry.run, (0, None))
        if run is None or run.principal != entry.by:
            return "run", f"run {entry.run} is not open for {entry.by}"
        if self.ledgers.get(f"run/{entry.run}", {}).get("words", 0) >= MOST_WORDS:
            return "budget", "words"
        return None, ""

    def over(self, run: str, now: int) -> bool:
        """Whether open `run` ends by itself: its time has passed, or it is implicit and was not used for `IDLE`.

        A run is in use while an action of it is under way, and while a human may still answer for it.
        """
        _, opened = self.state.runs.get(run, (0, None))
        if opened is None or 0 < opened.until <= now:
            return opened is not None
        last = self.ledgers.get(f"run/{run}", {}).get("last", opened.at)
        return opened.implicit and now - last >= IDLE and not self._waits(run, now)

    def _waits(self, run: str, now: int) -> bool:
        return (
            any(known.entry.run == run for known in self.open.values())
            or any(
                question.entry.run == run and not question.used and now < question.until
                for question in self.state.questions.values()
            )
            or any(
                one.entry.run == run and not one.dropped and deferrals.stands(one, now)
                for one in self.state.deferred.values()
            )
        )

    def spending(self, now: int) -> dict[str, Ledger]:
        """System → the tokens and the money (micro-units) that are spent or reserved on the day of `now`."""
        day = f"day/{_date(now // _DAY)}/"
        return {
            key.removeprefix(day): {name: ledger[name] for name in SPENDINGS if name in ledger}
            for key, ledger in self.ledgers.items()
            if key.startswith(day)
        }

    def completed(self, entry: AnyEntry) -> AnyEntry:
        """`entry` with what the sequencer alone knows: a run that ends says what it did, by tool."""
        if not isinstance(entry, RunClosed):
            return entry
        ledger = self.ledgers.get(f"run/{entry.run}", {})
        did = {name: count for name, count in ledger.items() if count and name not in ("last", LEDGER)}
        most = sorted(did, key=lambda name: (-did[name], name))[:KEPT_COUNTS]
        return msgspec.structs.replace(entry, counts={name: did[name] for name in most})

    def _undeferrable(self, entry: Deferred | Pulled, now: int) -> Objection:
        _, run = self.state.runs.get(entry.run, (0, None)) if isinstance(entry, Deferred) else (0, None)
        if isinstance(entry, Deferred) and (run is None or not _runs(run, entry, now)):
            return "run", f"run {entry.run} is not open for {entry.by}"
        return deferrals.problem(self.state, entry, now)

    def _undeployable(self, entry: Deployed, now: int) -> Objection:
        route = self.state.routes.get(f"{entry.system}/{entry.model}")
        if entry.system not in self.state.systems:
            return "stale", f"no manifest declares {entry.system}"
        if entry.follows != (route.index if route else -1):
            return "duplicate", f"entry {entry.follows} is not the last change of this route"
        if entry.mode == "end":
            return None, ""
        if entry.mode == "rollback":
            target = self.state.held((f"version:{entry.model}@{entry.version}",), now)
            return ("stale", f"hold {target[0].index} stops {entry.version}") if target else (None, "")
        # INVARIANT: what was rolled back stays back until its hold is released; nothing else moves meanwhile.
        mark = f"version:{entry.model}@"
        for held in self.state.holds.values():
            if held.scope.startswith(mark) and not 0 < held.until <= now:
                return "stale", f"hold {held.index} on {held.scope} pins this route"
        return None, ""

    def _unsigned(self, entry: Intent, now: int) -> str:
        question = self.state.questions.get(entry.id)
        return questions.unsigned(self.state, question, entry.digest, entry.signed, now)

    def _over(self, append: Append, entry: Intent | Asked | Decided | Overridden, now: int) -> str:
        for name, cap in append.caps.items():
            period, _, limit = name.partition("/")
            if isinstance(entry, Asked) and period in pace.PERIODS:
                named = questions.people(entry, self.state)
                if pace.exceeds(self.state, entry, named, period, cap=cap, now=now):
                    return name
                continue
            if limit in SPENDINGS and not _amount(entry, limit):
                continue  # what has come to more than was reserved stops generations, and nothing else
            ledger = self.ledgers.get(self._of(period, entry, now), {})
            if ledger.get(limit, 0) + _amount(entry, limit) > cap:
                return name
        return ""

    def take(self, index: int, entry: AnyEntry) -> None:
        """Account for `entry`, written as `index` with its `at`; fold it where it folds."""
        match entry:
            case Intent():
                self.open[entry.id] = OpenIntent(index, entry)
                self._charge(entry)
                if prompts(entry.tool):
                    self._known(entry.run, prompt_mark(entry.id))
            case Outcome():
                known = self.open.pop(entry.id, None)
                if known is not None:
                    self._used(known.entry.run, entry.at)
                    self._known(known.entry.run, mark(entry.id))
                # What a caller says it did not do is its own word: only what we carried ourselves is given back.
                if known is not None and entry.status == "not_sent" and known.entry.seam == "proxy":
                    self._give_back(known.entry)
                elif known is not None and isinstance(entry, OutcomeChecked):
                    self._settle(known.entry, entry.spent)
            case Decided():
                self._charge(entry)
            case Overridden():
                self.overridden[override_key(entry)] = index
                day, minute = _ledger("day", entry, entry.at), _ledger("minute", entry, entry.at)
                if day not in self.ledgers:
                    self._turn(entry, day, minute)
                self._add(day, override_limit(entry), 1)
            case Asked():
                self._add(self._run(entry.run), "asks", 1)
                self._used(entry.run, entry.at)
                day, minute = _ledger("day", entry, entry.at), _ledger("minute", entry, entry.at)
                if day not in self.ledgers:
                    self._turn(entry, day, minute)
                self._add(day, "asks", 1)
            case Unmasked() if entry.decoy and entry.id in self.state.veiled:
                self._take_back(self.state.veiled[entry.id].entry)
            case Denied() | Deferred():
                self._used(entry.run, entry.at)
            case Word():
                self._add(f"run/{entry.run}", "words", 1)
            case RunClosed():
                self.ledgers.pop(f"run/{entry.run}", None)
                self.dirty.add(f"run/{entry.run}")
            case _:
                pass
        if folds(entry):
            self.state.fold(index, entry)

    def _known(self, run: str, mark: int) -> None:
        if self.state.root_run(run) in self.state.runs:
            self._add(self._run(run), LEDGER, mark)

    def _periods(self, entry: Intent | Decided) -> tuple[str, str, str]:
        """The run, the day and the minute that an intent counts against."""
        return self._run(entry.run), _ledger("day", entry, entry.at), _ledger("minute", entry, entry.at)

    def _of(self, period: str, entry: Intent | Asked | Decided | Overridden, now: int) -> str:
        if period == "run" and not isinstance(entry, Overridden):
            return self._run(entry.run)
        return _ledger(period, entry, now)

    def _charge(self, entry: Intent | Decided) -> None:
        run, day, minute = self._periods(entry)
        if day not in self.ledgers or minute not in self.ledgers:
            self._turn(entry, day, minute)
        for key, name, amount in _amounts(entry, run, day, minute):
            self._add(key, name, amount)
        self.ledgers[run]["last"] = entry.at

    def _give_back(self, entry: Intent) -> None:
        """What was reserved and not sent. INVARIANT: a period that has passed, or a run that ended, is not touched."""
        for key, name, amount in _amounts(entry, *self._periods(entry)):
            if key in self.ledgers:
                self._add(key, name, -amount)

    def _settle(self, entry: Intent, spent: dict[str, int]) -> None:
        """What the act came to stands for what its intent reserved, in the periods that are not over."""
        more = {name: amount - entry.spend.get(name, 0) for name, amount in spent.items()}
        # INVARIANT: only what we carried ourselves gives anything back; what costs more than was reserved counts.
        counted = {name: by for name, by in more.items() if by > 0 or entry.seam == "proxy"}
        for key, name, by in _spends(counted, *self._periods(entry)):
            if key in self.ledgers:
                self._add(key, name, by)

    def _take_back(self, entry: Asked) -> None:
        """It was a decoy: what it took of the run's and the day's questions is there for real ones."""
        for key in (self._run(entry.run), _ledger("day", entry, entry.at)):
            if key in self.ledgers:
                self._add(key, "asks", -1)

    def _used(self, run: str, at: int) -> None:
        if run in self.state.runs:
            key = f"run/{run}"
            self.ledgers.setdefault(key, {})["last"] = at
            self.dirty.add(key)

    def _add(self, key: str, name: str, amount: int) -> None:
        ledger = self.ledgers.setdefault(key, {})
        ledger[name] = ledger.get(name, 0) + amount
        self.dirty.add(key)

    def _turn(self, entry: Intent | Asked | Decided | Overridden, day: str, minute: str) -> None:
        """Drop the ledgers of days and minutes that have passed for this system."""
        for key in list(self.ledgers):
            period, _, rest = key.partition("/")
            if period in ("day", "minute") and rest.endswith(f"/{entry.system}") and key not in (day, minute):
                del self.ledgers[key]
                self.dirty.add(key)


def _unsaid(state: State, entry: AnyEntry, now: int) -> Objection:
    """Against what people say and order: each looks at the state alone."""
    match entry:
        case Answered():
            return _unanswerable(state, entry, now)
        case Endorsed():
            return _told("duplicate", endorsements.objection(state, entry, now))
        case Unmasked():
            return veils.problem(state, entry, now)
        case Revalidated():
            return _told("invalid", vigilance.problem(state, entry))
        case Enrolled() | PasskeyEnded() | PasskeyDoubted():
            return _told("duplicate", passkeys.crossed(state.passkeys, state.enrolments, entry))
        case SignedIn():
            wrong = sessions.objection(state.passkeys, state.principals, state.sessions, entry, now)
            return _told("approval", wrong)
        case SignedOut() if entry.session not in state.sessions:
            return "duplicate", "that session is not open"
        case Evidence() if entry.follows != state.last_statement(entry.system):
            return "duplicate", f"entry {entry.follows} is not the last statement about {entry.system}"
        case Coverage():
            if entry.sig and entry.follows != coverage.last(state.coverage, entry.system, entry.host):
                return "duplicate", f"entry {entry.follows} is not the last about the host {entry.host[:80]}"
            return _told("invalid", coverage.problem(state, entry, now))
        case Relaxed():
            if entry.follows != state.last_relaxed.get(entry.system, -1):
                return "duplicate", f"entry {entry.follows} is not the last relaxation of {entry.system}"
            return _told("invalid", relaxation_problem(state, entry, now))
        case Restored() if not _open(state, entry, now):
            return "duplicate", f"relaxation {entry.relaxed} of {entry.system} is not in force"
        case Glass():
            return _told("invalid", glass.problem(state, entry, now))
        case Watch():
            if entry.follows != watches.last(state, entry.watch):
                return (
                    "duplicate",
                    f"entry {entry.follows} is not the last about the watch {entry.watch[:80]}",
                )
            return _told("invalid", watches.problem(state, entry, now))
        case Config() if entry.follows != state.config:
            return "duplicate", f"configuration {entry.follows} is not the one in force"
        case Released() if entry.hold not in state.holds:
            return "duplicate", f"hold {entry.hold} is not in force"
        case _:
            return None, ""


def _unanswerable(state: State, entry: Answered, now: int) -> Objection:
    question = state.questions.get(entry.id)
    if question is None or question.index != entry.of:
        return "duplicate", f"question {entry.of} is not open"
    if now >= question.entry.until:
        return "stale", f"question {entry.of} has expired"
    # INVARIANT: of two people who answer opposite ways the earlier entry is the first that counts: a refusal ends the
    # question, also after the deciding approval, as long as nothing has left.
    if wrong := questions.objection(state, question, entry, now):
        return "duplicate", wrong
    # INVARIANT: a passkey's counter goes up from answer to answer, whichever process took them.
    return _told("approval", passkeys.objection(state.passkeys, entry))


def _unsettled(entry: Outcome) -> Objection:
    """Against an outcome whose sums no act comes to."""
    if isinstance(entry, OutcomeChecked) and any(amount < 0 for amount in entry.spent.values()):
        return "invalid", "nothing comes to less than nothing"
    return None, ""


def _told(code: RefusalCode, wrong: str) -> Objection:
    return (code, wrong) if wrong else (None, "")


def _open(state: State, entry: Restored, now: int) -> bool:
    known = state.relaxed.get(entry.relaxed)
    return known is not None and known.system == entry.system and now < known.until


def override_key(entry: Overridden) -> str:
    """Which row of which action an override is about."""
    return f"{entry.id}/{entry.row}"


def override_limit(entry: Overridden) -> str:
    """What one person's overrides of one model count against, day by day."""
    return f"override/{entry.model}/{entry.by}"


def _amounts(entry: Intent | Decided, run: str, day: str, minute: str) -> list[tuple[str, str, int]]:
    """(ledger, name, amount) of everything an intent counts for; every row of a batch is a call."""
    if isinstance(entry, Decided):
        calls = [(key, "calls", entry.rows) for key in (run, day, minute)]
        return [*calls, *((key, entry.model, entry.rows) for key in (run, day))]
    calls = [(key, "calls", 1) for key in (run, day, minute)]
    tools = [(key, entry.tool, 1) for key in (run, day)]
    return [*calls, *tools, *_spends(entry.spend, run, day, minute)]


def _spends(amounts: dict[str, int], run: str, day: str, _minute: str) -> list[tuple[str, str, int]]:
    """(ledger, name, amount) of limited quantities: those of arguments by day, tokens and money by run as well."""
    return [
        (key, name, amount)
        for name, amount in amounts.items()
        for key in ((run, day) if name in SPENDINGS else (day,))
    ]


_MINUTE: Final = 60_000_000
_DAY: Final = 1_440 * _MINUTE


def _ledger(period: str, entry: Intent | Asked | Decided | Overridden, now: int) -> str:
    match period:
        case "day":
            return f"day/{_date(now // _DAY)}/{entry.system}"
        case _:
            return f"minute/{now // _MINUTE}/{entry.system}"


@lru_cache(maxsize=8)
def _date(day: int) -> str:
    """ISO date of a day since 1970: asked for several times by every intent."""
    return f"{date.fromordinal(_EPOCH + day):%Y-%m-%d}"


_EPOCH: Final = date(1970, 1, 1).toordinal()


def _amount(entry: Intent | Asked | Decided | Overridden, limit: str) -> int:
    if isinstance(entry, Overridden):
        return 1 if limit == override_limit(entry) else 0
    if isinstance(entry, Decided):
        return entry.rows if limit in ("calls", entry.model) else 0
    if limit == "asks":
        return 1 if isinstance(entry, Asked) else 0
    if limit in entry.spend:
        return entry.spend[limit]
    return 1 if limit in ("calls", entry.tool) and isinstance(entry, Intent) else 0


def _runs(run: RunOpened, entry: Intent | Asked | Decided | Deferred, now: int) -> bool:
    return run.principal == entry.by and run.system == entry.system and not 0 < run.until <= now
