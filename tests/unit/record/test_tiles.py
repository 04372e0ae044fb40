"""Tiles and bundles: the names, the shapes and the bytes of c2sp.org/tlog-tiles."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.record.tiles import (
    MAX_ENTRY,
    Bundle,
    Tile,
    decode_bundle,
    encode_bundle,
    new_tiles,
    parse_path,
    path_of,
    tile_data,
    tile_of,
    tile_root,
    tile_source,
    tiles_of_consistency,
    tiles_of_inclusion,
)
from standwatch.record.tree import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# -------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1067), "tile/0/x001/067"),
        (Tile(1, 1234067), "tile/1/x001/x234/067"),  # the specification's own example
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Bundle(999), "tile/entries/999"),
        (Bundle(1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_a_resource_has_its_path(resource: Tile | Bundle, path: str) -> None:
    assert path_of(resource) == path
    assert parse_path(path) == resource


widths = st.integers(1, 256)
tiles = st.builds(Tile, st.integers(0, 5), st.integers(0, 2**13), widths)
bundles = st.builds(Bundle, st.integers(0, 2**54), widths)


@given(tiles | bundles)
def test_every_path_is_read_back(resource: Tile | Bundle) -> None:
    assert parse_path(path_of(resource)) == resource


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile//000",
        "tile/-1/000",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",  # no such level
        "tile/8/000",  # a level that no log reaches
        "tile/100/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",  # a superfluous group
        "tile/0/001/067",  # a group without its x
        "tile/0/X001/067",
        "tile/0/x001/x067",
        "tile/0/../000",
        "tile/0/٠٠٠",  # digits, but not ASCII
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/2",
        "tile/Entries/000",
        "tile/entries/000?width=1",
        "tile/entries/x036/x028/x797/x018/x963/968",  # beyond 2^63 entries
        "tile/0/" + "x999/" * 12 + "999",
        "tile/0/" + "x999/" * 100_000 + "999",
    ],
)
def test_every_other_spelling_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        parse_path(path)


@given(st.text(alphabet="tile/entris0123456789x.p-", max_size=40))
def test_what_is_read_has_one_spelling(path: str) -> None:
    try:
        resource = parse_path(path)
    except Malformed:
        return
    assert path_of(resource) == path


# ------------------------------------------------------------------------------------------------ geometry


def test_the_specifications_tree_of_70_000() -> None:
    new = new_tiles(0, 70_000)
    assert new[:273] == [Tile(0, index) for index in range(273)]
    assert new[273:] == [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert new_tiles(0, 256) == [Tile(0, 0), Tile(1, 0, 1)]
    assert new_tiles(256, 256) == []
    assert new_tiles(300, 301) == [Tile(0, 1, 45)]


@given(st.integers(0, 1 << 18), st.integers(0, 600))
def test_growing_in_steps_publishes_what_growing_at_once_does(old: int, growth: int) -> None:
    new = old + growth
    full = {tile for tile in new_tiles(0, new) if tile.width == 256}
    assert full == {tile for step in ((0, old), (old, new)) for tile in new_tiles(*step) if tile.width == 256}
    for tile in new_tiles(old, new):
        assert tile.width == min(256, (new >> 8 * tile.level) - 256 * tile.index)


@given(st.integers(0, 24), st.integers(0, 2**20), st.integers(0, 2**24))
def test_a_node_lies_in_its_tile(level: int, index: int, more: int) -> None:
    tile = tile_of((level, index), ((index + 1) << level) + more)
    assert tile.level == level // 8
    first = (index << level) >> (8 * tile.level)
    last = (((index + 1) << level) >> (8 * tile.level)) - 1
    assert 256 * tile.index <= first <= last < 256 * tile.index + tile.width


@pytest.mark.parametrize("node", [(0, 7), (3, 0), (-1, 0), (0, -1)])
def test_a_node_that_the_tree_has_not_is_refused(node: tuple[int, int]) -> None:
    with pytest.raises(Malformed):
        tile_of(node, 7)


# ------------------------------------------------------------------------------------------------ contents

SIZE = 66_000  # three tile levels
LEAVES = [leaf_hash(b"%d" % i) for i in range(SIZE)]


def levels_of(row: list[bytes]) -> list[list[bytes]]:
    """Every complete node, level by level, straight from the definition."""
    levels = [row]
    while len(row) > 1:
        row = [node_hash(*pair) for pair in zip(row[::2], row[1::2], strict=False)]
        levels.append(row)
    return levels


LEVELS = levels_of(LEAVES)


def source(level: int, index: int) -> bytes:
    return LEVELS[level][index]


def roots(*sizes: int) -> list[bytes]:
    return [Frontier.of(source, size).root() for size in sizes]


def test_full_tiles_hash_into_the_level_above() -> None:
    assert tile_root(tile_data(source, Tile(0, 3))) == source(8, 3)
    assert tile_root(tile_data(source, Tile(1, 0))) == source(16, 0)


def test_a_partial_tile_is_a_prefix_of_the_full_one() -> None:
    assert tile_data(source, Tile(0, 7)).startswith(tile_data(source, Tile(0, 7, 100)))


sizes = st.integers(1, SIZE) | st.sampled_from([255, 256, 257, 65_535, 65_536, 65_537, SIZE])


@given(sizes, sizes)
def test_proofs_come_out_of_the_named_tiles_alone(one: int, other: int) -> None:
    size1, size2 = sorted((one, other))
    read: set[Tile] = set()

    def reader(tile: Tile) -> bytes:
        read.add(tile)
        return tile_data(source, tile)

    included = inclusion_proof(tile_source(reader, size2), size1 - 1, size2)
    assert read == set(tiles_of_inclusion(size1 - 1, size2))
    read.clear()
    consistent = consistency_proof(tile_source(reader, size2), size1, size2)
    assert read == set(tiles_of_consistency(size1, size2))
    root1, root2 = roots(size1, size2)
    verify_inclusion(LEAVES[size1 - 1], size1 - 1, size2, included, root2)
    verify_consistency(size1, size2, consistent, root1, root2)


@given(sizes, sizes)
def test_the_named_tiles_are_published(one: int, other: int) -> None:
    size1, size2 = sorted((one, other))
    published = set(new_tiles(0, size2))
    assert set(tiles_of_inclusion(size1 - 1, size2)) <= published
    assert set(tiles_of_consistency(size1, size2)) <= published


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data[:-32], lambda data: data + bytes(32)]
)
def test_a_tile_of_the_wrong_length_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        tile_source(lambda tile: change(tile_data(source, tile)), 300)(0, 299)


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33)])
def test_a_row_that_is_not_hashes_has_no_root(data: bytes) -> None:
    with pytest.raises(Malformed):
        tile_root(data)


# ------------------------------------------------------------------------------------------------- bundles


def test_a_bundle_byte_for_byte() -> None:
    assert encode_bundle([b"one", b"", b"\xff" * 256]) == b"\x00\x03one\x00\x00\x01\x00" + b"\xff" * 256


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_are_read_back_and_only_whole(entries: list[bytes]) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries
    for broken, width in [
        (data, len(entries) + 1),
        (data, len(entries) - 1),
        (data[:-1], len(entries)),
        (data + b"\x00", len(entries)),
        (data + b"\x00\x00", len(entries)),
        (data + b"\x00\x05abc", len(entries) + 1),
    ]:
        with pytest.raises(Malformed):
            decode_bundle(broken, width)


def test_an_entry_may_be_as_long_as_its_length_can_say() -> None:
    assert decode_bundle(encode_bundle([bytes(MAX_ENTRY)]), 1) == [bytes(MAX_ENTRY)]
    for refused in ([bytes(MAX_ENTRY + 1)], [], [b""] * 257):
        with pytest.raises(Malformed):
            encode_bundle(refused)
