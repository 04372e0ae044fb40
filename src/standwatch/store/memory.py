"""What the writer knows, and how it is read back from the journal: at start, and after every failed commit.

Nothing here grows with the log: the newest snapshot and the control entries since, open intents, ledgers, the tail
of at most a flush, and fewer than 256 leaves of hashes.
"""

from typing import Final

import msgspec

from standwatch.facts.entries import Answered, AnyEntry, Asked, Endorsed, Intent, Outcome, RunOpened
from standwatch.facts.errors import Malformed, Tampered
from standwatch.facts.ids import new_id
from standwatch.record.deferrals import stands
from standwatch.record.leaf import Unknown, decode
from standwatch.record.questions import Question
from standwatch.record.sequence import Ledger, OpenIntent, Sequencer
from standwatch.record.state import State, folds
from standwatch.record.tree import leaf_hash
from standwatch.store.edge import Edge
from standwatch.store.journal import FLUSH, SNAPSHOT, Journal
from standwatch.store.lookup import LAST, keep_snapshot, snapshot
from standwatch.store.mark import Chain, follow
from standwatch.store.tail import Tail, run_of

RECENT: Final = 4_096
"""Entries of one generation of remembered acknowledgements; two are kept."""

_SECOND: Final = 1_000_000

Known = tuple[int, int, bytes]
"""Index, time and leaf hash of an entry that was acknowledged."""

_ledger: Final = msgspec.msgpack.Decoder(Ledger)
_pack: Final = msgspec.msgpack.encode


class Recent:
    """The last few thousand entries by id and kind, so that whoever sends one again hears the same answer.

    An id that was made within the time remembered, and is not remembered, was never used: ids begin with their
    time and sort by it, so `may_be_older` is two comparisons of strings. Anything else is looked up.
    """

    __slots__ = ("_ceiling", "_floor", "_new", "_next", "_old")

    def __init__(self, floor: int) -> None:
        self._new: dict[tuple[str, type], Known] = {}
        self._old: dict[tuple[str, type], Known] = {}
        self._floor = _first_id(floor)
        self._ceiling = ""
        self._next = 0

    def may_be_older(self, ident: str, now: int) -> bool:
        """Whether an entry of `ident` may stand before those remembered, or `ident` claims to be from the future."""
        if now >= self._next:
            self._next = now + _SECOND
            self._ceiling = _first_id(now + 60 * _SECOND)
        return not self._floor <= ident < self._ceiling

    def find(self, key: tuple[str, type]) -> Known | None:
        """What is remembered of the id and kind `key`."""
        return self._new.get(key) or self._old.get(key)

    def keep(self, key: tuple[str, type], known: Known) -> None:
        """Remember one more, and forget the oldest generation when there are enough."""
        if len(self._new) >= RECENT:
            self._floor = _first_id(next(iter(self._new.values()))[1])
            self._old, self._new = self._new, {}
        self._new[key] = known


