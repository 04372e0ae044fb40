"""The answer reader by itself: arbitrary bytes, arbitrary cuts, one answer or one fault."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from standwatch.upstream.http_reader import BODY, DONE, WAITING, ResponseReader


class _Sink:
    def __init__(self) -> None:
        self.heads: list[int] = []
        self.body = b""

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.heads.append(status)

    def on_piece(self, piece: bytes) -> None:
        self.body += piece


def _reader(limit: int = 100, *, head_only: bool = False) -> tuple[ResponseReader, _Sink]:
    reader, sink = ResponseReader(), _Sink()
    reader.expect(sink, head_only=head_only, limit=limit)
    return reader, sink


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_noise_never_raises_and_never_becomes_an_answer(pieces: list[bytes]) -> None:
    reader, sink = _reader()
    for piece in pieces:
        reader.feed(piece)
    assert not sink.heads
    assert not reader.finish()


def test_a_second_answer_poisons_the_connection_but_not_the_first() -> None:
    reader, sink = _reader()
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb")
    assert (reader.state, reader.reusable, reader.fault) == (DONE, False, None)
    assert (sink.heads, sink.body) == ([200], b"a")


def test_one_reader_reads_answer_after_answer() -> None:
    reader, sink = _reader()
    for _ in range(3):
        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
        assert (reader.state, reader.reusable) == (DONE, True)
        reader.expect(sink, head_only=False, limit=100)
    assert sink.body == b"aaa"


def test_the_limit_counts_the_body_alone_and_holds_before_it_is_passed_on() -> None:
    reader, sink = _reader(limit=3)
    reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert (reader.state, reader.fault) == (BODY, None)
    reader.feed(b"1\r\nd\r\n")
    assert reader.fault is not None
    assert (reader.fault.code, sink.body) == ("upstream_too_large", b"abc")


def test_only_a_body_without_framing_ends_with_the_connection() -> None:
    for framing, whole in (
        (b"", True),
        (b"Content-Length: 9\r\n", False),
        (b"Transfer-Encoding: chunked\r\n", False),
    ):
        reader, _ = _reader()
        reader.feed(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
        assert reader.finish() is whole


def test_head_ends_at_its_head_and_the_connection_with_it() -> None:
    reader, sink = _reader(head_only=True)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    assert (reader.state, reader.reusable, sink.heads) == (DONE, False, [200])


def test_interim_answers_leave_it_waiting() -> None:
    reader, sink = _reader()
    reader.feed(b"HTTP/1.1 103 Hints\r\n\r\n")
    assert (reader.state, sink.heads) == (WAITING, [])
