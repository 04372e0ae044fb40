"""A tile is anchored when every tile above it holds its hash, up to the edge that makes the root."""

import pytest

from standwatch.facts.errors import Malformed, StandwatchError
from standwatch.record.anchor import Anchors, hash_at
from standwatch.record.tiles import Tile
from standwatch.record.tree import EMPTY_ROOT, Frontier, leaf_hash, node_hash


class Tiles:
    """A tree of `size` entries, and the tiles that somebody changed."""

    def __init__(self, size: int) -> None:
        self.rows = [[leaf_hash(b"%d" % i) for i in range(size)]]
        while len(self.rows[-1]) > 1:
            row = self.rows[-1]
            self.rows.append([node_hash(*pair) for pair in zip(row[::2], row[1::2], strict=False)])
        self.changed: dict[tuple[int, int], bytes] = {}
        self.read = 0

    def tile(self, tile: Tile) -> bytes:
        self.read += 1
        row = self.rows[8 * tile.level][256 * tile.index : 256 * tile.index + tile.width]
        return self.changed.get((tile.level, tile.index), b"".join(row))

    def root(self) -> bytes:
        frontier = Frontier()
        for leaf in self.rows[0]:
            frontier.append(leaf)
        return frontier.root()


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 700, 65_536, 65_537])
def test_every_tile_of_a_tree_is_anchored(size: int) -> None:
    tiles = Tiles(size)
    anchors = Anchors(tiles, size)
    assert anchors.edge_root() == tiles.root()
    for index in range(0, size, 97):
        assert hash_at(anchors.anchored(0, index // 256), index) == tiles.rows[0][index]
    assert tiles.read < 2 * (size // 256 + 2)  # a pass in order reads each tile once


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    assert Anchors(Tiles(0), 0).edge_root() == EMPTY_ROOT


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (0, 255), (1, 0), (0, 256), (2, 0)])
def test_a_changed_tile_is_not_anchored_or_makes_another_root(place: tuple[int, int]) -> None:
    size = 65_536 + 300
    tiles = Tiles(size)
    width = min(256, (size >> 8 * place[0]) - 256 * place[1])
    good = tiles.tile(Tile(*place, width))
    tiles.changed[place] = good[:-1] + bytes([good[-1] ^ 1])
    anchors = Anchors(tiles, size)
    if width < 256:
        assert anchors.edge_root() != tiles.root()
        return
    assert anchors.edge_root() == tiles.root()
    with pytest.raises(StandwatchError, match="does not hash to its place"):
        anchors.anchored(*place)


def test_tiles_of_a_wrong_length_or_place_are_refused() -> None:
    tiles = Tiles(300)
    anchors = Anchors(tiles, 300)
    with pytest.raises(Malformed):
        anchors.anchored(0, 2)
    tiles.changed[0, 0] = bytes(31)
    with pytest.raises(Malformed):
        anchors.anchored(0, 0)
    tiles.changed[0, 1] = b""
    with pytest.raises(Malformed):
        Anchors(tiles, 300).edge_root()
