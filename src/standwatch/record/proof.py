"""One file that proves one action or decision, to anybody and offline (`standwatch explain ID --proof FILE`).

It is JSON in one spelling: every entry about the action and those that it rests on, as the exact bytes that were
hashed; with each its inclusion as C2SP tlog-proof text under one signed checkpoint; and beside it the sealed parts
that its reader may see, with the salts that open their commitments. `record.proved` checks it, and so does the page
in a browser (`console/static/proof.js`); the proofs alone, tools that are not ours.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec

from standwatch.facts.entries import Answered, AnyEntry, Endorsed, RunOpened, TaskTaken
from standwatch.facts.errors import Conflict, Malformed, NotFound, StandwatchError
from standwatch.facts.parts import PartName, action_digest, commitment
from standwatch.record import tlog_proof
from standwatch.record.assertion import parse_assertion
from standwatch.record.checkpoint import parse_text
from standwatch.record.decision import decision, find_decision
from standwatch.record.leaf import Unknown
from standwatch.record.note import parse
from standwatch.record.passkeys import is_passkey
from standwatch.record.reconstruct import explain
from standwatch.record.source import Source, all_commitments, hashes, ident_of, read_leaf
from standwatch.record.tree import inclusion_proof

FORMAT: Final = "standwatch/proof/1"


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sealed part of an entry, opened: its name, the salt of its commitment and its bytes (JSON: base64)."""

    name: PartName
    salt: bytes
    data: bytes


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Row `row` of a decision entry: its own salt, its bytes, and its path in the entry's row tree (base64)."""

    row: int
    salt: bytes
    data: bytes
    path: tuple[bytes, ...]


class Proved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: `leaf` is exactly what was hashed, `proof` a C2SP tlog-proof of it."""

    leaf: str
    proof: str
    parts: tuple[Shown, ...]
    rows: tuple[Row, ...]


class ProofFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `about` is the action's id, or `INDEX/ROW` of a decision; `vkey` the log's key, for convenience:
    whoever relies on it takes theirs from somewhere else."""

    format: str
    about: str
    vkey: str
    entries: tuple[Proved, ...]


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(ProofFile)


def encode(file: ProofFile) -> bytes:
    """The file's bytes."""
    return _encoder.encode(file)


def decode(data: bytes) -> ProofFile:
    """The file in `data`, unverified. Raises `Malformed` for bytes that `encode` would not write."""
    try:
        file = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"not a proof: {error}") from None
    if file.format != FORMAT:
        raise Malformed(f"a proof of the format {file.format[:60]!r}: this version reads {FORMAT}")
    if encode(file) != data:
        raise Malformed(
            "a proof in another spelling than its own: a byte of it was changed, or it was reformatted"
        )
    return file


def prove(source: Source, reference: str, vkey: str) -> ProofFile:
    """The proof of the action or decision `reference`, with every part that `source` can open.

    Raises `NotFound` where there is none, `Conflict` where the checkpoint does not reach its last entry yet.
    """
    about, own, grounds, rows = _gathered(source, reference)
    note = source.checkpoint()
    size = parse_text(parse(note).text).size
    if own[-1] >= size:
        raise Conflict(
            f"entry {own[-1]} is not under a signed checkpoint yet",
            code="unsigned",
            cure="ask again in a second",
            reference=about,
        )
    entries = tuple(
        _proved(source, index, size, note, rows.get(index, ()), opened=index in own)
        for index in sorted({*own, *grounds})
    )
    return ProofFile(FORMAT, about, vkey, entries)


def _gathered(source: Source, reference: str) -> tuple[str, list[int], set[int], dict[int, tuple[Row, ...]]]:
    """What it is about, its own entries, those it rests on, and the row."""
    try:
        index, _, row = find_decision(source, reference)
    except NotFound:
        if "/" in reference or reference.isdecimal():
            raise
        told = explain(source, reference)
        grounds = {told.run.opened, told.run.said, told.rules.config, told.rules.declared}
        grounds |= {one.index for one in told.authority.evidence if one.used}
        grounds |= {one.index for one in told.relaxed if one.used}
        own = [proof.index for proof in told.proofs]
        grounds |= set(_enrolments(source, own))
        return reference, own, grounds - {-1}, {}
    found = decision(source, f"{index}/{row}")
    grounds = {found.run.opened, found.run.said, found.rules.config, found.rules.declared}
    if found.route is not None:
        grounds.add(found.route.index)
    rows: tuple[Row, ...] = ()
    sealed = next((one for one in source.rows(index, found.id, row).rows if one.row == row), None)
    if sealed is not None and not sealed.erased and found.row_proof.proved:
        path = tuple(bytes.fromhex(one) for one in found.row_proof.path)
        rows = (Row(row, sealed.salt, sealed.data, path),)
    own = sorted(proof.index for proof in found.proofs)
    return f"{index}/{row}", own, grounds - {-1}, {index: rows}


def _enrolments(source: Source, own: list[int]) -> Iterator[int]:
    """The enrolments of the passkeys that answered: by them the signature is somebody's."""
    for index in own:
        entry = read_leaf(source.leaf(index))
        if isinstance(entry, Answered | Endorsed) and is_passkey(entry.sig):
            with suppress(
                Malformed
            ):  # what cannot be read is proved all the same, and is found out by who checks
                known = source.state_before(index).passkeys.get(parse_assertion(entry.sig).credential)
                if known is not None:
                    yield known.index


def _proved(
    source: Source, index: int, size: int, note: bytes, rows: tuple[Row, ...], *, opened: bool
) -> Proved:
    leaf = source.leaf(index)
    entry = read_leaf(leaf)
    path = inclusion_proof(hashes(source, size), index, size)
    whole = opened or isinstance(entry, RunOpened | TaskTaken)
    parts = tuple(_shown(source, index, entry)) if whole else ()
    return Proved(leaf.decode(), tlog_proof.spell(index, path, note), parts, rows)


def _shown(source: Source, index: int, entry: AnyEntry | Unknown) -> Iterator[Shown]:
    """The parts that are here and are what the entry commits to."""
    for wanted in all_commitments(source, index, entry):
        try:
            found = source.sealed(index, ident_of(entry), wanted.name)
        except StandwatchError:
            continue
        for part in found.parts:
            told = action_digest(part.data) if wanted.plain else commitment(part.salt, part.data)
            if told == wanted.value:
                yield Shown(wanted.name, b"" if wanted.plain else part.salt, part.data)
                break
