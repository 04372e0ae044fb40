"""Server-sent events: the standard's own examples, arbitrary cuts, and bounds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.facts.sse import SseEvent, SseParser, encode_comment, encode_event


def _parse(stream: bytes, cuts: tuple[int, ...] = ()) -> list[SseEvent]:
    parser = SseParser()
    events: list[SseEvent] = []
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    for begin, end in itertools.pairwise(edges):
        events += parser.feed(stream[begin:end])
    return events


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        # WHATWG HTML §9.2.6, its four examples.
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [SseEvent(b"YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [SseEvent(b"first event", id=b"1"), SseEvent(b"second event", id=b""), SseEvent(b" third event")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [SseEvent(b""), SseEvent(b"\n")]),
        (b"data:test\n\ndata: test\n\n", [SseEvent(b"test"), SseEvent(b"test")]),
        # MCP 2025-11-25: a priming event has an id and empty data.
        (b"id: p1\nretry: 250\ndata: \n\n", [SseEvent(b"", id=b"p1")]),
        (b"event: add\ndata: 1\n\nevent: only\n\n", [SseEvent(b"1", b"add")]),
        (b"\xef\xbb\xbfdata: x\n\n", [SseEvent(b"x")]),
        (b"\xef\xbb", []),
        (b"id: a\0b\ndata: x\n\n", [SseEvent(b"x")]),
        (b"\n\n\ndata: x\n\n\n\n", [SseEvent(b"x")]),
        (b"data: never finished\n", []),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_the_standards_examples(stream: bytes, expected: list[SseEvent], line_end: bytes) -> None:
    assert _parse(stream.replace(b"\n", line_end)) == expected


@given(
    st.lists(
        st.sampled_from([b"data: ab", b"data", b"id: 7", b"event: e", b": c", b"x", b"", b""]), max_size=20
    ),
    st.sampled_from([b"\n", b"\r", b"\r\n"]),
    st.lists(st.integers(0, 120), max_size=12),
)
def test_cutting_the_bytes_anywhere_changes_nothing(
    lines: list[bytes], line_end: bytes, cuts: list[int]
) -> None:
    stream = line_end.join(lines)
    assert _parse(stream, tuple(cuts)) == _parse(stream)


def test_a_carriage_return_dispatches_without_waiting_for_the_next_byte() -> None:
    parser = SseParser()
    assert parser.feed(b"data: x\r\r") == [SseEvent(b"x")]
    assert parser.feed(b"\ndata: y\r\n\r") == [SseEvent(b"y")]


def test_retry_and_last_event_id_are_kept_even_from_undispatched_events() -> None:
    parser = SseParser()
    assert parser.feed(b"id: 9\nretry: 250\n\nretry: 1x\n\n") == []
    assert (parser.last_event_id, parser.retry_ms) == (b"9", 250)


@pytest.mark.parametrize(
    "stream", [b"data: " + b"x" * 100, b"data: " + b"x" * 100 + b"\n\n", b":" + b"c\n" * 60]
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_event_beyond_its_limit_is_refused_whole_or_unfinished(stream: bytes, step: int) -> None:
    parser = SseParser(max_event_bytes=64)
    pieces = [stream[begin : begin + step] for begin in range(0, len(stream), step)]
    with pytest.raises(Malformed) as refused:
        list(map(parser.feed, pieces))
    assert refused.value.code == "sse_event_too_large"


def test_many_small_events_are_not_one_large_one() -> None:
    assert len(SseParser(max_event_bytes=16).feed(b"data: x\n\n" * 1000)) == 1000


@given(st.binary(max_size=60), st.binary(max_size=12), st.none() | st.binary(max_size=12))
def test_what_is_encoded_reads_back(data: bytes, event: bytes, event_id: bytes | None) -> None:
    fields = event + (event_id or b"")
    if any(byte in fields for byte in b"\r\n\0"):
        with pytest.raises(Malformed):
            encode_event(data, event=event, event_id=event_id)
        return
    (read,) = SseParser().feed(encode_event(data, event=event, event_id=event_id, retry_ms=5))
    assert read.data == data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert (read.event, read.id) == (event, event_id)


def test_a_comment_dispatches_nothing() -> None:
    assert SseParser().feed(encode_comment(b"awake")) == []
