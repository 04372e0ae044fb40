"""Events are cut apart wherever the bytes come apart, and no byte is lost, added or put elsewhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.facts.sse import SseParser
from standwatch.fronts.llm.frames import MOST_EVENT, Framed, Frames

ENDINGS = st.sampled_from([b"\n", b"\r", b"\r\n"])
LINES = st.one_of(
    st.binary(max_size=12).map(lambda one: b"data: " + one.replace(b"\n", b"").replace(b"\r", b"")),
    st.sampled_from([b"data:x", b"event: delta", b": comment", b"id: 7", b"retry: 10", b"data"]),
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    pieces: list[bytes] = []
    for lines in draw(st.lists(st.lists(LINES, min_size=1, max_size=4), max_size=6)):
        for line in lines:
            pieces += [line, draw(ENDINGS)]
        pieces.append(draw(ENDINGS))
    return b"".join(pieces)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[begin:end] for begin, end in pairwise(marks)]


def fed(stream: bytes, places: list[int]) -> list[Framed]:
    frames = Frames()
    found = [one for piece in cut(stream, places) for one in frames.feed(piece)]
    rest = frames.rest()
    return [*found, rest] if rest is not None else found


@given(streams(), st.lists(st.integers(0, 10_000), max_size=12))
def test_the_bytes_are_those_that_came(stream: bytes, places: list[int]) -> None:
    assert b"".join(one.raw for one in fed(stream, places)) == stream


@given(streams(), st.lists(st.integers(0, 10_000), max_size=12))
def test_what_is_read_is_what_the_standard_reads(stream: bytes, places: list[int]) -> None:
    """Against the house's parser, which follows the specification to the letter."""
    wanted = [(one.event, one.data) for one in SseParser().feed(stream + b"\n\n")]
    assert [(one.event, one.data) for one in fed(stream, places) if _speaks(one)] == wanted


def _speaks(one: Framed) -> bool:
    lines = one.raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return any(line == b"data" or line.startswith(b"data:") for line in lines)


def test_an_event_leaves_when_it_is_whole_and_not_before() -> None:
    frames = Frames()
    assert frames.feed(b"data: a\n") == []
    assert [one.data for one in frames.feed(b"\ndata: b\n\ndata")] == [b"a", b"b"]
    assert frames.rest() == Framed(b"data", b"", b"")


@pytest.mark.parametrize("stream", [b"<html>\n\n", b'{"error": 1}\n\n', b"data: x\nwhatever: y\n\n"])
def test_what_is_no_stream_is_refused(stream: bytes) -> None:
    with pytest.raises(Malformed):
        Frames().feed(stream)


def test_an_event_without_end_is_refused() -> None:
    frames = Frames()
    frames.feed(b"data: ")
    for _ in range((MOST_EVENT >> 20) - 1):
        assert frames.feed(b"x" * (1 << 20)) == []
    with pytest.raises(Malformed):
        frames.feed(b"x" * (1 << 20))
