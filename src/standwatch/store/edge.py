"""The growing right edge of the tree, as the journal keeps it: tiles, and from them the root.

Each tile level has a row of the hashes of its unfinished tile and the compact range over them. The peaks of all
rows, highest level first, are those of the whole tree, so every node is hashed once.
"""

from typing import Final

from standwatch.facts.errors import Tampered
from standwatch.record.tiles import TILE_HEIGHT, TILE_WIDTH
from standwatch.record.tree import HASH_SIZE, Frontier, leaf_hash
from standwatch.store.journal import Journal

TileRow = tuple[int, int, bytes]
"""(level, index, hashes)"""

_TOP: Final = 63 // TILE_HEIGHT


class Edge:
    """Where the next entry goes. `fresh` are tiles to be written with the entries that made them."""

    __slots__ = ("_ranges", "_rows", "fresh", "size")

    def __init__(self) -> None:
        self.size = 0
        self.fresh: dict[tuple[int, int], bytes] = {}
        self._rows: list[list[bytes]] = [[]]
        self._ranges: list[Frontier] = [Frontier()]

    def append(self, leaf: bytes) -> None:
        """Add an entry by its leaf hash."""
        self.size += 1
        row = self._rows[0]
        row.append(leaf)
        self._ranges[0].append(leaf)
        if len(row) == TILE_WIDTH:
            self._finish(0)

    def _finish(self, level: int) -> None:
        """The tile of `level` is full: keep it, and put its root into the row above."""
        index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
        self.fresh[level, index] = b"".join(self._rows[level])
        root = self._ranges[level].root()
        self._rows[level], self._ranges[level] = [], Frontier()
        above = level + 1
        self._grow(above)
        self._rows[above].append(root)
        self._ranges[above].append(root)
        if len(self._rows[above]) == TILE_WIDTH:
            self._finish(above)
        else:
            self.fresh[above, index // TILE_WIDTH] = b"".join(self._rows[above])

    def _grow(self, level: int) -> None:
        while len(self._rows) <= level:
            self._rows.append([])
            self._ranges.append(Frontier())

    def root(self) -> bytes:
        """The root over all entries so far."""
        return Frontier(self.size, [peak for part in reversed(self._ranges) for peak in part.peaks]).root()

    def take_fresh(self) -> list[TileRow]:
        """The tiles to write now."""
        found = [(level, index, data) for (level, index), data in self.fresh.items()]
        self.fresh = {}
        return found

    @classmethod
    def load(cls, journal: Journal, size: int) -> "Edge":
        """The edge of a journal of `size` entries: from its upper tiles, and fewer than 256 of its leaves."""
        edge = cls()
        edge.size = size
        start = size - size % TILE_WIDTH
        for leaf in journal.leaves(start, size):
            edge._put(0, leaf_hash(leaf))
        for level in range(1, _TOP + 1):
            nodes = size >> (TILE_HEIGHT * level)
            if not nodes:
                break
            edge._grow(level)
            width = nodes % TILE_WIDTH
            data: bytes = (journal.get("tile", level, nodes // TILE_WIDTH) or b"") if width else b""
            if len(data) != width * HASH_SIZE:
                raise Tampered(f"tile {nodes // TILE_WIDTH} of level {level} does not fit {size} entries")
            for at in range(0, len(data), HASH_SIZE):
                edge._put(level, data[at : at + HASH_SIZE])
        if len(edge._rows[0]) != size - start:
            raise Tampered(f"entries between {start} and {size} are missing")
        return edge

    def _put(self, level: int, node: bytes) -> None:
        self._rows[level].append(node)
        self._ranges[level].append(node)


def read_tile(journal: Journal, level: int, index: int, width: int, size: int) -> bytes | None:
    """The first `width` hashes of a tile of a tree of `size` entries; None where that tree has not as many."""
    nodes = size >> (TILE_HEIGHT * level)
    if width < 1 or index * TILE_WIDTH + width > nodes:
        return None
    full = (index + 1) * TILE_WIDTH <= nodes
    if level == 0 and not full:
        start = index * TILE_WIDTH
        return b"".join(map(leaf_hash, journal.leaves(start, start + width)))
    data: bytes | None = journal.get("tile", level, index)
    return None if data is None or len(data) < width * HASH_SIZE else data[: width * HASH_SIZE]
