"""Strict YAML: hostile and odd bytes are told, never raised; good text keeps its places."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.declare.text import MAX_BYTES, Listing, Mapping, Mark, Problems, Scalar, read_yaml


def told(data: bytes) -> tuple[str, ...]:
    problems = Problems()
    read_yaml("f", data, problems)
    return problems.wrong


def test_nodes_know_line_and_column() -> None:
    problems = Problems()
    node = read_yaml("f", b"a: 'x'\nb:\n  - no\n  - {c: 1}\n", problems)
    assert isinstance(node, Mapping)
    assert node.members["a"].value == Scalar("x", False, Mark("f", 1, 4))
    listing = node.members["b"].value
    assert isinstance(listing, Listing)
    assert listing.items[0] == Scalar("no", True, Mark("f", 3, 5))
    assert isinstance(listing.items[1], Mapping)
    assert listing.items[1].members["c"].mark == Mark("f", 4, 6)
    assert not problems.wrong


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "f:1:1: an empty file, expected a mapping"),
        (b"# only a comment\n", "f:1:1: an empty file, expected a mapping"),
        (b"a: 1\nb: \xff\n", "f:2:4: not UTF-8, expected UTF-8 text"),
        ("a: 1".encode("utf-16"), "f:1:1: not UTF-8, expected UTF-8 text"),
        (b"\xef\xbb\xbfa: 1", "f:1:1: a byte order mark, expected UTF-8 without one"),
        (b"x" * (MAX_BYTES + 1), f"f:1:1: {MAX_BYTES + 1} bytes, expected at most {MAX_BYTES}"),
        (b"[" * 100_000, "f:1:25: nested deeper than 24, expected a flatter text"),
        (b"a: 1\na: 2\n", "f:2:1: 'a' stands twice (first in line 1), expected each key once"),
        (b"a: 1\n--- \nb: 2\n", "f:2:1: a second document, expected one document in a file"),
        (b"a: \x00", "f:1:1: not YAML: unacceptable character #x0000: control characters are not allowed"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_refused_is_told(data: bytes, problem: str) -> None:
    assert [line[: len(problem)] for line in told(data)] == [problem]


def test_several_duplicates_and_clever_things_are_told_at_once() -> None:
    assert [line.partition(": ")[0] for line in told(b"a: &x 1\na: *x\nb: !!int 3\nb: 4\n<<: {c: 1}\n")] == [
        "f:1:4",
        "f:2:1",
        "f:2:4",
        "f:3:4",
        "f:4:1",
        "f:5:1",
    ]


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(str.encode)
    | st.text("{}[]:,-&*!?|>'\"% \n#ab<", max_size=60).map(str.encode)
)
def test_any_bytes_are_a_node_or_a_problem(data: bytes) -> None:
    problems = Problems()
    node = read_yaml("f", data, problems)
    assert node is not None or problems.wrong


@pytest.mark.parametrize(
    "piece", [b"{a: ", b"[", b"- ", b"? ", b"'", b"a: b\n", b"a,", b"&a ", b"%A ", b"[a:\n,"]
)
def test_a_full_file_of_anything_is_read_in_bounded_time(piece: bytes) -> None:
    started = time.monotonic()
    told(piece * (MAX_BYTES // len(piece)))
    assert time.monotonic() - started < 30
