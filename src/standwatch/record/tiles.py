"""Where the record's hashes and entries lie as files: C2SP tlog-tiles (c2sp.org/tlog-tiles).

A *tile* is 256 neighbouring nodes of one tile level; tile level L holds the tree's nodes of level 8·L, and the
seven levels between are hashed again from it. A *bundle* is the 256 entries under one tile of level 0. The
rightmost ones are *partial*: their first `width` members, and so prefixes of the full ones.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from struct import Struct as Layout
from typing import TypeAlias

from msgspec import Struct

from standwatch.facts.errors import Malformed
from standwatch.record.tree import (
    HASH_SIZE,
    MAX_SIZE,
    Frontier,
    HashSource,
    Node,
    consistency_nodes,
    inclusion_nodes,
)

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_ENTRY = 65_535  # bytes: what a uint16 can count

_uint16 = Layout(">H")
_path = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_LONGEST_PATH = 64  # characters; the longest that names anything has 45


class Tile(Struct, frozen=True, tag="tile"):
    """The nodes `(8·level, 256·index + i)`, 0 ≤ i < `width`."""

    level: int
    index: int
    width: int = TILE_WIDTH


class Bundle(Struct, frozen=True, tag="bundle"):
    """The entries `256·index + i`, 0 ≤ i < `width`."""

    index: int
    width: int = TILE_WIDTH


TileReader: TypeAlias = Callable[[Tile], bytes]
"""Answers a tile's hashes, end to end, or raises."""


# ------------------------------------------------------------------------------------------------------ paths


def path_of(resource: Tile | Bundle) -> str:
    """`tile/L/N[.p/W]` or `tile/entries/N[.p/W]`, below the log's prefix."""
    level = resource.level if isinstance(resource, Tile) else "entries"
    partial = f".p/{resource.width}" if resource.width < TILE_WIDTH else ""
    return f"tile/{level}/{_digits(resource.index)}{partial}"


def parse_path(path: str) -> Tile | Bundle:
    """The inverse of `path_of`. Raises `Malformed` for every other spelling and for what no log can have."""
    match = _path.fullmatch(path) if len(path) <= _LONGEST_PATH else None
    if match is None:
        raise Malformed("not the path of a tile or of a bundle of entries")
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    bundle = match["level"] == "entries"
    resource = Bundle(index, width) if bundle else Tile(int(match["level"]), index, width)
    if path_of(resource) != path:  # leading zeroes, empty groups, `.p/256`: one resource has one name
        raise Malformed("a tile's path has one spelling, and this is another")
    if _first_needs(resource) > MAX_SIZE:
        raise Malformed("no log is long enough to have this tile")
    return resource


def _digits(index: int) -> str:
    """1234067 → `x001/x234/067`."""
    index, last = divmod(index, 1000)
    text = f"{last:03}"
    while index:
        index, group = divmod(index, 1000)
        text = f"x{group:03}/{text}"
    return text


def _first_needs(resource: Tile | Bundle) -> int:
    """The size of the smallest tree that has this much of the tile."""
    level = resource.level if isinstance(resource, Tile) else 0
    return (resource.index * TILE_WIDTH + resource.width) << (TILE_HEIGHT * level)


# ------------------------------------------------------------------------------------------------- geometry


def new_tiles(old: int, new: int) -> list[Tile]:
    """What a log that grew from `old` to `new` entries must publish: full tiles, and partial ones at the edge.

    Lowest level first. The bundles to publish are those of the tiles of level 0.
    """
    tiles: list[Tile] = []
    level = 0
    while (nodes := new >> (TILE_HEIGHT * level)) > 0:
        before = old >> (TILE_HEIGHT * level)
        if before < nodes:
            full = nodes // TILE_WIDTH
            tiles += [Tile(level, index) for index in range(before // TILE_WIDTH, full)]
            if nodes % TILE_WIDTH:
                tiles.append(Tile(level, full, nodes % TILE_WIDTH))
        level += 1
    return tiles


def tile_of(node: Node, size: int) -> Tile:
    """The tile, as wide as a tree of `size` entries has it, that `node` is read or hashed from.

    Raises `Malformed` where that tree does not have the node.
    """
    level, index = node
    if level < 0 or index < 0 or (index + 1) << level > size:
        raise Malformed("a tree of this size does not have this node")
    tile_level, height = divmod(level, TILE_HEIGHT)
    tile_index = (index << height) // TILE_WIDTH
    nodes = size >> (TILE_HEIGHT * tile_level)
    return Tile(tile_level, tile_index, min(TILE_WIDTH, nodes - tile_index * TILE_WIDTH))


def tiles_of_inclusion(index: int, size: int) -> list[Tile]:
    """The tiles that an inclusion proof is made from, each once. `Malformed` unless 0 ≤ index < size."""
    return _tiles(inclusion_nodes(index, size), size)


def tiles_of_consistency(size1: int, size2: int) -> list[Tile]:
    """The tiles that a consistency proof is made from, each once. `Malformed` unless 0 < size1 ≤ size2."""
    return _tiles(consistency_nodes(size1, size2), size2)


def _tiles(nodes: Iterable[Node], size: int) -> list[Tile]:
    return list(dict.fromkeys(tile_of(node, size) for node in nodes))


# --------------------------------------------------------------------------------------------------- contents


def tile_source(read: TileReader, size: int) -> HashSource:
    """The nodes of a tree of `size` entries, out of its tiles; a tile of the wrong length raises `Malformed`."""

    def source(level: int, index: int) -> bytes:
        tile = tile_of((level, index), size)
        data = read(tile)
        if len(data) != tile.width * HASH_SIZE:
            raise Malformed(f"{path_of(tile)} has {len(data)} bytes instead of {tile.width * HASH_SIZE}")
        height = level % TILE_HEIGHT
        first = (index << height) % TILE_WIDTH
        return tile_root(data[first * HASH_SIZE : (first + (1 << height)) * HASH_SIZE])

    return source


def tile_root(data: bytes) -> bytes:
    """The root over a tile's hashes: of a full tile, its one node in the tile level above."""
    if not data or len(data) % HASH_SIZE:
        raise Malformed(f"{len(data)} bytes are not a row of hashes")
    tree = Frontier()
    for at in range(0, len(data), HASH_SIZE):
        tree.append(data[at : at + HASH_SIZE])
    return tree.root()


def tile_data(source: HashSource, tile: Tile) -> bytes:
    """A tile's bytes: 32 for each of its nodes."""
    level, first = TILE_HEIGHT * tile.level, tile.index * TILE_WIDTH
    return b"".join(source(level, first + i) for i in range(tile.width))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """1 to 256 entries of at most 65,535 bytes, each behind its length as big-endian uint16, or `Malformed`."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise Malformed(f"a bundle holds 1 to {TILE_WIDTH} entries, not {len(entries)}")
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise Malformed(f"an entry holds at most {MAX_ENTRY} bytes")
    return b"".join(_uint16.pack(len(entry)) + entry for entry in entries)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Exactly `width` entries and nothing after them, or `Malformed`."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        start = at + _uint16.size
        if start > len(data):
            raise Malformed("the bundle ends within a length")
        at = start + _uint16.unpack_from(data, start - _uint16.size)[0]
        entries.append(data[start:at])
    if at != len(data) or len(entries) != width:  # cut short within an entry, `at` lies beyond the data
        raise Malformed(f"the bundle does not hold exactly {width} entries")
    return entries
