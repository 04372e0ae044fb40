"""One batch, one transaction: what was asked is admitted in order, written, made durable, and only then answered.

No threads and no event loop here: `Writer.write` is called by one thread, and tests call it directly. After a
commit that failed nothing is assumed: memory is read back from the disk before anything else is admitted, and
the first entry then says since when the record could not be written.
"""

import contextlib
import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

import apsw
import msgspec

from standwatch.facts.canonical import SAFE
from standwatch.facts.entries import (
    Answered,
    AnyEntry,
    Asked,
    Decided,
    Deferred,
    Gap,
    Hold,
    Intent,
    Opened,
    Outcome,
    Overridden,
)
from standwatch.facts.errors import Malformed, StandwatchError, Tampered, Unrecorded
from standwatch.facts.frames import (
    Ack,
    Append,
    Did,
    Fetch,
    Fetched,
    Find,
    Found,
    Recall,
    Recalled,
    Refusal,
    Told,
    Trace,
    Traced,
)
from standwatch.facts.words import OutcomeStatus
from standwatch.record.known import prompts
from standwatch.record.leaf import Unknown, decode, encode
from standwatch.record.note import NoteKey
from standwatch.record.sequence import BY
from standwatch.record.state import State, folds, load, save
from standwatch.record.tree import leaf_hash
from standwatch.store.ballast import Ballast
from standwatch.store.exposure import Exposures
from standwatch.store.head import HeadFile, Tree
from standwatch.store.journal import Journal
from standwatch.store.lookup import find_part, of_action, of_run
from standwatch.store.mark import check, keep_mark, marks_of
from standwatch.store.memory import Known, Memory, read, resend_key
from standwatch.store.overriding import prepare
from standwatch.store.sealing import HASHES, ORDINALS, Entropy, Kek, Sealer, slot_of
from standwatch.store.tail import Days, part_key
from standwatch.watch.exposure import Week

Clock = Callable[[], int]
"""Answers the time: µs since 1970, UTC."""

BATCH: Final = 256
"""The most appends of one transaction."""

MOST_RECALLED: Final = 4_000
"""Entries of a run, the latest, that are gone through for its outcomes."""

Written = tuple[list[Told], list[Ack | Refusal]]
"""What every replica must fold, and the answers, one for each append in its order."""

_big_number: Final = re.compile(rb"[:,\[]-?(?:[1-9][0-9]{16}|9[0-9]{15})")


