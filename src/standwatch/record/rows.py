"""The rows under a decision entry (RECORD.md: a batch is one leaf with the root of its rows' subtree). Pure.

A row's bytes are the JSON of a `RowRecord`. Its commitment is HMAC-SHA-256(salt, bytes) with a salt of its own, and
the commitments are the leaves of an RFC 6962 tree whose root stands in the entry. So one row is shown and proved
(its bytes, its salt, a path in the row tree, a path in the log) and nothing is said of its neighbours; and a row whose
key was destroyed leaves a commitment that nobody can invert and every proof as it was.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from standwatch.facts.decisions import RowRecord
from standwatch.facts.errors import Malformed
from standwatch.facts.parts import commitment
from standwatch.record.tree import Frontier, inclusion_proof, leaf_hash, node_hash, verify_inclusion

_encode: Final = msgspec.json.Encoder().encode
_rows: Final = msgspec.json.Decoder(list[msgspec.Raw])
_row: Final = msgspec.json.Decoder(RowRecord)


def row_bytes(record: RowRecord) -> bytes:
    """The bytes that are committed to and sealed."""
    return _encode(record)


def read_row(data: bytes) -> RowRecord:
    """The record in `data`. Raises `Malformed`."""
    try:
        return _row.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"not a row: {error}") from None


def row_salt(salt: bytes, row: int) -> bytes:
    """Row `row`'s salt, made from the 32 random bytes of its batch: whoever is shown one learns no other."""
    return hashlib.sha256(salt + row.to_bytes(8, "big")).digest()


def row_leaf(salt: bytes, data: bytes) -> bytes:
    """The row's leaf hash in the row tree; `salt` is the row's own."""
    return leaf_hash(bytes.fromhex(commitment(salt, data)))


def join(rows: Sequence[bytes]) -> bytes:
    """The rows of a batch about nobody, as one sealed part."""
    return b"[" + b",".join(rows) + b"]"


def split(data: bytes) -> list[bytes]:
    """The rows that `join` put together, byte for byte. Raises `Malformed`."""
    try:
        return [bytes(row) for row in _rows.decode(data)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"not the rows of a batch: {error}") from None


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root over the rows' leaf hashes, in their order."""
    if len(leaves) == 1:
        return leaves[0]
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def prove(leaves: Sequence[bytes], row: int) -> list[bytes]:
    """The path of row `row` in its batch, sibling first. Raises `Malformed` for a row that is none."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(a, b) for a, b in zip(below[::2], below[1::2], strict=False)])
    return inclusion_proof(lambda level, index: levels[level][index], row, len(leaves))


def verify_row(salt: bytes, data: bytes, *, row: int, rows: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises `Unproven` unless `data` is row `row` of the batch of `rows` with this root."""
    verify_inclusion(row_leaf(salt, data), row, rows, proof, root)
