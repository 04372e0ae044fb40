"""The tree against a naive reference: RFC 6962 §2.1 written down as it stands there, over lists, by recursion."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.record.tree import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    Unproven,
    consistency_nodes,
    consistency_proof,
    inclusion_nodes,
    inclusion_proof,
    is_subtree,
    leaf_hash,
    node_hash,
    range_root,
    subtree_consistency_proof,
    subtree_inclusion_proof,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)

Entries = list[bytes]

# ------------------------------------------------------------------------------------------- the reference


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: Entries) -> bytes:
    if not d:
        return sha256(b"").digest()
    if len(d) == 1:
        return sha256(b"\x00" + d[0]).digest()
    k = split(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: Entries) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m: int, d: Entries, known: bool) -> list[bytes]:
    if m == len(d):
        return [] if known else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*subproof(m, d[:k], known), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


def subtree_subproof(start: int, end: int, d: Entries, known: bool) -> list[bytes]:
    """draft-ietf-plants-merkle-tree-certs §4.4.1."""
    if start == 0 and end == len(d):
        return [] if known else [mth(d)]
    k = split(len(d))
    if end <= k:
        return [*subtree_subproof(start, end, d[:k], known), mth(d[k:])]
    if k <= start:
        return [*subtree_subproof(start - k, end - k, d[k:], known), mth(d[:k])]
    return [*subtree_subproof(0, end - k, d[k:], False), mth(d[:k])]


def source_of(d: Entries) -> Callable[[int, int], bytes]:
    def source(level: int, index: int) -> bytes:
        assert (index + 1) << level <= len(d), "asked for a node that does not exist yet"
        return mth(d[index << level : (index + 1) << level])

    return source


def entries(n: int) -> Entries:
    return [b"entry %d" % i for i in range(n)]


D = entries(70)
SOURCE = source_of(D)
sizes = st.integers(1, len(D))


@st.composite
def subtrees(draw: st.DrawFn) -> tuple[int, int]:
    width = draw(sizes)
    step = 1 << (width - 1).bit_length()
    start = step * draw(st.integers(0, (len(D) - width) // step))
    return start, start + width


@st.composite
def ordered_sizes(draw: st.DrawFn) -> tuple[int, int]:
    size2 = draw(sizes)
    return draw(st.integers(1, size2)), size2


def refused(verify: Callable[..., None], *arguments: Any) -> None:
    with pytest.raises(Unproven):
        verify(*arguments)


# ------------------------------------------------------------------------------------------------ hashing


def test_the_known_hashes_of_rfc_6962() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(leaf_hash(b"a"), leaf_hash(b"b")) == mth([b"a", b"b"])


def test_a_leaf_cannot_be_taken_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


# ----------------------------------------------------------------------------------------------- frontier


def test_a_frontier_has_the_reference_root_at_every_size() -> None:
    frontier = Frontier()
    for size in range(len(D)):
        assert (frontier.size, frontier.root()) == (size, mth(D[:size]))
        frontier.append(leaf_hash(D[size]))


def test_a_copy_grows_on_its_own() -> None:
    frontier = Frontier()
    frontier.append(leaf_hash(b"a"))
    twin = frontier.copy()
    twin.append(leaf_hash(b"b"))
    assert frontier.root() == mth([b"a"])
    assert twin.root() == mth([b"a", b"b"])


@given(st.integers(0, len(D) - 1))
def test_a_frontier_is_stored_and_found_again(size: int) -> None:
    found = Frontier.of(SOURCE, size)
    stored = Frontier.from_bytes(found.to_bytes())
    for frontier in (found, stored):
        assert frontier.root() == mth(D[:size])
        frontier.append(leaf_hash(D[size]))
        assert (frontier.size, frontier.root()) == (size + 1, mth(D[: size + 1]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 7 + b"\x03" + b"\xaa" * 32,  # two peaks wanted, one there
        b"\x00" * 7 + b"\x03" + b"\xaa" * 63,
        b"\x00" * 7 + b"\x01" + b"\xaa" * 64,
        b"\x80" + b"\x00" * 7 + b"\xaa" * 32,  # 2^63 entries
    ],
)
def test_a_frontier_that_cannot_be_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        Frontier.from_bytes(data)


# ------------------------------------------------------------------------------------------------- proofs


@given(subtrees())
def test_range_roots_are_the_references(part: tuple[int, int]) -> None:
    assert range_root(SOURCE, part) == mth(D[part[0] : part[1]])


@given(ordered_sizes())
def test_inclusion_is_path(case: tuple[int, int]) -> None:
    index, size = case[0] - 1, case[1]
    proof = inclusion_proof(SOURCE, index, size)
    assert proof == path(index, D[:size])
    verify_inclusion(leaf_hash(D[index]), index, size, proof, mth(D[:size]))


@given(ordered_sizes())
def test_consistency_is_subproof(case: tuple[int, int]) -> None:
    size1, size2 = case
    proof = consistency_proof(SOURCE, size1, size2)
    assert proof == subproof(size1, D[:size2], True)
    verify_consistency(size1, size2, proof, mth(D[:size1]), mth(D[:size2]))


@given(subtrees(), st.data())
def test_subtree_inclusion_is_path_within_it(part: tuple[int, int], data: st.DataObject) -> None:
    index = data.draw(st.integers(part[0], part[1] - 1))
    proof = subtree_inclusion_proof(SOURCE, index, part)
    inner = D[part[0] : part[1]]
    assert proof == path(index - part[0], inner)
    verify_subtree_inclusion(leaf_hash(D[index]), index, part, proof, mth(inner))


@given(subtrees(), st.data())
def test_subtree_consistency_is_the_drafts_subproof(part: tuple[int, int], data: st.DataObject) -> None:
    size = data.draw(st.integers(part[1], len(D)))
    proof = subtree_consistency_proof(SOURCE, part, size)
    assert proof == subtree_subproof(*part, D[:size], True)
    verify_subtree_consistency(part, size, proof, mth(D[part[0] : part[1]]), mth(D[:size]))


@given(ordered_sizes())
def test_inclusion_is_the_consistency_of_a_subtree_of_one(case: tuple[int, int]) -> None:
    index, size = case[0] - 1, case[1]
    proof = inclusion_proof(SOURCE, index, size)
    assert proof == subtree_consistency_proof(SOURCE, (index, index + 1), size)
    verify_subtree_consistency((index, index + 1), size, proof, leaf_hash(D[index]), mth(D[:size]))


@given(ordered_sizes())
def test_the_nodes_named_are_the_nodes_read(case: tuple[int, int]) -> None:
    size1, size2 = case
    read: list[tuple[int, int]] = []

    def listening(level: int, index: int) -> bytes:
        read.append((level, index))
        return SOURCE(level, index)

    inclusion_proof(listening, size1 - 1, size2)
    consistency_proof(listening, size1, size2)
    assert read == inclusion_nodes(size1 - 1, size2) + consistency_nodes(size1, size2)


@given(st.integers(-2, 40), st.integers(-2, 40))
def test_a_subtree_is_what_splitting_some_tree_leaves(start: int, end: int) -> None:
    def ranges(low: int, high: int) -> set[tuple[int, int]]:
        if high - low < 2:
            return {(low, high)}
        middle = low + split(high - low)
        return {(low, high)} | ranges(low, middle) | ranges(middle, high)

    every = set[tuple[int, int]]().union(*(ranges(0, size) for size in range(1, 65)))
    assert is_subtree((start, end)) == ((start, end) in every)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: inclusion_proof(SOURCE, 5, 5),
        lambda: inclusion_proof(SOURCE, -1, 5),
        lambda: inclusion_proof(SOURCE, 0, 0),
        lambda: consistency_proof(SOURCE, 0, 5),
        lambda: consistency_proof(SOURCE, 6, 5),
        lambda: subtree_inclusion_proof(SOURCE, 2, (2, 5)),
        lambda: subtree_inclusion_proof(SOURCE, 3, (4, 6)),
        lambda: subtree_consistency_proof(SOURCE, (4, 8), 7),
        lambda: range_root(SOURCE, (3, 3)),
        lambda: inclusion_nodes(5, 5),
        lambda: consistency_nodes(0, 5),
        lambda: inclusion_proof(SOURCE, MAX_SIZE, MAX_SIZE + 1),
    ],
)
def test_what_has_no_proof_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        ask()


# ------------------------------------------------------------------------------------------ false claims


def flip(data: bytes, bit: int) -> bytes:
    at = bit // 8 % len(data)
    return data[:at] + bytes([data[at] ^ (1 << bit % 8)]) + data[at + 1 :]


@given(ordered_sizes(), st.integers(0, 255), st.data())
def test_a_changed_inclusion_proof_is_refused(case: tuple[int, int], bit: int, data: st.DataObject) -> None:
    index, size = case[0] - 1, case[1]
    leaf, proof, root = leaf_hash(D[index]), path(index, D[:size]), mth(D[:size])
    refused(verify_inclusion, flip(leaf, bit), index, size, proof, root)
    refused(verify_inclusion, leaf, index, size, proof, flip(root, bit))
    refused(verify_inclusion, leaf, index, size, [*proof, root], root)
    refused(verify_inclusion, leaf, index, size, [leaf, *proof], root)
    other = data.draw(st.integers(-1, size + 1).filter(lambda i: i != index))
    refused(verify_inclusion, leaf, other, size, proof, root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        refused(verify_inclusion, leaf, index, size, proof[:at] + proof[at + 1 :], root)
        changed = [*proof[:at], flip(proof[at], bit), *proof[at + 1 :]]
        refused(verify_inclusion, leaf, index, size, changed, root)
        long = [*proof[:at], proof[at] + b"\x00", *proof[at + 1 :]]
        refused(verify_inclusion, leaf, index, size, long, root)


@given(ordered_sizes(), st.integers(0, 255), st.data())
def test_a_changed_consistency_proof_is_refused(case: tuple[int, int], bit: int, data: st.DataObject) -> None:
    size1, size2 = case
    proof, root1, root2 = subproof(size1, D[:size2], True), mth(D[:size1]), mth(D[:size2])
    refused(verify_consistency, size1, size2, proof, flip(root1, bit), root2)
    refused(verify_consistency, size1, size2, proof, root1, flip(root2, bit))
    refused(verify_consistency, size1, size2, [*proof, root2], root1, root2)
    refused(verify_consistency, size1, size2, [root1, *proof], root1, root2)
    if size1 != size2:
        refused(verify_consistency, size2, size1, proof, root1, root2)
        refused(verify_consistency, size1, size2, proof, root2, root1)
        at = data.draw(st.integers(0, len(proof) - 1))
        refused(verify_consistency, size1, size2, proof[:at] + proof[at + 1 :], root1, root2)
        changed = [*proof[:at], flip(proof[at], bit), *proof[at + 1 :]]
        refused(verify_consistency, size1, size2, changed, root1, root2)


@given(ordered_sizes(), st.data())
def test_a_rewritten_history_has_no_proof(case: tuple[int, int], data: st.DataObject) -> None:
    """The log forgets what it said at `size1`: no proof that it can make from its new entries is accepted."""
    size1, size2 = case
    at = data.draw(st.integers(0, size1 - 1))
    rewritten = [*D[:at], b"never happened", *D[at + 1 : size2]]
    proof = consistency_proof(source_of(rewritten), size1, size2)
    refused(verify_consistency, size1, size2, proof, mth(D[:size1]), mth(rewritten))


def test_a_root_made_for_a_proof_that_is_too_long_is_refused() -> None:
    """The hashes do lead to the root: only the size says that such a proof cannot be."""
    leaf, stray = leaf_hash(b"a"), leaf_hash(b"b")
    refused(verify_inclusion, leaf, 0, 1, [stray], node_hash(stray, leaf))
    refused(verify_consistency, 1, 1, [stray], leaf, node_hash(stray, leaf))


def test_bytes_do_not_move_between_neighbouring_hashes() -> None:
    """SHA-256 sees the two halves as one string, so a byte that changes sides would go unnoticed."""
    left, right = leaf_hash(D[0]), leaf_hash(D[1])
    refused(verify_inclusion, left + right[:1], 0, 2, [right[1:]], mth(D[:2]))
    refused(verify_consistency, 1, 2, [right[1:]], left + right[:1], mth(D[:2]))


def test_nothing_is_shown_about_an_empty_tree_but_that_it_is_empty() -> None:
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    refused(verify_consistency, 0, 1, [], EMPTY_ROOT, mth(D[:1]))
    refused(verify_consistency, 0, 0, [], EMPTY_ROOT, mth(D[:1]))
    refused(verify_inclusion, leaf_hash(b""), 0, 0, [], EMPTY_ROOT)


def test_absurd_sizes_and_proofs_end_at_once() -> None:
    root = mth(D)
    refused(verify_inclusion, root, 0, MAX_SIZE + 1, [root] * 63, root)
    refused(verify_inclusion, root, 0, 1 << 100_000, [root], root)
    refused(verify_inclusion, root, 5, MAX_SIZE, [root] * 100_000, root)
    refused(verify_consistency, 1, MAX_SIZE, [root] * 100_000, root, root)
    refused(verify_consistency, 1, 1 << 100_000, [root], root, root)
