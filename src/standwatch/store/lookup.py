"""Finding what is indexed, flushed or not: the same for the writer, which has the tail, and readers, which read it."""

from contextlib import suppress
from typing import Final

from standwatch.facts.errors import Malformed, Tampered
from standwatch.facts.parts import Part, PartName
from standwatch.record.rows import row_salt, split
from standwatch.record.source import Sealed, SealedRow, SealedRows
from standwatch.record.state import State, load, save
from standwatch.store.journal import Journal
from standwatch.store.mark import NONE, Chain, mac, ours
from standwatch.store.sealing import HASHES, WHOLE, Keys, slot_of
from standwatch.store.tail import Days, Tail

_MARK: Final = 32
_SNAPSHOT: Final = b"snapshot"
LAST: Final = 2**62
"""An index beyond every entry."""


def of_action(journal: Journal, tail: Tail, ident: str) -> list[int]:
    """The entries of action `ident`, in order."""
    return journal.indexes("action", ident) + tail.actions.get(ident, [])


def of_run(journal: Journal, tail: Tail, run: str) -> list[int]:
    """The entries of `run`, in order."""
    return journal.indexes("run", run) + tail.runs.get(run, [])


def keep_snapshot(journal: Journal, state: State, chain: Chain) -> None:
    """Keep `state`, marked as ours: whoever can only write the database cannot make a state out of nothing."""
    if journal.marks:
        data = chain + save(state)
        journal.run("insert_snapshot", state.seen, mac(journal.marks[0], _SNAPSHOT, data) + data)


def snapshot(journal: Journal, index: int) -> tuple[State, Chain]:
    """State and chain of the last snapshot of ours at or before entry `index` that this fold can go on from; else
    the empty ones, from which everything is folded anew."""
    while journal.marks and (rows := journal.rows("snapshot", index)):
        index, blob = rows[0]
        mark, data = blob[:_MARK], blob[_MARK:]
        with suppress(Malformed):
            state = load(data[_MARK:] if ours(journal, _SNAPSHOT, data, mark) else b"")
            if not state.stopped:
                return state, data[:_MARK]
        index -= 1
    return State(), NONE


def leaf_time(leaf: bytes) -> int:
    """The `at` of a leaf: by construction its first member. Raises `Tampered` for what no writer wrote."""
    digits = leaf[6 : leaf.find(b",")]
    if leaf[:6] != b'{"at":' or not digits.isdigit() or len(digits) > 16:
        raise Tampered("an entry without a time, or of a time that never was")
    return int(digits)


def find_part(journal: Journal, tail: Tail, keys: Keys, ident: str, name: PartName) -> Part | None:
    """The latest part `name` of action, run or entry key `ident`; None where there is none or a key was erased."""
    for index in reversed(_candidates(journal, tail, ident)):
        found = sealed_at(journal, keys, index, ident, name)
        if found.parts:
            return found.parts[0]
    return None


def sealed_at(journal: Journal, keys: Keys, index: int, ident: str, name: PartName) -> Sealed:
    """Part `name`, sealed under `ident`, of entry `index`. Raises `Tampered` where it was changed."""
    leaf = journal.leaf(index)
    blob = None if leaf is None else journal.sealed(Days().name(leaf_time(leaf)), slot_of(index, name))
    if blob is None:
        return Sealed()
    part = keys.open(blob, name, ident)
    return Sealed(erased=True) if part is None else Sealed((part,))


def rows_at(journal: Journal, keys: Keys, index: int, ident: str, only: int | None = None) -> SealedRows:
    """The rows of decision entry `index`. Raises `Tampered` where one was changed."""
    leaf = journal.leaf(index)
    found = [] if leaf is None else journal.sealed_rows(Days().name(leaf_time(leaf)), index, only)
    rows: list[SealedRow] = []
    hashes: tuple[bytes, ...] = ()
    for row, blob in found:
        if row == HASHES:
            hashes = tuple(blob[i : i + 32] for i in range(0, len(blob), 32))
            continue
        part = keys.open_row(blob, row, ident)
        if part is None:
            rows.append(SealedRow(row, erased=True))
        elif row == WHOLE:
            rows += [
                SealedRow(k, row_salt(part.salt, k), data)
                for k, data in enumerate(split(part.data))
                if only is None or k == only
            ]
        else:
            rows.append(SealedRow(row, part.salt, part.data))
    return SealedRows(tuple(rows), hashes)


def _candidates(journal: Journal, tail: Tail, ident: str) -> list[int]:
    """The entries whose parts are sealed under `ident` (see `part_key`)."""
    found = of_action(journal, tail, ident)
    if found:
        return found
    if ident.isdecimal() and len(ident) < 19:
        return [int(ident)]
    run = of_run(journal, tail, ident)
    return run[:1]  # it was opened with its task
