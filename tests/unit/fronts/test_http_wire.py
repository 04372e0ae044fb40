"""Answers as bytes: framing is the core's alone, and no value can forge a line."""

from __future__ import annotations

import pytest

from standwatch.fronts.http_message import Refusal, Response, Stream, Writer
from standwatch.fronts.http_wire import date_line, encode_chunk, encode_response, encode_stream_head


def _encode(answer: Response, *, head_only: bool = False, keep_alive: bool = True) -> bytes:
    return encode_response(answer, date=b"", head_only=head_only, keep_alive=keep_alive)


async def _nothing(_: Writer) -> None:
    return


def test_a_response() -> None:
    assert _encode(Response(201, b"{}", (("X-A", "b"),))) == (
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\nX-A: b\r\n\r\n{}"
    )


def test_head_keeps_the_length_and_leaves_the_body_out() -> None:
    assert _encode(Response(200, b"abc"), head_only=True).endswith(b"content-length: 3\r\n\r\n")


def test_no_content_has_neither_length_nor_body() -> None:
    assert _encode(Response(204, b"never", content_type="")) == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_the_last_answer_says_so() -> None:
    assert b"connection: close\r\n" in _encode(Response(), keep_alive=False)


@pytest.mark.parametrize(
    "header",
    [("a", "b\r\nc: d"), ("a", "b\nc"), ("a\r\n", "b"), ("a b", "c"), ("", "b"), ("a", "\0"), ("a", "é—"),
     ("Content-Length", "9"), ("transfer-encoding", "chunked"), ("Connection", "close")],
)  # fmt: skip
def test_a_header_that_forges_or_reframes_is_an_error(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        _encode(Response(headers=(header,)))
    with pytest.raises(ValueError, match="cannot be sent"):
        encode_stream_head(Stream(_nothing, headers=(header,)), date=b"", chunked=True, keep_alive=True)


@pytest.mark.parametrize(("status", "content_type"), [(99, ""), (101, ""), (600, ""), (200, "a\r\nb: c")])
def test_a_status_line_that_cannot_be_sent_is_an_error(status: int, content_type: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        _encode(Response(status, content_type=content_type))


def test_stream_heads_and_chunks() -> None:
    chunked = encode_stream_head(Stream(_nothing), date=b"", chunked=True, keep_alive=True)
    plain = encode_stream_head(Stream(_nothing), date=b"", chunked=False, keep_alive=False)
    assert b"transfer-encoding: chunked\r\n" in chunked
    assert b"transfer-encoding" not in plain
    assert b"connection: close" in plain
    assert encode_chunk(b"a" * 18) == b"12\r\n" + b"a" * 18 + b"\r\n"


def test_the_one_error_shape_and_the_date() -> None:
    assert Refusal(403, "wrong_origin", "No.").response().body == b'{"code":"wrong_origin","message":"No."}'
    assert date_line(0) == b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