class Writer:
    """The only one who writes. `broken` says why nothing can be recorded now; "" where it can."""

    def __init__(
        self,
        journal: Journal,
        head: HeadFile,
        ballast: Ballast,
        *,
        key: NoteKey,
        kek: Kek,
        older: tuple[Kek, ...],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._journal, self._head, self._ballast = journal, head, ballast
        self._clock = clock
        self._sealer = Sealer(journal, kek, entropy, older)
        self._day = Days()
        self._memory = Memory(journal)
        self._exposures = self._count_people()
        self._acknowledged = self._memory.size
        self.stops: frozenset[str] = frozenset()
        """Scopes that are halted though no hold could be written: set as a whole, from any thread."""
        self.broken = ""
        self.tampered = ""
        self._full = False
        self._since = 0
        self._unrecorded = 0
        self._entries: list[tuple[int, bytes]] = []
        self._sealed: list[tuple[int, bytes]] = []
        self._rows: list[tuple[int, int, bytes]] = []
        self._row_day = ""
        self._told: list[Told] = []
        self.tree: Tree = (self._memory.size, self._memory.edge.root())
        self.signed = head.check(journal, self._memory.size)
        self._check_mark(self.signed)
        self._begin_log(key)

    def _begin_log(self, key: NoteKey) -> None:
        ballast = self._ballast.take()
        state = self._memory.seq.state
        if self._memory.size == 0:
            _, replies = self.write([Append(-1, Opened(by=BY, origin=key.name, key=key.vkey))])
            if not isinstance(replies[0], Ack):
                raise StandwatchError(f"the log could not be opened: {self.broken}", code="unrecorded")
        elif state.origin != key.name:
            raise Tampered(f"this is the log of {state.origin}, not of {key.name}")
        self._full = not ballast

    def _check_mark(self, signed: int) -> None:
        memory = self._memory
        check(self._journal, signed, memory.size, memory.edge.root(), memory.chain)

    def _count_people(self) -> Exposures:
        found = Exposures(self._journal, self._sealer.secret)
        found.recount(self._memory.flushed, self._memory.size)
        return found

    # ------------------------------------------------------------------------------------------ what is so

    @property
    def size(self) -> int:
        """Entries committed and accounted for."""
        return self._memory.size

    def saved(self) -> bytes:
        """The state, for `record.state.load`."""
        return save(self._memory.seq.state)

    def snapshot(self) -> State:
        """A copy of the state, to be folded further by somebody else."""
        return load(self.saved())

    def open_intents(self) -> dict[str, int]:
        """Action id → index of the intents without an outcome."""
        return {ident: known.index for ident, known in self._memory.seq.open.items()}

    def runs_over(self) -> list[str]:
        """The open runs that end by themselves (`Sequencer.over`)."""
        memory = self._memory
        now = max(self._clock(), memory.at)
        return [run for run in memory.seq.state.runs if memory.seq.over(run, now)]

    def touched(self) -> dict[str, int]:
        """See `Exposures.touched`."""
        return dict(self._exposures.touched)

    def spending(self) -> dict[str, dict[str, int]]:
        """See `Sequencer.spending`."""
        return self._memory.seq.spending(max(self._clock(), self._memory.at))

    def weeks(self, systems: Collection[str]) -> dict[str, Week]:
        """See `Exposures.weeks`."""
        return self._exposures.weeks(systems)

    def find(self, frame: Find) -> Found:
        """The live question that `frame` would repeat."""
        memory = self._memory
        ident = memory.questions.get((frame.run, frame.match), "") if frame.match else ""
        if not memory.waits(ident, max(self._clock(), memory.at)):
            return Found(frame.number)
        part = find_part(self._journal, memory.tail, self._sealer, ident, "action")
        return Found(frame.number) if part is None else Found(frame.number, ident, part.data)

    def recall(self, frame: Recall) -> Recalled:
        """What became of the acts of a run and of its sub-agents', and what models are asked in it, after an entry."""
        memory, leaf = self._memory, self._journal.leaf
        found: list[Did] = []
        last = -1
        below = (name for name, root in memory.seq.state.children.items() if root == frame.run)
        acted = [index for run in (frame.run, *below) for index in of_run(self._journal, memory.tail, run)]
        later = sorted(index for index in acted if index > frame.after)
        for index in later[-MOST_RECALLED:]:
            entry = read(leaf(index) or b"", index)
            if isinstance(entry, Intent) and prompts(entry.tool) and entry.id in memory.seq.open:
                last = index
                found.append(Did(entry.id, entry.tool, entry.seam, "unknown", result=False, going=True))
            if not isinstance(entry, Outcome):
                continue
            last = index
            intent = read(leaf(entry.of) or b"", entry.of)
            if isinstance(intent, Intent):
                given = bool(entry.result) and not getattr(entry, "withheld", False)
                found.append(Did(entry.id, intent.tool, intent.seam, entry.status, given))
        more = len(later) > MOST_RECALLED
        return Recalled(frame.number, memory.seq.heard(frame.run), last, tuple(found), more, True)

    def trace(self, frame: Trace) -> Traced:
        """What became of the act of an id."""
        memory, now = self._memory, max(self._clock(), self._memory.at)
        found = Traced(frame.number, True)
        for index in of_action(self._journal, memory.tail, frame.id):
            found = traced(found, read(self._journal.leaf(index) or b"", index))
        waits = found.lapsed and memory.waits(frame.id, now)
        return msgspec.structs.replace(found, lapsed=False, refused=False) if waits else found

    def fetch(self, frame: Fetch) -> Fetched:
        """The sealed part that `frame` names."""
        if frame.name not in ORDINALS:
            return Fetched(frame.number)
        part = find_part(self._journal, self._memory.tail, self._sealer, frame.id, frame.name)
        return Fetched(frame.number) if part is None else Fetched(frame.number, part.data, True)

    # ------------------------------------------------------------------------------------- beside entries

    def persist(self, size: int, note: bytes) -> None:
        """Commit a signed checkpoint. Raises `Unrecorded` while nothing can be written."""
        if self.broken:
            raise Unrecorded(self.broken)
        self._journal.run("insert_checkpoint", size, note)

    def erase(self, subject: str) -> None:
        """See `Sealer.erase`."""
        self._sealer.erase(subject)

    def drop_day(self, day: str) -> None:
        """Let go of the sealed parts of `day`; more of that day may still come."""
        self._memory.days.discard(day)
        self._journal.drop_day(day)

    def rewrap(self, kek: Kek) -> int:
        """See `Sealer.rewrap`; what was marked under the old key is marked under the new one."""
        count = self._sealer.rewrap(kek)
        self._journal.marks = (*marks_of(kek), *self._journal.marks)
        keep_mark(self._journal, *self.tree, self._memory.chain)
        return count

    # --------------------------------------------------------------------------------------------- writing

    def write(self, appends: Sequence[Append]) -> Written:
        """Append what may be appended, durably. Never raises: what failed is refused."""
        told = self.recover() if self.broken or self._full else []
        if self.broken:
            return told, self._refuse(appends)
        if self._full:
            return self._write_holds(told, appends)
        try:
            more, replies = self._attempt(appends)
        except Exception as error:
            more, replies = self._fail(error, appends)
        return told + more, replies

    @property
    def writable(self) -> bool:
        """Whether anything but a hold can be recorded."""
        return not self.broken and not self._full

    def recover(self) -> list[Told]:
        """Try to become writable again; what replicas have not been told meanwhile."""
        if self._full and self._ballast.take():
            self._full = False
            if self._unrecorded and not self.broken:
                self.broken = "the disk was full"  # so that the gap is said before anything else
            elif not self.broken:
                self._since = 0
        return self.revive() if self.broken else []

    def _write_holds(self, told: list[Told], appends: Sequence[Append]) -> Written:
        """What room the ballast left is for holds."""
        holds = [append for append in appends if isinstance(append.entry, Hold)]
        self._since = self._since or max(self._clock(), 1)
        self._unrecorded += len(appends) - len(holds)
        try:
            more, replies = self._attempt(holds)
        except Exception as error:
            self._break(error)
            more, replies = [], self._refuse(holds)
        return told + more, _merge(appends, holds, replies, "the disk is full")

    def _attempt(self, appends: Sequence[Append]) -> Written:
        memory, journal = self._memory, self._journal
        self._entries, self._sealed, self._rows, self._told = [], [], [], []
        now = max(self._clock(), memory.at)
        replies = [self._take(append, now) for append in appends]
        if not self._entries:
            if journal.in_transaction:  # a part could not be sealed: its run's new key goes too
                journal.rollback()
                self._sealer.forget()
                self._row_day = ""
            return [], replies
        self._commit(journal, memory, now)
        return self._told, replies

    def _commit(self, journal: Journal, memory: Memory, now: int) -> None:
        journal.many("insert_entry", self._entries)
        if self._sealed:
            day = self._day.name(now)
            if day not in memory.days:
                journal.make_day(day)
                memory.days.add(day)
            journal.insert_sealed(day, self._sealed)
            if self._rows:
                if day != self._row_day:
                    journal.make_rows_day(day)
                    self._row_day = day
                journal.insert_rows(day, self._rows)
        if memory.edge.fresh:
            journal.many("set_tile", memory.edge.take_fresh())
        if memory.flush(journal):
            self._exposures.save(now)
        tree = (memory.size, memory.edge.root())
        keep_mark(journal, *tree, memory.chain)
        journal.commit()
        # Only now is any of it true.
        self._acknowledged = memory.size
        self.tree = tree

    def _take(self, append: Append, now: int) -> Ack | Refusal:
        """Admit one append and prepare its rows; nothing is durable yet."""
        memory, entry = self._memory, append.entry
        key = resend_key(entry)
        if key is not None:
            known = memory.recent.find(key)
            if (
                known is None
                and isinstance(entry, Intent | Asked)
                and memory.recent.may_be_older(entry.id, now)
            ):
                known = self._older(entry)
            if known is not None and (reply := self._again(append, known)) is not None:
                return reply
        if isinstance(entry, Overridden) and (problem := prepare(self._journal, memory.seq, entry)):
            return Refusal(append.number, "invalid", problem, memory.seq.state.seen)
        refusal = memory.seq.admit(append, now) or self._stopped(append)
        if refusal is not None:
            return refusal
        entry = memory.seq.completed(entry)
        try:
            leaves = [_leaf(one, now) for one in (*append.before, entry)]
            self._seal(memory.size + len(append.before), append)
        except (Malformed, TypeError, ValueError, KeyError, msgspec.MsgspecError, RecursionError) as error:
            return Refusal(append.number, "invalid", str(error)[:500], memory.seq.state.seen)
        index, digest = memory.size, b""
        for leaf, written in leaves:
            index, digest = self._place(leaf, written, now)
        if append.subjects or append.rows:
            self._exposures.note(append, now)
        if key is not None:
            memory.recent.keep(key, (index, now, digest))
        if append.match and isinstance(entry, Asked | Deferred):
            memory.questions[entry.run, append.match] = entry.id
            self._journal.run("set_question", entry.run, append.match, entry.id)
        return Ack(append.number, index, now, digest)

    def _stopped(self, append: Append) -> Refusal | None:
        """What was halted while nothing could be written stays so until the hold itself is written."""
        entry = append.entry
        if not self.stops or self.stops.isdisjoint(append.scopes):
            return None
        match entry:
            case Intent():
                pass
            case Decided() if not entry.routes or not entry.routes.keys().isdisjoint(("model", "previous")):
                pass
            case _:
                return None
        return Refusal(
            append.number, "stale", "halted, and not written down yet", self._memory.seq.state.seen
        )

    def _place(self, leaf: bytes, written: AnyEntry, now: int) -> tuple[int, bytes]:
        """Give an entry its place in the batch: its index and leaf hash."""
        memory, index, digest = self._memory, self._memory.size, leaf_hash(leaf)
        if not self._entries:
            self._journal_begin()
        self._entries.append((index, leaf))
        memory.size = index + 1
        memory.at = now
        memory.edge.append(digest)
        memory.account(index, written, digest)
        if folds(written):
            self._told.append(Told(index, written))
        return index, digest

    def _journal_begin(self) -> None:
        if not self._journal.in_transaction:
            self._journal.begin()

    def _seal(self, index: int, append: Append) -> None:
        """Prepare the rows of sealed parts. Raises `Malformed` or `KeyError` before anything is kept of them."""
        parts = append.parts
        if not parts and not append.rows:
            return
        slots = [slot_of(index, part.name) for part in parts]
        if len(set(slots)) != len(slots):
            raise Malformed("an entry has each part once")
        if any(len(part.salt) not in (0, 32) for part in parts):
            raise Malformed("a part's salt has 32 bytes, or none where the bytes salt themselves")
        self._journal_begin()
        ident, run = part_key(index, append.entry), self._memory.run_of(append.entry)
        seal, subjects = self._sealer.seal, append.subjects
        sealed = [(slot, seal(part, ident, run, subjects)) for slot, part in zip(slots, parts, strict=True)]
        rows = [
            (index, row.row, row.data if row.row == HASHES else self._sealer.seal_row(row, ident, run))
            for row in append.rows
        ]
        self._sealed += sealed
        self._rows += rows

    def _again(self, append: Append, known: Known) -> Ack | Refusal | None:
        """The answer to an entry sent again: the same where it is the same; None where it is another."""
        index, at, digest = known
        try:
            same = leaf_hash(encode(append.entry, at)) == digest
        except (Malformed, TypeError, ValueError, msgspec.MsgspecError):
            same = False
        if same:
            return Ack(append.number, index, at, digest)
        if isinstance(append.entry, Intent | Asked):
            # INVARIANT: one action id, one intent and one question; a second one would act twice.
            detail = f"action {append.entry.id} already has entry {index}"
            return Refusal(append.number, "duplicate", detail, self._memory.seq.state.seen)
        return None

    def _older(self, entry: Intent | Asked) -> Known | None:
        """An entry of this id and kind that is no longer remembered."""
        kind = Intent if isinstance(entry, Intent) else Asked
        for index in of_action(self._journal, self._memory.tail, entry.id):
            leaf = self._journal.leaf(index)
            if leaf is not None and isinstance(old := read(leaf, index), kind):
                return index, old.at, leaf_hash(leaf)
        return None

    # --------------------------------------------------------------------------------------------- failing

    def _fail(self, error: Exception, appends: Sequence[Append]) -> Written:
        """Nothing of the batch is acknowledged. A hold is tried once more, alone, with the ballast let go."""
        self._break(error)
        holds = [append for append in appends if isinstance(append.entry, Hold)]
        if not holds:
            return [], self._refuse(appends)
        self._unrecorded += len(appends) - len(holds)
        told = self.revive()
        if not self.broken:
            return self._write_holds(told, appends)
        return told, _merge(appends, holds, self._refuse(holds), self.broken)

    def _break(self, error: Exception) -> None:
        """From now on nothing is written until memory has been read back; nor does anything stay half written."""
        self.broken = str(error) or type(error).__name__
        with contextlib.suppress(apsw.Error):  # `revive` tries again
            self._journal.rollback()
        if isinstance(error, apsw.FullError):
            self._full = True
            self._ballast.release()
        self._since = self._since or max(self._clock(), 1)

    def _refuse(self, appends: Sequence[Append]) -> list[Ack | Refusal]:
        self._unrecorded += len(appends)
        return [_unrecorded(append, self.tampered or self.broken) for append in appends]

    def revive(self) -> list[Told]:
        """Read everything back from the disk and say in the record since when it was silent.

        Returns what replicas have not been told: a commit that reported failure may have happened after all.
        `broken` stays set where the record still cannot be written, and for ever where it was tampered with.
        """
        if self.tampered:
            return []
        told: list[Told] = []
        try:
            before = self._acknowledged
            self._reload(before)
            told = self._untold(before)
            self._write_gap(before)
        except Tampered as error:
            self.tampered = self.broken = str(error)
        except Exception as error:
            self.broken = str(error) or type(error).__name__
        else:
            self.broken, self._since, self._unrecorded = "", 0, 0
            return told
        return []

    def _reload(self, acknowledged: int) -> None:
        """Memory as the disk has it. Raises `Tampered` where that is less than was acknowledged or signed."""
        self._journal.rollback()
        self._sealer.forget()
        self._row_day = ""
        self._memory = Memory(self._journal)
        self._exposures = self._count_people()
        if self._memory.size < acknowledged:
            raise Tampered(f"{acknowledged} entries were acknowledged and {self._memory.size} are here")
        self._check_mark(self._head.check(self._journal, self._memory.size))

    def _untold(self, start: int) -> list[Told]:
        found: list[Told] = []
        for index, leaf in enumerate(self._journal.leaves(start, self._memory.size), start):
            entry = read(leaf, index)
            if not isinstance(entry, Unknown) and folds(entry):
                found.append(Told(index, entry))
        return found

    def _write_gap(self, before: int) -> None:
        """The gap, and the end of intents that are in the record though their callers were refused."""
        own: list[AnyEntry] = [Gap(by=BY, begin=self._since, unrecorded=self._unrecorded)]
        ghosts = [each for each in self._memory.seq.open.values() if each.index >= before]
        own += [outcome_of(each.entry.id, each.index, "not_sent") for each in ghosts]
        self._attempt([Append(-1, entry) for entry in own])


def traced(found: Traced, entry: AnyEntry | Unknown) -> Traced:
    """What is known of an act after one more of its entries."""
    match entry:
        case Intent():
            return Traced(
                found.number,
                True,
                "open",
                entry.by,
                entry.system,
                entry.tool,
                sent=bool(entry.sent),
                run=entry.run,
            )
        case Outcome() if found.status:
            back = {"result": bool(entry.result), "withheld": getattr(entry, "withheld", False)}
            return msgspec.structs.replace(found, status=entry.status, **back)
        case Asked() if not found.status:
            return msgspec.structs.replace(
                found, by=entry.by, system=entry.system, tool=entry.tool, lapsed=True
            )
        case Answered() if found.lapsed and entry.decision != "approve":
            return msgspec.structs.replace(found, refused=True)
        case _:
            return found


def outcome_of(ident: str, index: int, status: OutcomeStatus) -> Outcome:
    """The outcome that the recorder itself writes for intent `index`."""
    return Outcome(by=BY, id=ident, of=index, status=status)


def _leaf(entry: AnyEntry, now: int) -> tuple[bytes, AnyEntry]:
    """The leaf of `entry` and the entry that any reader will find in it.

    INVARIANT: what is written can be read back. Structs made in this process were never validated, and one float
    in a leaf would read as tampering for ever.
    """
    leaf = encode(entry, now)
    written = decode(leaf)
    if isinstance(written, Unknown):
        raise Malformed(f"entries of kind {written.kind} are not written here")
    if _big_number.search(leaf):
        _require_safe(msgspec.json.decode(leaf))
    return leaf, written


def _require_safe(value: object) -> None:
    match value:
        case int() if not -SAFE < value < SAFE:
            raise Malformed("a number in an entry is beyond 2^53")
        case dict():
            for member in value.values():  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
                _require_safe(member)  # pyright: ignore[reportUnknownArgumentType]
        case list():
            for member in value:  # pyright: ignore[reportUnknownVariableType]
                _require_safe(member)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            pass


def _merge(
    appends: Sequence[Append], some: Sequence[Append], replies: list[Ack | Refusal], why: str
) -> list[Ack | Refusal]:
    """The `replies` to `some` of the appends, and to the others that they were not recorded, and why."""
    found = {id(append): reply for append, reply in zip(some, replies, strict=True)}
    return [found.get(id(append)) or _unrecorded(append, why) for append in appends]


def _unrecorded(append: Append, why: str) -> Refusal:
    return Refusal(append.number, "unrecorded", f"the record cannot be written: {why}"[:500], -1)
