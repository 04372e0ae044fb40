"""A log, or a range of one, as files that prove themselves (C2SP tlog-tiles and a little beside).

    checkpoint                  the signed head that everything here is proved under
    vkey                        the log's key, for convenience: take yours from somewhere else
    range                       `START END`: every entry of this range is here
    tile/…, tile/entries/…      C2SP: hashes and entries
    control/N.jsonl             entries before the range over which state is folded, by bundle
    parts/N.jsonl               unsealed parts with their salts, by bundle
    receipts.jsonl              receipts that somebody handed in
    README.txt                  how tools that are not ours verify it

A range is rounded out to whole bundles of 256. Nothing here is a secret but `parts`.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

import msgspec

from standwatch.facts.entries import AnyEntry, Decided, Shadowed
from standwatch.facts.errors import Malformed, NotFound
from standwatch.facts.parts import PartName
from standwatch.record.checkpoint import Checkpoint, parse_text
from standwatch.record.leaf import Unknown
from standwatch.record.note import parse
from standwatch.record.receipt import Receipt, encode_receipt
from standwatch.record.source import SealedRows, Source, all_commitments, commitments, ident_of, read_leaf
from standwatch.record.state import State, folds
from standwatch.record.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Bundle,
    Tile,
    encode_bundle,
    path_of,
    tiles_of_consistency,
)

MANIFESTS: Final[frozenset[PartName]] = frozenset({"manifest"})
"""What goes along unless payloads are asked for: configurations are not about data subjects."""

PAYLOADS: Final[frozenset[PartName]] = frozenset(
    {"action", "findings", "result", "reason", "task", "manifest", "context", "row", "body"}
)

README: Final = """\
A Standwatch record: RFC 6962 Merkle tree, C2SP tlog-tiles, C2SP signed checkpoint.

To verify it with tools that are not ours, take the log's key from a place you trust, not from `vkey`, and
1. check the signature of `checkpoint` as a C2SP signed note (Go: x/mod/sumdb/note; Python: metamorphic-log);
2. hash each entry of tile/entries/ (16-bit length, then bytes) as SHA-256(0x00 || entry): this gives tile/0/;
3. hash the tiles up to the root that line 3 of `checkpoint` names (Go: x/mod/sumdb/tlog).
With ours, offline: standwatch verify PATH; one action: standwatch explain ID.
"""


class Line(msgspec.Struct, frozen=True):
    """One line of `control/N.jsonl`: an entry outside the range, exactly as it was hashed."""

    index: int
    leaf: str


class PartLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `parts/N.jsonl`: a part of entry `index`, or that it was erased. Bytes are base64.

    With the name `row`, `row` says which of a decision's rows; -2 has the leaf hashes of them all in `data`.
    """

    index: int
    name: PartName
    salt: bytes = b""
    data: bytes = b""
    erased: bool = False
    row: int = 0


def export(
    source: Source,
    vkey: str,
    *,
    start: int = 0,
    end: int | None = None,
    parts: frozenset[PartName] = MANIFESTS,
    receipts: Iterable[Receipt] = (),
    kept: Iterable[int] = (),
) -> Iterator[tuple[str, bytes]]:
    """The files of an export, one after another: (path, bytes), memory bounded but for one set of tile names.

    Covers entries [start, end) under the latest checkpoint, all of them by default. `kept` are sizes of older
    checkpoints that a verifier may hold: the tiles that prove consistency with them come along. Raises
    `Malformed` for a range the log does not have, `NotFound` where the source lacks an entry.
    """
    note = source.checkpoint()
    head = parse_text(parse(note).text)
    first, last = _rounded(start, head.size if end is None else end, head)
    yield "checkpoint", note
    yield "vkey", (vkey + "\n").encode()
    yield "range", f"{first} {last}\n".encode()
    yield "README.txt", README.encode()
    yield from _before(source, first, parts)
    yield from _within(source, first, last, parts)
    for tile in sorted(
        _needed(source, first, last, head.size, kept), key=lambda each: (each.level, each.index)
    ):
        yield path_of(tile), source.tile(tile)
    if handed := [encode_receipt(receipt) for receipt in receipts]:
        yield "receipts.jsonl", _lines(handed)


