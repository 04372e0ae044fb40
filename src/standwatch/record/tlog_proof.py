"""One entry's inclusion as text that verifiers which are not ours read: C2SP tlog-proof (c2sp.org/tlog-proof).

The header line, `index N`, the path from the leaf's sibling upwards (base64, a line each), an empty line, and the
log's signed checkpoint verbatim. Reading is strict: what `read` accepts, `spell` gives back byte for byte. Of the
format's optional `extra` line, which nothing authenticates, we write none and take none.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from standwatch.facts.errors import Malformed
from standwatch.record.note import MAX_NOTE, decode_base64
from standwatch.record.tree import HASH_SIZE, MAX_SIZE

HEADER: Final = "c2sp.org/tlog-proof@v1"
_MOST_HASHES: Final = 63
"""A tree of 2⁶³ entries is no higher."""
_index: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


class TlogProof(Struct, frozen=True):
    """That some entry stands at `index` of the tree of `note`, if `path` leads there. Nothing in it is trusted."""

    index: int
    path: tuple[bytes, ...]
    note: bytes


def spell(index: int, path: Sequence[bytes], note: bytes) -> str:
    """The text. `note` is the signed checkpoint as served."""
    hashes = "".join(b64encode(one).decode() + "\n" for one in path)
    return f"{HEADER}\nindex {index}\n{hashes}\n{note.decode()}"


def read(text: str) -> TlogProof:
    """The proof that `text` spells, unverified. Raises `Malformed` and nothing else."""
    head, blank, note = text.partition("\n\n")
    header, *lines = head.split("\n")
    place = _index.fullmatch(lines[0]) if lines else None
    if header != HEADER or not blank or place is None or len(note) > MAX_NOTE:
        raise Malformed(f"a proof begins with {HEADER} and the entry's index, and ends with a checkpoint")
    path = tuple(decode_base64(line) for line in lines[1:])
    if len(path) > _MOST_HASHES or any(len(one) != HASH_SIZE for one in path):
        raise Malformed(f"a path is at most {_MOST_HASHES} hashes of {HASH_SIZE} bytes")
    if (index := int(place[1])) >= MAX_SIZE:
        raise Malformed("no log is long enough to have this entry")
    try:
        return TlogProof(index, path, note.encode())
    except UnicodeEncodeError:
        raise Malformed("a lone surrogate stands in the checkpoint") from None
