"""Checking a proof file, offline and by itself. The plan, numbered as in the body:

 1. the file is the one spelling of a proof, and every leaf in it the one spelling of an entry
 2. the log's key signed the checkpoint, and every proof in the file leads to that same one
 3. each entry stands in the log: its path leads from its bytes to the checkpoint's root
 4. each part is what its entry commits to, and each row under the root that its entry names
 5. it is about what it says it is about, and the canonical action is the one that the entries name
 6. what people said is signed over the question, with the keys that entries name; a decoy's flag opens as was said
 7. what this cannot say

`console/static/proof.js` walks the same plan in a browser; a test holds the two together over mutations.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from standwatch.facts.entries import (
    AnyEntry,
    Decided,
    Denied,
    Judged,
    RunOpened,
)
from standwatch.facts.errors import Malformed, StandwatchError
from standwatch.facts.parts import SALT_BYTES, action_digest, commitment
from standwatch.record import tlog_proof
from standwatch.record.checkpoint import Checkpoint, open_checkpoint
from standwatch.record.leaf import Unknown
from standwatch.record.note import NoteKey, parse_vkey
from standwatch.record.proof import ProofFile, Proved, Row, Shown, decode
from standwatch.record.proved_voices import Step, voices
from standwatch.record.rows import read_row, verify_row
from standwatch.record.source import bound, commitments, ident_of, read_action, read_leaf
from standwatch.record.tree import Unproven, leaf_hash, verify_inclusion

Result = Literal["verified", "rejected"]

_number: Final = re.compile(r"0|[1-9][0-9]{0,8}")

LIMITS: Final = (
    "complete up to this checkpoint: what came later, and what was never told to the gateway, is not in it",
    "it shows that these entries are in the log, not that they are all about it: `standwatch verify` reads the whole",
    "whether each was allowed where it stands is not replayed here: `standwatch verify` does that",
)
"""What no check of one file can say."""


class ReadEntry(msgspec.Struct, frozen=True):
    """One entry of the file as read: what it says, and the parts that are with it, by name."""

    index: int
    entry: AnyEntry | Unknown
    leaf: str
    parts: dict[str, bytes]
    closed: tuple[str, ...]
    """The parts that it commits to and the file does not have: erased, or not for its reader."""


class Checked(msgspec.Struct, frozen=True):
    """What came of it. `rejected` where one step failed; nothing after the first two is read when they do."""

    status: Result
    about: str
    vkey: str
    origin: str
    size: int
    root: str
    steps: tuple[Step, ...]
    entries: tuple[ReadEntry, ...] = ()
    limits: tuple[str, ...] = LIMITS


def check(data: bytes, vkey: str = "") -> Checked:
    """Check a proof file. `vkey` is the log's key from somewhere the reader trusts; without it the file's own is taken.

    Raises nothing for what it reads; `Malformed` for a bad `vkey` of the caller's.
    """
    trusted = parse_vkey(vkey) if vkey else None
    # (1): The file.
    try:
        file = decode(data)
        entries = [_Entry(one) for one in file.entries]
        if not entries or [each.index for each in entries] != sorted({each.index for each in entries}):
            raise Malformed("its entries are not each there once, in their order")
        key = trusted or parse_vkey(file.vkey)
    except StandwatchError as error:
        return Checked("rejected", "", vkey, "", 0, "", (Step("file", False, str(error)),))
    steps = [Step("file", True, f"{len(entries)} entries, read strictly")]
    # (2): The checkpoint.
    try:
        head = _head(entries, key, file)
    except StandwatchError as error:
        steps.append(Step("checkpoint", False, str(error)))
        return Checked("rejected", file.about, key.vkey, key.name, 0, "", tuple(steps))
    whose = "a key you brought" if trusted else "the key in the file: compare it with one you trust"
    steps.append(Step("checkpoint", True, f"{head.size} entries, signed by {key.name} with {whose}"))
    # (3) to (6)
    steps += _steps(file, entries, head)
    good = all(step.ok for step in steps)
    return Checked(
        "verified" if good else "rejected",
        file.about,
        key.vkey,
        head.origin,
        head.size,
        head.root.hex(),
        tuple(steps),
        tuple(each.shown for each in entries),
    )


class _Entry:
    """An entry of the file, read but not trusted. Raises `Malformed`."""

    def __init__(self, given: Proved) -> None:
        self.given = given
        self.raw = given.leaf.encode()
        self.proof = tlog_proof.read(given.proof)
        self.index = self.proof.index
        self.entry = read_leaf(self.raw)
        action = next((part.data for part in given.parts if part.name == "action"), b"")
        self.wanted = {one.name: one for one in (*commitments(self.entry), *bound(self.entry, action))}
        names = [part.name for part in given.parts]
        if len(set(names)) != len(names) or not set(names) <= self.wanted.keys():
            raise Malformed(f"entry {self.index} has parts that it does not commit to")
        if given.rows and not isinstance(self.entry, Decided):
            raise Malformed(f"entry {self.index} has rows and is no decision")

    @property
    def kind(self) -> str:
        entry = self.entry
        return entry.kind if isinstance(entry, Unknown) else str(type(entry).__struct_config__.tag)

    @property
    def shown(self) -> ReadEntry:
        parts = {part.name: part.data for part in self.given.parts}
        parts |= {f"row {row.row}": row.data for row in self.given.rows}
        closed = tuple(name for name in self.wanted if name not in parts)
        return ReadEntry(self.index, self.entry, self.given.leaf, parts, closed)


def _head(entries: list[_Entry], key: NoteKey, file: ProofFile) -> Checkpoint:
    notes = {each.proof.note for each in entries}
    if len(notes) != 1:
        raise Malformed("its entries are proved under several checkpoints")
    if key.vkey != file.vkey:
        raise Malformed(f"the file names another key than yours: {file.vkey[:120]}", code="other_key")
    return open_checkpoint(notes.pop(), key.name, [key])


def _steps(file: ProofFile, entries: list[_Entry], head: Checkpoint) -> Iterator[Step]:
    for each in entries:
        # (3): In the log.
        yield _included(each, head)
        # (4): Its parts and rows.
        for part in each.given.parts:
            yield _committed(each, part)
        for row in each.given.rows:
            yield _under(each, row)
    # (5): About.
    yield _about(file, entries)
    for each in entries:
        for part in each.given.parts:
            if part.name == "action" and isinstance(each.entry, Judged):
                yield _same_action(each.index, each.entry, part.data, head.origin)
    # (6): What people said.
    yield from voices({each.index: each.entry for each in entries}, _actions(entries), head.origin)


def _actions(entries: list[_Entry]) -> dict[int, bytes]:
    """The canonical actions in the file, by the entry that they stand beside."""
    parts = ((each.index, part) for each in entries for part in each.given.parts)
    return {index: part.data for index, part in parts if part.name == "action"}


def _included(each: _Entry, head: Checkpoint) -> Step:
    name = f"entry {each.index}"
    try:
        verify_inclusion(leaf_hash(each.raw), each.index, head.size, each.proof.path, head.root)
    except (Unproven, Malformed) as error:
        return Step(name, False, f"{each.kind} is not proved to be in the log: {error}")
    return Step(name, True, f"{each.kind} is in the log, by {len(each.proof.path)} hashes")


def _committed(each: _Entry, part: Shown) -> Step:
    name, wanted = f"{part.name} of entry {each.index}", each.wanted[part.name]
    # INVARIANT: a salt is as long as salts are: HMAC fills a shorter key up with zeros, so others would open it too.
    if len(part.salt) != (0 if wanted.plain else SALT_BYTES):
        return Step(name, False, f"a salt has {SALT_BYTES} bytes, and the action, which salts itself, none")
    found = action_digest(part.data) if wanted.plain else commitment(part.salt, part.data)
    if found != wanted.value:
        return Step(name, False, "these are not the bytes that the entry commits to")
    return Step(name, True, f"{'SHA-256' if wanted.plain else 'HMAC-SHA-256'} as the entry says")


def _under(each: _Entry, row: Row) -> Step:
    name, entry = f"row {row.row} of entry {each.index}", each.entry
    assert isinstance(entry, Decided)
    try:
        if len(row.salt) != SALT_BYTES:
            raise Malformed(f"a salt has {SALT_BYTES} bytes")
        root = bytes.fromhex(entry.tree)
        verify_row(row.salt, row.data, row=row.row, rows=entry.rows, proof=row.path, root=root)
        read_row(row.data)
    except (StandwatchError, ValueError) as error:
        return Step(name, False, str(error))
    return Step(name, True, f"one of {entry.rows}, under the root that the entry names")


def _about(file: ProofFile, entries: list[_Entry]) -> Step:
    """An action's id stands in its entries; a decision is named by its entry and row."""
    place, slash, number = file.about.partition("/")
    named = next((_of_row(each, number) for each in entries if str(each.index) == place), "")
    ident = named if slash else file.about
    same = [each for each in entries if ident and ident_of(each.entry) == ident]
    own = [each for each in same if not isinstance(each.entry, RunOpened)]
    said = f"{file.about[:60]}: {len(own)} of its entries are here"
    return Step("about", bool(own), said if own else "the file is about something else than its entries")


def _of_row(each: _Entry, number: str) -> str:
    """The id of the decision whose row `number` the file is about; "" where that is none of its entry's."""
    entry = each.entry
    if not isinstance(entry, Decided) or not _number.fullmatch(number) or int(number) >= entry.rows:
        return ""
    return entry.id if all(str(row.row) == number for row in each.given.rows) else ""


def _same_action(index: int, entry: Judged, data: bytes, origin: str) -> Step:
    name = f"the action of entry {index}"
    try:
        action = read_action(data)
    except Malformed as error:
        return Step(name, False, str(error))
    run, system, tool = entry.run, entry.system, entry.tool
    if isinstance(entry, Denied):  # a refusal does not repeat in its leaf what its caller made up
        run, system = run or action.run, action.system if system == "?" else system
        tool = action.tool if tool == "?" else tool
    told = (entry.id, entry.by, run, system, tool, origin)
    good = told == (action.id, action.by, action.run, action.system, action.tool, action.org)
    return Step(name, good, "canonical, and the one that the entry names")
