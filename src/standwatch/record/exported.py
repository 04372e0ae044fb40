"""Reading an export: a `Source` over files, wherever they lie. Nothing in it is trusted here."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from standwatch.facts.errors import Malformed, NotFound
from standwatch.facts.parts import Part, PartName
from standwatch.record.checkpoint import parse_text
from standwatch.record.export import Line, PartLine, shard
from standwatch.record.note import parse
from standwatch.record.source import Sealed, SealedRow, SealedRows, ident_of, read_leaf
from standwatch.record.state import State, folds, load, save
from standwatch.record.tiles import TILE_WIDTH, Bundle, Tile, decode_bundle, path_of

T = TypeVar("T")

Files = Callable[[str], bytes | None]
"""Answers the bytes of the file at a relative path; None where there is none."""

_KEPT_STATES: Final = 16

_range: Final = re.compile(rb"(0|[1-9][0-9]{0,18}) (0|[1-9][0-9]{0,18})\n")
_control: Final = msgspec.json.Decoder(Line)
_parts: Final = msgspec.json.Decoder(PartLine)


class Exported:
    """A log as `export` wrote it; a plain C2SP log without a `range` is taken as whole.

    Raises `NotFound` without a checkpoint and `Malformed` where checkpoint or range cannot be read at all.
    """

    def __init__(self, read: Files) -> None:
        self._read = read
        self.size = parse_text(parse(self.checkpoint()).text).size
        self.span = self._span()
        self._folded = {0: save(State())}
        self._bundle = lru_cache(maxsize=2)(self._read_bundle)
        self._part_lines = lru_cache(maxsize=2)(self._read_parts)

    def _span(self) -> tuple[int, int]:
        raw = self._read("range")
        if raw is None:
            return 0, self.size
        match = _range.fullmatch(raw)
        if match is None or not (start := int(match[1])) <= (end := int(match[2])) <= self.size:
            raise Malformed("`range` reads START END, within the checkpoint's size")
        if start % TILE_WIDTH or (end % TILE_WIDTH and end != self.size):
            raise Malformed("a range begins and ends with a whole bundle, or at the end of the log")
        return start, end

    def checkpoint(self) -> bytes:
        return self._need("checkpoint")

    def tile(self, tile: Tile) -> bytes:
        return self._need(path_of(tile))

    def leaf(self, index: int) -> bytes:
        for found, leaf in self.leaves(index, index + 1):
            if found == index:
                return leaf
        raise NotFound(f"entry {index} is not in this export")

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        for bundle in range(start // TILE_WIDTH, -(-min(end, self.size) // TILE_WIDTH)):
            for index, leaf in self._bundle(bundle):
                if start <= index < end:
                    yield index, leaf

    def of_action(self, ident: str) -> Sequence[int]:
        """Costs a search through all bytes of the entries."""
        needle = b'"id":%b' % msgspec.json.encode(ident)
        found: list[int] = []
        for bundle in range(-(-self.span[1] // TILE_WIDTH)):
            if bundle * TILE_WIDTH < self.span[0] or needle in self._raw(bundle):
                found += [
                    index
                    for index, leaf in self._bundle(bundle)
                    if needle in leaf and ident_of(read_leaf(leaf)) == ident
                ]
        return found

    def sealed(self, index: int, ident: str, name: PartName) -> Sealed:
        """Raises `Malformed` where the file of parts cannot be read. Parts are found by `index` alone here."""
        del ident
        lines = self._part_lines(index // TILE_WIDTH).get((index, name), ())
        parts = tuple(Part(name, line.salt, line.data) for line in lines if not line.erased)
        return Sealed(parts, any(line.erased for line in lines))

    def rows(self, index: int, ident: str, only: int | None = None) -> SealedRows:
        """As `sealed`."""
        del ident
        lines = self._part_lines(index // TILE_WIDTH).get((index, "row"), ())
        rows = [line for line in lines if line.row >= 0 and only in (None, line.row)]
        hashes = next((line.data for line in lines if line.row == -2), b"")
        return SealedRows(
            tuple(SealedRow(line.row, line.salt, line.data, line.erased) for line in rows),
            tuple(hashes[i : i + 32] for i in range(0, len(hashes), 32)),
        )

    def state_before(self, index: int) -> State:
        """Raises `Malformed` at a leaf that cannot be read. Costs a pass over the entries since the last asked for."""
        base = max(place for place in self._folded if place <= index)
        state = load(self._folded[base])
        for place, leaf in self.leaves(base, index):
            if folds(entry := read_leaf(leaf)):
                state.fold(place, entry)
        if len(self._folded) > _KEPT_STATES:
            self._folded = {0: self._folded[0]}
        self._folded[index] = save(state)
        return state

    def _need(self, path: str) -> bytes:
        data = self._read(path)
        if data is None:
            raise NotFound(f"{path} is not in this export")
        return data

    def _read_bundle(self, bundle: int) -> tuple[tuple[int, bytes], ...]:
        """What is here of a bundle: all of it within the range, control entries before, nothing after."""
        begin = bundle * TILE_WIDTH
        if begin >= self.span[1]:
            return ()
        if begin < self.span[0]:
            raw = self._read(shard("control", bundle)) or b""
            lines = [_decode(_control, line) for line in raw.splitlines()]
            return tuple((line.index, line.leaf.encode()) for line in _ordered(lines, bundle))
        return tuple(enumerate(decode_bundle(self._raw(bundle), self._width(bundle)), begin))

    def _raw(self, bundle: int) -> bytes:
        return self._need(path_of(Bundle(bundle, self._width(bundle))))

    def _width(self, bundle: int) -> int:
        return min(TILE_WIDTH, self.span[1] - bundle * TILE_WIDTH)

    def _read_parts(self, bundle: int) -> dict[tuple[int, PartName], list[PartLine]]:
        raw = self._read(shard("parts", bundle)) or b""
        found: dict[tuple[int, PartName], list[PartLine]] = {}
        for line in (_decode(_parts, each) for each in raw.splitlines()):
            found.setdefault((line.index, line.name), []).append(line)
        return found


def _decode(decoder: "msgspec.json.Decoder[T]", line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"a line of the export cannot be read: {error}") from None


def _ordered(lines: list[Line], bundle: int) -> list[Line]:
    places = [line.index for line in lines]
    if places != sorted(set(places)) or any(place // TILE_WIDTH != bundle for place in places):
        raise Malformed(f"the control entries of bundle {bundle} are not in their order and place")
    return lines
