"""The edge of the tree grows and is found again as the record's own tree says, over three tile levels."""

from hashlib import sha256
from pathlib import Path

import pytest

from standwatch.facts.errors import Tampered
from standwatch.record.tiles import TILE_WIDTH, Tile, new_tiles, tile_root, tile_source
from standwatch.record.tree import Frontier, leaf_hash
from standwatch.store.edge import Edge, read_tile
from standwatch.store.journal import Journal

SIZE = 65_536 + 2 * 256 + 3


def _leaf(index: int) -> bytes:
    return b"%d" % index


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Journal, Edge, Frontier]:
    """A journal with all tiles of SIZE entries; both kinds of tree over them."""
    journal = Journal(tmp_path_factory.mktemp("edge") / "edge.db")
    edge, tree = Edge(), Frontier()
    journal.begin()
    for index in range(SIZE):
        digest = leaf_hash(_leaf(index))
        edge.append(digest)
        tree.append(digest)
        if index % 1_000 == 0:
            assert edge.root() == tree.root()
            journal.many("set_tile", edge.take_fresh())
    journal.many("set_tile", edge.take_fresh())
    journal.many("insert_entry", [(index, _leaf(index)) for index in range(SIZE)])
    journal.commit()
    return journal, edge, tree


def test_the_root_is_that_of_the_tree(grown: tuple[Journal, Edge, Frontier]) -> None:
    _, edge, tree = grown
    assert edge.root() == tree.root()


def test_every_tile_is_there_and_hashes_to_the_one_above(grown: tuple[Journal, Edge, Frontier]) -> None:
    journal, _, tree = grown

    def read(tile: Tile) -> bytes:
        data = read_tile(journal, tile.level, tile.index, tile.width, SIZE)
        assert data is not None
        return data

    for tile in new_tiles(0, SIZE):
        data = read(tile)
        if tile.level:
            below = [Tile(tile.level - 1, tile.index * TILE_WIDTH + n) for n in range(tile.width)]
            assert data == b"".join(tile_root(read(each)) for each in below)
    assert Frontier.of(tile_source(read, SIZE), SIZE).root() == tree.root()
    assert read_tile(journal, 0, 0, TILE_WIDTH + 1, SIZE) is None
    assert read_tile(journal, 2, 0, 2, SIZE) is None
    assert read_tile(journal, 0, SIZE // TILE_WIDTH, 4, SIZE) is None


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, SIZE])
def test_an_edge_that_is_found_again_grows_on(tmp_path: Path, size: int) -> None:
    journal = Journal(tmp_path / "edge.db")
    edge = Edge()
    for index in range(size):
        edge.append(leaf_hash(_leaf(index)))
    journal.many("set_tile", edge.take_fresh())
    start = size - size % TILE_WIDTH
    journal.many("insert_entry", [(index, _leaf(index)) for index in range(start, size)])
    again = Edge.load(journal, size)
    for index in range(size, size + 300):
        assert again.root() == edge.root()
        edge.append(leaf_hash(_leaf(index)))
        again.append(leaf_hash(_leaf(index)))
    assert again.take_fresh() == edge.take_fresh()


def test_an_edge_with_something_missing_is_not_guessed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "edge.db")
    journal.many("insert_entry", [(index, _leaf(index)) for index in range(256, 260)])
    with pytest.raises(Tampered):
        Edge.load(journal, 260)
    journal.run("set_tile", 1, 0, sha256(b"").digest())
    Edge.load(journal, 260)
    with pytest.raises(Tampered):
        Edge.load(journal, 261)