class Memory:
    """The sequencer and everything that is flushed late, as of the last commit."""

    def __init__(self, journal: Journal) -> None:
        self.size = journal.size()
        self.flushed = journal.flushed()
        state, self.chain = snapshot(journal, LAST)
        self.since_snapshot = int(journal.get("controls_after", state.seen))
        self.chain = _fold_on(journal, state, self.chain)
        self.seq = Sequencer(state, _ledgers(journal))
        self.at = 0
        self.written_open: set[int] = set()
        self.edge = Edge.load(journal, self.size)
        self.tail = Tail(self.flushed)
        self.days = journal.days()
        self.questions = {(run, match): ident for run, match, ident in journal.rows("questions")}
        start = max(0, min(self.flushed, self.size - FLUSH))
        self.recent = Recent(time_of(journal, start) if start else 0)
        self._load_open(journal)
        self._read_tail(journal, start)

    def _load_open(self, journal: Journal) -> None:
        for index, leaf in journal.rows("open_intents"):
            entry = read(leaf, index)
            if not isinstance(entry, Intent):
                raise Tampered(f"entry {index} is listed as an open intent and is none")
            self.seq.open[entry.id] = OpenIntent(index, entry)
            self.written_open.add(index)

    def _read_tail(self, journal: Journal, start: int) -> None:
        """Account for the entries after the last flush as the writer did."""
        for index, leaf in enumerate(journal.leaves(start, self.size), start):
            entry, digest = read(leaf, index), leaf_hash(leaf)
            if index >= self.flushed:
                self.account(index, entry, digest)
            self.at = entry.at
            if not isinstance(entry, Unknown):
                key = resend_key(entry)
                if key is not None:
                    self.recent.keep(key, (index, entry.at, digest))

    def account(self, index: int, entry: AnyEntry | Unknown, digest: bytes) -> None:
        """Take entry `index`, with this leaf hash, into totals, indices and state."""
        seq = self.seq
        run = self.run_of(entry)
        folded = seq.state.seen
        if isinstance(entry, Unknown):
            if entry.folds:
                seq.state.fold(index, entry)
        else:
            seq.take(index, entry)
        self.tail.note(index, entry, run)
        if folds(entry):
            self.chain = follow(self.chain, index, digest)
        if seq.state.seen != folded:
            self.since_snapshot += 1

    def waits(self, ident: str, now: int) -> bool:
        """Whether action `ident` waits for people at `now`: asked about and not used up, or deferred."""
        question, put_off = self.seq.state.questions.get(ident), self.seq.state.deferred.get(ident)
        if question is not None and not question.used and now < question.until:
            return True
        return put_off is not None and stands(put_off, now)

    def run_of(self, entry: AnyEntry | Unknown) -> str:
        """The run of `entry`: for an outcome or an answer, that of what it belongs to."""
        known: OpenIntent | Question | None = None
        if isinstance(entry, Outcome):
            known = self.seq.open.get(entry.id)
        elif isinstance(entry, Answered):
            known = self.seq.state.questions.get(entry.id)
        return run_of(entry, "" if known is None else known.entry.run)

    # -------------------------------------------------------------------------------------------- flushing

    def flush(self, journal: Journal) -> bool:
        """Inside the writer's transaction: bring indices, ledgers and open intents up to here when it is time.

        Whether it was: what else is written late is then written too."""
        if self.size - self.flushed < FLUSH:
            return False
        tail, state = self.tail, self.seq.state
        # Only here: a snapshot never runs ahead of the indices. Nor is one made of a fold that met an unknown kind:
        # a version that knows it must find what came before.
        if self.since_snapshot >= SNAPSHOT and not state.stopped:
            keep_snapshot(journal, state, self.chain)
            self.since_snapshot = 0
        journal.insert_indexes("action", tail.actions)
        journal.insert_indexes("run", tail.runs)
        journal.many("insert_control", tail.controls)
        journal.run("insert_tick", self.at, self.size - 1)
        self._flush_open(journal)
        self._flush_ledgers(journal)
        self._drop_questions(journal)
        journal.run("set_meta", "flushed", self.size)
        self.flushed = self.size
        self.tail = Tail(self.size)
        self.seq.overridden.clear()  # `store.overriding` finds them in the indices from now on
        return True

    def _flush_open(self, journal: Journal) -> None:
        now = {each.index for each in self.seq.open.values()}
        journal.many("delete_open", [(index,) for index in self.written_open - now])
        journal.many("insert_open", [(index,) for index in sorted(now - self.written_open)])
        self.written_open = now

    def _flush_ledgers(self, journal: Journal) -> None:
        seq = self.seq
        gone = [key for key in seq.dirty if key not in seq.ledgers]
        journal.many("delete_ledger", [(key,) for key in gone])
        kept = [(key, _pack(seq.ledgers[key])) for key in sorted(seq.dirty) if key in seq.ledgers]
        journal.many("set_ledger", kept)
        seq.dirty.clear()

    def _drop_questions(self, journal: Journal) -> None:
        live = self.seq.state.questions.keys() | self.seq.state.deferred.keys()
        gone = [key for key, ident in self.questions.items() if ident not in live]
        journal.many("delete_question", gone)
        for key in gone:
            del self.questions[key]


def resend_key(entry: AnyEntry) -> tuple[str, type] | None:
    """What recognises an entry sent twice: the action's or run's id, and the kind."""
    if isinstance(entry, Answered):  # several people answer one question
        return f"{entry.id}/{entry.by}/{entry.decision}", Answered
    if isinstance(entry, Endorsed):
        return f"{entry.id}/{entry.by}/{entry.name}", Endorsed
    ident = getattr(entry, "id", "") or (entry.run if isinstance(entry, RunOpened) else "")
    if isinstance(entry, Asked):  # one question about an action, of whatever version
        return ident, Asked
    return (ident, type(entry)) if ident else None


def read(leaf: bytes, index: int) -> AnyEntry | Unknown:
    """The entry that the record holds as `index`; `Tampered` for bytes that were never written by a recorder."""
    try:
        return decode(leaf)
    except Malformed as error:
        raise Tampered(f"entry {index} is not one: {error}", reference=str(index)) from None


def time_of(journal: Journal, index: int) -> int:
    """The time of entry `index`; 0 where there is none."""
    leaf = journal.leaf(index)
    return 0 if leaf is None else read(leaf, index).at


def _first_id(at: int) -> str:
    return new_id(at, bytes(10))[:10]


def _fold_on(journal: Journal, state: State, chain: Chain) -> Chain:
    """Fold `state`, a snapshot, on up to the last flush; the chain there."""
    for index, leaf in journal.rows("control", state.seen + 1, journal.flushed()):
        state.fold(index, read(leaf, index))
        chain = follow(chain, index, leaf_hash(leaf))
    return chain


def _ledgers(journal: Journal) -> dict[str, Ledger]:
    return {key: _ledger.decode(data) for key, data in journal.rows("ledgers")}
