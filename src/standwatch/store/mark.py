"""The mark: that everything here was written by us, also what no checkpoint covers yet.

A checkpoint is signed at most a second after an entry; what stands behind the last one would otherwise be vouched for
by nobody, and a start would take it up, give it force and sign it. So each commit leaves, in its own transaction, a MAC
over the size, the root, and the chain of the entries that fold, under a key that the database does not hold. A start,
and `verify`, compare it with what they find. Mark and entries are of one commit, whenever a process is killed.

The chain runs over (index, leaf hash) of the entries that state is folded over, in order: a fold that starts from a
snapshot and an index was given every one of them, and no other.
"""

import hashlib
import hmac
from typing import Final

from standwatch.facts.errors import Tampered
from standwatch.record.state import folds
from standwatch.record.tree import Frontier, leaf_hash
from standwatch.store.head import frontier_at
from standwatch.store.journal import Journal
from standwatch.store.sealing import Kek

Chain = bytes
NONE: Final = bytes(32)
"""The chain before any entry."""

_MARK: Final = "mark"
_BYTES: Final = 32
_CHUNK: Final = 1_024
_CURE: Final = "standwatch verify"


def marks_of(*keks: Kek) -> tuple[bytes, ...]:
    """The keys that mark what is ours: of the key-encryption keys, which the database does not hold."""
    return tuple(hmac.digest(kek.key, b"standwatch/mark/1", "sha256") for kek in keks)


def mac(key: bytes, what: bytes, data: bytes) -> bytes:
    """The mark of `data`, which is a `what`."""
    return hmac.digest(key, what + b"\n" + data, "sha256")


def ours(journal: Journal, what: bytes, data: bytes, found: bytes) -> bool:
    """Whether one of our keys marked `data`."""
    return any(hmac.compare_digest(mac(key, what, data), found) for key in journal.marks)


def follow(chain: Chain, index: int, digest: bytes) -> Chain:
    """The chain after entry `index`, which folds and has this leaf hash."""
    return hashlib.sha256(chain + index.to_bytes(8, "big") + digest).digest()


def keep_mark(journal: Journal, size: int, root: bytes, chain: Chain) -> None:
    """Mark what is here. Inside the transaction that wrote it."""
    if journal.marks:
        data = chain + size.to_bytes(8, "big")
        journal.run("set_meta", _MARK, mac(journal.marks[0], b"tail", data + root) + data)


def unmarked(journal: Journal, signed: int, size: int, root: bytes) -> str:
    """Why the `size` entries here are not those that we wrote last, where the first `signed` are; "" where they are.

    `root` is that of `root_from`. Nothing is said of the entries that were signed, but that no mark may be missing
    where something follows them.
    """
    found: object = journal.get("meta", _MARK)
    if found is None:
        return "" if size == signed else f"the entries from {signed} on are neither signed nor marked as ours"
    if not isinstance(found, bytes) or len(found) != 2 * _BYTES + 8:
        return "the mark of the last entry is not one"
    marked = int.from_bytes(found[-8:], "big")
    if marked != size:
        return f"{marked} entries were written here and {size} are here"
    if not ours(journal, b"tail", found[_BYTES:] + root, found[:_BYTES]):
        return f"the entries from {signed} on are not those that were written here"
    return ""


def root_from(journal: Journal, signed: int, size: int) -> bytes:
    """The root over all `size` entries, made from the leaves after the first `signed`. Raises `Tampered`."""
    tree = frontier_at(journal, signed, size)
    for start in range(signed, size, _CHUNK):
        for leaf in journal.leaves(start, min(start + _CHUNK, size)):
            tree.append(leaf_hash(leaf))
    return tree.root()


def check(journal: Journal, signed: int, size: int, root: bytes, chain: Chain) -> None:
    """Raise `Tampered` unless memory, as it was read from here, is what was written here.

    `root` and `chain` are those that memory found; the first `signed` entries are those of a checkpoint.
    """
    made = root_from(journal, signed, size)
    if wrong := unmarked(journal, signed, size, made):
        raise Tampered(wrong, cure=_CURE)
    found: bytes | None = journal.get("meta", _MARK)
    if found is None:
        _adopt(journal, size, root, chain)
    elif found[_BYTES : 2 * _BYTES] != chain:
        raise Tampered("the control entries found are not those that were written", cure=_CURE)
    elif made != root:
        raise Tampered("the hashes kept are not those of the entries", cure=_CURE)


def _adopt(journal: Journal, size: int, root: bytes, chain: Chain) -> None:
    """A log from before there were marks, all of it signed: every entry is read, once, and then it is marked."""
    from standwatch.store.memory import read  # it needs `follow`

    tree, followed = Frontier(), NONE
    for start in range(0, size, _CHUNK):
        for index, leaf in enumerate(journal.leaves(start, min(start + _CHUNK, size)), start):
            digest = leaf_hash(leaf)
            tree.append(digest)
            if folds(read(leaf, index)):
                followed = follow(followed, index, digest)
    if tree.root() != root or followed != chain:
        raise Tampered("the entries are not those that were signed", cure=_CURE)
    keep_mark(journal, size, root, chain)
