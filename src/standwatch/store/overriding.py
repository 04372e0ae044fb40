"""What the sequencer must know before it admits an override: that there is such a row, and who overrode it last."""

from standwatch.facts.entries import Decided, Overridden
from standwatch.record.sequence import Sequencer, override_key
from standwatch.store.journal import Journal
from standwatch.store.memory import read


def prepare(journal: Journal, seq: Sequencer, entry: Overridden) -> str:
    """Put the last override of this row into `seq`; why there is no such row, or "".

    `seq` knows those since the last flush by itself; the indices know all before.
    """
    leaf = journal.leaf(entry.of)
    decided = None if leaf is None else read(leaf, entry.of)
    if not isinstance(decided, Decided) or decided.id != entry.id:
        return f"entry {entry.of} is not the decision {entry.id}"
    if (decided.system, decided.model) != (entry.system, entry.model):
        return f"entry {entry.of} is a decision of {decided.system}/{decided.model}"
    if not 0 <= entry.row < decided.rows:
        return f"entry {entry.of} has {decided.rows} rows, counted from 0"
    if override_key(entry) not in seq.overridden and (last := _last(journal, entry)) >= 0:
        seq.overridden[override_key(entry)] = last
    return ""


def _last(journal: Journal, entry: Overridden) -> int:
    for index in reversed(journal.indexes("action", entry.id)):
        leaf = journal.leaf(index)
        found = None if leaf is None else read(leaf, index)
        if isinstance(found, Overridden) and found.row == entry.row:
            return index
    return -1
