"""Checkpoints: what a log has signed about itself (c2sp.org/tlog-checkpoint).

The text of a signed note in three lines: the log's origin, its number of entries in decimal, and the base64 of
its root. Further lines are *extensions*: ours have none; other logs' are read and kept, and mean nothing here.
"""

import re
from base64 import b64encode
from collections.abc import Iterable

from msgspec import Struct

from standwatch.facts.errors import Malformed
from standwatch.record.note import (
    Note,
    NoteKey,
    Sign,
    Unverified,
    decode_base64,
    parse,
    serialise,
    sign,
    verify,
)
from standwatch.record.tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE

_decimal = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(Struct, frozen=True):
    """The tree of the log `origin` at `size` entries has the 32-byte root `root`.

    Raises `Malformed` when made of anything that no log can have: an empty tree has one root.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(not line or "\n" in line for line in (self.origin, *self.extensions)):
            raise Malformed("an origin or an extension is one line, and not empty")
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed("a tree's size is from 0 to 2^63 - 1")
        if len(self.root) != HASH_SIZE or (self.size == 0 and self.root != EMPTY_ROOT):
            raise Malformed("the root is not that of such a tree")


def text_of(checkpoint: Checkpoint) -> str:
    """The text to be signed. Raises `Malformed` for extensions: no monitor can audit them, so we sign none."""
    if checkpoint.extensions:
        raise Malformed("a checkpoint of ours has no extension lines")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{b64encode(checkpoint.root).decode()}\n"


def parse_text(text: str) -> Checkpoint:
    """The checkpoint that a note's text spells, unverified. Raises `Malformed` and nothing else."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "":
        raise Malformed("a checkpoint has three lines or more, each ended by a newline")
    origin, size, root, *extensions = lines
    if not _decimal.fullmatch(size):
        raise Malformed("a tree's size is decimal, without leading zeroes, and below 2^63")
    return Checkpoint(origin, int(size), decode_base64(root), tuple(extensions))


def sign_checkpoint(checkpoint: Checkpoint, key: NoteKey, signer: Sign) -> bytes:
    """The signed note, as it is served. A log's key is named as its origin: `Malformed` where it is not."""
    if key.name != checkpoint.origin:
        raise Malformed(f"the key of {key.name} does not sign for the log {checkpoint.origin}")
    text = text_of(checkpoint)
    return serialise(Note(text, (sign(text, key, signer),)))


def open_checkpoint(raw: bytes, origin: str, keys: Iterable[NoteKey]) -> Checkpoint:
    """What one of `keys`, those of the log `origin`, signed. Raises `Malformed` or `Unverified`.

    Several keys while the log's key rotates. The origin is asked for because a key may sign for other logs too:
    a good signature on another log's checkpoint says nothing about this one.
    """
    # (1): Read the note, and trust nothing in it.
    note = parse(raw)
    # (2): One of the log's keys signed this text, and no signature of theirs is false.
    verify(note, keys)
    # (3): Only now read the text.
    checkpoint = parse_text(note.text)
    # (4): It speaks of the log that was asked about.
    if checkpoint.origin != origin:
        raise Unverified(f"a checkpoint of {checkpoint.origin}, not of {origin}")
    return checkpoint
