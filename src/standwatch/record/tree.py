"""The record's Merkle tree: hashing, growing, proving, verifying (RFC 6962 §2.1, RFC 9162 §2.1).

`D[a:b]` are the entries a ≤ i < b of the log and `MTH(D[a:b])` is the root over them. A *node* `(level, index)`
is the root of the complete subtree `D[index·2^level : (index+1)·2^level]`; a node never changes once its entries
exist, so whoever keeps nodes (tiles, a table) can serve every proof at every size. Subtrees `[start, end)` that
need not begin at 0 come from draft-ietf-plants-merkle-tree-certs §4; inclusion and consistency are its two edge
cases, and one walk, `_siblings`, generates all four kinds of proof.

Verifiers return nothing and raise `Unproven`: a forgotten return value must not read as proof.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TypeAlias

from standwatch.facts.errors import Malformed, StandwatchError

HASH_SIZE = 32
MAX_SIZE = 2**63 - 1  # entries; the largest size that every C2SP implementation (Go's are int64) can hold
EMPTY_ROOT = sha256(b"").digest()

Node: TypeAlias = tuple[int, int]
"""`(level, index)`"""
Range: TypeAlias = tuple[int, int]
"""`(start, end)`, the end exclusive: entries"""
HashSource: TypeAlias = Callable[[int, int], bytes]
"""`source(level, index)` answers the 32-byte hash of that node, or raises."""


class Unproven(StandwatchError):
    """A proof that does not show what it claims: its length, its place or its hashes are wrong."""

    code = "unproven"


def leaf_hash(data: bytes) -> bytes:
    """The 32-byte hash of one entry: SHA-256(0x00 ‖ data) (RFC 6962 §2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash over two subtrees: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


# ---------------------------------------------------------------------------------------------------- growing


class Frontier:
    """The right edge of a growing tree: all that is needed to append to it and to know its root.

    `peaks` are the roots of its maximal complete subtrees, left to right, one per set bit of `size` (a
    *compact range*). Appending merges as many peaks as `size` has trailing ones: amortised, one node hash an
    entry.
    """

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Raises `Malformed` unless there is one 32-byte peak for each set bit of `size`."""
        self.size = size
        self.peaks = list(peaks)
        if not 0 <= size <= MAX_SIZE or len(self.peaks) != size.bit_count():
            raise Malformed("these peaks are not those of a tree of this size")
        if any(len(peak) != HASH_SIZE for peak in self.peaks):
            raise Malformed("a peak is not 32 bytes")

    def append(self, leaf: bytes) -> None:
        """Add one entry by its leaf hash. The hot path: the caller vouches for 32 bytes."""
        peaks = self.peaks
        ones = self.size
        while ones & 1:  # node_hash, without the call
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
            ones >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """MTH of all entries so far; the hash of nothing while there are none."""
        return _fold(self.peaks) if self.peaks else EMPTY_ROOT

    def copy(self) -> "Frontier":
        """One that grows on its own."""
        twin = Frontier.__new__(Frontier)
        twin.size, twin.peaks = self.size, self.peaks.copy()
        return twin

    def to_bytes(self) -> bytes:
        """`size` as big-endian uint64, then the peaks."""
        return self.size.to_bytes(8, "big") + b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frontier":
        """The inverse of `to_bytes`. Raises `Malformed`."""
        if len(data) < 8:
            raise Malformed("a frontier begins with its size in 8 bytes")
        return cls(int.from_bytes(data[:8], "big"), [data[i : i + 32] for i in range(8, len(data), 32)])

    @classmethod
    def of(cls, source: HashSource, size: int) -> "Frontier":
        """The frontier that the first `size` entries had: how a recovering log finds its place."""
        return cls(size, [source(*node) for node in nodes_of((0, size))])


# ---------------------------------------------------------------------------------------------------- proving


def is_subtree(part: Range) -> bool:
    """Whether `[start, end)` can be a subtree: `start` is a multiple of its width rounded up to 2^n (draft §4.1).

    Then it is one complete subtree, or has a ragged right edge as a tree of its own would.
    """
    start, end = part
    return 0 <= start < end <= MAX_SIZE and start % (1 << (end - start - 1).bit_length()) == 0


def nodes_of(part: Range) -> list[Node]:
    """The fewest nodes, left to right, that cover a subtree: one per set bit of its width."""
    start, end = part
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def range_root(source: HashSource, part: Range) -> bytes:
    """MTH(D[start:end]) of a subtree. Raises `Malformed` where it is not one."""
    _require_subtree(part, part[1])
    return _fold([source(*node) for node in nodes_of(part)])


def inclusion_proof(source: HashSource, index: int, size: int) -> list[bytes]:
    """PATH(index, D[0:size]), leaf's sibling first (RFC 6962 §2.1.1). `Malformed` unless 0 ≤ index < size."""
    return subtree_inclusion_proof(source, index, (0, size))


def consistency_proof(source: HashSource, size1: int, size2: int) -> list[bytes]:
    """PROOF(size1, D[0:size2]) (RFC 6962 §2.1.2). Raises `Malformed` unless 0 < size1 ≤ size2."""
    return subtree_consistency_proof(source, (0, size1), size2)


def subtree_inclusion_proof(source: HashSource, index: int, subtree: Range) -> list[bytes]:
    """PATH(index − start, D[start:end]) (draft §4.3). Raises `Malformed` unless `index` is in that subtree."""
    start, end = subtree
    _require_subtree(subtree, end)
    if not start <= index < end:
        raise Malformed("the entry is not in the subtree")
    return [range_root(source, part) for part in _siblings((index, index + 1), subtree)]


def subtree_consistency_proof(source: HashSource, subtree: Range, size: int) -> list[bytes]:
    """SUBTREE_PROOF(start, end, D[0:size]) (draft §4.4.1). Raises `Malformed` unless that tree has the subtree."""
    _require_subtree(subtree, size)
    return [range_root(source, part) for part in _siblings(subtree, (0, size))]


def inclusion_nodes(index: int, size: int) -> list[Node]:
    """The nodes that `inclusion_proof` reads."""
    _require_subtree((index, index + 1), size)
    return [node for part in _siblings((index, index + 1), (0, size)) for node in nodes_of(part)]


def consistency_nodes(size1: int, size2: int) -> list[Node]:
    """The nodes that `consistency_proof` reads."""
    _require_subtree((0, size1), size2)
    return [node for part in _siblings((0, size1), (0, size2)) for node in nodes_of(part)]


def _siblings(part: Range, whole: Range) -> list[Range]:
    """The ranges whose roots, lowest first, prove `part` within `whole`.

    SUBTREE_SUBPROOF (draft §4.4.1) from the root downwards: at each split keep the half that the walk does not
    enter. For a single entry this is PATH, for a prefix it is SUBPROOF (RFC 6962 §2.1.1 and §2.1.2).
    """
    (start, end), (low, high) = part, whole
    kept: list[Range] = []
    known = True  # the verifier holds MTH(D[start:end]) itself
    while (start, end) != (low, high):
        middle = low + (1 << ((high - low - 1).bit_length() - 1))  # k, the largest power of two < high − low
        if end <= middle:
            kept.append((middle, high))
            high = middle
        else:
            kept.append((low, middle))
            if start < middle:  # then start = low, for it is a subtree: its left half is the range just kept
                start, known = middle, False
            low = middle
    if not known:
        kept.append((low, high))
    return kept[::-1]


def _fold(peaks: Sequence[bytes]) -> bytes:
    """One root over complete subtrees that shrink to the right."""
    root = peaks[-1]
    for peak in peaks[-2::-1]:
        root = sha256(b"\x01" + peak + root).digest()
    return root


def _require_subtree(part: Range, size: int) -> None:
    if not (is_subtree(part) and part[1] <= size <= MAX_SIZE):
        raise Malformed("no tree of this size has this entry or subtree")


# -------------------------------------------------------------------------------------------------- verifying
# Names (fn, sn, tn, fr, sr) and the order of the steps are those of the RFC and the draft, to be read side by
# side. A root is compared, never parsed: only what gets hashed must be 32 bytes.


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """The entry of leaf hash `leaf` stands at `index` of the tree of `size` entries under `root`, or `Unproven`.

    RFC 9162 §2.1.3.2.
    """
    verify_subtree_inclusion(leaf, index, (0, size), proof, root)


def verify_subtree_inclusion(
    leaf: bytes, index: int, subtree: Range, proof: Sequence[bytes], root: bytes
) -> None:
    """The same within a subtree whose root is `root` (draft §4.3.3), or `Unproven`."""
    start, end = subtree
    # (1): Compare the index against the size.
    if not is_subtree(subtree) or not start <= index < end:
        raise Unproven("no such entry is in a tree of this size")  # unquoted: hostile numbers may be huge
    _require_hashes(leaf, *proof)
    # (2), (3): Start at the leaf.
    fn, sn, r = index - start, end - start - 1, leaf
    # (4): Climb.
    for p in proof:
        if sn == 0:
            raise Unproven("the proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    # (5): Arrive.
    if sn != 0:
        raise Unproven("the proof is too short")
    if r != root:
        raise Unproven(f"the proof for entry {index} does not lead to the root")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """The tree of `size1` entries under `root1` is a prefix of that of `size2` under `root2`, or `Unproven`.

    RFC 9162 §2.1.4.2. An empty tree commits to nothing: growth from size 0 cannot be shown and is refused; that
    an empty tree is still the empty tree can be.
    """
    if size1 == 0 and (size2 != 0 or root2 != EMPTY_ROOT):
        raise Unproven("nothing can be shown about a tree that was empty")
    verify_subtree_consistency((0, size1), size2, proof, root1, root2)


def verify_subtree_consistency(
    subtree: Range, size: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """The subtree under `root1` is part of the tree of `size` entries under `root2`, or `Unproven`.

    Draft §4.4.3, which for `start = 0` is RFC 9162 §2.1.4.2. The empty subtree is part of every tree it lies in.
    """
    start, end = subtree
    if 0 <= start == end <= size <= MAX_SIZE and root1 == EMPTY_ROOT and not proof:
        return
    # (1): Is this a subtree of that tree?
    if not is_subtree(subtree) or not end <= size <= MAX_SIZE:
        raise Unproven("this is not a subtree of a tree of this size")
    # (2), (3): Skip the levels at which nothing outside the subtree is joined to it.
    fn, sn, tn = start, end - 1, size - 1
    while fn != sn and (sn == tn or sn & 1):
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    # (4): Start at the subtree's root where that is a node, else at the node that the proof brings.
    path = [root1, *proof] if fn == sn else list(proof)
    if not path:
        raise Unproven("the proof is empty")
    # (5): Climb in both trees at once. (6): Arrive in both.
    fr, sr = _climb(path, fn, sn, tn)
    if fr != root1:
        raise Unproven(f"the proof does not lead to the root of [{start}, {end})")
    if sr != root2:
        raise Unproven(f"the proof does not lead to the root of the tree of {size} entries")


def _climb(path: Sequence[bytes], fn: int, sn: int, tn: int) -> tuple[bytes, bytes]:
    """Step (5) of draft §4.4.3: the root of the subtree and that of the tree, to which `path` leads."""
    if len(path) > 1:  # a lone root is not hashed
        _require_hashes(*path)
    fr = sr = path[0]
    for c in path[1:]:
        if tn == 0:
            raise Unproven("the proof is too long")
        if sn & 1 or sn == tn:
            if fn < sn:
                fr = node_hash(c, fr)
            sr = node_hash(c, sr)
            while not sn & 1:  # ends: where sn = tn, neither is 0
                fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    if tn != 0:
        raise Unproven("the proof is too short")
    return fr, sr


def _require_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_SIZE for each in hashes):
        raise Unproven("a hash of the proof is not 32 bytes")
