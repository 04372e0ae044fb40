"""Tiles shown to be under a root: each against the tile above it, up to the edge that the root is hashed from."""

from typing import Protocol

from standwatch.facts.errors import Malformed
from standwatch.record.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, path_of, tile_root, tile_source
from standwatch.record.tree import HASH_SIZE, Frontier, Unproven


class Tiled(Protocol):
    """Whatever answers tiles."""

    def tile(self, tile: Tile) -> bytes: ...


class Anchors:
    """The tiles of a tree of `size` entries. `edge_root` comes first: what it read is what others are held to.

    INVARIANT: every full tile has a tile above it, and every partial one is at the edge; so each byte of a tile
    that `anchored` answers is bound by the root.
    """

    def __init__(self, source: Tiled, size: int) -> None:
        self._source = source
        self._size = size
        self._edge: dict[int, bytes] = {}
        self._last: dict[int, tuple[int, bytes]] = {}
        """By level, the tile anchored last: a pass in order asks for each tile above 256 times."""

    def edge_root(self) -> bytes:
        """The root hashed from the partial tiles. Raises `NotFound` or `Malformed`."""
        return Frontier.of(tile_source(self._read_edge, self._size), self._size).root()

    def anchored(self, level: int, index: int) -> bytes:
        """The bytes of a tile, shown to be under the root that `edge_root` answered.

        Raises `Unproven` where they are not, `NotFound` or `Malformed` where it or a tile above is not there.
        """
        if (last := self._last.get(level)) is not None and last[0] == index:
            return last[1]
        tile = self._tile(level, index)
        if tile.width < TILE_WIDTH:
            return self._read_edge(tile)
        above = self.anchored(level + 1, index // TILE_WIDTH)
        data = self._read(tile)
        if tile_root(data) != hash_at(above, index):
            raise Unproven(f"{path_of(tile)} does not hash to its place in the tile above")
        self._last[level] = (index, data)
        return data

    def _tile(self, level: int, index: int) -> Tile:
        width = min(TILE_WIDTH, (self._size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
        if width <= 0:
            raise Malformed("a tree of this size does not have this tile")
        return Tile(level, index, width)

    def _read_edge(self, tile: Tile) -> bytes:
        if tile.level not in self._edge:
            self._edge[tile.level] = self._read(tile)
        return self._edge[tile.level]

    def _read(self, tile: Tile) -> bytes:
        data = self._source.tile(tile)
        if len(data) != tile.width * HASH_SIZE:
            raise Malformed(f"{path_of(tile)} has {len(data)} bytes instead of {tile.width * HASH_SIZE}")
        return data


def hash_at(row: bytes, index: int) -> bytes:
    """Of a tile's bytes, the hash of the node with that index in its tile level."""
    place = index % TILE_WIDTH * HASH_SIZE
    return row[place : place + HASH_SIZE]