def _rounded(start: int, end: int, head: Checkpoint) -> tuple[int, int]:
    if not 0 <= start <= end <= head.size:
        raise Malformed(f"[{start}, {end}) is not a range of the {head.size} entries under the checkpoint")
    return start - start % TILE_WIDTH, min(head.size, -(-end // TILE_WIDTH) * TILE_WIDTH)


def _before(source: Source, first: int, names: frozenset[PartName]) -> Iterator[tuple[str, bytes]]:
    """Control entries before the range, and the parts of those that are in force where it begins."""
    standing = _standing(source.state_before(first)) if first else set[int]()
    for bundle in range(first // TILE_WIDTH):
        if control := _control(source, bundle):
            yield shard("control", bundle), _lines(Line(index, leaf.decode()) for index, leaf, _ in control)
            kept = [(index, entry) for index, _, entry in control if index in standing]
            if lines := _part_lines(source, kept, names):
                yield shard("parts", bundle), _lines(lines)


def _control(source: Source, bundle: int) -> list[tuple[int, bytes, AnyEntry | Unknown]]:
    begin = bundle * TILE_WIDTH
    entries = dict(source.leaves(begin, begin + TILE_WIDTH))
    every = _readable(entries.items())
    return [(index, entries[index], entry) for index, entry in every if folds(entry)]


def _readable(entries: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, AnyEntry | Unknown]]:
    """The entries that can be read: a damaged log is exported as it is, for others to see the damage."""
    for index, leaf in entries:
        with suppress(Malformed):
            yield index, read_leaf(leaf)


def _within(source: Source, first: int, last: int, names: frozenset[PartName]) -> Iterator[tuple[str, bytes]]:
    for begin in range(first, last, TILE_WIDTH):
        bundle, end = begin // TILE_WIDTH, min(begin + TILE_WIDTH, last)
        entries = list(source.leaves(begin, end))
        if [index for index, _ in entries] != list(range(begin, end)):
            raise NotFound(f"the source does not hold every entry of [{begin}, {end})")
        yield path_of(Bundle(bundle, end - begin)), encode_bundle([leaf for _, leaf in entries])
        if lines := _part_lines(source, _readable(entries), names):
            yield shard("parts", bundle), _lines(lines)


def _needed(source: Source, first: int, last: int, size: int, kept: Iterable[int]) -> set[Tile]:
    """The tiles that prove the range, the control entries before it, and consistency with `kept` sizes."""
    needed = _edge(size)
    within = range(first // TILE_WIDTH, -(-last // TILE_WIDTH))
    before = (bundle for bundle in range(first // TILE_WIDTH) if _control(source, bundle))
    for bundle in (*before, *within):
        needed.update(tiles_above(bundle, size))
    for older in kept:
        needed.update(tiles_of_consistency(older, size) if 0 < older <= size else ())
    return needed


def _standing(state: State) -> set[int]:
    """Indices of the entries that are in force: what an action after them may rest on."""
    questions = {
        place
        for each in state.questions.values()
        for place in (each.index, each.answer_index, *(index for index, _ in each.answers))
    }
    systems = {standing.index for standing in state.systems.values()}
    runs = {*(index for index, _ in state.runs.values()), *state.tasks.values()}
    return {state.config, *systems, *questions, *runs}


def _part_lines(
    source: Source, entries: Iterable[tuple[int, AnyEntry | Unknown]], names: frozenset[PartName]
) -> list[PartLine]:
    lines: list[PartLine] = []
    for index, entry in entries:
        for wanted in all_commitments(source, index, entry) if "body" in names else commitments(entry):
            if wanted.name in names:
                sealed = source.sealed(index, ident_of(entry), wanted.name)
                lines += [PartLine(index, part.name, part.salt, part.data) for part in sealed.parts]
                lines += [PartLine(index, wanted.name, erased=True)] if sealed.erased else []
        if isinstance(entry, Decided | Shadowed) and "row" in names:
            lines += _row_lines(index, source.rows(index, entry.id))
    return lines


def _row_lines(index: int, found: SealedRows) -> list[PartLine]:
    """The rows of a decision entry, each with a salt of its own, so that any of them can be handed on alone."""
    lines = [PartLine(index, "row", row.salt, row.data, row.erased, row.row) for row in found.rows]
    if found.hashes:
        lines.append(PartLine(index, "row", data=b"".join(found.hashes), row=-2))
    return lines


def _edge(size: int) -> set[Tile]:
    """The partial tiles at the right edge: the root is hashed from them."""
    levels = range((size.bit_length() + TILE_HEIGHT - 1) // TILE_HEIGHT)
    counts = ((level, size >> (TILE_HEIGHT * level)) for level in levels)
    return {Tile(level, n // TILE_WIDTH, n % TILE_WIDTH) for level, n in counts if n % TILE_WIDTH}


def tiles_above(bundle: int, size: int) -> Iterator[Tile]:
    """The tile over `bundle` and those over it, up to the edge."""
    level, index = 0, bundle
    while True:
        width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
        yield Tile(level, index, width)
        if width < TILE_WIDTH:
            return
        level, index = level + 1, index // TILE_WIDTH


def shard(kind: str, bundle: int) -> str:
    """`control/x001/067.jsonl`: named as the bundle whose entries it is about."""
    return f"{kind}/{path_of(Bundle(bundle)).removeprefix('tile/entries/')}.jsonl"


_shard_path: Final = re.compile(r"(?:control|parts)/(?:x[0-9]{3}/)*[0-9]{3}\.jsonl")
_plain: Final = frozenset({"checkpoint", "vkey", "range", "README.txt", "receipts.jsonl"})


def is_export_path(path: str) -> bool:
    """Whether an export has files of this name: for whoever unpacks an archive from a stranger."""
    return path in _plain or _shard_path.fullmatch(path) is not None or _tile_path.fullmatch(path) is not None


_tile_path: Final = re.compile(r"tile/(?:entries|[0-9]{1,2})/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?")


def _lines(lines: Iterable[Line | PartLine | str]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
